"""What a tensor says of itself, conversions to Python numbers, and writes that call Python or follow a diagonal."""

import pytest

import autograd_gpu as torch

pytestmark = pytest.mark.usefixtures("on_each_device")


def leaf(*values: float) -> torch.Tensor:
    return torch.tensor([float(value) for value in values], requires_grad=True)


def test_a_real_tensor_is_its_own_conjugate():
    x = leaf(1, 2)
    for same in (x.real, x.conj(), x.resolve_conj(), x.resolve_neg(), torch.real(x), torch.conj(x)):
        assert same is x
    assert not x.is_conj() and not x.is_neg()
    with pytest.raises(RuntimeError, match=r"imag is not implemented for tensors with non-complex dtypes"):
        _ = x.imag


def test_transposes_of_matrices():
    x = torch.arange(6.0).view(2, 3).requires_grad_()
    assert x.H.tolist() == x.mH.tolist() == [[0, 3], [1, 4], [2, 5]]
    (x.H * torch.tensor([1.0, 2.0])).sum().backward()
    assert x.grad.tolist() == [[1, 1, 1], [2, 2, 2]]
    assert torch.ones(4, 2, 3).mH.shape == (4, 3, 2)
    with pytest.raises(RuntimeError, match=r"tensor.H is only supported on matrices \(2-D tensors\). Got 3-D tensor"):
        _ = torch.ones(2, 3, 4).H
    with pytest.raises(RuntimeError, match=r"tensor.mH is only supported on matrices or batches of matrices. Got 1-D"):
        _ = torch.ones(2).mH


def test_kinds_of_numbers():
    signs = {torch.float32: True, torch.int64: True, torch.uint8: False, torch.bool: False, torch.bfloat16: True}
    assert {dtype: torch.zeros(1, dtype=dtype).is_signed() for dtype in signs} == signs
    assert torch.tensor([[2]]).is_nonzero() and not torch.zeros(1).is_nonzero()
    for several in (torch.ones(2), torch.ones(0)):
        with pytest.raises(RuntimeError, match=r"Boolean value of Tensor with .* is ambiguous"):
            several.is_nonzero()


def test_the_type_by_its_old_name(device):
    where = "torch.cuda." if device == "cuda" else "torch."
    names = {torch.float32: "FloatTensor", torch.bfloat16: "BFloat16Tensor", torch.int8: "CharTensor"}
    assert {dtype: torch.ones(1, dtype=dtype).type() for dtype in names} == {d: where + n for d, n in names.items()}
    x = leaf(1, 2)
    assert x.type(torch.float64).dtype == x.type(where + "DoubleTensor").dtype == torch.float64
    assert x.type("torch.HalfTensor").device.type == "cpu"
    x.type(where + "DoubleTensor").sum().backward()
    assert x.grad.tolist() == [1, 1]
    with pytest.raises(ValueError, match=r"invalid type: 'foo'"):
        x.type("foo")


def test_memory_of_its_own():
    x = torch.ones(2)
    assert not x.is_pinned() and x.is_shared() == x.is_cuda


def test_one_element_becomes_a_python_number_and_several_do_not():
    x = torch.tensor([[3.5]])
    assert (float(x), int(x), complex(x), x.item()) == (3.5, 3, 3.5 + 0j, 3.5)
    for several in (torch.ones(2), torch.ones(0), torch.ones(2, dtype=torch.int64)):
        for convert in (float, int, complex):
            with pytest.raises(ValueError, match=r"only one element tensors can be converted to Python scalars"):
                convert(several)
        with pytest.raises(RuntimeError, match=r"cannot be converted to Scalar"):
            several.item()


def test_comparisons_in_place_have_two_names():
    for short, long in (("gt_", "greater_"), ("ge_", "greater_equal_"), ("lt_", "less_"), ("le_", "less_equal_")):
        x, y = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([1.0, 2.0, 3.0])
        assert getattr(x, long)(2) is x
        assert x.tolist() == getattr(y, short)(2).tolist()
    assert torch.tensor([1.0, 2.0]).not_equal_(2).tolist() == [1, 0]
    assert torch.tensor([1.0, -2.0]).absolute_().true_divide_(2).tolist() == [0.5, 1]


@pytest.mark.parametrize("name", ["relu_", "exp_", "neg_", "zero_", "sigmoid_", "reciprocal_"])
def test_writing_methods_are_functions_too(name):
    x, y = torch.tensor([1.0, 2.0]), torch.tensor([1.0, 2.0])
    assert getattr(torch, name)(x) is x
    assert x.tolist() == getattr(y, name)().tolist()


def test_shrinking_and_sloping_are_methods_too():
    x = torch.tensor([-2.0, 0.25, 1.0])
    assert x.hardshrink().tolist() == [-2, 0, 1] and x.hardshrink(1.5).tolist() == [-2, 0, 0]
    assert x.prelu(torch.tensor([0.5])).tolist() == [-1, 0.25, 1]


# The main diagonal


@pytest.mark.parametrize(
    ("shape", "wrap", "written"),
    [
        ((2, 3), False, [[0, 0], [1, 1]]),
        ((5, 2), False, [[0, 0], [1, 1]]),
        ((7, 2), True, [[0, 0], [1, 1], [3, 0], [4, 1], [6, 0]]),
        ((3, 2), True, [[0, 0], [1, 1]]),
        ((2, 2, 2), False, [[0, 0, 0], [1, 1, 1]]),
        ((0, 2), True, []),
    ],
)
def test_filling_the_main_diagonal(shape, wrap, written):
    x = torch.zeros(shape)
    assert x.fill_diagonal_(3, wrap=wrap) is x
    assert x.nonzero().tolist() == written and x.sum().item() == 3 * len(written)


