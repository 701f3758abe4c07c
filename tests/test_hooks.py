"""Hooks on tensors and nodes: what they see, what they may change, when they run, how they go away."""

import threading

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


def test_multi_grad_hook_gets_none_for_what_a_backward_does_not_reach():
    x, y = leaf(1), leaf(2)
    seen = []
    multi = torch.autograd.graph.register_multi_grad_hook
    multi([x, y], lambda grads: seen.append([g if g is None else g.item() for g in grads]))
    (x * 3).backward()
    (y * 5).backward()
    (x * y).backward()
    assert seen == [[3, None], [None, 5], [2, 1]]


def test_multi_grad_hook_for_any_runs_once_with_the_first_gradient():
    x = leaf(1)
    y = x * 2
    seen = []
    torch.autograd.graph.register_multi_grad_hook([x, y], lambda g: seen.append(g.item()), mode="any")
    z = y * 5
    z.backward(retain_graph=True)
    z.backward()
    assert seen == [5, 5]


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


# Saved-tensor hooks


def doubling():
    """Hooks that make every saved value show: what was saved is read back doubled."""
    return torch.autograd.graph.saved_tensors_hooks(lambda x: x * 2, lambda x: x)


@pytest.mark.parametrize(
    ("function", "value", "expected"),
    [(torch.square, 3.0, 12.0), (torch.exp, 0.0, 2.0), (lambda x: x.tanh(), 0.0, 1.0), (lambda x: x * x, 3.0, 12.0)],
)
def test_inputs_and_outputs_that_are_saved_go_through_the_hooks(on_each_device, function, value, expected):
    x = torch.tensor(value, requires_grad=True)
    with doubling():
        y = function(x)
    y.backward()
    assert x.grad.item() == expected


def test_an_identity_hook_changes_no_second_derivative():
    x = leaf(0.5)
    with torch.autograd.graph.saved_tensors_hooks(lambda x: x.clone(), lambda x: x):
        y = x.exp() * x.sin()
        (g,) = torch.autograd.grad(y, x, create_graph=True)
    (plain,) = torch.autograd.grad(x.exp() * x.sin(), x, create_graph=True)
    ours, theirs = (torch.autograd.grad(g, x)[0].item() for g in (g, plain))
    assert ours == pytest.approx(theirs)


def test_pack_hooks_record_nothing():
    x = leaf(1)
    seen = []

    def pack(value):
        seen.append((torch.is_grad_enabled(), (value * 2).requires_grad))
        return value

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
        (x * 2).exp()
    assert seen == [(False, False)]


def test_saved_tensor_hooks_that_break_the_rules():
    x = leaf(1)
    hooks = torch.autograd.graph.saved_tensors_hooks
    with hooks(lambda x: x, lambda x: 5):
        y = x.exp()
    with pytest.raises(TypeError, match=r"unpack_hook expected to be a Tensor"):
        y.backward()
    with (
        pytest.raises(RuntimeError, match=r"pack hook is modifying its input in place"),
        hooks(lambda x: x.mul_(2), lambda x: x),
    ):
        (x * 2).exp()


def test_saved_tensor_hooks_nest_and_the_innermost_counts():
    x = leaf(3)
    with doubling():
        with torch.autograd.graph.saved_tensors_hooks(lambda x: x * 10, lambda x: x):
            y = x.square()
        z = x.square()
    y.backward()
    assert x.grad.tolist() == [60]
    x.grad = None
    z.backward()
    assert x.grad.tolist() == [12]


def test_saved_tensor_hooks_belong_to_their_thread():
    x = leaf(3)
    inside, done = threading.Event(), threading.Event()

    def elsewhere():
        with doubling():
            inside.set()
            done.wait(10)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    inside.wait(10)
    y = x.square()
    done.set()
    thread.join()
    y.backward()
    assert x.grad.tolist() == [6]


def test_saved_tensor_hooks_can_be_forbidden():
    graph = torch.autograd.graph
    with graph.disable_saved_tensors_hooks("not here"), pytest.raises(RuntimeError, match=r"not here"), doubling():
        pass
    with doubling(), pytest.raises(RuntimeError, match=r"not here"), graph.disable_saved_tensors_hooks("not here"):
        pass
    with doubling():
        pass


