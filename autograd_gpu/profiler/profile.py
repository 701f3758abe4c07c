"""``profile`` and its schedule: when a profile writes down what happens, and what becomes of it."""

from __future__ import annotations

import enum
import os
import socket
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from time import perf_counter_ns, time_ns
from typing import Any

from ..cuda.devices import is_available as cuda_is_available
from .collecting import Collector, Wanted
from .events import EventList, FunctionEvent, events_of
from .record import record_function
from .trace import write_trace


class ProfilerActivity(enum.Enum):
    """What a profile looks at."""

    CPU = 0
    CUDA = 2


class ProfilerAction(enum.Enum):
    """What a profile does during a step."""

    NONE = 0
    WARMUP = 1
    RECORD = 2
    RECORD_AND_SAVE = 3


_RECORDING = (ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE)


def supported_activities() -> set[ProfilerActivity]:
    """Return what can be looked at here."""
    return {ProfilerActivity.CPU} | ({ProfilerActivity.CUDA} if cuda_is_available() else set())


def schedule(
    *, wait: int, warmup: int, active: int, repeat: int = 0, skip_first: int = 0, skip_first_wait: int = 0
) -> Callable[[int], ProfilerAction]:
    """Return what to do in each step: leave out `skip_first`, then again and again wait, warm up and record.

    With `repeat`, that many times; with `skip_first_wait`, the first time without waiting.
    """
    if min(wait, warmup, repeat, skip_first) < 0 or active < 1:
        raise AssertionError("Invalid profiler schedule arguments")
    if warmup == 0:
        warnings.warn("Profiler won't be using warmup, this can skew profiler results", stacklevel=2)

    def action(step: int) -> ProfilerAction:
        if step < 0:
            raise AssertionError(f"Step must be non-negative. Got {step}.")
        if step < skip_first:
            return ProfilerAction.NONE
        step -= skip_first
        if skip_first_wait:
            step += wait
        length = wait + warmup + active
        if repeat and step // length >= repeat:
            return ProfilerAction.NONE
        place = step % length
        if place < wait:
            return ProfilerAction.NONE
        if place < wait + warmup:
            return ProfilerAction.WARMUP
        return ProfilerAction.RECORD if place < length - 1 else ProfilerAction.RECORD_AND_SAVE

    return action


def tensorboard_trace_handler(
    dir_name: str, worker_name: str | None = None, use_gzip: bool = False
) -> Callable[[profile], None]:
    """Return an `on_trace_ready` that writes each trace into a folder, by the name that TensorBoard looks for."""

    def handle(prof: profile) -> None:
        os.makedirs(dir_name, exist_ok=True)
        worker = worker_name or f"{socket.gethostname()}_{os.getpid()}"
        ending = "pt.trace.json.gz" if use_gzip else "pt.trace.json"
        prof.export_chrome_trace(os.path.join(dir_name, f"{worker}.{time_ns()}.{ending}"))

    return handle


