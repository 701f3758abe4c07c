"""Recurrent layers over a whole sequence, each one operation: Elman's network, LSTM (Hochreiter & Schmidhuber 1997),
GRU (Cho et al. 2014).

x (steps, batch, gates * hidden) is the input's part of every gate, one product for all steps and not made here; h, c
(batch, hidden) are the state before the first step, the last one in time where `is_reversed`. What a backward needs of
the gates is an output beside y, so that the gradient, taken step by step in tensors, can be differentiated in turn.
"""

from __future__ import annotations

from ...modes import duals, modes
from ...op import Op
from ...tensor import Tensor
from ..matmul import matmul
from ..pieces import cat, chunk, stack, unbind
from ..shape import reshape, unsqueeze
from .fused_activation import tanh
from .linear import parameter_gradients


class Lstm(Op):
    """i, f, g, o = x + h @ weight.T, then sigmoid, but tanh of g; c = f c + i g; h = o tanh(c) -> h, c, gates."""

    saved_as = "hx cx weight result0 result1 result2"

    def forward(ctx, x, h, c, weight, is_reversed):
        ctx.is_reversed = is_reversed
        return ctx.backend.lstm(x, h, c, weight, is_reversed)

    def keep(ctx, outputs, x, h, c, weight, is_reversed):
        ctx.save(h, c, weight, *(ctx.own(output, number) for number, output in enumerate(outputs)))

    def backward(ctx, gy, gcells, ggates):
        h, c, weight, y, cells, gates = ctx.saved
        gy = y.new_zeros(y.shape) if gy is None else gy
        if _is_last(ggates):
            gx, gh, gc = LstmBackward.apply(gy, gcells, c, cells, gates, weight, is_reversed=ctx.is_reversed)
        else:
            gx, gh, gc = _lstm_gradients(gy, gcells, ggates, c, cells, gates, weight, ctx.is_reversed)
        gweight, _ = _weight_gradients(gx, h, y, ctx.is_reversed, ctx.needs(3), False)
        return gx, gh, gc, gweight


class LstmBackward(Op):
    """gx, gh, gc where they are not differentiated again."""

    differentiable = False

    def forward(ctx, gy, gcells, c, cells, gates, weight, is_reversed):
        return ctx.backend.lstm_backward(gy, gcells, c, cells, gates, weight, is_reversed)


def _lstm_gradients(
    gy: Tensor,
    gcells: Tensor | None,
    ggates: Tensor | None,
    c: Tensor,
    cells: Tensor,
    gates: Tensor,
    weight: Tensor,
    is_reversed: bool,
) -> tuple[Tensor, ...]:
    to_h, to_c = c.new_zeros(c.shape), c.new_zeros(c.shape)
    after, to_gates = _steps(cells, is_reversed), []
    given = [_steps(g, is_reversed) if g is not None else None for g in (gcells, ggates)]
    for t, (gh, now) in _backwards(gy, gates, is_reversed):
        i, f, g, o = chunk(now, 4, -1)
        squashed = tanh(after[t])
        to_h = to_h + gh
        to_c = to_c + to_h * o * (1.0 - squashed * squashed)
        if given[0] is not None:
            to_c = to_c + given[0][t]
        to_now = cat([to_c * g, to_c * (after[t - 1] if t else c), to_c * i, to_h * squashed], -1)
        if given[1] is not None:
            to_now = to_now + given[1][t]
        to_gates.append(to_now * cat([i * (1.0 - i), f * (1.0 - f), 1.0 - g * g, o * (1.0 - o)], -1))
        to_h, to_c = matmul(to_gates[-1], weight), to_c * f
    return _in_time(to_gates, is_reversed), to_h, to_c


class Gru(Op):
    """r, z = sigmoid(x + m), n = tanh(x + r m), m = h @ weight.T + bias; h = n + z (h - n) -> h, (r, z, n, m of n)."""

    saved_as = "hx weight result0 result1"

    def forward(ctx, x, h, weight, bias, is_reversed):
        ctx.is_reversed = is_reversed
        return ctx.backend.gru(x, h, weight, bias, is_reversed)

    def keep(ctx, outputs, x, h, weight, bias, is_reversed):
        ctx.save(h, weight, *(ctx.own(output, number) for number, output in enumerate(outputs)))

    def backward(ctx, gy, ggates):
        h, weight, y, gates = ctx.saved
        gy = y.new_zeros(y.shape) if gy is None else gy
        if _is_last(ggates):
            gx, gproduct, gh = GruBackward.apply(gy, h, y, gates, weight, is_reversed=ctx.is_reversed)
        else:
            gx, gproduct, gh = _gru_gradients(gy, ggates, h, y, gates, weight, ctx.is_reversed)
        return gx, gh, *_weight_gradients(gproduct, h, y, ctx.is_reversed, ctx.needs(2), ctx.needs(3))


