"""Functions of rows, reductions and expand that are called without Python between: NumPy's values in every dtype and
layout, and what they leave to the functions written in Python."""

import itertools
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from autograd_gpu.arrays import cpu, native

pytestmark = pytest.mark.ours

FLOATS = ["float16", "bfloat16", "float32", "float64"]
TOLERANCE = {2: 2e-2, 4: 1e-5, 8: 1e-12}


def drawn(dtype: str, *shape: int) -> np.ndarray:
    values = np.random.default_rng(sum(shape)).standard_normal(shape) * 3
    return values.astype(np.dtype(getattr(ml_dtypes, dtype, dtype)))


def compare(name: str, *arguments: Any) -> None:
    expected, got = (getattr(backend, name)(*arguments) for backend in (cpu, native))
    both = [x if isinstance(x, tuple) else (x,) for x in (expected, got)]
    for wanted, found in zip(*both, strict=True):
        if wanted is None:
            assert found is None
            continue
        assert type(found) is np.ndarray and (found.dtype, found.shape) == (wanted.dtype, wanted.shape)
        tolerance = TOLERANCE.get(wanted.dtype.itemsize, 0) if wanted.dtype.kind in "fV" else 0
        np.testing.assert_allclose(
            found.astype(float), wanted.astype(float), rtol=4 * tolerance, atol=40 * tolerance, err_msg=name
        )


@pytest.mark.parametrize("dtype", [*FLOATS, "int64", "int32", "uint8", "bool"])
@pytest.mark.parametrize("shape", [(4,), (4, 4), (1, 4), (3, 1, 5), (2, 3, 4, 5), (40, 50), (70000, 2), (2, 70000)])
def test_reductions_are_numpys_over_any_dimensions_of_any_layout(shape: tuple[int, ...], dtype: str):
    whole = drawn(dtype, *shape)
    layouts = [whole, whole.T, np.broadcast_to(whole[:1], shape), np.broadcast_to(whole[..., :1], shape)]
    names = ["sum", "amax", "amin", "any", "all", *(["mean"] if dtype in FLOATS else [])]
    for x, name, keepdim in itertools.product(layouts, names, (False, True)):
        for count in range(1, x.ndim + 1):
            for dims in itertools.combinations(range(x.ndim), count):
                if x.size > 10000 and dtype in ("float16", "bfloat16") and name in ("sum", "mean"):
                    continue  # beyond what a half type holds
                if x.size > 10000 and name in ("sum", "mean") and dtype == "float32":
                    np.testing.assert_allclose(
                        getattr(native, name)(x, dims, keepdim, *[x.dtype] * (name == "sum")),
                        getattr(np, name)(x, axis=dims, keepdims=keepdim, dtype=np.float64), rtol=1e-5, atol=1e-2,
                    )  # fmt: skip
                    continue
                compare(name, x, dims, keepdim, *[x.dtype] * (name == "sum"))


@pytest.mark.parametrize(("dtype", "wide"), [("int32", "int64"), ("bool", "int64"), ("float16", "float32")])
def test_sums_may_be_wider_than_what_they_add(dtype: str, wide: str):
    for dims in ((0,), (1,), (0, 1)):
        compare("sum", drawn(dtype, 6, 7), dims, False, np.dtype(wide))
    compare("sum", np.broadcast_to(drawn(dtype, 1, 7), (5000, 7)), (0,), False, np.dtype(wide))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
@pytest.mark.parametrize("count", [3, 49, 1000, 4097])
def test_a_sum_of_one_number_repeated_is_exact(count: int, dtype: str):
    """It is not added up: the gradient of a sum, on its way to what was broadcast, is a number and a count."""
    x = np.broadcast_to(np.array([[7]], dtype), (count, 5))
    np.testing.assert_array_equal(native.sum(x, (0,), False, x.dtype), np.full(5, 7 * count))
    np.testing.assert_array_equal(native.sum(x, (0, 1), False, x.dtype), 35 * count)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("shape", [(4, 4), (7, 33), (100, 64), (5, 1), (1, 9)])
