"""``torch.autograd.profiler``: PyTorch's older names for `autograd_gpu.profiler`, read when one is asked for."""

from __future__ import annotations

from typing import Any

NAMES = (
    "EventList", "FunctionEvent", "FunctionEventAvg", "ProfilerActivity", "emit_nvtx", "kineto_available", "profile",
    "record_function",
)  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in NAMES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    from ..profiler import legacy

    return getattr(legacy, name)


def __dir__() -> list[str]:
    return sorted(NAMES)
