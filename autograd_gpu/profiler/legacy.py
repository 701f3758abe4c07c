"""What ``torch.autograd.profiler`` names: one profile without a schedule, asked by methods of its own."""

from __future__ import annotations

from typing import Any

from .events import EventList, FunctionEvent, FunctionEventAvg
from .nvtx import emit_nvtx
from .profile import ProfilerActivity
from .profile import profile as scheduled
from .record import record_function

__all__ = [
    "EventList", "FunctionEvent", "FunctionEventAvg", "ProfilerActivity", "emit_nvtx", "kineto_available", "profile",
    "record_function",
]  # fmt: skip


class profile(scheduled):
    """Within this context, what operations and nodes of backward take is written down; see `profiler.profile`."""

    def __init__(
        self,
        enabled: bool = True,
        *,
        use_cuda: bool = False,
        use_device: str | None = None,
        record_shapes: bool = False,
        with_flops: bool = False,
        profile_memory: bool = False,
        with_stack: bool = False,
        with_modules: bool = False,
        use_kineto: bool = False,
        use_cpu: bool = True,
        **unsupported: Any,
    ) -> None:
        gpu = use_cuda or use_device == "cuda"
        super().__init__(
            activities=[ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if gpu else [])],
            record_shapes=record_shapes,
            profile_memory=profile_memory,
            with_stack=with_stack,
            with_flops=with_flops,
            with_modules=with_modules,
            **unsupported,
        )
        self.enabled = enabled

    def start(self) -> None:
        """Begin, where it is enabled."""
        if self.enabled:
            super().start()

    @property
    def function_events(self) -> EventList:
        """Every call."""
        return self.events()

    @property
    def self_cpu_time_total(self) -> float:
        """Microseconds in all."""
        return self.events().self_cpu_time_total

    def table(self, *args: Any, **kwargs: Any) -> str:
        """Return every call as a table; see EventList.table."""
        return self.events().table(*args, **kwargs)

    def total_average(self) -> FunctionEventAvg:
        """Return everything as one."""
        return self.events().total_average()


def kineto_available() -> bool:
    """Whether PyTorch's tracing library is there: it is not, and nothing here needs it."""
    return False
