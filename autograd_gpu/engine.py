"""Reverse-mode graph engine. Knows nodes and edges; never looks inside a gradient.

A node's sequence number is larger than those of the nodes it leads to, so running the largest pending number first
runs every node once, after all its consumers, without counting dependencies beforehand.
"""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Iterable, Sequence
from heapq import heappop, heappush
from typing import Any

Edge = tuple["Node", int]  # a node and which of its outputs the gradient belongs to

next_sequence = itertools.count(1).__next__


class Node:
    """One recorded operation. Subclasses give ``run``: gradients of the outputs in, gradients of the inputs out."""

    edges: tuple[Edge | None, ...] = ()  # where the gradient of each input goes; None where nobody asked for it
    sequence = 0
    outputs = 1
    hooks: Hooks | None = None
    wanted: set[Node] | None = None  # during grad(inputs=...): the nodes on a path to what was asked for

    def run(self, gradients: list[Any]) -> Sequence[Any]:
        """Return one gradient (or None) per edge."""
        raise NotImplementedError

    def release(self) -> None:
        """Forget what was saved for backward."""

    def _sequence_nr(self) -> int:
        """Return the node's place in the order of recording, by which backward runs in reverse."""
        return self.sequence

    def needs(self, index: int) -> bool:
        """Whether the gradient of input `index` is used by anyone."""
        edge = self.edges[index]
        return edge is not None and (self.wanted is None or edge[0] in self.wanted)


class Hooks:
    """What users hung on a node: per-output tensor hooks and retain_grad, node pre-hooks and post-hooks."""

    __slots__ = ("tensor", "retain", "before", "after")

    def __init__(self) -> None:
        self.tensor: dict[int, dict[int, Callable]] = {}  # output number -> handle id -> hook
        self.retain: dict[int, Callable] = {}  # output number -> what keeps the gradient
        self.before: dict[int, Callable] = {}
        self.after: dict[int, Callable] = {}


class RemovableHandle:
    """Removes a hook: ``handle.remove()``, or as a context manager at the end of the block."""

    _next_id = itertools.count().__next__

    def __init__(self, table: dict[int, Callable]) -> None:
        self.table, self.id = table, self._next_id()

    def remove(self) -> None:
        self.table.pop(self.id, None)

    def __enter__(self) -> RemovableHandle:
        return self

    def __exit__(self, *exception: object) -> None:
        self.remove()


def add_hook(table: dict[int, Callable], hook: Callable) -> RemovableHandle:
    """Put a hook at the end of a table of hooks and return the handle that removes it."""
    handle = RemovableHandle(table)
    table[handle.id] = hook
    return handle


def hooks_of(node: Node) -> Hooks:
    """Return a node's hooks, made on first use."""
    if node.hooks is None:
        node.hooks = Hooks()
    return node.hooks


