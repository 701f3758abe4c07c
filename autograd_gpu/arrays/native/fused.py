"""A recording's launches, made fewer: groups of them are compiled to kernels of their own, and put on a new tape."""

from __future__ import annotations

import concurrent.futures
import ctypes
import functools
import os
import struct
import sys
from collections import Counter
from collections.abc import Iterable
from itertools import groupby
from typing import NamedTuple

from autograd_gpu.arrays.fusion import groups, text
from autograd_gpu.arrays.fusion.groups import Access, Group, Memory, Node
from autograd_gpu.arrays.fusion.launches import (
    Map,
    Reduction,
    Signature,
    pointers,
    read_map,
    read_reduction,
    signature,
)
from autograd_gpu.arrays.native import build, runtime
from autograd_gpu.arrays.native.launch import Kernel
from autograd_gpu.arrays.native.launch import Map as MapFunction
from autograd_gpu.arrays.native.tape import Launch, Tape
from autograd_gpu.arrays.sources import SCALARS, CompileError
from autograd_gpu.settings import get_num_threads

ALONE, SHARED = 0, 1  # who runs a launch's blocks (runtime/tape.h)


class Part(NamedTuple):
    """Launches of a tape between two calls of the host's, or such a call: the memory that it reads and writes."""

    first: int
    last: int
    touches: list[tuple[int, int]]
    name: str = ""
    is_constant: bool = False  # the call writes the same each time, to memory that lies nowhere else


class Fused:
    """What became of a recording: a tape, what a replay does, and what its kernels are made of.

    `calls` are ranges of the tape, and between them the numbers of the parts that are the host's.
    """

    def __init__(
        self, tape: Tape, calls: list[int | tuple[int, int]], nodes: list[Node], units: list[Node | Group]
    ) -> None:
        self.tape, self.calls, self.nodes, self.units = tape, calls, nodes, units

    @property
    def groups(self) -> list[Group]:
        """Those that became a kernel."""
        return [unit for unit in self.units if isinstance(unit, Group)]


def fuse(tape: Tape, parts: list[Part], lives: Iterable[tuple[int, int, int, int]], outside: list) -> Fused:
    """The same work in fewer launches; groups whose kernels do not compile stay as they are."""
    memory = Memory(lives, outside)
    nodes = _without_constants(_nodes(tape, parts, memory), parts, memory)
    groups.connect(nodes, memory)
    found = groups.find(nodes)
    texts = {id(group): text.write(group.plan, _source) for group in found}
    entries = _compiled(set(texts.values()))
    made = [group for group in found if texts[id(group)] in entries]
    launches = {id(group): _launch(group, entries[texts[id(group)]]) for group in made}
    fused, calls, units = Tape(), [], []
    for part, members in groupby(nodes, lambda node: node.part):
        own, first = list(members), len(fused)
        if own[0].call is not None:
            calls.append(own[0].call)
            units += own
            continue
        inside = [group for group in made if nodes[group.members[0]].part == part]
        for unit in groups.order(own, inside, nodes):
            fused.add(launches[id(unit)] if isinstance(unit, Group) else tape[unit.time])
            units.append(unit)
        calls.append((first, len(fused)))
    return Fused(fused, calls, nodes, units)


# ---- reading a tape


def _nodes(tape: Tape, parts: list[Part], memory: Memory) -> list[Node]:
    kernels = {(made.file, made.kernel): made for made in MapFunction.all}
    tables = {id(table) + bytes.__basicsize__ - 1: table for table in tape.objects()}  # by where their words begin
    nodes: list[Node] = []
    for number, part in enumerate(parts):
        if part.last <= part.first:
            accesses = [Access(*touched, True, True) for touched in part.touches]
            nodes.append(Node(part.name, part.first, None, accesses, number))
        for time in range(part.first, part.last):
            launch = tape[time]
            what = _what(launch, kernels)
            accesses = _accesses(what, memory) if what is not None else _any_access(launch, tables, memory)
            if isinstance(what, Reduction) and not _is_worth_it(what):
                what = None
            name = runtime.KERNEL_AT.get(launch.entry, ("", "", "product"))[2]
            nodes.append(Node(name.removeprefix("unary_").removeprefix("binary_"), time, what, accesses))
    return nodes


def _without_constants(nodes: list[Node], parts: list[Part], memory: Memory) -> list[Node]:
    """Without the calls that write what is there already and stays; with the places that the others have then."""
    written = Counter(memory.region(access.low) for node in nodes for access in node.accesses if access.writes)
    left: list[Node] = []
    calls = 0
    for node in nodes:
        if node.call is not None:
            region = memory.region(node.accesses[0].low) if parts[node.call].is_constant else None
            if region is not None and written[region] == 1 and memory.end(region, node.time) >= 0:
                continue
            calls += 1
        node.index, node.part = len(left), calls
        left.append(node)
        calls += node.call is not None
    return left


