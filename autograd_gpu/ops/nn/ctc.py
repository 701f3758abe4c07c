"""Connectionist temporal classification: a loss for sequences whose alignment with their targets is not known.

Graves, Fernandez, Gomez & Schmidhuber 2006. Value and gradient have kernels; the gradient's own derivative is that of
the paper's recursion in tensor operations.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ... import dtypes
from ...modes import enable_grad, modes
from ...op import Op
from ...tensor import Tensor
from ..bounds import in_range
from ..cast import cast
from ..creation import arange, tensor
from ..elementwise import clamp, where
from ..index import gather, index_select
from ..pieces import cat, stack
from ..reduce import logsumexp, mean, sum
from ..shape import broadcast_to, reshape, select, unsqueeze
from .loss_reduction import reduction_of

NOTHING = -1e30  # the logarithm of what cannot be: finite, so that its derivatives are zeros and not NaN


class CtcLoss(Op):
    """loss_n = -log of the sum over the alignments of target n with x[:, n] of their probabilities."""

    def forward(ctx, x, targets, lengths, target_lengths, blank):
        ctx.blank = blank
        ctx.loss, ctx.alpha = ctx.backend.ctc_loss(x, targets, lengths, target_lengths, blank)
        return ctx.loss if ctx.loss.dtype == x.dtype else ctx.backend.cast(ctx.loss, x.dtype)

    def keep(ctx, loss, x, targets, lengths, target_lengths, blank):
        ctx.save(x, targets, lengths, target_lengths)

    def backward(ctx, gloss):
        gx = CtcLossBackward.apply(gloss, *ctx.saved, loss=ctx.loss, alpha=ctx.alpha, blank=ctx.blank)
        return gx, None, None, None

    def release(ctx) -> None:
        super().release()
        ctx.loss = ctx.alpha = None


class CtcLossBackward(Op):
    """gx_tnc = -gloss_n * the probability that c is emitted at step t, given target n."""

    def forward(ctx, gloss, x, targets, lengths, target_lengths, loss, alpha, blank):
        ctx.blank = blank
        wide_gloss = gloss if gloss.dtype == loss.dtype else ctx.backend.cast(gloss, loss.dtype)
        return ctx.backend.ctc_loss_backward(wide_gloss, x, loss, alpha, targets, lengths, target_lengths, blank)

    def keep(ctx, gx, gloss, x, targets, lengths, target_lengths, loss, alpha, blank):
        ctx.save(gloss, x, targets, lengths, target_lengths)

    def backward(ctx, ggx):
        from ...autograd.backward import grad

        gloss, x, *example = ctx.saved
        level = next((z.device for z in (ggx, gloss, x) if z.device.axis is not None), None)
        if level is not None:  # within vmap: gradients by example, not by what the examples share
            ggx, gloss, x = level.bring_together((ggx, gloss, x))
        is_recorded = modes.grad
        if not is_recorded:
            gloss, x = (z.detach().requires_grad_() for z in (gloss, x))
        sources = [z for z in (gloss, x) if z.requires_grad]
        with enable_grad():
            (gx,) = grad(_recursion(x, *example, ctx.blank), x, gloss, create_graph=True)
            gradients = iter(grad(sum(gx * ggx), sources, create_graph=is_recorded))
        return (*(next(gradients) if z.requires_grad else None for z in (gloss, x)), None, None, None)


def _recursion(x: Tensor, targets: Tensor, lengths: Tensor, target_lengths: Tensor, blank: int) -> Tensor:
    """The losses (N,) a step at a time, in tensor operations: equations 6 to 8 of the paper, in logarithms."""
    steps, batch, _ = x._array.shape
    states = 2 * targets._array.shape[1] + 1
    blanks = targets * 0 + blank
    around = reshape(stack([targets, blanks], 2), (batch, states - 1))
    label: Any = cat([x.new_full((batch, 1), blank, dtype=dtypes.int64), around], 1)
    emission: Any = gather(x, 2, broadcast_to(label, (steps, batch, states)))
    may_skip = label[:, 2:] != label[:, :-2]
    nothing = x.new_full((batch, 2), NOTHING)
    number = arange(states, device=x.device)
    alpha: Any = where(number < 2, emission[0], NOTHING)
    alphas = [alpha]
    for t in range(1, steps):
        by_one = cat([nothing[:, :1], alpha[:, :-1]], 1)
        by_two = cat([nothing, where(may_skip, alpha[:, :-2], NOTHING)], 1)[:, :states]
        alpha = logsumexp(stack([alpha, by_one, by_two]), 0) + emission[t]
        alphas.append(alpha)
    last = broadcast_to(reshape(clamp(lengths - 1, min=0), (1, batch, 1)), (1, batch, states))
    final = select(gather(stack(alphas), 0, last), 0, 0)
    end = unsqueeze(target_lengths * 2, 1)
    loss = -logsumexp(where((number <= end) & (number >= end - 1), final, NOTHING), 1)
    return where(lengths > 0, loss, 0.0)


Lengths = Tensor | Sequence[int]


def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Lengths,
    target_lengths: Lengths,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """Return -log of the probability of the targets under all their alignments with log_probs (T, N, C) or (T, C).

    `targets` are (N, S), or one after the other (the sum of target_lengths,): classes other than `blank`. The lengths,
    (N,) tensors or sequences, say how many steps and targets of each example count; they are read on the host. "mean"
    divides by the target's length first. A target that is too long for its input has an infinite loss, or with
    `zero_infinity` none, and no gradient. The gradient is that by log_probs, whether they are normalised or not.
    """
    reduction_of(reduction)
    is_batched = log_probs.ndim == 3
    x = log_probs if is_batched else unsqueeze(log_probs, 1)
    steps, batch, _ = _checked_sizes(x, blank)
    lengths = _on_host("input_lengths", input_lengths, batch, steps)
    target_counts = _on_host("target_lengths", target_lengths, batch, None)
    message = f"ctc_loss: target {{index}} is out of bounds for {x._array.shape[2]} classes"
    rows = in_range(
        _rows(cast(targets, dtypes.int64), target_counts, batch, blank), x._array.shape[2], message, RuntimeError
    )
    lengths_there, counts_there = (tensor(n, device=x.device) for n in (lengths, target_counts))
    loss = CtcLoss.apply(x, rows, lengths_there, counts_there, blank=blank)
    if zero_infinity:
        loss = where(loss == float("inf"), 0.0, loss)
    if reduction == "mean":
        return mean(loss / cast(clamp(counts_there, min=1), loss.dtype))
    if reduction == "sum":
        return sum(loss)
    return loss if is_batched else select(loss, 0, 0)


def _checked_sizes(x: Tensor, blank: int) -> tuple[int, int, int]:
    if x._array.size == 0:
        raise RuntimeError("log_probs tensor must not be empty")
    if x.ndim != 3:
        raise RuntimeError(f"ctc_loss: log_probs must be (T, N, C) or (T, C), but got {list(x.shape)}")
    if not x.is_floating_point():
        raise NotImplementedError(f'"ctc_loss" not implemented for {x.dtype}: expected a floating point tensor')
    if not 0 <= blank < x._array.shape[2]:
        raise RuntimeError("blank must be in label range")
    return x._array.shape


def _on_host(name: str, lengths: Lengths, batch: int, most: int | None) -> np.ndarray:
    if isinstance(lengths, Tensor):
        host = np.asarray(lengths.device.backend.to_numpy(lengths._array))
    else:
        host = np.asarray(lengths)
    if host.dtype.kind not in "iu":
        raise RuntimeError(f"{name} must be integral")
    host = host.reshape(-1).astype(np.int64)
    if len(host) != batch:
        raise RuntimeError(f"{name} must be of size batch_size")
    if batch and host.min() < 0:
        raise RuntimeError(f"Expected {name} to have value at least 0, but got value {host.min()}")
    if most is not None and batch and host.max() > most:
        raise RuntimeError(f"Expected {name} to have value at most {most}, but got value {host.max()}")
    return host


def _rows(targets: Tensor, counts: np.ndarray, batch: int, blank: int) -> Tensor:
    """Return the targets as (N, S), blanks behind the shorter ones."""
    longest = int(counts.max(initial=0))
    if targets.ndim == 1:
        if targets._array.size != counts.sum():
            raise RuntimeError(
                f"Expected tensor to have size {counts.sum()} at dimension 0, but got size {targets._array.size} for "
                "argument #2 'targets'"
            )
        firsts = np.cumsum(counts) - counts
    elif targets.ndim != 2:
        raise RuntimeError(
            f"Expected 1 to 2 dimensions, but got {targets.ndim}-dimensional tensor for argument #2 'targets'"
        )
    else:
        size, width = targets._array.shape
        if size != batch:
            raise RuntimeError(
                f"Expected tensor to have size {batch} at dimension 0, but got size {size} for argument #2 'targets'"
            )
        if longest > width:
            raise RuntimeError(
                f"Expected tensor to have size at least {longest} at dimension 1, but got size {width} for argument #2 "
                "'targets'"
            )
        firsts = np.arange(batch) * width
    inside = np.arange(longest) < counts[:, None]
    place = np.where(inside, firsts[:, None] + np.arange(longest), 0)
    if not place.size:
        return targets.new_full((batch, longest), blank)
    picked = index_select(reshape(targets, (targets._array.size,)), 0, tensor(place.reshape(-1), device=targets.device))
    return where(tensor(inside, device=targets.device), reshape(picked, place.shape), blank)
