"""A table of what calls come to, in PyTorch's columns and words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

COLUMNS = {
    "cpu_time", "cpu_time_total", "self_cpu_time_total", "device_time", "device_time_total", "self_device_time_total",
    "cpu_memory_usage", "self_cpu_memory_usage", "device_memory_usage", "self_device_memory_usage", "count",
}  # fmt: skip


def table(
    rows: Sequence[Any], whole: tuple[float, float], memory: bool, gpu: bool, widths: dict[str, int], header: str | None
) -> str:
    """Return the rows as text; `whole` is the time of all, on the CPU and on the GPU, that shares are of."""
    named = any(getattr(row, "input_shapes", "") for row in rows), any(getattr(row, "stack", ()) for row in rows)
    titles = ["Name", "Self CPU %", "Self CPU", "CPU total %", "CPU total", "CPU time avg"]
    titles += ["Self CUDA", "Self CUDA %", "CUDA total", "CUDA time avg"] if gpu else []
    titles += ["CPU Mem", "Self CPU Mem"] if memory else []
    titles += ["CUDA Mem", "Self CUDA Mem"] if memory and gpu else []
    titles += ["# of Calls"]
    titles += ["Input Shapes"] if named[0] else []
    titles += ["Source Location"] if named[1] else []
    lines = [titles]
    for row in rows:
        lines += _cells(row, whole, memory, gpu, named, widths)
    size = [max(len(line[place]) for line in lines) for place in range(len(titles))]
    is_text = [title in ("Input Shapes", "Source Location") for title in titles]
    rule = "  ".join("-" * n for n in size)
    text = [
        "  ".join(
            cell.ljust(n) if left else cell.rjust(n) for cell, n, left in zip(line, size, is_text, strict=True)
        ).rstrip()
        for line in lines
    ]
    top = [] if header is None else ["=" * len(rule), header]
    totals = [f"Self CPU time total: {duration(whole[0])}"] + (
        [f"Self CUDA time total: {duration(whole[1])}"] if gpu else []
    )
    return "\n".join([*top, rule, text[0], rule, *text[1:], rule, *totals, ""])


def _cells(
    row: Any, whole: tuple[float, float], memory: bool, gpu: bool, named: tuple[bool, bool], widths: dict[str, int]
) -> list[list[str]]:
    """A row's cells, and a line of its own for each further line that led to it."""
    cells = [
        _cut(row.key, widths["Name"]),
        _share(row.self_cpu_time_total, whole[0]),
        duration(row.self_cpu_time_total),
        _share(row.cpu_time_total, whole[0]),
        duration(row.cpu_time_total),
        duration(row.cpu_time),
    ]
    if gpu:
        cells += [
            duration(row.self_device_time_total),
            _share(row.self_device_time_total, whole[1]),
            duration(row.device_time_total),
            duration(row.device_time),
        ]
    cells += [memory_size(row.cpu_memory_usage), memory_size(row.self_cpu_memory_usage)] if memory else []
    cells += [memory_size(row.device_memory_usage), memory_size(row.self_device_memory_usage)] if memory and gpu else []
    cells.append(str(row.count))
    cells += [_cut(str(row.input_shapes), widths["Input Shapes"])] if named[0] else []
    if not named[1]:
        return [cells]
    lines = [_cut(line, widths["Source Location"], keep_end=True) for line in row.stack] or [""]
    return [[*cells, lines[0]], *([*[""] * len(cells), line] for line in lines[1:])]


def _cut(text: str, width: int | None, keep_end: bool = False) -> str:
    if width is None or len(text) <= width:
        return text
    return "..." + text[3 - width :] if keep_end else text[: width - 3] + "..."


def duration(microseconds: float) -> str:
    """Return a time as PyTorch says it."""
    for unit, size in (("s", 1e6), ("ms", 1e3)):
        if microseconds >= size:
            return f"{microseconds / size:.3f}{unit}"
    return f"{microseconds:.3f}us"


def memory_size(count: int) -> str:
    """Return a number of bytes as PyTorch says it."""
    for unit, size in (("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10)):
        if abs(count) >= size:
            return f"{count / size:.2f} {unit}"
    return f"{count} B"


def _share(part: float, whole: float) -> str:
    return f"{100 * part / whole:.2f}%" if whole else "NaN"
