"""The host's half of strided walks, against walking in NumPy."""

import itertools
import struct

import numpy as np
import pytest

from autograd_gpu.arrays.strides import MAX_DIMS, collapse, contiguous_strides, halves, pack_layout


def offset_of(packed: bytes, i: int, arrays: int) -> list[int]:
    """What kernels/include/strides.cuh computes."""
    (dims,) = struct.unpack_from("q", packed)
    offsets = [0] * arrays
    if dims == 0:
        return [i] * arrays
    for d in range(dims):
        size, multiplier, shift, _ = struct.unpack_from("IIII", packed, 8 + 16 * d)
        outer = (((i * multiplier) >> 32) + i) >> shift
        strides = struct.unpack_from(f"{arrays}q", packed, 8 + 16 * MAX_DIMS + 8 * arrays * d)
        offsets = [offset + (i - outer * size) * stride for offset, stride in zip(offsets, strides, strict=True)]
        i = outer
    return offsets


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_walks_meet_every_element_of_every_array_together(order):
    shape = (3, 4, 5)
    out = tuple(contiguous_strides(shape)[d] for d in order)
    shape = tuple(shape[d] for d in order)
    x = (7, 0, 1)
    packed = pack_layout(shape, (out, x))
    found = {tuple(offset_of(packed, i, 2)) for i in range(60)}
    expected = {
        tuple(sum(k * s for k, s in zip(index, strides, strict=True)) for strides in (out, x))
        for index in np.ndindex(shape)
    }
    assert found == expected
    assert sorted(offset_of(packed, i, 2)[0] for i in range(60)) == [offset_of(packed, i, 2)[0] for i in range(60)]


def test_an_array_that_lies_across_the_first_is_walked_in_tiles():
    shape = (64, 16, 3)  # the second array is the transpose of one of shape (3, 16, 64)
    out, x = contiguous_strides(shape), (1, 64, 1024)
    packed = pack_layout((3, 16, 64), (contiguous_strides((3, 16, 64)), (1, 3, 48)))
    assert len({tuple(offset_of(packed, i, 2)) for i in range(3 * 16 * 64)}) == 3 * 16 * 64
    packed = pack_layout((16, 64), ((64, 1), (1, 16)))
    walked = [tuple(offset_of(packed, i, 2)) for i in range(16 * 64)]
    assert sorted(walked) == sorted((64 * r + c, r + 16 * c) for r in range(16) for c in range(64))
    block = walked[:256]  # 8 lines of 32
    assert [first for first, _ in block[:33]] == [*range(32), 64]
    assert {across // 8 for _, across in block} == {2 * c for c in range(32)}  # whole sectors of 8 elements
    assert offset_of(pack_layout(shape, (out, x)), 1, 2)[0] == 1


def test_division_by_multiplication_is_exact():
    rng = np.random.default_rng(0)
    for size in [1, 2, 3, 5, 7, 255, 256, 257, 641, 2**31 - 1, *map(int, rng.integers(1, 2**31, 200))]:
        packed = pack_layout((1, size) if size > 1 else (2,), ((0, 2) if size > 1 else (2,),))
        size, multiplier, shift, _ = struct.unpack_from("IIII", packed, 8) if size > 1 else (1, 1, 0, 0)
        for i in [0, 1, size - 1, size, size + 1, 2**31 - 1, *map(int, rng.integers(0, 2**31, 50))]:
            assert (((i * multiplier) >> 32) + i) >> shift == i // size


def test_dimensions_that_lie_together_merge():
    assert collapse((2, 3, 1, 4), [(12, 4, 9, 1)]) == ((24,), [(1,)])
    assert collapse((2, 3, 4), [(12, 4, 1), (0, 4, 1)]) == ((2, 12), [(12, 1), (0, 1)])
    assert collapse((1, 1), [(5, 7)]) == ((), [()])


def test_what_a_layout_cannot_hold_is_halved():
    assert pack_layout((2,) * 9, (tuple(3**k for k in range(9)),)) is None
    assert pack_layout((2**31, 2), ((4, 1),)) is None
    assert pack_layout((2**40,), ((1,),)) is not None  # contiguous: no walk
    x = np.arange(15).reshape(3, 5)
    left, right = halves([x, None])
    np.testing.assert_array_equal(np.concatenate([left[0], right[0]], 1), x)
    assert left[1] is None
