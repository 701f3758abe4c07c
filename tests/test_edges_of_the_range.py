"""At the edges of the range: what is representable comes out, what is not says so, and both devices agree."""

import math

import numpy as np
import pytest

import autograd_gpu as torch
from autograd_gpu.nn import functional as F

pytestmark = pytest.mark.ours

INF, NAN = math.inf, math.nan
LEAST32, MOST32, LEAST64, MOST64 = -(2**31), 2**31 - 1, -(2**63), 2**63 - 1


@pytest.fixture
def make(device):
    return lambda *values, dtype=torch.float32: torch.tensor(values, dtype=dtype, device=device)


def with_gradient(function, x):
    x = x.clone().requires_grad_()
    y = function(x)
    y.sum().backward()
    return np.array(y.tolist()), np.array(x.grad.tolist())


FLOATS = pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])


@FLOATS
def test_floats_become_the_nearest_integers_and_nan_becomes_zero(make, dtype):
    large = 1e4 if dtype is torch.float16 else 1e20
    x = make(NAN, INF, -INF, large, -large, 1.9, -1.9, -0.5, dtype=dtype)
    beyond = [NAN, INF, -INF, *([x[3].item(), x[4].item()] if large < 1e5 else [INF, -INF])]
    for whole, (least, most) in {torch.int32: (LEAST32, MOST32), torch.int64: (LEAST64, MOST64)}.items():
        expected = [
            0 if v != v else int(min(max(v, least), most)) if abs(v) < INF else (most if v > 0 else least)
            for v in beyond
        ]
        assert x.to(whole).tolist() == [*expected, 1, -1, 0]
        assert torch.zeros_like(x, dtype=whole).copy_(x).tolist() == [*expected, 1, -1, 0]


def test_the_last_floats_that_an_integer_holds(make):
    x = make(2147483520.0, 2147483648.0, -2147483648.0, -2147483904.0)
    assert x.int().tolist() == [2147483520, MOST32, LEAST32, LEAST32]
    x = make(2147483647.5, 2147483648.0, -2147483648.5, -2147483649.0, dtype=torch.float64)
    assert x.int().tolist() == [MOST32, MOST32, LEAST32, LEAST32]
    x = make(2.0**63 - 1024, 2.0**63, -(2.0**63), -(2.0**63) - 2048, dtype=torch.float64)
    assert x.long().tolist() == [2**63 - 1024, MOST64, LEAST64, LEAST64]


def test_narrow_integers_are_low_bits_as_they_are_of_integers(make):
    values = (-1.0, 300.0, -129.0, 255.9, 70000.0, 1e20, -1e20, NAN)
    held = np.array([-1, 300, -129, 255, 70000, MOST32, LEAST32, 0], np.int32)
    for name in ("int8", "uint8", "int16"):
        assert make(*values).to(getattr(torch, name)).tolist() == held.astype(name).tolist()


def test_logit_has_no_slope_where_it_has_no_value(make):
    y, slope = with_gradient(torch.logit, make(-0.5, 0.0, 0.5, 1.0, 1.5, NAN))
    np.testing.assert_array_equal(y, [NAN, -INF, 0, INF, NAN, NAN])
    np.testing.assert_array_equal(slope, [NAN, INF, 4, INF, NAN, NAN])


def test_remainder_by_infinity(make):
    assert torch.remainder(make(-7.0, 7.0), INF).tolist() == [INF, 7.0]
    y = make(INF, INF, 3.0).requires_grad_()
    torch.remainder(make(-7.0, 7.0, -7.0), y).sum().backward()
    assert y.grad.tolist() == [1.0, 0.0, 3.0]


@pytest.mark.parametrize("size", [1e20, 1e-25, 1e30, 1e-30])
def test_deviation_of_what_has_no_squares(make, size):
    x = make(1.0, 2.0, 4.0)
    y, slope = with_gradient(lambda x: torch.std(x * size), x)
    np.testing.assert_allclose(y, np.std([1, 2, 4], ddof=1) * size, rtol=1e-6)
    np.testing.assert_allclose(slope, (np.array([1, 2, 4]) - 7 / 3) / (2 * np.std([1, 2, 4], ddof=1)) * size, rtol=1e-5)
    np.testing.assert_allclose(torch.std_mean(x * size)[0].item(), y, rtol=1e-6)


