"""Devices that hide batch dimensions, and the operations by which tensors enter, leave and are taken in.

A tensor's device says which batch axes it hides: a level is a device with one axis more than the device under it.
Levels are stacked in the order of their axes' age, the newest outermost, however a tensor came to them.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from typing import Any

from ..device import Device
from ..op import Op, View
from ..ops.cast import ToDevice
from ..ops.reduce import sum
from ..tensor import Tensor, version_cell
from .batched_array import Axis, BatchedArray
from .rules import Batching


class Level(Device):
    """A device whose tensors hide the batch dimension `axis`. Looks like the real device at its base."""

    axis: Axis
    under: Device

    @property
    def base(self) -> Device:
        return self.under.base

    def __eq__(self, other: object) -> bool:
        return self is other or (other.base is self.base if isinstance(other, Device) else str(self) == other)

    def __hash__(self) -> int:
        return hash(str(self))

    def bring_together(self, inputs: Iterable[Any]) -> list[Any] | None:
        """Return the inputs with every tensor among them on one level; None when their real devices differ."""
        inputs = list(inputs)
        devices = [value.device for value in inputs if isinstance(value, Tensor)]
        if any(device.base is not self.base for device in devices):
            return None
        device = common_device(devices)
        return [TakeIn.apply(value, device) if isinstance(value, Tensor) else value for value in inputs]

    @staticmethod
    def move(x: Tensor, device: Device) -> Tensor:
        """Return x on `device` where one of the two is a level: it keeps its batch axes and gets those it lacks."""
        if x.device.base is not device.base:
            axes = axes_of(x.device)
            for axis in axes:
                x = Leave.apply(x, axis, 0)
            x = ToDevice.apply(x, device=device.base)
            for axis in reversed(axes):
                x = Enter.apply(x, axis, 0)
        return TakeIn.apply(x, common_device((x.device, device)))


_levels: weakref.WeakValueDictionary[tuple[int, int], Level] = weakref.WeakValueDictionary()


def level(axis: Axis, under: Device) -> Level:
    """Return the one device that hides `axis` over `under`."""
    device = _levels.get((axis.number, id(under)))  # a live level keeps the device under it alive, so its id is its own
    if device is None:
        device = object.__new__(Level)
        device.type, device.index, device.axis, device.under = under.type, under.index, axis, under
        device._backend = Batching(axis, under.backend)  # type: ignore[assignment]
        _levels[axis.number, id(under)] = device
    return device


def axes_of(device: Device) -> list[Axis]:
    """Return the batch axes that a device hides, the newest first."""
    axes = []
    while isinstance(device, Level):
        axes.append(device.axis)
        device = device.under
    return axes


def common_device(devices: Iterable[Device]) -> Device:
    """Return the device that hides every axis of the given ones, which share a real device."""
    devices = list(devices)
    axes = {axis.number: axis for device in devices for axis in axes_of(device)}
    result = devices[0].base
    for number in sorted(axes):
        result = level(axes[number], result)
    return result


def with_axis(device: Device, axis: Axis) -> Device:
    """Return the device that hides `axis` besides its own axes."""
    return common_device((device, level(axis, device.base)))


def without_axis(device: Device, axis: Axis) -> Device:
    """Return the device that hides its axes except `axis`."""
    result = device.base
    for own in reversed(axes_of(device)):
        if own is not axis:
            result = level(own, result)
    return result


# ---------------------------------------------------------------------------------------------- operations


class Enter(View):
    """y = x with its dimension `dim` hidden as `axis`."""

    @classmethod
    def apply(cls, x: Tensor, axis: Axis, dim: int) -> Tensor:
        return _same_buffer(super().apply(x, axis=axis, dim=dim), x, with_axis(x.device, axis))

    def forward(ctx, x, axis, dim):
        ctx.axis, ctx.dim = axis, dim
        return _hidden(x, axis, dim)

    def backward(ctx, gy):
        return Leave.apply(TakeIn.apply(gy, with_axis(gy.device, ctx.axis)), ctx.axis, ctx.dim)


class Leave(Op):
    """y = x with its hidden dimension `axis` put in at `dim`."""

    is_linear = True

    @classmethod
    def apply(cls, x: Tensor, axis: Axis, dim: int) -> Tensor:
        y = _same_buffer(super().apply(x, axis=axis, dim=dim), x, without_axis(x.device, axis))
        if x._base is not None and axis not in axes_of(x._base.device):  # a view of what entered is one outside too
            object.__new__(Leave)._mark_view(y, x, {"axis": axis, "dim": dim})
        return y

    def forward(ctx, x, axis, dim):
        ctx.axis, ctx.dim = axis, dim
        return _shown(x, axis, dim)

    def backward(ctx, gy):
        return Enter.apply(gy, ctx.axis, ctx.dim)


class TakeIn(Op):
    """y = x, the same for every element of the batches that `device` hides and x does not."""

    is_linear = True

    @classmethod
    def apply(cls, x: Tensor, device: Device) -> Tensor:
        if x.device.axis is not None:  # a tangent may hide axes that its tensor does not
            device = common_device((x.device, device))
        return x if x.device is device else _same_buffer(super().apply(x, device=device), x, device)

    def forward(ctx, x, device):
        own = _axes_of_array(x)
        ctx.missing = [axis for axis in axes_of(device) if axis not in own]
        return _repeated(x, device)

    def backward(ctx, gy):
        for axis in ctx.missing:
            gy = sum(Leave.apply(gy, axis, 0), 0) if axis in axes_of(gy.device) else gy * axis.size
        return gy


def _same_buffer(y: Tensor, x: Tensor, device: Device) -> Tensor:
    y.device = device
    y._cell, y._inference = version_cell(x), x._inference
    return y


def _axes_of_array(array: Any) -> list[Axis]:
    axes = []
    while isinstance(array, BatchedArray):
        axes.append(array.axis)
        array = array.raw
    return axes


def _hidden(array: Any, axis: Axis, dim: int) -> BatchedArray:
    if isinstance(array, BatchedArray) and array.axis.number > axis.number:
        return BatchedArray(_hidden(array.raw, axis, dim + 1), array.axis)
    order = (dim, *(d for d in range(array.ndim) if d != dim))
    return BatchedArray(array.transpose(order), axis)


def _shown(array: BatchedArray, axis: Axis, dim: int) -> Any:
    if array.axis is not axis:
        return BatchedArray(_shown(array.raw, axis, dim + 1), array.axis)
    order = list(range(1, array.raw.ndim))
    order.insert(dim, 0)
    return array.raw.transpose(tuple(order))


def _repeated(array: Any, device: Device) -> Any:
    if not isinstance(device, Level):
        return array
    if isinstance(array, BatchedArray) and array.axis is device.axis:
        return BatchedArray(_repeated(array.raw, device.under), device.axis)
    raw = _repeated(array, device.under)
    return BatchedArray(device.under.backend.expand(raw[None], (device.axis.size, *raw.shape)), device.axis)
