"""Derivatives where a formula has a hole: zeros, ties, infinities, repeated places.

The definition says what is right.
"""

import math

import pytest

import autograd_gpu as torch
import autograd_gpu.autograd.forward_ad as fwAD
from autograd_gpu.autograd.functional import hessian, jacobian
from autograd_gpu.func import hessian as forward_over_reverse
from autograd_gpu.func import jacfwd, jacrev
from autograd_gpu.nn import functional as F

pytestmark = [pytest.mark.ours, pytest.mark.usefixtures("on_each_device")]

INF, NAN = math.inf, math.nan


def numbers(*values: float, grad: bool = False) -> torch.Tensor:
    return torch.tensor([float(v) for v in values], dtype=torch.float64, requires_grad=grad)


def gradients(function, *values: float) -> list[float]:
    """The gradient of a function of scalars."""
    xs = [torch.tensor(float(v), dtype=torch.float64, requires_grad=True) for v in values]
    return [g.item() for g in torch.autograd.grad(function(*xs), xs)]


def tangent_of(function, x: torch.Tensor, t: torch.Tensor) -> list:
    with fwAD.dual_level():
        return fwAD.unpack_dual(function(fwAD.make_dual(x, t))).tangent.tolist()


def derivatives(function, x: torch.Tensor, order: int) -> list[float]:
    """The value of a function of one number, and its derivatives up to `order`."""
    x = x.clone().requires_grad_()
    found = [function(x).sum()]
    for _ in range(order):
        found.append(torch.autograd.grad(found[-1], x, create_graph=True)[0].sum())
    return [y.item() for y in found]


# ---- a repeated place


def writes() -> dict:
    base, places = numbers(5, 6), torch.tensor([0, 0])
    return {
        "index_put": lambda v: base.index_put((places,), v),
        "setitem": lambda v: base.clone().index_put_((places,), v),
        "scatter": lambda v: base.scatter(0, places, v),
        "index_copy": lambda v: base.index_copy(0, places, v),
        "put": lambda v: base.put(places, v),
    }


@pytest.mark.parametrize("name", ["index_put", "setitem", "scatter", "index_copy", "put"])
def test_what_was_written_over_has_no_derivative(name):
    write, v = writes()[name], numbers(1, 2)
    assert write(v).tolist() == [2, 6]
    assert tangent_of(write, v, numbers(3, 7)) == [7, 0]
    for jacobian_of in (jacfwd, jacrev, lambda f: lambda x: jacobian(f, x)):
        assert jacobian_of(write)(v).tolist() == [[0, 1], [0, 0]]
    for hessian_of in (hessian, lambda f, x: forward_over_reverse(f)(x), lambda f, x: jacrev(jacrev(f))(x)):
        assert hessian_of(lambda v: (write(v) ** 2).sum(), v).tolist() == [[0, 0], [0, 2]]


def test_what_is_added_to_one_place_counts_each_time():
    base, places, v = numbers(5, 6), torch.tensor([0, 0]), numbers(1, 2)
    assert tangent_of(lambda v: base.index_put((places,), v, accumulate=True), v, numbers(3, 7)) == [10, 0]
    assert jacrev(lambda v: base.scatter_add(0, places, v))(v).tolist() == [[1, 1], [0, 0]]


# ---- powers


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [
        (0, 2, [[2, 0], [0, 0]]),
        (0, 3, [[0, 0], [0, 0]]),
        (0, 0, [[0, 0], [0, 0]]),
        (1, 0, [[0, 1], [1, 0]]),
        (2, 0, [[0, 0.5], [0.5, math.log(2) ** 2]]),
        (2, 1, [[0, 1 + math.log(2)], [1 + math.log(2), 2 * math.log(2) ** 2]]),
    ],
)
def test_every_way_to_the_curvature_of_a_power_agrees(x, y, expected):
    def power(v):
        return v[0] ** v[1]

    v = numbers(x, y)
    for found in (hessian(power, v), forward_over_reverse(power)(v), jacrev(jacfwd(power))(v)):
        assert found.flatten().tolist() == pytest.approx([*expected[0], *expected[1]])


