"""What is no tensor where a tensor is needed: every function names the argument in PyTorch's words."""

import math
import re

import numpy as np
import pytest

import autograd_gpu as torch

F = torch.nn.functional

pytestmark = pytest.mark.usefixtures("on_each_device")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: torch.sum([1.0]), "sum(): argument 'input' (position 1) must be Tensor, not list"),
        (lambda: torch.relu(3), "relu(): argument 'input' (position 1) must be Tensor, not int"),
        (lambda: torch.exp(np.ones(2)), "exp(): argument 'input' (position 1) must be Tensor, not numpy.ndarray"),
        (lambda: torch.add(torch.ones(2), [1]), "add(): argument 'other' (position 2) must be Tensor, not list"),
        (lambda: torch.ones(2).add([1]), "add(): argument 'other' (position 1) must be Tensor, not list"),
        (lambda: torch.ones(2).gather(0, [1]), "gather(): argument 'index' (position 2) must be Tensor, not list"),
        (
            lambda: F.linear(torch.ones(2, 2), None),
            "linear(): argument 'weight' (position 2) must be Tensor, not NoneType",
        ),
        (lambda: torch.nn.Linear(2, 2)([1, 2]), "linear(): argument 'input' (position 1) must be Tensor, not list"),
        (
            lambda: torch.cat(torch.ones(2)),
            "cat(): argument 'tensors' (position 1) must be tuple of Tensors, not Tensor",
        ),
        (lambda: torch.stack([torch.ones(2), 1]), "expected Tensor as element 1 in argument 0, but got int"),
    ],
)
def test_the_argument_is_named(call, message):
    with pytest.raises(TypeError, match=re.escape(message)):
        call()


def test_an_error_of_another_kind_stays_as_it_is():
    with pytest.raises(IndexError, match="Dimension out of range"):
        torch.sum(torch.ones(2), 5)
    with pytest.raises(TypeError, match="unexpected keyword argument 'bad'"):
        torch.sum(torch.ones(2), bad=1)


@pytest.mark.ours
def test_of_every_function_a_list_in_place_of_a_tensor_is_refused_by_name(device):
    from autograd_gpu.testing.op_case import Draw
    from autograd_gpu.testing.op_table import CASES

    wrong = []
    for case in CASES:
        is_complex = "complex" in case.dtypes[0] or case.result == "complex"
        if case.name.startswith("Tensor.") or case.before or (is_complex and device == "cuda"):
            continue
        function = torch
        for part in case.name.split("."):
            function = getattr(function, part)
        call = case.samples(Draw(case.dtypes[0]))[0]
        tensors = [torch.tensor(v) if isinstance(v, np.ndarray) else v for v in call.args]
        kwargs = {name: torch.tensor(v) if isinstance(v, np.ndarray) else v for name, v in call.kwargs.items()}
        for place, value in enumerate(call.args):
            if isinstance(value, np.ndarray):
                args = [[[1.0]] if at == place else tensor for at, tensor in enumerate(tensors)]
                try:
                    function(*args, **kwargs)
                    wrong.append(f"{case.name} takes a list as argument {place}")
                except TypeError as error:
                    if not re.search("must be .*Tensor|invalid combination|expected Tensor as element", str(error)):
                        wrong.append(f"{case.name}, argument {place}: {error}")
                except Exception as error:
                    wrong.append(f"{case.name}, argument {place}: {error!r}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: torch.softmax(x, 1.5), "argument 'dim' .*must be int, not float"),
        (lambda x: torch.softmax(x, None), "argument 'dim' .*must be int, not NoneType"),
        (lambda x: torch.rot90(x, "x"), "argument 'k' .*must be int, not str"),
        (lambda x: torch.movedim(x, None, 0), "must be|invalid combination"),
        (
            lambda x: torch.full((2, "x"), 1.0),
            "argument 'size'.*(found element of type str|but got str)|failed to unpack",
        ),
    ],
)
def test_a_value_of_the_wrong_plain_type_is_named_with_the_type_that_was_wanted(call, words):
    with pytest.raises(TypeError, match=words):
        call(torch.ones(2, 3))


