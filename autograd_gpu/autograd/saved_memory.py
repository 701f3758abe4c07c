"""What a graph keeps in memory for backward, by operation and by line of the user's program.

Knows nodes and the arrays that hang on them; how large a buffer is, it asks the backend.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from ..engine import Node
from ..op import Op
from ..saving import PackedValue, SavedOutput
from ..tensor import Tensor
from ..user_line import line_of
from ..views import edge_of


class SavedRow(NamedTuple):
    """What all nodes of one operation, recorded by one line, keep."""

    bytes: int
    buffers: int
    operation: str
    line: str


class MemoryReport:
    """Rows of saved memory, largest first. Prints as a table."""

    def __init__(self, rows: list[SavedRow]) -> None:
        self.rows = rows

    @property
    def total(self) -> int:
        """Bytes in all."""
        return sum(row.bytes for row in self.rows)

    def __str__(self) -> str:
        buffers = sum(row.buffers for row in self.rows)
        lines = [f"saved for backward: {_human(self.total)} in {_count(buffers, 'buffer')}"]
        width = max((len(row.operation) for row in self.rows), default=0)
        for row in self.rows:
            size, count = _human(row.bytes), _count(row.buffers, "buffer")
            lines.append(f"{size:>11}  {count:>12}  {row.operation:<{width}}  {row.line}")
        return "\n".join(lines)

    __repr__ = __str__


def memory_report(*roots: Any) -> MemoryReport:
    """Return what the graphs behind `roots` keep for backward, by operation name and user line.

    A buffer is counted once, for the node that saved it first; parameters that a node saved count too. A root may also
    be a captured step: what its recordings keep.
    """
    rows: dict[tuple[str, str], list[int]] = {}
    seen: set[tuple[Any, int]] = set()
    for node in sorted(nodes_behind(roots), key=lambda node: node.sequence):
        for array, backend in _kept_by(node):
            address, size = backend.storage(array)
            if size == 0 or (backend, address) in seen:
                continue
            seen.add((backend, address))
            row = rows.setdefault((node.name(), line_of(node.where)), [0, 0])
            row[0] += size
            row[1] += 1
    found = [SavedRow(size, count, *key) for key, (size, count) in rows.items()]
    found += [SavedRow(*row) for root in roots for row in getattr(root, "kept_memory", ())]
    return MemoryReport(sorted(found, reverse=True))


def nodes_behind(roots: Iterable[Any]) -> Iterator[Any]:
    """Yield each node of the graphs behind some tensors once, leaves' ends included."""
    stack: list[Node] = [edge[0] for root in roots if isinstance(root, Tensor) and (edge := edge_of(root)) is not None]
    visited: set[Node] = set()
    while stack:
        node = stack.pop()
        if node not in visited:
            visited.add(node)
            yield node
            stack.extend(edge[0] for edge in node.edges if edge is not None)


def explain_out_of_memory(error: MemoryError, roots: Iterable[Any]) -> None:
    """Add to an out-of-memory error what the graphs behind `roots` keep, unless that was done further in."""
    if any(note.startswith("saved for backward") for note in getattr(error, "__notes__", ())):
        return
    report = memory_report(*roots)
    if report.rows:
        error.add_note(str(report))


def _kept_by(node: Any) -> Iterator[tuple[Any, Any]]:
    """Yield (array, backend) for what one node keeps: what `save` was given, and arrays such as a norm's means."""
    if not isinstance(node, Op):
        return
    for value in node._saved:
        if isinstance(value, SavedOutput):
            value = value if value.packed is None else value.packed
        if isinstance(value, PackedValue):  # what the user's hook made of it, as far as that is a tensor
            value = value.value
        if isinstance(value, SavedOutput):
            yield value.array, value.device.backend
        for tensor in value if isinstance(value, tuple) else (value,):
            if isinstance(tensor, Tensor):
                yield tensor._array, tensor.device.backend
    for value in vars(node).values():
        if hasattr(value, "nbytes") and not isinstance(value, Tensor):
            yield value, node.backend


def _human(size: int) -> str:
    for unit in ("bytes", "KiB", "MiB"):
        if size < 1024:
            return f"{size} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1024  # type: ignore[assignment]
    return f"{size:.1f} GiB"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
