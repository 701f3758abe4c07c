"""Each distribution against its definition: SciPy's densities, its own samples, differences, and mpmath's integrals."""

import copy
import math
import pickle

import mpmath
import numpy as np
import pytest
from distribution_cases import CASES, OTHERS, build

import autograd_gpu as torch
from autograd_gpu import distributions as D
from autograd_gpu.distributions import gamma_draws

pytestmark = pytest.mark.ours
N = 4000
NO_MOMENTS = {"Categorical", "Cauchy", "HalfCauchy", "VonMises", "LKJCholesky"}  # nan, infinite, or of a circle
WITH_RSAMPLE = [name for name, case in CASES.items() if build(torch, case)[0].has_rsample]


def near(samples, expected, scale=6.0):
    """Hold the mean of samples (along the first dimension) to what is expected, in its own standard errors."""
    error = samples.std(0) / math.sqrt(len(samples))
    assert (np.abs(samples.mean(0) - expected) <= scale * error + 1e-9).all(), (samples.mean(0), expected, error)


@pytest.mark.parametrize("case", CASES)
def test_samples_have_the_mean_the_variance_and_the_entropy_that_are_said(case):
    torch.manual_seed(0)
    d, _ = build(torch, CASES[case])
    drawn = d.sample((N,))
    assert d.support.check(drawn).all()
    if CASES[case][0] not in NO_MOMENTS:
        try:
            mean, variance = d.mean.detach().numpy(), d.variance.detach().numpy()
        except NotImplementedError:
            pass
        else:
            near(drawn.numpy(), mean)
            near((drawn.numpy() - mean) ** 2, variance, 8)
    try:
        entropy = d.entropy().detach().numpy()
    except NotImplementedError:
        return
    near(-d.log_prob(drawn).detach().numpy(), entropy)


@pytest.mark.parametrize("case", CASES)
def test_shares_below_samples_are_uniform_and_icdf_is_the_way_back(case):
    torch.manual_seed(1)
    d, _ = build(torch, CASES[case])
    drawn = d.sample((N,))
    try:
        share = d.cdf(drawn).detach()
    except NotImplementedError:
        pytest.skip("has no cdf")
    ordered = np.sort(share.numpy().reshape(N, -1), 0)
    even = (np.arange(N)[:, None] + 0.5) / N
    assert np.abs(ordered - even).max() < 2.2 / math.sqrt(N)  # Kolmogorov & Smirnov
    try:
        back = d.icdf(share[:200])
    except NotImplementedError:
        return
    np.testing.assert_allclose(d.cdf(back).detach().numpy(), share[:200].numpy(), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    ("case", "device"),
    [(case, "cpu") for case in WITH_RSAMPLE if "StraightThrough" not in case] + [("Gamma", "cuda"), ("Beta", "cuda")],
)
def test_draws_move_with_the_parameters_as_differences_say(case, device):
    _, tensors = build(torch, CASES[case], device)
    name, args, kwargs = CASES[case]

    def draw(*values):
        rest = iter(values)
        made = [x if isinstance(x, int) else next(rest) for x in args]
        torch.manual_seed(2)
        named = {key: next(rest) for key in kwargs}
        named = {key: (x + x.mT) / 2 if key == "precision_matrix" else x for key, x in named.items()}
        if name in ("MultivariateNormal", "Wishart") and len(made) > 1:
            made[1] = (made[1] + made[1].mT) / 2
        return getattr(D, name)(*made, **named, validate_args=False).rsample()

    assert torch.autograd.gradcheck(draw, tensors, rtol=1e-4, atol=1e-6, eps=1e-6)


@pytest.mark.parametrize("case", CASES)
def test_a_gpu_draws_and_says_what_the_cpu_does(case):
    results = []
    for device in ("cpu", "cuda"):
        torch.manual_seed(3)
        d, tensors = build(torch, CASES[case], device)
        drawn = d.sample((2,))
        log_prob = d.log_prob(drawn)
        gradients = torch.autograd.grad(log_prob.sum(), tensors, allow_unused=True)
        results.append([x.detach().cpu().numpy() for x in (drawn, log_prob, *gradients) if x is not None])
    for mine, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-7, atol=1e-9)