def _what(launch: Launch, kernels: dict[tuple[str, str], MapFunction]) -> Map | Reduction | None:
    file, dtype, kernel = runtime.KERNEL_AT.get(launch.entry, ("", "", ""))
    made = kernels.get((file, kernel))
    if made is not None and file in text.FILES:
        gives = None if made.gives is None else runtime.NAME[made.gives]
        return read_map(file, kernel, dtype, made.operands, gives, launch.arguments)
    way, _, name = kernel.partition("_")
    if file == "reduce.cu" and way in ("rows", "columns") and name in text.REDUCTIONS:
        return read_reduction(kernel, dtype, launch.arguments, launch.grid[:2])
    return None


def _is_worth_it(reduction: Reduction) -> bool:
    return reduction.sizes[2] >= groups.LEAST_ROW


def _accesses(what: Map | Reduction, memory: Memory) -> list[Access]:
    if isinstance(what, Map):
        return [
            *(Access(*side.range, False, True) for side in what.sides),
            Access(*what.out.range, True, not what.out.is_flat),
        ]
    places = [place for place in (what.partial, what.out) if place]
    whole = [memory.region(place) or (place, place + 1) for place in places]
    return [Access(*what.x.range, False, True), *(Access(*region, True, True) for region in whole)]


def _any_access(launch: Launch, tables: dict[int, bytes], memory: Memory) -> list[Access]:
    """Every word that is an address where something lies: all that lies there may be read, and written where the
    kernel does not say that it only reads."""
    read = _read_alone(launch)
    words = list(_words(launch.arguments))
    found = {place: place not in read for place in words}
    found.update((word, True) for place in words if place in tables for word in _words(tables[place]))
    regions: dict[tuple[int, int], bool] = {}
    for place, writes in found.items():
        if (region := memory.region(place)) is not None:
            regions[region] = regions.get(region, False) or writes
    return [Access(*region, writes, True) for region, writes in regions.items()]


def _read_alone(launch: Launch) -> set[int]:
    """The addresses that a launch only reads: what products multiply, and what a kernel's signature calls const."""
    if launch.entry not in runtime.KERNEL_AT:
        packed = launch.arguments
        return {struct.unpack_from("Q", packed, at)[0] for at in (0, _SIDE)} if len(packed) > 2 * _SIDE else set()
    file, dtype, name = runtime.KERNEL_AT[launch.entry]
    found = pointers(launch.arguments, _signature(file, name), SCALARS[dtype][2])
    return {each.address for each in found} - {each.address for each in found if each.may_write}


_SIDE = 88  # bytes before the second matrix of Products (runtime/product.cpp)


@functools.cache
def _signature(file: str, name: str) -> Signature:
    formats = [kernel.format for kernel in Kernel.all if (kernel.file, kernel.name) == (file, name)]
    return signature(build.host_source(file), name, formats[0]) if formats else ()


def _words(packed: bytes) -> tuple[int, ...]:
    return struct.unpack_from(f"{len(packed) // 8}Q", packed)


# ---- kernels


def _source(name: str) -> str:
    return build.host_source(name) if name.endswith(".cu") else build.host_header(name)


def _compiled(texts: set[str]) -> dict[str, int]:
    """The entry of each text's kernel; a text that does not compile is left out."""
    missing = [one for one in texts if one not in _entries]
    if missing:
        if len(missing) > (there := sum(build.text_path(one).exists() for one in missing)):
            _say(len(missing) - there)
        with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            for one, entry in zip(missing, pool.map(_entry, missing), strict=True):
                _entries[one] = entry
    return {one: entry for one in texts if (entry := _entries[one]) is not None}


_entries: dict[str, int | None] = {}


def _entry(one: str) -> int | None:
    try:
        library = ctypes.CDLL(str(build.build_text(one)))
    except (CompileError, OSError) as error:
        runtime.failures[text.NAME, one] = str(error)
        return None
    return ctypes.cast(getattr(library, f"{text.NAME}_host"), ctypes.c_void_p).value


def _say(count: int) -> None:
    """A line, to a person only, that explains the wait."""
    if sys.stderr is not None and sys.stderr.isatty():
        print(f"autograd_gpu: compiling {count} fused kernels for this processor, each once", file=sys.stderr)


def _launch(group: Group, entry: int) -> Launch:
    plan = group.plan
    work = plan.count * len(plan.steps)
    grid = max(1, min(plan.count // 8192, 1024)), 1, 1
    if plan.reduction:
        reduction = plan.reduction[0]
        rows, slices = reduction.grid
        if reduction.way == "columns":  # neighbouring strips at once
            rows = max(1, -(-rows // 8), min(rows, get_num_threads()))
        grid = rows, slices, 1
    way = SHARED if work >= runtime.SHARED_FROM else ALONE
    if way == SHARED and plan.reduction is None:
        grid = max(2, grid[0]), 1, 1
    return Launch(entry, text.pack(plan), way, grid)
