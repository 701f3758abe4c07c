"""Which launches become one kernel: elementwise ones that hand values on or read the same, and a reduction of what they
give. Knows what launches read and write; neither how a kernel is written nor where it runs.

Two launches may be one if nothing that has to run between them depends on the first, and if what one of them hands to
the other is, element by element, the very place. What nobody else reads is not written.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from heapq import heappop, heappush
from typing import NamedTuple

from autograd_gpu.arrays.fusion.launches import MAX_DIMS, Map, Number, Reduction, Side

MOST_LAUNCHES, MOST_ARRAYS = 64, 14  # of a group: what a launch's arguments have room for
ANYTIME = 1 << 62  # behind every time
LEAST_ROW = 256  # elements of a row or of a line of columns: fewer are reduced sooner by themselves


class Access(NamedTuple):
    """Bytes that a launch reads or writes."""

    low: int
    high: int
    writes: bool
    reads: bool = False


class Node:
    """A launch, or a call of the host's. `what` is None of one that stays as it is, `call` the number of a host's."""

    def __init__(
        self, name: str, time: int, what: Map | Reduction | None, accesses: list[Access], call: int | None = None
    ) -> None:
        self.name, self.time, self.what, self.accesses, self.call = name, time, what, accesses, call
        self.index = self.part = 0  # its place in the order, and how many calls of the host's are before
        self.before: set[int] = set()  # nodes that have to run before
        self.sources: set[int] = set()  # nodes that have written, or may have, what it reads
        self.readers: set[int] = set()  # of what a map writes
        self.outlives = True  # whether what it writes is found after the step


class Step(NamedTuple):
    """A function of a group: its launch, and for each operand the number of a step, an input or a number."""

    launch: Map
    operands: tuple[tuple[str, int], ...]  # ("step", n), ("input", n), ("number", n)


class Plan(NamedTuple):
    """A kernel: what it reads, computes, writes, and reduces."""

    count: int
    inputs: tuple[Side, ...]
    steps: tuple[Step, ...]
    outputs: tuple[tuple[Side, int], ...]  # and the steps that give them
    reduction: tuple[Reduction, tuple[str, int]] | None
    sizes: tuple[int, ...]  # of the dimensions that all arrays have in common, innermost first

    @property
    def numbers(self) -> list[Number]:
        """All numbers, in the order of the steps."""
        found: list[Number] = []
        for step in self.steps:
            found += [x for x in step.launch.operands if isinstance(x, Number)]
            found += step.launch.numbers
        return found

    def strides(self, side: Side) -> list[int]:
        """An array's strides along the common dimensions."""
        found: list[int] = []
        dims = list(side.dims)
        size, stride = dims.pop(0)
        for common in self.sizes:
            found.append(stride)
            size, stride = size // common, stride * common
            if size == 1 and dims:
                size, stride = dims.pop(0)
        return found

    @property
    def nbytes(self) -> int:
        """What it reads and writes."""
        return sum(side.nbytes for side in self.inputs) + sum(side.nbytes for side, _ in self.outputs)


class Group(NamedTuple):
    members: tuple[int, ...]
    plan: Plan


class Memory:
    """Blocks of memory that are handed out again, and what lived in them when; memory from outside."""

    def __init__(self, lives: Iterable[tuple[int, int, int, int]], outside: Iterable[tuple[int, int]]) -> None:
        """`lives` are address, size, the times from and to, negative for one that goes on; `outside` are ranges."""
        self._lives: dict[int, list[tuple[int, int]]] = defaultdict(list)
        blocks: dict[int, int] = {}
        for place, size, start, end in lives:
            blocks[place] = size
            self._lives[place].append((start, end))
        ranges = [(place, place + size) for place, size in blocks.items()]
        for low, high in sorted(outside):
            if ranges and ranges[-1][0] not in blocks and low < ranges[-1][1]:
                ranges[-1] = ranges[-1][0], max(high, ranges[-1][1])
            elif high > low:
                ranges.append((low, high))
        self.ranges = sorted(ranges)
        self.starts = [low for low, _ in self.ranges]

    def region(self, address: int) -> tuple[int, int] | None:
        """The block or the outside memory that an address lies in."""
        at = bisect_right(self.starts, address) - 1
        return self.ranges[at] if at >= 0 and address < self.ranges[at][1] else None

    def end(self, region: tuple[int, int] | None, time: int) -> int:
        """When what lives there at a time ends; negative if it does not."""
        if region is None:
            return -1
        lives = self._lives.get(region[0], [])
        for at in range(bisect_right(lives, (time, ANYTIME)) - 1, -1, -1):
            end = lives[at][1]
            if end < 0 or time < end:
                return end
            if end < time:
                break
        return -1


