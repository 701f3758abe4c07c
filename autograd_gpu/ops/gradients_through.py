"""The gradients of a fused operation that are to be differentiated again: those of what it is composed of."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..engine import run_backward
from ..modes import enable_grad
from ..tensor import Tensor, accumulate
from ..views import edge_of
from .shape import view_as


def gradients_through(
    function: Callable[..., Tensor], inputs: Sequence[Tensor], gy: Tensor
) -> tuple[Tensor | None, ...]:
    """Return the gradients of inputs for the gradient gy of function(*inputs), recorded; None for an input without."""
    with enable_grad():
        # Views, so that the way from one input to another is not taken too.
        shown = [view_as(x, x) for x in inputs]
        edges = [edge_of(x) for x in shown]
        y = function(*shown)
        root = edge_of(y)
        found = {} if root is None else run_backward(
            [(root, gy)], accumulate, keep_graph=True, targets=[edge for edge in edges if edge is not None]
        )  # fmt: skip
    return tuple(None if edge is None else found.get(edge) for edge in edges)
