"""Views by size and stride, and views made where nothing is recorded, on both devices."""

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


# as_strided


@pytest.mark.parametrize(
    ("source", "size", "stride", "offset", "values"),
    [
        (lambda x: x, (2, 2), (3, 1), 1, [[1, 2], [4, 5]]),
        (lambda x: x, (2, 2), (1, 1), 0, [[0, 1], [1, 2]]),
        (lambda x: x, (3, 2), (2, 0), 1, [[1, 1], [3, 3], [5, 5]]),
        (lambda x: x, (), (), 4, 4),
        (lambda x: x, (0, 3), (3, 1), None, []),
        (lambda x: x[1], (2,), (1,), None, [3, 4]),
        (lambda x: x.t(), (2, 2), (2, 1), 1, [[1, 2], [3, 4]]),
        (lambda x: x[0].expand(2, 3), (2, 2), (0, 2), 0, [[0, 2], [0, 2]]),
        (lambda x: x[:, 1:], (2,), (3,), 2, [2, 5]),
    ],
)
def test_as_strided_shows_the_storage_and_its_gradient_sums_where_positions_are_shared(
    source, size, stride, offset, values
):
    def function(x):
        return source(x).as_strided(size, stride, offset)

    y = function(leaf())
    assert y.tolist() == values
    assert y.stride() == stride
    x = leaf(torch.float64)
    assert gradcheck(function, x) and gradgradcheck(function, x)


def test_elements_that_share_a_position_share_its_gradient():
    x = leaf()
    assert gradient(x.expand(2, 2, 3).as_strided((2, 2), (0, 3), 1), x) == [[0, 4, 0], [0, 6, 0]]


def test_what_lies_outside_of_the_input_gets_no_gradient():
    x = leaf()
    assert gradient(x[:, 1:].as_strided((2, 2), (1, 1), 0), x) == [[0, 5, 4], [0, 0, 0]]


def test_a_write_to_a_strided_view_reaches_its_base():
    x = leaf()
    y = x * 1
    y.as_strided((2,), (2,), 1).mul_(3)
    assert y.tolist() == [[0, 3, 2], [9, 4, 5]] and y._version == 1
    assert gradient(y, x) == [[1, 6, 3], [12, 5, 6]]
    x = leaf()
    y = (x * 1).t()
    y.as_strided((2,), (2,), 1).mul_(3)
    assert gradient(y, x) == [[1, 9, 5], [6, 4, 6]]


@pytest.mark.ours  # PyTorch cannot go backward through a write beside what the base shows
def test_a_write_beside_what_the_base_shows():
    x = leaf()
    base = torch.arange(6.0)[2:].detach()
    base.as_strided((3,), (1,), 1).mul_(x[0])
    assert base.tolist() == [2, 6, 4, 5]
    base.sum().backward()
    assert x.grad.tolist() == [[0, 2, 3], [0, 0, 0]]


@pytest.mark.parametrize(
    ("size", "stride", "offset", "message"),
    [
        ((2,), (-1,), 5, r"as_strided: Negative strides are not supported at the moment, got strides: \[-1\]"),
        ((3, 100), (2, 2), 0, r"setStorage: sizes \[3, 100\].*requiring a storage size of 812 are out of bounds"),
        ((2,), (1,), -2, r"invalid storage offset -2"),
        ((-3,), (1,), 0, r"Storage size calculation overflowed with sizes=\[-3\] and strides=\[1\]"),
        ((3,), (1, 1), 0, r"mismatch in length of strides and shape"),
    ],
)
def test_views_that_cannot_be(size, stride, offset, message):
    with pytest.raises(RuntimeError, match=message):
        torch.ones(6).as_strided(size, stride, offset)


def test_where_a_tensor_lies():
    x = torch.arange(6.0).view(2, 3)
    assert (x.storage_offset(), x[1].storage_offset(), x.t()[2].storage_offset()) == (0, 3, 2)
    assert x[1].data_ptr() == x.data_ptr() + 12 and torch.ones(0).data_ptr() == 0
    assert x.is_set_to(x.view(2, 3)) and x.detach().is_set_to(x)
    assert not x.is_set_to(x[:1]) and not x.is_set_to(x.clone()) and not x.is_set_to(x.view(6))


def test_the_same_bytes_as_another_dtype():
    x = torch.arange(8.0).view(2, 4)
    bits = x.view(torch.int32)
    x.mul_(2)
    assert bits.dtype == torch.int32 and bits.view(torch.float32).tolist() == x.tolist() and bits._version == 1
    assert (x.view(torch.float64).shape, x.view(torch.int16).shape) == ((2, 2), (2, 8))
    assert x.view(torch.uint8).view(torch.float32).tolist() == x.tolist()
    assert not leaf().view(torch.int32).requires_grad
    for tensor, dtype, message in [
        (torch.ones(3), torch.float64, r"self.size\(-1\) must be divisible by 2 to view"),
        (torch.ones(()), torch.float64, r"self.dim\(\) cannot be 0 to view"),
        (torch.ones(3, 4).t(), torch.int16, r"self.stride\(-1\) must be 1 to view"),
        (torch.ones(6)[1:5], torch.float64, r"self.storage_offset\(\) must be divisible by 2 to view"),
    ]:
        with pytest.raises(RuntimeError, match=message):
            tensor.view(dtype)


