"""Memory shared with PyTorch itself, both ways, in every dtype."""

import numpy as np
import pytest
import torch
from conftest import assert_same

import autograd_gpu as ag

DTYPES = ["float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool"]


@pytest.mark.parametrize("name", DTYPES)
def test_pytorch_reads_our_memory(name):
    ours = ag.tensor([[1, 0, 1], [0, 1, 1]]).to(getattr(ag, name))
    theirs = torch.from_dlpack(ours)
    assert_same(ours, theirs, name)
    ours.zero_()
    assert not theirs.any()
    theirs[0, 1] = 1
    assert ours.tolist() == theirs.tolist()


@pytest.mark.parametrize("name", DTYPES)
def test_we_read_pytorchs_memory(name):
    theirs = torch.tensor([[1, 0, 1], [0, 1, 1]]).to(getattr(torch, name))
    ours = ag.from_dlpack(theirs)
    assert_same(ours, theirs, name)
    theirs.zero_()
    assert not ours.any().item()
    ours[0, 1] = 1
    assert ours.tolist() == theirs.tolist()


def test_views_keep_their_strides():
    theirs = torch.arange(12.0).reshape(3, 4)
    ours = ag.from_dlpack(theirs.t()[1:, ::2])
    assert ours.stride() == theirs.t()[1:, ::2].stride()
    assert torch.from_dlpack(ours).stride() == ours.stride()
    assert ours.data_ptr() == theirs.t()[1:, ::2].data_ptr()


def test_a_gradient_is_computed_on_pytorchs_memory():
    theirs = torch.ones(3)
    ours = ag.from_dlpack(theirs).requires_grad_()
    (ours * ours).sum().backward()
    assert torch.from_dlpack(ours.grad).tolist() == [2, 2, 2]


def test_pytorch_tensors_that_require_grad_are_refused_by_pytorch():
    with pytest.raises(BufferError, match=r"require gradient"):
        ag.from_dlpack(torch.ones(2, requires_grad=True))


def test_numpy_is_a_third_between_them():
    array = np.ones(3)
    ours, theirs = ag.from_numpy(array), torch.from_numpy(array)
    ours.mul_(2)
    assert theirs.tolist() == array.tolist() == [2, 2, 2]
