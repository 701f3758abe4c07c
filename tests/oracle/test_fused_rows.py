"""What is fused over rows against PyTorch's compositions of the same: values, gradients, defaults and refusals."""

import numpy as np
import pytest
import torch
from conftest import assert_same, gradients

import autograd_gpu as ag

FLOATS = ["float64", "float32", "float16", "bfloat16"]


def pairs(dtype, *shapes):
    """The same normal values as leaves in both libraries."""
    random = np.random.default_rng(0)
    values = [random.standard_normal(shape).tolist() for shape in shapes]
    return [
        [library.tensor(v, dtype=getattr(library, dtype), requires_grad=True) for v in values]
        for library in (ag, torch)
    ]


def assert_agree(ours, theirs, our_inputs, their_inputs, tolerance=None):
    assert_same(ours, theirs, "values", tolerance)
    found, expected = gradients(ag, ours, our_inputs), gradients(torch, theirs, their_inputs)
    for number, (g, e) in enumerate(zip(found, expected, strict=True)):
        assert_same(g, e, f"gradient {number}", tolerance)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("eps", [None, 1e-3])
def test_rms_norm(dtype, eps):
    (x, w), (tx, tw) = pairs(dtype, (2, 3, 8), (8,))
    ours = ag.nn.functional.rms_norm(x, (8,), w, eps)
    assert_agree(ours, torch.nn.functional.rms_norm(tx, (8,), tw, eps), [x, w], [tx, tw])


@pytest.mark.parametrize("dtype", FLOATS)
def test_the_epsilon_of_rms_norm_is_that_of_the_dtype_computed_in(dtype):
    ours, theirs = ([lib.full((1, 4), 1e-4, dtype=getattr(lib, dtype))] for lib in (ag, torch))
    assert_same(ag.nn.functional.rms_norm(*ours, (4,)), torch.nn.functional.rms_norm(*theirs, (4,)), "tiny values")


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", ["layer_norm", "rms_norm"])
def test_a_norm_of_a_sum(dtype, name):
    (x, r, w), (tx, tr, tw) = pairs(dtype, (2, 3, 8), (2, 3, 8), (8,))
    ours = getattr(ag.nn.functional, f"add_{name}")(x, r, (8,), w)
    total = tx + tr
    theirs = getattr(torch.nn.functional, name)(total, (8,), tw), total
    # In half precision PyTorch rounds the two gradients of the sum before it adds them.
    tolerance = {"float16": 1e-2, "bfloat16": 8e-2}.get(dtype)
    assert_agree(ours, theirs, [x, r, w], [tx, tr, tw], tolerance)


@pytest.mark.parametrize(
    "call",
    [
        lambda T, F: F.rms_norm(T.ones(2, 4), (3,)),
        lambda T, F: F.rms_norm(T.ones(2, 4), ()),
        lambda T, F: F.rms_norm(T.ones(2, 4), (4,), T.ones(3)),
        lambda T, F: F.rms_norm(T.ones(2, 4, dtype=T.int64), (4,)),
        lambda T, F: F.layer_norm(T.ones(2, 4), ()),
    ],
)
def test_what_pytorch_refuses_is_refused(call):
    with pytest.raises((RuntimeError, NotImplementedError)) as theirs:
        call(torch, torch.nn.functional)
    with pytest.raises(theirs.type):
        call(ag, ag.nn.functional)