def test_functions_of_rows_are_numpys(shape: tuple[int, int], dtype: str):
    x, gy, residual = (drawn(dtype, *shape) + number for number in range(3))
    weight, bias = drawn(dtype, shape[1]), drawn(dtype, shape[1]) + drawn(dtype, 1)
    for dim in (0, 1):
        for name in ("softmax", "log_softmax"):
            compare(name, x, dim)
            compare(f"{name}_backward", gy, getattr(cpu, name)(x, dim), dim)
    for w, b in ((None, None), (weight, None), (None, bias), (weight, bias)):
        compare("layer_norm", x, w, b, 1e-5)
        compare("add_layer_norm", x, residual, w, b, 1e-5)
        _, mean, rstd = cpu.layer_norm(x, w, b, 1e-5)
        for gsum in (None, residual):
            compare("layer_norm_backward", gy, x, mean, rstd, w, gsum, b is not None)
    for w in (None, weight):
        compare("rms_norm", x, w, 1e-5)
        compare("add_rms_norm", x, residual, w, 1e-5)
        for gsum in (None, residual):
            compare("rms_norm_backward", gy, x, cpu.rms_norm(x, w, 1e-5)[1], w, gsum)
    target = np.arange(shape[0]) % shape[1]
    target[0] = -100
    compare("cross_entropy", x, target, -100)
    loss, lse = cpu.cross_entropy(x, target, -100)
    compare("cross_entropy_backward", loss, x, lse, target, -100)


@pytest.mark.parametrize("call", [native.cross_entropy, lambda x, t, i: native.cross_entropy_backward(
    np.ones(2, np.float32), x, np.ones(2, np.float32), t, i)])  # fmt: skip
def test_a_class_out_of_bounds_is_named(call: Callable):
    with pytest.raises(IndexError, match="Target 9 is out of bounds"):
        call(drawn("float32", 2, 4), np.array([1, 9]), -100)


@pytest.mark.parametrize("name", ["softmax_backward", "log_softmax_backward"])
def test_arrays_that_are_not_alike_are_refused_by_name(name: str):
    for other in (drawn("float64", 4, 4), drawn("float32", 4, 5)):
        with pytest.raises(RuntimeError, match=name):
            getattr(native, name)(drawn("float32", 4, 4), other, 1)


def test_expand_is_a_view_without_copies():
    x = drawn("float32", 2, 1, 4)
    for shape in ((2, 3, 4), (2, 1, 4), (2, 0, 4)):
        y = native.expand(x, shape)
        assert y.base is x and y.shape == shape and np.shares_memory(x, y) == (y.size > 0)
        np.testing.assert_array_equal(y, np.broadcast_to(x, shape))
    x.flags.writeable = False
    assert not native.expand(x, (2, 3, 4)).flags.writeable
    with pytest.raises(ValueError, match="broadcast"):
        native.expand(drawn("float32", 2, 3)[:, ::2], (3, 2))


@pytest.mark.parametrize("dtype", [*FLOATS, "int64", "bool"])
def test_copies_into_views_are_numpys(dtype: str):
    x = drawn(dtype, 6, 6)
    for place in (np.s_[1], np.s_[:, ::2], np.s_[::-1], np.s_[2:4, 1:3]):
        found, wanted = np.zeros_like(x), np.zeros_like(x)
        native.copy_into(found[place], x[place])
        wanted[place] = x[place]
        np.testing.assert_array_equal(found.astype(float), wanted.astype(float))
    shifted, wanted = x.copy(), x.copy()
    native.copy_into(shifted[1:], shifted[:-1])
    wanted[1:] = x[:-1]
    np.testing.assert_array_equal(shifted.astype(float), wanted.astype(float))
    whole = np.zeros((6, 6))
    native.copy_into(whole, x)
    np.testing.assert_array_equal(whole, x.astype(float))
