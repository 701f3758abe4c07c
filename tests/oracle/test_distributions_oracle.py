"""torch.distributions: values, gradients, expansions, divergences, transforms, constraints, messages are PyTorch's."""

import importlib
import itertools
import pkgutil

import numpy as np
import pytest
import torch as theirs
from distribution_cases import CASES, OTHERS, build

import autograd_gpu as ours

# PyTorch approximates Bessel functions, and cuts the series of ContinuousBernoulli; ours is tested against mpmath.
LOOSE = {"VonMises": 5e-6, "ContinuousBernoulli": 2e-6}
# Where PyTorch is wrong or stumbles: see docs/differences.md. tests/test_distribution_families.py has the definition.
PART = {("Kumaraswamy", "mode"), ("GeneralizedPareto", "log_prob"), ("GeneralizedPareto", "cdf")}
PART |= {("GeneralizedPareto", "expanded"), ("GeneralizedPareto", "icdf"), ("GeneralizedPareto", "entropy")}
LOWER_ONLY = {"Wishart_scale_tril"}  # PyTorch's cholesky_solve has a gradient above the diagonal too
ASKED = {
    "log_prob": lambda d, value, share: d.log_prob(value),
    "entropy": lambda d, value, share: d.entropy(),
    "mean": lambda d, value, share: d.mean,
    "mode": lambda d, value, share: d.mode,
    "variance": lambda d, value, share: d.variance,
    "stddev": lambda d, value, share: d.stddev,
    "cdf": lambda d, value, share: d.cdf(value),
    "icdf": lambda d, value, share: d.icdf(share),
    "support": lambda d, value, share: d.enumerate_support(),
    "thin_support": lambda d, value, share: d.enumerate_support(expand=False),
    "expanded": lambda d, value, share: d.expand((5, *d.batch_shape)).log_prob(value[0]),
    "expanded_mean": lambda d, value, share: d.expand((5, *d.batch_shape)).mean,
    "expanded_variance": lambda d, value, share: d.expand((5, *d.batch_shape)).variance,
}


def close(a, b, tolerance=1e-8):
    a, b = np.asarray(a.detach().numpy(), float), np.asarray(b.detach().numpy(), float)
    assert a.shape == b.shape
    np.testing.assert_allclose(a, b, rtol=tolerance, atol=max(1e-10, tolerance / 100))


@pytest.mark.parametrize("case", CASES)
def test_what_a_distribution_says_is_what_torchs_says(case):
    theirs.manual_seed(1)
    d, _ = build(theirs, CASES[case])
    value = d.sample((4,)).detach()
    share = theirs.rand(4, *d.batch_shape, dtype=theirs.float64)
    name = case.split("_")[0]
    asked = 0
    for what, ask in ASKED.items():
        if (name, what) in PART or (what == "icdf" and d.event_shape):
            continue
        d, their_tensors = build(theirs, CASES[case])
        try:
            expected = ask(d, value, share)
        except NotImplementedError:
            continue
        mine, my_tensors = build(ours, CASES[case])
        got = ask(mine, ours.tensor(value.numpy()), ours.tensor(share.numpy()))
        close(got, expected, LOOSE.get(name, 1e-7))
        asked += 1
        if expected.requires_grad and what != "mode":
            try:
                gradients = theirs.autograd.grad(expected.sum(), their_tensors, allow_unused=True)
            except NotImplementedError:
                continue  # the incomplete gamma function by its shape
            for x, y in zip(ours.autograd.grad(got.sum(), my_tensors, allow_unused=True), gradients, strict=True):
                if x is not None or y is not None:
                    x, y = (np.zeros(1) if g is None else g.numpy() for g in (x, y))
                    x, y = (np.tril(g) if case in LOWER_ONLY and g.ndim == 2 else g for g in (x, y))
                    np.testing.assert_allclose(x, y, rtol=10 * LOOSE.get(name, 1e-7), atol=1e-9, err_msg=what)
    assert asked >= 2


