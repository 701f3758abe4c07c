"""Tensors print as PyTorch's do, whatever they hold."""

import pytest
import torch

import autograd_gpu as ag

TENSORS = """
T.tensor(1.0)
T.tensor(3)
T.tensor(True)
T.tensor([1.0, 2.0])
T.tensor([1.5, 2.25, -3.0])
T.tensor([0.1, 100.0])
T.tensor([1e-5, 1.0])
T.tensor([1e-5, 1e5])
T.tensor([1e10])
T.tensor([1e10, 1.5])
T.tensor([123456.0, 1.0])
T.tensor([12345678.0])
T.tensor([float('inf'), 1.0])
T.tensor([float('nan'), -float('inf'), 2.5])
T.tensor([0.0, -0.0])
T.tensor([1, -20, 300])
T.tensor([True, False])
T.tensor([[1.0, 2.0], [3.0, 4.5]])
T.tensor([[1, 2], [3, 4]])
T.tensor([])
T.tensor([[]])
T.tensor([], dtype=T.int64)
T.zeros(0, 3)
T.zeros(2, 3, 4)
T.ones(2, dtype=T.float64)
T.ones(2, dtype=T.float16)
T.ones(2, dtype=T.bfloat16)
T.ones(2, dtype=T.int32)
T.ones(2, dtype=T.uint8)
T.tensor(1.5, dtype=T.float64)
T.tensor([0.1], dtype=T.float16)
T.tensor([0.1], dtype=T.bfloat16)
T.ones(2, requires_grad=True)
T.tensor(2.0, requires_grad=True)
T.ones(2, requires_grad=True) * 2
T.ones(2, requires_grad=True).sum()
T.ones(2, 2, requires_grad=True).t()
T.ones(2, dtype=T.float64, requires_grad=True).exp()
T.arange(2000)
T.arange(2000.0)
T.arange(2000.0).reshape(50, 40)
T.arange(30.0)
T.arange(100.0).reshape(10, 10) / 7
T.zeros(1001)
T.ones(20, 60)
T.ones(3, 400)
T.ones(11, 11, 11)
T.Size([1, 2])
T.Size([])
T.float32
T.int64
T.device('cpu')
T.ones(2).max(0)
T.zeros(2, 3).shape
"""


@pytest.mark.parametrize("form", [repr, str, "{}".format], ids=["repr", "str", "format"])
@pytest.mark.parametrize("expression", TENSORS.strip().splitlines())
def test_printing(expression, form):
    expected = form(eval(expression, {"T": torch}))
    found = form(eval(expression, {"T": ag}))
    assert found.replace("autograd_gpu", "torch") == expected


def test_formatting_a_number():
    for spec in (".2f", "8.3e", "d"):
        value = 3 if spec == "d" else 3.14159
        assert format(ag.tensor(value), spec) == format(torch.tensor(value), spec)