class GruBackward(Op):
    """gx, the gradient of m for all gates, and gh, where they are not differentiated again."""

    differentiable = False

    def forward(ctx, gy, h, y, gates, weight, is_reversed):
        return ctx.backend.gru_backward(gy, h, y, gates, weight, is_reversed)


def _gru_gradients(
    gy: Tensor, ggates: Tensor | None, h: Tensor, y: Tensor, gates: Tensor, weight: Tensor, is_reversed: bool
) -> tuple[Tensor, ...]:
    to_h, after = h.new_zeros(h.shape), _steps(y, is_reversed)
    given = None if ggates is None else _steps(ggates, is_reversed)
    to_x, to_product = [], []
    for t, (gh, now) in _backwards(gy, gates, is_reversed):
        r, z, n, m = chunk(now, 4, -1)
        to_h = to_h + gh
        to_z, to_n = to_h * ((after[t - 1] if t else h) - n), to_h * (1.0 - z)
        more = (0.0, 0.0, 0.0, 0.0) if given is None else chunk(given[t], 4, -1)
        to_n = (to_n + more[2]) * (1.0 - n * n)
        to_r, to_z = (to_n * m + more[0]) * r * (1.0 - r), (to_z + more[1]) * z * (1.0 - z)
        to_x.append(cat([to_r, to_z, to_n], -1))
        to_product.append(cat([to_r, to_z, to_n * r + more[3]], -1))
        to_h = to_h * z + matmul(to_product[-1], weight)
    return _in_time(to_x, is_reversed), _in_time(to_product, is_reversed), to_h


class Rnn(Op):
    """h = tanh(x + h @ weight.T), or relu of it."""

    saved_as = "hx weight result"

    def forward(ctx, x, h, weight, is_relu, is_reversed):
        ctx.is_relu, ctx.is_reversed = is_relu, is_reversed
        return ctx.backend.rnn(x, h, weight, is_relu, is_reversed)

    def keep(ctx, y, x, h, weight, is_relu, is_reversed):
        ctx.save(h, weight, ctx.own(y))

    def backward(ctx, gy):
        h, weight, y = ctx.saved
        if _is_last(None):
            gx, gh = RnnBackward.apply(gy, y, weight, is_relu=ctx.is_relu, is_reversed=ctx.is_reversed)
        else:
            to_h, to_x = h.new_zeros(h.shape), []
            for _, (given, now) in _backwards(gy, y, ctx.is_reversed):
                to_now = to_h + given
                to_x.append(to_now * ((now > 0) if ctx.is_relu else 1.0 - now * now))
                to_h = matmul(to_x[-1], weight)
            gx, gh = _in_time(to_x, ctx.is_reversed), to_h
        gweight, _ = _weight_gradients(gx, h, y, ctx.is_reversed, ctx.needs(2), False)
        return gx, gh, gweight


class RnnBackward(Op):
    """gx, gh where they are not differentiated again."""

    differentiable = False

    def forward(ctx, gy, y, weight, is_relu, is_reversed):
        return ctx.backend.rnn_backward(gy, y, weight, is_relu, is_reversed)


# ---------------------------------------------------------------------------------------------- steps


def _is_last(ggates: Tensor | None) -> bool:
    """Whether nothing is differentiated again: gradients reach the gates from a second derivative alone."""
    return ggates is None and not modes.grad and not duals


def _steps(x: Tensor, is_reversed: bool) -> list[Tensor]:
    """Return x of each step, in the order in which they are taken."""
    steps = list(unbind(x, 0))
    return steps[::-1] if is_reversed else steps


def _backwards(gy: Tensor, kept: Tensor, is_reversed: bool) -> list[tuple[int, tuple[Tensor, Tensor]]]:
    """Return number, gradient and what was kept of each step, the last one first."""
    return list(enumerate(zip(_steps(gy, is_reversed), _steps(kept, is_reversed))))[::-1]


def _in_time(backwards: list[Tensor], is_reversed: bool) -> Tensor:
    """Return what was found step by step from the last one as a sequence."""
    return stack(backwards if is_reversed else backwards[::-1])


def _weight_gradients(
    gproduct: Tensor, h: Tensor, y: Tensor, is_reversed: bool, needs_weight: bool, needs_bias: bool
) -> tuple[Tensor | None, Tensor | None]:
    """Return the gradients of weight and bias in h @ weight.T + bias, over all steps at once."""
    first = unsqueeze(h, 0)
    before = cat([y[1:], first] if is_reversed else [first, y[:-1]], 0) if needs_weight else y
    gproduct, before = (
        reshape(t, (t._array.shape[0] * t._array.shape[1], t._array.shape[2])) for t in (gproduct, before)
    )
    return parameter_gradients(gproduct, before, needs_weight, needs_bias)
