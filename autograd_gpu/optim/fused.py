"""Optimizers whose step is one kernel over all parameters of a device and dtype. Knows where rates and factors live."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..capturing import running
from ..device import Device
from ..dtypes import float64
from ..ops.creation import empty
from ..tensor import Tensor
from .optimizer import Optimizer

FIRST_STEP = (
    "whose state is made by the first step, so that every replay would start anew. Take a step before the capture."
)


class FusedOptimizer(Optimizer):
    """A subclass gives ``_update``."""

    _step_supports_amp_scaling = True  # a gradient scaler then leaves dividing and skipping to the kernels

    def __init__(self, params: Iterable[Tensor] | Iterable[dict[str, Any]], defaults: dict[str, Any]) -> None:
        self._device_lrs: dict[tuple[int, Device], tuple[float | None, Tensor]] = {}
        super().__init__(params, defaults)

    def _update(
        self,
        parameters: list[Tensor],
        lr: Tensor,
        group: dict[str, Any],
        scale: Tensor | None,
        found_inf: Tensor | None,
    ) -> None:
        """Change parameters of one device and dtype in place; all have gradients. The tensors are as in ops.optim."""
        raise NotImplementedError

    def _update_group(self, index: int, group: dict[str, Any], scale: Tensor | None) -> None:
        for parameters in _alike(group["params"]):
            device = parameters[0].device
            self._update(parameters, self._device_lr(index, device), group, *self._factors(scale, device))

    def _device_lr(self, group_index: int, device: Device) -> Tensor:
        # Kernels read the learning rate from device memory, always the same buffer, so that a captured training
        # step follows a schedule. It is written only when the schedule has changed it.
        lr = self.param_groups[group_index]["lr"]
        if isinstance(lr, Tensor):
            return lr.detach().to(device, float64).reshape(())
        value, tensor = self._device_lrs.get((group_index, device), (None, None))
        if tensor is None:
            tensor = empty((), dtype=float64, device=device)
        graph = running()
        if graph is not None and device.type == graph.device_type:  # each replay writes its own
            graph.host_call(id(self), self._write_device_lrs)
            graph.writes(lambda: tensor.fill_(lr))
            value = None
        elif value != lr:
            tensor.fill_(lr)
            value = lr
        self._device_lrs[group_index, device] = (value, tensor)
        return tensor

    def _write_device_lrs(self) -> None:
        for group_index, device in list(self._device_lrs):
            self._device_lr(group_index, device)

    def _number_device(self, parameter: Tensor) -> Device:
        return parameter.device


def _alike(parameters: list[Tensor]) -> Iterable[list[Tensor]]:
    """Return the parameters that have gradients, those of one device and dtype together."""
    found: dict[tuple[int, int], list[Tensor]] = {}
    for parameter in parameters:
        if parameter.grad is not None:
            # Numbers, since hashing a device and a dtype for every parameter takes longer than all the rest.
            found.setdefault((id(parameter.device), parameter._array.dtype.num), []).append(parameter)
    return found.values()
