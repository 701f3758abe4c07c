"""The row kernels on rows of several lengths: softmax, norms, cross entropy.

What they move, and the same in PyTorch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from autograd_gpu.arrays import cuda as kernels

SHORT, LONG = 64, 262_144  # columns: some lanes of a warp to a row; a row that no block holds


def shapes(rows: int, columns: int) -> list[tuple[int, int]]:
    """The shape, and those of as many elements with the shortest and the longest rows that kernels are made for."""
    elements = rows * columns
    return [(rows, columns), *((elements // n, n) for n in (SHORT, LONG) if elements // n >= 4)]


def rows(
    shape: tuple[int, int], dtype: str, torch: Any, made: Callable[..., Any], as_torch: Callable[..., Any]
) -> list[dict[str, Any]]:
    """name, ours, bytes, torch and torch_args of each kernel, as `kernels.Bench` takes them."""
    return [
        {**row, "name": f"{row['name']} {shape[0]} x {shape[1]}"}
        for row in [*softmaxes(shape, dtype, torch, made, as_torch), *norms(shape, dtype, torch, made, as_torch)]
    ]


def bench(name: str, ours: Any, bytes: int, torch: Any = None, torch_args: tuple = ()) -> dict[str, Any]:
    return {"name": name, "ours": ours, "bytes": bytes, "torch": torch, "torch_args": torch_args}


def softmaxes(shape: tuple, dtype: str, torch: Any, made: Any, as_torch: Any) -> list[dict[str, Any]]:
    """softmax, log_softmax and cross entropy."""
    x, gy, scratch = (made(shape, dtype) for _ in range(3))
    target = kernels.arange(0, 1, shape[0], np.dtype(np.int64))
    kernels.copy_into(target, kernels.remainder(target, shape[1]))
    y, log_y = kernels.softmax(x, 1), kernels.log_softmax(x, 1)
    loss, lse = kernels.cross_entropy(x, target, -100)
    n, F = x.nbytes, torch.nn.functional if torch else None
    tx, tgy, tt, ty, tlog = (as_torch(torch, value) for value in (x, gy, target, y, log_y))
    aten = torch.ops.aten if torch else None
    return [
        bench(name="softmax", ours=lambda: kernels.softmax(x, 1), bytes=2 * n,
              torch=lambda a: a.softmax(1), torch_args=(tx,)),
        bench(name="softmax backward", ours=lambda: kernels.softmax_backward(gy, y, 1), bytes=3 * n,
              torch=lambda g, a: aten._softmax_backward_data(g, a, 1, a.dtype), torch_args=(tgy, ty)),
        bench(name="log_softmax", ours=lambda: kernels.log_softmax(x, 1), bytes=2 * n,
              torch=lambda a: a.log_softmax(1), torch_args=(tx,)),
        bench(name="log_softmax backward", ours=lambda: kernels.log_softmax_backward(gy, log_y, 1), bytes=3 * n,
              torch=lambda g, a: aten._log_softmax_backward_data(g, a, 1, a.dtype), torch_args=(tgy, tlog)),
        bench(name="cross_entropy", ours=lambda: kernels.cross_entropy(x, target, -100), bytes=n,
              torch=lambda a, t: F.cross_entropy(a, t), torch_args=(tx, tt)),
        bench(name="cross_entropy backward", bytes=2 * n,
              ours=lambda: kernels.cross_entropy_backward(loss, x, lse, target, -100)),
        # In place: from the second call on it reads a gradient, which takes as long to read as logits.
        bench(name="cross_entropy with gradient", bytes=2 * n,
              ours=lambda: kernels.cross_entropy_with_gradient(scratch, target, -100)),
    ]  # fmt: skip


def norms(shape: tuple, dtype: str, torch: Any, made: Any, as_torch: Any) -> list[dict[str, Any]]:
    """Layer norm and RMS norm, alone and of a sum."""
    x, gy, other = (made(shape, dtype) for _ in range(3))
    weight, bias = made(shape[1:], dtype), made(shape[1:], dtype)
    _, mean, rstd = kernels.layer_norm(x, weight, bias, 1e-5)
    _, rms = kernels.rms_norm(x, weight, 1e-5)
    n, size, F = x.nbytes, shape[1:], torch.nn.functional if torch else None
    tx, tgy, to, tw, tb = (as_torch(torch, value) for value in (x, gy, other, weight, bias))
    tmean, trstd, trms = (as_torch(torch, value.reshape(-1, 1)) for value in (mean, rstd, rms))

    def sum_and_layer_norm(a: Any, r: Any, w: Any, b: Any) -> Any:
        total = a + r
        return F.layer_norm(total, size, w, b), total

    def sum_and_rms_norm(a: Any, r: Any, w: Any) -> Any:
        total = a + r
        return F.rms_norm(total, size, w, 1e-5), total

    def layer_norm_gradients(g: Any, a: Any, m: Any, r: Any, w: Any, b: Any) -> Any:
        return torch.ops.aten.native_layer_norm_backward(g, a, list(size), m, r, w, b, [True, True, True])

    def rms_norm_gradients(g: Any, a: Any, r: Any, w: Any) -> Any:
        return torch.ops.aten._fused_rms_norm_backward(g, a, list(size), r, w, [True, True])

    return [
        bench(name="layer_norm", ours=lambda: kernels.layer_norm(x, weight, bias, 1e-5), bytes=2 * n,
              torch=lambda a, w, b: F.layer_norm(a, size, w, b), torch_args=(tx, tw, tb)),
        bench(name="layer_norm backward", bytes=3 * n,
              ours=lambda: kernels.layer_norm_backward(gy, x, mean, rstd, weight, None, True),
              torch=layer_norm_gradients, torch_args=(tgy, tx, tmean, trstd, tw, tb)),
        bench(name="rms_norm", ours=lambda: kernels.rms_norm(x, weight, 1e-5), bytes=2 * n,
              torch=lambda a, w: F.rms_norm(a, size, w, 1e-5), torch_args=(tx, tw)),
        bench(name="rms_norm backward", ours=lambda: kernels.rms_norm_backward(gy, x, rms, weight, None), bytes=3 * n,
              torch=rms_norm_gradients, torch_args=(tgy, tx, trms, tw)),
        bench(name="add_layer_norm", ours=lambda: kernels.add_layer_norm(x, other, weight, bias, 1e-5), bytes=4 * n,
              torch=sum_and_layer_norm, torch_args=(tx, to, tw, tb)),
        bench(name="add_layer_norm backward", bytes=4 * n,
              ours=lambda: kernels.layer_norm_backward(gy, x, mean, rstd, weight, other, True)),
        bench(name="add_rms_norm", ours=lambda: kernels.add_rms_norm(x, other, weight, 1e-5), bytes=4 * n,
              torch=sum_and_rms_norm, torch_args=(tx, to, tw)),
        bench(name="add_rms_norm backward", bytes=4 * n,
              ours=lambda: kernels.rms_norm_backward(gy, x, rms, weight, other)),
    ]  # fmt: skip
