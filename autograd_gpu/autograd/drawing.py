"""A graph as a picture and as text: every node with its output's shape and the user line that recorded it.

Knows nodes and edges, and Graphviz's language; for SVG it runs Graphviz's own program.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..engine import Edge
from ..tensor import AccumulateGrad, Tensor
from ..user_line import line_of
from ..views import edge_of
from .saved_memory import nodes_behind


class Drawing:
    """Something in Graphviz's language, ``dot``, and in words, ``text``. Prints as its text; notebooks show the SVG."""

    @property
    def text(self) -> str:
        raise NotImplementedError

    @property
    def dot(self) -> str:
        raise NotImplementedError

    def svg(self) -> str:
        """The picture as SVG. RuntimeError when Graphviz's `dot` is not installed."""
        program = shutil.which("dot")
        if program is None:
            raise RuntimeError(
                "svg: needs Graphviz's `dot` program, which is not on the PATH. Install it (apt install graphviz, brew "
                "install graphviz), or use .dot or .text."
            )
        return subprocess.run([program, "-Tsvg"], input=self.dot, capture_output=True, text=True, check=True).stdout

    def save(self, path: str | Path) -> None:
        """Write it to a file, in the format that its ending names: .svg, .dot or .txt."""
        path = Path(path)
        formats = {".svg": self.svg, ".dot": lambda: self.dot, ".gv": lambda: self.dot, ".txt": lambda: self.text}
        if path.suffix not in formats:
            raise ValueError(f"save: expected a name ending in .svg, .dot, .gv or .txt, but got {path.name!r}")
        path.write_text(formats[path.suffix]() + "\n")

    def _repr_svg_(self) -> str | None:
        return self.svg() if shutil.which("dot") else None

    def __str__(self) -> str:
        return self.text

    __repr__ = __str__


class GraphDrawing(Drawing):
    """The graph behind some tensors: ``text``, ``dot`` and ``svg()``. Prints as its text; notebooks show the SVG."""

    def __init__(self, roots: tuple[Tensor, ...], names: dict[int, str]) -> None:
        self._edges: list[Edge] = [edge for root in roots if (edge := edge_of(root)) is not None]
        self._names = names
        nodes = sorted(nodes_behind(roots), key=lambda node: node.sequence, reverse=True)
        self._numbers = {node: number for number, node in enumerate(nodes)}

    @property
    def text(self) -> str:
        """An indented tree from the roots to the leaves. A node that is met again is named by its number only."""
        return "\n".join(self._lines())

    @property
    def dot(self) -> str:
        """The graph in Graphviz's language; arrows point the way the gradients flow."""
        lines = ["digraph autograd {", '  node [shape=box, fontname="monospace", fontsize=10];']
        for node, number in self._numbers.items():
            label = "\\n".join(escaped(line) for line in self._label(node))
            style = ", style=filled, fillcolor=lightblue" if isinstance(node, AccumulateGrad) else ""
            lines.append(f'  n{number} [label="{label}"{style}];')
            for position, (source, output) in enumerate(node.next_functions):
                if source is not None:
                    label = f"{position}" if source.outputs == 1 else f"{position} (output {output})"
                    lines.append(f'  n{number} -> n{self._numbers[source]} [label="{label}", fontsize=8];')
        return "\n".join([*lines, "}"])

    def _lines(self) -> Iterator[str]:
        stack: list[tuple[Any, int]] = [(edge[0], 0) for edge in reversed(self._edges)]
        shown = set()
        while stack:
            node, depth = stack.pop()
            number = self._numbers[node]
            if node in shown and node.next_functions:
                yield f"{'  ' * depth}[{number}] again"
                continue
            shown.add(node)
            yield f"{'  ' * depth}[{number}] " + "  ".join(self._label(node))
            stack.extend((source, depth + 1) for source, _ in reversed(node.next_functions) if source is not None)

    def _label(self, node: Any) -> list[str]:
        """What is said of a node: its name, its shape, its line."""
        if isinstance(node, AccumulateGrad):
            leaf = node.variable
            if leaf is None:
                return ["leaf, gone"]
            return [self._names.get(id(leaf), "leaf"), f"{tuple(leaf.shape)} {leaf.dtype}"]
        parts = [node.name()]
        if node.output_shape or node.outputs == 1:
            shapes = node.output_shape if node.outputs > 1 else (node.output_shape,)
            parts.append(", ".join(map(str, shapes)))
        return [*parts, line_of(node.where)]


def draw_graph(*roots: Tensor, params: dict[str, Tensor] | None = None) -> GraphDrawing:
    """Return a drawing of the graph behind `roots`; `params`, such as ``dict(model.named_parameters())``, names leaves.

    ``print(draw_graph(loss))`` shows a tree, ``draw_graph(loss).save("graph.svg")`` a picture.
    """
    for root in roots:
        if not isinstance(root, Tensor):
            raise TypeError(f"draw_graph: expected Tensors, but got {type(root).__name__}")
        if edge_of(root) is None:
            raise RuntimeError("draw_graph: this tensor does not require grad and does not have a grad_fn: no graph.")
    return GraphDrawing(roots, {id(tensor): name for name, tensor in (params or {}).items()})


def escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