# ---- who depends on whom


def connect(nodes: list[Node], memory: Memory) -> None:
    """Fill in what has to run before each node, and who reads what a map writes."""
    history: dict[tuple[int, int] | None, list[tuple[Node, Access]]] = defaultdict(list)
    for node in nodes:
        for access in node.accesses:
            region = memory.region(access.low)
            earlier = history[region]
            left = []
            for other, there in earlier:
                overlaps = there.low < access.high and access.low < there.high
                if overlaps and other is not node and access.reads and there.writes:
                    node.sources.add(other.index)
                if overlaps and other is not node and other.part == node.part and (access.writes or there.writes):
                    node.before.add(other.index)
                covered = access.writes and access.low <= there.low and there.high <= access.high
                if not covered or other is node:
                    left.append((other, there))
            left.append((node, access))
            history[region] = left
    touched: dict[tuple[int, int] | None, list[tuple[Node, Access]]] = defaultdict(list)
    for node in nodes:
        for access in node.accesses:
            touched[memory.region(access.low)].append((node, access))
    for region, accesses in touched.items():
        for at, (node, access) in enumerate(accesses):
            if not isinstance(node.what, Map) or not access.writes:
                continue
            end = memory.end(region, node.time)
            node.outlives = end < 0
            for later in range(at + 1, len(accesses)):
                other, there = accesses[later]
                if other is node:
                    continue
                if end >= 0 and other.time >= end and not (other.call is not None and other.time == end):
                    break
                if there.low >= access.high or access.low >= there.high:
                    continue
                if there.reads:
                    node.readers.add(other.index)
                if there.writes and not there.reads and there.low <= access.low and access.high <= there.high:
                    node.outlives = False
                    break


# ---- what one kernel would do


def plan(members: list[Node]) -> Plan | None:
    """The kernel that does what these nodes do, in their order; None where there is none."""
    if len(members) > MOST_LAUNCHES:
        return None
    indices = {node.index for node in members}
    count = members[0].what.count
    inputs: dict[Side, int] = {}
    steps: list[Step] = []
    written: list[tuple[Side, int, Node]] = []  # in order
    reduction: tuple[Reduction, tuple[str, int]] | None = None

    def source(side: Side) -> tuple[str, int] | None:
        low, high = side.range
        for place, step, _ in reversed(written):
            if place.range[0] < high and low < place.range[1]:
                return ("step", step) if place == side else None
        return "input", inputs.setdefault(side, len(inputs))

    numbers = 0
    for node in members:
        what = node.what
        if what.count != count:
            return None
        if isinstance(what, Reduction):
            given = source(what.x)
            if reduction is not None or given is None:
                return None
            reduction = what, given
            continue
        operands: list[tuple[str, int]] = []
        for operand in what.operands:
            if isinstance(operand, Number):
                operands.append(("number", numbers))
                numbers += 1
                continue
            given = source(operand)
            if given is None:
                return None
            operands.append(given)
        numbers += len(what.numbers)
        written.append((what.out, len(steps), node))
        steps.append(Step(what, tuple(operands)))
    outputs: dict[Side, int] = {}
    for side, step, node in written:
        outputs.pop(side, None)  # written again
        if node.outlives or node.readers - indices:
            outputs[side] = step
    if len(inputs) + len(outputs) > MOST_ARRAYS or not (outputs or reduction):
        return None
    for place in outputs:
        for other in (*inputs, *outputs):
            if other is not place and _overlap(place, other) and (place.dims, place.width) != (other.dims, other.width):
                return None
            if other in inputs and _overlap(place, other) and place.address != other.address:
                return None
    if reduction is not None and not _stays_whole(reduction[0], inputs, outputs):
        return None
    sizes = _common([side.dims for side in (*inputs, *outputs)], count)
    if sizes is None:
        return None
    return Plan(count, tuple(inputs), tuple(steps), tuple(outputs.items()), reduction, sizes)


def _overlap(x: Side, y: Side) -> bool:
    return x.range[0] < y.range[1] and y.range[0] < x.range[1]


