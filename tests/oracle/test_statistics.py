"""Statistics, integrals, windows, selections and creations against PyTorch's, argument by argument, and refusals."""

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from conftest import assert_same, gradients

import autograd_gpu as ag

VALUES = """
T.quantile(x, 0.3)
T.quantile(x, q)
T.quantile(x, q, 0)
T.quantile(x, q, dim=1, keepdim=True)
T.quantile(x, q, dim=-1, interpolation="lower")
T.quantile(x, q, dim=1, interpolation="nearest")
x.quantile(0.5, 0, True)
T.quantile(h, q)
T.nanquantile(h, q)
T.nanquantile(h, 0.5)
T.quantile(h, 0.5, interpolation="midpoint")
x.sum().quantile(0.5)
T.cov(x)
T.cov(x, correction=0)
T.cov(x[0])
T.cov(x[:1])
T.cov(x.sum())
T.cov(n)
T.cov(x, fweights=T.tensor([1, 2, 0, 1]))
T.cov(x, aweights=p[0])
T.cov(x, fweights=T.tensor([1, 2, 0, 1]), aweights=p[0], correction=0)
x.cov()
T.corrcoef(x)
T.corrcoef(x[0])
x.corrcoef()
T.histogram(x.detach(), 4)
T.histogram(x.detach(), 4, range=(-1.0, 1.0), density=True)
T.histogram(x.detach(), T.tensor([-2.0, 0.0, 0.5, 3.0]).double())
T.histogram(x.detach(), 5, weight=p.detach())
T.histogram(T.ones(3), 2)
T.gcd(n, n.flip(1))
T.lcm(n, n.flip(1))
T.gcd(T.tensor(12), T.tensor([18, 8], dtype=T.int32))
T.tensor([12]).gcd_(T.tensor([18]))
T.tensor([12]).lcm_(T.tensor([18]))
T.round(x, decimals=2)
T.round(x * 100, decimals=-1)
x.round(decimals=1)
x.detach().clone().round_(decimals=1)
T.frexp(x)
T.frexp(T.tensor([0.0, inf, 1e-40, -8.0]))
T.trapezoid(x)
T.trapezoid(x, dx=0.5, dim=0)
T.trapezoid(x, v)
T.trapezoid(x, p, dim=0)
T.trapz(x)
T.trapezoid(n)
T.trapezoid(T.zeros(0))
T.cumulative_trapezoid(x)
T.cumulative_trapezoid(x, v, dim=1)
T.cumulative_trapezoid(n, dx=2)
T.combinations(v)
T.combinations(v, 3)
T.combinations(v, 2, True)
T.combinations(v, 0)
T.vander(n[0])
T.vander(v.detach(), 3)
T.vander(v.detach(), increasing=True)
T.vander(n[0], 0)
T.unravel_index(n[2], (3, 4))
T.unravel_index(T.tensor(7), 8)
T.renorm(x, 2, 0, 1.0)
T.renorm(c, 1, 1, 2.0)
x.renorm(3, 1, 0.5)
x.detach().clone().renorm_(2, 0, 1)
T.cumprod(x, 1)
T.cumprod(x * m, 0)
T.cumprod(n, 0)
T.cumprod(m, 0)
T.cumprod(x, 0, dtype=T.float32)
T.logcumsumexp(x * 50, 1)
T.cummax(x, 0)
T.cummin(n, 1)
T.cummax(m, 0)
T.hann_window(6)
T.hann_window(6, False)
T.hann_window(1)
T.hann_window(0)
T.hann_window(2, False)
T.hamming_window(5)
T.hamming_window(5, True, 0.5, 0.5)
T.hamming_window(5, dtype=T.float64)
T.blackman_window(7)
T.bartlett_window(6)
T.bartlett_window(7, False)
T.kaiser_window(6)
T.kaiser_window(6, False, 3.0)
T.kaiser_window(3, dtype=T.float64, requires_grad=True)
T.scalar_tensor(3)
T.scalar_tensor(3, dtype=T.int32)
T.range(0, 3)
T.range(1, 2.5, 0.5)
T.range(3, 1, -1, dtype=T.int64)
T.asarray([1, 2])
T.asarray(3.5, dtype=T.int32)
T.asarray(x)
T.asarray(x, requires_grad=False)
T.asarray(x, copy=True)
T.asarray(n, dtype=T.float32)
T.asarray(bytearray(8))
T.asarray([1.0, 2.0], requires_grad=True)
T.frombuffer(bytearray(b"abcdefgh"), dtype=T.int16)
T.frombuffer(bytearray(b"abcdefgh"), dtype=T.int16, count=2, offset=2)
T.randint_like(x, 1)
T.randint_like(n, 4, 5)
T.are_deterministic_algorithms_enabled()
""".strip().splitlines()


