"""``torch.nn._reduction``: the reduction of losses as PyTorch's compiled functions take it, a number."""

from __future__ import annotations

from ..ops.nn.loss_reduction import reduction_of


def get_enum(reduction: str) -> int:
    """Return 0 for "none", 1 for "mean", 2 for "sum"."""
    return ("none", "mean", "sum").index(reduction_of(reduction))


def legacy_get_string(size_average: bool | None, reduce: bool | None, emit_warning: bool = True) -> str:
    """Return the reduction that the two older arguments ask for; None counts as True."""
    if emit_warning:
        return reduction_of("mean", size_average is None or size_average, reduce)
    is_reduced, is_average = reduce is None or reduce, size_average is None or size_average
    return ("mean" if is_average else "sum") if is_reduced else "none"


def legacy_get_enum(size_average: bool | None, reduce: bool | None, emit_warning: bool = True) -> int:
    """Return the number of the reduction that the two older arguments ask for."""
    return get_enum(legacy_get_string(size_average, reduce, emit_warning))
