"""Forward mode: dual tensors, their tangents through every kind of operation, a Function's own jvp, mixes with reverse
mode."""

import math

import pytest

import autograd_gpu as torch
import autograd_gpu.autograd.forward_ad as fwAD


def numbers(*values: float, device: str = "cpu", grad: bool = False) -> torch.Tensor:
    return torch.tensor([float(v) for v in values], dtype=torch.float64, device=device, requires_grad=grad)


def tangent_of(function, x: torch.Tensor, t: torch.Tensor) -> torch.Tensor | None:
    with fwAD.dual_level():
        return fwAD.unpack_dual(function(fwAD.make_dual(x, t))).tangent


def test_a_dual_is_taken_apart_again(device):
    x, t = numbers(1, 2, device=device), numbers(3, 4, device=device)
    with fwAD.dual_level():
        dual = fwAD.make_dual(x, t)
        primal, tangent = fwAD.unpack_dual(dual)
        assert (primal.tolist(), tangent.tolist()) == ([1, 2], [3, 4])
        assert tangent is t
        assert fwAD.unpack_dual(primal).tangent is None
        assert fwAD.unpack_dual(x).tangent is None


def test_a_tangent_goes_through_operations(device):
    x, t = numbers(1, 2, device=device), numbers(3, 4, device=device)
    assert tangent_of(lambda x: x * x, x, t).tolist() == [6, 16]
    assert tangent_of(lambda x: 2 * x + 1, x, t).tolist() == [6, 8]
    assert tangent_of(lambda x: x.sum(), x, t).item() == 7
    assert tangent_of(lambda x: x[1:], x, t).tolist() == [4]
    assert tangent_of(lambda x: x.sort(descending=True).values, x, t).tolist() == [4, 3]
    assert tangent_of(lambda x: torch.cat([x, x.neg()]), x, t).tolist() == [3, 4, -3, -4]
    assert tangent_of(lambda x: x.detach(), x, t) is None
    assert tangent_of(lambda x: x > 1, x, t) is None


def test_the_tangent_of_a_view_is_a_view_of_the_tangent():
    t = numbers(3, 4)
    with fwAD.dual_level():
        dual = fwAD.make_dual(numbers(1, 2), t)
        part = fwAD.unpack_dual(dual[1:]).tangent
        t.mul_(2)
        assert part.tolist() == [8]


def test_two_inputs_have_tangents_of_their_own():
    with fwAD.dual_level():
        x, y = fwAD.make_dual(numbers(2), numbers(1)), fwAD.make_dual(numbers(3), numbers(10))
        assert fwAD.unpack_dual(x * y).tangent.tolist() == [23]
        assert fwAD.unpack_dual(x * numbers(3)).tangent.tolist() == [3]


def test_writing_in_place_writes_the_tangent(device):
    def function(x):
        y = x.clone()
        y[0] = y[1] * 3
        y[1].mul_(y[0])
        y.add_(1)
        return y

    # y0 = 3 x1, y1 = 3 x1^2
    tangent = tangent_of(function, numbers(1, 2, device=device), numbers(5, 7, device=device))
    assert tangent.tolist() == [21, 84]


def test_writing_a_dual_into_a_plain_tensor():
    def function(x):
        y = torch.zeros(3, dtype=torch.float64)
        y[1:] = x
        return y * 2

    assert tangent_of(function, numbers(1, 2), numbers(5, 7)).tolist() == [0, 10, 14]


def test_a_constant_written_over_a_dual_ends_its_tangent():
    def function(x):
        y = x.clone()
        y[0] = 9.0
        y[1:].zero_()
        return y

    assert tangent_of(function, numbers(1, 2), numbers(5, 7)).tolist() == [0, 0]


def test_no_grad_does_not_stop_tangents():
    with torch.no_grad():
        tangent = tangent_of(lambda x: x * x, numbers(3), numbers(1))
    assert tangent.tolist() == [6]
    assert not tangent.requires_grad


def test_nothing_is_recorded_where_nothing_requires_grad():
    with fwAD.dual_level():
        y = (fwAD.make_dual(numbers(3), numbers(1)) ** 2).exp()
        assert y.grad_fn is None
        assert fwAD.unpack_dual(y).tangent.grad_fn is None


def test_the_primal_is_still_recorded():
    x = numbers(3, grad=True)
    with fwAD.dual_level():
        y = fwAD.make_dual(x, numbers(1)) ** 2
        (g,) = torch.autograd.grad(y, x)
    assert g.tolist() == [6]


def test_reverse_over_forward():
    x, t = numbers(0.5, 2, grad=True), numbers(1, 3)
    with fwAD.dual_level():
        tangent = fwAD.unpack_dual(fwAD.make_dual(x, t).sin()).tangent
        tangent.sum().backward()
    assert x.grad.tolist() == pytest.approx([-math.sin(0.5), -3 * math.sin(2)])


@pytest.mark.parametrize("create_graph", [False, True])
def test_forward_over_reverse_is_a_hessian_vector_product(create_graph, device):
    x, v = numbers(0.5, 2, device=device, grad=True), numbers(1, 3, device=device)
    with fwAD.dual_level():
        dual = fwAD.make_dual(x, v)
        y = (dual.exp() * dual).sum() + dual.prod()  # exp saves its output, and x receives several gradients
        (g,) = torch.autograd.grad(y, dual, create_graph=create_graph)
        found = fwAD.unpack_dual(g).tangent.tolist()
    expected = [math.exp(0.5) * 2.5 + 3, math.exp(2) * 4 * 3 + 1]
    assert found == pytest.approx(expected)


