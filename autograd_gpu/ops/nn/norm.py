"""Layer norm and RMS norm over the trailing dimensions, also of a sum x + residual, which the transformer block adds
and normalises at once: one kernel forward and one back."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ... import dtypes
from ...autocasting import casts_alike
from ...dtypes import finfo, float32
from ...op import Op
from ...tensor import Tensor
from ..cast import as_number, broadcast_together, cast, same_dtype
from ..integers import one_or_more
from ..shape import shaped
from .norm_backward import LayerNormBackward, RmsNormBackward, as_rows


class LayerNorm(Op):
    """y = (x - mean) * rstd * weight + bias over the rows of x, rstd = 1 / sqrt(var + eps) (Ba et al. 2016)."""

    saved_as = "input weight"

    def forward(ctx, x, weight, bias, eps, rows):
        eps = as_number(eps, ctx.name(), "eps")
        ctx.eps, ctx.rows = eps, rows
        y, ctx.mean, ctx.rstd = ctx.backend.layer_norm(as_rows(ctx, x), weight, bias, eps)
        return y.reshape(x.shape)

    def keep(ctx, y, x, weight, bias, eps, rows):
        ctx.save(x, weight)

    def backward(ctx, gy):
        x, weight = ctx.saved
        return _layer_norm_gradients(ctx, gy, x, weight, None, ctx.needs(2))

    def release(ctx) -> None:
        super().release()
        ctx.mean = ctx.rstd = None

    def name(ctx) -> str:
        return "NativeLayerNormBackward0"


class AddLayerNorm(LayerNorm):
    """y = layer_norm(sum), and sum = x + residual."""

    def forward(ctx, x, residual, weight, bias, eps, rows):
        eps = as_number(eps, ctx.name(), "eps")
        ctx.eps, ctx.rows = eps, rows
        pair = as_rows(ctx, x), as_rows(ctx, residual)
        y, total, ctx.mean, ctx.rstd = ctx.backend.add_layer_norm(*pair, weight, bias, eps)
        return y.reshape(x.shape), total.reshape(x.shape)

    def keep(ctx, outputs, x, residual, weight, bias, eps, rows):
        ctx.save(ctx.own(outputs[1], 1), weight)

    def backward(ctx, gy, gsum):
        if gy is None:
            return gsum, gsum, None, None
        total, weight = ctx.saved
        gx, gweight, gbias = _layer_norm_gradients(ctx, gy, total, weight, gsum, ctx.needs(3))
        return gx, gx, gweight, gbias

    def name(ctx) -> str:
        return "AddLayerNormBackward0"


class RmsNorm(Op):
    """y = x * rstd * weight over the rows of x, rstd = 1 / sqrt(mean(x^2) + eps) (Zhang & Sennrich 2019)."""

    saved_as = "input weight"

    def forward(ctx, x, weight, eps, rows):
        eps = as_number(eps, ctx.name(), "eps")
        ctx.eps, ctx.rows = eps, rows
        y, ctx.rstd = ctx.backend.rms_norm(as_rows(ctx, x), weight, eps)
        return y.reshape(x.shape)

    def keep(ctx, y, x, weight, eps, rows):
        ctx.save(x, weight)

    def backward(ctx, gy):
        x, weight = ctx.saved
        return _rms_norm_gradients(ctx, gy, x, weight, None)

    def release(ctx) -> None:
        super().release()
        ctx.rstd = None

    def name(ctx) -> str:
        return "FusedRmsNormBackward0"


class AddRmsNorm(RmsNorm):
    """y = rms_norm(sum), and sum = x + residual."""

    def forward(ctx, x, residual, weight, eps, rows):
        eps = as_number(eps, ctx.name(), "eps")
        ctx.eps, ctx.rows = eps, rows
        y, total, ctx.rstd = ctx.backend.add_rms_norm(as_rows(ctx, x), as_rows(ctx, residual), weight, eps)
        return y.reshape(x.shape), total.reshape(x.shape)

    def keep(ctx, outputs, x, residual, weight, eps, rows):
        ctx.save(ctx.own(outputs[1], 1), weight)

    def backward(ctx, gy, gsum):
        if gy is None:
            return gsum, gsum, None
        total, weight = ctx.saved
        gx, gweight = _rms_norm_gradients(ctx, gy, total, weight, gsum)
        return gx, gx, gweight

    def name(ctx) -> str:
        return "AddRmsNormBackward0"


def _layer_norm_gradients(ctx, gy, x, weight, gsum, biased):
    gradients = LayerNormBackward.apply(
        gy, x, weight, gsum, mean=ctx.mean, rstd=ctx.rstd, eps=ctx.eps, rows=ctx.rows, biased=biased
    )
    return gradients if isinstance(gradients, tuple) else (gradients, None, None)


def _rms_norm_gradients(ctx, gy, x, weight, gsum):
    gradients = RmsNormBackward.apply(gy, x, weight, gsum, rstd=ctx.rstd, eps=ctx.eps, rows=ctx.rows)
    return gradients if isinstance(gradients, tuple) else (gradients, None)


# ------------------------------------------------------------------------------------------------------ functions


def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int] | int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """Return input normalised to mean 0 and variance 1 over its trailing `normalized_shape`, then scaled and
    shifted."""
    rows, weight, bias = _checked("layer_norm", input, normalized_shape, weight, bias)
    return LayerNorm.apply(input, weight, bias, eps=eps, rows=rows)


def add_layer_norm(
    input: Tensor,
    residual: Tensor,
    normalized_shape: Sequence[int] | int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> tuple[Tensor, Tensor]:
    """Return ``layer_norm(input + residual)`` and the sum itself, which a residual stream goes on with.

    As ``sum = input + residual; y = layer_norm(sum, ...)``, in one pass over the rows forward and one back. In half
    precision what is normalised is the rounded sum. Not in PyTorch.
    """
    input, residual = _alike(input, residual)
    rows, weight, bias = _checked("layer_norm", input, normalized_shape, weight, bias)
    return AddLayerNorm.apply(input, residual, weight, bias, eps=eps, rows=rows)


def rms_norm(
    input: Tensor, normalized_shape: Sequence[int] | int, weight: Tensor | None = None, eps: float | None = None
) -> Tensor:
    """Return input / sqrt(mean(input^2) + eps) * weight, the mean over its trailing `normalized_shape`.

    Without `eps` it is the machine epsilon of the dtype that is computed in: float64's for float64, else float32's.
    """
    rows, weight, _ = _checked("rms_norm", input, normalized_shape, weight, None)
    return RmsNorm.apply(input, weight, eps=_epsilon(input) if eps is None else eps, rows=rows)


def add_rms_norm(
    input: Tensor,
    residual: Tensor,
    normalized_shape: Sequence[int] | int,
    weight: Tensor | None = None,
    eps: float | None = None,
) -> tuple[Tensor, Tensor]:
    """Return ``rms_norm(input + residual)`` and the sum itself; as `add_layer_norm`. Not in PyTorch."""
    input, residual = _alike(input, residual)
    rows, weight, _ = _checked("rms_norm", input, normalized_shape, weight, None)
    return AddRmsNorm.apply(input, residual, weight, eps=_epsilon(input) if eps is None else eps, rows=rows)


def _checked(
    name: str, input: Tensor, normalized_shape: Sequence[int] | int, weight: Tensor | None, bias: Tensor | None
) -> tuple[tuple[int, int], Tensor | None, Tensor | None]:
    """(rows, columns) of the input, and the parameters as vectors in the input's dtype; PyTorch's errors."""
    shape = one_or_more(normalized_shape, "normalized_shape")
    array = input._array
    own = array.shape
    lead = len(own) - len(shape)
    if lead < 0 or own[lead:] != shape or not shape:
        raise RuntimeError(_shape_message(shape, list(own)))
    if array.dtype.kind not in "fV":
        raise (NotImplementedError if name == "rms_norm" else RuntimeError)(
            f'"{name}" not implemented for {input.dtype}: expected a floating point tensor. Use x.float().'
        )
    columns = shape[0] if len(shape) == 1 else math.prod(shape)
    rows = own[0] if lead == 1 else math.prod(own[:lead])
    if weight is not None:
        weight = _parameter(name, "weight", weight, shape, input, columns)
    if bias is not None:
        bias = _parameter(name, "bias", bias, shape, input, columns)
    return (rows, columns), weight, bias


def _parameter(
    function: str, name: str, parameter: Tensor, shape: tuple[int, ...], input: Tensor, columns: int
) -> Tensor:
    if parameter._array.shape != shape:
        raise RuntimeError(
            f"Expected {name} to be of same shape as normalized_shape, but got {name} of shape "
            f"{list(parameter.shape)} and normalized_shape = {list(shape)}"
        )
    if parameter._array.dtype != input._array.dtype and not casts_alike(parameter, input):
        if function != "rms_norm":
            same_dtype(function, input, mixed=True, **{name: parameter})
        parameter = cast(parameter, input.dtype)
    return shaped(parameter, (columns,))


def _shape_message(shape: tuple[int, ...], own: list[int]) -> str:
    if not shape:
        return (
            "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, but got "
            "normalized_shape = []"
        )
    return (
        f"Given normalized_shape={list(shape)}, expected input with shape [*{''.join(f', {s}' for s in shape)}], but "
        f"got input of size{own}"
    )


def _alike(input: Tensor, residual: Tensor) -> tuple[Tensor, Tensor]:
    if input._array.dtype != residual._array.dtype:
        dtype = dtypes.promote_types(input.dtype, residual.dtype)
        input, residual = cast(input, dtype), cast(residual, dtype)
    if input._array.shape != residual._array.shape:
        input, residual = broadcast_together(input, residual)
    return input, residual


def _epsilon(x: Tensor) -> float:
    return finfo(x.dtype if x._array.dtype.itemsize == 8 else float32).eps
