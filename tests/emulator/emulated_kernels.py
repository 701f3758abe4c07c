"""The kernels under test: each job runs one on small random data and gives what came out and what NumPy says.

A job takes the kernel's text, so that the bug matrix can hand it a damaged one, and the options of `Kernel`.
"""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from autograd_gpu.emulator import Kernel

FOLDER = Path(__file__).parent / "kernels"
HEADERS = {"tensor_core.cuh": (FOLDER / "tensor_core.cuh").read_text()}
Job = tuple[np.ndarray, np.ndarray]

erf = np.vectorize(math.erf)
erfc = np.vectorize(math.erfc)


def text_of(file: str) -> str:
    return (FOLDER / file).read_text()


def to_bfloat16(x: np.ndarray) -> np.ndarray:
    """The bits of x as bfloat16, rounded to nearest even."""
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)


def from_bfloat16(bits: np.ndarray) -> np.ndarray:
    return (bits.astype(np.uint32) << 16).view(np.float32)


def _random(*shape: int) -> np.ndarray:
    return np.random.default_rng(7).standard_normal(shape).astype(np.float32)


def _unwritten(*shape: int) -> np.ndarray:
    return np.full(shape, np.nan, np.float32)


def softmax(
    text: str, rows: int = 2, columns: int = 300, block: int = 128, shared: int | None = None, **options
) -> Job:
    x, y = 3 * _random(rows, columns), _unwritten(rows, columns)
    shared = columns * 4 if shared is None else shared
    Kernel(text, "softmax_forward", **options)(rows, block, (x, y, np.int32(columns)), shared_mem=shared)
    e = np.exp(x - x.max(1, keepdims=True))
    return y, e / e.sum(1, keepdims=True)


def softmax_backward(text: str, rows: int = 2, columns: int = 300, **options) -> Job:
    y, dy, dx = np.abs(_random(rows, columns)), _random(rows, columns)[:, ::-1].copy(), _unwritten(rows, columns)
    Kernel(text, "softmax_backward", **options)(rows, 128, (y, dy, dx, np.int32(columns)))
    return dx, y * (dy - (y * dy).sum(1, keepdims=True))


def matmul(text: str, m: int = 20, n: int = 18, k: int = 33, **options) -> Job:
    a, b, c = _random(m, k), _random(k, n), _unwritten(m, n)
    grid: Sequence[int] = (-(-n // 16), -(-m // 16))
    Kernel(text, "matmul", **options)(grid, (16, 16), (a, b, c, *map(np.int32, (m, n, k))))
    return c, a @ b


def matmul_tensor(text: str, m: int = 32, n: int = 16, k: int = 64, **options) -> Job:
    a, b, c = to_bfloat16(_random(m, k)), to_bfloat16(_random(k, n)), _unwritten(m, n)
    kernel = Kernel(text, "matmul_tensor", headers=HEADERS, **options)
    kernel((n // 8, m // 16), 32, (a, b, c, np.int32(n), np.int32(k)))
    return c, from_bfloat16(a) @ from_bfloat16(b)


def layer_norm(text: str, rows: int = 3, columns: int = 300, **options) -> Job:
    x, weight, bias = _random(rows, columns) + 2, _random(columns), _random(columns)[::-1].copy()
    y = _unwritten(rows, columns)
    kernel = Kernel(text, "layer_norm_forward", **options)
    kernel(rows, 128, (x, weight, bias, y, np.int32(columns), np.float32(1e-5)))
    normal = (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-5)
    return y, normal * weight + bias


def layer_norm_dbias(text: str, rows: int = 9, columns: int = 150, **options) -> Job:
    dy, dbias = _random(rows, columns), np.zeros(columns, np.float32)
    kernel = Kernel(text, "layer_norm_dbias", **options)
    kernel(4, 128, (dy, dbias, np.int32(rows), np.int32(columns)), shared_mem=columns * 4)
    return dbias, dy.sum(0)


def gelu(text: str, n: int = 1003, **options) -> Job:
    x, y = _random(n), _unwritten(n)
    Kernel(text, "gelu_f32", **options)(3, 64, (x, y, np.int64(n)))
    return y, 0.5 * x * (1 + erf(x / math.sqrt(2)))


def gelu_bfloat16(text: str, n: int = 1003, **options) -> Job:
    x, y = to_bfloat16(_random(n)), np.zeros(n, np.uint16)
    Kernel(text, "gelu_bf16", **options)(3, 64, (x, y, np.int64(n)))
    wide = from_bfloat16(x)
    return from_bfloat16(y), 0.5 * wide * (1 + erf(wide / math.sqrt(2)))


FILES = {
    softmax: "softmax.cu",
    softmax_backward: "softmax.cu",
    matmul: "matmul.cu",
    matmul_tensor: "matmul_tensor.cu",
    layer_norm: "layer_norm.cu",
    layer_norm_dbias: "layer_norm.cu",
    gelu: "gelu.cu",
    gelu_bfloat16: "gelu.cu",
}


def agrees(job: Job, of_bfloat16: bool = False) -> bool:
    got, expected = job
    return bool(np.allclose(got, expected, rtol=1e-2 if of_bfloat16 else 2e-5, atol=1e-3 if of_bfloat16 else 2e-5))
