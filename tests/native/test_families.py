"""Rows and reductions compiled for this processor: exact where NumPy's sums drift, the same for every number of
threads, and NumPy's own function nowhere behind them."""

import numpy as np
import pytest

from autograd_gpu.arrays import cpu, native
from autograd_gpu.arrays.native import conv_tiles, launch, runtime

pytestmark = pytest.mark.ours

FAMILIES = ("columns.cu", "loss.cu", "norm.cu", "pool.cu", "reduce.cu", "softmax.cu")
LONG = (3, 1030)  # some whole strips, and a rest


def drawn(*shape: int, dtype: type = np.float32) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape).astype(dtype)


def results_of_every_family(x: np.ndarray) -> list[np.ndarray]:
    target = np.arange(len(x)) % x.shape[1]
    weight = drawn(x.shape[1], dtype=x.dtype)
    y, mean, rstd = native.layer_norm(x, weight, weight, 1e-5)
    loss, lse = native.cross_entropy(x, target, -100)
    return [
        native.softmax(x, 1), native.log_softmax(x, 0), native.softmax_backward(x, x, 1),
        native.log_softmax_backward(x, x, 0), y, mean, rstd, native.rms_norm(x, weight, 1e-5)[0],
        *native.layer_norm_backward(x, x, mean, rstd, weight, x, True), loss, lse,
        native.cross_entropy_backward(loss, x, lse, target, -100), native.sum(x, (0,), False, x.dtype),
        native.sum(x, (0, 1), False, x.dtype), native.var(x, (1,), False, 1), native.var(x, (0, 1), False, 1),
        native.max_with_index(x, 0, False)[1], native.amax(x, (0, 1), True),
    ]  # fmt: skip


@pytest.mark.parametrize("shape", [(1030, 70), (3, 100_003), (40_001, 3)])
def test_results_do_not_depend_on_the_number_of_threads(shape: tuple[int, int]):
    library = runtime.library()
    before, found = library.host_threads(), []
    try:
        for count in (1, 2, 3):
            library.host_set_threads(count)
            found.append(results_of_every_family(drawn(*shape)))
    finally:
        library.host_set_threads(before)
    for others in found[1:]:
        for one, other in zip(found[0], others, strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_long_sum_keeps_its_digits():
    tenths = np.full(5_000_000, 0.1, np.float32)
    assert abs(native.sum(tenths, (0,), False, tenths.dtype) / 5e5 - 1) < 1e-6
    assert abs(native.sum(tenths.reshape(-1, 2), (0,), False, tenths.dtype)[1] / 2.5e5 - 1) < 1e-6
    ones = np.ones(1 << 20, np.float16)
    assert native.mean(ones, (0,), False) == 1


def test_the_variance_of_numbers_far_from_zero_does_not_cancel():
    x = drawn(100_000) + 1000
    exact = x.astype(np.float64)
    for shape, dims in (((1, -1), (1,)), ((-1, 1), (0,)), ((20, -1, 40), (0, 2)), ((-1, 3, 4, 5), (0, 2))):
        seen = x[:99_960].reshape(shape) if len(shape) == 4 else x.reshape(shape)
        expected = seen.astype(np.float64).var(dims)
        np.testing.assert_allclose(native.var(seen, dims, False, 0), expected, rtol=1e-6)
    normalised = (exact - exact.mean()) / exact.std()
    np.testing.assert_allclose(native.layer_norm(x[None], None, None, 0.0)[0][0], normalised, atol=1e-4)


@pytest.mark.parametrize("dims", [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2), (0, 1, 2, 3), (1, 3), (0, 3)])
@pytest.mark.parametrize("layout", ["plain", "transposed", "strided", "repeated", "backwards"])
def test_every_choice_of_dimensions_in_every_layout(dims: tuple[int, ...], layout: str):
    x = drawn(3, 4, 70, 5).round(1)
    x = {
        "plain": lambda: x,
        "transposed": lambda: np.ascontiguousarray(x.transpose(2, 0, 3, 1)).transpose(1, 3, 0, 2),
        "strided": lambda: drawn(3, 4, 140, 5)[:, :, ::2],
        "repeated": lambda: np.broadcast_to(x[:, :1], x.shape),
        "backwards": lambda: x[::-1, :, ::-1],
    }[layout]()
    for keepdim in (False, True):
        for name, more in (("sum", (x.dtype,)), ("mean", ()), ("amax", ()), ("amin", ()), ("var", (1,)), ("all", ())):
            got = getattr(native, name)(x, dims, keepdim, *more)
            np.testing.assert_allclose(got, getattr(cpu, name)(x, dims, keepdim, *more), rtol=1e-5, atol=1e-5)
            assert got.flags.c_contiguous
    for dim in dims[:1]:
        for got, expected in zip(native.max_with_index(x, dim, True), cpu.max_with_index(x, dim, True), strict=True):
            np.testing.assert_array_equal(got, expected)


def test_nan_is_the_greatest_and_the_least_and_the_first_of_equals_is_found():
    x = np.zeros((2, 200), np.float32)
    x[0, [70, 150]] = np.nan
    x[1, [69, 133]] = 7
    values, places = native.max_with_index(x, 1, False)
    assert np.isnan(values[0]) and values[1] == 7 and list(places) == [70, 69]
    assert np.isnan(native.amin(x, (0, 1), False))
    assert list(native.min_with_index(np.ascontiguousarray(x.T), 0, False)[1]) == [70, 0]


