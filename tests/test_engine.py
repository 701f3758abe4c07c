"""The graph engine: roots, inputs, retention, order, re-entrance, threads, freeing. Claims of `backward` and `grad`."""

import gc
import sys
import threading
import weakref

import pytest

import autograd_gpu as torch


class Mark:
    """Left in a node's metadata: it is gone when the node is."""


def leaf(*values: float) -> torch.Tensor:
    return torch.tensor([float(value) for value in values], requires_grad=True)


# Roots


def test_several_roots_add_up():
    x = leaf(1, 2)
    torch.autograd.backward([(x * 2).sum(), (x * 3).sum()])
    assert x.grad.tolist() == [5, 5]


def test_roots_that_depend_on_each_other():
    x = leaf(2)
    y = x * x
    z = y * 3
    torch.autograd.backward([z, y])
    assert x.grad.tolist() == [16]


def test_the_same_root_twice():
    x = leaf(2)
    y = x * x
    torch.autograd.backward([y, y])
    assert x.grad.tolist() == [8]


def test_a_leaf_as_root():
    x = leaf(2)
    x.backward()
    assert x.grad.tolist() == [1]


def test_explicit_gradients():
    x = leaf(1, 2)
    y = x * x
    y.backward(gradient=torch.tensor([1.0, 10.0]))
    assert x.grad.tolist() == [2, 40]


def test_a_roots_gradient_takes_the_roots_dtype():
    x = leaf(1, 2)
    (x * 2).backward(torch.ones(2, dtype=torch.float64))
    assert x.grad.dtype is torch.float32
    assert torch.autograd.grad(x * 2, x, torch.ones(2, dtype=torch.float64))[0].dtype is torch.float32


def test_grad_outputs_may_hold_none_for_a_scalar():
    x = leaf(3)
    y = x * x
    assert torch.autograd.grad([y, y * 2], [x], grad_outputs=[None, torch.tensor([10.0])])[0].tolist() == [126]


def test_the_gradient_itself_is_handed_on_to_a_hook_not_a_copy_of_history():
    x = leaf(1)
    v = leaf(5)
    gradient = torch.autograd.grad(x * 2, x, grad_outputs=v, create_graph=True)[0]
    gradient.backward()
    assert v.grad.tolist() == [2]


# Inputs


def test_backward_with_inputs_touches_nothing_else():
    x, y = leaf(2), leaf(3)
    (x * y).backward(inputs=[x])
    assert x.grad.tolist() == [3]
    assert y.grad is None


def test_backward_with_a_non_leaf_input():
    x = leaf(2)
    y = x * x
    z = y * 3
    z.backward(inputs=[y])
    assert x.grad is None
    assert y.grad.tolist() == [3]


def test_backward_refuses_empty_inputs():
    with pytest.raises(RuntimeError, match=r"inputs. argument to .*backward.* cannot be empty"):
        leaf(1).sum().backward(inputs=[])


def test_grad_of_a_non_leaf():
    x = leaf(2)
    y = x * x
    z = y * y
    gy, gx = torch.autograd.grad(z, [y, x])
    assert (gy.tolist(), gx.tolist()) == ([8], [32])


def test_grad_leaves_the_grad_attribute_alone():
    x = leaf(2)
    torch.autograd.grad(x * x, x)
    assert x.grad is None


def test_grad_of_the_output_itself():
    x = leaf(2)
    y = x * x
    assert torch.autograd.grad(y, y)[0].tolist() == [1]


def test_grad_of_an_input_that_does_not_require_grad():
    x, constant = leaf(1), torch.ones(1)
    with pytest.raises(RuntimeError, match=r"One of the differentiated Tensors does not require grad"):
        torch.autograd.grad(x * constant, constant)


def test_only_nodes_between_the_outputs_and_the_inputs_run():
    x = leaf(1)
    y = x * 2
    z = y * 3
    ran = []
    y.grad_fn.register_hook(lambda gx, gy: ran.append("below"))
    z.grad_fn.register_hook(lambda gx, gy: ran.append("above"))
    torch.autograd.grad(z, y)
    assert ran == ["above"]


def test_duplicate_inputs_get_the_same_gradient():
    x = leaf(2)
    first, second = torch.autograd.grad(x * x, [x, x])
    assert first.tolist() == second.tolist() == [4]


