"""Products by cuBLASLt, with a stand-in for it: what it is asked, that plans are kept, and who is chosen when."""

import json
import sys
import types

import fake_cublaslt
import numpy as np
import pytest
from on_device import assert_near, double, normal, run

from autograd_gpu import settings
from autograd_gpu.arrays.cuda import blas, driver
from autograd_gpu.arrays.cuda import matmul_choice as choice
from autograd_gpu.arrays.cuda.linear import gelu_linear_backward, linear, linear_gelu, linear_parameters_backward
from autograd_gpu.arrays.cuda.matmul import matmul
from autograd_gpu.arrays.cuda.memory import expand
from benchmarks.matmul_choice import measure


@pytest.fixture
def cublaslt(monkeypatch):
    """The stand-in installed, and chosen for every product."""
    monkeypatch.setitem(sys.modules, "nvmath", types.ModuleType("nvmath"))
    bindings = types.ModuleType("nvmath.bindings")
    bindings.cublasLt = fake_cublaslt
    monkeypatch.setitem(sys.modules, "nvmath.bindings", bindings)
    forget()
    with choice.using(choice.CUBLASLT):
        yield fake_cublaslt
    forget()


def forget():
    for cached in (blas.bindings, blas._handle, blas._plan):
        cached.cache_clear()
    fake_cublaslt.asked.clear()
    fake_cublaslt.multiplied.clear()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("m, k, n", [(1, 1, 1), (3, 5, 7), (1, 9, 4), (4, 9, 1), (24, 40, 8)])
def test_operands_in_every_direction(cublaslt, dtype, m, k, n):
    x, y, x_t, y_t = (normal(s, dtype, i) for i, s in enumerate([(m, k), (k, n), (k, m), (n, k)]))
    for function, a, b, expected in (
        (matmul, x, y, double(x) @ double(y)),
        (lambda x, y: matmul(x, y.T), x, y_t, double(x) @ double(y_t).T),
        (lambda x, y: matmul(x.T, y), x_t, y, double(x_t).T @ double(y)),
        (lambda x, y: matmul(x.T, y.T), x_t, y_t, double(x_t).T @ double(y_t).T),
    ):
        assert_near(run(function, a, b), expected, dtype, spacings=2, scale=4)
    assert cublaslt.multiplied == ["DEFAULT"] * 4


def test_batches(cublaslt):
    x, y, one = normal((4, 5, 9), "float32"), normal((4, 9, 3), "float32", 1), normal((1, 9, 3), "float32", 2)
    assert_near(run(matmul, x, y), double(x) @ double(y), "float32", scale=8)
    assert_near(run(lambda x, y: matmul(x, expand(y, (4, 9, 3))), x, one), double(x) @ double(one), "float32", scale=8)
    swapped = lambda x, y: matmul(x.transpose(1, 0, 2), expand(y, (5, 9, 3)))  # noqa: E731
    assert_near(run(swapped, x, one), double(x).transpose(1, 0, 2) @ double(one), "float32", scale=8)
    assert len(cublaslt.multiplied) == 3


def test_nothing_is_not_asked_for(cublaslt):
    x, y = normal((2, 3, 8), "float16"), normal((2, 8, 5), "float16", 1)
    assert run(lambda x, y: matmul(x[:0], y[:0]), x, y).shape == (0, 3, 5)
    assert cublaslt.asked == cublaslt.multiplied == []


def test_what_it_cannot_do_our_kernels_do(cublaslt):
    x, y = normal((6, 8), "float32"), normal((4, 3), "float32", 1)
    assert_near(run(lambda x, y: matmul(x[::2, ::2], y), x, y), double(x)[::2, ::2] @ double(y), "float32", scale=8)
    heads = normal((2, 5, 3, 9), "float32")
    keys = normal((2, 3, 9, 4), "float32", 1)
    actual = run(lambda x, y: matmul(x.transpose(0, 2, 1, 3), y), heads, keys)
    assert_near(actual, double(heads).transpose(0, 2, 1, 3) @ double(keys), "float32", scale=8)
    assert cublaslt.multiplied == []


@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_epilogues(cublaslt, dtype):
    x, weight, bias = normal((20, 12), dtype), normal((16, 12), dtype, 1), normal((16,), dtype, 2)
    gy = normal((20, 16), dtype, 3)
    calls = [
        ("BIAS", linear, (x, weight, bias)),
        ("GELU_AUX", linear_gelu, (x, weight, None, "tanh")),
        ("GELU_AUX_BIAS", linear_gelu, (x, weight, bias, "tanh")),
        ("DGELU", gelu_linear_backward, (x, normal((12, 16), dtype, 4), gy, "tanh")),
        ("BGRADB", linear_parameters_backward, (gy, x)),
    ]
    for epilogue, function, arguments in calls:
        actual = run(function, *arguments)
        assert cublaslt.multiplied.pop() == epilogue
        with choice.using(choice.OWN):
            expected = run(function, *arguments)
        pairs = zip(actual, expected, strict=True) if isinstance(actual, tuple) else [(actual, expected)]
        for ours, theirs in pairs:
            assert_near(ours, theirs, dtype, spacings=16, scale=4)
    assert cublaslt.multiplied == []