def refuses(error, call, words="."):
    with pytest.raises(error, match=words):
        call()


@pytest.mark.parametrize(
    "call",
    [
        lambda x: torch.cumsum(x, True),
        lambda x: torch.cumsum(x, dim=torch.tensor([1])),
        lambda x: x.cumsum(1.0),
        lambda x: x.clone().cumsum_(True),
        lambda x: x.unsqueeze(True),
        lambda x: x.clone().unsqueeze_(True),
        lambda x: x.reshape(True, 6),
        lambda x: torch.zeros((True, 2)),
        lambda x: x.sum(dim=(True, 1)),
        lambda x: x.sum(0, 1),
        lambda x: x.sum(0, keepdim=None),
        lambda x: torch.sort(x, 0, 1),
        lambda x: torch.linalg.svd(x, full_matrices=0),
        lambda x: torch.movedim(x, (0,), 1),
        lambda x: x.rot90(1.0),
        lambda x: F.threshold(x, [0.5], 1.0),
        lambda x: F.softplus(x, 1.0, [8.0]),
        lambda x: torch.eq(3, x),
        lambda x: torch.greater(3, x),
        lambda x: torch.maximum(x, 1),
        lambda x: x.logical_and(1),
        lambda x: x.clone().logical_and_(1),
        lambda x: x.clone().atan2_(1),
        lambda x: torch.lcm(2, x.long()),
        lambda x: torch.ldexp(0.5, x),
        lambda x: torch.true_divide(x, x, rounding_mode="floor"),
        lambda x: x.clone().erf_(1),
        lambda x: x.requires_grad_(1),
        lambda x: F.pad(x, (1, 1), x),
        lambda x: torch.zeros(2.0, 1),
        lambda x: torch.sum(x, True, out=x.new_zeros(2).requires_grad_()),
        lambda x: torch.mode(x.requires_grad_(), out=x.new_zeros(2)),
        lambda x: torch.max(x, 1, out=x.new_zeros(2)),
        lambda x: torch.tensor_split(x, "x"),
        lambda x: torch.vsplit(x, None),
        lambda x: torch.fill(x, [0.0]),
        lambda x: torch.poisson(x, 1),
        lambda x: x.repeat_interleave(),
    ],
)
def test_what_the_annotation_excludes_is_a_type_error_before_anything_is_done(call):
    refuses(TypeError, lambda: call(torch.rand(2, 3)))