def test_is_grads_batched_gives_a_row_for_each_gradient():
    x = leaf(1, 2, 3)
    y = x * x
    (jacobian,) = torch.autograd.grad(y, x, grad_outputs=torch.eye(3), is_grads_batched=True)
    assert jacobian.tolist() == [[2, 0, 0], [0, 4, 0], [0, 0, 6]]


# Higher orders


def test_orders_of_derivative():
    x = leaf(2)
    y = x**4
    expected = [32, 48, 48, 24]
    for value in expected:
        (y,) = torch.autograd.grad(y, x, create_graph=True)
        assert y.tolist() == [value]


def test_a_gradient_without_create_graph_has_no_history():
    x = leaf(2)
    assert not torch.autograd.grad(x * x, x)[0].requires_grad
    (g,) = torch.autograd.grad(x * x, x, create_graph=True)
    assert g.requires_grad


def test_create_graph_implies_retain_graph():
    x = leaf(2)
    y = x.exp()
    torch.autograd.grad(y, x, create_graph=True)
    torch.autograd.grad(y, x)


def test_gradient_penalty():
    w, x = leaf(3), leaf(2)
    (g,) = torch.autograd.grad((w * x**2).sum(), x, create_graph=True)
    (g**2).sum().backward()
    assert w.grad.tolist() == [2 * 12 * 4]  # d/dw (2 w x)^2 = 2 (2 w x)(2 x)


# Retention and what non-leaves hold


def test_retain_grad_keeps_a_non_leafs_gradient():
    x = leaf(2)
    y = x * x
    y.retain_grad()
    y.retain_grad()
    assert y.retains_grad and not x.retains_grad
    (y * 3).backward()
    assert y.grad.tolist() == [3]


def test_a_non_leafs_grad_is_none_and_warns():
    y = leaf(2) * 2
    y.backward()
    with pytest.warns(UserWarning, match=r"not a leaf Tensor is being accessed"):
        assert y.grad is None


def test_partial_retention_frees_what_ran():
    x = leaf(2)
    shared = x.exp()
    first, second = shared * 2, shared.exp()
    first.backward()
    with pytest.raises(RuntimeError, match=r"second time"):
        second.backward()


# Re-entrance, threads, errors


def test_backward_inside_a_hook():
    x, inner = leaf(2), leaf(3)

    def run_another(gradient):
        with torch.enable_grad():
            (inner * inner).sum().backward()
        return gradient * inner.grad

    y = x * 2
    y.register_hook(run_another)
    y.backward()
    assert x.grad.tolist() == [12]


def test_backward_nested_deeply():
    depth = 100
    runs = []

    class Nest(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, level):
            ctx.level = level
            return x * 1

        @staticmethod
        def backward(ctx, gradient):
            runs.append(ctx.level)
            if ctx.level > 0:
                with torch.enable_grad():
                    Nest.apply(leaf(1), ctx.level - 1).sum().backward()
            return gradient, None

    x = leaf(1)
    Nest.apply(x, depth).backward()
    assert runs == list(range(depth, -1, -1))
    assert x.grad.tolist() == [1]


