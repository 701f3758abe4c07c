"""The launcher: formats, packing and geometry, and the errors of a wrong call."""

import struct

import numpy as np
import pytest

from autograd_gpu.arrays.cuda import driver, launch
from autograd_gpu.arrays.cuda.launch import Kernel, block_for
from autograd_gpu.arrays.cuda.memory import empty, to_numpy

FLOAT32, FLOAT64, BFLOAT16 = np.dtype(np.float32), np.dtype(np.float64), "bfloat16"


@pytest.fixture
def kernel(monkeypatch):
    """Makes kernels that stay out of the list of the real ones."""
    monkeypatch.setattr(Kernel, "all", [])
    return Kernel


def test_a_format_unlike_the_kernel_s_parameters_is_refused(kernel):
    out = empty((4,), FLOAT32)
    for wrong in ("Pqqd", "Pqd", "Pqqqq", "qPqq"):
        with pytest.raises(Exception, match="arange_integers"):
            kernel("memory.cu", "arange_integers", wrong)(FLOAT32, 1, 32, out, *range(len(wrong) - 1))


def test_a_call_takes_an_argument_a_parameter(kernel):
    example = kernel("memory.cu", "fill", "Pq200sA")
    for arguments in ((None, 3, bytes(200)), (None, 3, bytes(200), 7, 7)):
        with pytest.raises(TypeError, match="argument"):
            example(FLOAT32, 1, 32, *arguments)


def test_the_accumulator_s_letter_follows_the_dtype(kernel):
    fill = kernel("memory.cu", "fill", "Pq200sA")
    for dtype, letter in ((FLOAT32, "f"), (FLOAT64, "d"), (np.dtype(np.int8), "i"), (np.dtype(np.int64), "q")):
        out = empty((3,), dtype)
        fill(dtype, 1, 32, out, 3, bytes(200), 7)
        np.testing.assert_array_equal(to_numpy(out), np.full(3, 7, dtype))
        pack = fill._prepared[driver.current().context(), dtype][1]
        assert pack.__self__.format.endswith(letter)


def test_a_struct_by_value_starts_at_eight_bytes(kernel):
    example = kernel("memory.cu", "fill", "i16sP")
    assert struct.calcsize("@" + example._layout) == 8 + 16 + 8


def test_unknown_kernels_and_dtypes_are_named(kernel):
    with pytest.raises(TypeError, match="nothing: no CUDA kernel for float32"):
        kernel("memory.cu", "nothing", "P")(FLOAT32, 1, 1, None)
    with pytest.raises(TypeError, match="softmax_forward: no CUDA kernel for int64; there is one for float16"):
        kernel("softmax.cu", "softmax_forward", "P")(np.dtype(np.int64), 1, 1, None)


def test_geometry():
    assert [block_for(n) for n in (0, 1, 32, 33, 10**6)] == [32, 32, 32, 64, 256]
    assert [launch._three(extent) for extent in ((5,), (5, 6), (5, 6, 7))] == [(5, 1, 1), (5, 6, 1), (5, 6, 7)]
