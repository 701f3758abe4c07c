"""Every row of the op table through every check, on both devices in each of its dtypes; and that no row is missing."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import autograd_gpu as ag
from autograd_gpu.arrays import cpu as numpys
from autograd_gpu.op import Op
from autograd_gpu.testing import op_checks
from autograd_gpu.testing.op_case import Draw, OpCase
from autograd_gpu.testing.op_rows.cast import MOVES
from autograd_gpu.testing.op_table import CASES

pytestmark = pytest.mark.ours


def rows(cases: list[OpCase]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.id)


def rows_and_dtypes() -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        ("case", "dtype"),
        [pytest.param(case, dtype, id=f"{case.id}-{dtype}") for case in CASES for dtype in case.dtypes],
    )


def rows_and_real_dtypes() -> pytest.MarkDecorator:
    """Those that there are CUDA kernels of."""
    return pytest.mark.parametrize(
        ("case", "dtype"),
        [
            pytest.param(case, dtype, id=f"{case.id}-{dtype}")
            for case in CASES
            for dtype in case.dtypes
            if "complex" not in dtype and case.result != "complex"
        ],
    )


COMPLEX = [case for case in CASES if "complex128" in case.dtypes]
OF_FLOATS = [case for case in CASES if "float64" in case.dtypes]
FLOATING = [case for case in OF_FLOATS if case.result != "complex"]


@rows_and_dtypes()
def test_values_are_the_references(case: OpCase, dtype: str):
    op_checks.check_values(case, "cpu", dtype)


@rows_and_dtypes()
def test_values_are_the_references_on_numpys_path(case: OpCase, dtype: str, monkeypatch: pytest.MonkeyPatch):
    """Where there is no compiler the CPU's functions are these."""
    monkeypatch.setattr(ag.device("cpu"), "_backend", numpys)
    op_checks.check_values(case, "cpu", dtype)


@rows(OF_FLOATS)
def test_gradients_are_those_of_differences_to_second_order(case: OpCase):
    op_checks.check_gradients(case)


@rows(OF_FLOATS)
def test_tangents_are_those_of_differences(case: OpCase):
    op_checks.check_forward_mode(case)


@rows(COMPLEX)
def test_gradients_of_complex_numbers_are_those_of_differences_to_second_order(case: OpCase):
    op_checks.check_gradients(case, dtype="complex128")


@rows(COMPLEX)
def test_tangents_of_complex_numbers_are_those_of_differences(case: OpCase):
    op_checks.check_forward_mode(case, "complex128")


@rows_and_real_dtypes()
def test_the_gpu_agrees_with_the_cpu(case: OpCase, dtype: str):
    op_checks.check_parity(case, "cuda", dtype)


@rows(FLOATING)
def test_any_memory_layout_will_do(case: OpCase, device: str):
    op_checks.check_layouts(case, device)


@rows([case for case in FLOATING if op_checks.has_in_place(case)])
def test_the_in_place_twin_agrees(case: OpCase, device: str):
    op_checks.check_in_place(case, device)


@rows(CASES)
def test_every_form_gives_the_same(case: OpCase):
    op_checks.check_forms(case, case.dtypes[0])


@rows(CASES)
def test_every_row_meets_emptiness(case: OpCase):
    """An empty argument or result is among its samples, or the function refuses one."""
    samples = case.edges(Draw(case.dtypes[0]))
    arrays = [array for sample in samples for array in op_checks.arrays_in(sample)]
    results = [result for sample in samples for result in op_checks.as_tuple(op_checks.reference(case, sample))]
    if not any(np.size(array) == 0 for array in [*arrays, *results]):
        with pytest.raises((RuntimeError, IndexError)):
            op_checks.function_of(case)(ag.ones(0))


# What the operations are built on; no operation of its own.
BASES = {"View", "Unary", "OfInput", "OfOutput", "Flat"}
# Not applied here: ToDevice hands on to another, CopySlices is recorded by a write to a view (test_inplace_views).
NOT_APPLIED = {"ToDevice", "CopySlices"}
# Modules call them, no function does (test_recurrent); a sparse gradient is no row's (test_sparse).
OF_MODULES = {"SparseEmbedding", "Lstm", "LstmBackward", "Gru", "GruBackward", "Rnn", "RnnBackward"}
# What they show depends on where their input lies in memory, so that the table's checks do not fit (test_strided).
OF_MEMORY = {"AsStrided", "AsStridedCopy", "AsStridedBackward"}


def subclasses(operation: type[Op]) -> Iterator[type[Op]]:
    for subclass in operation.__subclasses__():
        yield subclass
        yield from subclasses(subclass)


def run_to_second_order(case: OpCase, device: str) -> None:
    """Every sample forward, backward once for all, and backward through a backward that is recorded."""
    for sample in op_checks.every_sample(case, case.dtypes[0]):
        tensors = op_checks.tensors_of(sample, device)
        leaves = [tensor.requires_grad_() for tensor in tensors if case.order and tensor.dtype.is_inexact]
        outputs = op_checks.apply(case, sample, tensors)
        for _ in range(case.order):
            roots = [output for output in outputs if output is not None and output.requires_grad]
            if roots:
                directions = [ag.ones_like(root) for root in roots]
                ag.autograd.grad(roots, leaves, directions, retain_graph=True, allow_unused=True)
                outputs = ag.autograd.grad(roots, leaves, directions, create_graph=True, allow_unused=True)


def test_every_operation_is_reached_by_a_row(monkeypatch: pytest.MonkeyPatch):
    reached = set()
    apply = Op.apply.__func__

    def recording(cls: type[Op], *inputs: Any, **parameters: Any) -> Any:
        reached.add(cls.__name__)
        return apply(cls, *inputs, **parameters)

    monkeypatch.setattr(Op, "apply", classmethod(recording))
    for case in CASES:
        run_to_second_order(case, "cpu")
    for case in MOVES:
        run_to_second_order(case, "cuda")
    operations = {
        operation.__name__ for operation in subclasses(Op) if operation.__module__.startswith("autograd_gpu.ops")
    }
    assert operations - BASES - NOT_APPLIED - OF_MODULES - OF_MEMORY - reached == set()