def test_tensors_made_at_given_strides():
    x = torch.empty_strided((2, 3), (1, 2), dtype=torch.int64)
    assert (x.shape, x.stride(), x.dtype) == ((2, 3), (1, 2), torch.int64)
    y = torch.ones(1, dtype=torch.float64).new_empty_strided((2, 3), (1, 2))
    assert (y.shape, y.stride(), y.dtype, y.storage_offset()) == ((2, 3), (1, 2), torch.float64, 0)
    with pytest.raises(RuntimeError, match=r"dimensionality of sizes \(2\) must match dimensionality of strides \(1\)"):
        torch.empty_strided((2, 3), (1,))


def test_as_strided_scatter_writes_into_a_copy():
    x = leaf()
    y = torch.as_strided_scatter(x, torch.tensor([7.0, 8.0]), (2,), (2,), 1)
    assert y.tolist() == [[0, 7, 2], [8, 4, 5]] and x.tolist() == [[0, 1, 2], [3, 4, 5]]
    with pytest.raises(RuntimeError, match=r"expected src to have a size equal to the slice of self"):
        torch.as_strided_scatter(x, torch.ones(3), (2,), (2,))


@pytest.mark.ours  # PyTorch gives the input the gradient of the region and nothing else, against finite differences
def test_as_strided_scatter_is_differentiable_in_both():
    x, src = leaf(torch.float64), torch.ones(2, 2, dtype=torch.float64, requires_grad=True)
    assert gradcheck(lambda x, src: torch.as_strided_scatter(x, src, (2, 2), (1, 3), 1), (x, src))
    assert gradcheck(lambda x, src: torch.as_strided_scatter(x.t(), src, (2, 2), (3, 1)), (x, src))


@pytest.mark.ours
def test_as_strided_within_vmap_is_that_of_each_example():
    x = torch.arange(12.0).view(2, 6).requires_grad_()
    y = torch.vmap(lambda row: row.as_strided((2, 2), (1, 1), 1))(x)
    assert y.tolist() == [[[1, 2], [2, 3]], [[7, 8], [8, 9]]]
    assert gradient(y, x) == [[0, 1, 5, 4, 0, 0], [0, 5, 13, 8, 0, 0]]
    with pytest.raises(RuntimeError, match=r"setStorage: .* out of bounds"):
        torch.vmap(lambda row: row.as_strided((200,), (1,)))(x)


# Views made where nothing is recorded


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_a_view_made_where_nothing_is_recorded_reads_as_its_base(mode):
    for base in (leaf(), leaf() * 1):
        with mode():
            view = base[0]
        assert view.requires_grad and view.is_leaf and view.grad_fn is None
        assert "requires_grad=True" in repr(view)
    with mode():
        assert not torch.zeros(2)[:1].requires_grad


@pytest.mark.parametrize("recorded", [True, False])
@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_a_view_made_where_nothing_is_recorded_has_no_history_once_its_base_was_written(mode, recorded):
    x = leaf() * 1
    with mode():
        view = x[0]
    with torch.set_grad_enabled(recorded):
        x.mul_(2)
    assert view.requires_grad and "grad_fn=<Invalid>" in repr(view)
    with torch.no_grad():
        assert (view * 1).tolist() == [0, 2, 4]
    with pytest.raises(
        RuntimeError, match=r"view was created in .* mode and its base or another view of its base has been"
    ):
        view * 2


def test_one_of_several_views_has_no_history_once_its_base_was_written_under_no_grad():
    for base in (leaf(), leaf() * 1):
        part, _ = base.split(1)
        with torch.no_grad():
            base.mul_(2)
            assert (part * 1).tolist() == [[0, 2, 4]]
        assert part.requires_grad
        with pytest.raises(RuntimeError, match=r"its base or another view of its base has been modified inplace"):
            part * 2


def test_a_view_has_a_new_node_after_its_base_was_written_under_no_grad():
    x = leaf()
    view = x[0]
    before = view.grad_fn
    with torch.no_grad():
        x.mul_(2)
    assert view.grad_fn is not before
    assert gradient(view, x) == [[1, 2, 3], [0, 0, 0]]


def test_a_view_of_a_constant_that_requires_grad_itself_is_a_leaf_that_is_not_written():
    view = torch.zeros(4)[:2].requires_grad_()
    with pytest.raises(RuntimeError, match=r"leaf Variable that requires grad is being used in an in-place operation"):
        view.add_(1)
