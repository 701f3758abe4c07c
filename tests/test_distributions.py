"""Random numbers by inversion: an even grid of uniform numbers gives each outcome as often as it is probable."""

import math

import numpy as np
import pytest

import autograd_gpu as ag
from autograd_gpu.arrays import cpu

N = 100_000
GRID = (np.arange(N) + 0.5) / N


def counts_of(drawn: np.ndarray, length: int) -> np.ndarray:
    return np.bincount(drawn.astype(np.int64), minlength=length)[:length]


@pytest.mark.parametrize("rate", [0.3, 1.0, 7.5, 80.0, 900.0])
def test_poisson_numbers_are_as_frequent_as_they_are_probable(rate: float):
    drawn = cpu.poisson_from(GRID, np.full(N, rate))
    k = np.arange(2000)
    probability = np.exp(k * math.log(rate) - rate - cpu.lgamma(k + 1.0))
    assert np.abs(counts_of(drawn, 2000) - N * probability).max() < 2


@pytest.mark.parametrize("count, p", [(1, 0.3), (10, 0.5), (40, 0.02), (1000, 0.97), (7, 0.0), (7, 1.0)])
def test_binomial_numbers_are_as_frequent_as_they_are_probable(count: int, p: float):
    drawn = cpu.binomial_from(GRID, np.full(N, float(count)), np.full(N, p))
    probability = np.array([math.comb(count, k) * p**k * (1 - p) ** (count - k) for k in range(count + 1)])
    assert np.abs(counts_of(drawn, count + 1) - N * probability).max() < 2


def test_a_large_rate_takes_few_steps_and_keeps_its_mean_and_spread():
    grid = (np.arange(2000) + 0.5) / 2000
    drawn = cpu.poisson_from(grid, np.full(grid.shape, 1e6))
    assert abs(drawn.mean() - 1e6) < 20 and abs(drawn.var() / 1e6 - 1) < 0.01


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16"])
def test_fills_follow_their_distributions(dtype: str, device: str):
    def filled(method: str, *args: float) -> np.ndarray:
        ag.manual_seed(3)
        x = ag.empty(4000, dtype=getattr(ag, dtype), device=device)
        assert getattr(x, method)(*args) is x
        return x.double().cpu().numpy()

    exponential = filled("exponential_", 2.0)
    assert exponential.min() >= 0
    assert exponential.mean() == pytest.approx(0.5, rel=0.1)
    assert np.median(exponential) == pytest.approx(math.log(2) / 2, rel=0.1)
    geometric = filled("geometric_", 0.25)
    assert geometric.min() == 1
    assert geometric.mean() == pytest.approx(4, rel=0.1)
    cauchy = filled("cauchy_", 1.0, 3.0)
    assert np.median(cauchy) == pytest.approx(1, abs=0.3)
    assert np.quantile(cauchy, 0.75) == pytest.approx(4, rel=0.15)
    log_normal = np.log(filled("log_normal_", 0.5, 0.25))
    assert log_normal.mean() == pytest.approx(0.5, abs=0.02)
    assert log_normal.std() == pytest.approx(0.25, rel=0.1)


def test_integers_can_be_filled_with_geometric_numbers_only():
    assert ag.zeros(100, dtype=ag.int64).geometric_(0.5).min().item() == 1
    for method in ("exponential_", "cauchy_", "log_normal_"):
        with pytest.raises((RuntimeError, NotImplementedError)):
            getattr(ag.zeros(3, dtype=ag.int64), method)()


def test_a_generator_gives_the_same_numbers_again_and_its_device_must_fit(device: str):
    rate = ag.full((50,), 5.0, device=device)
    first, second = (ag.poisson(rate, ag.Generator(device).manual_seed(9)) for _ in range(2))
    assert first.tolist() == second.tolist()
    assert ag.poisson(ag.full((50,), 5.0), ag.Generator().manual_seed(9)).tolist() == first.tolist()


def test_binomial_asks_for_floats_of_one_dtype():
    with pytest.raises(ValueError, match="floating-point dtypes"):
        ag.binomial(ag.tensor([3]), ag.tensor([0.5]))


def test_integers_like_another_tensor(device: str):
    y = ag.randint_like(ag.zeros(200, device=device), 2, 5)
    assert y.dtype is ag.float32 and y.device.type == device
    assert set(y.tolist()) == {2.0, 3.0, 4.0}


def test_deterministic_algorithms_can_be_asked_for():
    try:
        ag.use_deterministic_algorithms(True, warn_only=True)
        assert ag.are_deterministic_algorithms_enabled() and ag.is_deterministic_algorithms_warn_only_enabled()
        ag.set_deterministic_debug_mode(2)
        assert ag.get_deterministic_debug_mode() == 2 and not ag.is_deterministic_algorithms_warn_only_enabled()
    finally:
        ag.use_deterministic_algorithms(False)
    assert not ag.are_deterministic_algorithms_enabled()


def test_a_buffer_is_shared_where_it_can_be_written():
    memory = bytearray(8)
    x = ag.frombuffer(memory, dtype=ag.int32)
    x[1] = 5
    assert memory[4] == 5
    with pytest.warns(UserWarning, match="not writable"):
        assert ag.frombuffer(b"abcd", dtype=ag.uint8).tolist() == [97, 98, 99, 100]


