"""Every row of the op table through what goes wrong in silence, on both devices; few opt out, with a reason."""

import pytest

from autograd_gpu.testing import op_hazards
from autograd_gpu.testing.op_case import OpCase
from autograd_gpu.testing.op_table import CASES

pytestmark = pytest.mark.ours

FLOATING = [case for case in CASES if "float64" in case.dtypes and case.result != "complex"]


def rows_but_for(check: str) -> pytest.MarkDecorator:
    held = [case for case in FLOATING if case.id not in op_hazards.OPTED_OUT[check]]
    return pytest.mark.parametrize("case", held, ids=lambda case: case.id)


def hold(check: str, case: OpCase, device: str) -> None:
    """The check; a row that is listed as wrong yet is expected to fail."""
    try:
        op_hazards.CHECKS[check](case, device)
    except AssertionError as error:
        if case.id not in op_hazards.STILL_WRONG.get(check, ()):
            raise
        pytest.xfail(str(error))


@rows_but_for("halves")
def test_half_types_round_once(case: OpCase, device: str):
    hold("halves", case, device)


@rows_but_for("modes")
def test_both_modes_agree_either_way_round_at_zeros_and_ties_too(case: OpCase, device: str):
    hold("modes", case, device)


@rows_but_for("edges")
def test_zeros_ties_infinities_and_the_ends_of_the_numbers_to_second_order(case: OpCase, device: str):
    hold("edges", case, device)


@rows_but_for("unlike operands")
def test_operands_that_are_not_alike_are_promoted_or_refused(case: OpCase, device: str):
    hold("unlike operands", case, device)


@rows_but_for("sharing")
def test_a_write_to_a_result_an_input_a_gradient_or_a_tangent_changes_nothing_else(case: OpCase, device: str):
    hold("sharing", case, device)


def test_rows_that_are_still_wrong_exist_and_become_fewer():
    wrong = op_hazards.STILL_WRONG
    assert {row for rows in wrong.values() for row in rows} <= {case.id for case in FLOATING}
    assert {check: len(rows) for check, rows in wrong.items()} == {"edges": 22}


@pytest.mark.parametrize("check", op_hazards.CHECKS)
def test_few_rows_opt_out_of_a_check_and_each_exists(check: str):
    reasons = op_hazards.OPTED_OUT[check]
    assert all(reasons.values())
    assert set(reasons) <= {case.id for case in FLOATING}
    assert len(reasons) <= len(FLOATING) / 20
