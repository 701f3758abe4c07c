"""Several GPUs in one process, of which there is one here: a wrapper passes through to what it wraps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..module import Module


class DataParallel(Module):
    """What runs a module on several GPUs in PyTorch. Here there is one, as on a machine with one GPU or none."""

    def __init__(
        self,
        module: Module,
        device_ids: Sequence[int] | None = None,
        output_device: Any = None,
        dim: int = 0,
    ) -> None:
        super().__init__()
        if device_ids is not None and len(device_ids) > 1:
            raise RuntimeError(
                f"DataParallel: expected one device, but got device_ids={list(device_ids)}. A process uses one GPU; "
                "choose it by CUDA_VISIBLE_DEVICES."
            )
        self.dim, self.module = dim, module
        self.device_ids = list(device_ids or ())

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        """Return what the module gives."""
        return self.module(*inputs, **kwargs)


def data_parallel(
    module: Module,
    inputs: Any,
    device_ids: Sequence[int] | None = None,
    output_device: Any = None,
    dim: int = 0,
    module_kwargs: dict[str, Any] | None = None,
) -> Any:
    """Return module(*inputs, **module_kwargs)."""
    DataParallel(module, device_ids)
    return module(*(inputs if isinstance(inputs, tuple) else (inputs,)), **(module_kwargs or {}))


def replicate(network: Module, devices: Sequence[Any], detach: bool = False) -> list[Module]:
    """Return the module once for the one device that there is."""
    return [DataParallel(network, devices if len(devices) > 1 else None).module]