def test_third_derivative_of_a_square_is_zero():
    assert derivatives(lambda x: x**2.0, numbers(3), 3) == [9, 6, 2, 0]
    assert derivatives(lambda x: x**2, numbers(0), 3) == [0, 0, 2, 0]
    assert derivatives(lambda x: x**3, numbers(2), 4) == [8, 12, 12, 6, 0]


# ---- points of the plane


def test_gradient_of_atan2_at_the_origin_is_zero():
    for y, x in ((0.0, 0.0), (0.0, -0.0), (-0.0, 0.0)):
        assert gradients(torch.atan2, y, x) == [0, 0]
    assert hessian(lambda v: torch.atan2(v[0], v[1]), numbers(0, 0)).tolist() == [[0, 0], [0, 0]]


@pytest.mark.parametrize("scale", [1e-200, 1e-160, 1.0, 1e160, 1e200])
def test_gradient_of_atan2_neither_overflows_nor_vanishes(scale):
    expected = [2 / 5 / scale, -1 / 5 / scale]
    assert gradients(torch.atan2, scale, 2 * scale) == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("function", ["logaddexp", "logaddexp2"])
def test_equal_infinities_share_the_gradient(function):
    function = getattr(torch, function)
    assert gradients(function, INF, INF) == gradients(function, -INF, -INF) == [0.5, 0.5]
    assert gradients(function, INF, -INF) == [1, 0] and gradients(function, 1, INF) == [0, 1]


# ---- losses with a bend


@pytest.mark.parametrize("loss", ["huber_loss", "smooth_l1_loss"])
def test_a_parabola_has_its_curvature_at_its_bottom(loss):
    function, y = getattr(F, loss), numbers(0)
    assert hessian(lambda x: function(x, y, reduction="sum"), numbers(0)).item() == 1
    assert hessian(lambda x: function(x, y, reduction="sum"), numbers(-0.5)).item() == 1
    assert hessian(lambda x: function(x, y, reduction="sum"), numbers(2)).item() == 0


@pytest.mark.parametrize("loss", ["huber_loss", "smooth_l1_loss"])
def test_an_infinite_residual_pulls_as_any_large_one(loss):
    function = getattr(F, loss)
    assert gradients(lambda x, y: function(x, y), INF, 0) == [1, -1]
    assert gradients(lambda x, y: function(x, y), 0, INF) == [-1, 1]
    assert all(math.isnan(g) for g in gradients(lambda x, y: function(x, y), NAN, 0))


def test_bends_lie_where_they_should():
    x = numbers(-3, -0.5, 0, 1, 2)
    y = torch.zeros(5, dtype=torch.float64)
    assert F.huber_loss(x, y, reduction="none", delta=2.0).tolist() == [4, 0.125, 0, 0.5, 2]
    assert F.smooth_l1_loss(x, y, reduction="none", beta=2.0).tolist() == [2, 0.0625, 0, 0.25, 1]


# ---- straight lines, twice


@pytest.mark.parametrize("weight", [[0.25], 0.25])
@pytest.mark.parametrize("trained", [True, False])
def test_the_slope_of_prelu_can_be_differentiated(weight, trained):
    x, w = numbers(-1, 0, 2, grad=True), torch.tensor(weight, dtype=torch.float64, requires_grad=trained)
    (slope,) = torch.autograd.grad(F.prelu(x, w).sum(), x, create_graph=True)
    assert slope.tolist() == [0.25, 0.25, 1]
    assert torch.autograd.grad(slope.sum(), x, retain_graph=True)[0].tolist() == [0, 0, 0]
    if trained:
        assert torch.autograd.grad(slope.sum(), w)[0].sum().item() == 2