@pytest.mark.ours
def test_tangents_arrive_in_grad():
    x, v = numbers(2, grad=True), numbers(1)
    with fwAD.dual_level():
        (fwAD.make_dual(x, v) ** 3).sum().backward()
        assert fwAD.unpack_dual(x.grad).tangent.tolist() == [12]


def test_grad_and_vmap_inside_forward_mode():
    x, t = torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    tangent = tangent_of(torch.func.vmap(torch.func.grad(lambda row: (row**3).sum())), x, t)
    assert tangent.tolist() == [[6, 0], [0, 24]]


@pytest.mark.ours
def test_forward_mode_inside_vmap():
    x = numbers(1, 2)

    def column(t):
        return tangent_of(lambda x: x.prod() * x, x, t)

    jacobian = torch.func.vmap(column)(torch.eye(2, dtype=torch.float64))
    assert jacobian.tolist() == [[4, 4], [1, 4]]


class Cube(torch.autograd.Function):
    """x^3 with both rules; the forward one is wrong by a factor of 10, to be recognised."""

    @staticmethod
    def forward(ctx, x, factor):
        ctx.save_for_backward(x)
        ctx.save_for_forward(x)
        ctx.factor = factor
        return factor * x**3

    @staticmethod
    def backward(ctx, gy):
        (x,) = ctx.saved_tensors
        return gy * ctx.factor * 3 * x**2, None

    @staticmethod
    def jvp(ctx, tangent, none):
        assert none is None
        (x,) = ctx.saved_tensors
        return 10 * tangent * ctx.factor * 3 * x**2


def test_a_functions_own_jvp_is_called():
    x = numbers(2, grad=True)
    with fwAD.dual_level():
        y = Cube.apply(fwAD.make_dual(x, numbers(1)), 2.0)
        assert fwAD.unpack_dual(y).tangent.tolist() == [240]
        (g,) = torch.autograd.grad(y, x)
    assert g.tolist() == [24]


def test_a_function_without_jvp_says_so():
    class Plain(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

    with fwAD.dual_level():
        assert Plain.apply(numbers(1)).tolist() == [2]
        with pytest.raises(NotImplementedError, match="You must implement the jvp function"):
            Plain.apply(fwAD.make_dual(numbers(1), numbers(1)))


def test_jvp_with_the_wrong_number_of_tangents():
    class Two(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2, x * 3

        @staticmethod
        def jvp(ctx, tangent):
            return tangent

    with fwAD.dual_level(), pytest.raises(RuntimeError, match="invalid number of forward gradients"):
        Two.apply(fwAD.make_dual(numbers(1), numbers(1)))


def test_jvp_gets_zeros_for_an_input_without_tangent():
    class Product(torch.autograd.Function):
        @staticmethod
        def forward(x, y):
            return x * y

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_forward(*inputs)

        @staticmethod
        def jvp(ctx, tx, ty):
            x, y = ctx.saved_tensors
            return tx * y + x * ty

    with fwAD.dual_level():
        y = Product.apply(fwAD.make_dual(numbers(2), numbers(1)), numbers(5))
        assert fwAD.unpack_dual(y).tangent.tolist() == [5]


def test_the_level_ends_and_the_tangents_with_it():
    with fwAD.dual_level():
        dual = fwAD.make_dual(numbers(1), numbers(1))
    assert fwAD.unpack_dual(dual).tangent is None
    assert "tangent" not in repr(dual)
    with fwAD.dual_level():
        assert fwAD.unpack_dual(dual * 2).tangent is None


def test_a_level_left_by_an_error_is_over():
    with pytest.raises(ZeroDivisionError), fwAD.dual_level():
        fwAD.make_dual(numbers(1), numbers(1))
        raise ZeroDivisionError
    fwAD.enter_dual_level()
    fwAD.exit_dual_level()


def test_printing_shows_the_tangent():
    with fwAD.dual_level():
        assert repr(fwAD.make_dual(torch.tensor([1.0]), torch.tensor([2.0]))) == "tensor([1.], tangent=tensor([2.]))"


def test_misuse_is_refused():
    x = numbers(1, 2)
    with pytest.raises(RuntimeError, match="no level exists"):
        fwAD.make_dual(x, x)
    with fwAD.dual_level():
        with pytest.raises(RuntimeError, match="Nested forward mode AD is not supported"):
            fwAD.enter_dual_level()
        with pytest.raises(RuntimeError, match="has a different size"):
            fwAD.make_dual(x, numbers(1))
        with pytest.raises(ValueError, match="Expected primal to be floating point"):
            fwAD.make_dual(torch.tensor([1]), torch.tensor([1.0]))
        with pytest.raises(ValueError, match="Expected tangent to be floating point"):
            fwAD.make_dual(x, torch.tensor([1, 2]))
    with pytest.raises(RuntimeError):
        fwAD.exit_dual_level()


@pytest.mark.ours
def test_forward_mode_costs_no_graph_of_the_past():
    """Pushing through one more operation looks at that operation only, however long the recorded history is."""
    from autograd_gpu import engine

    x = numbers(1, grad=True)
    looked_at = []
    original = engine._nodes_leading_to

    def counting(targets, roots):
        found = original(targets, roots)
        looked_at.append(len(found))
        return found

    engine._nodes_leading_to = counting
    try:
        with fwAD.dual_level():
            y = fwAD.make_dual(x, numbers(1))
            for _ in range(200):
                y = y.sin()
    finally:
        engine._nodes_leading_to = original
    assert max(looked_at) < 10


@pytest.mark.ours
def test_a_long_level_remembers_living_tensors_only():
    from autograd_gpu.modes import duals

    with fwAD.dual_level():
        y = fwAD.make_dual(numbers(1), numbers(1))
        for _ in range(300):
            y = y.sin()
        assert len(duals[0].carriers) < 10
