"""The fifteen statements that small autograds get wrong, each as claims, on both devices.

Deeper claims about one mechanism are in its own file: test_engine, test_modes, test_inplace_views, test_hooks.
"""

import gc
import threading

import pytest

import autograd_gpu as torch

pytestmark = pytest.mark.usefixtures("on_each_device")


def leaf(*values: float) -> torch.Tensor:
    return torch.tensor([float(value) for value in values], requires_grad=True)


# 1. Fan-out


def test_a_value_used_many_times_collects_every_gradient():
    a = torch.tensor(2.0, requires_grad=True)
    b = a * a
    c = b + b
    d = c * b
    d.backward()
    assert a.grad.item() == 64


def test_each_node_runs_once_after_all_its_consumers():
    a = torch.tensor(2.0, requires_grad=True)
    b = a * a
    runs = []
    b.grad_fn.register_hook(lambda gx, gy: runs.append(gy[0].item()))
    ((b + b) * b).backward()
    assert runs == [16]


# 2. Broadcasting


def test_gradients_of_broadcast_operands_have_the_operands_shapes():
    column, row, scalar = (torch.ones(shape, requires_grad=True) for shape in [(3, 1), (4,), ()])
    (column * row * scalar).sum().backward()
    assert (column.grad.shape, row.grad.shape, scalar.grad.shape) == ((3, 1), (4,), ())
    assert column.grad.tolist() == [[4], [4], [4]]
    assert row.grad.tolist() == [3, 3, 3, 3]
    assert scalar.grad.item() == 12


def test_broadcasting_to_an_empty_shape_gives_zeros():
    empty, column = torch.ones(4, 0, requires_grad=True), torch.ones(4, 1, requires_grad=True)
    (empty + column).sum().backward()
    assert empty.grad.shape == (4, 0)
    assert column.grad.tolist() == [[0], [0], [0], [0]]


# 3. No aliasing


def test_gradients_share_no_memory():
    p, q, g = leaf(1, 2), leaf(3, 4), torch.ones(2)
    (p + q).backward(g)
    p.grad.mul_(5)
    assert q.grad.tolist() == [1, 1]
    assert g.tolist() == [1, 1]


def test_the_gradient_of_a_sum_is_writable_memory():
    x = torch.ones(2, 3, requires_grad=True)
    x.sum().backward()
    assert 0 not in x.grad.stride()
    x.grad[0, 0] = 7
    assert x.grad.tolist() == [[7, 1, 1], [1, 1, 1]]


@pytest.mark.ours  # PyTorch lets the gradient of a pure view chain be the caller's own memory
def test_the_gradient_of_a_view_chain_shares_nothing_with_what_was_handed_in():
    x, g = torch.ones(4, requires_grad=True), torch.ones(2, 2)
    x.view(2, 2).backward(g)
    x.grad.zero_()
    assert g.tolist() == [[1, 1], [1, 1]]


# 4. Accumulation


def test_accumulation_writes_into_the_same_gradient():
    x = leaf(1, 2)
    (x * 2).sum().backward()
    first = x.grad
    (x * 3).sum().backward()
    assert x.grad is first
    assert first.tolist() == [5, 5]


def test_accumulation_makes_a_new_gradient_under_create_graph():
    x = leaf(1, 2)
    (x * x).sum().backward(create_graph=True)
    first = x.grad
    (x * x).sum().backward(create_graph=True)
    assert x.grad is not first
    assert first.tolist() == [2, 4]
    assert x.grad.tolist() == [4, 8]
    x.grad = None  # breaks the cycle that create_graph makes through .grad


# 5. A second backward


def test_a_second_backward_raises_when_a_node_had_saved_tensors():
    y = leaf(1, 2).exp().sum()
    y.backward()
    with pytest.raises(RuntimeError, match=r"Trying to backward through the graph a second time"):
        y.backward()


def test_a_second_backward_runs_when_nothing_was_saved():
    x = leaf(1)
    y = x + 1
    y.backward()
    y.backward()
    assert x.grad.tolist() == [2]


def test_retain_graph_allows_a_second_backward():
    x = leaf(1, 2)
    y = (x * x).sum()
    y.backward(retain_graph=True)
    y.backward()
    assert x.grad.tolist() == [4, 8]


