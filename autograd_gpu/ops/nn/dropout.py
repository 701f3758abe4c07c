"""Dropout: of elements, which has a kernel, of whole channels, and for self-normalising networks."""

from __future__ import annotations

import math
from collections.abc import Callable

from ...device import in_level
from ...dtypes import SCALAR_TYPES, float32
from ...op import Op
from ...tensor import Tensor, wrap
from ...user_line import warn
from ..cast import to_device
from ..complex_numbers import only_real
from ..elementwise import where
from ..inplace import inplace as in_place
from ..public import public
from ..random import default_generator, rand

# The value that SELU tends to, which a dropped element takes: Klambauer, Unterthiner, Mayr & Hochreiter 2017, section
# 3.
_SATURATED = -1.7580993408473766


class Dropout(Op):
    """y = x * keep / (1 - p), keep drawn with probability 1 - p (Srivastava et al. 2014)."""

    saved_as = "result1"

    def forward(ctx, x, p, state):
        ctx.p = p
        y, ctx.keep_mask = ctx.backend.dropout(x, p, state)
        return y

    def keep(ctx, y, x, p, state):
        ctx.save(wrap(ctx.keep_mask, x.device))
        del ctx.keep_mask  # kept once, where saved-tensor hooks see it

    def backward(ctx, gy):
        (mask,) = ctx.saved
        return gy * (mask.to(gy.dtype) * (0.0 if ctx.p == 1 else 1 / (1 - ctx.p)))

    def name(ctx) -> str:
        return "NativeDropoutBackward0"


@public(method=False)
def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Return input with each element zeroed with probability p and the others scaled by 1 / (1 - p); input itself in
    eval."""
    _check(p)
    if not training or p == 0.0:
        return input
    if p == 1 and not input.is_floating_point():
        return _placed("dropout_", input, inplace, _nothing)
    _check_dtype(input)
    input = to_device(input, in_level(input.device))
    output = Dropout.apply(input, p=p, state=default_generator(input.device).state)
    return input.copy_(output) if inplace else output


def dropout1d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Return input (N, C, L) or (C, L) with each channel zeroed with probability p and the others scaled by 1 / (1 -
    p)."""
    _check(p)
    if input.ndim not in (2, 3):
        raise RuntimeError(
            f"dropout1d: Expected 2D or 3D input, but received a {input.ndim}D input. Note that dropout1d exists to "
            "provide channel-wise dropout on inputs with 1 spatial dimension, a channel dimension, and an optional "
            "batch dimension (i.e. 2D or 3D inputs)."
        )
    return _of_channels(input, p, training, inplace, batch=input.ndim - 2)


def dropout2d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Return input (N, C, H, W) with each channel zeroed with probability p and the others scaled by 1 / (1 - p)."""
    _check(p)
    if input.ndim not in (3, 4):
        _warn_of_dimensions("dropout2d", input, "2 spatial dimensions", "3D or 4D")
    if input.ndim == 3:
        warn(
            "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout behavior is desired "
            "- input is interpreted as shape (N, C, L), where C is the channel dim. To maintain the 1D channel-wise "
            "dropout behavior, please switch to using dropout1d instead."
        )
    return _of_channels(input, p, training, inplace, batch=1)


def dropout3d(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Return input (N, C, D, H, W) or (C, D, H, W) with whole channels zeroed or scaled, as `dropout2d`."""
    _check(p)
    if input.ndim not in (4, 5):
        _warn_of_dimensions("dropout3d", input, "3 spatial dimensions", "4D or 5D")
    return _of_channels(input, p, training, inplace, batch=int(input.ndim == 5))


def alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """Return input with elements set, with probability p, to what SELU saturates at; mean and variance stay 0 and 1."""
    _check(p)
    return _saturating("alpha_dropout_", input, input._array.shape, p, training, inplace)


def feature_alpha_dropout(input: Tensor, p: float = 0.5, training: bool = False, inplace: bool = False) -> Tensor:
    """Return input (N, C, ...) with whole channels dropped as `alpha_dropout` drops elements."""
    _check(p)
    return _saturating("feature_alpha_dropout_", input, _one_a_channel(input, 1), p, training, inplace)


def _of_channels(x: Tensor, p: float, training: bool, inplace: bool, batch: int) -> Tensor:
    """Drop channels, the dimension after `batch` others."""
    shape = _one_a_channel(x, batch)
    if not training or p == 0:
        return x
    _check_dtype(x)
    noise = where(_kept(x, shape, p), 1 / (1 - p) if p < 1 else 0.0, x.new_zeros(()))
    return _placed("feature_dropout_", x, inplace, lambda x: x * noise)


def _saturating(name: str, x: Tensor, shape: tuple[int, ...], p: float, training: bool, inplace: bool) -> Tensor:
    """Drop to the saturated value, then an affine map back to mean 0 and variance 1."""
    if not training or p == 0:
        return x
    if p == 1:
        return _placed(name, x, inplace, _nothing)
    _check_dtype(x)
    scale = 1 / math.sqrt((_SATURATED * _SATURATED * p + 1) * (1 - p))
    kept, shift = _kept(x, shape, p), -scale * p * _SATURATED
    return _placed(name, x, inplace, lambda x: where(kept, x, _SATURATED) * scale + shift)


def _nothing(x: Tensor) -> Tensor:
    return x & False if x._array.dtype.kind == "b" else x * 0


def _kept(x: Tensor, shape: tuple[int, ...], p: float) -> Tensor:
    only_real("bernoulli_scalar", x)
    return rand(shape, dtype=float32, device=x.device) >= p


def _one_a_channel(x: Tensor, batch: int) -> tuple[int, ...]:
    if x.ndim < batch + 1 or x.ndim < 2:
        if batch:
            raise RuntimeError("Feature dropout requires at least 2 dimensions in the input")
        return x._array.shape
    return x._array.shape[: batch + 1] + (1,) * (x.ndim - batch - 1)


def _placed(name: str, x: Tensor, inplace: bool, function: Callable[[Tensor], Tensor]) -> Tensor:
    return in_place(name, function)(x) if inplace else function(x)


def _check_dtype(x: Tensor) -> None:
    if not x.is_floating_point():
        raise RuntimeError(
            f"result type Float can't be cast to the desired output type {SCALAR_TYPES[x.dtype.name]}: dropout scales "
            "what it keeps. Use x.float()."
        )


def _check(p: float) -> None:
    if not 0.0 <= p <= 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def _warn_of_dimensions(name: str, x: Tensor, spatial: str, expected: str) -> None:
    warn(
        f"{name}: Received a {x.ndim}-D input to {name}, which is deprecated and will result in an error in a future "
        f"release. To retain the behavior and silence this warning, please use dropout instead. Note that {name} "
        f"exists to provide channel-wise dropout on inputs with {spatial}, a channel dimension, and an optional batch "
        f"dimension (i.e. {expected} inputs)."
    )
