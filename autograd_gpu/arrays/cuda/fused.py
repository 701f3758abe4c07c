"""A recorded graph's launches, made fewer: groups of them compiled to kernels of their own. Knows graphs that keep
their launches, as the emulator's do."""

from __future__ import annotations

import functools
import sys
from typing import Any

from autograd_gpu.arrays.cuda import driver
from autograd_gpu.arrays.cuda.launch import KERNEL_OF
from autograd_gpu.arrays.cuda.map import MapKernel, geometry
from autograd_gpu.arrays.fusion import groups, text
from autograd_gpu.arrays.fusion.groups import Access, Group, Memory, Node
from autograd_gpu.arrays.fusion.launches import Map, Pointer, Signature, pointers, read_map, signature
from autograd_gpu.arrays.sources import SCALARS, CompileError, source

ANYWHERE = 1 << 62  # behind every address
# Tables of addresses may lie on the device, where nobody looks.
BARRIERS = ("optim.cu",)


class Fused:
    """What became of a graph: its nodes, and in their order those that are left and the groups that became one."""

    def __init__(self, nodes: list[Node], units: list[Node | Group]) -> None:
        self.nodes, self.units = nodes, units


def fuse(graph: Any, pool: Any) -> Fused | None:
    """Let the graph do the same in fewer launches; None where nobody can tell what lives in its memory when.

    The emulator's pool holds the memory that the graph was given, each piece given once.
    """
    if not isinstance(pool, list):
        return None
    lives = [(_address(x), x.nbytes, 0, -1 if sys.getrefcount(x) > _HELD else 1 << 60) for x in pool]
    memory = Memory(lives, [])
    nodes = _nodes(graph.launches, memory)
    groups.connect(nodes, memory)
    gpu, made, launches = driver.current(), [], {}
    for group in groups.find(nodes):
        try:
            function = _function(gpu, text.write(group.plan, _source), text.format_of(group.plan))
        except CompileError:
            continue
        made.append(group)
        launches[id(group)] = (function, *geometry(group.plan.count), text.pack(group.plan), 0)
    units = []
    for part in range(nodes[-1].part + 1 if nodes else 0):
        own = [node for node in nodes if node.part == part]
        units += groups.order(own, [group for group in made if nodes[group.members[0]].part == part], nodes)
    graph.launches = [launches[id(unit)] if isinstance(unit, Group) else graph.launches[unit.time] for unit in units]
    return Fused(nodes, units)


_HELD = 3  # references to an array that only the pool has, as seen from the comprehension above


def _address(x: Any) -> int:
    return x.__array_interface__["data"][0]


def _source(name: str) -> str:
    return source(name if name.endswith(".cu") else f"include/{name}")


@functools.cache
def _function(gpu: Any, one: str, format: str) -> Any:
    return gpu.load_text(one, text.NAME, ()).function(text.NAME, format)


def _nodes(launches: list, memory: Memory) -> list[Node]:
    maps = {(made.file, made.name): made for made in MapKernel.all}
    nodes: list[Node] = []
    part = 0
    for time, (function, _, _, packed, _) in enumerate(launches):
        found = KERNEL_OF.get(id(function))
        if found is None:  # no kernel: a library's work, past which nothing is moved
            node = Node("call", time, None, [Access(0, ANYWHERE, True, True)])
            node.index, node.part = len(nodes), part + 1
            part += 2
            nodes.append(node)
            continue
        kernel, dtype = found
        made = maps.get((kernel.file, kernel.name)) if kernel.file in text.FILES else None
        what = read_map(made.file, made.name, dtype, made.operands, made.gives, packed) if made else None
        if what is not None and not what.sides:  # a fill
            what = None
        is_barrier = kernel.file in BARRIERS
        part += is_barrier
        accesses = _of_map(what) if what else _of_any(pointers(packed, _signature(kernel), SCALARS[dtype][2]), memory)
        node = Node(kernel.name.removeprefix("unary_").removeprefix("binary_"), time, what, accesses)
        node.index, node.part = len(nodes), part
        part += is_barrier
        nodes.append(node)
    return nodes


@functools.cache
def _signature(kernel: Any) -> Signature:
    return signature(source(kernel.file), kernel.name, kernel.format)


def _of_map(what: Map) -> list[Access]:
    reads = [Access(*side.range, False, True) for side in what.sides]
    return [*reads, Access(*what.out.range, True, not what.out.is_flat)]


def _of_any(found: list[Pointer], memory: Memory) -> list[Access]:
    """All of what a pointer points into; anything outside where it is not the graph's."""
    touched: dict[tuple[int, int], bool] = {}
    for each in found:
        region = memory.region(each.address)
        if region is None and each.is_certain and each.address:
            region = 0, ANYWHERE
        if region is not None:
            touched[region] = touched.get(region, False) or each.may_write
    return [Access(*region, writes, True) for region, writes in touched.items()]