# 6. Versions


def test_a_saved_output_changed_in_place_raises():
    y = leaf(1, 2).exp()
    y.add_(1)
    with pytest.raises(RuntimeError, match=r"modified by an inplace operation"):
        y.sum().backward()


def test_changing_a_value_that_nothing_saved_is_fine():
    w = leaf(1, 2)
    x = w * 1
    y = x + 1
    x.add_(1)
    y.sum().backward()
    assert w.grad.tolist() == [1, 1]


@pytest.mark.parametrize("way", ["no_grad", "detach", "view", "data"])
def test_every_way_to_write_counts_a_version_except_data(way):
    x = torch.ones(3)
    if way == "no_grad":
        with torch.no_grad():
            x.add_(1)
    elif way == "detach":
        x.detach().add_(1)
    elif way == "view":
        x[1:].add_(1)
    else:
        x.data.add_(1)
    assert x._version == (0 if way == "data" else 1)
    assert x.tolist()[2] == 2


def test_a_saved_tensor_written_through_detach_raises():
    w = leaf(1, 2)
    y = w * w
    w.detach().zero_()
    with pytest.raises(RuntimeError, match=r"modified by an inplace operation"):
        y.sum().backward()


# 7. Leaf protection


def test_a_leaf_that_requires_grad_refuses_writes():
    x = leaf(1, 2)
    for write in (lambda: x.add_(1), lambda: x.__setitem__(0, 1), lambda: x.view(2, 1).add_(1), lambda: x.zero_()):
        with pytest.raises(RuntimeError, match=r"leaf Variable that requires grad"):
            write()
    assert x.tolist() == [1, 2]


def test_an_update_under_no_grad_keeps_the_leaf():
    w = leaf(1, 2)
    with torch.no_grad():
        w -= 0.5
    assert w.is_leaf and w.requires_grad
    assert w.tolist() == [0.5, 1.5]


# 8. View writes


def test_a_write_to_a_view_reaches_the_bases_history():
    w = leaf(1, 2, 3)
    b = torch.zeros(2, 3)
    b[0] = w
    assert b.requires_grad
    (b * 2).sum().backward()
    assert w.grad.tolist() == [2, 2, 2]


def test_an_overwritten_region_gets_no_gradient():
    w = leaf(1, 2, 3)
    y = w * 2
    y[1:] = 0
    y.sum().backward()
    assert w.grad.tolist() == [2, 0, 0]


def test_a_view_follows_a_write_to_its_base():
    w = leaf(1, 2, 3)
    base = w * 1
    view = base[1:]
    base.mul_(2)
    assert view.tolist() == [4, 6]
    view.sum().backward()
    assert w.grad.tolist() == [0, 2, 2]


# 9. Duplicate indices


def test_duplicate_indices_accumulate():
    x = leaf(5, 6)
    x[[0, 0]].sum().backward()
    assert x.grad.tolist() == [2, 0]


# 10. Ties


@pytest.mark.parametrize("reduce", [lambda x: x.max(), lambda x: x.amax(), lambda x: x.amax(0), lambda x: x.amin()])
def test_full_and_amax_ties_split_evenly(reduce):
    x = leaf(3, 3)
    reduce(x).backward()
    assert x.grad.tolist() == [0.5, 0.5]


def test_max_along_a_dimension_picks_one_of_the_ties():
    x = leaf(3, 3)
    values, indices = x.max(0)
    values.backward()
    assert x.grad.sum().item() == 1
    assert x.grad[indices].item() == 1


def test_maximum_of_equals_gives_each_one_half():
    a, b = leaf(3), leaf(3)
    torch.maximum(a, b).backward()
    assert (a.grad.tolist(), b.grad.tolist()) == ([0.5], [0.5])


# 11. Edges


INFINITY = float("inf")