@pytest.mark.parametrize("size", [1.0, 1e20, 1e30])
def test_cosine_of_long_vectors(make, size):
    a, b = make(3.0, 4.0), make(4.0, 3.0)
    y, slope = with_gradient(lambda a: F.cosine_similarity(a, b * size, 0), a * size)
    np.testing.assert_allclose(y, 0.96, rtol=1e-6)
    np.testing.assert_allclose(slope * size, [0.0448, -0.0336], rtol=1e-4)


def test_cosine_of_short_vectors_is_held_back_by_eps(make):
    a = make(3e-25, 4e-25)
    assert F.cosine_similarity(a, a, 0).item() == pytest.approx(2.5e-33, rel=1e-5, abs=0)  # 25e-50 / eps^2
    np.testing.assert_allclose(F.cosine_similarity(make(3e-9, 4e-9), make(3.0, 4.0), 0).item(), 0.5, rtol=1e-6)
    assert F.cosine_similarity(make(0.0, 0.0), make(3.0, 4.0), 0).item() == 0.0


@pytest.mark.parametrize(
    "norm",
    [
        lambda x: F.layer_norm(x, (3,)),
        lambda x: F.group_norm(x[None], 1),
        lambda x: F.batch_norm(x[:, None], None, None, training=True),
        lambda x: F.instance_norm(x[None, None]),
    ],
)
def test_a_norm_whose_squares_are_infinite_is_nan_not_zero(make, norm):
    assert norm(make(1e20, 2e20, 4e20)).isnan().all()


def test_gelu_by_tanh_is_flat_or_the_identity_far_out(make):
    gelu = lambda x: F.gelu(x, approximate="tanh")  # noqa: E731
    for dtype, far in ((torch.float64, 1e110), (torch.float64, 1e200), (torch.float32, 1e13), (torch.float32, 1e30)):
        y, slope = with_gradient(gelu, make(far, -far, dtype=dtype))
        np.testing.assert_allclose(y, [far, 0], rtol=1e-6)
        np.testing.assert_array_equal(slope, [1, 0])
    assert F.gelu(make(3e38)).item() == pytest.approx(3e38, rel=1e-6)


@pytest.mark.parametrize("value", [0.1, 1e4, 16777215.0, -3.3])
@pytest.mark.parametrize("size", [7, 1000, 5000])
def test_a_constant_has_no_deviation(make, value, size):
    x = torch.full((2, size), value, device=make(0.0).device)
    for y in (x.std(1), x.var(1), F.layer_norm(x, (size,)), F.batch_norm(x[:, None], None, None, training=True)):
        assert (y == 0).all()


def test_the_mode_counts_a_nan_as_any_other_number(make):
    for values, mode in (((NAN, 1, NAN), NAN), ((1, 1, NAN), 1), ((NAN, 2), 2)):
        found = torch.mode(make(*values)).values.item()
        assert found == mode or (found != found and mode != mode)


def test_quantiles_beside_infinities(make):
    for values, share, quantile in (
        ((1, INF), 0.5, INF),
        ((1, INF), 0.0, 1),
        ((INF, INF), 0.3, INF),
        ((-INF, 1), 1.0, 1),
        ((-INF, 1), 0.25, -INF),
        ((-INF, INF), 0.5, NAN),
    ):
        np.testing.assert_equal(torch.quantile(make(*values), share).item(), quantile)
    x = make(1, 2, INF).requires_grad_()
    torch.quantile(x, 0.75).backward()
    assert x.grad.tolist() == [0, 0.5, 0.5]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_sinc_bends_near_zero_as_its_series_does(make, dtype):
    for point in (1e-9, 1e-5, 1e-3, 0.05, 0.3, 0.33):
        x = make(point, dtype=dtype).requires_grad_()
        (slope,) = torch.autograd.grad(torch.sinc(x).sum(), x, create_graph=True)
        (bend,) = torch.autograd.grad(slope.sum(), x)
        a = math.pi * x.item()
        terms = [(-1) ** k / math.factorial(2 * k + 1) for k in range(14)]
        expected = math.pi * sum(2 * k * t * a ** (2 * k - 1) for k, t in enumerate(terms) if k)
        assert slope.item() == pytest.approx(expected, rel=1e-5 if dtype is torch.float32 else 1e-13)
        expected = math.pi**2 * sum(2 * k * (2 * k - 1) * t * a ** (2 * k - 2) for k, t in enumerate(terms) if k)
        assert bend.item() == pytest.approx(expected, rel=1e-4 if dtype is torch.float32 else 1e-11)


