"""Every distribution with parameters, as NumPy arrays: built for this library, or for PyTorch, by `build`."""

from typing import Any

import numpy as np

_rng = np.random.default_rng(0)


def _pos(*shape: int) -> np.ndarray:
    return _rng.uniform(0.5, 3, shape)


def _real(*shape: int) -> np.ndarray:
    return _rng.normal(size=shape)


def _unit(*shape: int) -> np.ndarray:
    return _rng.uniform(0.05, 0.95, shape)


def _simplex(*shape: int) -> np.ndarray:
    x = _rng.uniform(0.1, 1, shape)
    return x / x.sum(-1, keepdims=True)


def _definite(n: int) -> np.ndarray:
    a = _rng.normal(size=(n, n))
    return a @ a.T + n * np.eye(n)


_LOWER = np.linalg.cholesky(_definite(3))

CASES: dict[str, tuple[str, tuple, dict[str, Any]]] = {
    name.replace(" ", "_"): (name.split()[0], args, kwargs)
    for name, args, kwargs in [
        ("Normal", (_real(3), _pos(3)), {}),
        ("LogNormal", (_real(3), _pos(3) / 3), {}),
        ("HalfNormal", (_pos(3),), {}),
        ("Cauchy", (_real(3), _pos(3)), {}),
        ("HalfCauchy", (_pos(3),), {}),
        ("Uniform", (-_pos(3), _pos(3)), {}),
        ("Exponential", (_pos(3),), {}),
        ("Laplace", (_real(3), _pos(3)), {}),
        ("Weibull", (_pos(3), _pos(3)), {}),
        ("Pareto", (_pos(3), _pos(3) + 4.1), {}),
        ("GeneralizedPareto", (_real(3), _pos(3), np.array([0.1, -0.3, 0.0])), {}),
        ("Gumbel", (_real(3), _pos(3)), {}),
        ("Gamma", (_pos(3), _pos(3)), {}),
        ("Chi2", (_pos(3),), {}),
        ("InverseGamma", (_pos(3) + 4.1, _pos(3)), {}),
        ("StudentT", (_pos(3) + 4.2, _real(3), _pos(3)), {}),
        ("FisherSnedecor", (_pos(3) + 2, _pos(3) + 8.1), {}),
        ("Dirichlet", (_pos(2, 3) + 1,), {}),
        ("Beta", (_pos(3) + 1, _pos(3) + 1), {}),
        ("Kumaraswamy", (_pos(3) + 0.6, _pos(3) + 0.6), {}),
        ("Bernoulli", (_unit(3),), {}),
        ("Bernoulli logits", (), {"logits": _real(3)}),
        ("Geometric", (_unit(3),), {}),
        ("Geometric logits", (), {"logits": _real(3)}),
        ("ContinuousBernoulli", (np.array([0.1, 0.4995, 0.9]),), {}),
        ("ContinuousBernoulli logits", (), {"logits": _real(3)}),
        ("Categorical", (_simplex(2, 4),), {}),
        ("Categorical logits", (), {"logits": _real(2, 4)}),
        ("OneHotCategorical", (_simplex(2, 4),), {}),
        ("OneHotCategoricalStraightThrough", (_simplex(2, 4),), {}),
        ("Binomial", (5, _unit(3)), {}),
        ("Binomial logits", (5,), {"logits": _real(3)}),
        ("NegativeBinomial", (_pos(3), _unit(3)), {}),
        ("Multinomial", (4, _simplex(2, 3)), {}),
        ("Poisson", (_pos(3),), {}),
        ("RelaxedBernoulli", (np.array(0.7), _unit(3)), {}),
        ("RelaxedOneHotCategorical", (np.array(0.7), _simplex(2, 3)), {}),
        ("MultivariateNormal", (_real(2, 3), _definite(3)), {}),
        ("MultivariateNormal precision", (_real(3),), {"precision_matrix": _definite(3)}),
        ("MultivariateNormal scale_tril", (_real(2, 3),), {"scale_tril": _LOWER}),
        ("LowRankMultivariateNormal", (_real(3), _real(3, 2), _pos(3)), {}),
        ("LogisticNormal", (_real(2, 3), _pos(3)), {}),
        ("Wishart", (np.array([5.0, 6.0]), _definite(3)), {}),
        ("Wishart scale_tril", (np.array(5.0),), {"scale_tril": _LOWER}),
        ("LKJCholesky", (3, np.array([1.5, 0.7])), {}),
        ("VonMises", (_real(3), _pos(3)), {}),
    ]
}
# Further parameters of the same families, for pairs.
OTHERS: list[tuple[str, tuple, dict[str, Any]]] = [
    ("Uniform", (_unit(3) * 0.4 + 0.05, _unit(3) * 0.3 + 0.6), {}),
    ("Uniform", (-10 + _unit(3), 10 + _unit(3)), {}),
    ("Pareto", (np.full(3, 0.01), _pos(3) + 2), {}),
    ("Binomial", (5, _unit(3)), {}),
    ("MultivariateNormal", (_real(2, 3), _definite(3)), {}),
    ("LowRankMultivariateNormal", (_real(3), _real(3, 2), _pos(3)), {}),
    *((name, (_real(3), _pos(3)), {}) for name in ("Normal", "LogNormal", "Laplace", "Gumbel", "Cauchy")),
    *((name, (_pos(3), _pos(3)), {}) for name in ("Gamma", "Beta", "InverseGamma")),
    *((name, (_pos(3),), {}) for name in ("Exponential", "Poisson", "HalfNormal")),
    *((name, (_unit(3),), {}) for name in ("Bernoulli", "Geometric", "ContinuousBernoulli")),
    *((name, (_simplex(2, 4),), {}) for name in ("Categorical", "OneHotCategorical")),
    ("Dirichlet", (_pos(2, 3),), {}),
]


def build(library: Any, case: tuple[str, tuple, dict[str, Any]], device: Any = "cpu") -> tuple[Any, list]:
    """Return the distribution in float64, and its tensors, which require grad."""

    def made(x: Any) -> Any:
        if not isinstance(x, np.ndarray):
            return x
        return library.tensor(x, dtype=library.float64, device=device).requires_grad_()

    name, args, kwargs = case
    args, kwargs = tuple(map(made, args)), {key: made(x) for key, x in kwargs.items()}
    tensors = [x for x in (*args, *kwargs.values()) if not isinstance(x, int)]
    return getattr(library.distributions, name)(*args, **kwargs), tensors
