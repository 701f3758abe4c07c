"""``nn.utils``, under PyTorch's name: what acts on all parameters of a model at once."""

from __future__ import annotations

import math
from collections.abc import Iterable

from ..engine import no_grad
from ..ops.creation import zeros
from ..ops.shape import cat
from ..tensor import Tensor


def _gradients(parameters: Tensor | Iterable[Tensor]) -> list[Tensor]:
    parameters = [parameters] if isinstance(parameters, Tensor) else parameters
    return [parameter.grad for parameter in parameters if parameter.grad is not None]


@no_grad()
def get_total_norm(tensors: Iterable[Tensor], norm_type: float = 2.0, error_if_nonfinite: bool = False) -> Tensor:
    """Return the norm of all elements of all tensors together, as a tensor on the device of the first."""
    tensors = list(tensors)
    if not tensors:
        return zeros(())
    device = tensors[0].device
    if norm_type == math.inf:
        parts = [tensor.abs().amax().reshape(1).to(device) for tensor in tensors]
        norm = cat(parts).amax()
    else:
        squares = norm_type == 2
        parts = [(t * t if squares else t.abs().pow(norm_type)).sum().reshape(1).to(device) for t in tensors]
        total = cat(parts).sum()
        norm = total.sqrt() if squares else total.pow(1.0 / norm_type)
    if error_if_nonfinite and not math.isfinite(norm.item()):
        raise RuntimeError(
            f"The total norm of order {norm_type} for gradients from `parameters` is non-finite, so it cannot be "
            "clipped. To disable this error and scale the gradients by the non-finite norm anyway, set "
            "`error_if_nonfinite=False`"
        )
    return norm


@no_grad()
def clip_grad_norm_(
    parameters: Tensor | Iterable[Tensor],
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
) -> Tensor:
    """Scale the gradients in place so that their joint norm is at most max_norm; return the norm before.

    Nothing is read back to the host, so a captured training step may contain it.
    """
    gradients = _gradients(parameters)
    norm = get_total_norm(gradients, norm_type, error_if_nonfinite)
    scale = (max_norm / (norm + 1e-6)).clamp(max=1.0)
    for gradient in gradients:
        gradient.mul_(scale.to(gradient.device))
    return norm


@no_grad()
def clip_grad_value_(parameters: Tensor | Iterable[Tensor], clip_value: float) -> None:
    """Hold every element of every gradient to [-clip_value, clip_value], in place."""
    for gradient in _gradients(parameters):
        gradient.clamp_(-clip_value, clip_value)


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """Return all parameters in one vector."""
    return cat([parameter.reshape(-1) for parameter in parameters])


def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Write a vector back into the parameters, in the order of ``parameters_to_vector``."""
    start = 0
    for parameter in parameters:
        stop = start + parameter.numel()
        parameter.data = vec[start:stop].reshape(parameter.shape).data
        start = stop