def _stays_whole(reduction: Reduction, inputs: Iterable[Side], outputs: Iterable[Side]) -> bool:
    """Whether what the reduction writes is none of what is read or written element by element."""
    places = [place for place in (reduction.partial, reduction.out) if place]
    return not any(
        low <= place < high for side in (*inputs, *outputs) for low, high in [side.range] for place in places
    )


def _common(every: list[tuple[tuple[int, int], ...]], count: int) -> tuple[int, ...] | None:
    """Sizes of dimensions that all arrays can be walked along; None where they do not divide each other."""
    ends = {count}
    for dims in every:
        end = 1
        for size, _ in dims:
            end *= size
            ends.add(end)
    ends.discard(1)
    sizes, before = [], 1
    for end in sorted(ends):
        if end % before:
            return None
        sizes.append(end // before)
        before = end
    return tuple(sizes) if len(sizes) <= MAX_DIMS else None


# ---- finding


def find(nodes: list[Node]) -> list[Group]:
    """Groups of connected nodes, each of more than one launch."""
    group_of: dict[int, list[int]] = {}
    writer: dict[Side, int] = {}
    readers: dict[Side, list[int]] = defaultdict(list)
    for node in nodes:
        what = node.what
        if what is None:
            continue
        sides = [what.x] if isinstance(what, Reduction) else what.sides
        nearest = {writer[side] for side in sides if side in writer}
        for side in sides:
            if side.is_flat:
                nearest.update(readers[side][-4:])
        current = [node.index]
        for other in sorted(nearest, reverse=True):
            members = group_of.get(other, [other])
            if members is current or other in current or nodes[other].part != node.part:
                continue
            together = sorted({*current, *members})
            if _is_closed(together, nodes, group_of) and plan([nodes[i] for i in together]) is not None:
                current = together
        for index in current:
            group_of[index] = current
        for side in sides:
            readers[side].append(node.index)
        if isinstance(what, Map):
            writer[what.out] = node.index
    found = {id(members): members for members in group_of.values() if len(members) > 1}
    return [Group(tuple(members), plan([nodes[i] for i in members])) for members in found.values()]


def _is_closed(together: list[int], nodes: list[Node], group_of: dict[int, list[int]]) -> bool:
    """Whether nothing outside depends on one of them and has another depend on it."""
    own, least = set(together), together[0]
    seen: set[int] = set()
    waiting = [i for member in together for i in nodes[member].before if i not in own]
    while waiting:
        index = waiting.pop()
        if index in seen:
            continue
        members = group_of.get(index, [index])
        if own.intersection(members):
            members = [index]
        if max(members) < least:
            continue
        seen.update(members)
        for member in members:
            before = nodes[member].before
            if before & own:
                return False
            waiting += before - seen
    return True


def order(part: list[Node], groups: list[Group], nodes: list[Node]) -> list[Node | Group]:
    """All of a part in an order in which it can run, as near to the recorded one as there is."""
    unit_of: dict[int, Node | Group] = {node.index: node for node in part}
    unit_of.update((index, group) for group in groups for index in group.members)
    key = {id(unit): unit.members[-1] if isinstance(unit, Group) else unit.index for unit in unit_of.values()}
    waits: dict[int, set[int]] = {}
    after: dict[int, list[Node | Group]] = defaultdict(list)
    for unit in {id(unit): unit for unit in unit_of.values()}.values():
        members = unit.members if isinstance(unit, Group) else (unit.index,)
        earlier = {id(unit_of[i]): unit_of[i] for member in members for i in nodes[member].before}
        earlier.pop(id(unit), None)
        waits[id(unit)] = set(earlier)
        for other in earlier.values():
            after[id(other)].append(unit)
    ready: list[tuple[int, int, Node | Group]] = []
    units = {id(unit): unit for unit in unit_of.values()}
    for name, unit in units.items():
        if not waits[name]:
            heappush(ready, (key[name], name, unit))
    found: list[Node | Group] = []
    while ready:
        _, name, unit = heappop(ready)
        found.append(unit)
        for later in after[name]:
            waits[id(later)].discard(name)
            if not waits[id(later)]:
                heappush(ready, (key[id(later)], id(later), later))
    if len(found) != len(units):
        raise AssertionError("the groups of a recording wait for each other")
    return found
