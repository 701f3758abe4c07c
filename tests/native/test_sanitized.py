"""The op table's values on the CPU in three dtypes: what `make native-sanitize` runs with sanitizers compiled in."""

import pytest

from autograd_gpu.arrays.native import build
from autograd_gpu.testing import op_checks
from autograd_gpu.testing.op_case import OpCase
from autograd_gpu.testing.op_table import CASES

pytestmark = [
    pytest.mark.ours,
    pytest.mark.skipif("-fsanitize=address,undefined" not in build.FLAGS, reason="make native-sanitize builds for it"),
]


@pytest.mark.parametrize(
    ("case", "dtype"),
    [
        pytest.param(case, dtype, id=f"{case.id}-{dtype}")
        for case in CASES
        for dtype in ("float32", "float16", "int64")
        if dtype in case.dtypes
    ],
)
def test_nothing_is_read_or_written_out_of_bounds(case: OpCase, dtype: str):
    op_checks.check_values(case, "cpu", dtype)
    if dtype == "float32":
        op_checks.check_layouts(case, "cpu")
