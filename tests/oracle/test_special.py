"""Special functions against PyTorch's over wide ranges, their derivatives, names and refusals."""

import numpy as np
import pytest
import torch
from conftest import assert_same

import autograd_gpu as ag

RANGES = {
    "gammaln": (-20, 60), "digamma": (-20, 60), "erfinv": (-1, 1), "i0": (-80, 80), "i0e": (-200, 200), "i1": (-80, 80),
    "i1e": (-200, 200), "erfcx": (-5, 60), "ndtr": (-8, 8), "log_ndtr": (-40, 8), "entr": (0, 9), "expit": (-9, 9),
    "exp2": (-9, 9), "expm1": (-2, 2), "log1p": (-0.9, 9), "psi": (0.1, 9), "erf": (-4, 4), "erfc": (-4, 8),
    "logit": (0.01, 0.99), "sinc": (-4, 4), "round": (-4, 4),
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", RANGES)
def test_values_and_gradients_over_a_wide_range(name, dtype):
    low, high = RANGES[name]
    points = np.linspace(low, high, 503)[1:-1]
    if name in ("gammaln", "digamma"):
        points = points[(points > 0) | (np.abs(points - np.round(points)) > 0.1)]  # away from the poles
    found, expected = (
        library.tensor(points, dtype=getattr(library, dtype), requires_grad=True) for library in (ag, torch)
    )
    y, y_expected = getattr(ag.special, name)(found), getattr(torch.special, name)(expected)
    assert_same(y, y_expected, name, 1e-11 if dtype == "float64" else 2e-5)
    y.sum().backward()
    y_expected.sum().backward()
    assert_same(found.grad, expected.grad, name, 1e-8 if dtype == "float64" else 2e-4)


@pytest.mark.parametrize("n", range(6))
def test_polygamma(n):
    points = np.concatenate([np.linspace(0.3, 30, 200), np.linspace(-7.9, -0.1, 40) + 0.013])
    ours, theirs = (library.polygamma(n, library.tensor(points)) for library in (ag, torch))
    assert_same(ours, theirs, f"polygamma({n})", 1e-9)
    assert_same(ag.tensor(points).polygamma(n), theirs, "the method", 1e-9)


@pytest.mark.parametrize("name", ["gammainc", "gammaincc"])
def test_incomplete_gamma(name):
    shapes = np.repeat([0.05, 0.7, 1.0, 3.3, 20.0, 350.0, 1e4], 40)
    points = shapes * np.tile(np.linspace(0.02, 2.5, 40), 7)
    results = []
    for library in (ag, torch):
        x = library.tensor(points, requires_grad=True)
        y = getattr(library.special, name)(library.tensor(shapes), x)
        results.append((y, library.autograd.grad(y.sum(), x)[0]))
    for ours, theirs in zip(*results, strict=True):
        assert_same(ours, theirs, name, 1e-10)
    with pytest.raises(NotImplementedError, match="not implemented"):
        getattr(ag.special, name)(ag.tensor(shapes, requires_grad=True), ag.tensor(points))


def test_special_values():
    values = [0.0, -0.0, 1.0, -1.0, 2.0, float("inf"), float("nan"), -2.0]
    for name in ("lgamma", "digamma", "erfinv", "special.i0e", "special.i1e", "special.entr", "special.erfcx"):
        ours, theirs = ((library, library.tensor(values)) for library in (ag, torch))
        for part in name.split("."):
            ours, theirs = ((getattr(side[0], part), side[1]) for side in (ours, theirs))
        assert_same(ours[0](ours[1]), theirs[0](theirs[1]), name, 1e-6)


def test_integers_become_floats():
    for name in ("lgamma", "digamma", "i0", "erfinv"):
        assert_same(getattr(ag, name)(ag.arange(3)), getattr(torch, name)(torch.arange(3)), name, 1e-6)


def test_a_neighbour_is_one_spacing_away():
    ours, theirs = (
        library.nextafter(library.tensor([1.0, 1.0, 0.0, -3.0]), library.tensor([2.0, 0.0, -1.0, -3.0]))
        for library in (ag, torch)
    )
    assert ours.tolist() == theirs.tolist()


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("T.polygamma(-1, T.ones(2))", "does not support negative n"),
        ("T.polygamma(1.5, T.ones(2))", "must be int, not float"),
        ("T.mvlgamma(T.ones(2), 0)", "p has to be greater than or equal to 1"),
        ("T.nextafter(T.arange(2), T.arange(2))", "not implemented for"),
        ("T.lgamma(3.0)", "must be Tensor, not float"),
    ],
)
def test_refusals(expression, words):
    with pytest.raises((RuntimeError, TypeError)) as theirs:
        eval(expression, {"T": torch})
    with pytest.raises(theirs.type, match=words):
        eval(expression, {"T": ag})
    assert words in str(theirs.value)
