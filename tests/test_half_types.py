"""float16 and bfloat16 are computed in float32 and rounded once, at the end; what is counted is counted exactly."""

import math

import numpy as np
import pytest

import autograd_gpu as torch
from autograd_gpu.nn import functional as F

pytestmark = pytest.mark.ours

F16, BF16 = torch.float16, torch.bfloat16
HALVES = pytest.mark.parametrize("dtype", [F16, BF16])


@pytest.fixture
def half(device):
    return lambda *values, dtype=F16: torch.tensor(
        values[0] if len(values) == 1 else values, dtype=dtype, device=device
    )


def near(found, expected, relative=1e-3):
    np.testing.assert_allclose(np.asarray(found.tolist(), np.float64), expected, rtol=relative)


NORMS = {
    "norm": lambda x: x.norm(),
    "vector_norm": torch.linalg.vector_norm,
    "vector_norm of order 3": lambda x: torch.linalg.vector_norm(x, 3) * (500 / 449.79),
    "matrix_norm": lambda x: torch.linalg.matrix_norm(x[None]),
    "dist": lambda x: torch.dist(x, torch.zeros_like(x)),
    "pairwise_distance": lambda x: F.pairwise_distance(x, torch.zeros_like(x), eps=0.0),
}


@pytest.mark.parametrize("name", NORMS)
def test_a_norm_is_as_large_as_it_is_though_its_squares_are_too_large(half, name):
    x = half(300.0, 400.0).requires_grad_()
    y = NORMS[name](x)
    assert y.dtype is F16
    near(y, 500, 2e-3)
    y.sum().backward()
    assert x.grad.dtype is F16
    if "order" not in name:
        near(x.grad, [0.6, 0.8])


@pytest.mark.parametrize("name", [name for name in NORMS if "order" not in name])
def test_a_norm_is_as_small_as_it_is_though_its_squares_are_too_small(half, name):
    near(NORMS[name](half(3e-5, 4e-5)), 5e-5, 2e-2)


def test_spread_of_large_values(half):
    x = half(0.0, 300.0, 600.0, 1000.0).requires_grad_()
    expected = np.std([0, 300, 600, 1000], ddof=1)
    near(x.std(), expected)
    near(torch.std_mean(x)[0], expected)
    x.std().backward()
    near(x.grad, (np.array([0, 300, 600, 1000]) - 475) / (3 * expected))


def test_renorm_and_embedding_keep_rows_whose_norm_is_too_large(half, device):
    x = half([[60000.0, 60000.0], [3.0, 4.0]])
    near(torch.renorm(x, 2, 0, 10.0), [[50**0.5, 50**0.5], [3, 4]])
    table = x.clone()
    F.embedding(torch.tensor([0, 1], device=device), table, max_norm=10.0)
    near(table, [[50**0.5, 50**0.5], [3, 4]])


@pytest.mark.parametrize("scale", [{"alpha": 0.5}, {"beta": -1.0}, {"alpha": 0.25, "beta": 0.5}])
def test_products_with_factors_are_rounded_once(half, scale):
    row, column, one = half([[300.0, 300.0]]), half([[300.0], [100.0]]), half([[50000.0]])
    product = 300 * 400 * scale.get("alpha", 1) + 50000 * scale.get("beta", 1)
    expected = product if abs(product) < 65520 else math.inf
    near(torch.addmm(one, row, column, **scale), expected)
    near(torch.baddbmm(one[None], row[None], column[None], **scale), expected)
    near(torch.addbmm(one, row[None], column[None], **scale), expected)
    near(torch.addmv(one[0], row, column[:, 0], **scale), expected)
    outer = 300 * 300 * scale.get("alpha", 1) + 50000 * scale.get("beta", 1)
    near(torch.addr(one, row[0, :1], column[:1, 0], **scale), outer if abs(outer) < 65520 else math.inf)


def test_composed_arithmetic_is_rounded_once(half):
    near(torch.lerp(half(-60000.0), half(60000.0), 0.5), 0)
    near(torch.addcdiv(half(-60000.0), half(60000.0), half(0.5), value=0.75), 30000)
    near(F.huber_loss(half(60000.0), half(0.0), delta=1.0), 59999.5)
    near(F.smooth_l1_loss(half(1000.0), half(0.0), beta=1000.0), 500)
    near(F.huber_loss(half(300.0), half(0.0), delta=200.0), 40000)
    near(F.binary_cross_entropy(half(4e-4), half(0.0)), 4e-4, 2e-3)
    near(torch.sinc(half(2.0313)), np.sinc(float(np.float16(2.0313))), 1e-3)
    near(torch.ldexp(half(1e-4), torch.tensor(20)), float(np.float16(1e-4)) * 2**20)
    assert torch.ldexp(half(1.0), half([3.0]).long()).dtype is F16
    near(torch.logsumexp(torch.zeros(70_000, dtype=F16), 0), math.log(70_000))


@HALVES
def test_comparisons_and_remainders_use_the_number_as_it_is_stored(half, dtype):
    for number in (0.1, 2.7, 0.333):
        x = half([number], dtype=dtype)
        stored = x.item()
        assert (x == number).item()
        assert (x >= number).item()
        assert (x <= number).item()
        assert not (x < number).item()
        assert not (x != number).item()
        assert (x % number).item() == 0
        assert torch.fmod(x, number).item() == 0
        assert torch.remainder(x, -number).item() == 0
        assert F.hardshrink(x, number).item() == 0
        assert torch.fmod(half([7.0], dtype=dtype), number).item() == half([math.fmod(7.0, stored)], dtype=dtype).item()


MANY = 70_000


