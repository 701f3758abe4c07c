"""Each row of the op table on nothing: every size in turn is 0, then there are no dimensions; PyTorch judges."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch

import autograd_gpu as ag
from autograd_gpu.testing import op_checks
from autograd_gpu.testing.op_case import Call, Draw, OpCase
from autograd_gpu.testing.op_table import CASES

# Rows that part from PyTorch where there is nothing, and why.
APART = {
    "cummax": "a dimension that is not there is refused, also of nothing",
    "cummin": "a dimension that is not there is refused, also of nothing",
    "roll": "a dimension that is not there is refused, also of nothing",
    "index_add": "an index out of range is refused, also of nothing",
    "nn.functional.adaptive_avg_pool1d": "the mean of nothing is refused for an output of 1 too",
    "nn.functional.adaptive_avg_pool2d": "the mean of nothing is refused for an output of 1 too",
    "nn.functional.adaptive_avg_pool3d": "the mean of nothing is refused for an output of 1 too",
    "nn.functional.adaptive_max_pool1d_with_indices": "as the one without indices with another output",
    "nn.functional.adaptive_max_pool2d_with_indices": "as the one without indices with another output",
    "nn.functional.adaptive_max_pool3d_with_indices": "as the one without indices with another output",
    "nn.functional.conv1d": "PyTorch gives an output without channels when the input has none",
    "nn.functional.conv2d": "PyTorch gives an output without channels when the input has none",
    "nn.functional.conv3d": "PyTorch gives an output without channels when the input has none",
    "nn.functional.conv_tbc": "a convolution without channels is refused, as the others are",
    "nn.functional.pixel_unshuffle": "PyTorch forgets to shuffle the shape",
    "nn.functional.multi_margin_loss": "PyTorch reads memory that nobody wrote",
    "nn.functional.multilabel_margin_loss": "PyTorch reads memory that nobody wrote",
    "nn.functional.embedding_bag": "PyTorch stops the interpreter",
    "nn.functional.batch_norm": "PyTorch does not differentiate the running statistics",
    "nn.functional.group_norm": "the gradient of a weight that nothing was multiplied by is 0",
    "nn.functional.scaled_dot_product_attention": "no heads are not shared",
    "nn.functional.pdist": "PyTorch's gradient of no distances stops the interpreter",
    "nn.functional.ctc_loss": "PyTorch's gradient of nothing stops the interpreter",
    "addmv": "PyTorch takes the shape of an input without dimensions for the result's",
    "bincount": "PyTorch counts weights of nothing in whole numbers",
    "linalg.lstsq": "PyTorch leaves residuals out that have a shape",
    "addcdiv": "the quotient is taken before it is broadcast: a divisor of 0 has the gradient 0 / 0",
    "nn.functional.multi_head_attention_forward": "no heads are not shared",
    "trapezoid": "nothing has a gradient of nothing",
    "vander": "nothing has a gradient of nothing",
    "cat": "PyTorch has zeros, of nothing, for what was left out",
    "hstack": "PyTorch has zeros, of nothing, for what was left out",
    "cumulative_trapezoid": "PyTorch has zeros, of nothing, for what was left out",
}
NOT_OURS = ("axis", "tuple index", "reshape array", "division by zero", "ufunc", "_array", "_backend", "list index")


def variants(sample: Call) -> Iterator[Call]:
    """The sample with one of its sizes 0 wherever it stands, and with arrays without dimensions or elements."""
    arrays = op_checks.arrays_in(sample)
    for size in sorted({n for array in arrays for n in array.shape}):
        yield _each(sample, lambda x, size=size: np.zeros([0 if n == size else n for n in x.shape], x.dtype))
    if any(array.ndim for array in arrays):
        yield _each(sample, _scalar)
        yield _each(sample, lambda x: np.zeros(0, x.dtype))
    if len(arrays) > 1:
        rest = iter([_scalar])
        yield _each(sample, lambda x: next(rest, lambda x: x)(x))


def _scalar(x: np.ndarray) -> np.ndarray:
    return np.asarray(x.reshape(-1)[0]) if x.size else np.zeros((), x.dtype)


def _each(sample: Call, make: Callable) -> Call:
    args = tuple(op_checks.replaced(value, make) for value in sample.args)
    return Call(args, {name: op_checks.replaced(value, make) for name, value in sample.kwargs.items()})


def outcome(library: Any, case: OpCase, sample: Call) -> Any:
    """Shapes, dtypes, values and gradients, or the exception."""
    leaves: list = []

    def tensor(array: np.ndarray) -> Any:
        x = library.tensor(array)
        if x.dtype.is_floating_point:
            leaves.append(x.requires_grad_())
        return x

    args = [op_checks.replaced(value, tensor) for value in sample.args]
    kwargs = {name: op_checks.replaced(value, tensor) for name, value in sample.kwargs.items()}
    try:
        function = library
        for part in case.name.split("."):
            function = getattr(function, part)
        results = op_checks.as_tuple((op_checks.on_a_copy(function) if case.writes else function)(*args, **kwargs))
        tensors = [y for y in results if isinstance(y, library.Tensor)]
        differentiable = [y for y in tensors if y.requires_grad]
        found = [(tuple(y.shape), str(y.dtype).split(".")[-1], y.tolist()) for y in tensors]
        if differentiable and leaves:
            total = sum(y.sum() for y in differentiable)
            for g in library.autograd.grad(total, leaves, allow_unused=True):
                found.append(None if g is None else (tuple(g.shape), g.tolist()))
        return found
    except Exception as error:
        return error


def agree(a: Any, b: Any) -> bool:
    if isinstance(a, (list, tuple)):
        return isinstance(b, (list, tuple)) and len(a) == len(b) and all(map(agree, a, b))
    if isinstance(a, float) and isinstance(b, (float, int)):
        return a == b or (a != a and b != b) or abs(a - b) <= 1e-4 * (1 + abs(b))
    return a == b


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=case.id)
        for case in CASES
        if case.name not in APART and not case.random and not case.before and hasattr(ag, case.name.split(".")[0])
    ],
)
def test_nothing_is_taken_as_pytorch_takes_it(case: OpCase):
    samples = case.samples(Draw("float32"))[:2]
    for sample in (variant for smooth in samples for variant in variants(smooth)):
        what = op_checks.describe(case, sample)
        theirs = outcome(torch, case, sample)
        ours = outcome(ag, case, sample)
        if isinstance(theirs, AttributeError):
            continue  # it has no such function
        if isinstance(ours, Exception):
            assert isinstance(theirs, Exception), f"{what}: {ours!r}, where PyTorch gives {theirs}"
            assert not any(word in str(ours) for word in NOT_OURS), f"{what}: an inner error, {ours!r}"
        elif not isinstance(theirs, Exception):
            assert agree(ours, theirs), f"{what}: {ours}, not {theirs}"