def variables(library: Any) -> dict[str, Any]:
    normal = np.random.default_rng(3).standard_normal

    def leaf(values: Any) -> Any:
        return library.tensor(values.tolist(), dtype=library.float64, requires_grad=True)

    return {
        "T": library,
        "x": leaf(normal((3, 4))),
        "p": leaf(np.abs(normal((3, 4))) + 0.5),
        "v": leaf(normal(4)),
        "c": leaf(normal((2, 3, 4))),
        "q": library.tensor([0.1, 0.5, 0.95], dtype=library.float64),
        "h": library.tensor([3.0, float("nan"), 1.0, 2.0], dtype=library.float64),
        "n": library.arange(12).reshape(3, 4) - 5,
        "m": library.tensor([[True, False, True, False]] * 3),
        "inf": float("inf"),
    }


@pytest.mark.parametrize("expression", VALUES)
def test_pytorch_agrees(expression):
    results = []
    for library in (ag, torch):
        names = variables(library)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            value = eval(expression, names)
        results.append((value, gradients(library, value, [names[name] for name in "xpvc"])))
    (ours, our_gradients), (theirs, their_gradients) = results
    tolerance = 2e-6 if "window" in expression or "float32" in expression else None
    assert_same(tuple(ours) if isinstance(ours, tuple) else ours, theirs, expression, tolerance)
    for found, expected in zip(our_gradients, their_gradients, strict=True):
        assert (found is None) == (expected is None)
        if expected is not None:
            assert_same(found, expected, f"gradient of {expression}", tolerance)


REFUSALS = [
    ("T.gcd(x, x)", "not implemented for"),
    ("T.gcd(n, 6)", "must be Tensor, not int"),
    ("T.quantile(n, 0.5)", "must be either float or double"),
    ("T.quantile(x, 1.5)", "must be in the range"),
    ("T.quantile(x[:0], 0.5)", "must be non-empty"),
    ("T.quantile(x, q.float())", "must be same dtype as the input"),
    ("T.quantile(x, x)", "must be a scalar or 1D tensor"),
    ("T.quantile(x, 0.5, interpolation='x')", "interpolation must be one of"),
    ("T.cov(c)", "two or fewer dimensions"),
    ("T.cov(m)", "bool dtype is not supported"),
    ("T.cov(x, fweights=x[0])", "integral dtype"),
    ("T.cov(x, aweights=n[0])", "floating point dtype"),
    ("T.cov(x, fweights=n[0, :3])", "same numel"),
    ("T.cov(x, fweights=n[0])", "cannot be negative"),
    ("T.trapezoid(x, v[:2])", "must be one `x` value for each sample"),
    ("T.combinations(x)", "Expect a 1D vector"),
    ("T.combinations(v, -1)", "non-negative number"),
    ("T.vander(x)", "one-dimensional"),
    ("T.unravel_index(v, 4)", "integer dtype"),
    ("T.renorm(v, 2, 0, 1)", "at least 2 dimensions"),
    ("T.renorm(x, 0, 0, 1)", "non-positive-norm"),
    ("T.renorm(x, 2, 0, -1)", "maxnorm"),
    ("T.logcumsumexp(n, 1)", "not implemented for"),
    ("T.histogram(n, 3)", "not implemented for"),
    ("T.histogram(x.detach(), 0)", "must be > 0"),
    ("T.hann_window(-1)", "non-negative window_length"),
    ("T.hann_window(3, dtype=T.int32)", "floating point dtypes"),
    ("T.range(3, 0)", "inconsistent with step sign"),
    ("T.frombuffer(b'', dtype=T.int16)", "must not be 0"),
    ("T.frombuffer(bytearray(3), dtype=T.int16)", "must be a multiple of element size"),
    ("T.frombuffer(bytearray(4), dtype=T.int16, count=3)", "must not be greater than"),
    ("T.frombuffer(bytearray(4), dtype=T.int16, offset=4)", "must be non-negative and no greater"),
    ("T.asarray([1], copy=False)", "can't alias"),
    ("T.frexp(n)", "only supports floating-point"),
    ("T.poisson(-p.detach())", "invalid Poisson rate"),
    ("T.ones(2).exponential_(-1)", "lambda > 0.0"),
    ("T.ones(2).geometric_(0)", r"p to be in \(0, 1\)"),
    ("n.exponential_()", "continuous probability distribution"),
    ("T.ones(2).cauchy_(0, -1)", "sigma > 0.0"),
    ("T.ones(2).log_normal_(0, -1)", "std > 0.0"),
    ("T.use_deterministic_algorithms(1)", "must be bool, not int"),
    ("T.set_deterministic_debug_mode('maybe')", "invalid value of debug_mode"),
]


@pytest.mark.parametrize(("expression", "words"), REFUSALS)
def test_refusals_have_pytorch_s_type_and_key_words(expression, words):
    with pytest.raises((RuntimeError, TypeError, ValueError, IndexError)) as theirs:
        eval(expression, variables(torch))
    with pytest.raises(theirs.type, match=words) as ours:
        eval(expression, variables(ag))
    assert type(ours.value) is theirs.type
    theirs.match(words)
