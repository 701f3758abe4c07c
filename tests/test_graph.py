"""Places in the graph, what its nodes say of themselves, hooks on one saved value, and writes to saved values."""

import pytest

import autograd_gpu as torch
from autograd_gpu.autograd.graph import (
    GradientEdge,
    Node,
    allow_mutation_on_saved_tensors,
    get_gradient_edge,
    increment_version,
)

pytestmark = pytest.mark.usefixtures("on_each_device")


def leaf(*values: float) -> torch.Tensor:
    return torch.tensor([float(value) for value in values], requires_grad=True)


# Places in the graph


def test_a_gradient_edge_is_a_node_and_the_number_of_its_output():
    x = leaf(1, 2)
    parts = (x * 2).split(1)
    edge = get_gradient_edge(parts[1])
    assert (edge.node, edge.output_nr) == (parts[1].grad_fn, 1)
    assert get_gradient_edge(x).node.variable is x
    with pytest.raises(
        RuntimeError, match=r"not possible to get the gradient edge for a Tensor that does not require grad"
    ):
        get_gradient_edge(torch.ones(2))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_gradients_start_and_end_at_edges(dtype):
    x = torch.tensor([1.0, 2.0], dtype=dtype, requires_grad=True)
    y = x * x
    z = (y * 3).sum()
    at_x, at_y, at_z = map(get_gradient_edge, (x, y, z))
    (gx, gy) = torch.autograd.grad(at_z, [at_x, at_y], retain_graph=True)
    assert (gx.tolist(), gy.tolist(), gx.dtype) == ([6, 12], [3, 3], dtype)
    (gx,) = torch.autograd.grad(at_y, x, torch.ones_like(y), retain_graph=True)
    assert gx.tolist() == [2, 4]
    (gx,) = torch.autograd.grad((at_y, z), at_x, (torch.ones_like(y), None), retain_graph=True)
    assert gx.tolist() == [8, 16]
    torch.autograd.backward(at_z, inputs=at_x, retain_graph=True)
    torch.autograd.backward([at_z], inputs=[x])
    assert x.grad.tolist() == [12, 24]


def test_an_edge_keeps_the_graph_and_not_the_tensor():
    x = leaf(1, 2)
    edge = get_gradient_edge((x * x).sum())
    torch.autograd.backward(edge)
    assert x.grad.tolist() == [2, 4]


def test_an_edge_made_by_hand():
    x = leaf(1, 2)
    y = x * x
    edge = GradientEdge(y.grad_fn, 0)
    assert torch.autograd.grad(edge, x, torch.ones(2), retain_graph=True)[0].tolist() == [2, 4]
    assert torch.autograd.grad(y.sum(), edge)[0].tolist() == [1, 1]


@pytest.mark.ours
def test_an_edge_made_by_hand_needs_its_gradient():
    x = leaf(1)
    with pytest.raises(RuntimeError, match=r"dtype of an edge made by hand is not known. Pass its gradient"):
        torch.autograd.backward(GradientEdge((x * x).grad_fn, 0))


def test_the_gradient_at_an_edge_has_its_outputs_shape():
    y = leaf(1, 2) * 2
    with pytest.raises(RuntimeError, match=r"grad can be implicitly created only for scalar outputs"):
        torch.autograd.backward(get_gradient_edge(y))
    with pytest.raises(RuntimeError, match=r"Mismatch in shape"):
        torch.autograd.backward(get_gradient_edge(y), torch.ones(3))


# Nodes


def test_every_node_is_a_node():
    class Double(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, gradient):
            return gradient * 2

    x = leaf(1)
    y = x * 2
    nodes = [y.grad_fn, y.grad_fn.next_functions[0][0], Double.apply(x).grad_fn]
    assert all(isinstance(node, Node) for node in nodes)
    assert not isinstance(x, Node)


def test_sequence_numbers_grow_with_the_order_of_recording():
    x = leaf(1)
    y = x * 2
    z = y.exp()
    assert z.grad_fn._sequence_nr() > y.grad_fn._sequence_nr()


# Hooks on one saved value


def through_lists(saved, packed, unpacked):
    """Put hooks on a saved value that keep it as a list, and note when they run."""

    def pack(x):
        packed.append(x.requires_grad)
        return x.tolist()

    def unpack(kept):
        unpacked.append(kept)
        return torch.tensor(kept)

    saved.register_hooks(pack, unpack)