SCIPY = {
    "Normal": lambda s, a, b: s.norm(a, b),
    "LogNormal": lambda s, a, b: s.lognorm(b, scale=np.exp(a)),
    "HalfNormal": lambda s, a: s.halfnorm(scale=a),
    "Cauchy": lambda s, a, b: s.cauchy(a, b),
    "HalfCauchy": lambda s, a: s.halfcauchy(scale=a),
    "Uniform": lambda s, a, b: s.uniform(a, b - a),
    "Exponential": lambda s, a: s.expon(scale=1 / a),
    "Laplace": lambda s, a, b: s.laplace(a, b),
    "Weibull": lambda s, a, b: s.weibull_min(b, scale=a),
    "Pareto": lambda s, a, b: s.pareto(b, scale=a),
    "GeneralizedPareto": lambda s, a, b, c: s.genpareto(c, a, b),
    "Gumbel": lambda s, a, b: s.gumbel_r(a, b),
    "Gamma": lambda s, a, b: s.gamma(a, scale=1 / b),
    "Chi2": lambda s, a: s.chi2(a),
    "InverseGamma": lambda s, a, b: s.invgamma(a, scale=b),
    "StudentT": lambda s, a, b, c: s.t(a, b, c),
    "FisherSnedecor": lambda s, a, b: s.f(a, b),
    "Beta": lambda s, a, b: s.beta(a, b),
    "Bernoulli": lambda s, a: s.bernoulli(a),
    "Binomial": lambda s, n, a: s.binom(n, a),
    "Geometric": lambda s, a: s.geom(a, loc=-1),
    "NegativeBinomial": lambda s, n, a: s.nbinom(n, 1 - a),
    "Poisson": lambda s, a: s.poisson(a),
    "VonMises": lambda s, a, b: s.vonmises(b, loc=a),
}


