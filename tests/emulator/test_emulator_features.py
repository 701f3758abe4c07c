"""What CUDA C offers, one test per feature, against NumPy."""

import math

import emulated_kernels as kernels
import numpy as np
import pytest

from autograd_gpu.emulator import Kernel


@pytest.fixture(params=[False, True], ids=["plain", "racecheck"])
def feature(request):
    return lambda name: Kernel(kernels.FOLDER / "features.cu", name, racecheck=request.param)


def test_warp_operations(feature):
    out = np.zeros((9, 32), np.int32)
    feature("warp_operations")(1, 32, (out,))
    lane = np.arange(32)
    assert (out[0].view(np.uint32) == sum(1 << i for i in range(0, 32, 3))).all()
    assert (out[1] == 1).all()
    assert (out[2] == 0).all()
    assert (out[3] == np.where(lane >= 3, lane - 3, lane)).all()
    assert (out[4] == np.where(lane % 16 + 5 < 16, lane + 5, lane)).all()
    assert (out[5] == (lane // 8 * 8 + 1) * 10).all()
    assert (out[6] == np.where(lane < 16, lane ^ 4, lane ^ 1)).all()
    assert (out[7] == 16 + np.array([2, 3, 5, 7])[lane % 4]).all()
    assert (out[8] == 31 + 4).all()


def test_barriers_that_vote(feature):
    out = np.zeros(64, np.int32)
    feature("votes")(1, 64, (out,))
    assert (out == 22 * 100 + 0 * 10 + 1).all()


def test_indices_in_three_dimensions(feature):
    out = np.zeros((2, 3, 2, 2, 3, 4), np.int32)
    feature("three_dimensions")((2, 3, 2), (4, 3, 2), (out,))
    assert out[1, 2, 1, 1, 2, 3] == 121 * 1000 + 123
    assert len(np.unique(out)) == out.size


def test_atomics(feature):
    n = 501
    total, histogram, count = np.zeros(1), np.zeros(4, np.int32), np.zeros(1, np.float32)
    flags = np.array([0, n, 0, 0], np.uint32)
    feature("atomics")(5, 32, (total, histogram, count, flags, np.int32(n)))
    assert total[0] == n * (n - 1) / 2
    assert histogram.tolist() == [126, 125, 125, 125]
    assert count[0] == n
    assert flags.tolist() == [n - 1, 0, 0xFFFFFFFF, n % 10]


def test_half_arithmetic_rounds_once_per_operation(feature):
    x = np.random.default_rng(0).standard_normal(100).astype(np.float16)
    y = np.zeros_like(x)
    feature("halves")(2, 64, (x, y, np.int32(100)))
    wide = x.astype(np.float32)
    squared = (wide * wide + np.float32(0.5)).astype(np.float16)
    assert np.array_equal(y, squared - (wide * 2).astype(np.float16))


def test_every_half_survives_the_way_through_float():
    text = 'extern "C" __global__ void pass(const unsigned short *x, unsigned short *y, float *wide) {\n'
    text += "  int i = blockIdx.x * blockDim.x + threadIdx.x;\n"
    text += "  wide[i] = emu::from_f16(x[i]);\n  y[i] = emu::to_f16(wide[i]);\n}\n"
    bits = np.arange(65536, dtype=np.uint16)
    back, wide = np.zeros_like(bits), np.zeros(65536, np.float32)
    Kernel(text, "pass", racecheck=False)(256, 256, (bits, back, wide))
    halves = bits.view(np.float16)
    assert np.array_equal(wide, halves.astype(np.float32), equal_nan=True)
    assert np.array_equal(back.view(np.float16), halves, equal_nan=True)


def test_floats_round_to_the_nearest_half():
    text = 'extern "C" __global__ void narrow(const float *x, unsigned short *y, int n) {\n'
    text += "  int i = blockIdx.x * blockDim.x + threadIdx.x;\n  if (i < n) y[i] = emu::to_f16(x[i]);\n}\n"
    spread = np.random.default_rng(1).standard_normal(4000) * 10.0 ** np.random.default_rng(2).uniform(-9, 6, 4000)
    ties = (np.arange(0, 2000) + 0.5) * 2.0**-24
    x = np.concatenate([spread, ties, -ties, [65504, 65519.9, 65520, np.inf, -np.inf]]).astype(np.float32)
    y = np.zeros(x.size, np.uint16)
    Kernel(text, "narrow", racecheck=False)(x.size // 256 + 1, 256, (x, y, np.int32(x.size)))
    with np.errstate(over="ignore"):
        assert np.array_equal(y.view(np.float16), x.astype(np.float16))


def test_tf32_tensor_core_tile(feature):
    generator = np.random.default_rng(0)
    a, b = (generator.standard_normal(shape).astype(np.float32) for shape in ((16, 8), (8, 8)))
    c = np.zeros((16, 8), np.float32)
    feature("tf32_tile")(1, 32, (a, b, c))
    np.testing.assert_allclose(c, a @ b, rtol=5e-3, atol=5e-3)


def test_structs_by_value(feature):
    values = np.zeros(3, np.float32)
    shape = np.zeros((), np.dtype([("rank", "i4"), ("sizes", "i8", 3)], align=True))
    shape["rank"], shape["sizes"] = 2, (7, 11, 13)
    from autograd_gpu.emulator import allocate

    device = allocate(12)
    target = device.ctypes.data.to_bytes(8, "little") + (3).to_bytes(8, "little")
    feature("structs")(1, 4, (np.int8(5), shape[()], np.bool_(True), target, np.float64(0.5)))
    values[:] = device.view(np.float32)
    assert (values == 11 * 0.5 + 5 + 100).all()


def test_vector_types(feature):
    x, y = np.arange(12, dtype=np.float32).reshape(3, 4), np.zeros((3, 2), np.int32)
    feature("vectors")(1, 3, (x, y))
    assert y.tolist() == [[1, 6], [9, 42], [17, 110]]


def test_mathematics(feature):
    x = np.array([0.1, 0.25, 0.5, 0.875], np.float32)
    out = np.zeros((12, 4), np.float32)
    feature("functions")(1, 32, (x, out, np.int32(4)))
    wide = x.astype(np.float64)
    inverse = np.array([0.08885599049425769, 0.22531205501217808, 0.47693627620446987, 1.0847870400692825])
    expected = [
        *(np.exp(wide), np.log(wide), 1 / np.sqrt(wide), np.tanh(wide), kernels.erf(wide), kernels.erfc(wide)),
        *(inverse, np.rint(wide), 0.5 * (1 + kernels.erf(wide / math.sqrt(2))), np.cos(np.pi * wide)),
        *(np.log1p(wide), np.cbrt(wide)),
    ]
    np.testing.assert_allclose(out, expected, rtol=3e-7, atol=1e-7)


def test_integer_intrinsics(feature):
    out = np.zeros(8, np.uint32)
    feature("integers")(1, 1, (out,))
    wide = 0xDEADBEEFCAFEBABE * 0x123456789ABCDEF0
    assert out.tolist() == [
        0xDEADBEEF * 0x12345678 >> 32,
        wide >> 96,
        0xC8000000,
        8 * 100 + 17,
        0x07050301,
        0x00000018,
        3 + 7 + 4,
        2 - 2 + 7,
    ]
