"""A place in the graph without its tensor: where the gradient of one output of a node arrives."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..engine import Node
from ..tensor import AccumulateGrad, Tensor, wrap
from ..views import edge_of


class GradientEdge(NamedTuple):
    """A node and the number of one of its outputs; `backward` and `grad` take it in the place of that output."""

    node: Node
    output_nr: int
    ownership_token: Any = None  # what else is known of the output: its dtype and device


def get_gradient_edge(tensor: Tensor) -> GradientEdge:
    """Return where the tensor's gradient arrives. It keeps the graph alive, not the tensor."""
    edge = edge_of(tensor)
    if edge is None:
        raise RuntimeError("It is not possible to get the gradient edge for a Tensor that does not require gradients")
    return GradientEdge(*edge, (tensor._array.dtype, tensor.device))


def tensor_at(edge: GradientEdge, alike: Tensor | None = None) -> Tensor:
    """Return a tensor whose gradient arrives at the edge: the leaf there, or one that stands for a node's output.

    An edge made by hand does not know dtype and device: they are those of `alike`.
    """
    node, number, known = edge
    if isinstance(node, AccumulateGrad):
        if node.variable is None:
            raise RuntimeError("GradientEdge: the leaf at this edge is gone, and with it the place for its gradient")
        return node.variable
    if known is None and alike is None:
        raise RuntimeError(
            "GradientEdge: the dtype of an edge made by hand is not known. Pass its gradient, or take the edge with "
            "get_gradient_edge(tensor)."
        )
    dtype, device = known or (alike._array.dtype, alike.device)  # type: ignore[union-attr]
    shapes = node.output_shape if node.outputs > 1 else (node.output_shape,)  # type: ignore[attr-defined]
    backend = device.backend
    tensor = wrap(backend.expand(backend.full((1,) * len(shapes[number]), 0, dtype), shapes[number]), device)
    tensor._edge = (node, number)
    return tensor
