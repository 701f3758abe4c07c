"""Sliding windows as columns, and columns laid back: `unfold` and `fold`, each other's gradient."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ...op import Op
from ...tensor import Tensor
from ..shape import permute, reshape, squeeze, unsqueeze
from .sliding_windows import Sizes, Window, outputs, per_dim


class Columns(Op):
    """columns[c, k, n, o] = x[n, c, place k of output o], 0 outside of x."""

    def forward(ctx, x, window):
        ctx.window = window
        return ctx.backend.im2col(x, *window)

    def backward(ctx, gy):
        return ColumnsBackward.apply(gy, window=ctx.window)

    def name(ctx) -> str:
        return "Im2ColBackward0"


class ColumnsBackward(Op):
    """x[n, c, i] = the sum of columns[c, k, n, o] over the places k of outputs o that lie on i."""

    def forward(ctx, columns, window):
        ctx.window = window
        return ctx.backend.col2im(columns, *window)

    def backward(ctx, gx):
        return Columns.apply(gx, window=ctx.window)

    def name(ctx) -> str:
        return "Col2ImBackward0"


def unfold(
    input: Tensor,
    kernel_size: int | Sequence[int],
    dilation: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    stride: int | Sequence[int] = 1,
) -> Tensor:
    """Return the windows of input (N, C, H, W) as columns (N, C * places, windows)."""
    if input.ndim not in (3, 4):
        raise RuntimeError(
            "Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions for input, "
            f"but got: {list(input.shape)}"
        )
    if input.ndim == 3:
        return squeeze(unfold(unsqueeze(input, 0), kernel_size, dilation, padding, stride), 0)
    window = _window("unfold", input._array.shape[2:], kernel_size, stride, padding, dilation)
    columns = permute(Columns.apply(input, window=window), 3, 0, 1, 2, 4, 5)
    batch, channels = input._array.shape[:2]
    return reshape(columns, (batch, channels * math.prod(window.kernel), math.prod(window.output)))


def fold(
    input: Tensor,
    output_size: int | Sequence[int],
    kernel_size: int | Sequence[int],
    dilation: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    stride: int | Sequence[int] = 1,
) -> Tensor:
    """Return (N, C, *output_size): columns (N, C * places, windows) added up where `unfold` takes them from."""
    if input.ndim not in (2, 3):
        raise RuntimeError(
            f"Input Error: Only unbatched (2D) or batched (3D) input Tensors are supported (got {input.ndim}D)"
        )
    if input.ndim == 2:
        return squeeze(fold(unsqueeze(input, 0), output_size, kernel_size, dilation, padding, stride), 0)
    window = _window("fold", per_dim(output_size, 2, "output_size"), kernel_size, stride, padding, dilation)
    batch, rows, count = input._array.shape
    places, windows = math.prod(window.kernel), math.prod(window.output)
    if rows % places:
        raise RuntimeError(
            "Expected size of input's dimension 1 to be divisible by the product of kernel_size, but got "
            f"input.size(1)={rows} and kernel_size={window.kernel}."
        )
    if count != windows:
        raise RuntimeError(
            f"Given output_size={window.size}, kernel_size={window.kernel}, dilation={window.dilation}, "
            f"padding={window.padding}, stride={window.stride}, expected size of input's dimension 2 to match the "
            f"calculated number of sliding blocks {' * '.join(map(str, window.output))} = {windows}, but got "
            f"input.size(2)={count}."
        )
    columns = reshape(input, (batch, rows // places, *window.kernel, *window.output))
    return ColumnsBackward.apply(permute(columns, 1, 2, 3, 0, 4, 5), window=window)


def _window(name: str, size: Sizes, kernel: Any, stride: Any, padding: Any, dilation: Any) -> Window:
    dims = len(size)
    arguments = zip((kernel, stride, padding, dilation), ("kernel_size", "stride", "padding", "dilation"))
    kernel, stride, padding, dilation = (per_dim(value, dims, word) for value, word in arguments)
    for value, word in ((kernel, "kernel size"), (stride, "stride"), (dilation, "dilation")):
        if min(value) <= 0:
            raise RuntimeError(f"{word} should be greater than zero, but got {list(value)}")
    output = outputs(size, kernel, stride, padding, dilation)
    if min(output) <= 0:
        raise RuntimeError(
            f"{name}: given input with spatial size {list(size)}, kernel_size={list(kernel)}, "
            f"dilation={list(dilation)}, padding={list(padding)}, calculated shape of the array of sliding blocks as "
            f"{list(output)}, but its components must be at least one."
        )
    return Window(size, output, kernel, stride, padding, dilation)