def test_the_slope_of_relu_can_be_differentiated():
    x = numbers(-1, 0, 2, grad=True)
    (slope,) = torch.autograd.grad(torch.relu(x).sum(), x, create_graph=True)
    assert torch.autograd.grad((slope * slope).sum(), x)[0].tolist() == [0, 0, 0]


def test_a_step_has_the_gradient_zero():
    x, at_zero = numbers(-1, 0, 2, grad=True), numbers(5, 6, 7, grad=True)
    y = torch.heaviside(x, at_zero)
    assert y.tolist() == [0, 6, 1]
    gx, gvalues = torch.autograd.grad(y.sum(), (x, at_zero))
    assert (gx.tolist(), gvalues.tolist()) == ([0, 0, 0], [0, 1, 0])
    assert torch.autograd.grad(torch.heaviside(x, numbers(1)).sum(), x)[0].tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    "count",
    [
        lambda x: torch.norm(x, p=0),
        lambda x: torch.norm(x, p=0, dim=1).sum(),
        lambda x: torch.linalg.vector_norm(x, 0),
        lambda x: torch.cdist(x, x.detach() + 1, p=0).sum(),
        lambda x: torch.dist(x, x.detach() + 1, p=0),
        lambda x: F.pdist(x, p=0).sum(),
        lambda x: F.pairwise_distance(x, x.detach() + 1, p=0).sum(),
    ],
)
def test_the_number_of_nonzeros_has_the_gradient_zero(count):
    x = torch.tensor([[1.0, 0.0], [3.0, 4.0]], requires_grad=True)
    count(x).backward()
    assert x.grad.tolist() == [[0, 0], [0, 0]]


def test_the_number_of_nonzeros_counts_nan():
    assert torch.norm(torch.tensor([NAN, 0.0, 2.0]), p=0).item() == 2
    assert torch.linalg.vector_norm(torch.tensor([NAN, 0.0, 2.0]), 0).item() == 2


# ---- what is constant, singular or infinite beside


def test_a_constant_variable_does_not_reach_the_gradients_of_others():
    x = torch.tensor([[1.0, 1, 1], [1, 2, 4], [3, 1, 1]], dtype=torch.float64, requires_grad=True)
    y = torch.corrcoef(x)
    assert y.isnan().tolist() == [[True] * 3, [True, False, False], [True, False, False]]
    (gradient,) = torch.autograd.grad(y[1, 2], x)
    others = x[1:].detach().requires_grad_()
    (expected,) = torch.autograd.grad(torch.corrcoef(others)[0, 1], others)
    assert gradient[0].tolist() == [0, 0, 0]
    assert gradient[1:].flatten().tolist() == pytest.approx(expected.flatten().tolist())


def test_the_logarithm_of_a_vanishing_determinant_rises_without_bound():
    x = torch.tensor([[[1.0, 2], [2, 4]], [[2.0, 0], [0, 4]]], dtype=torch.float64, requires_grad=True)
    for function in (lambda x: torch.linalg.slogdet(x).logabsdet, torch.logdet):
        (gradient,) = torch.autograd.grad(function(x).sum(), x)
        assert gradient.tolist() == [[[INF, -INF], [-INF, INF]], [[0.5, 0], [0, 0.25]]]


def test_an_infinity_does_not_show_in_the_slope_across_it():
    assert torch.gradient(numbers(1, INF, 3, 5))[0].tolist() == [INF, 1, -INF, 2]
    assert torch.gradient(numbers(-INF, 1, INF, 3), spacing=2.0)[0].tolist() == [INF, INF, 0.5, -INF]
    x = numbers(1, 2, 4, 8, grad=True)
    assert torch.autograd.grad(torch.gradient(x)[0].sum(), x)[0].tolist() == [-1.5, 0.5, -0.5, 1.5]


# ---- cancellation


