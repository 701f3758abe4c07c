"""Every row of the op table through every check, on both devices in each of its dtypes; and that no row is missing."""

import pytest

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
def test_every_row_has_an_empty_sample(case: OpCase):
    dtype = case.dtypes[0]
    assert any(array.size == 0 for sample in case.edges(Draw(dtype)) for array in op_checks.arrays_in(sample)), (
        f"{case.id} has no sample with an empty array"
    )
