"""One operation, forward and backward, on tensors so small that what is timed is the library: recording, the engine."""

import pytest

from benchmarks.small import CHAIN, HOST, OPERATIONS, forward_and_backward


@pytest.mark.benchmark(group="small")
@pytest.mark.parametrize("work", [HOST + name for name in OPERATIONS])
def test_small(benchmark, library, work):
    if library.captured:
        pytest.skip("an operation by itself is no step")
    benchmark.extra_info["operations"] = CHAIN
    benchmark(library.prepared(lambda module: forward_and_backward(module, OPERATIONS[work.removeprefix(HOST)])))
