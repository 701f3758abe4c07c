"""Hooks on tensors and nodes: what they see, what they may change, when they run, how they go away."""

import pytest

import autograd_gpu as torch


def leaf(*values: float) -> torch.Tensor:
    return torch.tensor([float(value) for value in values], requires_grad=True)


def test_tensor_hooks_run_in_order_and_each_sees_the_last_ones_result():
    x = leaf(1)
    x.register_hook(lambda gradient: gradient + 1)
    x.register_hook(lambda gradient: gradient * 10)
    (x * 2).backward()
    assert x.grad.tolist() == [30]


def test_a_hook_that_returns_none_changes_nothing():
    x = leaf(1)
    seen = []
    x.register_hook(lambda gradient: seen.append(gradient.item()))
    (x * 2).backward()
    assert (seen, x.grad.tolist()) == ([2], [2])


def test_a_hook_is_removed_by_its_handle():
    x = leaf(1)
    handle = x.register_hook(lambda gradient: gradient * 10)
    handle.remove()
    handle.remove()
    (x * 2).backward()
    assert x.grad.tolist() == [2]


def test_a_handle_is_a_context():
    x = leaf(1)
    with x.register_hook(lambda gradient: gradient * 10):
        (x * 2).backward()
    (x * 2).backward()
    assert x.grad.tolist() == [22]


def test_a_leaf_hook_sees_the_sum_of_all_paths_once():
    x = leaf(1)
    seen = []
    x.register_hook(lambda gradient: seen.append(gradient.item()))
    (x * 2 + x * 3).backward()
    assert seen == [5]


def test_hooks_work_with_grad_too():
    x = leaf(1)
    y = x * 2
    y.register_hook(lambda gradient: gradient * 10)
    assert torch.autograd.grad(y, x)[0].tolist() == [20]


def test_retained_gradient_is_what_the_hooks_made_of_it():
    x = leaf(1)
    y = x * 2
    y.retain_grad()
    y.register_hook(lambda gradient: gradient * 10)
    (y * 3).backward()
    assert y.grad.tolist() == [30]
    assert x.grad.tolist() == [60]


def test_a_hook_of_a_wrong_kind_or_place():
    with pytest.raises(RuntimeError, match=r"cannot register a hook on a tensor that doesn't require gradient"):
        torch.ones(1).register_hook(print)
    with pytest.raises(RuntimeError, match=r"post accumulate grad hooks cannot be registered on non-leaf tensors"):
        (leaf(1) * 2).register_post_accumulate_grad_hook(print)


def test_a_replacement_of_a_wrong_kind_is_refused():
    x = leaf(1)
    x.register_hook(lambda gradient: 1)
    with pytest.raises(TypeError):
        (x * 2).backward()


def test_a_hook_that_raises_reaches_the_caller():
    x = leaf(1)

    def fail(gradient):
        raise ZeroDivisionError("in a hook")

    x.register_hook(fail)
    with pytest.raises(ZeroDivisionError, match=r"in a hook"):
        (x * 2).backward()
    assert torch.is_grad_enabled()


def test_hooks_take_part_in_higher_orders():
    x = leaf(3)
    y = x * x
    y.register_hook(lambda gradient: gradient * x)
    (g,) = torch.autograd.grad(y, x, create_graph=True)  # x * 2x
    g.backward()
    assert x.grad.tolist() == [12]


def test_node_hooks_see_both_sides():
    x = leaf(3)
    y = x * x.detach()
    seen = {}

    def before(gy):
        seen["pre"] = [gradient.item() for gradient in gy]

    def after(gx, gy):
        seen["post"] = ([None if gradient is None else gradient.item() for gradient in gx], gy[0].item())

    y.grad_fn.register_prehook(before)
    y.grad_fn.register_hook(after)
    (y * 2).backward()
    assert seen == {"pre": [2], "post": ([6, None], 2)}


def test_node_hooks_may_replace():
    x = leaf(3)
    y = x * 2
    y.grad_fn.register_prehook(lambda gy: (gy[0] + 1,))
    handle = y.grad_fn.register_hook(lambda gx, gy: (gx[0] * 10, None))
    y.backward(retain_graph=True)
    assert x.grad.tolist() == [40]
    handle.remove()
    y.backward()
    assert x.grad.tolist() == [44]


def test_post_accumulate_hooks_see_the_accumulated_gradient():
    x = leaf(1)
    seen = []

    def step(parameter):
        seen.append(parameter.grad.item())
        parameter.grad = None

    handle = x.register_post_accumulate_grad_hook(step)
    (x * 2).backward()
    (x * 3).backward()
    assert seen == [2, 3]
    assert x.grad is None
    handle.remove()
    (x * 3).backward()
    assert x.grad.tolist() == [3]


def test_post_accumulate_hooks_do_not_run_for_grad():
    x = leaf(1)
    x.register_post_accumulate_grad_hook(lambda parameter: pytest.fail("nothing was accumulated"))
    assert torch.autograd.grad(x * 2, x)[0].tolist() == [2]


def test_multi_grad_hook_waits_for_all():
    x, y = leaf(1), leaf(2)
    seen = []
    handle = torch.autograd.graph.register_multi_grad_hook([x, y], lambda grads: seen.append([g.item() for g in grads]))
    (x * y).backward()
    assert seen == [[2, 1]]
    handle.remove()
    (x * y).backward()
    assert len(seen) == 1


def test_hooks_of_an_in_place_changed_tensor_belong_to_their_version():
    x = leaf(1)
    y = x * 2
    y.register_hook(lambda gradient: gradient * 10)
    y.mul_(3)
    y.register_hook(lambda gradient: gradient * 100)
    y.backward()
    assert x.grad.tolist() == [2 * 10 * 3 * 100]


def test_a_retained_gradient_follows_the_tensor_to_its_new_version():
    x = leaf(1)
    y = x * 2
    y.retain_grad()
    y.mul_(3)
    (y * 5).backward()
    assert y.grad.tolist() == [5]
