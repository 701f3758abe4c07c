"""Each kernel's time, its bytes or operations, and its fraction of what the machine can do, measured in the same run.

Memory-bound kernels are put against a copy of the same size class; products and attention against the best rate of a
plain product in their dtype, ours or PyTorch's (cuBLAS). PyTorch eager and torch.compile run the same function on the
same shapes. On the emulator the times mean nothing: it is a rehearsal.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import autograd_gpu as ag
from autograd_gpu.arrays import cuda as kernels
from autograd_gpu.arrays.cuda import matmul_choice
from autograd_gpu.arrays.cuda.blas import bindings as cublaslt

from . import image_kernels, optimisers, record, row_kernels
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
    weight = made((shape.columns,), dtype)
    target = kernels.arange(0, 1, shape.rows, np.dtype(np.int64))
    kernels.copy_into(target, kernels.remainder(target, shape.columns))
    tx, ty, tw = (as_torch(torch, value) for value in (x, y, weight))
    tt = as_torch(torch, target)
    state = kernels.random_state(0)
    mask, small = kernels.lt(x, y), kernels.cast(x, np.dtype(np.int8))
    # Of x's shape, but with the neighbours of a column together.
    across = kernels.copy(y.T).T
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
        Bench("add, one transposed", lambda: kernels.add(x, across), 3 * n * size,
              torch=lambda a, b: a + b, torch_args=(tx, as_torch(torch, across))),
        Bench("compare", lambda: kernels.lt(x, y), n * (2 * size + 1),
              torch=lambda a, b: a < b, torch_args=(tx, ty)),
        Bench("where", lambda: kernels.where(mask, x, y), n * (3 * size + 1),
              torch=lambda m, a, b: torch.where(m, a, b), torch_args=(as_torch(torch, mask), tx, ty)),
        Bench("add of bytes", lambda: kernels.add(small, small), 3 * n,
              torch=lambda a: a + a, torch_args=(as_torch(torch, small),)),
        Bench("cast to float32", lambda: kernels.cast(x, np.dtype(np.float32)), n * (size + 4),
              torch=lambda a: a.to(torch.float32, copy=True), torch_args=(tx,)),
        Bench("sum of all", lambda: kernels.sum(x, (0, 1), False, x.dtype), n * size,
              torch=lambda a: a.sum(), torch_args=(tx,)),
        Bench("sum of rows", lambda: kernels.sum(x, (1,), False, x.dtype), n * size,
              torch=lambda a: a.sum(1), torch_args=(tx,)),
        Bench("sum of columns", lambda: kernels.sum(x, (0,), False, x.dtype), n * size,
              torch=lambda a: a.sum(0), torch_args=(tx,)),
        Bench("variance of rows", lambda: kernels.var(x, (1,), False, 1), n * size,
              torch=lambda a: a.var(1), torch_args=(tx,)),
        Bench("variance of columns", lambda: kernels.var(x, (0,), False, 1), n * size,
              torch=lambda a: a.var(0), torch_args=(tx,)),
        Bench("greatest and where, of rows", lambda: kernels.max_with_index(x, 1, False), n * size,
              torch=lambda a: a.max(1), torch_args=(tx,)),
        Bench("any of all", lambda: kernels.any(mask, (0, 1), False), n,
              torch=lambda m: m.any(), torch_args=(as_torch(torch, mask),)),
        Bench("cumsum of rows", lambda: kernels.cumsum(x, 1, x.dtype), 2 * n * size,
              torch=lambda a: a.cumsum(1), torch_args=(tx,)),
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
    """Matrix products and attention, by floating point operations. The plain product comes first: it sets the rate."""
    return [*products(shape, dtype, torch), *attentions(shape, dtype, torch)]


def products(shape: Shape, dtype: str, torch: Any) -> list[Bench]:
    """Square products in each direction, and with what surrounds them in a perceptron."""
    k, flops = shape.square, 2 * shape.square**3
    a, b, h, bias = made((k, k), dtype), made((k, k), dtype), made((k, k), dtype), made((k,), dtype)
    ta, tb, tbias = (as_torch(torch, value) for value in (a, b, bias))
    F = torch.nn.functional if torch else None
    found = [
        Bench("matmul", lambda: kernels.matmul(a, b), flops=flops, torch=lambda x, y: x @ y, torch_args=(ta, tb)),
        Bench("matmul, right transposed", lambda: kernels.matmul(a, b.T), flops=flops,
              torch=lambda x, y: x @ y.t(), torch_args=(ta, tb)),
        Bench("matmul, left transposed", lambda: kernels.matmul(a.T, b), flops=flops,
              torch=lambda x, y: x.t() @ y, torch_args=(ta, tb)),
        Bench("linear", lambda: kernels.linear(a, b, bias), flops=flops, torch=F and F.linear,
              torch_args=(ta, tb, tbias)),
        Bench("linear, gelu", lambda: kernels.linear_gelu(a, b, bias, "tanh"), flops=flops,
              torch=lambda x, w, c: F.gelu(F.linear(x, w, c), approximate="tanh"), torch_args=(ta, tb, tbias)),
        Bench("gelu, linear backward", lambda: kernels.gelu_linear_backward(a, b, h, "tanh"), flops=flops,
              torch=lambda g, w, x: torch.ops.aten.gelu_backward(g @ w, x, approximate="tanh"),
              torch_args=(ta, tb, as_torch(torch, h))),
        Bench("linear backward, parameters", lambda: kernels.linear_parameters_backward(a, b), flops=flops,
              torch=lambda g, x: (g.t() @ x, g.sum(0)), torch_args=(ta, tb)),
    ]  # fmt: skip
    if dtype == "float32":
        found.append(Bench("matmul, tf32", in_tf32(lambda: kernels.matmul(a, b), torch), flops=flops,
                           torch=torch and in_tf32(lambda: ta @ tb, torch)))  # fmt: skip
    if cublaslt() is not None:
        found += [
            replace(bench, name=f"{bench.name}, cuBLASLt", ours=by_cublaslt(bench.ours), torch=None) for bench in found
        ]
    return found


def in_tf32(call: Call, torch: Any) -> Call:
    """The call with float32 products in tf32, ours and PyTorch's."""

    def allowed() -> Any:
        set_precision = [ag.set_float32_matmul_precision, *([torch.set_float32_matmul_precision] if torch else [])]
        for setter in set_precision:
            setter("high")
        try:
            return call()
        finally:
            for setter in set_precision:
                setter("highest")

    return allowed