@pytest.mark.parametrize("case", CASES)
def test_shapes_names_and_flags_are_torchs(case):
    d, e = build(ours, CASES[case])[0], build(theirs, CASES[case])[0]
    for one, other in ((d, e), (d.expand((2, *d.batch_shape)), e.expand((2, *e.batch_shape)))):
        assert one.batch_shape == tuple(other.batch_shape) and one.event_shape == tuple(other.event_shape)
        assert one.has_rsample == other.has_rsample and one.has_enumerate_support == other.has_enumerate_support
        assert one.sample((3,)).shape == tuple(other.sample((3,)).shape)
        assert one._validate_args == other._validate_args
    assert repr(d).replace(", requires_grad=True", "") == repr(e).replace(", requires_grad=True", "")
    if "greater" not in repr(d.support).lower() and "lower_bound=tensor" not in repr(e.support):
        assert repr(d.support) == repr(e.support)


def test_all_pairs_have_torchs_divergence():
    cases = [*CASES.values(), *OTHERS]
    pairs = 0
    for p, q in itertools.product(cases, cases):
        try:
            expected = theirs.distributions.kl_divergence(build(theirs, p)[0], build(theirs, q)[0])
        except NotImplementedError:
            continue
        except (ValueError, RuntimeError):
            continue  # shapes that do not go together
        if p is not q:
            close(ours.distributions.kl_divergence(build(ours, p)[0], build(ours, q)[0]), expected, 1e-6)
            pairs += 1
    assert pairs > 400


def test_the_same_pairs_are_registered():
    mine = {(p.__name__, q.__name__) for p, q in ours.distributions.kl._registered}
    assert mine == {(p.__name__, q.__name__) for p, q in theirs.distributions.kl._KL_REGISTRY}


def test_every_name_is_there():
    for module in ("", "constraints", "transforms", "kl", "utils", "constraint_registry"):
        one, other = (getattr(lib.distributions, module) if module else lib.distributions for lib in (ours, theirs))
        for name in getattr(other, "__all__", ()):
            assert hasattr(one, name), name
    for found in pkgutil.iter_modules(theirs.distributions.__path__):
        module = importlib.import_module(f"autograd_gpu.distributions.{found.name}")
        other = importlib.import_module(f"torch.distributions.{found.name}")
        assert getattr(ours.distributions, found.name) is module and module.__spec__.name == module.__name__
        for name in getattr(other, "__all__", ()):
            assert hasattr(module, name), (found.name, name)


# ----------------------------------------------------------------------------------------------------------- transforms

_rng = np.random.default_rng(1)
X, MATRIX = _rng.normal(size=(2, 3)), _rng.normal(size=(2, 3, 3))
POSITIVE = _rng.uniform(0.1, 2, (2, 3))


