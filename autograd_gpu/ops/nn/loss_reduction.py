"""What becomes of a tensor of losses: its mean, its sum, or the tensor itself."""

from __future__ import annotations

from ...tensor import Tensor
from ...user_line import warn
from ..reduce import mean, sum


def reduction_of(reduction: str, size_average: bool | None = None, reduce: bool | None = None) -> str:
    """Return the reduction's checked name, or what the two older arguments ask for where one of them is given."""
    if size_average is not None or reduce is not None:
        is_reduced, is_average = reduce is None or reduce, size_average is None or size_average
        reduction = ("mean" if is_average else "sum") if is_reduced else "none"
        warn(f"size_average and reduce args will be deprecated, please use reduction='{reduction}' instead.")
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    return reduction


def reduced(loss: Tensor, reduction: str) -> Tensor:
    """Return the mean or the sum of all losses, or the losses."""
    if reduction == "none":
        return loss
    return mean(loss) if reduction == "mean" else sum(loss)
