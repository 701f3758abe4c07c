"""Convolutions and pools, each with its gradients: what they compute or move, and the same in PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autograd_gpu.arrays import cuda as kernels

# images, channels, side of an image; of a machine, and of a rehearsal
FULL, TINY = (64, 256, 56), (1, 12, 6)


def rows(
    elements: int, dtype: str, torch: Any, made: Callable[..., Any], as_torch: Callable[..., Any]
) -> list[dict[str, Any]]:
    """name, ours, bytes or flops, torch and torch_args of each kernel, as `kernels.Bench` takes them."""
    batch, channels, side = FULL if elements > 1 << 20 else TINY
    if torch:
        torch.backends.cudnn.allow_tf32 = False  # as ours: float32 means float32
    how = (dtype, torch, made, as_torch)
    return [
        *convolution("conv 3 x 3", (batch, channels, side), channels, 3, 1, 1, *how),
        *convolution("conv 3 x 3, stride 2", (batch, channels, side), channels, 3, 2, 1, *how),
        *convolution("conv 1 x 1", (batch, channels, side), channels, 1, 1, 1, *how),
        *convolution("conv 7 x 7, stride 2, of 3 channels", (batch, 3, 4 * side), 64, 7, 2, 1, *how),
        *convolution("conv 3 x 3, 32 groups", (batch, channels, side), channels, 3, 1, min(32, channels // 4), *how),
        *convolution("depthwise conv 3 x 3", (batch, channels, side), channels, 3, 1, channels, *how),
        *pools((batch, channels, 2 * side), *how),
    ]


def convolution(
    name: str, image: tuple[int, int, int], filters: int, kernel: int, stride: int, groups: int,
    dtype: str, torch: Any, made: Any, as_torch: Any,
) -> list[dict[str, Any]]:  # fmt: skip
    """Forward and both gradients; depthwise ones by bytes, the others by operations."""
    batch, channels, side = image
    pad = kernel // 2
    out = (side + 2 * pad - kernel) // stride + 1
    window = ((side,) * 2, (out,) * 2, (kernel,) * 2, (stride,) * 2, (pad,) * 2, (1, 1), groups)
    x, w = made((batch, channels, side, side), dtype), made((filters, channels // groups, kernel, kernel), dtype)
    gy = made((batch, filters, out, out), dtype)
    tx, tw, tgy = (as_torch(torch, value) for value in (x, w, gy))
    options = {"stride": stride, "padding": pad, "groups": groups}
    if groups == channels:
        cost = {"bytes": x.nbytes + gy.nbytes}
    else:
        cost = {"flops": 2 * gy.size * channels // groups * kernel**2}
    F, grad = (torch.nn.functional, torch.nn.grad) if torch else (None, None)
    return [
        {"name": name, "ours": lambda: kernels.convolution(x, w, *window), **cost,
         "torch": lambda a, b: F.conv2d(a, b, **options), "torch_args": (tx, tw)},
        {"name": f"{name}, gradient of x", "ours": lambda: kernels.convolution_transposed(gy, w, *window), **cost,
         "torch": lambda g, b: grad.conv2d_input(x.shape, b, g, **options), "torch_args": (tgy, tw)},
        {"name": f"{name}, gradient of weight", "ours": lambda: kernels.convolution_weight(x, gy, *window), **cost,
         "torch": lambda a, g: grad.conv2d_weight(a, w.shape, g, **options), "torch_args": (tx, tgy)},
    ]  # fmt: skip


def pools(image: tuple[int, int, int], dtype: str, torch: Any, made: Any, as_torch: Any) -> list[dict[str, Any]]:
    """Windows of 3 x 3 with stride 2 for the largest, of 2 x 2 for the mean."""
    batch, channels, side = image
    planes, out = batch * channels, (side - 1) // 2 + 1
    largest = ((side,) * 2, (out,) * 2, (3, 3), (2, 2), (1, 1), (1, 1))
    mean = ((side,) * 2, (side // 2,) * 2, (2, 2), (2, 2), (0, 0), (1, 1), True, 0)
    x = made((planes, side, side), dtype)
    y, index = kernels.max_pool(x, *largest)
    half = kernels.avg_pool(x, *mean)
    tx, ty, thalf = (as_torch(torch, value) for value in (x, y, half))
    tindex = as_torch(torch, index)
    aten = torch.ops.aten if torch else None
    max_how, avg_how = ([3, 3], [2, 2], [1, 1], [1, 1], False), ([2, 2], [2, 2], [0, 0], False, True, None)
    return [
        {"name": "max_pool", "ours": lambda: kernels.max_pool(x, *largest), "bytes": x.nbytes + y.nbytes + index.nbytes,
         "torch": lambda a: aten.max_pool2d_with_indices(a, *max_how), "torch_args": (tx,)},
        {"name": "max_pool backward", "ours": lambda: kernels.max_pool_backward(y, index, *largest),
         "bytes": x.nbytes + y.nbytes + index.nbytes,
         "torch": lambda g, a, i: aten.max_pool2d_with_indices_backward(g, a, *max_how, i),
         "torch_args": (ty, tx, tindex)},
        {"name": "avg_pool", "ours": lambda: kernels.avg_pool(x, *mean), "bytes": x.nbytes + half.nbytes,
         "torch": lambda a: aten.avg_pool2d(a, *avg_how), "torch_args": (tx,)},
        {"name": "avg_pool backward", "ours": lambda: kernels.avg_pool_backward(half, *mean),
         "bytes": x.nbytes + half.nbytes,
         "torch": lambda g, a: aten.avg_pool2d_backward(g, a, *avg_how), "torch_args": (thalf, tx)},
    ]  # fmt: skip