def test_what_stands_for_a_number_is_taken():
    x = torch.rand(2, 3)
    for dim in (1, np.int64(1), torch.tensor(1)):
        assert x.cumsum(dim).tolist() == x.cumsum(1).tolist()
    assert torch.tril(x, torch.tensor([1])).shape == (2, 3)
    for slope in (2, np.float32(2), torch.tensor(2.0), True):
        assert F.leaky_relu(-x, slope).tolist() == F.leaky_relu(-x, float(slope)).tolist()
    assert torch.add(2, x).tolist() == (x + 2).tolist() and torch.remainder(7, x + 1).shape == (2, 3)
    assert torch.std(x, 1, True, True).tolist() == x.std(1, keepdim=True).tolist()
    assert torch.var(x, 1, False).tolist() == x.var(1, correction=0).tolist()
    assert torch.kl_div(x, x, 7).shape == (2, 3)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: torch.isclose(torch.ones(2), torch.ones(2), rtol=-1.0), "rtol must be greater than or equal to zero"),
        (lambda: torch.allclose(torch.ones(2), torch.ones(2).double()), "Float did not match Double"),
        (lambda: F.kl_div(torch.ones(2).int(), torch.ones(2).int()), "Integral inputs not supported"),
        (lambda: F.embedding_bag(torch.zeros(1, 2).long(), torch.ones(2, 2).int()), "'weight' to have one of"),
        (lambda: F.relu(torch.tensor([True])), "Boolean inputs not supported for relu"),
        (lambda: F.tanhshrink(torch.tensor([True])), "Subtraction"),
        (lambda: torch.tensor([True]).argmax(), r"argmax\(\): does not support bool input"),
        (lambda: torch.tensor([True]).topk(1), "topk does not support bool"),
        (lambda: torch.tensor([True]).median(), "not implemented for 'Bool'"),
        (lambda: +torch.tensor([True]), r"The `\+` operator, on a bool tensor"),
        (lambda: torch.trapezoid(torch.tensor([True, False])), "received a bool input"),
        (lambda: torch.mvlgamma(torch.tensor([True]), 1), "may not be a boolean tensor"),
        (lambda: torch.ones(2, requires_grad=True).sum(dtype=torch.int32), "Autograd not support dtype: Int"),
        (lambda: torch.ones(2, requires_grad=True).cumsum(0, dtype=torch.int64), "Autograd not support dtype: Long"),
        (lambda: torch.sin(torch.ones(2), out=torch.zeros(3).int()), "can't be cast to the desired output type Int"),
        (lambda: torch.ones(2).float_power_(2), "requires dtype Double"),
        (lambda: F.max_pool1d(torch.ones(1, 1, 8), 3, padding=2, dilation=2), "at most half of kernel size|half of"),
        (lambda: F.dropout1d(torch.ones(2, 3, 4).int()), "can't be cast to the desired output type Int"),
        (lambda: F.gumbel_softmax(torch.ones(3).int()), "must be a floating point"),
        (lambda: torch.arange(0, float("nan")), "unsupported range"),
        (lambda: torch.arange(0, 1, float("nan")), "step must be nonzero"),
        (
            lambda: torch.ones(3).long().addmv(torch.ones(3, 3).long(), torch.ones(3).long(), beta=float("inf")),
            "overflow",
        ),
        (lambda: F.hardtanh(torch.ones(3).long(), float("nan"), 2.0), "without overflow"),
        (lambda: torch.ones(2, 3).add(torch.ones(3), alpha=True), "Boolean alpha only supported"),
        (lambda: torch.ones(4, 3).t().copy_(torch.ones(4, 3)), r"size of tensor a \(4\) must match .* b \(3\)"),
        (lambda: torch.zeros(2, 0).amax(), "Expected reduction dim to be specified"),
        (lambda: F.embedding(torch.zeros(2).byte(), torch.ones(2, 2)), "scalar types: Long, Int"),
        (lambda: F.cross_entropy(torch.ones(2, 3).bool(), torch.tensor([0, 1])), "not implemented for"),
        (lambda: torch.zeros(3, 0).unique(dim=0), "There are 0 sized dimensions"),
        (lambda: torch.tensordot(torch.ones(2), torch.ones(2), dims=None), "tensordot expects dims"),
        (lambda: torch.index_fill(torch.ones(3), 0, torch.ones(1), 1.5), "Expected dtype int64 for index"),
        (lambda: torch.ones(2, 4).cov(aweights=torch.tensor([math.nan, 1, 1, 1])), "aweights cannot be negative"),
        (lambda: F.softshrink(torch.ones(3), math.inf), r"lambda must be in range \[0, 3.40282e\+38\]"),
        (lambda: torch.ones(2, 2).tile((-2, 2)), r"negative dimension -4: \[-4, 4\]"),
        (lambda: torch.ones(2)[None, 3], "index 3 is out of bounds for dimension 1 with size 2"),
        (lambda: torch.ones(5, 5)[..., 7], "index 7 is out of bounds for dimension 1 with size 5"),
    ],
)
def test_what_pytorch_refuses_is_refused(call, words):
    refuses((RuntimeError, IndexError), call, words)


