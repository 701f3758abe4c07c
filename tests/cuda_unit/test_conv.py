"""Convolutions, their gradients and columns against sums written out in NumPy, on the emulated GPU."""

import itertools
import math

import numpy as np
import pytest
from on_device import FLOATS, assert_near, double, normal, run

from autograd_gpu.arrays.cuda import columns, conv


def window_of(size, kernel, stride, padding, dilation):
    """The six tuples a backend takes, from one number a dimension."""
    output = tuple(
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, s, p, d in zip(size, kernel, stride, padding, dilation, strict=True)
    )
    return size, output, kernel, stride, padding, dilation


def padded(x, window):
    """x with zeros around it, and the index of x itself in that."""
    size, _, _, stride, padding, _ = window
    around = np.pad(x, [(0, 0), (0, 0), *((p, p + s) for p, s in zip(padding, stride, strict=True))])
    return around, (..., *(slice(p, p + n) for n, p in zip(size, padding, strict=True)))


def places(around, window):
    """(k, the elements of a padded array that the outputs see at place k), views."""
    _, output, kernel, stride, _, dilation = window
    for k in itertools.product(*map(range, kernel)):
        starts = [i * d for i, d in zip(k, dilation, strict=True)]
        ends = [a + (o - 1) * s + 1 for a, o, s in zip(starts, output, stride, strict=True)]
        yield k, around[(..., *map(slice, starts, ends, stride))]


def products(x, weight, gy, window, groups):
    """y, gx and gweight in float64, place by place."""
    output = window[1]
    dims = "xyz"[: len(output)]
    x_around, inside = padded(double(x), window)
    gx_around = np.zeros(x_around.shape)
    w = double(weight).reshape(groups, -1, *weight.shape[1:])  # g f c k
    gy_grouped = double(gy).reshape(len(gy), groups, -1, *output)  # n g f o
    y, gw = np.zeros(gy_grouped.shape), np.zeros(w.shape)
    for (k, seen), (_, laid) in zip(places(x_around, window), places(gx_around, window), strict=True):
        seen = seen.reshape(len(x), groups, -1, *output)
        at = (..., *k)
        y += np.einsum(f"gfc,ngc{dims}->ngf{dims}", w[at], seen)
        gw[at] = np.einsum(f"ngf{dims},ngc{dims}->gfc", gy_grouped, seen)
        laid += np.einsum(f"gfc,ngf{dims}->ngc{dims}", w[at], gy_grouped).reshape(laid.shape)
    return y.reshape(gy.shape), gx_around[inside], gw.reshape(weight.shape)


# size, kernel, stride, padding, dilation, batch, channels, filters, groups
CASES = {
    "1-d": ((19,), (3,), (1,), (1,), (1,), 2, 3, 5, 1),
    "1-d, strided and dilated": ((23,), (3,), (2,), (2,), (3,), 2, 4, 6, 2),
    "2-d": ((7, 9), (3, 3), (1, 1), (1, 1), (1, 1), 2, 5, 7, 1),
    "2-d, phases without a place": ((9, 8), (2, 1), (3, 4), (1, 0), (1, 1), 2, 3, 4, 1),
    "2-d, a step that shares a factor with the stride": ((9, 11), (3, 3), (2, 4), (1, 2), (2, 2), 1, 2, 3, 1),
    "2-d, one place": ((6, 5), (1, 1), (1, 1), (0, 0), (1, 1), 3, 9, 10, 1),
    "2-d, one place of a large plane": ((24, 22), (1, 1), (1, 1), (0, 0), (1, 1), 2, 3, 4, 1),
    "2-d, groups": ((6, 7), (3, 2), (1, 2), (1, 1), (1, 1), 2, 18, 27, 3),
    "3-d": ((4, 5, 6), (2, 3, 2), (1, 2, 1), (1, 1, 0), (1, 1, 2), 2, 3, 4, 1),
    "depthwise": ((8, 9), (3, 3), (1, 1), (1, 1), (1, 1), 2, 6, 6, 6),
    "depthwise, strided, two filters a channel": ((8, 9), (3, 3), (2, 2), (1, 1), (1, 1), 2, 5, 10, 5),
    "depthwise, 1-d": ((300,), (4,), (1,), (3,), (1,), 1, 3, 3, 3),
    "groups of few channels": ((6, 7), (3, 3), (1, 1), (1, 1), (1, 1), 2, 12, 8, 4),
}