def test_asarray_shares_memory_unless_told_otherwise():
    host = np.zeros(3, np.float32)
    ag.asarray(host)[0] = 1
    assert host[0] == 1
    ag.asarray(host, copy=True)[1] = 1
    assert host[1] == 0
    x = ag.ones(2)
    assert ag.asarray(x, requires_grad=True).requires_grad and not x.requires_grad


def test_range_includes_its_end_and_is_deprecated():
    with pytest.warns(UserWarning, match="deprecated"):
        assert ag.range(1, 4).tolist() == [1, 2, 3, 4]


def test_a_tensor_is_filled_with_draws_of_a_coin_and_of_integers():
    x = ag.zeros(4000)
    assert set(x.bernoulli_(0.25).tolist()) == {0, 1} and abs(x.mean().item() - 0.25) < 0.03
    assert set(x.random_(2, 5).tolist()) == {2, 3, 4}
    assert set(x.random_(3).tolist()) == {0, 1, 2}


# ---- what no distribution has


REFUSED = {
    "probability tensor contains either `inf`, `nan` or element < 0": [
        lambda t, weight=weight: ag.multinomial(t([weight, 1.0]), 2) for weight in (math.nan, -1.0, math.inf)
    ],
    r"invalid multinomial distribution \(encountering probability entry": [
        lambda t, weight=weight: ag.multinomial(t([weight, 1.0]), 2, True) for weight in (math.nan, -1.0, math.inf)
    ],
    r"invalid multinomial distribution \(sum of probabilities <= 0\)": [
        lambda t: ag.multinomial(t([0.0, 0.0]), 1),
        lambda t: ag.multinomial(t([[1.0, 0.0], [0.0, 0.0]]), 3, True),
    ],
    "cannot sample n_sample <= 0 samples": [lambda t: ag.multinomial(t([1.0]), 0)],
    "prob_dist must be 1 or 2 dim": [lambda t: ag.multinomial(t(1.0), 1)],
    "multinomial only supports floating-point dtypes for input, got: Long": [lambda t: ag.multinomial(t([1, 2]), 1)],
    "normal expects all elements of std >= 0.0": [
        lambda t: ag.normal(t([1.0, 2.0]), t([1.0, -1.0])),
        lambda t: ag.normal(0.0, t([math.nan])),
    ],
    "normal expects std >= 0.0, but found std -1": [
        lambda t: ag.normal(t([1.0]), -1.0),
        lambda t: ag.normal(0.0, -1.0, (2,)),
        lambda t: t([1.0]).normal_(0, -1),
    ],
    "Expected p_in >= 0 && p_in <= 1 to be true, but got false": [
        lambda t: ag.bernoulli(t([0.5, 2.0])),
        lambda t: ag.bernoulli(t([-0.1])),
        lambda t: ag.bernoulli(t([math.nan])),
        lambda t: t([0.0]).bernoulli_(t([2.0])),
    ],
    r"bernoulli_ expects p to be in \[0, 1\], but got p=2": [
        lambda t: ag.bernoulli(t([0.5]), 2.0),
        lambda t: t([1, 2]).bernoulli_(2.0),
    ],
    "invalid Poisson rate, expected rate to be non-negative": [
        lambda t: ag.poisson(t([1.0, -1.0])),
        lambda t: ag.poisson(t([math.nan])),
    ],
    r"uniform_ expects to return a \[from, to\) range, but found from=2": [lambda t: t([1.0]).uniform_(2, 1)],
    "to is out of bounds for": [lambda t: t([1.0]).uniform_(0, math.inf)],
    "from is out of bounds for": [lambda t: t([1.0]).uniform_(math.nan, 1)],
    "uniform_ expects to-from <= ": [lambda t: t([1.0]).uniform_(-3e38, 3e38)],
    "out of bounds for": [lambda t: t([1, 2]).to(ag.uint8).random_(0, 300)],
    "not implemented for 'Long'": [
        lambda t: ag.bernoulli(t([1])),
        lambda t: t([1, 2]).normal_(),
        lambda t: ag.randn(2, dtype=ag.int64),
    ],
}


@pytest.mark.parametrize(("message", "draw"), [(message, draw) for message, draws in REFUSED.items() for draw in draws])
def test_what_no_distribution_has_is_refused(message, draw, device):
    with pytest.raises(RuntimeError, match=message):
        draw(lambda values: ag.tensor(values, device=device))


def test_the_ends_of_a_probability_are_probabilities(device):
    p = ag.tensor([0.0, 1.0], device=device)
    assert ag.bernoulli(p).tolist() == [0, 1]
    assert ag.bernoulli(p, 1.0).tolist() == [1, 1]
    assert ag.multinomial(p, 2).tolist() == [1, 0]
    assert ag.multinomial(p, 3, True).tolist() == [1, 1, 1]
    assert ag.normal(p, 0.0).tolist() == [0, 1]
    assert ag.poisson(p * 0).tolist() == [0, 0]