@pytest.mark.parametrize("dim", [0, 1])
def test_infinities_share_the_gradient_of_logsumexp(dim):
    rows = [[1, INF, 0], [INF, INF, 1], [-INF, -INF, -INF], [INF, -INF, 0]]
    x = torch.tensor(rows, dtype=torch.float64)
    x = (x if dim else x.t()).requires_grad_()
    y = torch.logsumexp(x, dim)
    assert y.tolist() == [INF, INF, -INF, INF]
    (gradient,) = torch.autograd.grad(y, x, torch.ones_like(y))
    expected = [[0, 1, 0], [0.5, 0.5, 0], [1 / 3] * 3, [1, 0, 0]]
    assert (gradient if dim else gradient.t()).tolist() == expected


def test_curvature_of_logsumexp_is_the_covariance_of_softmax():
    x = numbers(1, 2, 4)
    p = torch.softmax(x, 0)
    expected = (torch.diag(p) - p.outer(p)).flatten().tolist()
    for found in (
        hessian(lambda x: torch.logsumexp(x, 0), x),
        forward_over_reverse(lambda x: torch.logsumexp(x, 0))(x),
    ):
        assert found.flatten().tolist() == pytest.approx(expected)


def test_logsumexp_of_many_halves_does_not_count_in_halves():
    assert torch.logsumexp(torch.zeros(70000, dtype=torch.float16), 0).item() == pytest.approx(
        math.log(70000), rel=1e-3
    )


@pytest.mark.parametrize("compute_mode", [None, "use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist"])
def test_distances_far_from_the_origin_keep_their_digits(compute_mode):
    points = torch.arange(90.0).view(30, 3).sin() + 10000
    others = points[:28] + 0.25
    x, y = points.clone().requires_grad_(), others.clone().requires_grad_()
    found = torch.cdist(x, y, compute_mode=compute_mode)
    exact = points.double().unsqueeze(1) - others.double()
    distance = exact.square().sum(-1).sqrt()
    assert (found - distance).abs().max().item() < 1e-4
    gx, gy = torch.autograd.grad(found.sum(), (x, y))
    slope = exact / distance.unsqueeze(-1)
    assert (gx - slope.sum(1)).abs().max().item() < 1e-3 and (gy + slope.sum(0)).abs().max().item() < 1e-3


def test_one_infinite_point_is_far_from_all_and_no_other_is():
    points = torch.arange(90.0).view(30, 3).sin()
    far = torch.cat([points, torch.full((1, 3), INF)])
    assert torch.cdist(far, points).isfinite().all(1).tolist() == [True] * 30 + [False]
    assert torch.cdist(points, far).isfinite().all(0).tolist() == [True] * 30 + [False]


def test_a_class_that_cannot_be_and_is_not_costs_nothing():
    x, p = numbers(-INF, 1, 2, grad=True), numbers(0, 0.5, 0.5)
    loss = F.cross_entropy(x, p)
    rest = x.detach()[1:].requires_grad_()
    expected = F.cross_entropy(rest, p[1:])
    assert loss.item() == pytest.approx(expected.item())
    (gradient,), (of_rest,) = torch.autograd.grad(loss, x), torch.autograd.grad(expected, rest)
    assert gradient.tolist() == pytest.approx([0, *of_rest.tolist()])
    assert F.cross_entropy(x, numbers(0.1, 0.4, 0.5)).item() == INF
    assert F.kl_div(numbers(-INF, 0), numbers(0, 1), reduction="sum").item() == 0


def test_a_query_without_keys_attends_to_nothing_whether_or_not_weights_are_asked_for():
    attention = torch.nn.MultiheadAttention(4, 2, batch_first=True)
    x = torch.arange(24.0).view(2, 3, 4).sin()
    hidden = torch.tensor([[True, True, True], [False, False, True]])
    found, weights = attention(x, x, x, key_padding_mask=hidden)
    without, _ = attention(x, x, x, key_padding_mask=hidden, need_weights=False)
    assert (found - without).abs().max().item() < 1e-6
    assert weights[0].tolist() == [[0] * 3] * 3 and found.isfinite().all()


