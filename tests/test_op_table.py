"""Every row of the op table through every check, on both devices in each of its dtypes; and that no row is missing."""

import numpy as np
import pytest

import autograd_gpu as ag
from autograd_gpu.testing import op_checks
from autograd_gpu.testing.op_table import CASES, Draw, OpCase

pytestmark = pytest.mark.ours


def rows(cases: list[OpCase]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("case", cases, ids=lambda case: case.id)


def rows_and_dtypes() -> pytest.MarkDecorator:
    return pytest.mark.parametrize(
        ("case", "dtype"),
        [pytest.param(case, dtype, id=f"{case.id}-{dtype}") for case in CASES for dtype in case.dtypes],
    )


FLOATING = [case for case in CASES if "float64" in case.dtypes]


@rows_and_dtypes()
def test_values_are_the_references(case: OpCase, dtype: str):
    op_checks.check_values(case, "cpu", dtype)


@rows(FLOATING)
def test_gradients_are_those_of_differences_to_second_order(case: OpCase):
    op_checks.check_gradients(case)


@rows_and_dtypes()
def test_the_gpu_agrees_with_the_cpu(case: OpCase, dtype: str):
    op_checks.check_parity(case, "cuda", dtype)


@rows(FLOATING)
def test_any_memory_layout_will_do(case: OpCase, device: str):
    op_checks.check_layouts(case, device)


@rows([case for case in FLOATING if op_checks.has_in_place(case)])
def test_the_in_place_twin_agrees(case: OpCase, device: str):
    op_checks.check_in_place(case, device)


@rows(CASES)
def test_every_row_meets_emptiness(case: OpCase):
    """An empty argument or result is among its samples, or the function refuses one."""
    samples = case.edges(Draw(case.dtypes[0]))
    arrays = [array for sample in samples for array in op_checks.arrays_in(sample)]
    results = [result for sample in samples for result in op_checks.as_tuple(op_checks.reference(case, sample))]
    if not any(np.size(array) == 0 for array in [*arrays, *results]):
        with pytest.raises((RuntimeError, IndexError)):
            op_checks.function_of(case)(ag.ones(0))
