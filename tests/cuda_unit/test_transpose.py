"""Copies between layouts whose neighbours lie along different dimensions, on the emulated GPU."""

import numpy as np
import pytest
from on_device import dtype_of

from autograd_gpu.arrays.cuda import memory, transpose
from autograd_gpu.arrays.sources import ALL


def counted(shape, dtype):
    return np.arange(np.prod(shape)).reshape(shape).astype(dtype_of(dtype))


@pytest.mark.parametrize("dtype", ALL)
@pytest.mark.parametrize("shape", [(33, 70), (16, 16), (64, 65), (129, 20)])
def test_a_transposed_copy(shape, dtype):
    host = counted(shape, dtype)
    x = memory.from_numpy(host)
    assert transpose._plan(x.T.shape, memory.empty(x.T.shape, x.dtype).strides, x.T.strides, x.itemsize)
    np.testing.assert_array_equal(memory.to_numpy(memory.copy(x.T)), host.T)


@pytest.mark.parametrize("order", [(0, 2, 1), (2, 1, 0), (1, 2, 0), (0, 1, 3, 2), (3, 0, 2, 1), (0, 3, 1, 2)])
def test_other_dimensions_are_walked(order):
    host = counted((3, 17, 18, 19)[-len(order) :], "int32")
    x = memory.from_numpy(host).transpose(order)
    np.testing.assert_array_equal(memory.to_numpy(memory.contiguous(x)), host.transpose(order))


def test_into_a_view_of_a_larger_array():
    out, host = memory.full((40, 50), 0, np.dtype(np.float32)), counted((33, 20), "float32")
    memory.copy_into(out[3:23, 5:38], memory.from_numpy(host).T)
    expected = np.zeros((40, 50), np.float32)
    expected[3:23, 5:38] = host.T
    np.testing.assert_array_equal(memory.to_numpy(out), expected)


def test_more_matrices_than_a_grid_has(monkeypatch):
    transpose._plan.cache_clear()
    monkeypatch.setattr(transpose, "MOST_STEPS", 2)
    host = counted((5, 16, 17), "uint8")
    x = memory.from_numpy(host).swapaxes(1, 2)
    np.testing.assert_array_equal(memory.to_numpy(memory.copy(x)), host.swapaxes(1, 2))
    transpose._plan.cache_clear()


def test_what_gains_nothing_from_tiles():
    def plan(x):
        return transpose._plan(x.shape, np.empty(x.shape, x.dtype).strides, x.strides, x.itemsize)

    x = np.empty((40, 50), np.float32)
    for view in (x, x[:, ::2], x[::2], x[:, :8].T, x.reshape(20, 2, 50).swapaxes(0, 1), x[:, :0].T):
        assert plan(view) is None
