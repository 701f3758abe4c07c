"""Each row of the op table by its first sample: forward, and backward where it has derivatives."""

import pytest

from autograd_gpu.testing.op_table import CASES
from benchmarks.rows import call_of

ROWS = {case.id: case for case in CASES}


@pytest.mark.benchmark(group="operations")
@pytest.mark.parametrize("work", ROWS)
def test_operation(benchmark, library, work):
    if library.captured:
        pytest.skip("an operation by itself is no step")
    call = call_of(library.module, ROWS[work])
    if call is None:
        pytest.skip(f"{library.label} has no {work} of these arguments")
    benchmark(library.prepared(lambda module: call))
