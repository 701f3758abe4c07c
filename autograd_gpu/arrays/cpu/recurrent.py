"""Recurrent layers over a whole sequence on the CPU, and their gradients: a product with the weight a step.

x (steps, batch, gates * hidden) is the input's part of every gate, biases included; h, c (batch, hidden) are the state
before the first step, which `is_reversed` makes the last one in time; weight is (gates * hidden, hidden).
"""

from __future__ import annotations

import numpy as np

from .precision import accumulator, wide
from .quiet import quiet

__all__ = ["gru", "gru_backward", "lstm", "lstm_backward", "rnn", "rnn_backward"]


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def _order(steps, is_reversed):
    return range(steps - 1, -1, -1) if is_reversed else range(steps)


def _gates(x, count):
    return (x[..., k * (x.shape[-1] // count) : (k + 1) * (x.shape[-1] // count)] for k in range(count))


def _befores(first, after, is_reversed):
    """The state before each step, in time's order, from the one before all of them and those after each."""
    return [*after[1:], first] if is_reversed else [first, *after[:-1]]


@quiet
def lstm(x, h, c, weight, is_reversed):
    """-> y, cells (steps, batch, hidden), gates (steps, batch, 4 * hidden): i, f, g, o after their functions."""
    y, cells = (np.empty((len(x), *h.shape), x.dtype) for _ in range(2))
    gates, columns = np.empty(x.shape, x.dtype), np.ascontiguousarray(wide(weight).T)
    for t in _order(len(x), is_reversed):
        i, f, g, o = _gates(wide(x[t]) + np.matmul(wide(h), columns), 4)
        i, f, g, o = _sigmoid(i), _sigmoid(f), np.tanh(g), _sigmoid(o)
        now = f * wide(c) + i * g
        gates[t], cells[t], y[t] = np.concatenate((i, f, g, o), -1), now, o * np.tanh(now)
        h, c = y[t], cells[t]
    return y, cells, gates


@quiet
def lstm_backward(gy, gcells, c, cells, gates, weight, is_reversed):
    """-> gx, gh, gc; gcells, what reached the cells from outside, may be None."""
    gx, wide_weight, befores = np.empty_like(gates), wide(weight), _befores(c, cells, is_reversed)
    to_h, to_c = (np.zeros(c.shape, accumulator(c.dtype)) for _ in range(2))
    for t in reversed(_order(len(gy), is_reversed)):
        i, f, g, o = _gates(wide(gates[t]), 4)
        squashed = np.tanh(wide(cells[t]))
        to_h = wide(gy[t]) + to_h
        to_c = to_c + to_h * o * (1 - squashed * squashed)
        if gcells is not None:
            to_c += wide(gcells[t])
        to_i, to_f, to_g = to_c * g * i * (1 - i), to_c * wide(befores[t]) * f * (1 - f), to_c * i * (1 - g * g)
        to_gates = np.concatenate((to_i, to_f, to_g, to_h * squashed * o * (1 - o)), -1)
        gx[t] = to_gates
        to_h, to_c = np.matmul(to_gates, wide_weight), to_c * f
    return gx, to_h.astype(gy.dtype, copy=False), to_c.astype(gy.dtype, copy=False)


@quiet
def gru(x, h, weight, bias, is_reversed):
    """-> y (steps, batch, hidden), gates (steps, batch, 4 * hidden): r, z, n, and what r is multiplied by."""
    (batch, hidden), columns = h.shape, np.ascontiguousarray(wide(weight).T)
    y, gates = np.empty((len(x), batch, hidden), x.dtype), np.empty((len(x), batch, 4 * hidden), x.dtype)
    for t in _order(len(x), is_reversed):
        product = np.matmul(wide(h), columns)
        if bias is not None:
            product += wide(bias)
        (x_r, x_z, x_n), (r, z, m) = _gates(wide(x[t]), 3), _gates(product, 3)
        r, z = _sigmoid(x_r + r), _sigmoid(x_z + z)
        n = np.tanh(x_n + r * m)
        gates[t], y[t] = np.concatenate((r, z, n, m), -1), n + z * (wide(h) - n)
        h = y[t]
    return y, gates


@quiet
def gru_backward(gy, h, y, gates, weight, is_reversed):
    """-> gx, gproduct, gh: gproduct, of what the hidden state adds to the gates, differs from gx in the third."""
    gx, gproduct = (np.empty((*gy.shape[:2], 3 * gy.shape[2]), gy.dtype) for _ in range(2))
    wide_weight, befores = wide(weight), _befores(h, y, is_reversed)
    to_h = np.zeros(h.shape, accumulator(h.dtype))
    for t in reversed(_order(len(gy), is_reversed)):
        r, z, n, m = _gates(wide(gates[t]), 4)
        to_h = wide(gy[t]) + to_h
        to_n = to_h * (1 - z) * (1 - n * n)
        to_r, to_z = to_n * m * r * (1 - r), to_h * (wide(befores[t]) - n) * z * (1 - z)
        gx[t] = np.concatenate((to_r, to_z, to_n), -1)
        to_gates = np.concatenate((to_r, to_z, to_n * r), -1)
        gproduct[t] = to_gates
        to_h = to_h * z + np.matmul(to_gates, wide_weight)
    return gx, gproduct, to_h.astype(gy.dtype, copy=False)


@quiet
def rnn(x, h, weight, is_relu, is_reversed):
    """-> y (steps, batch, hidden)"""
    y, columns = np.empty(x.shape, x.dtype), np.ascontiguousarray(wide(weight).T)
    for t in _order(len(x), is_reversed):
        total = wide(x[t]) + np.matmul(wide(h), columns)
        y[t] = np.maximum(total, 0) if is_relu else np.tanh(total)
        h = y[t]
    return y


@quiet
def rnn_backward(gy, y, weight, is_relu, is_reversed):
    """-> gx, gh"""
    gx, wide_weight, to_h = np.empty_like(gy), wide(weight), np.zeros(gy.shape[1:], accumulator(gy.dtype))
    for t in reversed(_order(len(gy), is_reversed)):
        of, to_h = wide(y[t]), wide(gy[t]) + to_h
        to_gates = np.where(of > 0, to_h, 0) if is_relu else to_h * (1 - of * of)
        gx[t] = to_gates
        to_h = np.matmul(to_gates, wide_weight)
    return gx, to_h.astype(gy.dtype, copy=False)