def transforms(lib):
    def t(x):
        return lib.tensor(x, dtype=lib.float64)

    m = lib.distributions.transforms
    affine = m.AffineTransform(t([1.0, 2, 3]), t([-1.0, 2, 0.5]), event_dim=1)
    normal = lib.distributions.Normal(t(0.0), t(2.0))
    return {
        "exp": (m.ExpTransform(), X),
        "power": (m.PowerTransform(t(2.5)), POSITIVE),
        "sigmoid": (m.SigmoidTransform(), X),
        "softplus": (m.SoftplusTransform(), X),
        "tanh": (m.TanhTransform(), X),
        "affine": (m.AffineTransform(t([1.0, 2, 3]), t([-1.0, 2, 0.5])), X),
        "affine_event": (affine, X),
        "affine_numbers": (m.AffineTransform(1.0, -2.0), X),
        "correlation": (m.CorrCholeskyTransform(), X),
        "sticks": (m.StickBreakingTransform(), X),
        "lower": (m.LowerCholeskyTransform(), MATRIX),
        "definite": (m.PositiveDefiniteTransform(), MATRIX),
        "softmax": (m.SoftmaxTransform(), X),
        "abs": (m.AbsTransform(), X),
        "reshape": (m.ReshapeTransform((3,), (3, 1)), X),
        "composed": (m.ComposeTransform([m.AffineTransform(1.0, 2.0), m.ExpTransform(), affine]), X),
        "composed_sticks": (m.ComposeTransform([m.AffineTransform(0.0, 2.0), m.StickBreakingTransform()]), X),
        "composed_inverse": (m.ComposeTransform([m.ExpTransform(), m.AffineTransform(0.0, 2.0)]).inv, POSITIVE),
        "independent": (m.IndependentTransform(m.ExpTransform(), 1), X),
        "cat": (m.CatTransform([m.ExpTransform(), m.AffineTransform(1.0, 2.0)], dim=-1, lengths=[1, 2]), X),
        "cat_batch": (m.CatTransform([m.ExpTransform(), m.AffineTransform(1.0, 2.0)], dim=0, lengths=[1, 1]), X),
        "stack": (m.StackTransform([m.ExpTransform(), m.AffineTransform(1.0, 2.0), m.TanhTransform()], dim=-1), X),
        "share": (m.CumulativeDistributionTransform(normal), X),
        "inverse": (m.ExpTransform().inv, POSITIVE),
    }


@pytest.mark.parametrize("name", transforms(ours))
def test_transforms_are_torchs(name):
    (mine, x), (other, _) = transforms(ours)[name], transforms(theirs)[name]
    a = ours.tensor(x).requires_grad_()
    b = theirs.tensor(x).requires_grad_()
    ya, yb = mine(a), other(b)
    close(ya, yb)
    close(ours.autograd.grad((ya**2).sum(), a)[0], theirs.autograd.grad((yb**2).sum(), b)[0])
    close(mine.inv(ya.detach()), other.inv(yb.detach()))
    assert repr(mine.domain) == repr(other.domain) and repr(mine.codomain) == repr(other.codomain)
    assert mine.bijective == other.bijective and mine.inv.inv is mine
    assert tuple(mine.forward_shape(x.shape)) == tuple(ya.shape) and tuple(mine.inverse_shape(ya.shape)) == x.shape
    if other.bijective:
        stretch = mine.log_abs_det_jacobian(ours.tensor(x), ya.detach())
        close(stretch, other.log_abs_det_jacobian(theirs.tensor(x), yb.detach()))
    try:
        expected = other.sign
    except NotImplementedError:
        return
    assert np.all(np.asarray(mine.sign) == np.asarray(expected))


CONSTRAINTS = {
    "real": lambda c: c.real,
    "positive": lambda c: c.positive,
    "nonnegative": lambda c: c.nonnegative,
    "greater": lambda c: c.greater_than(2.0),
    "greater_equal": lambda c: c.greater_than_eq(2.0),
    "less": lambda c: c.less_than(2.0),
    "interval": lambda c: c.interval(-1.0, 2.0),
    "unit": lambda c: c.unit_interval,
    "half_open": lambda c: c.half_open_interval(0.0, 2.0),
    "simplex": lambda c: c.simplex,
    "correlation": lambda c: c.corr_cholesky,
    "independent": lambda c: c.independent(c.positive, 1),
    "lower": lambda c: c.lower_cholesky,
    "definite": lambda c: c.positive_definite,
    "cat": lambda c: c.cat([c.positive, c.real], dim=-1, lengths=[1, 2]),
    "stack": lambda c: c.stack([c.positive, c.real, c.unit_interval], dim=-1),
    "boolean": lambda c: c.boolean,
}