@pytest.mark.ours  # PyTorch takes rows for contiguous
def test_filling_the_main_diagonal_of_a_transposed_matrix():
    x = torch.zeros(2, 7).t()
    assert x.fill_diagonal_(3, wrap=True).nonzero().tolist() == [[0, 0], [1, 1], [3, 0], [4, 1], [6, 0]]


def test_the_main_diagonal_gets_no_gradient():
    x = torch.ones(3, 2, requires_grad=True)
    y = (x * 1).fill_diagonal_(0)
    y.sum().backward()
    assert x.grad.tolist() == [[0, 1], [1, 0], [1, 1]]
    with pytest.raises(RuntimeError, match=r"dimensions must larger than 1"):
        torch.zeros(3).fill_diagonal_(1)
    with pytest.raises(RuntimeError, match=r"all dimensions of input must be of equal length"):
        torch.zeros(2, 2, 3).fill_diagonal_(1)


# Python called for each element


def test_python_called_for_each_element(device):
    x = torch.arange(4.0).view(2, 2)
    if device == "cuda":
        with pytest.raises(TypeError, match=r"apply_ is only implemented on CPU tensors"):
            x.apply_(abs)
        return
    assert x.t().apply_(lambda value: value + 3).tolist() == [[3, 5], [4, 6]]
    assert x.tolist() == [[3, 4], [5, 6]]
    assert x.map_(torch.tensor([10.0, 20.0]), lambda a, b: a + b).tolist() == [[13, 24], [15, 26]]
    assert x.map2_(x, torch.ones(2), lambda a, b, c: a - b + c).tolist() == [[1, 1], [1, 1]]
    assert torch.tensor([1, 2]).apply_(lambda value: value * 2).tolist() == [2, 4]
    assert torch.zeros(0, 2).apply_(abs).shape == (0, 2)
    with pytest.raises(RuntimeError, match=r"Can't call apply_\(\) on Variable that requires grad. Use var.detach\(\)"):
        leaf(1).apply_(abs)
    with pytest.raises(RuntimeError, match=r"Can't call map_\(\) on Variable that requires grad"):
        x.map_(torch.ones(2, requires_grad=True), max)
    with pytest.raises(TypeError, match=r"map_: expected torch.FloatTensor for 'other' \(got torch.DoubleTensor\)"):
        x.map_(torch.ones(2, dtype=torch.float64), max)


def test_a_shape_is_taken_from_another_tensor():
    x = torch.arange(6.0)
    assert x.reshape_as(torch.ones(2, 3)).tolist() == [[0, 1, 2], [3, 4, 5]]
    assert x.reshape_as(torch.ones(2, 3)).data_ptr() == x.data_ptr()
    with pytest.raises(RuntimeError, match="shape"):
        x.reshape_as(torch.ones(4))


@pytest.mark.ours
def test_streams_need_no_record_of_a_tensor():
    assert torch.ones(1).record_stream(None) is None


def test_integers_stay_integers_where_pytorch_keeps_them():
    nn = torch.nn.functional
    n = torch.tensor([[3, -2]])
    assert n.index_add(1, torch.tensor([0]), torch.tensor([[3]]), alpha=2.5).tolist() == [[9, -2]]
    hinges = nn.hinge_embedding_loss(n, torch.tensor([[1, -1]]), 1.9, reduction="none")
    assert hinges.dtype is torch.int64 and hinges.tolist() == [[3, 3]]
    assert torch.hinge_embedding_loss(n, torch.tensor([[1, -1]]), 1.9, -1).tolist() == [[3, 3]]
    assert nn.alpha_dropout(n, 1.0, True).dtype is torch.int64
    ones = [torch.ones(shape, dtype=torch.int32) for shape in ((2, 3), (2, 2), (4, 3, 2))]
    assert nn.bilinear(*ones).dtype is torch.int32
    bytes_ = torch.tensor([[0, 2]], dtype=torch.uint8)
    for found, expected in ((bytes_.any(), 1), (bytes_.all(1), [0]), (bytes_.all(), 0)):
        assert found.dtype is torch.uint8 and found.tolist() == expected
    assert n.any().dtype is torch.bool


def test_unfold_is_a_view_and_ravel_one_of_what_is_contiguous():
    x = torch.zeros(5)
    x.unfold(0, 2, 3).add_(1)
    assert x.tolist() == [1, 1, 0, 1, 1]
    y = leaf(1, 2, 3)
    z = y.clone()
    z.unfold(0, 2, 1)[0].mul_(5)
    z.sum().backward()
    assert y.grad.tolist() == [5, 5, 1]
    x = torch.zeros(3, 4)
    x.ravel().add_(1)
    x[:, ::2].ravel().add_(1)
    assert x.tolist() == [[1] * 4] * 3


def test_linspace_to_infinity_steps_from_the_nearer_end():
    inf = float("inf")
    assert torch.linspace(0, inf, 4).isnan().tolist() == [True, False, True, True]
    assert torch.linspace(-inf, inf, 1).tolist() == [-inf]
