"""What a call costs, in time and in memory, as its operands grow."""

import pytest

from benchmarks.peak_memory import peak_of
from benchmarks.sizes import GROWING, SIZES, operands_of


@pytest.mark.benchmark(group="sizes")
@pytest.mark.parametrize("work", [f"{name} of {size}" for name in GROWING for size in SIZES])
def test_size(benchmark, library, work):
    if library.captured:
        pytest.skip("an operation by itself is no step")
    name, _, size = work.partition(" of ")
    operands, call = operands_of(library.module, name, int(size)), GROWING[name]
    benchmark.extra_info.update(operation=name, size=int(size), peak_bytes=peak_of(library.module, call, operands))

    def both_ways():
        for operand in operands:
            operand.grad = None
        call(library.module, *operands).sum().backward()

    benchmark(library.prepared(lambda module: both_ways))