class profile:
    """Within this context, what operations, nodes of backward, optimizers and loaders take is written down.

    ``key_averages().table()`` shows it by name, ``export_chrome_trace(path)`` over time. Memory is the bytes of results
    (with `profile_memory`); lines are those of the program (with `with_stack`). Off, nothing is looked at.
    """

    def __init__(
        self,
        *,
        activities: Iterable[ProfilerActivity] | None = None,
        schedule: Callable[[int], ProfilerAction] | None = None,
        on_trace_ready: Callable[[profile], Any] | None = None,
        record_shapes: bool = False,
        profile_memory: bool = False,
        with_stack: bool = False,
        with_flops: bool = False,
        with_modules: bool = False,
        acc_events: bool = False,
        **unsupported: Any,
    ) -> None:
        for name, value in {"with_flops": with_flops, "with_modules": with_modules, **unsupported}.items():
            if value:
                raise NotImplementedError(f"profile: {name}={value} is not supported; leave it out.")
        chosen = supported_activities() if activities is None else set(activities)
        if not chosen:
            raise AssertionError("No valid profiler activities found")
        self.activities = chosen
        gpu = ProfilerActivity.CUDA in chosen and cuda_is_available()
        self._wanted = Wanted(record_shapes, profile_memory, with_stack, gpu)
        self.schedule, self.on_trace_ready, self.acc_events = schedule, on_trace_ready, acc_events
        self.step_num = 0
        self.current_action = ProfilerAction.NONE
        self._collector: Collector | None = None
        self._step: record_function | None = None
        self._events: list[FunctionEvent] = []
        self._began = perf_counter_ns()
        self._metadata: dict[str, str] = {}

    # --------------------------------------------------------------------------------------- its steps

    def __enter__(self) -> profile:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begin with step 0."""
        self._act(self._action_of(self.step_num))
        self._begin_step()

    def step(self) -> None:
        """Say that a step of the program is over and the next one begins."""
        self._end_step()
        self.step_num += 1
        self._act(self._action_of(self.step_num))
        self._begin_step()

    def stop(self) -> None:
        """End; what was being written down is ready then."""
        self._end_step()
        if self._collector is not None:
            self._finish(is_ready=True)
        self.current_action = ProfilerAction.NONE

    def toggle_collection_dynamic(self, enable: bool, activities: Iterable[ProfilerActivity]) -> None:
        """Stop writing down, or go on."""
        if not enable and self._collector is not None:
            self._finish(is_ready=False)
        elif enable and self._collector is None:
            self._collect(anew=False)

    def _action_of(self, step: int) -> ProfilerAction:
        return ProfilerAction.RECORD if self.schedule is None else self.schedule(step)

    def _act(self, action: ProfilerAction) -> None:
        before, self.current_action = self.current_action, action
        if before is ProfilerAction.RECORD_AND_SAVE:
            self._finish(is_ready=True)
        elif before is ProfilerAction.RECORD and action not in _RECORDING:
            warnings.warn(f"Incorrect schedule: RECORD followed by {action.name}", stacklevel=3)
            self._finish(is_ready=False)
        if action in _RECORDING and self._collector is None:
            self._collect(anew=not self.acc_events)

    def _begin_step(self) -> None:
        if self.schedule is not None and self._collector is not None:
            self._step = record_function(f"ProfilerStep#{self.step_num}")
            self._step.__enter__()

    def _end_step(self) -> None:
        if self._step is not None:
            self._step.__exit__(None, None, None)
            self._step = None

    def _collect(self, anew: bool) -> None:
        if anew:
            self._events = []
        self._collector = Collector(self._wanted)
        self._collector.begin()
        if not self._events:
            self._began = self._collector.began

    def _finish(self, is_ready: bool) -> None:
        collector, self._collector = self._collector, None
        if collector is not None:
            collector.end()
            if self._wanted.gpu:
                from ..cuda.devices import synchronize

                synchronize()
            self._events += events_of(collector.noted, self._began)
        if is_ready and self.on_trace_ready is not None:
            self.on_trace_ready(self)

    # ----------------------------------------------------------------------------------- what came of it

    def events(self) -> EventList:
        """Return every call that was written down, in the order in which they began."""
        if self._collector is not None:
            raise AssertionError("Profiler must be stopped before events are asked for: leave its `with` block first")
        return EventList(self._events, memory=self._wanted.memory, gpu=self._wanted.gpu)

    def key_averages(self, group_by_input_shape: bool = False, group_by_stack_n: int = 0) -> EventList:
        """Return what calls come to by name; see EventList.key_averages."""
        return self.events().key_averages(group_by_input_shape, group_by_stack_n)

    def export_chrome_trace(self, path: str | Path) -> None:
        """Write what happened when, for Perfetto or chrome://tracing; packed when the name ends in .gz."""
        write_trace(path, list(self.events()), self._began, self._metadata)

    def export_stacks(self, path: str | Path, metric: str = "self_cpu_time_total") -> None:
        """Write lines and their times, for flame graphs; needs with_stack=True."""
        if not self._wanted.lines:
            raise AssertionError("export_stacks() requires with_stack=True.")
        self.events().export_stacks(path, metric)

    def add_metadata(self, key: str, value: str) -> None:
        """Put a text into the trace."""
        self._metadata[key] = value

    def add_metadata_json(self, key: str, value: str) -> None:
        """Put JSON into the trace, as its text."""
        self.add_metadata(key, value)

    def preset_metadata_json(self, key: str, value: str) -> None:
        """Put JSON into every trace, as its text."""
        self.add_metadata(key, value)
