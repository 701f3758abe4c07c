"""Random numbers of the emulated GPU against the CPU's: the same stream, element for element."""

import numpy as np
import pytest
from on_device import FLOATS, assert_near, double, dtype_of, normal

from autograd_gpu.arrays.cpu import random as cpu
from autograd_gpu.arrays.cuda import random as cuda
from autograd_gpu.arrays.cuda.memory import from_numpy, to_numpy

SEED = 2**40 + 12345


@pytest.mark.parametrize("dtype", FLOATS)
def test_the_same_numbers_on_every_device(dtype):
    here, there = cpu.random_state(SEED), cuda.random_state(SEED)
    for shape in [(7,), (3, 5), (), (0,), (1030,)]:
        expected, found = cpu.uniform(here, shape, dtype_of(dtype)), cuda.uniform(there, shape, dtype_of(dtype))
        np.testing.assert_array_equal(double(to_numpy(found)), double(expected))
        expected, found = cpu.normal(here, shape, dtype_of(dtype)), cuda.normal(there, shape, dtype_of(dtype))
        assert_near(to_numpy(found), expected, dtype, spacings=16)
        x = normal(shape, dtype)
        (expected, kept), (found, found_kept) = cpu.dropout(x, 0.3, here), cuda.dropout(from_numpy(x), 0.3, there)
        np.testing.assert_array_equal(to_numpy(found_kept), kept)
        assert_near(to_numpy(found), expected, dtype)
    np.testing.assert_array_equal(to_numpy(there), here)


def test_dropout_of_a_view_at_any_address():
    host = normal((41,), "float16")
    for start in range(5):
        here, there = cpu.random_state(SEED), cuda.random_state(SEED)
        expected, kept = cpu.dropout(host[start:], 0.3, here)
        found, found_kept = cuda.dropout(from_numpy(host)[start:], 0.3, there)
        np.testing.assert_array_equal(to_numpy(found_kept), kept)
        assert_near(to_numpy(found), expected, "float16")


def test_philox_known_answer():
    # Random123's vector for an all-zero counter and key: 6627e8d5 e169c58d bc57ac4c 9b00dbd8
    words = np.array([0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8], np.uint32)
    found = to_numpy(cuda.uniform(cuda.random_state(0), (4,), np.dtype(np.float32)))
    np.testing.assert_array_equal(found, (words >> 8) * np.float32(2**-24))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_types_never_reach_one(dtype):
    found = to_numpy(cuda.uniform(cuda.random_state(1), (20000,), dtype_of(dtype)))
    assert double(found).max() < 1
    assert double(found).max() > 0.99  # the top of the interval was met
