"""Recurrent layers over a whole sequence: a product with the weight and a launch of kernels/recurrent.cu a step."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autograd_gpu.arrays.cpu.precision import accumulator
from autograd_gpu.arrays.cuda.cast import cast
from autograd_gpu.arrays.cuda.elementwise import add
from autograd_gpu.arrays.cuda.launch import Kernel, block_for, ceil_div
from autograd_gpu.arrays.cuda.linear import linear
from autograd_gpu.arrays.cuda.map import MAX_BLOCKS
from autograd_gpu.arrays.cuda.matmul import matmul
from autograd_gpu.arrays.cuda.memory import contiguous, empty, full

__all__ = ["gru", "gru_backward", "lstm", "lstm_backward", "rnn", "rnn_backward"]

Array = Any

_lstm = Kernel("recurrent.cu", "lstm_step", "PPPPPPii")
_lstm_backward = Kernel("recurrent.cu", "lstm_step_backward", "PPPPPPPPii")
_gru = Kernel("recurrent.cu", "gru_step", "PPPPPii")
_gru_backward = Kernel("recurrent.cu", "gru_step_backward", "PPPPPPPii")
_rnn = Kernel("recurrent.cu", "rnn_step", "PPPqi")
_rnn_backward = Kernel("recurrent.cu", "rnn_step_backward", "PPPPqi")


def lstm(x: Array, h: Array, c: Array, weight: Array, is_reversed: bool) -> tuple[Array, Array, Array]:
    """Return y, cells (steps, batch, hidden) and gates (steps, batch, 4 * hidden): i, f, g, o."""
    x, h, c = contiguous(x), contiguous(h), contiguous(c)
    y, cells, gates = (empty(shape, x.dtype) for shape in ((len(x), *h.shape), (len(x), *h.shape), x.shape))
    columns = weight.swapaxes(0, 1)
    for t in _order(y, is_reversed):
        product = matmul(h, columns)
        _lstm(x.dtype, *_geometry(h), x[t], product, c, y[t], cells[t], gates[t], *h.shape)
        h, c = y[t], cells[t]
    return y, cells, gates


def lstm_backward(
    gy: Array, gcells: Array | None, c: Array, cells: Array, gates: Array, weight: Array, is_reversed: bool
) -> tuple[Array, Array, Array]:
    """Return gx, gh, gc."""
    gy, c, cells, gates = (contiguous(z) for z in (gy, c, cells, gates))
    gcells = None if gcells is None else contiguous(gcells)
    gx, gh, gc = empty(gates.shape, gy.dtype), full(c.shape, 0, gy.dtype), full(c.shape, 0, accumulator(gy.dtype))
    befores = _befores(c, cells, is_reversed)
    for t in reversed(_order(gy, is_reversed)):
        given = None if gcells is None else gcells[t]
        arrays = (gy[t], gh, given, gc, befores[t], cells[t], gates[t], gx[t])
        _lstm_backward(gy.dtype, *_geometry(c), *arrays, *c.shape)
        gh = matmul(gx[t], weight)
    return gx, gh, cast(gc, gy.dtype)


def gru(x: Array, h: Array, weight: Array, bias: Array | None, is_reversed: bool) -> tuple[Array, Array]:
    """Return y (steps, batch, hidden) and gates (steps, batch, 4 * hidden): r, z, n, and what r is multiplied by."""
    x, h = contiguous(x), contiguous(h)
    (batch, hidden), bias = h.shape, None if bias is None else contiguous(bias)
    y, gates = empty((len(x), batch, hidden), x.dtype), empty((len(x), batch, 4 * hidden), x.dtype)
    for t in _order(y, is_reversed):
        _gru(x.dtype, *_geometry(h), x[t], linear(h, weight, bias), h, y[t], gates[t], *h.shape)
        h = y[t]
    return y, gates


def gru_backward(
    gy: Array, h: Array, y: Array, gates: Array, weight: Array, is_reversed: bool
) -> tuple[Array, Array, Array]:
    """Return gx, gproduct, gh: gproduct, of what the hidden state adds to the gates, differs from gx in the third."""
    gy, h, y, gates = (contiguous(z) for z in (gy, h, y, gates))
    gx, gproduct = (empty((*gy.shape[:2], 3 * gy.shape[2]), gy.dtype) for _ in range(2))
    gh, kept = full(h.shape, 0, gy.dtype), full(h.shape, 0, accumulator(gy.dtype))
    befores = _befores(h, y, is_reversed)
    for t in reversed(_order(gy, is_reversed)):
        arrays = (gy[t], gh, kept, befores[t], gates[t], gx[t], gproduct[t])
        _gru_backward(gy.dtype, *_geometry(h), *arrays, *h.shape)
        gh = matmul(gproduct[t], weight)
    return gx, gproduct, add(gh, cast(kept, gy.dtype))


def rnn(x: Array, h: Array, weight: Array, is_relu: bool, is_reversed: bool) -> Array:
    """Return y (steps, batch, hidden)."""
    x, y, columns = contiguous(x), empty(x.shape, x.dtype), weight.swapaxes(0, 1)
    for t in _order(y, is_reversed):
        _rnn(x.dtype, *_geometry(h), x[t], matmul(h, columns), y[t], h.size, is_relu)
        h = y[t]
    return y


def rnn_backward(gy: Array, y: Array, weight: Array, is_relu: bool, is_reversed: bool) -> tuple[Array, Array]:
    """Return gx, gh."""
    gy, y, gx = contiguous(gy), contiguous(y), empty(gy.shape, gy.dtype)
    gh = full(gy.shape[1:], 0, gy.dtype)
    for t in reversed(_order(gy, is_reversed)):
        _rnn_backward(gy.dtype, *_geometry(gh), gy[t], gh, y[t], gx[t], gh.size, is_relu)
        gh = matmul(gx[t], weight)
    return gx, gh


def _order(y: Array, is_reversed: bool) -> range:
    """The steps in the order in which they are taken; none where there is nothing to compute."""
    steps = len(y) if y.size else 0
    return range(steps - 1, -1, -1) if is_reversed else range(steps)


def _befores(first: Array, after: Array, is_reversed: bool) -> Sequence[Array]:
    """The state before each step, in time's order, from the one before all of them and those after each."""
    return [*after[1:], first] if is_reversed else [first, *after[:-1]]


def _geometry(h: Array) -> tuple[int, int]:
    block = block_for(h.size)
    return min(MAX_BLOCKS, ceil_div(h.size, block)), block