def test_what_pytorch_takes_is_taken():
    x = torch.arange(6.0).reshape(2, 3)
    x.masked_fill_(x > 1, x[0, 0])
    assert x.tolist() == [[0.0, 1.0, 0.0], [0.0, 0.0, 0.0]]
    x = torch.ones(2, 3)
    torch.addmv(x[1], torch.zeros(3, 3), x[0], out=x[0])
    assert x[0].tolist() == [1.0, 1.0, 1.0]
    assert torch.ones(2).copy_(3).tolist() == [3.0, 3.0]
    n = torch.tensor([-5, 5, 0])
    assert (n >> -1).tolist() == (n >> 70).tolist() == [-1, 0, 0] and (n >> 1).tolist() == [-3, 2, 0]
    assert torch.addcmul(n, n, n, value=1.9).tolist() == [20, 30, 0]
    assert torch.allclose(n > 0, n > 0)
    small = torch.tensor([0, 2], dtype=torch.uint8)
    assert small.any().dtype == small.all(0).dtype == torch.uint8
    y = torch.ones(2, requires_grad=True)
    assert torch.gt(y, 0, out=torch.zeros(2, dtype=torch.bool)).tolist() == [True, True]
    assert F.hinge_embedding_loss(n, torch.tensor([1, -1, 1]), reduction="sum").dtype == torch.int64


def test_a_tensor_that_stands_for_a_number_is_read_before_anything_is_computed(device):
    x = torch.tensor([2.26, 7.48], dtype=torch.float64, device=device)
    three = torch.tensor(3, device=device)
    assert x.mvlgamma(three).tolist() == x.mvlgamma(3).tolist()
    assert [part.tolist() for part in torch.arange(3).split(torch.tensor([2]))] == [[0, 1], [2]]
    assert F.celu(-x, torch.tensor(0.1, dtype=torch.float64)).tolist() == F.celu(-x, 0.1).tolist()


def test_out_says_in_which_dtype_a_sum_is_taken(device):
    x, whole = torch.tensor([1.5, 2.7], device=device), torch.zeros(2, dtype=torch.int32, device=device)
    assert torch.cumsum(x, 0, out=whole.clone()).tolist() == [1, 3]
    assert torch.sum(x, 0, out=whole[0].clone()).item() == 3 and torch.prod(x, 0, out=whole[0].clone()).item() == 2


def test_what_is_dropped_for_sure_is_nothing_in_every_dtype(device):
    truth = torch.ones(2, 3, 4, dtype=torch.bool, device=device)
    assert F.feature_alpha_dropout(truth, 1, True).dtype is torch.bool
    assert F.dropout(truth.long(), 1).tolist() == truth.long().mul(0).tolist()
    assert (truth.add(truth, alpha=3) & truth.add(truth, alpha=0)).all()


def test_an_empty_vector_that_is_joined_has_an_empty_gradient(device):
    x, nothing = torch.ones(2, 3, device=device), torch.zeros(0, device=device, requires_grad=True)
    (gradient,) = torch.autograd.grad(torch.cat([x, nothing], 1).sum(), nothing)
    assert gradient.shape == (0,)


def test_targets_of_binary_cross_entropy_are_probabilities():
    with pytest.raises(RuntimeError, match="all elements of target should be between 0 and 1"):
        F.binary_cross_entropy(torch.ones(1, device="cpu"), torch.full((1,), math.inf, device="cpu"))


def test_what_stands_for_a_bound_or_a_dimension_is_taken():
    x = torch.arange(6)
    assert x[torch.tensor([2]) :].tolist() == [2, 3, 4, 5] and x[: torch.tensor(2)].tolist() == [0, 1]
    assert not torch.zeros(2, 3).all(dim=(0, True)) and torch.logspace(0.0, math.inf, 1).tolist() == [1.0]
    assert torch.ones(1).byte().cov(correction=torch.tensor(0)) == 0