def run_backward(
    roots: Iterable[tuple[Edge, Any]],
    accumulate: Callable[[Any, Any, bool], Any],
    *,
    keep_graph: bool,
    targets: Sequence[Edge] | None = None,
) -> dict[Edge, Any]:
    """Run the graph from `roots`, (edge, gradient) pairs.

    `accumulate(sum, gradient, private)` adds two gradients; `private` says that `sum` is one of its own earlier
    results which nobody else has seen. With `targets`, only nodes on a path to them run, leaves keep nothing, and the
    gradients that arrived at the targets are returned.
    """
    roots = list(roots)
    wanted_outputs = frozenset(targets or ())
    ends = {node for node, _ in wanted_outputs}
    leading = _nodes_leading_to(ends, [edge[0] for edge, _ in roots]) if ends else set()
    wanted = None if targets is None else ends | leading
    captured: dict[Edge, Any] = {}
    pending: dict[int, tuple[Node, list[Any]]] = {}  # by sequence number: the node and its outputs' gradients so far
    private: set[tuple[int, int]] = set()  # (sequence, output) whose gradient is a sum made here
    order: list[int] = []  # a heap of negated sequence numbers

    edges: Sequence[Edge | None] = [edge for edge, _ in roots]
    results: Sequence[Any] = [gradient for _, gradient in roots]
    del roots
    while True:
        for edge, gradient in zip(edges, results):
            if edge is None or gradient is None:
                continue
            node, number = edge
            if wanted is not None and node not in wanted:
                continue
            sequence = node.sequence
            entry = pending.get(sequence)
            if entry is None:
                gradients = [None] * node.outputs
                gradients[number] = gradient
                pending[sequence] = (node, gradients)
                heappush(order, -sequence)
            elif entry[1][number] is None:
                entry[1][number] = gradient
            else:
                key = (sequence, number)
                entry[1][number] = accumulate(entry[1][number], gradient, key in private)
                private.add(key)
        entry = gradient = None
        results = ()
        if not order:
            return captured
        node, gradients = pending.pop(-heappop(order))
        if node.hooks is not None:
            _run_tensor_hooks(node, gradients)
        if wanted is not None:
            if node in ends:
                for number, gradient in enumerate(gradients):
                    if (node, number) in wanted_outputs:
                        captured[node, number] = gradient
                gradient = None
            if node not in leading:
                edges = ()
                continue
            node.wanted = wanted
        edges = node.edges
        results = node.run(gradients) if node.hooks is None else run_node(node, gradients)
        gradients = []
        if not keep_graph:
            node.release()
        if wanted is not None:
            node.wanted = None


def _run_tensor_hooks(node: Node, gradients: list[Any]) -> None:
    hooks = node.hooks
    assert hooks is not None
    for number, table in list(hooks.tensor.items()):
        for hook in list(table.values()):  # an output that nothing came to has None, once its node runs at all
            replacement = hook(gradients[number])
            if replacement is not None:
                if gradients[number] is None:
                    raise RuntimeError("can't replace a None gradient with a non-None value")
                gradients[number] = replacement
    for number, keep in list(hooks.retain.items()):
        if gradients[number] is not None:
            keep(gradients[number])


def run_node(node: Node, gradients: list[Any]) -> Sequence[Any]:
    """Return what the node makes of its outputs' gradients, and what its own hooks make of that."""
    hooks = node.hooks
    if hooks is None:
        return node.run(gradients)
    for hook in list(hooks.before.values()):
        replacement = hook(tuple(gradients))
        if replacement is not None:
            replaced = list(replacement) if isinstance(replacement, (tuple, list)) else [replacement]
            if len(replaced) != len(gradients):
                raise RuntimeError(
                    f"hook '{getattr(hook, '__name__', type(hook).__name__)}' has returned an incorrect number of "
                    f"values (got {len(replaced)}, but expected {len(gradients)})"
                )
            gradients = replaced
    results = node.run(list(gradients))
    for hook in list(hooks.after.values()):
        replacement = hook(tuple(results), tuple(gradients))
        if replacement is not None:
            results = replacement if isinstance(replacement, (tuple, list)) else (replacement,)
    return results


def _nodes_leading_to(ends: set[Node], roots: Iterable[Node]) -> set[Node]:
    """Return the nodes reachable from `roots` from which one of `ends` can be reached by at least one edge."""
    oldest = min(node.sequence for node in ends)  # what is older leads to none of them
    reached: set[Node] = set()
    stack = list(roots)
    while stack:
        node = stack.pop()
        if node not in reached and node.sequence >= oldest:
            reached.add(node)
            for edge in node.edges:
                if edge is not None:
                    stack.append(edge[0])
    leading: set[Node] = set()
    for node in sorted(reached, key=_sequence_of):  # each after those it leads to
        for edge in node.edges:
            if edge is not None and (edge[0] in leading or edge[0] in ends):
                leading.add(node)
                break
    return leading


_sequence_of = operator.attrgetter("sequence")