def test_gelu_it_does_not_know_or_cannot_place_is_ours(cublaslt):
    x = normal((4, 8), "bfloat16")
    run(linear_gelu, x, normal((16, 8), "bfloat16", 1), None, "none")
    run(linear_gelu, x, normal((13, 8), "bfloat16", 1), None, "tanh")  # the auxiliary matrix has rows of 13
    assert "GELU_AUX" not in cublaslt.multiplied


def test_a_plan_is_made_once(cublaslt):
    x, y = normal((4, 8), "float32"), normal((8, 8), "float32", 1)
    for _ in range(3):
        run(matmul, x, y)
    assert cublaslt.asked == [("DEFAULT", 16)] and len(cublaslt.multiplied) == 3
    run(lambda x, y: matmul(x[1:, 1:], y[1:]), x, y)  # begins at another multiple
    assert cublaslt.asked[1:] == [("DEFAULT", 4)]
    run(lambda x, y: matmul(x, y.T), x, y)
    run(lambda x: matmul(x, x), normal((8, 8), "float64"))
    assert len(cublaslt.asked) == 4


def test_tf32_only_when_allowed(cublaslt, monkeypatch):
    made = []
    create = cublaslt.matmul_desc_create
    monkeypatch.setattr(
        cublaslt, "matmul_desc_create", lambda compute, scale: made.append(compute) or create(compute, scale)
    )
    x = normal((8, 8), "float32")
    run(matmul, x, x)
    settings.set_float32_matmul_precision("high")
    try:
        run(matmul, x, x)
    finally:
        settings.set_float32_matmul_precision("highest")
    assert made == [blas.COMPUTE_32F, blas.COMPUTE_TF32]


@pytest.fixture
def table(monkeypatch, tmp_path, cublaslt):
    """Writes a table of choices for this device, and has it read."""
    monkeypatch.setattr(choice, "path", lambda: tmp_path / "matmul_choice.json")
    monkeypatch.delenv("AUTOGRAD_GPU_MATMUL", raising=False)

    def write(rows, device=None):
        choice.path().write_text(json.dumps({device or driver.device_name(): rows}))
        blas._plan.cache_clear()
        return choice.look_up()

    yield write
    monkeypatch.undo()
    choice.look_up()


def row(own, cublaslt, size, dtype="float32"):
    return {"dtype": dtype, "m": size, "n": size, "k": size, "own": own, "cublaslt": cublaslt}


def test_the_nearest_measurement_decides(cublaslt, table):
    assert table([row(1.0, 2.0, 8), row(9.0, 3.0, 64), row(9.0, None, 1024)]) == choice.MEASURED
    for size, by_cublaslt in ((4, 0), (20, 0), (30, 1), (70, 1), (200, 1), (300, 0)):
        assert choice.is_cublaslt("float32", size, size, size) == bool(by_cublaslt)
    assert not choice.is_cublaslt("float64", 64, 64, 64)
    for size in (4, 40):
        run(matmul, normal((size, size), "float32"), normal((size, size), "float32"))
    assert cublaslt.multiplied == ["DEFAULT"]


def test_nothing_measured_means_our_kernels(cublaslt, table):
    assert table([row(9.0, 3.0, 8)], device="another GPU") == choice.OWN
    run(matmul, normal((8, 8), "float32"), normal((8, 8), "float32"))
    assert cublaslt.multiplied == []
    choice.path().write_text("{")
    assert choice.look_up() == choice.OWN


def test_the_environment_decides_without_looking(monkeypatch, table):
    table([row(9.0, 3.0, 8)])
    monkeypatch.setenv("AUTOGRAD_GPU_MATMUL", "own")
    assert choice.look_up() == choice.OWN
    monkeypatch.setenv("AUTOGRAD_GPU_MATMUL", "cutlass")
    with pytest.raises(ValueError, match="expected own, cublaslt or measured, got 'cutlass'"):
        choice.look_up()


def test_what_the_benchmark_writes_is_what_is_read(cublaslt, table):
    rows = measure((3, 8), ("bfloat16", "tf32"), 0.0)
    assert len(rows) == 16 and all(row["own"] > 0 and row["cublaslt"] > 0 for row in rows)
    table(rows)
    for row in rows:
        assert choice.is_cublaslt(row["dtype"], row["m"], row["n"], row["k"]) == (row["cublaslt"] < row["own"])


def test_the_benchmark_does_not_trust_a_wrong_product(cublaslt, monkeypatch):
    def zeros(handle, desc, alpha, a, a_layout, b, b_layout, beta, c, c_layout, d, d_layout, *rest):
        cublaslt._matrix(d, cublaslt.objects[d_layout], 0, False)[...] = 0

    monkeypatch.setattr(cublaslt, "matmul", zeros)
    (row,) = measure((8,), ("float32",), 0.0)
    assert row["cublaslt"] is None and row["own"] > 0


def test_without_nvmath_our_kernels_do_everything(monkeypatch):
    monkeypatch.setitem(sys.modules, "nvmath", None)
    forget()
    with choice.using(choice.CUBLASLT):
        x = normal((3, 4), "float32")
        np.testing.assert_allclose(run(lambda x: matmul(x, x.T), x), x @ x.T, rtol=1e-5)
    forget()
