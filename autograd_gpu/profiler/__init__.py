"""``autograd_gpu.profiler``: torch.profiler's words. What a step does, how long each part takes, and what it keeps."""

from .events import EventList, FunctionEvent, FunctionEventAvg
from .nvtx import emit_nvtx
from .profile import (
    ProfilerAction, ProfilerActivity, profile, schedule, supported_activities, tensorboard_trace_handler,
)  # fmt: skip
from .record import record_function

__all__ = [
    "EventList", "FunctionEvent", "FunctionEventAvg", "ProfilerAction", "ProfilerActivity", "emit_nvtx", "profile",
    "record_function", "schedule", "supported_activities", "tensorboard_trace_handler",
]  # fmt: skip
