"""Every row of the op table under vmap: its values and gradients are those of a loop over the examples."""

from typing import Any

import numpy as np
import pytest

import autograd_gpu as ag
from autograd_gpu.batching.rules import Batching
from autograd_gpu.func import grad, vmap
from autograd_gpu.testing import op_checks
from autograd_gpu.testing.op_case import Call, OpCase
from autograd_gpu.testing.op_table import CASES

pytestmark = [pytest.mark.ours, pytest.mark.filterwarnings("ignore:invalid value")]

CASES_HERE = [case for case in CASES if "float64" in case.dtypes and not case.random]

# What their results' shapes depend on are values, which may differ within a batch.
READS_DATA = {
    "Tensor.__getitem__[masks]",
    "Tensor.__setitem__",
    "argwhere",
    "bincount",
    "index_put",
    "masked_select",
    "nonzero",
    "nonzero_static",
    "repeat_interleave",
    "unique",
    "unique_consecutive",
}


def batch_of(sample: Call, device: str) -> list[ag.Tensor]:
    """Two examples of each argument: the sample's, and the same read backwards, which lies in the domain too, but for
    offsets: those must grow."""
    return [
        ag.tensor(np.stack([a, a if is_offsets(a) else np.flip(a)]), device=device) for a in op_checks.arrays_in(sample)
    ]


def is_offsets(array: np.ndarray) -> bool:
    return (
        array.dtype.kind == "i"
        and array.ndim == 1
        and bool((array[:1] == 0).all())
        and bool((np.diff(array) >= 0).all())
    )


def with_gradient(case: OpCase, sample: Call) -> Any:
    """The operation as a function of tensors: its results, and its gradients where it has any."""

    def run(*tensors: ag.Tensor) -> tuple:
        floats = [number for number, tensor in enumerate(tensors) if tensor.is_floating_point()]

        def total(*chosen: ag.Tensor) -> tuple:
            given = list(tensors)
            for number, tensor in zip(floats, chosen):
                given[number] = tensor
            outputs = tuple(op_checks.apply(case, sample, given))
            weighted = [(weights(y) * y).sum() for y in outputs if y.is_floating_point()]
            return sum(weighted[1:], weighted[0]) if weighted else None, outputs

        loss, outputs = total(*(tensors[number] for number in floats))
        if case.order == 0 or loss is None or not floats:
            return outputs
        return (
            *outputs,
            *grad(lambda *x: total(*x)[0], argnums=tuple(range(len(floats))))(*(tensors[n] for n in floats)),
        )

    return run


def weights(like: ag.Tensor) -> ag.Tensor:
    return ag.linspace(0.5, 1.5, like.numel(), dtype=like.dtype, device=like.device).reshape(like.shape)


@pytest.mark.parametrize("case", CASES_HERE, ids=lambda case: case.id)
def test_vmap_of_an_operation_is_a_loop_over_the_examples(case: OpCase, device: str):
    if device == "cuda" and case.result == "complex":
        return  # complex numbers are refused there (test_complex_numbers)
    checked = 0
    for sample in op_checks.every_sample(case, "float64"):
        tensors, run = batch_of(sample, device), with_gradient(case, sample)
        for dims in {(0,) * len(tensors), (None, *(0,) * (len(tensors) - 1))} - {(None,), ()}:
            given = [t if dim == 0 else t[0].clone() for t, dim in zip(tensors, dims)]
            if dims[0] is None and case.writes:
                continue  # what is the same for all cannot be written differently for each
            loop = [run(*(t if dim is None else t[i].clone() for t, dim in zip(given, dims))) for i in range(2)]
            if not all(isinstance(result, ag.Tensor) for result in loop[0]):
                continue
            checked += 1
            try:
                found = vmap(run, in_dims=dims)(*given)
            except RuntimeError as error:
                assert case.id in READS_DATA and ("dynamic shapes" in str(error) or ".item()" in str(error))
                continue
            what = f"{op_checks.describe(case, sample)} mapped over {dims}"
            for number, result in enumerate(found):
                for i in range(2):
                    expected = op_checks.to_numpy(loop[i][number])
                    op_checks.assert_close(op_checks.to_numpy(result[i]), expected, 1e-11, what)
    assert checked


# Nothing of an operation: optimisers' work on all parameters.
NO_RULE = {"sgd_step", "adam_step", "norm_of_all", "scale_all"}


def test_every_array_function_has_a_rule():
    from autograd_gpu.arrays import cpu

    functions = {name for name, value in vars(cpu).items() if callable(value) and not name.startswith("_")}
    missing = {name for name in functions if not hasattr(Batching, name)}
    assert missing == NO_RULE