@pytest.mark.parametrize(
    ("function", "at", "gradient"),
    [
        (lambda x: x.abs(), [0.0], [0.0]),
        (lambda x: x.relu(), [0.0], [0.0]),
        (lambda x: x.norm(), [0.0, 0.0], [0.0, 0.0]),
        (lambda x: x.sqrt(), [0.0], [INFINITY]),
        (lambda x: x**0, [0.0], [0.0]),
        (lambda x: x.clamp(0, 1), [0.0, 1.0, 0.5, 2.0], [1.0, 1.0, 1.0, 0.0]),
        (lambda x: x.prod(), [0.0, 3.0, 0.0], [0.0, 0.0, 0.0]),
        (lambda x: x.prod(), [0.0, 3.0, 2.0], [6.0, 0.0, 0.0]),
        (lambda x: x.std(), [2.0, 2.0], [0.0, 0.0]),
    ],
    ids=["abs", "relu", "norm", "sqrt", "pow0", "clamp", "prod_two_zeros", "prod_one_zero", "std"],
)
def test_gradients_at_edges(function, at, gradient):
    x = leaf(*at)
    function(x).sum().backward()
    assert x.grad.tolist() == gradient


# 12. Unused inputs


def test_unused_inputs():
    x, unused = leaf(1), leaf(1)
    y = x * 2
    with pytest.raises(RuntimeError, match=r"Set allow_unused=True"):
        torch.autograd.grad(y, [x, unused], retain_graph=True)
    assert torch.autograd.grad(y, [x, unused], allow_unused=True, retain_graph=True)[1] is None
    assert torch.autograd.grad(y, [x, unused], materialize_grads=True)[1].tolist() == [0]


def test_unreachable_nodes_never_run():
    x, other = leaf(1), leaf(1)
    branch = other * 2
    branch.register_hook(lambda gradient: pytest.fail("a node that leads to no asked-for input ran"))
    gradient = torch.autograd.grad((x * 3 + branch).sum(), x)[0]
    assert gradient.tolist() == [3]


# 13. Modes


def test_no_grad_as_context_and_decorator():
    x = leaf(1)

    @torch.no_grad
    def bare():
        return x * 2

    @torch.no_grad()
    def called():
        return x * 2

    with torch.no_grad():
        inside = x * 2
    assert not (inside.requires_grad or bare().requires_grad or called().requires_grad)
    assert (x * 2).requires_grad


def test_a_no_grad_generator_restores_the_callers_mode_at_every_yield():
    @torch.no_grad()
    def generator():
        yield torch.is_grad_enabled()
        yield torch.is_grad_enabled()

    for inside in generator():
        assert inside is False
        assert torch.is_grad_enabled()


def test_modes_are_per_thread():
    seen = []
    with torch.no_grad():
        thread = threading.Thread(target=lambda: seen.append(torch.is_grad_enabled()))
        thread.start()
        thread.join()
    assert seen == [True]


@pytest.mark.parametrize("create_graph", [False, True])
def test_backward_records_only_under_create_graph(create_graph):
    x = leaf(1)
    y = x * 2
    seen = []
    y.register_hook(lambda gradient: seen.append(torch.is_grad_enabled()))
    y.backward(create_graph=create_graph)
    assert seen == [create_graph]
    x.grad = None


# 14. Hooks


def test_a_hook_may_replace_the_gradient():
    x = leaf(1)
    y = x * 2
    y.register_hook(lambda gradient: gradient * 10)
    y.backward()
    assert x.grad.tolist() == [20]


def test_the_order_of_hooks():
    order = []
    x = leaf(1)
    x.register_hook(lambda gradient: order.append("leaf hook"))
    x.register_post_accumulate_grad_hook(lambda leaf: order.append("post accumulate"))
    y = x * 2
    y.grad_fn.register_hook(lambda gx, gy: order.append("node post-hook"))
    y.grad_fn.register_prehook(lambda gy: order.append("node pre-hook"))
    y.register_hook(lambda gradient: order.append("tensor hook"))
    y.backward()
    assert order == ["tensor hook", "node pre-hook", "node post-hook", "leaf hook", "post accumulate"]


def test_a_hook_registered_before_an_in_place_change_sees_the_old_versions_gradient():
    seen = []
    x = leaf(1)
    y = x * 2
    y.register_hook(lambda gradient: seen.append(("old", gradient.item())))
    y.mul_(5)
    y.register_hook(lambda gradient: seen.append(("new", gradient.item())))
    y.backward()
    assert seen == [("new", 1), ("old", 5)]


