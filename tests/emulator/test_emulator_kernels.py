"""Correct kernels give NumPy's numbers in whatever order their threads run, and the race checker is silent."""

import emulated_kernels as kernels
import pytest

MODES = {
    "plain": {"racecheck": False},
    "reverse": {"racecheck": False, "order": "reverse"},
    "random": {"racecheck": False, "order": "random", "seed": 3},
    "racecheck": {"racecheck": True},
    "racecheck-random": {"racecheck": True, "order": "random", "seed": 4},
}


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("job", kernels.FILES, ids=lambda job: job.__name__)
def test_correct_kernels_pass_in_every_order(job, mode):
    result = job(kernels.text_of(kernels.FILES[job]), **MODES[mode])
    assert kernels.agrees(result, of_bfloat16=job is kernels.gelu_bfloat16)


@pytest.mark.parametrize(("columns", "block"), [(1, 32), (31, 32), (77, 96), (1000, 256)])
def test_softmax_at_odd_sizes(columns, block):
    assert kernels.agrees(kernels.softmax(kernels.text_of("softmax.cu"), columns=columns, block=block))


@pytest.mark.parametrize("n", [1, 3, 4, 257])
def test_vector_loads_with_a_tail(n):
    assert kernels.agrees(kernels.gelu(kernels.text_of("gelu.cu"), n=n))
