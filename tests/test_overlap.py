"""Writes to memory that is being read: refused where they lie partly over it, right where that cannot be seen."""

import pytest

import autograd_gpu as torch

pytestmark = pytest.mark.usefixtures("on_each_device")

ONE_PLACE = "some elements of the input tensor and the written-to tensor refer to a single memory location"


def numbers() -> torch.Tensor:
    return torch.arange(9.0)


def square() -> torch.Tensor:
    return numbers().view(3, 3)


PARTLY_OVER = {
    "add_": lambda x: x[1:].add_(x[:-1]),
    "mul_": lambda x: x[1:].mul_(x[:-1]),
    "+=": lambda x: x[1:].__iadd__(x[:-1]),
    "add_ with alpha": lambda x: x[1:].add_(x[:-1], alpha=2),
    "lerp_": lambda x: x[1:].lerp_(x[:-1], 0.5),
    "copy_": lambda x: x[1:].copy_(x[:-1]),
    "slice": lambda x: x.__setitem__(slice(1, None), x[:-1]),
    "transposed": lambda x: x.view(3, 3).add_(x.view(3, 3).t()),
    "an element": lambda x: x.add_(x[3]),
    "a row": lambda x: x.view(3, 3).sub_(x.view(3, 3)[1]),
    "index_add_": lambda x: x[1:].index_add_(0, torch.tensor([0, 1]), x[:2]),
    "scatter_": lambda x: x[1:].scatter_(0, torch.tensor([0, 1]), x[:2]),
    "out": lambda x: torch.exp(x[:-1], out=x[1:]),
    "out of two": lambda x: torch.add(x[:-1], x[1:], out=x[1:]),
    "out of several": lambda x: torch.cat([x[:4], x[:4]], out=x[1:]),
    "out of a scan": lambda x: torch.cumsum(x[:-1], 0, out=x[1:]),
}


@pytest.mark.parametrize("name", PARTLY_OVER)
def test_a_write_partly_over_what_is_read_is_refused(name):
    x = numbers()
    with pytest.raises(RuntimeError, match=ONE_PLACE):
        PARTLY_OVER[name](x)
    assert x.tolist() == numbers().tolist()


def test_a_write_over_the_very_same_elements_is_not():
    x = numbers()
    x.add_(x).mul_(x.detach())
    assert x.tolist() == [4 * i * i for i in range(9)]
    assert torch.exp(x * 0, out=x).tolist() == [1] * 9
    x[:3].add_(x[3:6])
    x[:3].copy_(x[6:])
    assert x.tolist() == [1] * 9


def test_products_and_sums_read_before_they_write():
    x = square()
    assert torch.mm(x, x, out=x).tolist() == (square() @ square()).tolist()
    x = square()
    assert x.addmm_(x, x).tolist() == (square() + square() @ square()).tolist()


@pytest.mark.ours  # PyTorch reads what it has just written
def test_overlaps_that_cannot_be_seen_are_read_first():
    x = square()
    x[:, 1:].add_(x[:, :-1])
    assert x.tolist() == [[0, 1, 3], [3, 7, 9], [6, 13, 15]]
    x = numbers()
    x[::2].add_(x[:5])
    assert x.tolist() == [0, 1, 3, 3, 6, 5, 9, 7, 12]
    x = square()
    x[:, 1:] = x[:, :-1]
    assert x.tolist() == [[0, 0, 1], [3, 3, 4], [6, 6, 7]]
    x = square()
    assert torch.sum(x, 0, out=x[0]).tolist() == [9, 12, 15]


def test_a_tensor_is_filled_with_an_element_of_its_own():
    assert numbers().fill_(numbers()[3]).tolist() == [3] * 9
    x = numbers()
    assert x.fill_(x[4]).tolist() == [4] * 9


# ---- elements seen several times


def expanded() -> torch.Tensor:
    return torch.zeros(1, 3).expand(2, 3)


def test_one_value_may_go_to_one_place_several_times():
    mask = torch.tensor([[True, False, False], [False, False, True]])
    assert expanded().masked_fill_(mask, 5.0).tolist() == [[5, 0, 5]] * 2
    assert expanded().masked_fill_(mask=mask[0], value=torch.tensor(5.0)).tolist() == [[5, 0, 0]] * 2
    assert expanded().index_fill_(1, torch.tensor([0, 1]), 5.0).tolist() == [[5, 5, 0]] * 2
    assert expanded().index_fill_(0, torch.tensor([1]), 5.0).tolist() == [[5, 5, 5]] * 2
    assert expanded().index_fill_(-2, torch.tensor([], dtype=torch.int64), 5.0).tolist() == [[0, 0, 0]] * 2
    assert expanded().fill_(5.0).tolist() == [[5, 5, 5]] * 2


@pytest.mark.parametrize("write", ["add_", "copy_", "mul_"])
def test_different_values_may_not(write):
    with pytest.raises(RuntimeError, match="more than one element of the written-to tensor refers to a single memory"):
        getattr(expanded(), write)(torch.ones(2, 3))


def test_in_inference_mode_fresh_tensors_share_no_memory():
    with torch.inference_mode():
        x = torch.tensor([[1.0, -2.0, 3.0]]) * 1
        x[x < 0] = -float("inf")
        x[:, [0]] = torch.tensor([[5.0]])
        y = torch.arange(4.0) * 1
        y[1:].copy_(torch.ones(3))
        assert x.tolist() == [[5.0, -float("inf"), 3.0]] and y.tolist() == [0, 1, 1, 1]
        with pytest.raises(RuntimeError, match="single memory location"):
            y[1:].add_(y[:-1])
