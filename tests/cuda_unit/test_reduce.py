"""Reductions against NumPy, on the emulated GPU."""

import itertools
import struct

import numpy as np
import pytest
from on_device import FLOATS, assert_near, double, normal, run

from autograd_gpu.arrays.cuda import memory, reduce

EVERY_DIMS = [dims for n in range(4) for dims in itertools.combinations(range(3), n)]


@pytest.mark.parametrize("dims", EVERY_DIMS)
@pytest.mark.parametrize("dtype", FLOATS)
def test_any_dims_of_any_layout(dims, dtype):
    host = normal((4, 3, 33), dtype)
    for view in (lambda x: x, lambda x: x.transpose(2, 0, 1), lambda x: x[::2, :, 1:]):
        x, device = double(view(host)), view(memory.from_numpy(host))
        for keepdim in (False, True):
            total = memory.to_numpy(reduce.sum(device, dims, keepdim, device.dtype))
            assert_near(total, x.sum(axis=dims, keepdims=keepdim), dtype, spacings=8, scale=20)
        for name, expected in (("mean", x.mean(axis=dims)), ("amax", x.max(axis=dims)), ("amin", x.min(axis=dims))):
            assert_near(memory.to_numpy(getattr(reduce, name)(device, dims, False)), expected, dtype, spacings=8)
        variance = memory.to_numpy(reduce.var(device, dims, False, 0))
        assert_near(variance, x.var(axis=dims), dtype, spacings=16)


@pytest.mark.parametrize("dims", [(0,), (1,), (2,), (0, 2), (1, 2)])
@pytest.mark.parametrize("dtype", [*FLOATS, "int8"])
def test_16_bytes_at_a_time(dtype, dims):
    """Layouts whose inner dimension is whole packs, along the reduction or along the outputs."""
    host = normal((3, 10, 48), dtype, scale=4)
    x, device = double(host), memory.from_numpy(host)
    names = {"amax": np.max, "amin": np.min} | ({"mean": np.mean} if dtype in FLOATS else {})
    for name, expected in names.items():
        assert_near(
            memory.to_numpy(getattr(reduce, name)(device, dims, False)), expected(x, axis=dims), dtype_like(dtype), 8
        )
    if dtype in FLOATS:
        assert_near(memory.to_numpy(reduce.var(device, dims, False, 1)), x.var(axis=dims, ddof=1), dtype, 16)
    if len(dims) == 1:
        values, indices = reduce.max_with_index(device, dims[0], True)
        np.testing.assert_array_equal(memory.to_numpy(indices), x.argmax(dims[0], keepdims=True))
        np.testing.assert_array_equal(double(memory.to_numpy(values)), x.max(dims, keepdims=True))


def dtype_like(dtype):
    return dtype if dtype in FLOATS else "float64"


def test_packs_are_read_where_the_layout_has_them():
    x = memory.from_numpy(normal((3, 10, 48), "float32"))
    has_packs = [struct.unpack_from("5q", reduce._plan_for(view, dims).walk)[4] for view, dims in (
        (x, (0,)), (x, (0, 2)), (x[:, :, 1:], (0,)), (x[:, :, :47], (0,)), (x.transpose(1, 0, 2), (0,)),
    )]  # fmt: skip
    assert has_packs == [1, 1, 0, 0, 1]


@pytest.mark.parametrize("order", [(2, 0, 1), (2, 1, 0), (1, 2, 0)])
@pytest.mark.parametrize("keepdim", [False, True])
def test_results_in_another_order_than_memory_s(order, keepdim):
    """The array is read as it lies, and the smaller result turned."""
    host = normal((3, 10, 48), "float32")
    x, device = host.transpose(order), memory.from_numpy(host).transpose(order)
    dim = order.index(0)
    total = memory.to_numpy(reduce.sum(device, (dim,), keepdim, device.dtype))
    assert_near(total, double(x).sum(dim, keepdims=keepdim), "float32", 8)
    values, indices = reduce.max_with_index(device, dim, keepdim)
    np.testing.assert_array_equal(memory.to_numpy(values), x.max(dim, keepdims=keepdim))
    np.testing.assert_array_equal(memory.to_numpy(indices), x.argmax(dim, keepdims=keepdim))
    assert values.flags.c_contiguous
    assert indices.flags.c_contiguous


def test_which_results_are_turned():
    def turned(x, *dims):
        return reduce._kept_by_memory(x.shape, x.strides, dims) is not None

    x = np.empty((3, 10, 48), np.float32)
    assert turned(x.transpose(2, 0, 1), 1)
    assert turned(x.transpose(2, 1, 0), 2)
    assert not any(turned(x, dim) for dim in range(3))
    assert not turned(x.transpose(1, 0, 2), 2)  # along the reduction it is read in packs anyway
    assert not turned(np.broadcast_to(x[:1], x.shape).transpose(2, 0, 1), 0)


