"""The vocabulary head and its loss at once, without ever holding the logits of all rows."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ...device import cpu
from ...dtypes import float32, float64, int64
from ...modes import modes
from ...op import Op
from ...tensor import Tensor, wrap
from ..cast import cast
from ..integers import as_integer
from ..matmul import Matmul, check_operands
from ..reduce import sum
from ..shape import reshape, unsqueeze
from .linear import linear
from .loss import CrossEntropyBackward, cross_entropy, reduced, scaled_down, within_classes

LEAST_ROWS = 128


@dataclass(frozen=True)
class LinearCrossEntropyOptions:
    """How many rows of logits `linear_cross_entropy` computes at a time: `batch_chunk_size`, or by `chunking_method`.

    "aspect_ratio:n" makes a chunk of logits as large as an n-th of the input. "auto" takes twice as many rows as there
    are features: a chunk is then as large as two weights, and adding up the weight's gradient over the chunks costs
    little beside the logits. None takes all rows at once. Results depend on it by rounding alone.
    """

    batch_chunk_size: int | None = None
    chunking_method: str | None = "auto"

    def __post_init__(self) -> None:
        if self.batch_chunk_size is not None and self.batch_chunk_size < 1:
            raise ValueError(f"batch_chunk_size must be positive int or None, got {self.batch_chunk_size!r}")
        name, _, divisor = (self.chunking_method or "auto").partition(":")
        if name != "auto" and (name != "aspect_ratio" or not (divisor or "1").isdigit() or divisor == "0"):
            raise ValueError(f"invalid chunking_method: {self.chunking_method!r}")

    def rows(self, rows: int, features: int, classes: int) -> int:
        """The rows of a chunk, at least 1."""
        if self.batch_chunk_size is not None:
            return self.batch_chunk_size
        if self.chunking_method is None:
            return max(rows, 1)
        name, _, divisor = self.chunking_method.partition(":")
        if name == "aspect_ratio":
            return max(1, rows * features // (max(classes, 1) * int(divisor or 1)))
        return max(2 * features, LEAST_ROWS)


class LinearCrossEntropy(Op):
    """The cross entropy of x @ weight' + bias with target: each row's, or its sum or mean over the rows.

    A chunk of rows at a time. For a sum or mean, the logits become their own gradient in place, which goes at once into
    those of x, weight and bias, and backward only scales these (Hsu et al. 2024, "Liger Kernel", section 3.2; Wijmans
    et al. 2024, "Cut Your Losses", has no logits in memory at all). So the logits are read once and never exist but for
    a chunk. Of `wanted`, whether x, weight and bias want gradients, nothing more is computed than is asked for.
    """

    divisor = gx = gweight = gbias = None

    def forward(ctx, x, weight, bias, target, ignore_index, reduction, rows, wanted, dtype):
        ctx.ignore_index, ctx.reduction, ctx.rows = ignore_index, reduction, rows
        wanted = (False,) * 3 if reduction == "none" else wanted
        loss, ctx.gx, ctx.gweight, ctx.gbias = _by_chunks(
            ctx.backend, x, weight, bias, target, None, ignore_index, rows, wanted
        )
        if reduction != "none":
            loss, ctx.divisor = reduced(ctx.backend, loss, target, ignore_index, reduction)
        return _rounded(ctx.backend, loss, dtype)

    def keep(ctx, loss, x, weight, bias, target, **parameters):
        ctx.save(x, weight, bias, target)

    def backward(ctx, gloss):
        x, weight, bias, target = ctx.saved
        needs = tuple(ctx.needs(number) for number in range(3))
        if modes.grad:  # what is recorded is made of operations
            return *_composed(ctx, gloss, x, weight, bias, target, needs), None
        if ctx.reduction == "none":
            found = iter(
                LinearCrossEntropyBackward.apply(
                    gloss, x, weight, bias, target, ignore_index=ctx.ignore_index, rows=ctx.rows, wanted=needs
                )
            )
            return *(next(found) if need else None for need in needs), None
        gloss = scaled_down(gloss, ctx.divisor, x.device)
        gradients = (
            # Scaled before it is rounded.
            cast(cast(wrap(array, x.device), gloss.dtype) * gloss, x.dtype) if need else None
            for need, array in zip(needs, (ctx.gx, ctx.gweight, ctx.gbias))
        )
        return *gradients, None

    def release(ctx) -> None:
        super().release()
        ctx.gx = ctx.gweight = ctx.gbias = ctx.divisor = None


class LinearCrossEntropyBackward(Op):
    """The gradients of x, weight and bias, those that are `wanted`, from each row's: its logits are computed anew."""

    differentiable = False  # where it is recorded, the composition stands for it

    def forward(ctx, gloss, x, weight, bias, target, ignore_index, rows, wanted):
        _, *gradients = _by_chunks(ctx.backend, x, weight, bias, target, gloss, ignore_index, rows, wanted)
        return tuple(_rounded(ctx.backend, gradient, x.dtype) for gradient in gradients if gradient is not None)


