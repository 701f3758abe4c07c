"""A user's Function under vmap by the rule that it has of its own, its ``vmap`` staticmethod."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..device import innermost
from ..tensor import Tensor
from .level import Enter, Leave, axes_of, without_axis
from .pytree import flatten, spread


class VmapInfo(NamedTuple):
    """What a rule is told of the vmap around it."""

    batch_size: int
    randomness: str


def mapped_by_rule(function: Any, args: tuple) -> Any:
    """Return what the Function's rule makes of the arguments, of which some hide the innermost level's dimension."""
    name = function.__name__
    if function.generate_vmap_rule:
        raise RuntimeError(
            f"You tried to vmap over {name}, but it has both generate_vmap_rule=True and an overridden vmap "
            "staticmethod. Please set generate_vmap_rule=False or delete the overridden vmap staticmethod to avoid "
            "ambiguity."
        )
    hidden = [axes_of(value.device) if isinstance(value, Tensor) else [] for value in args]
    axis = max((axes[0] for axes in hidden if axes), key=lambda axis: axis.number)  # of the newest level
    in_dims = tuple(0 if axis in axes else None for axes in hidden)
    shown = [value if dim is None else Leave.apply(value, axis, dim) for value, dim in zip(args, in_dims)]
    outer = innermost.level
    if outer is not None:
        rest = without_axis(outer, axis)
        innermost.level = rest if rest.axis is not None else None
    try:
        found = function.vmap(VmapInfo(axis.size, axis.randomness), in_dims, *shown)
    finally:
        innermost.level = outer
    if not isinstance(found, tuple) or len(found) != 2:
        raise RuntimeError(
            "Expected the vmap staticmethod to have two returns, an output and out_dims with pytree structure "
            f"compatible with the output. ({name})"
        )
    outputs, rebuild = flatten(found[0])
    out_dims = spread(found[1], found[0])
    if out_dims is None:
        raise RuntimeError(f"{name}.vmap returned out_dims={found[1]}, which do not fit the structure of its outputs.")
    return rebuild([y if dim is None else Enter.apply(y, axis, dim % y.ndim) for y, dim in zip(outputs, out_dims)])
