"""Counter-based random numbers on the CPU: Philox-4x32-10 (Salmon, Moraes, Dror & Shaw 2011).

The same words, and so the same numbers, as kernels/random.cu makes: key = seed, counter = offset + i // 4.
"""

from __future__ import annotations

import functools

import numpy as np

from .precision import HALVES
from .quiet import quiet

__all__ = ["dropout", "normal", "random_state", "uniform"]

_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_WEYL = (0x9E3779B9, 0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)


def random_state(seed):
    """Return the generator's state: int64 [seed, offset]."""
    return np.array([seed, 0], np.uint64).view(np.int64) if seed >= 0 else np.array([seed, 0], np.int64)


def _in_pieces(draw):
    """Let a long draw be made piece by piece, so that what it computes with does not take many times its memory."""

    @functools.wraps(draw)
    def drawn(state, shape, dtype):
        count = int(np.prod(shape, dtype=np.int64))
        if count <= PIECE:
            return draw(state, shape, dtype)
        out = np.empty(count, dtype)
        for start in range(0, count, PIECE):
            out[start : start + PIECE] = draw(state, (min(PIECE, count - start),), dtype)
        return out.reshape(shape)

    return drawn


PIECE = 1 << 17  # a multiple of 4: each piece takes whole counters


@_in_pieces
def uniform(state, shape, dtype):
    count = int(np.prod(shape, dtype=np.int64))
    if dtype == np.float64:
        words = _take(state, 2 * count)
        value = (words[0::2] >> np.uint32(5)) * 67108864.0 + (words[1::2] >> np.uint32(6))
        return (value * 2.0**-53).reshape(shape)
    value = (_take(state, count) >> np.uint32(8)) * np.float32(2.0**-24)
    return _below_one(value.astype(np.float32), dtype).reshape(shape)


@_in_pieces
@quiet
def normal(state, shape, dtype):
    count = int(np.prod(shape, dtype=np.int64))
    words = _take(state, count + count % 2)
    real = np.float64 if dtype == np.float64 else np.float32
    u1 = ((words[0::2] >> np.uint32(8)).astype(real) + real(1)) * real(2.0**-24)
    u2 = (words[1::2] >> np.uint32(8)).astype(real) * real(2.0**-24)
    radius = np.sqrt(real(-2) * np.log(u1))
    angle = real(2 * np.pi) * u2
    pairs = np.stack((radius * np.cos(angle), radius * np.sin(angle)), axis=1)
    return pairs.reshape(-1)[:count].astype(dtype).reshape(shape)


def dropout(x, p, state):
    words = _take(state, x.size)
    keep = ((words >> np.uint32(8)) * np.float32(2.0**-24) >= np.float32(p)).reshape(x.shape)
    scale = 0.0 if p == 1 else 1 / (1 - p)
    y = np.multiply(x.astype(np.float32) if x.dtype in HALVES else x, keep, order="C")
    y *= y.dtype.type(scale)
    return y.astype(x.dtype, copy=False), keep


def _below_one(value, dtype):
    if dtype not in HALVES:
        return value.astype(dtype, copy=False)
    rounded = value.astype(dtype)
    largest = np.nextafter(np.ones((), dtype), np.zeros((), dtype))
    return np.where(rounded >= 1, largest, rounded)


def _take(state, count):
    """Return the next `count` 32-bit words of the stream and move the state on."""
    seed, offset = state.view(np.uint64).tolist()
    blocks = -(-count // 4)
    state.view(np.uint64)[1] = (offset + blocks) % 2**64
    if blocks > AHEAD // 4 or offset > 2**63:
        return _philox(seed, offset, blocks)[:count]
    # A few words cost as much as many: some are made ahead, for the draws that follow.
    ahead_seed, start, words = _ahead[0]
    if seed != ahead_seed or not start <= offset <= start + AHEAD - blocks:
        start, words = offset, _philox(seed, offset, AHEAD)
        _ahead[0] = seed, start, words
    first = 4 * (offset - start)
    return words[first : first + count]


AHEAD = 256  # counters
_ahead = [(-1, 0, np.empty(0, np.uint32))]


def _philox(seed, offset, blocks):
    counter = np.arange(blocks, dtype=np.uint64) + np.uint64(offset)
    c0, c1 = counter & _LOW, counter >> _32
    c2 = c3 = np.zeros_like(c0)
    k0, k1 = seed & 0xFFFFFFFF, seed >> 32
    for _ in range(10):
        p0, p1 = c0 * _MULTIPLIERS[0], c2 * _MULTIPLIERS[1]
        c0, c1, c2, c3 = (p1 >> _32) ^ c1 ^ np.uint64(k0), p1 & _LOW, (p0 >> _32) ^ c3 ^ np.uint64(k1), p0 & _LOW
        k0, k1 = (k0 + _WEYL[0]) & 0xFFFFFFFF, (k1 + _WEYL[1]) & 0xFFFFFFFF
    return np.stack((c0, c1, c2, c3), axis=1).astype(np.uint32).reshape(-1)
