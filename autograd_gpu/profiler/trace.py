"""A profile as a Chrome trace: for Perfetto (ui.perfetto.dev), chrome://tracing and TensorBoard."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from .events import FunctionEvent, threads_of


def write_trace(path: str | Path, events: list[FunctionEvent], began: int, metadata: dict[str, str]) -> None:
    """Write the events to a file, packed when its name ends in .gz."""
    import gzip

    opening: Any = gzip.open if str(path).endswith(".gz") else open
    trace = {
        "schemaVersion": 1,
        "displayTimeUnit": "ms",
        "baseTimeNanoseconds": began,
        **metadata,
        "traceEvents": list(_entries(events)),
    }
    with opening(path, "wt", encoding="utf-8") as file:
        json.dump(trace, file)


def _entries(events: list[FunctionEvent]) -> Iterator[dict[str, Any]]:
    process = os.getpid()
    yield {"ph": "M", "name": "process_name", "pid": process, "tid": 0, "args": {"name": "python"}}
    for number, thread in enumerate(threads_of(events)):
        name = f"thread {thread}" + (" (the first)" if number == 0 else "")
        yield {"ph": "M", "name": "thread_name", "pid": process, "tid": thread, "args": {"name": name}}
    for event in events:
        place = {"pid": process, "tid": event.thread, "ts": round(event.time_range.start, 3)}
        if event.report is not None:
            yield from _saved(event, place)
            continue
        category = "user_annotation" if event.is_user_annotation else "cpu_op"
        yield {
            "ph": "X", "cat": category, "name": event.name, **place, "dur": round(event.cpu_time_total, 3),
            "args": _arguments(event),
        }  # fmt: skip
    yield from _flows(events, process)


def _arguments(event: FunctionEvent) -> dict[str, Any]:
    found: dict[str, Any] = {"External id": event.id}
    if event.sequence_nr:
        found["Sequence number"] = event.sequence_nr
    if event.input_shapes:
        found["Input Dims"] = event.input_shapes
    if event.stack:
        found["Call stack"] = ";".join(event.stack)
    if event.self_cpu_memory_usage or event.self_device_memory_usage:
        found["Bytes"] = event.self_cpu_memory_usage or event.self_device_memory_usage
    if event.self_device_time_total:
        found["Device time (us)"] = round(event.self_device_time_total, 3)
    return found


def _saved(event: FunctionEvent, place: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What the graph kept as its backward began: a curve of the bytes, and the whole table at that moment."""
    counted = {"ph": "C", "cat": "memory", "name": "saved for backward", **place}
    yield {**counted, "args": {"bytes": event.report.total}}
    rows = [f"{row.bytes} bytes, {row.buffers} buffers, {row.operation}, {row.line}" for row in event.report.rows]
    yield {
        "ph": "i", "s": "t", "cat": "memory", "name": "memory_report", **place,
        "args": {"bytes": event.report.total, "rows": rows},
    }  # fmt: skip


def _flows(events: Iterable[FunctionEvent], process: int) -> Iterator[dict[str, Any]]:
    """Arrows from the operation that recorded a node to the node's run."""
    forward: dict[int, FunctionEvent] = {}
    for event in events:
        if event.sequence_nr and event.role == "cpu_op":
            forward.setdefault(event.sequence_nr, event)
        elif event.role == "backward" and event.sequence_nr in forward:
            origin = forward[event.sequence_nr]
            arrow = {"cat": "fwdbwd", "name": "fwdbwd", "id": event.id, "pid": process}
            yield {"ph": "s", **arrow, "tid": origin.thread, "ts": round(origin.time_range.start, 3)}
            yield {"ph": "f", "bp": "e", **arrow, "tid": event.thread, "ts": round(event.time_range.start, 3)}