def test_softmax_of_huge_and_infinite_numbers():
    x = np.array([[1e30, 1e30, -np.inf], [-np.inf] * 3, [np.inf, 0, 0], [np.nan, 0, 0]], np.float32)
    with np.errstate(all="ignore"):
        for function in ("softmax", "log_softmax"):
            np.testing.assert_array_equal(getattr(native, function)(x, 1), getattr(cpu, function)(x, 1))
            np.testing.assert_array_equal(getattr(native, function)(x.T, 0), getattr(cpu, function)(x, 1).T)


@pytest.mark.parametrize("file", FAMILIES)
def test_no_kernel_is_missing(file: str):
    """What a family asks for is in its library: else NumPy's function would serve, and nobody would see."""
    asked = [kernel for kernel in launch.Kernel.all if kernel.file == file and "sum_wide" not in kernel.name]
    assert asked
    for dtype in map(np.dtype, (np.float32, np.float64)):
        assert [kernel for kernel in asked if kernel[dtype] is None] == []


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(1, 1, 1, 1, 1), (2, 2, 3, 70, 20), (1, 1, 64, 64, 64), (1, 1, 130, 65, 100)])
@pytest.mark.parametrize("masked", ["", "causal", "boolean", "added"])
def test_attention_is_numpys_also_where_tiles_end(dtype: type, shape: tuple[int, ...], masked: str):
    batch, key_heads, queries, keys, d = shape
    q, go = (
        drawn(batch, 2 * key_heads, queries, d, dtype=dtype),
        drawn(batch, 2 * key_heads, queries, d, dtype=dtype)[..., ::-1],
    )
    k = drawn(batch, keys, key_heads, d, dtype=dtype).transpose(0, 2, 1, 3)
    mask = {"boolean": drawn(1, 1, queries, keys) > 0, "added": drawn(batch, 1, 1, keys, dtype=dtype)}.get(masked)
    if masked == "boolean":
        mask[..., 0, :] = False  # a query that sees nothing
    found = []
    for backend in (native, cpu):
        o, lse = backend.attention(q, k, k, mask, masked == "causal", 0.3)
        found.append((o, lse, *backend.attention_backward(go, q, k, k, o, lse, mask, masked == "causal", 0.3)))
    for got, expected in zip(*found, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=2e-5 if dtype == np.float32 else 1e-12)


@pytest.mark.parametrize("size", [(5,), (200,), (9, 7), (4, 5, 6), (3, 130)])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("padding", [0, 1])
def test_pooling_is_numpys_at_every_edge(size: tuple[int, ...], stride: int, padding: int):
    dims = len(size)
    x = drawn(3, *size).round(1)
    x[0].flat[::7] = np.nan
    for kernel, dilation in ((2, 1), (3, 1), (2, 2)):
        output = tuple((n + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1 for n in size)
        if min(output) < 1:
            continue
        window = (size, output, *((number,) * dims for number in (kernel, stride, padding, dilation)))
        (y, index), (expected, places) = native.max_pool(x, *window), cpu.max_pool(x, *window)
        np.testing.assert_array_equal(y, expected)
        np.testing.assert_array_equal(index, places)
        gy = drawn(*y.shape)
        np.testing.assert_allclose(
            native.max_pool_backward(gy, index, *window),
            cpu.max_pool_backward(gy, index, *window),
            rtol=1e-6,
            atol=1e-6,
        )
        if dilation == 1:
            for choice in ((True, 0), (False, 0), (True, 5)):
                for name, array in (("avg_pool", drawn(3, *size)), ("avg_pool_backward", gy)):
                    results = (getattr(backend, name)(array, *window, *choice) for backend in (native, cpu))
                    np.testing.assert_allclose(*results, rtol=1e-5, atol=1e-6)


KERNELS = [(1, 1, 0, 1), (3, 1, 1, 1), (3, 2, 1, 1), (2, 3, 2, 2), (4, 1, 5, 1)]  # size, stride, padding, dilation


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [(70,), (9, 12), (4, 5, 6)])
@pytest.mark.parametrize("sliding", KERNELS)
@pytest.mark.parametrize("groups", [1, 2])
def test_convolution_is_numpys_at_every_edge(
    dtype: type, size: tuple[int, ...], sliding: tuple[int, int, int, int], groups: int
):
    kernel, stride, padding, dilation = sliding
    dims = len(size)
    output = tuple((n + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1 for n in size)
    window = (size, output, *((number,) * dims for number in (kernel, stride, padding, dilation)))
    x, weight = drawn(18, 2 * groups, *size, dtype=dtype), drawn(5 * groups, 2, *(kernel,) * dims, dtype=dtype)
    gy = drawn(18, 5 * groups, *output, dtype=dtype)
    calls = {"convolution": (x, weight), "convolution_transposed": (gy, weight), "convolution_weight": (x, gy)}
    for name, operands in calls.items():
        tiles = getattr(conv_tiles, name)(*operands, window, groups)
        ours, expected = (getattr(backend, name)(*operands, *window, groups) for backend in (native, cpu))
        for got in (tiles, ours):
            np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-3 if dtype == np.float32 else 1e-10)