def test_saving_on_the_cpu_gives_the_same_gradients(on_each_device):
    def gradients(context):
        x = torch.tensor([[0.5, -1.0], [2.0, 0.1]], requires_grad=True)
        with context:
            y = (x @ x).softmax(1).exp().sum() + torch.nn.functional.layer_norm(x, (2,)).tanh().sum()
        y.backward()
        return x.grad.tolist()

    class Nothing:
        __enter__ = __exit__ = lambda self, *exception: None

    assert gradients(torch.autograd.graph.save_on_cpu()) == gradients(Nothing())


def test_a_node_can_be_called():
    x = torch.tensor([2.0], requires_grad=True)
    y = torch.tensor([5.0], requires_grad=True)
    node = (x * y).grad_fn
    gradients = node(torch.ones(1))
    assert [g.tolist() for g in gradients] == [[5], [2]]
    with pytest.raises(TypeError):
        node(torch.ones(1), torch.ones(1))


def test_a_prehook_that_returns_too_many():
    y = torch.tensor([2.0], requires_grad=True).exp()
    y.grad_fn.register_prehook(lambda gradients: (gradients[0], gradients[0]))
    with pytest.raises(RuntimeError, match=r"has returned an incorrect number of values \(got 2, but expected 1\)"):
        y.backward()


# ---- of what nothing came to, of leaves' nodes, of views that were written


def test_the_hook_of_an_output_that_nothing_came_to_gets_none_when_its_node_runs(device):
    x = torch.ones(4, device=device, requires_grad=True)
    used, unused = x.split(2)
    seen = []
    unused.register_hook(seen.append)
    used.sum().backward()
    assert seen == [None]


def test_nothing_is_not_replaced_by_something():
    used, unused = torch.ones(4, requires_grad=True).split(2)
    unused.register_hook(lambda _: torch.ones(2))
    with pytest.raises(RuntimeError, match="can't replace a None gradient with a non-None value"):
        used.sum().backward()


@pytest.mark.parametrize("inputs", [False, True])
def test_the_node_of_a_leaf_has_hooks_in_order(inputs):
    x = leaf(1, 2)
    seen = []
    y = x * 3
    node = y.grad_fn.next_functions[0][0]
    x.register_hook(lambda g: seen.append(("tensor", g.tolist())))
    node.register_prehook(lambda gs: seen.append(("before", gs[0].tolist())) or (gs[0] * 10,))
    x.register_post_accumulate_grad_hook(lambda p: seen.append(("kept", p.grad.tolist())))
    node.register_hook(lambda gradients, gs: seen.append(("after", gradients, gs[0].tolist())))
    y.sum().backward(inputs=[x] if inputs else None)
    assert seen == [("tensor", [3, 3]), ("before", [3, 3]), ("kept", [30, 30]), ("after", (), [30, 30])]
    assert x.grad.tolist() == [30, 30]


@pytest.mark.parametrize(("result", "error"), [(3, TypeError), (torch.ones(1), RuntimeError)])
def test_a_hook_after_accumulation_returns_nothing(result, error):
    x = leaf(1)
    x.register_post_accumulate_grad_hook(lambda _: result)
    with pytest.raises(error, match=r"hook returned 'int'|hooks should return None"):
        (x * 2).backward()


def test_retained_gradients_are_of_the_view_as_it_is(device):
    weights = torch.tensor([10.0, 100.0], device=device)

    def views():
        base = torch.ones(4, device=device, requires_grad=True) * 1
        part = base[1:3]
        part.retain_grad()
        return base, part

    base, part = views()
    part.mul_(2)
    part.mul_(3)
    (part * weights).sum().backward()
    assert part.grad.tolist() == [10, 100]
    base, part = views()
    base.mul_(2)
    (part * weights).sum().backward()
    assert part.grad.tolist() == [10, 100]
    base, part = views()
    part.mul_(2)
    base.sum().backward()
    assert part.grad is None


def test_zeros_of_an_unused_input_can_be_differentiated_like_the_others():
    x, unused = leaf(1), leaf(2)
    for create_graph in (True, False):
        found = torch.autograd.grad((x * x).sum(), (x, unused), create_graph=create_graph, materialize_grads=True)
        assert [g.requires_grad for g in found] == [create_graph, create_graph]
        assert found[1].tolist() == [0]


def test_pack_hooks_entered_in_a_backward_end_with_it():
    x, packed = leaf(2), []
    hooks = torch.autograd.graph.saved_tensors_hooks(lambda v: packed.append(v) or v, lambda v: v)
    y = x * 1
    y.register_hook(lambda _: hooks.__enter__())
    y.backward()
    assert (x * x).requires_grad and packed == []
