"""`autograd.functional`: Jacobians and Hessians row by row, all rows at once, and by columns in forward mode agree."""

import pytest

import autograd_gpu as torch
from autograd_gpu.autograd.functional import hessian, jacobian


def numbers(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


X, Y = numbers(0.5, -1.0, 2.0), numbers(3.0, 0.25)
WAYS = [{}, {"vectorize": True}, {"vectorize": True, "strategy": "forward-mode"}]


def listed(blocks):
    return [listed(b) for b in blocks] if isinstance(blocks, (tuple, list)) else blocks.tolist()


@pytest.mark.parametrize("way", WAYS)
def test_one_input_one_output(way):
    found = jacobian(lambda x: x * x.sum(), X, **way)
    assert found.tolist() == [[2.0, 0.5, 0.5], [-1.0, 0.5, -1.0], [2.0, 2.0, 3.5]]


@pytest.mark.parametrize("way", WAYS)
def test_several_of_both(way):
    def function(x, y):
        return (x[:2] * y, y.prod())

    found = jacobian(function, (X, Y), **way)
    assert listed(found) == [
        [[[3, 0, 0], [0, 0.25, 0]], [[0.5, 0], [0, -1]]],
        [[0, 0, 0], [0.25, 3]],
    ]


@pytest.mark.parametrize("way", WAYS)
def test_an_output_that_does_not_depend_on_the_input(way):
    assert jacobian(lambda x: torch.ones(2, dtype=torch.float64), X, **way).tolist() == [[0, 0, 0], [0, 0, 0]]


@pytest.mark.parametrize("way", WAYS)
def test_hessians(way):
    way = dict(way)
    if "strategy" in way:
        way["outer_jacobian_strategy"] = way.pop("strategy")
    found = hessian(lambda x, y: (x[:2] ** 2 * y).sum(), (X, Y), **way)
    assert listed(found) == [
        [[[6, 0, 0], [0, 0.5, 0], [0, 0, 0]], [[1, 0], [0, -2], [0, 0]]],
        [[[1, 0, 0], [0, -2, 0]], [[0, 0], [0, 0]]],
    ]
    assert not X.requires_grad


@pytest.mark.parametrize("vectorize", [False, True])
def test_a_jacobian_can_be_differentiated(vectorize):
    x = X.clone().requires_grad_()
    jacobian(lambda x: x**3, x, create_graph=True, vectorize=vectorize).sum().backward()
    assert x.grad.tolist() == [3, -6, 12]


def test_gradients_in_a_batch_are_one_pass():
    passes = []
    x = X.clone().requires_grad_()
    y = x**2
    y.grad_fn.register_hook(lambda *gradients: passes.append(1))
    (rows,) = torch.autograd.grad(y, x, torch.eye(3, dtype=torch.float64), is_grads_batched=True)
    assert rows.tolist() == [[1, 0, 0], [0, -2, 0], [0, 0, 4]]
    assert len(passes) == 1


def test_an_unused_input_has_no_batched_gradient():
    x, y = X.clone().requires_grad_(), Y.clone().requires_grad_()
    found = torch.autograd.grad(
        x * 2, (y, x), torch.eye(3, dtype=torch.float64), is_grads_batched=True, allow_unused=True
    )
    assert found[0] is None
    assert found[1].tolist() == [[2, 0, 0], [0, 2, 0], [0, 0, 2]]


def test_what_does_not_go_together_is_refused():
    with pytest.raises(AssertionError, match="Expected strategy"):
        jacobian(torch.exp, X, strategy="sideways")
    with pytest.raises(RuntimeError, match="`strict=True` and `vectorized=True` are not supported together"):
        jacobian(torch.exp, X, strict=True, vectorize=True)
    with pytest.raises(NotImplementedError, match="`create_graph=True` and"):
        jacobian(torch.exp, X, create_graph=True, vectorize=True, strategy="forward-mode")
    with pytest.raises(NotImplementedError, match="only implemented for `vectorize=True`"):
        jacobian(torch.exp, X, strategy="forward-mode")