def by_cublaslt(call: Call) -> Call:
    def chosen() -> Any:
        with matmul_choice.using(matmul_choice.CUBLASLT):
            return call()

    return chosen


def attentions(shape: Shape, dtype: str, torch: Any) -> list[Bench]:
    """Forward and backward: causal and not, with wider heads, with a mask, with heads that share their keys."""
    found = []
    for name, d, key_heads, causal, masked in (
        ("causal", 1, 1, True, False),
        ("all", 1, 1, False, False),
        ("causal, d x 2", 2, 1, True, False),
        ("causal, d x 4", 4, 1, True, False),
        ("masked", 1, 1, False, True),
        ("causal, shared keys", 1, 4, True, False),
    ):
        heads, time, width = shape.heads, shape.time, shape.head_dim * d
        q, go = (made((shape.batch, heads, time, width), dtype) for _ in range(2))
        k, v = (made((shape.batch, max(1, heads // key_heads), time, width), dtype) for _ in range(2))
        mask = kernels.lt(made((1, 1, time, time), "float32"), 0.5) if masked else None
        tq, tk, tv, tgo, tmask = (as_torch(torch, value) for value in (q, k, v, go, mask))
        found += attention_benches(name, (q, k, v, go, mask), (tq, tk, tv, tgo, tmask), causal, torch)
    return found


def attention_benches(name: str, ours: tuple, theirs: tuple, causal: bool, torch: Any) -> list[Bench]:
    q, k, v, go, mask = ours
    batch, heads, time, width = q.shape
    # Two products of two operations each, half of them when causal; backward has five products.
    flops = (2 if causal else 4) * batch * heads * time**2 * width
    scale = width**-0.5
    o, lse = kernels.attention(q, k, v, mask, causal, scale)
    attend = backward = None
    if torch:
        tq, tk, tv, tgo, tmask = theirs
        options = {"is_causal": causal, "enable_gqa": q.shape != k.shape}
        attend = functools.partial(torch.nn.functional.scaled_dot_product_attention, attn_mask=tmask, **options)
        leaves = [t.detach().requires_grad_() for t in (tq, tk, tv)]
        backward = functools.partial(torch.autograd.grad, attend(*leaves), leaves, tgo, retain_graph=True)
    return [
        Bench(f"attention, {name}", lambda: kernels.attention(q, k, v, mask, causal, scale), flops=flops,
              torch=attend, torch_args=theirs[:3]),
        Bench(f"attention backward, {name}",
              lambda: kernels.attention_backward(go, q, k, v, o, lse, mask, causal, scale), flops=2.5 * flops,
              torch=backward),
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
        by_row = [
            Bench(**row)
            for size in row_kernels.shapes(shape.rows, shape.columns)
            for row in row_kernels.rows(size, dtype, torch, made, as_torch)
        ]
        images = [Bench(**row) for row in image_kernels.rows(shape.elements, dtype, torch, made, as_torch)]
        rate = 0.0  # of a plain product, in TFLOP/s
        computed = [*compute_bound(shape, dtype, torch), *images]
        for bench in [*memory_bound(shape, dtype, torch), *by_row, *computed, *steps]:
            row = measured(bench, bandwidth, budget, torch if compile else None)
            if bench.flops:
                rate = rate or row["TFLOP/s"] / min(1.0, row.get("x torch", 1.0))
                row["of matmul"] = row["TFLOP/s"] / rate
            rows.append({"kernel": bench.name, "dtype": dtype, **row})
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
    if torch is None or array is None:
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
    record.show("Kernels (x torch, x compiled: times as fast as PyTorch; of copy, of matmul: of that one's rate)", rows)
    if not emulated:
        print(f"kept in {record.keep('kernels', rows)}")


if __name__ == "__main__":
    main()