@pytest.mark.parametrize("registry", ["biject_to", "transform_to"])
@pytest.mark.parametrize("name", CONSTRAINTS)
def test_registered_transforms_are_torchs(name, registry):
    mine, other = (CONSTRAINTS[name](lib.distributions.constraints) for lib in (ours, theirs))
    assert repr(mine) == repr(other)
    try:
        transform = getattr(theirs.distributions, registry)(other)
    except NotImplementedError as error:
        with pytest.raises(NotImplementedError) as caught:
            getattr(ours.distributions, registry)(mine)
        assert str(caught.value) == str(error)
        return
    x = MATRIX if name in ("lower", "definite") else X
    got = getattr(ours.distributions, registry)(mine)(ours.tensor(x))
    close(got, transform(theirs.tensor(x)))
    assert mine.check(got).all()


VALUES = [
    MATRIX, np.eye(3)[None], MATRIX + MATRIX.swapaxes(-1, -2), MATRIX @ MATRIX.swapaxes(-1, -2), np.tril(MATRIX),
    np.round(POSITIVE)[..., None] * np.ones(3), np.array([[[0.0, 1.0, 0.0]] * 3]), np.full((1, 3, 3), np.nan),
]  # fmt: skip


@pytest.mark.parametrize(
    "name",
    "boolean one_hot nonnegative_integer positive_integer simplex real real_vector lower_triangular lower_cholesky "
    "square symmetric positive_semidefinite positive_definite corr_cholesky unit_interval positive".split(),
)
def test_constraints_check_what_torchs_do(name):
    for value in VALUES:
        mine, other = (getattr(lib.distributions.constraints, name) for lib in (ours, theirs))
        if np.isnan(value).any() and "definite" in name:
            continue
        assert mine.check(ours.tensor(value)).tolist() == other.check(theirs.tensor(value)).tolist()
        assert mine.event_dim == other.event_dim and mine.is_discrete == other.is_discrete


# ------------------------------------------------------------------------------------------------------------- messages