def test_backward_from_several_threads():
    x = leaf(1, 2)
    results = []

    def run(scale):
        (gradient,) = torch.autograd.grad((x * x * scale).sum(), x)
        results.append((scale, gradient.tolist()))

    threads = [threading.Thread(target=run, args=(scale,)) for scale in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [(scale, [2.0 * scale, 4.0 * scale]) for scale in range(1, 5)]


def test_backwards_on_several_threads_add_up_at_a_shared_leaf():
    x = torch.ones(300, 300, requires_grad=True)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for _ in range(20):
            x.grad = None
            threads = [threading.Thread(target=lambda: [(x * 2).sum().backward() for _ in range(5)]) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert (x.grad.min().item(), x.grad.max().item()) == (40, 40)
    finally:
        sys.setswitchinterval(interval)


def test_an_error_in_backward_reaches_the_caller_and_leaves_the_mode_as_it_was():
    class Fails(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, gradient):
            raise ZeroDivisionError("on purpose")

    with pytest.raises(ZeroDivisionError, match=r"on purpose"):
        Fails.apply(leaf(1)).backward()
    assert torch.is_grad_enabled()


# The graph as users see it


def test_nodes_are_named_and_linked():
    x = leaf(1)
    y = (x * 2).exp()
    node = y.grad_fn
    assert node.name() == "ExpBackward0"
    ((parent, position),) = node.next_functions
    assert (parent.name(), position) == ("MulBackward0", 0)
    accumulate = parent.next_functions[0][0]
    assert accumulate.variable is x
    assert parent.next_functions[1] == (None, 0)


def test_metadata_is_a_dictionary_that_stays_with_the_node():
    y = leaf(1) * 2
    y.grad_fn.metadata["note"] = "mine"
    assert y.grad_fn.metadata == {"note": "mine"}


@pytest.mark.parametrize(
    ("expression", "name", "saved"),
    [
        ("x * y", "MulBackward0", {"self": "x", "other": "y"}),
        ("x / y", "DivBackward0", {"self": "x", "other": "y"}),
        ("x ** 2", "PowBackward0", {"self": "x", "exponent": "2"}),
        ("x ** y", "PowBackward1", {"self": "x", "exponent": "y", "result": "z"}),
        ("2 ** x", "PowBackward2", {"self": "2", "exponent": "x", "result": "z"}),
        ("x.exp()", "ExpBackward0", {"result": "z"}),
        ("x.log1p()", "Log1PBackward0", {"self": "x"}),
        ("x.square()", "PowBackward0", {"self": "x"}),
        ("x.clamp(0, 1)", "ClampBackward1", {"self": "x"}),
        ("torch.where(x > 1, x, y)", "WhereBackward0", {"condition": "x > 1"}),
        ("x.amax(0)", "AmaxBackward0", {"self": "x", "result": "z"}),
        ("x.sort(0)[0]", "SortBackward0", {"indices": "x.sort(0)[1]"}),
        ("x @ y", "MmBackward0", {"self": "x", "mat2": "y"}),
        ("x.softmax(0)", "SoftmaxBackward0", {"result": "z"}),
        ("torch.nn.functional.layer_norm(x, (2,), v)", "NativeLayerNormBackward0", {"input": "x", "weight": "v"}),
    ],
)
def test_saved_values_are_visible_under_pytorchs_names(on_each_device, expression, name, saved):
    names = {
        "torch": torch,
        "x": torch.tensor([[1.0, 2.0], [4.0, 3.0]], requires_grad=True),
        "y": torch.tensor([[1.0, 3.0], [2.0, 5.0]], requires_grad=True),
        "v": torch.tensor([1.0, 2.0], requires_grad=True),
    }
    names["z"] = z = eval(expression, names)
    assert z.grad_fn.name() == name
    for attribute, value in saved.items():
        kept, expected = getattr(z.grad_fn, f"_saved_{attribute}"), eval(value, names)
        assert kept == expected if isinstance(expected, int) else torch.equal(kept, expected)
    assert not hasattr(z.grad_fn, "_saved_nothing_of_the_kind")


def test_what_is_not_needed_is_saved_as_none():
    x, constant = leaf(1, 2), torch.ones(2)
    node = (x * constant).grad_fn
    assert node._saved_self is None
    assert node._saved_other is not None


def test_saved_values_are_gone_after_backward_and_stale_after_a_write():
    x = leaf(1, 2)
    y = x.exp()
    node = y.grad_fn
    with torch.no_grad():
        y.add_(1)
    with pytest.raises(RuntimeError, match=r"modified by an inplace operation"):
        node._saved_result  # noqa: B018
    z = (x * x).sum()
    product = z.grad_fn.next_functions[0][0]
    z.backward()
    with pytest.raises(RuntimeError, match=r"directly access saved"):
        product._saved_self  # noqa: B018


@pytest.mark.parametrize(
    "cut", [torch.Tensor.floor, lambda y: y.clone().zero_(), lambda y: y.clone().copy_(torch.zeros(1)), lambda y: y**0]
)
def test_where_no_gradient_passes_it_is_zero_even_below_an_infinite_one(on_each_device, cut):
    x = torch.tensor([0.5], requires_grad=True)
    y = x * 2
    cut(y).backward(torch.tensor([float("inf")]))
    assert x.grad.tolist() == [0]


def test_the_same_tensor_gives_the_same_node():
    y = leaf(1) * 2
    assert y.grad_fn is y.grad_fn


def test_leaves():
    x, constant = leaf(1), torch.ones(1)
    assert x.is_leaf and constant.is_leaf and (constant * 2).is_leaf
    assert not (x * 2).is_leaf
    assert x.grad_fn is None
    assert (x * 2).detach().is_leaf


def test_integer_results_never_require_grad():
    x = leaf(1, 3, 2)
    assert not (x > 2).requires_grad
    assert not x.argmax().requires_grad
    values, indices = x.max(0)
    assert values.requires_grad and not indices.requires_grad


# Depth and memory


def test_a_chain_of_a_quarter_million_views_runs_and_is_freed():
    x = torch.tensor(1.0, requires_grad=True)
    y = x
    for _ in range(250_000):
        y = y.view(())
    y.backward()
    assert x.grad.item() == 1
    y.grad_fn.metadata["mark"] = mark = Mark()
    node = weakref.ref(mark)
    del y, mark
    assert node() is None


@pytest.mark.parametrize("create_graph", [False, True])
def test_a_graph_is_freed_by_reference_counts_alone(create_graph):
    gc.collect()
    gc.disable()
    try:
        x = leaf(1, 2)
        y = (x.exp() * x.tanh()).softmax(0).sum()
        y.grad_fn.metadata["mark"] = mark = Mark()
        node = weakref.ref(mark)
        (g,) = torch.autograd.grad(y, x, create_graph=create_graph)
        del y, g, mark
        assert node() is None
    finally:
        gc.enable()


def hooks_of_every_kind(x, y):
    torch.autograd.graph.register_multi_grad_hook([x, y], lambda gradients: None)
    y.register_hook(lambda gradient: gradient)
    y.retain_grad()
    y.grad_fn.register_hook(lambda gx, gy: None)
    y.grad_fn.register_prehook(lambda gy: None)
    x.register_post_accumulate_grad_hook(lambda parameter: None)


def write_in_place(x, y):
    y.mul_(2)
    y[:1].add_(x[:1])


@pytest.mark.parametrize("use", [pytest.param(hooks_of_every_kind, marks=pytest.mark.ours), write_in_place])
def test_hooks_and_writes_make_no_cycles(use):
    gc.collect()
    gc.disable()
    try:
        x = leaf(1, 2)
        y = x * 3
        y.grad_fn.metadata["mark"] = mark = Mark()
        node = weakref.ref(mark)
        use(x, y)
        y.sum().backward()
        del y, mark
        assert node() is None
    finally:
        gc.enable()


def test_the_graph_of_a_gradient_goes_with_its_last_handle():
    gc.collect()
    gc.disable()
    try:
        x = leaf(1, 2)
        (x.exp() * x).sum().backward(create_graph=True)
        x.grad.grad_fn.metadata["mark"] = mark = Mark()
        node = weakref.ref(mark)
        del mark
        assert node() is not None
        x.grad = None
        assert node() is None
    finally:
        gc.enable()


def test_a_chain_of_a_million_nodes_runs_and_is_freed():
    gc.disable()  # for time's sake: a million live objects are slow to look over again and again
    try:
        x = torch.tensor(1.0, requires_grad=True)
        y = x
        for _ in range(1_000_000):
            y = -y
        y.backward()
        assert x.grad.item() == 1
        y.grad_fn.metadata["mark"] = mark = Mark()
        node = weakref.ref(mark)
        del y, mark
        assert node() is None
    finally:
        gc.enable()


def test_backward_frees_saved_values():
    x = torch.ones(3, requires_grad=True)
    hidden = x.exp()
    saved = weakref.ref(hidden)
    y = hidden.exp().sum()
    del hidden
    y.backward()
    assert saved() is None


def test_training_steps_keep_memory_flat():
    w = torch.ones(4, 4, requires_grad=True)
    x = torch.ones(2, 4)

    def step():
        loss = (x @ w).tanh().square().mean()
        loss.backward()
        with torch.no_grad():
            w.sub_(w.grad, alpha=0.01)
        w.grad = None

    step()
    gc.collect()
    before = len(gc.get_objects())
    gc.disable()
    try:
        for _ in range(10_000):
            step()
        assert len(gc.get_objects()) - before < 50
    finally:
        gc.enable()
