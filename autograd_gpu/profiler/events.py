"""What a profile saw, as PyTorch's objects: calls within calls, and what calls of one name come to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ..user_line import line_of
from .collecting import Details, Noted
from .table import COLUMNS, table

NAMES = {  # PyTorch's, where the operation's class in small letters is another
    "Attention": "scaled_dot_product_attention",
    "AvgPool": "avg_pool",
    "Cast": "to",
    "Convolution": "convolution",
    "CrossEntropy": "cross_entropy_loss",
    "GatherRows": "index_select",
    "LogSumExp": "logsumexp",
    "SumTo": "sum_to_size",
    "ToDevice": "to",
}
_MERGED = re.compile("aten::|Optimizer[.]")  # a call straight within one of the same name is the same call, passed on


class Interval(NamedTuple):
    """Microseconds from the beginning of the profile."""

    start: float
    end: float

    def elapsed_us(self) -> float:
        """Return how long it is."""
        return self.end - self.start


class FunctionEvent:
    """One call: its name, when, by whom, within which other, and what it took. Times in microseconds."""

    is_async = is_remote = False
    device_type = "cpu"
    count = 1

    def __init__(self, number: int, name: str, noted: Noted, began: int) -> None:
        details = noted.details or Details()
        self.id, self.name, self.key, self.thread = number, name, name, noted.thread
        self.time_range = Interval((noted.start - began) / 1e3, (noted.end - began) / 1e3)
        self.sequence_nr, self.role = noted.sequence, noted.role
        self.is_user_annotation = noted.role == "user_annotation"
        self.input_shapes = [list(shape) for shape in details.shapes]
        self.stack = [_said(where) for where in details.lines]
        self.report = details.report
        self.cpu_parent: FunctionEvent | None = None
        self.cpu_children: list[FunctionEvent] = []
        on_gpu = details.device == "cuda"
        self.self_cpu_memory_usage = 0 if on_gpu else details.bytes
        self.self_device_memory_usage = details.bytes if on_gpu else 0
        self._own_device_us = 0.0 if details.marks is None else details.marks[0].elapsed_time(details.marks[1]) * 1e3

    @property
    def cpu_time_total(self) -> float:
        """From the beginning to the end."""
        return self.time_range.elapsed_us()

    cpu_time = cpu_time_total

    @property
    def self_cpu_time_total(self) -> float:
        """What no call within took."""
        return self.cpu_time_total - sum(child.cpu_time_total for child in self.cpu_children)

    @property
    def device_time_total(self) -> float:
        """What the GPU took for it and for the calls within."""
        inner = sum(child.device_time_total for child in self.cpu_children)
        return max(self._own_device_us, inner)

    device_time = device_time_total

    @property
    def self_device_time_total(self) -> float:
        """What the GPU took for it alone."""
        return self.device_time_total - sum(child.device_time_total for child in self.cpu_children)

    @property
    def cpu_memory_usage(self) -> int:
        """The bytes of the results of it and of the calls within."""
        return self.self_cpu_memory_usage + sum(child.cpu_memory_usage for child in self.cpu_children)

    @property
    def device_memory_usage(self) -> int:
        """The same of results on a GPU."""
        return self.self_device_memory_usage + sum(child.device_memory_usage for child in self.cpu_children)

    def __repr__(self) -> str:
        return (
            f"<FunctionEvent id={self.id} name={self.name} cpu_time={self.cpu_time_total:.3f}us "
            f"start_us={self.time_range.start:.3f} end_us={self.time_range.end:.3f} thread={self.thread} "
            f"cpu_children={[child.id for child in self.cpu_children]} input_shapes={self.input_shapes} "
            f"cpu_memory_usage={self.cpu_memory_usage}>"
        )


class FunctionEventAvg:
    """All calls of one name, or of one name with the same shapes or lines."""

    SUMS = (
        "cpu_time_total", "self_cpu_time_total", "device_time_total", "self_device_time_total", "cpu_memory_usage",
        "self_cpu_memory_usage", "device_memory_usage", "self_device_memory_usage", "count",
    )  # fmt: skip
    cpu_time_total: float
    self_cpu_time_total: float
    device_time_total: float
    self_device_time_total: float
    cpu_memory_usage: int
    self_cpu_memory_usage: int
    device_memory_usage: int
    self_device_memory_usage: int
    count: int

    def __init__(self, key: str, input_shapes: Any = "", stack: Iterable[str] = ()) -> None:
        self.key, self.input_shapes, self.stack = key, input_shapes, list(stack)
        self.is_user_annotation = False
        for name in self.SUMS:
            setattr(self, name, 0)

    def add(self, other: FunctionEvent | FunctionEventAvg) -> FunctionEventAvg:
        """Count a call in."""
        for name in self.SUMS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.is_user_annotation = other.is_user_annotation
        return self

    @property
    def cpu_time(self) -> float:
        """The mean of a call."""
        return self.cpu_time_total / self.count if self.count else 0.0

    @property
    def device_time(self) -> float:
        """The mean of a call on the GPU."""
        return self.device_time_total / self.count if self.count else 0.0

    def __repr__(self) -> str:
        return (
            f"<FunctionEventAvg key={self.key} count={self.count} self_cpu_time={self.self_cpu_time_total:.3f}us "
            f"cpu_time={self.cpu_time:.3f}us cpu_memory_usage={self.cpu_memory_usage}>"
        )


class EventList(list):
    """Calls, or what calls of one name come to."""

    def __init__(self, events: Iterable[Any] = (), *, memory: bool = False, gpu: bool = False) -> None:
        super().__init__(events)
        self.with_memory, self.with_gpu = memory, gpu

    @property
    def self_cpu_time_total(self) -> float:
        """Microseconds in all: of calls that are within no other."""
        return sum(event.self_cpu_time_total for event in self)

    def key_averages(self, group_by_input_shape: bool = False, group_by_stack_n: int = 0) -> EventList:
        """Return what calls come to by name, also by shapes and by so many of the lines that led to them."""
        found: dict[tuple, FunctionEventAvg] = {}
        for event in self:
            if event.role == "instant":
                continue
            name = "ProfilerStep*" if event.name.startswith("ProfilerStep#") else event.key
            shapes = str(event.input_shapes) if group_by_input_shape else ""
            lines = tuple(event.stack[:group_by_stack_n])
            key = (name, shapes, lines)
            if key not in found:
                found[key] = FunctionEventAvg(name, event.input_shapes if group_by_input_shape else "", lines)
            found[key].add(event)
        return EventList(found.values(), memory=self.with_memory, gpu=self.with_gpu)

    def total_average(self) -> FunctionEventAvg:
        """Return everything as one."""
        total = FunctionEventAvg("Total")
        for event in self:
            total.add(event)
        return total

    def table(
        self,
        sort_by: str | None = None,
        row_limit: int = 100,
        max_src_column_width: int = 75,
        max_name_column_width: int = 55,
        max_shapes_column_width: int = 80,
        header: str | None = None,
        top_level_events_only: bool = False,
    ) -> str:
        """Return a table in PyTorch's columns. `sort_by` is one of the averages' attributes, such as
        "self_cpu_time_total"; without it rows stand in the order of their first call."""
        rows = [row for row in self if not (top_level_events_only and getattr(row, "cpu_parent", None))]
        if sort_by is not None:
            sort_by = sort_by.replace("cuda", "device")
            if sort_by not in COLUMNS:
                raise ValueError(
                    f"table: expected sort_by to be one of {', '.join(sorted(COLUMNS))}, but got {sort_by}"
                )
            rows.sort(key=lambda row: getattr(row, str(sort_by)), reverse=True)
        widths = {"Name": max_name_column_width, "Input Shapes": max_shapes_column_width}
        widths["Source Location"] = max_src_column_width
        whole = self.self_cpu_time_total, sum(row.self_device_time_total for row in self)
        return table(
            rows[: row_limit if row_limit >= 0 else None], whole, self.with_memory, self.with_gpu, widths, header
        )

    __str__ = table

    def export_stacks(self, path: str | Path, metric: str = "self_cpu_time_total") -> None:
        """Write a line of each call's lines and its microseconds, as flame graphs are drawn from."""
        metric = metric.replace("cuda", "device")
        if metric not in ("self_cpu_time_total", "self_device_time_total"):
            raise ValueError(
                f"export_stacks: expected metric to be self_cpu_time_total or self_cuda_time_total, but got {metric}"
            )
        translated = str.maketrans(" ;\t\n", "____")
        with open(path, "w", encoding="utf-8") as file:
            for event in self:
                if event.stack and int(getattr(event, metric)) > 0:
                    frames = ";".join(line.translate(translated) for line in reversed(event.stack))
                    file.write(f"{frames} {int(getattr(event, metric))}\n")


