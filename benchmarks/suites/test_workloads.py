"""Kernels forward and backward, and whole training steps."""

import pytest

from benchmarks.workloads import WORKLOADS


@pytest.mark.benchmark(group="workloads")
@pytest.mark.parametrize("work", WORKLOADS)
def test_workload(benchmark, library, work):
    benchmark(library.prepared(WORKLOADS[work]))