# 15. Deep graphs, dtypes, roots


def test_a_deep_chain_runs_and_is_freed_without_recursion(device):
    x = torch.tensor(1.0, requires_grad=True)
    y = x
    # An emulated launch is thousands of times slower than a real one; the engine is the same.
    for _ in range(150_000 if device == "cpu" else 2_000):
        y = y + 0 if device == "cpu" else y.view(())
    y.backward()
    assert x.grad.item() == 1
    del y
    gc.collect()


def test_a_float32_leaf_through_double_has_a_float32_gradient():
    x = torch.ones(2, requires_grad=True)
    x.double().sum().backward()
    assert x.grad.dtype == torch.float32


def test_implicit_backward_needs_one_element_and_an_explicit_gradient_the_exact_shape():
    x = torch.ones(1, requires_grad=True)
    (x * 2).backward()
    assert x.grad.tolist() == [2]
    with pytest.raises(RuntimeError, match=r"Mismatch in shape"):
        (x * 2).backward(torch.tensor(1.0))


# Promotion


@pytest.mark.parametrize(
    ("make", "dtype"),
    [
        (lambda: torch.ones(1) + torch.ones((), dtype=torch.float64), torch.float32),
        (lambda: torch.ones(1) + torch.ones(1, dtype=torch.float64), torch.float64),
        (lambda: torch.ones(1, dtype=torch.int32) + torch.ones((), dtype=torch.int64), torch.int32),
        (lambda: torch.ones(1, dtype=torch.int32) + torch.ones(()), torch.float32),
        (lambda: torch.ones(1, dtype=torch.int32) + 1.5, torch.float32),
        (lambda: torch.ones(1, dtype=torch.float16) + 1.5, torch.float16),
        (lambda: torch.ones(1, dtype=torch.float16) + torch.ones(1, dtype=torch.bfloat16), torch.float32),
        (lambda: torch.ones(1, dtype=torch.uint8) + torch.ones(1, dtype=torch.int8), torch.int16),
        (lambda: torch.ones(1, dtype=torch.bool) + torch.ones(1, dtype=torch.bool), torch.bool),
        (lambda: torch.ones(1, dtype=torch.bool) + 1, torch.int64),
        (lambda: torch.tensor([1]) / torch.tensor([2]), torch.float32),
        (lambda: torch.tensor([1]) / 2, torch.float32),
        (lambda: torch.ones(2, dtype=torch.int32).sum(), torch.int64),
        (lambda: torch.ones(2, dtype=torch.bool).sum(), torch.int64),
        (lambda: torch.tensor([1.0]), torch.float32),
        (lambda: torch.tensor([1]), torch.int64),
        (lambda: torch.tensor([True]), torch.bool),
        (lambda: torch.tensor([1]).exp(), torch.float32),
        (lambda: torch.tensor([1]) == torch.tensor([1.0]), torch.bool),
        (lambda: torch.where(torch.tensor([True]), torch.tensor([1]), torch.tensor([1.0])), torch.float32),
        (lambda: torch.cat([torch.tensor([1]), torch.tensor([1.0])]), torch.float32),
    ],
)
def test_promotion(make, dtype):
    assert make().dtype == dtype


def test_mean_of_integers_raises():
    with pytest.raises(RuntimeError, match=r"mean"):
        torch.tensor([1, 2]).mean()


def test_scatter_add_by_an_expanded_vector_is_that_by_the_index_written_out(device):
    rows = torch.tensor([2, 0, 2], device=device).view(-1, 1).expand(3, 5)
    x = torch.zeros(4, 5, device=device, requires_grad=True)
    source = torch.arange(15.0, device=device).view(3, 5).requires_grad_()
    by_rows, by_elements = (x.scatter_add(0, index, source) for index in (rows, rows.contiguous()))
    assert by_rows.tolist() == by_elements.tolist() == [[5, 6, 7, 8, 9], [0] * 5, [10, 12, 14, 16, 18], [0] * 5]
    weight = torch.arange(20.0, device=device).view(4, 5)
    for found, expected in zip(*(torch.autograd.grad(y, (x, source), weight) for y in (by_rows, by_elements))):
        assert found.tolist() == expected.tolist()