def events_of(noted: Iterable[tuple], began: int) -> list[FunctionEvent]:
    """Return the calls in the order in which they began, each with those within it."""
    calls = sorted((Noted(*each) for each in noted), key=lambda call: (call.start, -call.end))
    found: list[FunctionEvent] = []
    open_calls: dict[int, list[FunctionEvent]] = {}  # by thread: those that the next may be within
    for call in calls:
        name = name_of(call)
        stack = open_calls.setdefault(call.thread, [])
        event = FunctionEvent(len(found), name, call, began)
        while stack and stack[-1].time_range.end < event.time_range.end:
            stack.pop()
        parent = stack[-1] if stack else None
        if parent is not None and parent.name == name and _MERGED.match(name):
            continue
        if parent is not None and call.role != "instant":
            event.cpu_parent = parent
            parent.cpu_children.append(event)
        found.append(event)
        if call.role != "instant":
            stack.append(event)
    return found


def name_of(call: Noted) -> str:
    """Return PyTorch's name for a call, or what would be."""
    if isinstance(call.what, str):
        return call.what
    own = call.what.__name__.lstrip("_")
    if isinstance(call.kind, str):
        own = call.kind + ("Backward" if own.endswith("Backward") else "")
    return f"aten::{NAMES.get(own) or re.sub('(?<=[a-z0-9])(?=[A-Z])', '_', own).lower()}"


def _said(where: tuple) -> str:
    """PyTorch's way to say a frame: file(line): function."""
    file, _, line = line_of(where).rpartition(":")
    return f"{file}({line}): {where[0].co_name}"


def threads_of(events: Iterable[FunctionEvent]) -> Iterator[int]:
    """Yield each thread once."""
    yield from dict.fromkeys(event.thread for event in events)
