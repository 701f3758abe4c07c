"""Recurrent layers over a whole sequence, compiled for this processor: kernels/host/recurrent.cu."""

from __future__ import annotations

import struct

import numpy as np

from autograd_gpu import settings
from autograd_gpu.arrays import cpu
from autograd_gpu.arrays.native.launch import Kernel
from autograd_gpu.arrays.native.rows import contiguous, contiguous_or_none
from autograd_gpu.arrays.native.runtime import SHARED_FROM

__all__ = ["gru", "gru_backward", "lstm", "lstm_backward", "rnn", "rnn_backward"]

FEWEST_ROWS = 4  # of a share: for each of them the whole weight is read again, at every step

_SIZES = struct.Struct("4i")
_lstm = Kernel("recurrent.cu", "lstm", f"PPPPPPP{_SIZES.size}s")
_lstm_backward = Kernel("recurrent.cu", "lstm_backward", f"PPPPPPPPP{_SIZES.size}s")
_gru = Kernel("recurrent.cu", "gru", f"PPPPPP{_SIZES.size}s")
_gru_backward = Kernel("recurrent.cu", "gru_backward", f"PPPPPPPP{_SIZES.size}s")
_rnn = Kernel("recurrent.cu", "rnn", f"PPPP{_SIZES.size}si")
_rnn_backward = Kernel("recurrent.cu", "rnn_backward", f"PPPPP{_SIZES.size}si")


def lstm(x, h, c, weight, is_reversed):
    run = _lstm[x.dtype]
    if run is None or not x.size:
        return cpu.lstm(x, h, c, weight, is_reversed)
    y, cells = (np.empty((len(x), *h.shape), x.dtype) for _ in range(2))
    gates = np.empty(x.shape, x.dtype)
    arrays = (contiguous(x), contiguous(h), contiguous(c), contiguous(weight), y, cells, gates)
    run(*_share(y, weight), *arrays, _sizes(y, is_reversed))
    return y, cells, gates


def lstm_backward(gy, gcells, c, cells, gates, weight, is_reversed):
    run = _lstm_backward[gy.dtype]
    if run is None or not gy.size:
        return cpu.lstm_backward(gy, gcells, c, cells, gates, weight, is_reversed)
    gx, gh, gc = (np.empty(like.shape, gy.dtype) for like in (gates, c, c))
    arrays = (contiguous(gy), contiguous_or_none(gcells), *map(contiguous, (c, cells, gates, weight)), gx, gh, gc)
    run(*_share(gy, weight), *arrays, _sizes(gy, is_reversed))
    return gx, gh, gc


def gru(x, h, weight, bias, is_reversed):
    run = _gru[x.dtype]
    if run is None or not x.size:
        return cpu.gru(x, h, weight, bias, is_reversed)
    y, gates = np.empty((len(x), *h.shape), x.dtype), np.empty((len(x), len(h), 4 * h.shape[1]), x.dtype)
    arrays = (contiguous(x), contiguous(h), contiguous(weight), contiguous_or_none(bias), y, gates)
    run(*_share(y, weight), *arrays, _sizes(y, is_reversed))
    return y, gates


def gru_backward(gy, h, y, gates, weight, is_reversed):
    run = _gru_backward[gy.dtype]
    if run is None or not gy.size:
        return cpu.gru_backward(gy, h, y, gates, weight, is_reversed)
    gx, gproduct = (np.empty((*gy.shape[:2], len(weight)), gy.dtype) for _ in range(2))
    gh = np.empty(h.shape, gy.dtype)
    run(*_share(gy, weight), *map(contiguous, (gy, h, y, gates, weight)), gx, gproduct, gh, _sizes(gy, is_reversed))
    return gx, gproduct, gh


def rnn(x, h, weight, is_relu, is_reversed):
    run = _rnn[x.dtype]
    if run is None or not x.size:
        return cpu.rnn(x, h, weight, is_relu, is_reversed)
    y = np.empty(x.shape, x.dtype)
    run(*_share(y, weight), contiguous(x), contiguous(h), contiguous(weight), y, _sizes(y, is_reversed), is_relu)
    return y


def rnn_backward(gy, y, weight, is_relu, is_reversed):
    run = _rnn_backward[gy.dtype]
    if run is None or not gy.size:
        return cpu.rnn_backward(gy, y, weight, is_relu, is_reversed)
    gx, gh = np.empty(gy.shape, gy.dtype), np.empty(gy.shape[1:], gy.dtype)
    arrays = (contiguous(gy), contiguous(y), contiguous(weight), gx, gh)
    run(*_share(gy, weight), *arrays, _sizes(gy, is_reversed), is_relu)
    return gx, gh


def _share(y, weight):
    """The grid, and the work: a share of the batch a thread, the same to each."""
    steps, batch, _ = y.shape
    work = steps * batch * weight.size
    return 1 if work < SHARED_FROM else max(1, min(settings.get_num_threads(), batch // FEWEST_ROWS)), work


def _sizes(y, is_reversed):
    return _SIZES.pack(*y.shape, is_reversed)