def check(dtype, size, kernel, stride, padding, dilation, batch, channels, filters, groups):
    window = window_of(size, kernel, stride, padding, dilation)
    x = normal((batch, channels, *size), dtype, 1)
    weight = normal((filters, channels // groups, *kernel), dtype, 2)
    gy = normal((batch, filters, *window[1]), dtype, 3)
    y, gx, gweight = products(x, weight, gy, window, groups)
    terms = math.prod(kernel) * channels // groups
    assert_near(run(conv.convolution, x, weight, *window, groups), y, dtype, 8, scale=terms**0.5)
    terms = math.prod(kernel) * filters // groups
    assert_near(run(conv.convolution_transposed, gy, weight, *window, groups), gx, dtype, 8, scale=terms**0.5)
    terms = batch * math.prod(window[1])
    assert_near(run(conv.convolution_weight, x, gy, *window, groups), gweight, dtype, 8, scale=terms**0.5)


@pytest.fixture
def choose(monkeypatch):
    """Sets what the choice of a kernel goes by; small products then take what only large ones do."""

    def set_constant(name, value):
        conv._plan.cache_clear()
        monkeypatch.setattr(conv, name, value)

    yield set_constant
    conv._plan.cache_clear()


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("direct", [0, math.inf], ids=["direct", "tiles"])
def test_convolution_and_both_gradients(case, dtype, direct, choose):
    choose("DIRECT", direct)
    check(dtype, *case)


@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_large_tiles(dtype, choose):
    choose("ENOUGH_BLOCKS", 1)
    case = ((9, 17), (3, 1), (1, 1), (1, 0), (1, 1), 1, 66, 70, 1)
    check(dtype, *case)
    kernels = {launch.kernel.name for launch in plans(dtype, case)}
    assert kernels == {"conv_tensor_128"} if dtype == "bfloat16" else kernels >= {"conv_128"}


def plans(dtype, case):
    size, kernel, stride, padding, dilation, batch, channels, filters, groups = case
    window = window_of(size, kernel, stride, padding, dilation)
    for products in (conv._forward, conv._to_input, conv._to_weight):
        yield from conv._plan(products, normal((), dtype).dtype, batch, channels, filters, groups, *window)


@pytest.mark.parametrize("direct", [0, math.inf], ids=["direct", "tiles"])
def test_a_long_depth_is_cut_into_slices(direct, choose):
    choose("DIRECT", direct)
    case = ((40, 30), (3, 3), (1, 1), (1, 1), (1, 1), 1, 2, 3, 1)
    assert [launch.slices > 1 for launch in plans("float32", case)] == [False, False, True]
    for dtype in ("float32", "float16"):
        check(dtype, *case)
        check(dtype, *case[:-3], 2, 2, 2)  # depthwise


def test_a_product_for_each_phase_of_the_stride():
    case = ((9, 8), (3, 3), (2, 2), (1, 1), (1, 1), 2, 20, 24, 1)
    assert [launch.kernel.name for launch in plans("float32", case)] == ["conv_64"] * (1 + 4 + 1)


def test_what_is_computed_directly():
    depthwise = ((56, 56), (3, 3), (1, 1), (1, 1), (1, 1), 8, 64, 64, 64)
    full, few_channels = (*depthwise[:-1], 1), (*depthwise[:-3], 3, 64, 1)
    for dtype in ("float32", "bfloat16"):
        names = [[launch.kernel.name for launch in plans(dtype, case)] for case in (depthwise, full, few_channels)]
        tile = "conv_64" if dtype == "float32" else "conv_tensor_64"
        assert names[:2] == [["conv_direct", "conv_direct", "conv_direct_weight"], [tile] * 3]
        assert names[2] == [tile, "conv_direct" if dtype == "float32" else tile, tile]  # its gradient of x has 3 rows


def test_nothing_to_convolve():
    window = window_of((4,), (2,), (1,), (0,), (1,))
    none, weight = np.empty((0, 2, 4), np.float32), np.ones((3, 2, 2), np.float32)
    assert run(conv.convolution, none, weight, *window, 1).shape == (0, 3, 3)
    gy = np.empty((0, 3, 3), np.float32)
    assert run(conv.convolution_transposed, gy, weight, *window, 1).shape == (0, 2, 4)
    np.testing.assert_array_equal(run(conv.convolution_weight, none, gy, *window, 1), np.zeros((3, 2, 2)))


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("name", ["1-d, strided and dilated", "2-d", "3-d"])
def test_columns_and_the_way_back(name, dtype):
    *geometry, batch, channels, _, _ = CASES[name]
    window = window_of(*geometry)
    x = normal((batch, channels, *window[0]), dtype)
    found = run(columns.im2col, x, *window)
    around, inside = padded(double(x), window)
    sums = np.zeros(around.shape)
    for (k, seen), (_, laid) in zip(places(around, window), places(sums, window), strict=True):
        np.testing.assert_array_equal(double(found[(slice(None), *k)]), seen.swapaxes(0, 1))
        laid += seen
    assert_near(run(columns.col2im, found, *window), sums[inside], dtype, 4, scale=8)