# ---- nothing


def test_a_product_over_nothing_has_a_gradient():
    x = torch.zeros(0, 3, 0, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(x.prod(1, keepdim=True).sum(), x)
    assert gradient.shape == (0, 3, 0)
    y = torch.zeros(2, 0, dtype=torch.float64, requires_grad=True)
    assert y.prod(1).tolist() == [1, 1] and torch.autograd.grad(y.prod(1).sum(), y)[0].shape == (2, 0)


def test_a_batch_of_nothing_is_multiplied():
    assert torch.matmul(torch.ones(2, 3, 0), torch.ones(0, 2)).tolist() == [[[0, 0]] * 3] * 2
    assert torch.matmul(torch.ones(0, 3, 4), torch.ones(4, 2)).shape == (0, 3, 2)
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        torch.matmul(torch.ones(2, 3, 0), torch.ones(1, 2))


def test_no_correction_is_the_usual_one():
    x = numbers(1, 2, 4)
    assert x.var(correction=None).item() == x.var().item() and x.std(correction=None).item() == x.std().item()


def test_nothing_is_cut_into_as_many_nothings_as_were_asked_for():
    assert [tuple(part.shape) for part in torch.chunk(torch.ones(0, 2), 3)] == [(0, 2)] * 3


def test_the_median_of_nothing_can_go_backward():
    x = torch.zeros(0, 4, dtype=torch.float64, requires_grad=True)
    y = torch.median(x)
    assert y.isnan().item() and torch.autograd.grad(y, x)[0].shape == (0, 4)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: torch.norm(x),
        lambda x: torch.linalg.vector_norm(x, 2, keepdim=True).sum(),
        lambda x: torch.linalg.vector_norm(x, 3),
        lambda x: F.normalize(x, dim=0).sum() * 1e-12,
        lambda x: torch.copysign(x, torch.ones(2, dtype=torch.float64)).sum(),
    ],
)
def test_where_a_gradient_is_held_at_zero_so_is_its_own(function):
    x = numbers(0, 0)
    (gradient,) = torch.autograd.grad(function(leaf := x.clone().requires_grad_()), leaf)
    assert gradient.isfinite().all()
    for found in (hessian(function, x), forward_over_reverse(function)(x)):
        assert found.tolist() == [[0, 0], [0, 0]]


def test_x_log_y_has_the_slope_log_y_at_zero():
    for function, slope in ((torch.xlogy, math.log(2)), (torch.special.xlog1py, math.log(3))):
        assert gradients(function, 0, 2) == pytest.approx([slope, 0])
        assert gradients(function, 0, -1) == [0, 0]
        assert gradients(function, 0, INF)[0] == INF
        x, y = numbers(0, 0), numbers(INF, -1)
        assert function(x, y).tolist() == [0, 0]


def test_a_truncated_quotient_is_flat_where_it_is_infinite_too():
    assert gradients(lambda x, y: torch.div(x, y, rounding_mode="trunc"), 1, 0) == [0, 0]


def test_the_gamma_distribution_has_no_density_below_zero():
    shape = numbers(1, 1, 1)
    for function in (torch.igamma, torch.igammac):
        x = numbers(-1, 0, 1, grad=True)
        slopes = torch.autograd.grad(function(shape, x).sum(), x)[0].abs().tolist()
        assert math.isnan(slopes[0]) and slopes[1:] == pytest.approx([1, math.exp(-1)])


def test_a_variance_divided_by_less_than_nothing():
    x = numbers(1, 2, grad=True)
    assert torch.autograd.grad(x.var(correction=5), x)[0].isinf().all()
    rows = numbers(1, 2, 3, 4).view(2, 2).requires_grad_()
    gradient = torch.autograd.grad(rows.var(1, correction=5).sum(), rows)[0]
    assert gradient.flatten().tolist() == pytest.approx([1 / 3, -1 / 3, 1 / 3, -1 / 3])