@pytest.mark.parametrize("case", SCIPY)
def test_densities_shares_entropies_and_moments_are_scipys(case):
    stats = pytest.importorskip("scipy.stats")
    torch.manual_seed(4)
    name, args, _ = CASES[case]
    d, _ = build(torch, CASES[case])
    theirs = SCIPY[case](stats, *args)
    drawn = d.sample((20,))
    x = drawn.numpy()
    expected = theirs.logpmf(x) if hasattr(theirs, "logpmf") else theirs.logpdf(x)
    np.testing.assert_allclose(d.log_prob(drawn).detach().numpy(), expected, rtol=1e-9, atol=1e-10)
    for what, ask in (("cdf", lambda: d.cdf(drawn)), ("entropy", d.entropy)):
        try:
            got = ask().detach().numpy()
        except NotImplementedError:
            continue
        expected = theirs.cdf(x) if what == "cdf" else theirs.entropy()
        np.testing.assert_allclose(got, expected, rtol=1e-7, atol=1e-9)
    if name not in NO_MOMENTS:
        np.testing.assert_allclose(d.mean.detach().numpy(), theirs.mean(), rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(d.variance.detach().numpy(), theirs.var(), rtol=1e-8)


def test_divergences_are_the_means_of_log_ratios():
    torch.manual_seed(5)
    cases = [*CASES.values(), *OTHERS]
    held = 0
    for p, q in D.kl._registered:
        for a in (case for case in cases if case[0] == p.__name__):
            for b in (case for case in cases if case[0] == q.__name__ and case is not a):
                one, other = build(torch, a)[0], build(torch, b)[0]
                try:
                    divergence = D.kl_divergence(one, other).detach()
                    drawn = one.sample((N,))
                    ratio = (one.log_prob(drawn) - other.log_prob(drawn)).detach()
                except (ValueError, RuntimeError):
                    continue  # shapes that do not go together, or values that q does not support
                finite = np.isfinite(divergence.numpy()) & np.isfinite(ratio.numpy()).all(0)
                if finite.any() and not ("Pareto" in (a[0], b[0]) or a[0] == "Cauchy" or b[0] == "Gumbel"):
                    near(ratio.numpy()[:, finite], divergence.numpy()[finite], 7)
                    held += 1
                    break
    assert held > 40


@pytest.mark.parametrize("shape", [1e-3, 0.05, 0.3, 1.0, 1.5, 7.0, 60.0, 300.0])
def test_the_gamma_quantile_and_its_slope_by_the_shape_are_exact(shape):
    u = torch.tensor([1e-9, 1e-3, 0.2, 0.5, 0.7, 0.999], dtype=torch.float64)
    a = torch.full_like(u, shape)
    y = gamma_draws.log_gamma_quantile(u, a)
    slope = gamma_draws.slope_by_shape(y, a)
    with mpmath.workdps(50):
        for share, log_z, found in zip(u.tolist(), y.tolist(), slope.tolist(), strict=True):
            order, z = mpmath.mpf(shape), mpmath.exp(mpmath.mpf(log_z))
            below = mpmath.gammainc(order, 0, z, regularized=True)
            assert abs(below - share) < 1e-12 * min(share, 1 - share) * max(1, shape)
            h = order * mpmath.mpf(10) ** -15
            change = mpmath.gammainc(order + h, 0, z, regularized=True)
            change = (change - mpmath.gammainc(order - h, 0, z, regularized=True)) / (2 * h)
            expected = -change / (z**order * mpmath.exp(-z) / mpmath.gamma(order))
            assert abs(found / expected - 1) < 1e-10


def test_gamma_draws_have_derivatives_of_every_order(device):
    u = torch.tensor([0.3, 0.8, 0.99], dtype=torch.float64, device=device)
    a = torch.tensor([0.5, 2.0, 20.0], dtype=torch.float64, device=device, requires_grad=True)

    def draw(shape):
        return gamma_draws._Draw.apply(shape, gamma_draws.log_gamma_quantile(u, shape.detach()))

    assert torch.autograd.gradcheck(draw, (a,))
    z = torch.tensor([0.2, 3.0, 15.0], dtype=torch.float64, device=device, requires_grad=True)
    assert torch.autograd.gradcheck(gamma_draws.GammaShare.apply, (a, z))
    if device == "cpu":
        assert torch.autograd.gradgradcheck(gamma_draws.GammaShare.apply, (a, z))
        assert torch.autograd.gradgradcheck(draw, (a,))


def test_small_concentrations_do_not_underflow_to_nan():
    torch.manual_seed(6)
    a = torch.full((1000, 3), 1e-3, requires_grad=True)
    drawn = D.Dirichlet(a).rsample()
    assert torch.isfinite(drawn).all() and (drawn.sum(-1) - 1).abs().max() < 1e-6
    drawn[:, 0].sum().backward()
    assert torch.isfinite(a.grad).all()
    assert (D.Gamma(a.detach(), 1.0).sample() > 0).all()


def test_the_series_of_the_continuous_bernoulli_meets_its_formula():
    p = torch.tensor([0.4985, 0.49900001, 0.4999, 0.5, 0.5005, 0.5011], dtype=torch.float64)
    d = D.ContinuousBernoulli(p)
    with mpmath.workdps(40):
        for i, probability in enumerate(p.tolist()):
            m = mpmath.mpf(probability)

            def weight(x, m=m):
                return m**x * (1 - m) ** (1 - x)

            whole = mpmath.quad(weight, [0, 1])
            mean = mpmath.quad(lambda x, w=weight: x * w(x), [0, 1]) / whole
            variance = mpmath.quad(lambda x, w=weight: x * x * w(x), [0, 1]) / whole - mean**2
            assert abs(d._cont_bern_log_norm()[i].item() + mpmath.log(whole)) < 1e-12
            assert abs(d.mean[i].item() - mean) < 1e-9 and abs(d.variance[i].item() - variance) < 1e-8


def test_the_generalized_pareto_is_smooth_where_its_concentration_is_0():
    k = torch.tensor([-1e-3, -1e-9, 0.0, 1e-9, 1e-3], dtype=torch.float64, requires_grad=True)
    d = D.GeneralizedPareto(torch.tensor(0.0, dtype=torch.float64), 2.0, k)
    x = torch.tensor(1.5, dtype=torch.float64)
    slope = torch.autograd.grad(d.log_prob(x).sum(), k)[0]
    z = 0.75
    assert abs(slope[2].item() - (z * z / 2 - z)) < 1e-12  # of -(1 / k + 1) log(1 + k z)
    assert (slope - slope[2]).abs().max() < 1e-3 and (slope[1] - slope[3]).abs() < 1e-8


def test_kumaraswamys_mode_is_where_the_density_is_largest():
    d = D.Kumaraswamy(torch.tensor(2.5), torch.tensor(3.5))
    x = torch.linspace(0.001, 0.999, 999)
    assert abs(x[d.log_prob(x).argmax()].item() - d.mode.item()) < 2e-3


def test_a_mixture_draws_each_component_as_often_as_it_weighs():
    torch.manual_seed(7)
    parts = D.Normal(torch.tensor([-5.0, 0.0, 5.0]), torch.tensor([0.1, 0.2, 0.3]))
    d = D.MixtureSameFamily(D.Categorical(torch.tensor([0.2, 0.3, 0.5])), parts)
    drawn = d.sample((N,))
    near((drawn < -2.5).float().numpy(), 0.2)
    near(drawn.numpy(), d.mean.item())
    near((drawn.numpy() - d.mean.item()) ** 2, d.variance.item())


def test_distributions_are_pickled_and_copied():
    for case in ("Normal", "Gumbel", "MultivariateNormal", "Beta", "Wishart", "Multinomial"):
        d, _ = build(torch, CASES[case])
        value = d.sample()
        for again in (pickle.loads(pickle.dumps(d)), copy.copy(d), d.expand(d.batch_shape)):
            np.testing.assert_array_equal(again.log_prob(value).detach().numpy(), d.log_prob(value).detach().numpy())


def test_a_cached_transform_is_not_inverted():
    x = torch.tensor([1e-8, 30.0])
    transform = D.SigmoidTransform(cache_size=1)
    assert transform.inv(transform(x)) is x
    assert D.SigmoidTransform().inv(D.SigmoidTransform()(x))[1] != 30.0


def test_a_program_registers_its_own_divergence_and_subclass():
    class Shifted(D.Normal):
        def __init__(self, loc, validate_args=None):
            super().__init__(loc, torch.ones_like(loc), validate_args=validate_args)

    p, q = Shifted(torch.tensor([0.0])), D.Normal(torch.tensor([1.0]), torch.tensor([2.0]))
    plain = D.kl_divergence(D.Normal(torch.tensor([0.0]), torch.tensor([1.0])), q)
    assert D.kl_divergence(p, q).item() == plain.item()
    try:
        D.register_kl(Shifted, D.Normal)(lambda p, q: torch.tensor(-1.0))
        assert D.kl_divergence(p, q).item() == -1.0
    finally:
        del D.kl._registered[Shifted, D.Normal]
        D.kl._found.cache_clear()
    assert p.expand((4,)).batch_shape == (4,)


def test_validation_can_be_switched_off():
    assert D.Normal(0.0, -1.0, validate_args=False).scale.item() == -1.0
    D.Distribution.set_default_validate_args(False)
    try:
        D.Normal(0.0, -1.0)
    finally:
        D.Distribution.set_default_validate_args(True)
    with pytest.raises(ValueError, match="Expected parameter scale"):
        D.Normal(0.0, -1.0)


def test_a_sure_outcome_is_no_farther_from_itself():
    p, q = torch.tensor([0.0, 1.0, 0.0, 1.0, 0.0, 0.3]), torch.tensor([0.0, 1.0, 1.0, 0.0, 0.5, 0.0])
    expected = [0.0, 0.0, math.inf, math.inf, math.log(2), math.inf]
    found = D.kl_divergence(D.Bernoulli(p), D.Bernoulli(q))
    assert found.tolist() == pytest.approx(expected)
    of_three = D.kl_divergence(D.Binomial(3, p), D.Binomial(3, q))
    assert of_three.tolist() == pytest.approx([3 * each for each in expected])


def test_the_share_below_the_edge_of_an_open_support_is_nothing():
    zero, one = torch.zeros(1), torch.ones(1)
    assert D.LogNormal(zero, one).cdf(zero).item() == 0 and D.Weibull(one, one).cdf(zero).item() == 0
    with pytest.raises(ValueError, match="within the support"):
        D.LogNormal(zero, one).log_prob(zero)


@pytest.mark.parametrize("concentration", [-1.5, -1.0, -0.5, 0.0, 0.5])
def test_generalized_pareto_has_no_density_outside_its_support(concentration):
    d = D.GeneralizedPareto(torch.tensor(1.0), torch.tensor(2.0), torch.tensor(concentration), validate_args=False)
    end = 1.0 - 2.0 / concentration if concentration < 0 else math.inf
    below, above = torch.tensor([-9.0, 0.0, 0.999]), torch.tensor([end * 1.001, end + 5.0, math.inf])
    assert d.log_prob(below).tolist() == [-math.inf] * 3 and d.cdf(below).tolist() == [0.0] * 3
    if end < math.inf:
        assert d.log_prob(above).tolist() == [-math.inf] * 3 and d.cdf(above).tolist() == [1.0] * 3
        at_end = {-1.5: math.inf, -1.0: -math.log(2), -0.5: -math.inf}[concentration]
        assert d.log_prob(torch.tensor(end)).item() == pytest.approx(at_end, abs=1e-6) or concentration == -1.5
    assert math.isnan(d.log_prob(torch.tensor(math.nan)))
