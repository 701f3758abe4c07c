"""Probability distributions in PyTorch's words: a file a family, read when one of its names is first asked for."""

import importlib as _importlib
import importlib.abc as _abc
import importlib.machinery as _machinery
import sys as _sys
from types import ModuleType as _Module
from typing import Any as _Any

from .transforms import *
from .transforms import __all__ as _transforms

_HOME = {
    "bernoulli": "Bernoulli ContinuousBernoulli Geometric",
    "categorical": "Categorical OneHotCategorical OneHotCategoricalStraightThrough",
    "cauchy": "Cauchy HalfCauchy",
    "constraint_registry": "biject_to transform_to",
    "counts": "Binomial Multinomial NegativeBinomial Poisson",
    "dirichlet": "Beta Dirichlet Kumaraswamy",
    "distribution": "Distribution",
    "exponential": "Exponential GeneralizedPareto Gumbel Laplace Pareto Weibull",
    "exponential_family": "ExponentialFamily",
    "gamma": "Chi2 FisherSnedecor Gamma InverseGamma StudentT",
    "independent": "Independent",
    "kl": "kl_divergence register_kl",
    "matrices": "LKJCholesky Wishart",
    "mixture_same_family": "MixtureSameFamily",
    "multivariate_normal": "LogisticNormal LowRankMultivariateNormal MultivariateNormal",
    "normal": "HalfNormal LogNormal Normal",
    "relaxed": "RelaxedBernoulli RelaxedOneHotCategorical",
    "transformed_distribution": "TransformedDistribution",
    "uniform": "Uniform",
    "von_mises": "VonMises",
}
_FILE = {name: file for file, names in _HOME.items() for name in names.split()}
# PyTorch has a module for each; the family's file stands for it.
_FILE_OF_MODULE = {
    "beta": "dirichlet", "binomial": "counts", "chi2": "gamma", "continuous_bernoulli": "bernoulli",
    "exp_family": "exponential_family", "fishersnedecor": "gamma", "generalized_pareto": "exponential",
    "geometric": "bernoulli", "gumbel": "exponential", "half_cauchy": "cauchy", "half_normal": "normal",
    "inverse_gamma": "gamma", "kumaraswamy": "dirichlet", "laplace": "exponential", "lkj_cholesky": "matrices",
    "log_normal": "normal", "logistic_normal": "multivariate_normal",
    "lowrank_multivariate_normal": "multivariate_normal", "multinomial": "counts", "negative_binomial": "counts",
    "one_hot_categorical": "categorical", "pareto": "exponential", "poisson": "counts",
    "relaxed_bernoulli": "relaxed", "relaxed_categorical": "relaxed", "studentT": "gamma", "weibull": "exponential",
    "wishart": "matrices",
}  # fmt: skip


class _FamilyOfModule(_abc.MetaPathFinder, _abc.Loader):
    """Gives a module of PyTorch's, such as `distributions.half_normal`, by the file that holds its family."""

    def find_spec(self, name: str, path: _Any = None, target: _Any = None) -> _machinery.ModuleSpec | None:
        package, _, last = name.rpartition(".")
        is_ours = package == __name__ and last in _FILE_OF_MODULE
        return _machinery.ModuleSpec(name, self) if is_ours else None

    def create_module(self, spec: _machinery.ModuleSpec) -> _Module:
        family = _importlib.import_module(f".{_FILE_OF_MODULE[spec.name.rpartition('.')[2]]}", __name__)
        spec.loader_state = family.__spec__
        return family

    def exec_module(self, module: _Module) -> None:
        assert module.__spec__ is not None
        module.__spec__ = module.__spec__.loader_state  # its own again


_sys.meta_path.append(_FamilyOfModule())
_FILES = {"constraints", "transforms", "utils", *_HOME}

__all__ = sorted([*_FILE, *_transforms])


def __getattr__(name: str) -> _Any:
    if name in _FILE:
        found = getattr(_importlib.import_module(f".{_FILE[name]}", __name__), name)
    elif name in _FILES or name in _FILE_OF_MODULE:
        found = _importlib.import_module(f".{name}", __name__)
    else:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_FILES, *_FILE_OF_MODULE})
