"""Optimiser steps of the emulated GPU against the CPU's."""

import numpy as np
import pytest
from on_device import FLOATS, assert_near, normal

from autograd_gpu.backends.cpu import optim as cpu
from autograd_gpu.backends.cuda import optim as cuda
from autograd_gpu.backends.cuda.memory import from_numpy, to_numpy

LR = np.array([0.01], np.float32)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("first", [False, True])
def test_sgd(dtype, nesterov, first):
    here = [normal(37, dtype, seed) for seed in range(3)]
    there = [from_numpy(x) for x in here]
    for step, arrays, lr in ((cpu.sgd_step, here, LR), (cuda.sgd_step, there, from_numpy(LR))):
        step(*arrays, lr, momentum=0.9, dampening=0.1, weight_decay=0.05, nesterov=nesterov, first=first)
        step(arrays[0], arrays[1], None, lr, 0.0, 0.0, 0.0, False, True)
    for found, expected in zip(there, here, strict=True):
        assert_near(to_numpy(found), expected, dtype, scale=2)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("step", [1, 1000])
def test_adamw(dtype, step):
    here = [normal(37, dtype, seed) for seed in range(3)] + [np.abs(normal(37, dtype, 3))]
    there = [from_numpy(x) for x in here]
    count = np.array([step], np.float32)
    cpu.adamw_step(*here, count, LR, 0.9, 0.999, 1e-8, 0.1)
    cuda.adamw_step(*there, from_numpy(count), from_numpy(LR), 0.9, 0.999, 1e-8, 0.1)
    for found, expected in zip(there, here, strict=True):
        assert_near(to_numpy(found), expected, dtype, scale=2)


def test_a_parameter_of_another_layout_is_updated_in_its_place():
    base, gradient = from_numpy(np.zeros((3, 5), np.float32)), from_numpy(np.ones((5, 3), np.float32))
    cuda.sgd_step(base.T, gradient, None, from_numpy(LR), 0.0, 0.0, 0.0, False, True)
    np.testing.assert_array_equal(to_numpy(base), np.full((3, 5), -LR[0]))
