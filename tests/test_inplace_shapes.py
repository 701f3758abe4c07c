"""Tensors that change their own shape or memory in place, and the views made before, on both devices."""

import gc
import weakref

import pytest

import autograd_gpu as torch
from autograd_gpu.autograd import gradcheck, gradgradcheck

pytestmark = pytest.mark.usefixtures("on_each_device")


def leaf(dtype=torch.float32) -> torch.Tensor:
    """[[0, 1, 2], [3, 4, 5]], a leaf."""
    return torch.arange(6, dtype=dtype).view(2, 3).clone().requires_grad_()


def gradient(y: torch.Tensor, x: torch.Tensor) -> list:
    """The gradient of 1 * y[0] + 2 * y[1] + ..., y read in row-major order."""
    weights = torch.arange(y.numel(), dtype=y.dtype).reshape(y.shape) + 1
    (y * weights).sum().backward()
    return x.grad.tolist()


# Tensors that change their own shape


CHANGES = {
    "t_": (lambda x: x.t_(), (3, 2), (1, 3), "TBackward1"),
    "transpose_": (lambda x: x.transpose_(0, -1), (3, 2), (1, 3), "TransposeBackward1"),
    "swapaxes_": (lambda x: x.swapaxes_(0, 1), (3, 2), (1, 3), "TransposeBackward1"),
    "swapdims_": (lambda x: x.swapdims_(0, 1), (3, 2), (1, 3), "TransposeBackward1"),
    "unsqueeze_": (lambda x: x.unsqueeze_(1), (2, 1, 3), None, "UnsqueezeBackward1"),
    "squeeze_": (lambda x: x.squeeze_(), (2, 3), (3, 1), "SqueezeBackward3"),
    "squeeze_dim": (lambda x: x.squeeze_(0), (2, 3), (3, 1), "SqueezeBackward4"),
    "squeeze_dims": (lambda x: x.squeeze_((0, 1)), (2, 3), (3, 1), "SqueezeBackward5"),
    "as_strided_": (lambda x: x.as_strided_((2, 2), (2, 1), 1), (2, 2), (2, 1), "AsStridedBackward1"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_of_shape_is_a_write_with_a_history(name):
    change, shape, stride, node = CHANGES[name]
    y = leaf() * 1
    assert change(y) is y
    assert (y.shape, y._version, y.grad_fn.name()) == (shape, 1, node)
    assert not y._is_view() and not y.is_leaf
    constant = torch.zeros(2, 3)
    change(constant)
    assert (constant.shape, constant._version) == (shape, 1)
    assert stride in (None, y.stride()) and y.stride() == constant.stride()


@pytest.mark.parametrize("name", CHANGES)
def test_the_gradient_goes_back_through_a_change_of_shape(name):
    change = CHANGES[name][0]
    x = leaf(torch.float64)
    assert gradcheck(lambda x: change(x * 1) * 2, x) and gradgradcheck(lambda x: change(x * x), x)


@pytest.mark.parametrize("name", CHANGES)
def test_a_leaf_that_requires_grad_keeps_its_shape_except_under_no_grad(name):
    change, shape, _, _ = CHANGES[name]
    x = leaf()
    with pytest.raises(
        RuntimeError, match=r"a leaf Variable that requires grad is being used in an in-place operation"
    ):
        change(x)
    with torch.no_grad():
        change(x)
    assert (x.shape, x.is_leaf, x.requires_grad, x._version) == (shape, True, True, 1)
    x.sum().backward()
    assert x.grad.tolist() == torch.ones(shape).tolist()


def test_a_view_made_before_goes_on_showing_what_it_showed():
    x = leaf()
    y = x * 1
    row = y[0]
    y.t_()
    assert row.tolist() == [0, 1, 2]
    assert gradient(row, x) == [[1, 2, 3], [0, 0, 0]]


def test_a_write_to_a_view_made_before_reaches_the_base_as_it_is_now():
    x = leaf()
    y = x * 1
    row = y[0]
    y.t_()
    row.mul_(2)
    assert y.tolist() == [[0, 3], [2, 4], [4, 5]]
    assert gradient(y, x) == [[2, 6, 10], [2, 4, 6]]


def test_views_of_several_shapes_of_one_base():
    x = leaf()
    y = x * 1
    first = y[1]
    y.t_()
    second = y[1]
    y.unsqueeze_(0)
    y.transpose_(0, 2)  # (2, 3, 1)
    first.mul_(2)
    second.mul_(3)
    assert y.tolist() == [[[0], [3], [2]], [[6], [24], [10]]]
    assert (first.tolist(), second.tolist()) == ([6, 24, 10], [3, 24])
    assert gradient(y, x) == [[1, 6, 3], [8, 30, 12]]


@pytest.mark.parametrize("is_written_by", ["base", "view"])
def test_a_constant_takes_in_a_history_after_it_changed_its_shape(is_written_by):
    x = leaf()
    b = torch.zeros(2, 3)
    row = b[0]
    b.t_()
    if is_written_by == "base":
        b.add_(x.t())
        assert row.tolist() == [0, 1, 2]
        assert gradient(row, x) == [[1, 2, 3], [0, 0, 0]]
    else:
        row.add_(x[1])
        assert b.tolist() == [[3, 0], [4, 0], [5, 0]]
        assert gradient(b, x) == [[0, 0, 0], [1, 3, 5]]


@pytest.mark.ours  # PyTorch's view of the old shape reaches beyond the gradient's storage there
def test_a_view_may_show_more_than_its_base_does_since():
    x = leaf()
    y = x * 1
    row = y[1]
    y.as_strided_((2, 2), (1, 2), 1)
    row.mul_(3)
    y.mul_(2)
    assert (y.tolist(), row.tolist()) == ([[2, 18], [4, 24]], [18, 24, 15])
    assert gradient(y, x) == [[0, 2, 6], [12, 24, 0]]


def test_a_view_changes_its_own_shape_alone():
    x = leaf()
    y = x * 1
    view = y.view(2, 3)
    view.t_()
    assert (view.shape, y.shape, view.grad_fn.name(), y.grad_fn.name()) == (
        (3, 2),
        (2, 3),
        "TBackward1",
        "MulBackward0",
    )
    view.mul_(2)
    assert gradient(view, x) == [[2, 6, 10], [4, 8, 12]]


def test_what_may_not_change_its_shape():
    with pytest.raises(RuntimeError, match=r"is a view and is being modified inplace.*multiple views"):
        (leaf() * 1).split(1)[0].t_()
    y = leaf() * 1
    z = y * y
    y.t_()
    with pytest.raises(RuntimeError, match=r"modified by an inplace operation.*is at version 1; expected version 0"):
        z.sum().backward()
    with torch.inference_mode():
        made = torch.ones(2, 3)
    with pytest.raises(RuntimeError, match=r"Inplace update to inference tensor outside InferenceMode is not allowed"):
        made.t_()
    part = (y := leaf() * 1).unbind(0)[0]
    y.unsqueeze_(0)
    with pytest.raises(RuntimeError, match=r"its base or another view of its base has been modified inplace"):
        part * 2


def test_an_expanded_tensor_may_change_its_shape():
    assert torch.ones(1, 3).expand(2, 3).t_().shape == (3, 2)


def test_a_tensor_that_changed_its_shape_can_leave_its_graph():
    y = leaf() * 1
    y.t_().detach_()
    assert not y.requires_grad and y.is_leaf


@pytest.mark.ours
def test_old_layouts_are_forgotten_when_no_view_is_left():
    y = torch.zeros(2, 3)
    for _ in range(10):
        y.t_()
    assert y._layouts == ()
    row = y[0]
    y.t_()
    assert len(y._layouts) == 1 and row.shape == (3,)


@pytest.mark.ours  # PyTorch leaves the history without the change, and backward then fails on the shapes
def test_a_history_follows_the_shape_under_no_grad_too():
    x = leaf()
    y = x * 1
    with torch.no_grad():
        y.t_()
    assert gradient(y, x) == [[1, 3, 5], [2, 4, 6]]


@pytest.mark.ours  # PyTorch refuses: its view expects the old shape of the leaf
def test_a_view_of_a_leaf_that_changed_its_shape():
    x = leaf()
    row = x[0]
    with torch.no_grad():
        x.t_()
    assert gradient(row, x) == [[1, 0], [2, 0], [3, 0]]


# resize_


def test_resize_stays_in_the_storage_while_it_can():
    x = torch.arange(6.0)
    tail = x[1:]
    assert x.resize_(2, 2) is x
    tail.add_(1)
    assert (x.tolist(), x.stride(), x._version) == ([[0, 2], [3, 4]], (2, 1), 2)
    y = torch.arange(6.0).view(2, 3).t()
    assert y.resize_((2, 2)).tolist() == [[0, 1], [2, 3]]
    z = torch.arange(6.0)[1:3]
    assert (z.resize_(2, 2).tolist(), z.storage_offset()) == ([[1, 2], [3, 4]], 1)
    same = torch.arange(6.0).view(2, 3).t()
    assert (same.resize_(3, 2).stride(), same._version) == ((1, 3), 0)


def test_resize_beyond_the_storage_keeps_the_elements():
    x = torch.arange(6.0).view(2, 3)
    x.resize_(1000)
    assert (x[:6].tolist(), x.shape, x._version) == ([0, 1, 2, 3, 4, 5], (1000,), 1)
    assert torch.zeros(0).resize_as_(torch.ones(2, 3)).shape == (2, 3)


@pytest.mark.ours  # in PyTorch they share the new storage
def test_views_of_a_tensor_that_moved_to_another_storage_are_refused():
    x = torch.arange(6.0)
    view = x[1:]
    x.resize_(1000)
    with pytest.raises(RuntimeError, match=r"a view's base was given other memory since"):
        view + 1
    assert x[1:6].tolist() == [1, 2, 3, 4, 5]


def test_what_requires_grad_is_not_resized():
    for x in (leaf(), leaf() * 1):
        with pytest.raises(RuntimeError, match=r"cannot resize variables that require grad"):
            x.resize_(3)


# set_


def test_a_tensor_is_set_to_the_memory_of_another():
    x, y = torch.ones(2), torch.arange(6.0).view(2, 3).t()
    old = x[:1]
    assert x.set_(y) is x
    y.mul_(2)
    assert x.tolist() == [[0, 6], [2, 8], [4, 10]] and x.stride() == (1, 3) and x.is_set_to(y)
    assert (x._version, y._version, old.tolist()) == (1, 1, [1])
    assert x.set_().shape == (0,)
    leaf_of_gradients = leaf()
    with torch.no_grad():
        leaf_of_gradients.set_(torch.ones(3))
    assert leaf_of_gradients.is_leaf and leaf_of_gradients.shape == (3,)


@pytest.mark.ours
def test_an_older_view_of_a_tensor_that_was_set_goes_its_own_way():
    x, w = torch.zeros(3), leaf()
    old = x[1:]
    x.set_(torch.ones(3))
    old.add_(w[0, 1:])
    assert (old.tolist(), x.tolist(), x.requires_grad) == ([1, 2], [1, 1, 1], False)
    assert gradient(old, w) == [[0, 1, 2], [0, 0, 0]]


def test_what_cannot_be_set():
    with pytest.raises(RuntimeError, match=r"Could not set tensor of type .* to a tensor of type .*"):
        torch.ones(2).set_(torch.ones(2, dtype=torch.float64))
    with pytest.raises(
        RuntimeError, match=r"a leaf Variable that requires grad is being used in an in-place operation"
    ):
        leaf().set_(torch.ones(2))
    with pytest.raises(RuntimeError, match=r"derivative for set_ is not implemented"):
        y = leaf() * 1
        y.set_(torch.ones(3))
        y.sum().backward()
    with pytest.raises(TypeError, match=r"set_\(\)"):
        torch.ones(2).set_(3)


# Together with other transforms


def test_tangents_follow_the_shape():
    forward_ad = torch.autograd.forward_ad
    with forward_ad.dual_level():
        x = forward_ad.make_dual(torch.arange(6.0).view(2, 3), torch.tensor([[1.0, 2.0, 3.0]] * 2))
        y = x * 1
        row = y[0]
        y.t_()
        row.mul_(2)
        y.as_strided((2,), (1,), 4).mul_(10)
        assert forward_ad.unpack_dual(y).tangent.tolist() == [[2, 1], [4, 20], [6, 30]]
        z = (x * 1).as_strided((2, 2), (1, 2), 1)
        assert forward_ad.unpack_dual(z).tangent.tolist() == [[2, 1], [3, 2]]


@pytest.mark.ours
def test_examples_of_a_batch_change_their_shape():
    def function(x):
        y = x * 1
        row = y[0]
        y.t_()
        row.mul_(2)
        y.as_strided((2,), (1,), 4).mul_(10)
        return y

    x = torch.arange(12.0).view(2, 2, 3)
    assert torch.vmap(function)(x).tolist() == [function(example).tolist() for example in x]
    slopes = torch.vmap(torch.func.grad(lambda x: function(x).sum()))(x)
    assert slopes.tolist() == [[[2, 2, 2], [1, 10, 10]]] * 2


@pytest.mark.ours
def test_a_change_of_shape_makes_no_cycle():
    gc.collect()
    gc.disable()
    try:
        x = leaf()
        y = x * 1
        row = y[0]
        y.t_()
        row.mul_(2)
        y.as_strided((2,), (1,), 4).mul_(10)
        watched = [weakref.ref(thing) for thing in (y, row, y.grad_fn)]
        (y * y).sum().backward()
        del y, row
        assert [reference() for reference in watched] == [None] * 3
    finally:
        gc.enable()