WRONG = {
    "scale": lambda t, d: d.Normal(t([0.0, 0.0]), t([1.0, -1.0])),
    "value": lambda t, d: d.Beta(t(1.0), t(2.0)).log_prob(t(2.0)),
    "shape": lambda t, d: d.Normal(t([0.0, 0.0]), t([1.0, 1.0])).log_prob(t([1.0, 2, 3])),
    "event": lambda t, d: d.Dirichlet(t([1.0, 1.0])).log_prob(t([1.0, 2, 3])),
    "number": lambda t, d: d.Normal(0.0, 1.0).log_prob(1.0),
    "both": lambda t, d: d.Bernoulli(probs=0.5, logits=0.5),
    "none": lambda t, d: d.MultivariateNormal(t([0.0, 0.0])),
    "loc": lambda t, d: d.MultivariateNormal(t(0.0), t([[1.0]])),
    "indefinite": lambda t, d: d.MultivariateNormal(t([0.0, 0.0]), t([[1.0, 2.0], [2.0, 1.0]])),
    "categorical": lambda t, d: d.Categorical(t(1.0)),
    "uniform": lambda t, d: d.Uniform(t(1.0), t(0.0)),
    "independent": lambda t, d: d.Independent(d.Normal(t([0.0]), t([1.0])), 2),
    "mixture": lambda t, d: d.MixtureSameFamily(d.Categorical(t([0.5, 0.5])), d.Normal(t([0.0, 0, 0]), t([1.0, 1, 1]))),
    "no_mixture": lambda t, d: d.MixtureSameFamily(3, 4),
    "multinomial": lambda t, d: d.Multinomial(t(3.0), t([0.5, 0.5])),
    "binomial": lambda t, d: d.Binomial(3, t(0.5)).log_prob(t(4.0)),
    "index": lambda t, d: d.Categorical(t([0.5, 0.5])).log_prob(t(2.0)),
    "lkj": lambda t, d: d.LKJCholesky(1),
    "wishart": lambda t, d: d.Wishart(t(1.0), t(np.eye(3).tolist())),
    "transform": lambda t, d: d.TransformedDistribution(d.Normal(0.0, 1.0), 3),
    "transforms": lambda t, d: d.TransformedDistribution(d.Normal(0.0, 1.0), [3]),
    "simplex": lambda t, d: d.OneHotCategorical(t([0.5, -0.5])),
    "geometric": lambda t, d: d.Geometric(t(0.0)),
    "dirichlet": lambda t, d: d.Dirichlet(t(1.0)),
    "poisson": lambda t, d: d.Poisson(t(1.0)).log_prob(t(1.5)),
    "no_entropy": lambda t, d: d.NegativeBinomial(t(1.0), t(0.5)).entropy(),
    "low_rank": lambda t, d: d.LowRankMultivariateNormal(t([0.0, 0.0]), t([[1.0], [1], [1]]), t([1.0, 1.0])),
    "registry": lambda t, d: d.biject_to(d.constraints.boolean),
    "cache": lambda t, d: d.ExpTransform(cache_size=2),
    "no_kl": lambda t, d: d.kl_divergence(d.Cauchy(0.0, 1.0), d.Bernoulli(0.5)),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_in_torchs_words(name):
    said = []
    for lib in (ours, theirs):
        with pytest.raises((ValueError, NotImplementedError, RuntimeError)) as caught:
            WRONG[name](lambda x, lib=lib: lib.tensor(x, dtype=lib.float64), lib.distributions)
        said.append((type(caught.value).__name__, str(caught.value)))
    assert said[0] == said[1]


def test_the_cases_name_every_distribution():
    listed = {name for name, _, _ in CASES.values()} | {"Distribution", "ExponentialFamily", "Independent"}
    listed |= {"MixtureSameFamily", "TransformedDistribution"}
    every = {n for n in theirs.distributions.__all__ if n[0].isupper() and not n.endswith("Transform")}
    assert every == listed


def test_composites_are_torchs():
    def made(lib):
        def t(x):
            return lib.tensor(x, dtype=lib.float64)

        d = lib.distributions
        normal = d.Normal(t([[0.0, 1.0, -2.0], [1.0, 0.5, 3.0]]), t([[1.0, 0.5, 2.0], [0.3, 1.0, 1.0]]))
        mixing = d.Categorical(t([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]]))
        vectors = d.MultivariateNormal(t([[0.0, 1.0], [2.0, -1.0]]), t([[1.0, 0.3], [0.3, 2.0]]))
        squashed = d.TransformedDistribution(
            d.Independent(normal, 1), [d.TanhTransform(), d.AffineTransform(1.0, -2.0)]
        )
        return {
            "independent": (d.Independent(normal, 1), X),
            "mixture": (d.MixtureSameFamily(mixing, normal), X[:, 0]),
            "mixture_of_vectors": (d.MixtureSameFamily(d.Categorical(t([0.4, 0.6])), vectors), X[0, :2]),
            "transformed": (squashed, 1 - 2 * np.tanh(X)),
            "plain": (d.TransformedDistribution(normal, d.ExpTransform()), np.exp(X)),
        }

    for name, (mine, x) in made(ours).items():
        other = made(theirs)[name][0]
        close(mine.log_prob(ours.tensor(x)), other.log_prob(theirs.tensor(x)))
        for what in ("mean", "variance", "stddev"):
            try:
                expected = getattr(other, what)
            except NotImplementedError:
                continue
            close(getattr(mine, what), expected)
        if name in ("mixture", "plain"):
            close(mine.cdf(ours.tensor(x)), other.cdf(theirs.tensor(x)))
        bigger = (4, *mine.batch_shape)
        close(mine.expand(bigger).log_prob(ours.tensor(x)), other.expand(bigger).log_prob(theirs.tensor(x)))
        assert mine.sample((5,)).shape == tuple(other.sample((5,)).shape)
        assert repr(mine.support) == repr(other.support)
        assert mine.batch_shape == tuple(other.batch_shape) and mine.event_shape == tuple(other.event_shape)
