"""What is compiled for this processor runs compiled: NumPy's function of the name serves what is listed here, and
why."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from autograd_gpu.arrays import cpu, native
from autograd_gpu.arrays.native.launch import Map
from autograd_gpu.testing import op_checks
from autograd_gpu.testing.op_table import CASES

pytestmark = pytest.mark.ours

LEFT_TO_NUMPY = {
    "cast": "a real number that a whole dtype cannot hold is what NumPy makes of it; a double goes to a "
    "half in one rounding",
    "convolution": "few and large groups are a product of NumPy's BLAS with columns, which are compiled here",
    "linear": "BLAS has no products of half types, nor of what has gaps, and of vectors NumPy asks for others",
    "matmul": "the same, and none of integers",
    "scatter_add_rows of int64": "bags are of real numbers",
    "attention of float16": "its kernel is made of tensor cores",
}


@pytest.fixture
def left(monkeypatch: pytest.MonkeyPatch) -> dict[str, set[str]]:
    """NumPy's functions that are called in place of one compiled here, each with the dtypes of its first arrays."""
    found: dict[str, set[str]] = defaultdict(set)

    def recording(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def record(*args: Any, **kwargs: Any) -> Any:
            arrays = [x for x in args if isinstance(x, np.ndarray)]
            if arrays and arrays[0].ndim and all(x.size for x in arrays):  # else there is nothing to compute
                found[name].add(str(arrays[0].dtype))
            return function(*args, **kwargs)

        return record

    for name, function in vars(native).items():
        if callable(function) and function is not getattr(cpu, name, function):
            monkeypatch.setattr(cpu, name, recording(name, getattr(cpu, name)))
    for each in Map.all:
        monkeypatch.setattr(each, "numpy", recording(each.numpy.__name__, each.numpy))
    return found


@pytest.mark.parametrize("dtype", ["float32", "float16", "int64"])
def test_what_is_compiled_here_runs_compiled(left: dict[str, set[str]], dtype: str):
    for case in CASES:
        if dtype in case.dtypes:
            for sample in op_checks.every_sample(case, dtype):
                op_checks.apply(case, sample, op_checks.tensors_of(sample, "cpu"))
    assert {
        f"{name} of {kind}"
        for name, kinds in left.items()
        for kind in kinds
        if name not in LEFT_TO_NUMPY and f"{name} of {kind}" not in LEFT_TO_NUMPY and "complex" not in kind
    } == set()
