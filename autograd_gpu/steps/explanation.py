"""What `explain` returns: a captured step's recordings as a table and as a picture. Knows names and bytes."""

from __future__ import annotations

from itertools import groupby
from typing import Any, NamedTuple

from ..arrays.fusion.groups import Group, Node
from ..autograd.drawing import Drawing, escaped


class Work(NamedTuple):
    """A launch or a call of a replay: the operations that it does, the bytes that they moved and that it moves (None
    where nobody knows), whose results it takes, and whether the host does it."""

    names: list[str]
    before: int | None
    after: int | None
    sources: list[int]
    is_host: bool

    @property
    def name(self) -> str:
        """Operations in their order, one that comes several times in a row with how often."""
        runs = [(name, len(list(run))) for name, run in groupby(self.names)]
        return " ".join(name if times == 1 else f"{name} x{times}" for name, times in runs)


def work_of(nodes: list[Node], units: list[Node | Group]) -> list[Work]:
    """What is left of a recording's launches, in their order."""
    members = [unit.members if isinstance(unit, Group) else (unit.index,) for unit in units]
    place = {index: number for number, each in enumerate(members) for index in each}
    found = []
    for number, unit in enumerate(units):
        own = [nodes[index] for index in members[number]]
        moved = [node.what.nbytes for node in own if node.what is not None]
        before = sum(moved) if len(moved) == len(own) else None
        after = unit.plan.nbytes if isinstance(unit, Group) else before
        sources = {place[index] for node in own for index in node.sources} - {number}
        found.append(Work([node.name for node in own], before, after, sorted(sources), own[0].call is not None))
    return found


class Explanation(Drawing):
    """A captured step's recordings, ``work`` of each, ``why`` the last was made, and why a call had none (``as_ever``).
    Prints as a table."""

    def __init__(self, name: str, graphs: list[Any], why: str, as_ever: str = "") -> None:
        self.name, self.why, self.as_ever = name, why, as_ever
        self._described = [graph.describe() for graph in graphs]
        self.work: list[list[Work]] = [graph.work() for graph in graphs]

    @property
    def text(self) -> str:
        lines = [f"{self.name}: {len(self.work)} recording{'s' * (len(self.work) != 1)}"]
        for described, work in zip(self._described, self.work, strict=True):
            lines += [f"  {described}", *_table(work)]
        if self.why:
            lines.append(f"  the last was made since {self.why}")
        if self.as_ever:
            lines.append(f"  the last call that ran as ever, without a recording, did so since {self.as_ever}")
        return "\n".join(lines)

    @property
    def dot(self) -> str:
        """What hands its results to what, in Graphviz's language; what became one kernel is filled."""
        lines = ["digraph step {", '  node [shape=box, fontname="monospace", fontsize=10];']
        for recording, work in enumerate(self.work):
            for number, each in enumerate(work):
                label = escaped(each.name) + (f"\\n{_human(each.after)}" if each.after is not None else "")
                style = ", style=filled, fillcolor=lightblue" if len(each.names) > 1 else ""
                style = ", style=dashed" if each.is_host else style
                lines.append(f'  r{recording}n{number} [label="{label}"{style}];')
                lines += [f"  r{recording}n{source} -> r{recording}n{number};" for source in each.sources]
        return "\n".join([*lines, "}"])

    def __contains__(self, words: str) -> bool:
        return words in self.text


def _table(work: list[Work]) -> list[str]:
    """A line for those of a name, and what they move together."""
    rows: dict[tuple[str, int], list[Work]] = {}
    for each in work:
        rows.setdefault((each.name, len(each.names)), []).append(each)
    if not rows:
        return []
    lines = [f"  {'times':>7} {'launches':>9} {'moved':>10} {'now':>10}  operations"]
    for (name, launches), same in rows.items():
        before, after = _sum(each.before for each in same), _sum(each.after for each in same)
        lines.append(f"  {len(same):>7} {f'{launches} -> 1':>9} {_human(before):>10} {_human(after):>10}  {name}")
    before, after = (_sum(getattr(each, when) or 0 for each in work) for when in ("before", "after"))
    launches = sum(len(each.names) for each in work)
    arrow = f"{launches} -> {len(work)}"
    return [
        *lines,
        f"  {'':>7} {arrow:>9} {_human(before):>10} {_human(after):>10}  in all, of what is elementwise or sums",
    ]


def _sum(sizes: Any) -> int | None:
    found = list(sizes)
    return None if None in found else sum(found)


def _human(size: int | None) -> str:
    """Bytes as people read them."""
    if size is None:
        return "-"
    if size < 1024:
        return f"{size} B"
    return f"{size / 1024:.1f} KB" if size < 1 << 20 else f"{size / 2**20:.1f} MB"