def test_seventy_thousand_ties_share_a_gradient(half):
    x = torch.zeros(MANY, dtype=F16, device=half(0.0).device).requires_grad_()
    for largest in (x.max(), x.min(), x.amax(0)):
        (gradient,) = torch.autograd.grad(largest, x)
        assert gradient[0].item() == np.float16(1 / MANY)


def test_counts_beyond_the_range_of_a_half_type(half):
    device = half(0.0).device
    x = torch.ones(MANY, dtype=F16, device=device)
    near(x.nanmean(), 1)
    near(x.mean(), 1)
    near(x.var(correction=0), 0)
    logits = torch.zeros(MANY, 2, dtype=F16, device=device)
    target = torch.zeros(MANY, dtype=torch.int64, device=device)
    near(F.cross_entropy(logits, target, label_smoothing=0.1), math.log(2))
    near(F.cross_entropy(logits, target, torch.ones(2, dtype=F16, device=device)), math.log(2))
    zero = torch.zeros(1, 1, dtype=F16, device=device)
    near(torch.index_reduce(zero, 0, target, x[:, None], "mean", include_self=False), [[1]])
    table = torch.zeros(2, 1, dtype=F16, device=device).requires_grad_()
    rows = F.embedding(target, table, scale_grad_by_freq=True)
    rows.backward(torch.full_like(rows, 0.5))
    near(table.grad[0], [0.5])
    near(F.embedding_bag(target[None], torch.full((2, 1), 2.0**-2, dtype=F16, device=device)), [[0.25]])


def test_what_a_transposed_convolution_adds_up_is_rounded_at_the_end(half):
    x, weight = half([[[60000.0, -60000.0, 60000.0]]]), half([[[1.5, 1.5, 1.0]]])
    near(F.conv_transpose1d(x, weight, padding=1), [[[0, 60000, 30000]]])


def test_attention_with_a_mask_that_learns_does_not_overflow(half):
    q = half([[[300.0, 300.0], [1.0, 2.0]]])
    mask = half([[0.0, 0.0], [0.0, 0.0]]).requires_grad_()
    y = F.scaled_dot_product_attention(q, q, q, mask)
    assert y.isfinite().all()
    y.sum().backward()
    assert mask.grad.isfinite().all()


def test_a_convolution_and_its_bias_are_rounded_together():
    x, weight, bias = (torch.tensor(v, dtype=F16) for v in ([[[2048.0]], [[1.0]]], [[[1.0]], [[1.0]]], [1.0, 1.0]))
    x, weight = x.view(1, 2, 1), weight.view(1, 2, 1)
    assert F.conv1d(x, weight, bias[:1]).item() == 2050  # 2049 is no float16, and 2048 + 1 would be 2048
    assert F.conv_transpose1d(x, weight.transpose(0, 1), bias[:1]).item() == 2050


def test_norms_of_channels_are_rounded_after_weight_and_bias(half):
    x = torch.linspace(-2, 3, 12, dtype=torch.float32, device=half(0.0).device).half().view(2, 2, 3)
    weight, bias = half(1.5, 0.7), half(-1.4, 300.0)
    running = half(0.1, 0.2), half(1.5, 0.5)
    calls = {
        "batch_norm": lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True),
        "running": lambda x, w, b: F.batch_norm(x, *(r.to(x.dtype) for r in running), w, b),
        "instance_norm": lambda x, w, b: F.instance_norm(x, None, None, w, b),
        "group_norm": lambda x, w, b: F.group_norm(x, 1, w, b),
    }
    for name, call in calls.items():
        expected = call(x.double(), weight.double(), bias.double()).half()
        assert (call(x, weight, bias) == expected).all(), name


SLOPES = {  # at points whose squares, or whose difference from a rounded value, a half type has not
    "pow": (lambda x: x**3 / 1024 / 1024, 290.0, 3 * 290.0**2 / 1024 / 1024),
    "log10": (torch.log10, 3e4, 1 / (3e4 * math.log(10))),
    "atan": (torch.atan, 300.0, 1 / (1 + 300.0**2)),
    "asinh": (torch.asinh, 3e4, 1 / 3e4),
    "acosh": (torch.acosh, 300.0, 1 / 300.0),
    "erfcx": (torch.special.erfcx, 300.0, -1 / (300.0**2 * math.pi**0.5)),
    "log_ndtr": (torch.special.log_ndtr, -2e4, 2e4),
}


@pytest.mark.parametrize("name", SLOPES)
def test_a_slope_is_rounded_once(half, name):
    function, point, expected = SLOPES[name]
    x = half(point).requires_grad_()
    function(x).backward()
    near(x.grad, expected, 4e-3)


def test_losses_are_rounded_once(half):
    x, zero, ones = half(300.0, 300.0), half(0.0, 0.0), half(1.0, 1.0)
    near(F.mse_loss(x, x - 200, weight=ones * 3), 40000)
    near(F.l1_loss(x * 200, zero, weight=ones), 60000)
    near(F.binary_cross_entropy_with_logits(-x * 100, ones * 2), 60000)
    near(F.gaussian_nll_loss(x, zero, ones * 300), (math.log(300) + 300) / 2)
    near(F.lp_pool1d(x[None], 2, 2), 300 * 2**0.5)
    near(torch.linalg.vecdot(x, half(300.0, -299.0)), 300)
    near(torch.linalg.cross(half(300.0, 300.0, 0.0), half(300.0, 299.0, 0.0)), [0, 0, -300])
    near(F.embedding_bag(torch.tensor([[0, 1]], device=x.device), half([[40000.0], [50000.0]]), mode="mean"), [[45000]])
