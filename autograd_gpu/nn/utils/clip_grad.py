"""The norm of all gradients together, and clipping them by it. Nothing is read back to the host unless asked for."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import reduce

from ...capturing import met, noticing
from ...device import Device
from ...dtypes import DType, float64, promote_types
from ...modes import no_grad
from ...ops.creation import zeros
from ...ops.optim import norm_of_all, scale_all
from ...ops.pieces import stack
from ...tensor import Tensor

TensorOrTensors = Tensor | Iterable[Tensor]


@no_grad()
def get_total_norm(
    tensors: TensorOrTensors,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Return the norm of all elements of all tensors together, a tensor () on the device of the first.

    Order 2 is one pass over all tensors, in a fixed order, summed in float32 and float64. ``foreach`` chooses among
    PyTorch's implementations and changes nothing. With ``error_if_nonfinite`` the norm is read back, and RuntimeError
    is raised when it is infinite or NaN.
    """
    tensors = _listed(tensors)
    if not tensors:
        return zeros(())
    return _checked_norm(tensors, norm_type, error_if_nonfinite).to(_common_dtype(tensors))


def _checked_norm(tensors: list[Tensor], norm_type: float, error_if_nonfinite: bool) -> Tensor:
    """Return the norm as float64 (), before it is rounded to the gradients' dtype."""
    norm = _exact_norm(tensors, float(norm_type))
    if error_if_nonfinite and not math.isfinite(norm.item()):
        raise RuntimeError(
            f"The total norm of order {float(norm_type)} for gradients from `parameters` is non-finite, so it cannot "
            "be clipped. To disable this error and scale the gradients by the non-finite norm anyway, set "
            "`error_if_nonfinite=False`"
        )
    return norm


@no_grad()
def clip_grads_with_norm_(
    parameters: TensorOrTensors, max_norm: float, total_norm: Tensor, foreach: bool | None = None
) -> None:
    """Multiply the gradients in place by max_norm / (total_norm + 1e-6) where that is less than 1."""
    gradients = _gradients(parameters)
    if gradients:
        _clip(gradients, max_norm, total_norm)


@no_grad()
def clip_grad_norm_(
    parameters: TensorOrTensors,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Tensor:
    """Scale the gradients in place so that their joint norm is at most max_norm; return the norm before.

    The factor stays on the device, so that a captured training step may contain it.
    """
    gradients = _gradients(parameters)
    if not gradients:
        return zeros(())
    norm = _checked_norm(gradients, norm_type, error_if_nonfinite)
    _clip(gradients, max_norm, norm)
    return norm.to(_common_dtype(gradients))


@no_grad()
def clip_grad_value_(parameters: TensorOrTensors, clip_value: float, foreach: bool | None = None) -> None:
    """Hold every element of every gradient to [-clip_value, clip_value], in place."""
    clip_value = float(clip_value)
    for gradient in _gradients(parameters):
        gradient.clamp_(-clip_value, clip_value)


def _exact_norm(tensors: list[Tensor], norm_type: float) -> Tensor:
    """Return the norm as float64 ()."""
    first = tensors[0].device
    if norm_type == 2:
        parts = [norm_of_all(here).to(first) for here in _by_device(tensors).values()]
        return parts[0] if len(parts) == 1 else stack(parts).square().sum().sqrt()
    if norm_type == math.inf:
        return stack([tensor.abs().amax().to(first, float64) for tensor in tensors]).amax()
    powers = stack([tensor.abs().pow(norm_type).sum().to(first, float64) for tensor in tensors])
    return powers.sum().pow(1.0 / norm_type)


def _clip(gradients: list[Tensor], max_norm: float, norm: Tensor) -> None:
    factor = (float(max_norm) / (norm.to(dtype=float64) + 1e-6)).clamp(max=1.0)
    for device, here in _by_device(gradients).items():
        scale_all(here, factor.to(device))


def _gradients(parameters: TensorOrTensors) -> list[Tensor]:
    listed = _listed(parameters)
    if noticing:
        met(None, listed)
    return [parameter.grad for parameter in listed if parameter.grad is not None]


def _listed(tensors: TensorOrTensors) -> list[Tensor]:
    return [tensors] if isinstance(tensors, Tensor) else list(tensors)


def _by_device(tensors: list[Tensor]) -> dict[Device, list[Tensor]]:
    found: dict[Device, list[Tensor]] = {}
    for tensor in tensors:
        found.setdefault(tensor.device, []).append(tensor)
    return found


def _common_dtype(tensors: list[Tensor]) -> DType:
    return reduce(promote_types, dict.fromkeys(tensor.dtype for tensor in tensors))
