"""Each kernel's time, its bytes or operations, and its fraction of what the machine can do, measured in the same run.

Memory-bound kernels are put against a copy of the same size class, matrix products against PyTorch's. PyTorch eager and
torch.compile run the same function on the same shapes. On the emulator the times mean nothing: it is a rehearsal.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import autograd_gpu as ag
from autograd_gpu.backends import cuda as kernels

from . import optimisers, record
from .timing import seconds_each

Call = Callable[[], Any]


@dataclass(frozen=True)
class Shape:
    """Sizes of the benchmark: rows by columns for row kernels, a square product, one attention problem."""

    rows: int
    columns: int
    square: int
    batch: int
    heads: int
    time: int
    head_dim: int

    @property
    def elements(self) -> int:
        return self.rows * self.columns


FULL = Shape(rows=32768, columns=4096, square=8192, batch=8, heads=16, time=4096, head_dim=64)
TINY = Shape(rows=4, columns=40, square=24, batch=1, heads=1, time=12, head_dim=8)


@dataclass(frozen=True)
class Bench:
    """One kernel on made arrays: our call, how much it moves or computes, and the same in PyTorch."""

    name: str
    ours: Call
    bytes: float = 0
    flops: float = 0
    torch: Callable[..., Any] | None = None
    torch_args: tuple[Any, ...] = ()


def memory_bound(shape: Shape, dtype: str, torch: Any) -> list[Bench]:
    """Kernels whose cost is what they read and write once."""
    n, size = shape.elements, np_dtype(dtype).itemsize
    x, y = (made((shape.rows, shape.columns), dtype) for _ in range(2))
    weight, bias = made((shape.columns,), dtype), made((shape.columns,), dtype)
    target = kernels.arange(0, 1, shape.rows, np.dtype(np.int64))
    kernels.copy_into(target, kernels.remainder(target, shape.columns))
    softmax = kernels.softmax(x, 1)
    log_softmax = kernels.log_softmax(x, 1)
    _, mean, rstd = kernels.layer_norm(x, weight, bias, 1e-5)
    loss, lse = kernels.cross_entropy(x, target, -100)
    tx, ty, tw, tb = (as_torch(torch, value) for value in (x, y, weight, bias))
    tt = as_torch(torch, target)
    state = kernels.random_state(0)
    F = torch.nn.functional if torch else None
    row = shape.columns
    return [
        Bench("add", lambda: kernels.add(x, y), 3 * n * size, torch=lambda a, b: a + b, torch_args=(tx, ty)),
        Bench("add row (broadcast)", lambda: kernels.add(x, kernels.expand(weight.reshape(1, row), x.shape)),
              2 * n * size, torch=lambda a, b: a + b, torch_args=(tx, tw)),
        Bench("exp", lambda: kernels.exp(x), 2 * n * size, torch=lambda a: a.exp(), torch_args=(tx,)),
        Bench("gelu", lambda: kernels.gelu(x, "tanh"), 2 * n * size,
              torch=lambda a: F.gelu(a, approximate="tanh"), torch_args=(tx,)),
        Bench("gelu backward", lambda: kernels.gelu_backward(y, x, "tanh"), 3 * n * size,
              torch=lambda g, a: torch.ops.aten.gelu_backward(g, a, approximate="tanh"), torch_args=(ty, tx)),
        Bench("transposed copy", lambda: kernels.copy(x.T), 2 * n * size,
              torch=lambda a: a.t().contiguous(), torch_args=(tx,)),
        Bench("cast to float32", lambda: kernels.cast(x, np.dtype(np.float32)), n * (size + 4),
              torch=lambda a: a.to(torch.float32, copy=True), torch_args=(tx,)),
        Bench("sum of all", lambda: kernels.sum(x, (0, 1), False, x.dtype), n * size,
              torch=lambda a: a.sum(), torch_args=(tx,)),
        Bench("sum of rows", lambda: kernels.sum(x, (1,), False, x.dtype), n * size,
              torch=lambda a: a.sum(1), torch_args=(tx,)),
        Bench("sum of columns", lambda: kernels.sum(x, (0,), False, x.dtype), n * size,
              torch=lambda a: a.sum(0), torch_args=(tx,)),
        Bench("softmax", lambda: kernels.softmax(x, 1), 2 * n * size,
              torch=lambda a: a.softmax(1), torch_args=(tx,)),
        Bench("softmax backward", lambda: kernels.softmax_backward(y, softmax, 1), 3 * n * size,
              torch=lambda g, a: torch.ops.aten._softmax_backward_data(g, a, 1, a.dtype), torch_args=(ty, tx)),
        Bench("log_softmax backward", lambda: kernels.log_softmax_backward(y, log_softmax, 1), 3 * n * size,
              torch=lambda g, a: torch.ops.aten._log_softmax_backward_data(g, a, 1, a.dtype), torch_args=(ty, tx)),
        Bench("layer_norm", lambda: kernels.layer_norm(x, weight, bias, 1e-5), 2 * n * size,
              torch=lambda a, w, b: F.layer_norm(a, (row,), w, b), torch_args=(tx, tw, tb)),
        Bench("layer_norm backward", lambda: kernels.layer_norm_backward(y, x, mean, rstd, weight), 3 * n * size,
              torch=lambda g, a, m, r, w, b: torch.ops.aten.native_layer_norm_backward(
                  g, a, [row], m, r, w, b, [True, True, True]),
              torch_args=(ty, tx, as_torch(torch, mean.reshape(-1, 1)), as_torch(torch, rstd.reshape(-1, 1)), tw, tb)),
        Bench("cross_entropy", lambda: kernels.cross_entropy(x, target, -100), n * size,
              torch=lambda a, t: F.cross_entropy(a, t), torch_args=(tx, tt)),
        Bench("cross_entropy backward", lambda: kernels.cross_entropy_backward(loss, x, lse, target, -100),
              2 * n * size),
        Bench("gather rows", lambda: kernels.gather_rows(x, target), 2 * n * size,
              torch=lambda a, t: a[t], torch_args=(tx, tt)),
        Bench("scatter-add rows", lambda: kernels.scatter_add_rows(y, target, shape.rows), 2 * n * size,
              torch=lambda g, t: torch.zeros_like(g).index_add_(0, t, g), torch_args=(ty, tt)),
        Bench("dropout", lambda: kernels.dropout(x, 0.1, state), n * (2 * size + 1),
              torch=lambda a: torch.native_dropout(a, 0.1, True), torch_args=(tx,)),
        Bench("cat", lambda: kernels.cat([x, y], 0), 4 * n * size,
              torch=lambda a, b: torch.cat([a, b]), torch_args=(tx, ty)),
    ]  # fmt: skip


def compute_bound(shape: Shape, dtype: str, torch: Any) -> list[Bench]:
    """Matrix products and attention, by floating point operations."""
    k = shape.square
    a, b = made((k, k), dtype), made((k, k), dtype)
    ta, tb = as_torch(torch, a), as_torch(torch, b)
    q, key, v = (made((shape.batch, shape.heads, shape.time, shape.head_dim), dtype) for _ in range(3))
    tq, tk, tv = (as_torch(torch, value) for value in (q, key, v))
    scale = shape.head_dim**-0.5
    output, lse = kernels.attention(q, key, v, True, scale)
    # Causal: half of the products Q K' and P V, two operations each; backward has five products for forward's two.
    products = 2 * shape.batch * shape.heads * shape.time**2 * shape.head_dim
    attend = torch.nn.functional.scaled_dot_product_attention if torch else None
    return [
        Bench("matmul", lambda: kernels.matmul(a, b), flops=2 * k**3, torch=lambda x, y: x @ y, torch_args=(ta, tb)),
        Bench("matmul, transposed", lambda: kernels.matmul(a, b.T), flops=2 * k**3,
              torch=lambda x, y: x @ y.t(), torch_args=(ta, tb)),
        Bench("attention", lambda: kernels.attention(q, key, v, True, scale), flops=products,
              torch=lambda x, y, z: attend(x, y, z, is_causal=True), torch_args=(tq, tk, tv)),
        Bench("attention backward",
              lambda: kernels.attention_backward(output, q, key, v, output, lse, True, scale), flops=2.5 * products),
    ]  # fmt: skip


def measure(shape: Shape, dtypes: tuple[str, ...], budget: float, compile: bool = True) -> list[record.Row]:
    """A row for each kernel and dtype. Fractions are of the copy bandwidth measured first."""
    torch = torch_on_the_gpu()
    source = made((shape.elements,), "float32")
    copy = seconds_each({"copy": lambda: kernels.copy(source)}, budget, kernels.synchronize)["copy"]
    bandwidth = 2 * shape.elements * 4 / copy
    rows: list[record.Row] = [{"kernel": "copy", "dtype": "float32", "us": copy * 1e6, "GB/s": bandwidth / 1e9}]
    for dtype in dtypes:
        steps = [Bench(**row) for row in optimisers.rows(shape.elements, dtype, torch)]
        for bench in [*memory_bound(shape, dtype, torch), *compute_bound(shape, dtype, torch), *steps]:
            rows.append(
                {"kernel": bench.name, "dtype": dtype, **measured(bench, bandwidth, budget, torch if compile else None)}
            )
    return rows


def measured(bench: Bench, bandwidth: float, budget: float, torch: Any) -> record.Row:
    calls: dict[str, Call] = {"ours": bench.ours}
    if bench.torch is not None and all(value is not None for value in bench.torch_args):
        calls["torch"] = lambda: bench.torch(*bench.torch_args)
        if torch is not None and bench.torch_args:
            compiled = torch.compile(bench.torch, dynamic=False)
            calls["compiled"] = lambda: compiled(*bench.torch_args)
    times = seconds_each(calls, budget, kernels.synchronize)
    row: record.Row = {"us": times["ours"] * 1e6}
    if bench.bytes:
        row |= {"GB/s": bench.bytes / times["ours"] / 1e9, "of copy": bench.bytes / times["ours"] / bandwidth}
    if bench.flops:
        row |= {"TFLOP/s": bench.flops / times["ours"] / 1e12}
    # Above 1: ours takes less time.
    return row | {f"x {name}": times[name] / times["ours"] for name in ("torch", "compiled") if name in times}


def made(shape: tuple[int, ...], dtype: str) -> Any:
    """Normal values on the device, the same every time."""
    ag.manual_seed(0)
    return ag.randn(*shape, device="cuda").to(getattr(ag, dtype))._array


def np_dtype(dtype: str) -> np.dtype:
    return getattr(ag, dtype).numpy


def torch_on_the_gpu() -> Any:
    """PyTorch, where there is one with a GPU."""
    if os.environ.get("AUTOGRAD_GPU_EMULATE", "0") != "0":
        return None
    try:
        import torch
    except ImportError:
        return None
    return torch if torch.cuda.is_available() else None


def as_torch(torch: Any, array: Any) -> Any:
    """The same memory as a PyTorch tensor; bfloat16 goes through its bits, which DLPack can name."""
    if torch is None:
        return None
    if array.dtype.name == "bfloat16":
        return torch.from_dlpack(array.view(np.int16)).view(torch.bfloat16)
    return torch.from_dlpack(array)


def main() -> None:
    try:
        kernels.empty((1,), np.dtype(np.float32))
    except RuntimeError as error:
        print(f"kernels: not measured. {error}")
        return
    emulated = os.environ.get("AUTOGRAD_GPU_EMULATE", "0") != "0"
    rows = measure(TINY, ("float32",), 0.0) if emulated else measure(FULL, ("float32", "bfloat16"), 0.3)
    record.show(
        "Kernels (x torch, x compiled: how many times faster than PyTorch; of copy: of the copy bandwidth)", rows
    )
    if not emulated:
        print(f"kept in {record.keep('kernels', rows)}")


if __name__ == "__main__":
    main()
