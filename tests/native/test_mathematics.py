"""Exponentials, logarithms, error functions, angles and powers of kernels/host, in units of the last place."""

import mpmath
import numpy as np
import pytest

from autograd_gpu.arrays import native

pytestmark = pytest.mark.ours

# How far off at most, in units of the last place: a little over what was seen on every 401st float there is.
BOUNDS = {
    "exp": 1.1, "exp2": 1.1, "expm1": 2, "log": 1, "log2": 1.7, "log10": 2.1, "log1p": 1.6, "tanh": 2.6, "sinh": 2.4,
    "cosh": 1.7, "asinh": 2, "acosh": 2.5, "atanh": 2.2, "erf": 1.6, "erfc": 8, "sin": 1, "cos": 1, "tan": 1, "asin": 1,
    "acos": 1, "atan": 1,
}  # fmt: skip
EXACT = {
    **{name: getattr(mpmath, name) for name in BOUNDS if hasattr(mpmath, name)},
    "erfc": lambda x: mpmath.erfc(min(x, 40)),  # mpmath 1.3 raises OverflowError for 1e260
    "exp2": lambda x: mpmath.power(2, x),
    "log2": lambda x: mpmath.log(x, 2),
}
SPECIAL = [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 1e-40, -1e-40, 1e30, -1e30, 88.7, 88.8, -103.9, -104.1, 2.0]


def everywhere(dtype: type) -> np.ndarray:
    """Numbers of all magnitudes, and more of those near 1."""
    rng = np.random.default_rng(0)
    largest = np.log(np.finfo(dtype).max)
    spread = np.exp(rng.uniform(np.log(np.finfo(dtype).tiny), largest, 300)) * rng.choice([-1, 1], 300)
    near = np.concatenate([rng.normal(size=600), 1 + 0.1 * rng.normal(size=200), rng.uniform(-100, 100, 400)])
    return np.concatenate([spread, near, SPECIAL]).astype(dtype)


def exactly(name: str, x: float) -> float | mpmath.mpf:
    """The function's value, NaN where it has none."""
    if np.isnan(x):
        return np.nan
    try:
        value = EXACT[name](mpmath.mpf(float(x)))
    except (ValueError, ZeroDivisionError):  # a pole
        value = -mpmath.inf if x <= 0 else mpmath.inf
    return np.nan if isinstance(value, mpmath.mpc) else value


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", BOUNDS)
def test_a_function_is_right_to_the_last_place_or_two(name: str, dtype: type):
    x = everywhere(dtype)
    got, worst = getattr(native, name)(x), 0.0
    with mpmath.workdps(60), np.errstate(all="ignore"):
        for argument, value in zip(x, got, strict=True):
            exact = exactly(name, argument)
            rounded = dtype(float(exact)) if abs(exact) < 1e300 or not mpmath.isfinite(exact) else dtype(exact)
            if not np.isfinite(rounded):
                np.testing.assert_equal(value, rounded, f"{name}({argument!r})")
            else:
                assert np.isfinite(value), f"{name}({argument!r}) is {value!r}, not {rounded!r}"
                worst = max(
                    worst, float(abs(mpmath.mpf(float(value)) - exact) / mpmath.mpf(float(np.spacing(abs(rounded)))))
                )
    assert worst <= BOUNDS[name]


@pytest.mark.parametrize(
    "name", [name for name in BOUNDS if name not in ("acosh", "cosh", "exp", "exp2", "erfc", "cos", "acos")]
)
def test_zeros_keep_their_sign(name: str):
    x = np.array([0.0, -0.0], np.float32)
    if name.startswith("log") and name != "log1p":
        return np.testing.assert_array_equal(getattr(native, name)(x), [-np.inf, -np.inf])
    return np.testing.assert_array_equal(np.signbit(getattr(native, name)(x)), [False, True])


def test_subnormal_numbers_come_and_go():
    least = np.float32(1e-45)
    assert native.exp(np.array([-103.0], np.float32))[0] == np.float32(1.401298464324817e-45)
    assert native.log(np.array([least]))[0] == np.float32(np.log(np.float64(least)))
    assert native.expm1(np.array([least]))[0] == native.log1p(np.array([least]))[0] == least


def test_a_value_does_not_depend_on_where_in_a_vector_it_stands():
    x = np.random.default_rng(0).normal(size=100).astype(np.float32) * 3
    for name in BOUNDS:
        function = getattr(native, name)
        whole = function(x)
        np.testing.assert_array_equal(np.concatenate([function(x[i : i + 1]) for i in range(len(x))]), whole, name)


def test_powers_have_cs_rules_and_are_rounded_once():
    special = [0.0, -0.0, 1, -1, 2, -2, 3, 0.5, -0.5, np.inf, -np.inf, np.nan, 1e30, -1e30, 1e-40, 2**24 + 2, -2.5]
    x, y = (axis.ravel() for axis in np.meshgrid(*[np.array(special, np.float32)] * 2))
    rng = np.random.default_rng(0)
    x = np.concatenate([x, np.exp(5 * rng.normal(size=5000)), rng.normal(size=5000)]).astype(np.float32)
    y = np.concatenate([y, 6 * rng.normal(size=5000), rng.integers(-9, 9, 5000)]).astype(np.float32)
    with np.errstate(all="ignore"):
        exact = np.power(x.astype(np.float64), y.astype(np.float64))
        rounded, got = exact.astype(np.float32), native.pow(x, y)
    np.testing.assert_allclose(got, rounded, rtol=1.2e-7, atol=1e-45)
    np.testing.assert_array_equal(np.signbit(got[~np.isnan(got)]), np.signbit(rounded[~np.isnan(got)]))
    assert np.mean(got == rounded) > 0.95