@pytest.mark.parametrize(
    ("function", "name", "kept"),
    [
        (lambda x: x.sin(), "self", [0.5, 1.5]),
        (lambda x: x.exp(), "result", None),
        (lambda x: x * torch.tensor([3.0, 4.0]), "other", [3, 4]),
    ],
    ids=["input", "output", "constant"],
)
def test_hooks_on_one_saved_value(function, name, kept):
    x = leaf(0.5, 1.5)
    (expected,) = torch.autograd.grad(function(x).sum(), x)
    y = function(x)
    packed, unpacked = [], []
    through_lists(getattr(y.grad_fn, "_raw_saved_" + name), packed, unpacked)
    assert packed == [False] and not unpacked
    assert getattr(y.grad_fn, "_saved_" + name).tolist() == unpacked[0]
    y.sum().backward()
    assert x.grad.tolist() == expected.tolist()
    assert len(unpacked) == 2 and unpacked[0] == (y.tolist() if kept is None else kept)


def test_hooks_on_what_a_function_saved():
    class Square(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx, gradient):
            (x,) = ctx.saved_tensors
            return gradient * x * 2

    x = leaf(3)
    y = Square.apply(x)
    packed, unpacked = [], []
    (saved,) = y.grad_fn._raw_saved_tensors
    through_lists(saved, packed, unpacked)
    y.backward()
    assert (x.grad.tolist(), unpacked) == ([6], [[3]])


def test_a_second_derivative_goes_through_a_hooked_value():
    x = leaf(2)
    y = x * x * x
    for node in (y.grad_fn, y.grad_fn.next_functions[0][0]):
        node._raw_saved_self.register_hooks(lambda value: value.clone(), lambda value: value)
    (g,) = torch.autograd.grad(y, x, create_graph=True)
    assert (g.tolist(), torch.autograd.grad(g, x)[0].tolist()) == ([12], [12])


def test_hooks_on_a_saved_value_that_are_refused():
    x = leaf(1, 2)
    saved = (x * x).grad_fn._raw_saved_self
    with pytest.raises(RuntimeError, match=r"pack hook is modifying its input in place"):
        saved.register_hooks(lambda value: value.zero_(), lambda value: value)
    y = leaf(1, 2) * leaf(3, 4)
    saved = y.grad_fn._raw_saved_self
    saved.register_hooks(lambda value: value, lambda value: value)
    with pytest.raises(RuntimeError, match=r"a saved tensor whose hooks have already been set"):
        saved.register_hooks(lambda value: value, lambda value: value)
    y.sum().backward()
    with pytest.raises(RuntimeError, match=r"Calling register_hooks on a saved tensor after it has been freed"):
        y.grad_fn._raw_saved_other.register_hooks(lambda value: value, lambda value: value)
    with pytest.raises(RuntimeError, match=r"Calling register_hooks on a saved tensor with value None is forbidden"):
        (leaf(1) * torch.ones(1)).grad_fn._raw_saved_self.register_hooks(lambda value: value, lambda value: value)


# Writes to saved values


@pytest.mark.parametrize(
    "write",
    [
        lambda y: y.sin_(),
        lambda y: y.mul_(3),
        lambda y: y.copy_(torch.zeros(2)),
        lambda y: y.__setitem__(0, 7.0),
        lambda y: y[:1].add_(1),
        lambda y: y.detach().zero_(),
    ],
    ids=["sin_", "mul_", "copy_", "setitem", "view", "detached"],
)
@pytest.mark.parametrize("function", [lambda y: y.sin(), lambda y: y * y, lambda y: y[:2].exp()])
def test_a_saved_value_may_be_written_within_the_context(function, write):
    x = leaf(1, 2)
    (expected,) = torch.autograd.grad(function(x * 1).sum(), x)
    with allow_mutation_on_saved_tensors():
        y = x * 1
        z = function(y).sum()
        write(y)
        z.backward()
    assert x.grad.tolist() == expected.tolist()


def test_a_saved_output_may_be_written_within_the_context():
    x = leaf(1, 2)
    with allow_mutation_on_saved_tensors():
        y = x.exp()
        expected = y.cos() * y
        y.sin_()
        y.sum().backward()
    assert x.grad.tolist() == pytest.approx(expected.tolist())


def test_the_context_has_an_end_and_is_not_nested():
    x = leaf(1, 2)
    with allow_mutation_on_saved_tensors():
        z = (x * x).sum()
        nested = allow_mutation_on_saved_tensors()
        with pytest.raises(RuntimeError, match=r"allow_mutation_on_saved_tensors contexts cannot be nested"):
            nested.__enter__()
    with pytest.raises(
        AssertionError, match=r"Trying to backward outside of the 'allow_mutation_on_saved_tensors' context"
    ):
        z.backward()
    y = leaf(1) * 1
    z = y * y
    y.add_(1)
    with pytest.raises(RuntimeError, match=r"modified by an inplace operation"):
        z.backward()


@pytest.mark.ours  # PyTorch computes with the changed value
def test_a_write_that_nobody_sees_is_noticed():
    with allow_mutation_on_saved_tensors():
        y = leaf(1) * 1
        z = y * y
        increment_version(y)
        with pytest.raises(
            RuntimeError, match=r"modified by an inplace operation that .* does not see, at .*test_graph"
        ):
            z.backward()
