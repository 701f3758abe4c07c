"""Finds graphs that outlive their training step: ``total += loss`` keeps every step's graph alive.

Knows which nodes were roots of a backward, and looks for the tensors that keep them only once one has lived too long.
"""

from __future__ import annotations

import gc
import warnings
import weakref
from typing import NamedTuple

from ..engine import Node
from ..tensor import Tensor
from ..user_line import line_of
from ..views import edge_of
from .backward import _watchers
from .saved_memory import nodes_behind


class Retained(NamedTuple):
    """A tensor that keeps the graphs of finished steps alive."""

    line: str  # of the user's program, where the tensor was computed
    operation: str  # that computed it
    shape: tuple[int, ...]
    graphs: int  # how many finished backwards' graphs it keeps


class detect_retention:
    """Within this context, warn when a tensor keeps the graphs of earlier backwards alive, and name its line.

    A graph is expected to be gone `after` further backwards. What was found is in ``.found``. For debugging: each
    backward looks at the roots of the earlier ones, and a finding walks over all live objects.
    """

    def __init__(self, after: int = 3) -> None:
        if after < 1:
            raise ValueError(f"detect_retention: expected a positive number of backwards, but got after={after}")
        self.after = after
        self.found: list[Retained] = []
        self._roots: list[weakref.ref[Node]] = []  # of each backward so far, while it lives
        self._count = 0

    def __enter__(self) -> detect_retention:
        _watchers.append(self._before_backward)
        return self

    def __exit__(self, *exception: object) -> None:
        _watchers.remove(self._before_backward)

    def _before_backward(self, roots: tuple[Tensor, ...]) -> None:
        self._roots = [root for root in self._roots if root() is not None]
        known = {id(root()) for root in self._roots}
        old = self._roots[: -self.after]
        if old:
            self._search({node for root in old if (node := root()) is not None})
        for root in roots:
            node = root.grad_fn
            if node is not None and id(node) not in known:  # retain_graph: the same step goes on
                self._roots.append(weakref.ref(node))

    def _search(self, old: set[Node]) -> None:
        named = {retained.line for retained in self.found}
        for tensor in [o for o in gc.get_objects() if isinstance(o, Tensor) and edge_of(o) is not None]:
            graphs = sum(node in old for node in nodes_behind([tensor]))
            line = line_of(getattr(tensor.grad_fn, "where", None))
            if not graphs or line in named:
                continue
            named.add(line)
            retained = Retained(line, tensor.grad_fn.name(), tuple(tensor.shape), graphs)  # type: ignore[union-attr]
            self.found.append(retained)
            warnings.warn(
                f"a tensor of shape {retained.shape}, computed by {retained.operation} at {line}, keeps the graphs of "
                f"{graphs} earlier backward calls alive. Add numbers instead: total += loss.item(), or loss.detach().",
                stacklevel=6,
            )