def _by_chunks(backend, x, weight, bias, target, gloss, ignore_index, rows, wanted):
    """The rows' losses, and the gradients of x, weight and bias, None or wanted; without a gloss it is 1 for each
    row."""
    dtype = (float64 if x.dtype == float64.numpy else float32).numpy  # of losses and of sums over chunks
    losses = backend.empty(x.shape[:1], dtype)
    gx = backend.empty(x.shape, x.dtype) if wanted[0] else None
    gweight = gbias = None
    for start in range(0, max(x.shape[0], 1), rows):
        chunk = slice(start, start + rows)
        part, labels = x[chunk], target[chunk]
        logits = backend.linear(part, weight, bias)
        if any(wanted) and gloss is None:
            loss, glogits = backend.cross_entropy_with_gradient(logits, labels, ignore_index)
        else:
            loss, lse = backend.cross_entropy(logits, labels, ignore_index)
            if any(wanted):
                scale = _rounded(backend, gloss[chunk], dtype)
                glogits = backend.cross_entropy_backward(scale, logits, lse, labels, ignore_index)
        backend.copy_into(losses[chunk], loss)
        if wanted[0]:
            backend.copy_into(gx[chunk], backend.matmul(glogits, weight))
        if wanted[1]:
            gweight = _plus(backend, gweight, backend.matmul(glogits.swapaxes(0, 1), part), dtype)
        if wanted[2]:
            gbias = _plus(backend, gbias, backend.sum(glogits, (0,), False, dtype), dtype)
    return losses, gx, gweight, gbias


def _plus(backend, total, part, dtype):
    part = _rounded(backend, part, dtype)
    return part if total is None else backend.add(total, part, out=total)


def _rounded(backend, array, dtype):
    return array if array.dtype == dtype else backend.cast(array, dtype)


def _composed(
    ctx: LinearCrossEntropy,
    gloss: Tensor,
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    target: Tensor,
    needs: tuple[bool, ...],
) -> tuple[Tensor | None, ...]:
    """The gradients of x, weight and bias from the logits of all rows: they have gradients themselves."""
    logits = linear(x, weight, bias)
    glogits = CrossEntropyBackward.apply(
        gloss, logits, target, lse=None, divisor=ctx.divisor, ignore_index=ctx.ignore_index
    )
    return (
        Matmul.apply(glogits, weight) if needs[0] else None,
        Matmul.apply(glogits, x, flip_x=True) if needs[1] else None,
        sum(glogits, 0) if needs[2] else None,
    )


def linear_cross_entropy(
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor,
    *,
    linear_bias: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    options: LinearCrossEntropyOptions | None = None,
) -> Tensor:
    """Return ``cross_entropy(linear(input, linear_weight, linear_bias), target, ...)`` of input (N, in) or (in,).

    linear_weight is (C, in), or (C, d1, ..., in) for a loss of more dimensions; target holds classes (N, d1, ...) or
    probabilities (N, C, d1, ...). Classes without weights, label smoothing or further dimensions never have the logits
    of all rows in memory: `options` says of how many. Everything else is the composition, and so are higher
    derivatives.
    """
    own, of_weight = input._array.shape, linear_weight._array.shape
    _check_shapes(own, of_weight, linear_bias)
    check_operands("linear_cross_entropy", input, linear_weight)
    if linear_bias is not None:
        check_operands("linear_cross_entropy", input, linear_bias)
    classes, *dims, features = of_weight
    shape = (*own[:-1], classes, *dims)
    if target._array.shape == shape and ignore_index is not None:
        raise RuntimeError("ignore_index cannot be specified when target contains probabilities")
    ignore_index = -100 if ignore_index is None else as_integer(ignore_index, "ignore_index")
    fits = target._array.shape == own[:-1] and not target.is_floating_point()
    if fits and not dims and weight is None and label_smoothing == 0.0 and reduction in ("mean", "sum", "none"):
        target = cast(target, int64)
        if len(own) == 1:
            input, target = unsqueeze(input, 0), unsqueeze(target, 0)
        tensors = input, linear_weight, linear_bias
        wanted = tuple(modes.grad and tensor is not None and tensor.requires_grad for tensor in tensors)
        if input.device is not cpu:
            target = within_classes(target, classes, ignore_index)
        rows = (options or _AUTO).rows(input.shape[0], features, classes)
        loss = LinearCrossEntropy.apply(
            *tensors,
            target,
            ignore_index=ignore_index,
            reduction=reduction,
            rows=rows,
            wanted=wanted,
            dtype=input._array.dtype,
        )
        return loss if reduction != "none" else reshape(loss, own[:-1])
    count = math.prod((classes, *dims))
    bias = None if linear_bias is None else reshape(linear_bias, (count,))
    logits = reshape(linear(input, reshape(linear_weight, (count, features)), bias), shape)
    return cross_entropy(
        logits, target, weight, ignore_index=ignore_index, reduction=reduction, label_smoothing=label_smoothing
    )


_AUTO = LinearCrossEntropyOptions()


def _check_shapes(input: tuple[int, ...], weight: tuple[int, ...], bias: Tensor | None) -> None:
    if not 1 <= len(input) <= 2:
        raise RuntimeError(f"expected input with dimensionality 1 or 2, got {len(input)}")
    if len(weight) < 2:
        raise RuntimeError(f"expected linear_weight with dimensionality at least 2, got {len(weight)}")
    if input[-1] != weight[-1]:
        raise RuntimeError(
            "expected equal input and linear_weight last dimensions (in_features), "
            f"got {input[-1]} and {weight[-1]}, respectively"
        )
    if bias is not None and bias._array.shape != weight[:-1]:
        raise RuntimeError(f"expected linear_bias shape {weight[:-1]}, got {tuple(bias.shape)}")
    if len(weight) > 2 and len(input) == 1:
        raise RuntimeError(
            f"K-dimensional loss defined by linear_weight shape {weight} requires batched input, (N, {input[-1]}), got "
            f"unbatched input with shape {input}"
        )
