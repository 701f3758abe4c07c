"""Copies, fills, ranges, views and casts on the emulated GPU."""

import numpy as np
import pytest
from on_device import double, dtype_of, normal, run

from autograd_gpu.arrays.cuda import memory
from autograd_gpu.arrays.cuda.cast import cast
from autograd_gpu.arrays.cuda.shape import cat
from autograd_gpu.arrays.sources import ALL


@pytest.mark.parametrize("dtype", ALL)
def test_copies_fills_and_ranges(dtype):
    host = normal((3, 7), dtype, scale=30)
    x = memory.from_numpy(host)
    np.testing.assert_array_equal(memory.to_numpy(memory.copy(x.T)), host.T)
    np.testing.assert_array_equal(memory.to_numpy(memory.full((5,), 1, dtype_of(dtype))), np.ones(5, dtype_of(dtype)))
    memory.fill(x[:, 1::2], 0)
    host[:, 1::2] = 0
    np.testing.assert_array_equal(memory.to_numpy(x), host)
    if dtype != "bool":
        np.testing.assert_array_equal(double(run(memory.arange, 2, 3, 9, dtype_of(dtype))), np.arange(2, 29, 3))
    if dtype.endswith(("16", "32", "64")) and "float" in dtype:
        np.testing.assert_array_equal(double(run(memory.arange, 0.5, 0.25, 9, dtype_of(dtype))), np.arange(9) / 4 + 0.5)


@pytest.mark.parametrize("source", ALL)
@pytest.mark.parametrize("target", ALL)
def test_casts_are_numpys(source, target):
    values = (
        [0, 1, 2.5, 3.75, 100, 0.1] if target.startswith("u") or source.startswith("u") else [0, 1, -1, -2.5, 100, 0.1]
    )
    x = np.array(values).astype(dtype_of(source))
    result = run(cast, x, dtype_of(target))
    assert result.dtype == dtype_of(target)
    np.testing.assert_array_equal(double(result), double(x.astype(dtype_of(target))))


@pytest.mark.parametrize("target", ["float16", "bfloat16"])
def test_half_types_round_to_nearest_even_everywhere(target):
    bits = np.random.default_rng(0).integers(0, 2**32, 4000, np.uint32)
    edges = np.array([0x477FEFFF, 0x477FF000, 0x33000000, 0x33000001, 0x387FFFFF, 0x7F7FFFFF, 0x7F800000], np.uint32)
    x = np.concatenate([bits, edges, edges | 0x80000000]).view(np.float32)
    with np.errstate(over="ignore", invalid="ignore"):
        expected = x.astype(dtype_of(target))
    np.testing.assert_array_equal(double(run(cast, x, dtype_of(target))), double(expected))


def test_every_float16_survives_the_way_to_float32():
    x = np.arange(2**16, dtype=np.uint16).view(np.float16)
    np.testing.assert_array_equal(run(cast, x, np.dtype(np.float32)), x.astype(np.float32))


def test_copy_into_casts_and_minds_overlap():
    x = memory.from_numpy(np.arange(8, dtype=np.float32))
    memory.copy_into(x[1:], x[:-1])
    np.testing.assert_array_equal(memory.to_numpy(x), [0, 0, 1, 2, 3, 4, 5, 6])
    memory.copy_into(x[::2], memory.from_numpy(np.array([9, 8, 7, 6])))
    np.testing.assert_array_equal(memory.to_numpy(x), [9, 0, 8, 2, 7, 4, 6, 6])


def test_views_share_memory_and_owners_know():
    x = memory.from_numpy(np.arange(12, dtype=np.int64))
    assert memory.owns(x)
    y = memory.as_strided(x, (3, 2), (1, 4), 2)
    assert not memory.owns(x) and not memory.owns(y) and not memory.owns(x[:3])
    np.testing.assert_array_equal(memory.to_numpy(y), [[2, 6], [3, 7], [4, 8]])
    memory.fill(y, 0)
    np.testing.assert_array_equal(memory.to_numpy(x), [0, 1, 0, 0, 0, 5, 0, 0, 0, 9, 10, 11])
    # An offset counts from the start of the buffer, also where the array itself does not begin there.
    np.testing.assert_array_equal(memory.to_numpy(memory.as_strided(x[5:], (2,), (1,), 9)), [9, 10])
    expanded = memory.expand(x[9:10], (3,))
    np.testing.assert_array_equal(memory.to_numpy(expanded), [9, 9, 9])


@pytest.mark.parametrize("dim", [0, 1])
def test_cat(dim):
    empty = np.empty((0, 3) if dim == 0 else (2, 0), np.float32)
    arrays = [normal((2, 3), "float32", 1), empty, normal((2, 3), "float32", 2)]
    result = memory.to_numpy(cat([memory.from_numpy(x) for x in arrays], dim))
    np.testing.assert_array_equal(result, np.concatenate(arrays, dim))
