"""Slopes of sampled functions, by differences of neighbours (np.gradient's formulas)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..tensor import Tensor
from .cast import floating, is_scalar
from .pieces import cat
from .public import public
from .shape import narrow, reshape, wrap_dim


@public(method=False)
def gradient(
    input: Tensor, *, spacing: Any = 1, dim: int | Sequence[int] | None = None, edge_order: int = 1
) -> tuple[Tensor, ...]:
    """Return the slope of input along each of `dim` (all by default), exact for parabolas but for the edges.

    `spacing` is the distance of neighbours, one for all dimensions or one for each, or each one's coordinates. At the
    edges the difference to the one neighbour is taken, or with edge_order=2 the parabola through two.
    """
    if edge_order not in (1, 2):
        raise RuntimeError("torch.gradient only supports edge_order=1 and edge_order=2.")
    dims = _dims(input, dim)
    steps = [spacing] * len(dims) if is_scalar(spacing) else list(spacing)
    if len(steps) != len(dims):
        raise RuntimeError(
            f"torch.gradient expected spacing to be unspecified, a scalar, or a list of length equal to "
            f"{len(dims)}, the number of dimensions, but got a list of length {len(steps)}"
        )
    x = floating(input)
    for d in dims:
        if x._array.shape[d] < edge_order + 1:
            raise RuntimeError("torch.gradient expected each dimension size to be at least edge_order+1")
    return tuple(_along(x, d, step, edge_order) for d, step in zip(dims, steps))


def _dims(x: Tensor, dim: int | Sequence[int] | None) -> list[int]:
    given = range(x.ndim) if dim is None else (dim,) if isinstance(dim, int) else dim
    dims = [wrap_dim(d, x.ndim) for d in given]
    for d in dims:
        if dims.count(d) > 1:
            raise RuntimeError(f"dim {d} appears multiple times in the list of dims")
    return dims


def _along(x: Tensor, dim: int, spacing: Any, edge_order: int) -> Tensor:
    size = x._array.shape[dim]

    def part(start: int, length: int) -> Any:
        return narrow(x, dim, start, length)

    steps: Any = spacing
    if isinstance(spacing, Tensor):
        if spacing.ndim != 1 or spacing._array.shape[0] != size:
            raise RuntimeError(
                f"torch.gradient expected the coordinates of dim {dim} to be a vector of {size} elements, but got "
                f"{list(spacing.shape)}"
            )
        gaps: Any = narrow(spacing, 0, 1, size - 1) - narrow(spacing, 0, 0, size - 1)  # type: ignore[operator]
        steps = reshape(gaps, [-1 if d == dim else 1 for d in range(x.ndim)])

    def step(start: int, length: int) -> Any:
        return narrow(steps, dim, start, length) if isinstance(steps, Tensor) else steps

    before, after = step(0, size - 2), step(1, size - 2)
    slopes = (part(1, size - 1) - part(0, size - 1)) / step(0, size - 1)  # from each element to the next
    left, right = narrow(slopes, dim, 0, size - 2), narrow(slopes, dim, 1, size - 2)
    first, last = narrow(slopes, dim, 0, 1), narrow(slopes, dim, size - 2, 1)
    inside = (left * after + right * before) / (before + after)
    if edge_order == 2:  # a parabola's slope changes evenly
        first = first - (narrow(right, dim, 0, 1) - first) * step(0, 1) / (step(0, 1) + step(1, 1))
        last = last + (last - narrow(left, dim, size - 3, 1)) * step(size - 2, 1) / (
            step(size - 3, 1) + step(size - 2, 1)
        )
    return cat([first, inside, last], dim)