@pytest.mark.parametrize("start", range(9))
def test_rows_of_any_alignment(start):
    host = normal((3, 150), "bfloat16", scale=3)
    x, device = double(host)[:, start:], memory.from_numpy(host)[:, start:]
    assert_near(memory.to_numpy(reduce.sum(device, (1,), False, device.dtype)), x.sum(1), "bfloat16", 4, scale=30)
    np.testing.assert_array_equal(memory.to_numpy(reduce.min_with_index(device, 1, False)[1]), x.argmin(1))
    few = memory.from_numpy(host)[:, start : start + 3]
    assert_near(memory.to_numpy(reduce.sum(few, (1,), False, few.dtype)), x[:, :3].sum(1), "bfloat16", 4, scale=8)


@pytest.mark.parametrize("dtype, wide", [("bool", np.int64), ("int16", np.int64), ("float16", np.float32)])
def test_a_sum_in_a_wider_type_reads_the_narrow_one(dtype, wide):
    host = (np.arange(5000).reshape(2, 2500) % 300).astype(dtype)
    total = run(reduce.sum, host, (1,), False, np.dtype(wide))
    assert total.dtype == wide
    np.testing.assert_array_equal(total, host.sum(1, dtype=wide))


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "int64"])
def test_integers(dtype):
    host = (np.arange(60).reshape(3, 20) % 7 - 3).astype(dtype)
    int64 = np.dtype(np.int64)
    np.testing.assert_array_equal(run(reduce.sum, host, (1,), False, int64), host.sum(1, dtype=np.int64))
    np.testing.assert_array_equal(
        run(reduce.prod, host[:, 4:8], (1,), False, int64), host[:, 4:8].prod(1, dtype=np.int64)
    )
    np.testing.assert_array_equal(run(reduce.amax, host, (0,), False), host.max(0))
    np.testing.assert_array_equal(run(reduce.any, host, (0,), True), host.any(0, keepdims=True))
    np.testing.assert_array_equal(run(reduce.all, host, (1,), False), host.all(1))


@pytest.mark.parametrize("shape, dims", [((3, 20011), (1,)), ((20011, 3), (0,)), ((97, 211), (0, 1))])
def test_long_reductions_are_cut_into_slices(shape, dims):
    host = normal(shape, "float32")
    assert reduce._plan_for(memory.from_numpy(host), dims).slices > 1
    assert_near(run(reduce.sum, host, dims, False, host.dtype), double(host).sum(dims), "float32", 16, scale=200)
    assert_near(run(reduce.var, host, dims, False, 1), double(host).var(dims, ddof=1), "float32", 16)
    assert_near(run(reduce.amin, host, dims, False), host.min(dims), "float32", 0)
    host.reshape(-1)[::5001] = np.nan
    if len(dims) == 1:
        np.testing.assert_array_equal(run(reduce.max_with_index, host, dims[0], False)[1], host.argmax(dims[0]))


def test_nan_wins_and_the_first_of_equals_is_found():
    x = np.array([[1, 3, 3, 2], [np.nan, 9, np.nan, 1], [-np.inf, -np.inf, -np.inf, -np.inf]], np.float32)
    values, indices = run(reduce.max_with_index, x, 1, True)
    np.testing.assert_array_equal(indices, [[1], [0], [0]])
    np.testing.assert_array_equal(values, [[3], [np.nan], [-np.inf]])
    np.testing.assert_array_equal(run(reduce.min_with_index, x, 0, False)[1], [1, 2, 1, 2])


def test_nothing_to_reduce():
    empty = np.empty((2, 0, 3), np.float32)
    np.testing.assert_array_equal(run(reduce.sum, empty, (1,), False, empty.dtype), np.zeros((2, 3)))
    np.testing.assert_array_equal(run(reduce.prod, empty, (0, 1), False, empty.dtype), np.ones(3))
    assert np.isnan(run(reduce.mean, empty, (1,), False)).all()
    assert run(reduce.all, empty, (1,), False).all()
    assert run(reduce.sum, empty, (2,), False, empty.dtype).shape == (2, 0)
    with pytest.raises(IndexError, match=r"amax\(\): Expected reduction dim 1 to have non-zero size"):
        run(reduce.amax, empty, (1,), False)


def test_reductions_of_a_reduction_s_own_result_have_the_same_bits():
    host = normal((5, 6000), "float32")
    first, second = (run(reduce.sum, host, (0, 1), False, host.dtype) for _ in range(2))
    assert first.tobytes() == second.tobytes()
