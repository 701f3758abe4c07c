"""gradcheck and gradgradcheck: right gradients pass, each kind of wrong one is caught and placed."""

import re

import pytest

import autograd_gpu as torch
from autograd_gpu.autograd.gradient_checks import GradcheckError, gradcheck, gradgradcheck

pytestmark = pytest.mark.ours


def double(*values: float) -> torch.Tensor:
    return torch.tensor([float(value) for value in values], dtype=torch.float64, requires_grad=True)


class WrongAtOne(torch.autograd.Function):
    """y = x^2 with a gradient that is wrong in element 1 alone."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x * x

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return gy * 2 * x * torch.tensor([1.0, 1.5, 1.0], dtype=torch.float64)


class WrongSecondOrder(torch.autograd.Function):
    """y = x^3 whose gradient forgets that it depends on x."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return gy * 3 * x.detach() ** 2


def test_right_gradients_pass():
    x, y = double(1, 2, 3), double(0.5, -1, 2)
    assert gradcheck(lambda x, y: (x * y, x.exp() + y), (x, y))
    assert gradgradcheck(lambda x, y: (x * y, x.exp() + y), (x, y))


@pytest.mark.parametrize("fast_mode", [False, True])
def test_a_wrong_gradient_is_caught(fast_mode):
    with pytest.raises(GradcheckError, match=r"output 0 with respect to input 0"):
        gradcheck(WrongAtOne.apply, double(1, 2, 3), fast_mode=fast_mode)
    assert not gradcheck(WrongAtOne.apply, double(1, 2, 3), fast_mode=fast_mode, raise_exception=False)


def test_the_report_names_the_first_bad_entry():
    with pytest.raises(GradcheckError) as caught:
        gradcheck(lambda note, x: (x + 1, WrongAtOne.apply(x)), ("note", double(1, 2, 3)))
    message = str(caught.value)
    assert "output 1 with respect to input 1: 1 of 9 entries are wrong" in message
    assert re.search(r"d output\[1\] / d input\[1\]: numerical (3\.999|4\.000)\d*, analytical 6\.0 ", message)


def test_a_wrong_second_order_passes_gradcheck_and_fails_gradgradcheck():
    x = double(1, 2)
    assert gradcheck(WrongSecondOrder.apply, x)
    with pytest.raises(GradcheckError):
        gradgradcheck(WrongSecondOrder.apply, x)


def test_a_gradient_that_is_missing_is_caught():
    with pytest.raises(GradcheckError, match="Jacobian mismatch"):
        gradcheck(lambda x: x.detach() * 2, double(1))


def test_a_nan_is_wrong():
    with pytest.raises(GradcheckError, match="Jacobian mismatch"):
        gradcheck(lambda x: x.sqrt(), double(-1))


@pytest.mark.parametrize("fast_mode", [False, True])
def test_backward_must_repeat_itself(fast_mode):
    calls = []

    class Drifts(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, gy):
            calls.append(1)
            return gy * (2 + 1e-7 * len(calls))

    with pytest.raises(GradcheckError, match="not reentrant"):
        gradcheck(Drifts.apply, double(1, 2), fast_mode=fast_mode)
    assert gradcheck(Drifts.apply, double(1, 2), fast_mode=fast_mode, nondet_tol=1e-5)


def test_something_must_require_grad():
    with pytest.raises(ValueError, match="at least one input tensor to require gradient"):
        gradcheck(lambda x: x, double(1).detach())


def test_low_precision_warns():
    with pytest.warns(UserWarning, match="float64"):
        gradcheck(lambda x: x * 2, torch.ones(2, requires_grad=True), eps=1e-2, atol=1e-2)


def test_batched_gradients():
    assert gradcheck(lambda x: x * x, double(1, 2), check_batched_grad=True)


def test_gradient_dtypes():
    assert gradcheck(lambda x: x * x, double(1, 2), check_grad_dtypes=True)


def test_inputs_of_any_layout():
    square = torch.arange(6.0, dtype=torch.float64).view(2, 3).t().detach().requires_grad_()
    assert gradcheck(lambda x: x.exp(), square)
    expanded = torch.ones(1, dtype=torch.float64).expand(3).detach().requires_grad_()
    assert gradcheck(lambda x: x.exp(), expanded)


class WrongTangent(torch.autograd.Function):
    """y = x^2 whose jvp is wrong in element 1 alone."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        ctx.save_for_forward(x)
        return x * x

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return gy * 2 * x

    @staticmethod
    def jvp(ctx, tangent):
        (x,) = ctx.saved_tensors
        return tangent * 2 * x * torch.tensor([1.0, 1.5, 1.0], dtype=torch.float64)


@pytest.mark.parametrize("fast_mode", [False, True])
def test_a_wrong_tangent_is_caught_by_the_forward_check_alone(fast_mode):
    x = double(1, 2, 3)
    assert gradcheck(WrongTangent.apply, x, fast_mode=fast_mode)
    with pytest.raises(GradcheckError, match="in forward mode"):
        gradcheck(WrongTangent.apply, x, check_forward_ad=True, fast_mode=fast_mode)


@pytest.mark.parametrize("fast_mode", [False, True])
def test_right_tangents_pass_one_by_one_and_batched(fast_mode):
    def function(x):
        return x.exp() * x.sum(), x.prod()

    assert gradcheck(
        function, double(1, 2, 3), check_forward_ad=True, check_batched_forward_grad=True, fast_mode=fast_mode
    )
    assert gradgradcheck(function, double(1, 2, 3), check_fwd_over_rev=True, gen_non_contig_grad_outputs=True)


class NeedsBoth(torch.autograd.Function):
    """Two outputs; a missing gradient of the second is taken for ones."""

    @staticmethod
    def forward(ctx, x):
        ctx.set_materialize_grads(False)
        return x * 2, x * 3

    @staticmethod
    def backward(ctx, g2, g3):
        g2 = 0 if g2 is None else g2
        return g2 * 2 + (1 if g3 is None else g3 * 3)


def test_a_missing_gradient_must_count_as_zeros():
    with pytest.raises(GradcheckError):
        gradcheck(NeedsBoth.apply, double(1, 2, 3))

    def both(x):  # each output's own Jacobian is right here, since both are always given
        a, b = NeedsBoth.apply(x)
        return a + b * 0, b + a * 0

    assert gradcheck(both, double(1, 2, 3))


def test_options_that_ask_for_nothing_are_refused():
    with pytest.raises(ValueError, match="at least one of check_forward_ad and check_backward_ad"):
        gradcheck(torch.exp, double(1), check_backward_ad=False)
    with pytest.raises(ValueError, match="requires check_forward_ad"):
        gradcheck(torch.exp, double(1), check_batched_forward_grad=True)
