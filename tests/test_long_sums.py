"""Sums of millions of float32 values of one sign are right to 1e-5, along whichever dimensions."""

import itertools

import numpy as np
import pytest

import autograd_gpu as torch
from autograd_gpu import nn
from autograd_gpu.arrays.cpu import scatter_add_rows
from autograd_gpu.arrays.cpu.long_sums import total
from autograd_gpu.nn import functional as F

pytestmark = pytest.mark.ours

MANY = 2_000_000
TENTH = float(np.float32(0.1))
ROWS = [
    (3, 0),
    (4097, 3),
    (129, 1),
    (130, 7, 90),
    (7, 1000, 3),
    (2, 30000, 2),
    (300, 5, 1, 40),
    (1, 513, 257),
    (66000, 3, 2),
]


def near(found, expected, relative=1e-5):
    np.testing.assert_allclose(np.asarray(found, np.float64), expected, rtol=relative)


@pytest.mark.parametrize("shape", ROWS)
@pytest.mark.parametrize("layout", ["as it is", "transposed", "reversed", "every second"])
def test_a_total_over_any_dimensions_in_any_layout(shape, layout):
    x = (np.random.default_rng(0).random(shape) + 0.5).astype(np.float32)
    x = {"as it is": x, "transposed": x.T, "reversed": x[::-1], "every second": np.repeat(x, 2, -1)[..., ::2]}[layout]
    for count in range(x.ndim + 1):
        for dims, keepdim in itertools.product(itertools.combinations(range(x.ndim), count), (False, True)):
            found, expected = total(x, dims, keepdim), np.sum(x, dims or None, np.float64, keepdims=keepdim)
            assert type(found) is np.ndarray
            assert found.dtype == np.float32
            assert found.flags.c_contiguous
            assert found.shape == expected.shape
            near(found, expected, 4e-6)


def test_a_total_of_what_is_repeated_without_memory():
    x = np.broadcast_to(np.array([[0.1], [0.3]], np.float32), (2, MANY))
    near(total(x, (1,), False), x[:, 0].astype(np.float64) * MANY, 1e-7)
    near(total(x, (0,), False)[:2], 0.4)
    assert total(np.broadcast_to(np.float32(np.inf), (MANY,)), (0,), False) == np.inf


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("shape", [(MANY, 2), (MANY // 8, 16), (MANY // 100, 200), (2, MANY)])
def test_sums_means_and_variances(dtype, shape):
    x = torch.full(shape, 0.1, dtype=dtype)
    value, bound = float(x[0, 0]), 1e-5 if dtype is torch.float32 else 2**-8
    for dim in (0, 1):
        near(x.sum(dim).tolist(), value * shape[dim], bound)
        near(x.mean(dim).tolist(), value, bound)
        near(x.cumsum(dim)[-1, -1].item(), value * shape[dim], bound)
        spread = x.float() + torch.arange(shape[dim]).reshape((-1, 1) if dim == 0 else (1, -1)).remainder(2)
        near(spread.var(dim, correction=0).tolist(), 0.25, 1e-5)
    near(torch.einsum("ij->j", x).tolist(), value * shape[0], bound)


def test_the_gradient_of_a_bias_and_of_what_was_broadcast():
    layer = nn.Linear(3, 2)
    y = layer(torch.ones(MANY, 3))
    y.backward(torch.full_like(y, 0.1))
    near(layer.bias.grad.tolist(), TENTH * MANY)
    near(layer.weight.grad.tolist(), TENTH * MANY)
    scale = torch.ones(4, requires_grad=True)
    (torch.full((MANY // 2, 4), 0.1) * scale).sum().backward()
    near(scale.grad.tolist(), TENTH * MANY / 2)


def test_running_sums_and_products():
    x = torch.full((1_000_000,), 0.1)
    near(x.cumsum(0)[[9, 99_999, 999_999]].tolist(), np.array([1e1, 1e5, 1e6]) * TENTH, 1e-7)
    near(torch.full((1_000_000,), -10.0).logcumsumexp(0)[-1].item(), np.log(1e6) - 10, 1e-6)
    y = torch.full((3, 70_000, 2), 1 + 2.0**-20)
    near(y.cumprod(1)[:, -1].tolist(), (1 + 2.0**-20) ** 70_000, 1e-6)
    for dim in (0, 1, 2):
        z = torch.rand(130, 140, 150)
        near(z.cumsum(dim).tolist(), z.numpy().cumsum(dim, dtype=np.float64), 1e-6)


def test_statistics_of_a_long_batch():
    x = torch.full((200_000, 3), 0.1)
    x[::2] += 1
    norm = nn.BatchNorm1d(3, momentum=1.0)
    y = norm(x)
    near(norm.running_mean.tolist(), TENTH + 0.5)
    near(norm.running_var.tolist(), 0.25 * 200_000 / 199_999)
    near(y[0].tolist(), 1.0, 1e-4)
    y.backward(torch.full_like(y, 0.1))
    near(norm.bias.grad.tolist(), TENTH * 200_000)
    rows = torch.full((300_000, 8), 0.5)
    rows[:, ::2] = 1.5
    weight, bias = torch.ones(8, requires_grad=True), torch.zeros(8, requires_grad=True)
    F.layer_norm(rows, (8,), weight, bias).backward(torch.full_like(rows, 0.1))
    near(bias.grad.tolist(), TENTH * 300_000)
    near(weight.grad.abs().tolist(), TENTH * 300_000, 5e-5)  # eps in the standard deviation


def test_pools_over_many_places():
    x = torch.full((1, 1, 1, 300_000), 0.1)
    near(F.adaptive_avg_pool2d(x, 1).item(), TENTH)
    x = torch.full((1, 2, 100, 100), 0.1, requires_grad=True)
    y = F.avg_pool2d(x, 90, 1, divisor_override=1)
    near(y.tolist(), TENTH * 8100)
    y.backward(torch.full_like(y, 0.1))
    near(x.grad[0, 0, 50, 50].item(), TENTH * 121)
    near(F.interpolate(torch.full((1, 1, 50_000), 0.1), size=1, mode="area").item(), TENTH)


@pytest.mark.parametrize("columns", [1, 64, 65, 128])
def test_rows_added_at_one_place(columns):
    index = np.concatenate([np.zeros(100_000, np.int64), np.arange(50).repeat(3)])
    rows = np.full((len(index), columns), 0.1, np.float32)
    found = scatter_add_rows(rows, index, 60)
    near(found[0], TENTH * 100_003)
    near(found[1:50], TENTH * 3)
    assert not found[50:].any()


def test_products_of_long_rows():
    x = torch.full((2, MANY // 4), 0.1)
    near((x @ x.t()).tolist(), TENTH**2 * MANY / 4)
    near(torch.dot(x[0], x[1]).item(), TENTH**2 * MANY / 4)
    near((x @ x[0]).tolist(), TENTH**2 * MANY / 4)
    near(F.linear(x, x[:1]).tolist(), TENTH**2 * MANY / 4)
