"""Connectionist temporal classification on the emulated GPU against NumPy, with more states than a block has
threads."""

import numpy as np
import pytest
from on_device import FLOATS, assert_near, double, normal, run

from autograd_gpu.arrays import cpu
from autograd_gpu.arrays.cuda.ctc import ctc_loss, ctc_loss_backward


@pytest.mark.parametrize("dtype", FLOATS)
def test_long_targets(dtype):
    x = normal((150, 3, 6), dtype)
    x = (double(x) - np.log(np.exp(double(x)).sum(-1, keepdims=True))).astype(x.dtype)
    targets = np.random.default_rng(1).integers(1, 6, (3, 70))  # 141 states, labels many times over
    lengths, target_lengths = np.array([150, 120, 0]), np.array([70, 5, 0])
    loss, alpha = run(ctc_loss, x, targets, lengths, target_lengths, 0)
    expected, expected_alpha = cpu.ctc_loss(x, targets, lengths, target_lengths, 0)
    wide = str(expected.dtype)
    assert_near(loss, expected, wide, spacings=64)
    assert expected[2] == 0
    gloss = np.array([1.0, -2.0, 3.0], expected.dtype)
    arguments = (targets, lengths, target_lengths, 0)
    gx = run(ctc_loss_backward, gloss, x, loss, alpha, *arguments)
    expected_gx = cpu.ctc_loss_backward(gloss, x, expected, expected_alpha, *arguments)
    assert gx.dtype == x.dtype
    assert_near(gx, expected_gx, dtype, spacings=512 if dtype == wide else 4)
    np.testing.assert_allclose(double(gx)[:120, :2].sum(-1), [[-1, 2]] * 120, rtol=0.02)  # something is emitted
    assert not gx[120:, 1].any() and not gx[:, 2].any()


def test_a_target_that_cannot_be():
    x = normal((3, 1, 4), "float64")
    loss, alpha = run(ctc_loss, x, np.array([[1, 1, 1]]), np.array([3]), np.array([3]), 0)
    assert loss == np.inf
    nothing = run(
        ctc_loss_backward, np.zeros(1), x, loss, alpha, np.array([[1, 1, 1]]), np.array([3]), np.array([3]), 0
    )
    assert not nothing.any()
