"""Convolutions: the products between images, weights and outputs, and what that needs to be differentiated.

y = x * weight is linear in both, so three operations are closed under differentiation: the convolution, its transpose
(the gradient of x, and `conv_transpose` itself) and the gradient of the weight.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...autocasting import casts_alike
from ...op import Op
from ...tensor import Tensor
from ..cast import as_number, cast, in_full, is_half
from ..shape import reshape, squeeze, unsqueeze
from .sliding_windows import Sizes, Window, outputs, per_dim

# ---------------------------------------------------------------------------------------------- operations


class Convolution(Op):
    """y[n, :, o] = the sum over channels and places k of weight[:, :, k] times what output o sees there of x[n]."""

    def forward(ctx, x, weight, window, groups):
        ctx.window, ctx.groups = window, groups
        return ctx.backend.convolution(x, weight, *window, groups)

    def keep(ctx, y, x, weight, window, groups):
        ctx.save(x if ctx.edges[1] else None, weight if ctx.edges[0] else None)

    def backward(ctx, gy):
        x, weight = ctx.saved
        how = {"window": ctx.window, "groups": ctx.groups}
        gx = ConvolutionTransposed.apply(gy, weight, **how) if ctx.needs(0) else None
        return gx, ConvolutionWeight.apply(x, gy, **how) if ctx.needs(1) else None


class ConvolutionTransposed(Op):
    """gx = gy[n, :, o] times the weight, laid where a convolution would read it from."""

    def forward(ctx, gy, weight, window, groups):
        ctx.window, ctx.groups = window, groups
        return ctx.backend.convolution_transposed(gy, weight, *window, groups)

    def keep(ctx, gx, gy, weight, window, groups):
        ctx.save(gy if ctx.edges[1] else None, weight if ctx.edges[0] else None)

    def backward(ctx, ggx):
        gy, weight = ctx.saved
        how = {"window": ctx.window, "groups": ctx.groups}
        ggy = Convolution.apply(ggx, weight, **how) if ctx.needs(0) else None
        return ggy, ConvolutionWeight.apply(ggx, gy, **how) if ctx.needs(1) else None

    def name(ctx) -> str:
        return "ConvolutionBackward0"


class ConvolutionWeight(Op):
    """gweight[:, :, k] = the sum over images and outputs of gy[n, :, o] times what output o sees at place k of x[n]."""

    def forward(ctx, x, gy, window, groups):
        ctx.window, ctx.groups = window, groups
        return ctx.backend.convolution_weight(x, gy, *window, groups)

    def keep(ctx, gweight, x, gy, window, groups):
        ctx.save(x if ctx.edges[1] else None, gy if ctx.edges[0] else None)

    def backward(ctx, ggweight):
        x, gy = ctx.saved
        how = {"window": ctx.window, "groups": ctx.groups}
        gx = ConvolutionTransposed.apply(gy, ggweight, **how) if ctx.needs(0) else None
        return gx, Convolution.apply(x, ggweight, **how) if ctx.needs(1) else None

    def name(ctx) -> str:
        return "ConvolutionBackwardBackward0"


# ---------------------------------------------------------------------------------------------- public functions


def conv1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] | str = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Tensor:
    """Return the convolution of input (N, C, L) or (C, L) with weight (out, C / groups, k), plus bias (out,).

    `padding` is a number of zeros on each side, "valid" (none) or "same" (as many as keep the size; stride 1 only).
    """
    return _conv(1, input, weight, bias, stride, padding, dilation, groups)


def conv2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] | str = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Tensor:
    """Return the convolution of input (N, C, H, W) or (C, H, W) with weight (out, C / groups, kh, kw), plus bias."""
    return _conv(2, input, weight, bias, stride, padding, dilation, groups)


def conv3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] | str = 0,
    dilation: int | Sequence[int] = 1,
    groups: int = 1,
) -> Tensor:
    """Return the convolution of input (N, C, D, H, W) or (C, D, H, W) with weight (out, C / groups, kd, kh, kw)."""
    return _conv(3, input, weight, bias, stride, padding, dilation, groups)


def conv_transpose1d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    output_padding: int | Sequence[int] = 0,
    groups: int = 1,
    dilation: int | Sequence[int] = 1,
) -> Tensor:
    """Return what conv1d would take back to input: (N, C, L) with weight (C, out / groups, k), plus bias (out,).

    `output_padding` makes the result longer at its end: with stride > 1 several lengths lead to one.
    """
    return _conv_transpose(1, input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose2d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    output_padding: int | Sequence[int] = 0,
    groups: int = 1,
    dilation: int | Sequence[int] = 1,
) -> Tensor:
    """Return what conv2d would take back to input: (N, C, H, W) with weight (C, out / groups, kh, kw), plus bias."""
    return _conv_transpose(2, input, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose3d(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | Sequence[int] = 1,
    padding: int | Sequence[int] = 0,
    output_padding: int | Sequence[int] = 0,
    groups: int = 1,
    dilation: int | Sequence[int] = 1,
) -> Tensor:
    """Return what conv3d would take back to input: (N, C, D, H, W) with weight (C, out / groups, kd, kh, kw)."""
    return _conv_transpose(3, input, weight, bias, stride, padding, output_padding, groups, dilation)


# ---------------------------------------------------------------------------------------------- shapes and errors


def _conv(
    dims: int, x: Tensor, weight: Tensor, bias: Tensor | None, stride: Any, padding: Any, dilation: Any, groups: int
) -> Tensor:
    name = f"conv{dims}d"
    _check_operands(name, dims, x, weight, bias)
    if x.ndim == dims + 1:
        return squeeze(_conv(dims, unsqueeze(x, 0), weight, bias, stride, padding, dilation, groups), 0)
    stride, dilation = per_dim(stride, dims, "stride"), per_dim(dilation, dims, "dilation")
    groups = int(as_number(groups, "conv", "groups"))
    _check_steps(stride, dilation, groups)
    out, per_group, *kernel = weight._array.shape
    _, channels, *size = x._array.shape
    if out < groups or out % groups:
        raise RuntimeError(
            f"Given groups={groups}, expected weight to be at least {groups} at dimension 0, and divisible by it, but "
            f"got weight of size {list(weight.shape)} instead"
        )
    if channels != per_group * groups:
        raise RuntimeError(
            f"Given groups={groups}, weight of size {list(weight.shape)}, expected input{list(x.shape)} to have "
            f"{per_group * groups} channels, but got {channels} channels instead"
        )
    _check_bias(weight, bias, out)
    if isinstance(padding, str):
        padding, output = _padding_by_name(padding, size, kernel, stride, dilation)
    else:
        padding = per_dim(padding, dims, "padding")
        if min(padding) < 0:
            raise RuntimeError("negative padding is not supported")
        output = outputs(tuple(size), tuple(kernel), stride, padding, dilation)
    if min(output) <= 0:
        padded = " x ".join(str(length + 2 * p) for length, p in zip(size, padding))
        reach = " x ".join(str(d * (k - 1) + 1) for k, d in zip(kernel, dilation))
        raise RuntimeError(
            f"Calculated padded input size per channel: ({padded}). Kernel size: ({reach}). Kernel size can't be "
            "greater than actual input size"
        )
    window = Window(tuple(size), output, tuple(kernel), stride, padding, dilation)
    return _with_bias(Convolution, x, weight, bias, dims, window=window, groups=groups)


def _padding_by_name(
    padding: str, size: Sequence[int], kernel: Sequence[int], stride: Sizes, dilation: Sizes
) -> tuple[Sizes, Sizes]:
    """Return the zeros before the input, and the outputs; what an even kernel needs more of comes behind the input."""
    if padding == "valid":
        nothing = (0,) * len(size)
        return nothing, outputs(tuple(size), tuple(kernel), stride, nothing, dilation)
    if padding != "same":
        raise RuntimeError(f"Invalid padding string: '{padding}'; it is 'same', 'valid' or numbers")
    if max(stride) > 1:
        raise RuntimeError("padding='same' is not supported for strided convolutions")
    return tuple(d * (k - 1) // 2 for k, d in zip(kernel, dilation)), tuple(size)


def _conv_transpose(
    dims: int,
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Any,
    padding: Any,
    output_padding: Any,
    groups: int,
    dilation: Any,
) -> Tensor:
    name = f"conv_transpose{dims}d"
    _check_operands(name, dims, x, weight, bias)
    if x.ndim == dims + 1:
        batched = _conv_transpose(
            dims, unsqueeze(x, 0), weight, bias, stride, padding, output_padding, groups, dilation
        )
        return squeeze(batched, 0)
    stride, dilation = per_dim(stride, dims, "stride"), per_dim(dilation, dims, "dilation")
    padding, more = per_dim(padding, dims, "padding"), per_dim(output_padding, dims, "output_padding")
    groups = int(as_number(groups, "conv", "groups"))
    _check_steps(stride, dilation, groups)
    channels, out, *kernel = weight._array.shape
    _, own_channels, *output = x._array.shape
    if own_channels != channels or channels % groups:
        raise RuntimeError(
            f"Given transposed=True, weight of size {list(weight.shape)}, expected input{list(x.shape)} to have "
            f"{channels} channels, but got {own_channels} channels instead (groups={groups})"
        )
    _check_bias(weight, bias, out * groups)
    for extra, s, d in zip(more, stride, dilation):
        if extra >= s and extra >= d:
            raise RuntimeError(
                f"output padding must be smaller than either stride or dilation, but got output_padding: {list(more)}, "
                f"stride: {list(stride)}, dilation: {list(dilation)}"
            )
    size = tuple(
        (o - 1) * s - 2 * p + d * (k - 1) + extra + 1
        for o, s, p, d, k, extra in zip(output, stride, padding, dilation, kernel, more)
    )
    if min(size) <= 0:
        raise RuntimeError(
            f"Given input size per channel: {list(output)}. Calculated output size per channel: {list(size)}. Output "
            "size is too small"
        )
    window = Window(size, tuple(output), tuple(kernel), stride, padding, dilation)
    return _with_bias(ConvolutionTransposed, x, weight, bias, dims, window=window, groups=groups)


def _check_operands(name: str, dims: int, x: Tensor, weight: Tensor, bias: Tensor | None) -> None:
    if x.ndim not in (dims + 1, dims + 2):
        raise RuntimeError(
            f"Expected {dims + 1}D (unbatched) or {dims + 2}D (batched) input to {name}, but got input of size: "
            f"{list(x.shape)}"
        )
    if 0 in x._array.shape[-dims:] or 0 in weight._array.shape[2:]:
        raise RuntimeError(
            f"{name}: Only zero batch or zero channel inputs are supported, but got input shape: {list(x.shape)} and "
            f"weight shape: {list(weight.shape)}"
        )
    if weight.ndim != dims + 2:
        raise RuntimeError(
            f"expected stride to be a single integer value or a list of {weight.ndim - 2} values to match the "
            f"convolution dimensions: weight must be {dims + 2}D, but got weight of size {list(weight.shape)}"
        )
    for word, operand in (("weight", weight), ("bias", bias)):
        if operand is not None and operand.dtype != x.dtype and not casts_alike(operand, x):
            raise RuntimeError(
                f"Input type ({x.dtype}) and {word} type ({operand.dtype}) should be the same ({name}: cast one with "
                ".to(dtype))"
            )
    if not x.is_floating_point():
        raise RuntimeError(f'"{name}" not implemented for {x.dtype}: expected a floating point tensor. Use x.float().')


def _check_steps(stride: Sizes, dilation: Sizes, groups: int) -> None:
    if min(stride) <= 0:
        raise RuntimeError("non-positive stride is not supported")
    if min(dilation) <= 0:
        raise RuntimeError("dilation should be greater than zero")
    if groups <= 0:
        raise RuntimeError("non-positive groups is not supported")


def _check_bias(weight: Tensor, bias: Tensor | None, out: int) -> None:
    if bias is not None and bias._array.shape != (out,):
        raise RuntimeError(
            f"Given weight of size {list(weight.shape)}, expected bias to be 1-dimensional with {out} elements, but "
            f"got bias of size {list(bias.shape)} instead"
        )


def _with_bias(operation: type[Op], x: Tensor, weight: Tensor, bias: Tensor | None, dims: int, **how: Any) -> Tensor:
    """The operation's result plus a bias a channel. On the CPU both are rounded together; a GPU's product stays one of
    half types, on tensor cores."""
    dtype = x.dtype
    is_widened = bias is not None and is_half(x) and not x.is_cuda and not casts_alike(x)
    if is_widened:
        x, weight = in_full(x), in_full(weight)
    y = operation.apply(x, weight, **how)
    if bias is None:
        return y
    y = y + reshape(cast(bias, y.dtype), (-1,) + (1,) * dims)
    return cast(y, dtype) if is_widened else y