def test_half_gradients_are_clipped_by_a_norm_that_they_cannot_hold(make):
    parameter = torch.zeros(10_000, dtype=torch.float16, device=make(0.0).device, requires_grad=True)
    parameter.grad = torch.full_like(parameter, 1000.0)
    norm = torch.nn.utils.clip_grad_norm_([parameter], 1.0, error_if_nonfinite=True)
    assert norm.dtype is torch.float16 and norm.item() == INF
    np.testing.assert_allclose(parameter.grad[0].item(), 0.01, rtol=1e-3)


def test_bessel_functions_of_the_largest_numbers(make):
    x = make(1.7e308, dtype=torch.float64)
    assert torch.special.i0(x).item() == torch.special.i1(x).item() == INF
    expected = pytest.approx((2 * math.pi) ** -0.5 * 1.7e308**-0.5, rel=1e-12)
    assert torch.special.i0e(x).item() == expected and torch.special.i1e(x).item() == expected


def test_what_is_no_number_shows(make):
    assert F.hardtanh(make(-2.0, 0.0), NAN, 1.0).isnan().all()
    np.testing.assert_array_equal(F.kl_div(make(-2.0, 0.0), make(-1.0, 0.0), reduction="none").tolist(), [NAN, 0])
    x, bound = make(NAN, 1.0, 3.0).requires_grad_(), make(2.0).requires_grad_()
    torch.clamp_max(x, bound).sum().backward()
    assert x.grad.tolist() == [0, 1, 0] and bound.grad.tolist() == [1]


def test_no_warning_of_numpys_reaches_a_user(make):
    large = make(3e38, INF, -INF)
    with np.errstate(all="raise"):
        for y in (large + large, large - large, large * large, large * 0, large + 3e38, large.half() * 2):
            assert not y.isfinite()[1:].any()


@pytest.mark.parametrize("aligned", [True, False])
@pytest.mark.parametrize("mode", ["bilinear", "nearest", "bicubic"])
def test_a_grid_at_infinity_is_as_far_as_any_far_place(device, mode, aligned):
    picture = torch.arange(4.0, device=device).reshape(1, 1, 2, 2)

    def of(far, padding):
        grid = torch.tensor([[far, 0.1], [-far, 0.1], [0.1, far]], device=device).reshape(1, 1, 3, 2)
        x = picture.clone().requires_grad_()
        y = F.grid_sample(x, grid, mode=mode, padding_mode=padding, align_corners=aligned)
        y.sum().backward()
        return np.array(y.tolist()).ravel(), np.array(x.grad.tolist()).ravel()

    for padding in ("zeros", "border"):
        for found, expected in zip(of(INF, padding), of(2.0**26, padding), strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_a_place_that_nothing_reaches_keeps_its_gradient_whatever_its_value(make):
    x = make(NAN, INF, 2.0, -INF).requires_grad_()
    index, source = make(2, dtype=torch.int64), make(1.0).requires_grad_()
    for reduce in ("amax", "amin"):
        y = x.scatter_reduce(0, index, source, reduce, include_self=False)
        gx, gsource = torch.autograd.grad(y, (x, source), make(1.0, 2.0, 3.0, 4.0))
        assert gx.tolist() == [1.0, 2.0, 0.0, 4.0] and gsource.tolist() == [3.0], reduce
    y = x.scatter_reduce(0, make(1, dtype=torch.int64), source, "amax")
    assert torch.autograd.grad(y, x, make(1.0, 2.0, 3.0, 4.0))[0].tolist() == [1.0, 2.0, 3.0, 4.0]


def test_a_bound_that_is_no_number_has_no_gradient(make):
    x, bound = make(1.0, 5.0, NAN).requires_grad_(), make(NAN, 2.0, 2.0).requires_grad_()
    for clamped in (x.clamp(max=bound), x.clamp_min(bound)):
        gx, gbound = torch.autograd.grad(clamped, (x, bound), torch.ones_like(x))
        assert gx[0] == gbound[0] == gx[2] == gbound[2] == 0 and gx[1] + gbound[1] == 1
        assert clamped.isnan().tolist() == [True, False, True]


def test_an_infinite_variance_costs_its_logarithm(make):
    variance = make(INF, 1.0).requires_grad_()
    loss = F.gaussian_nll_loss(make(1.0, 2.0), make(0.0, 2.0), variance, reduction="none")
    assert loss.tolist() == [INF, 0.0]
    assert torch.autograd.grad(loss[0], variance)[0].tolist() == [0.0, 0.0]
