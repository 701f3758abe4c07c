"""Sampled functions: differences of neighbours, slopes by them (np.gradient's formulas), integrals by trapezoids."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..tensor import Tensor
from .cast import as_number, floating, is_scalar, rounded_once
from .integers import one_or_more, wrap_dim
from .pieces import cat
from .public import public
from .reduce import sum
from .scan import cumsum
from .shape import narrow, reshape, select


@public(method=False)
@rounded_once
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
    if isinstance(spacing, Tensor) and spacing.ndim == 0:
        spacing = as_number(spacing, "gradient", "spacing")
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
    given = range(x.ndim) if dim is None else one_or_more(dim, "dim")
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
        gaps: Any = narrow(spacing, 0, 1, size - 1) - narrow(spacing, 0, 0, size - 1)
        steps = reshape(gaps, [-1 if d == dim else 1 for d in range(x.ndim)])

    def step(start: int, length: int) -> Any:
        return narrow(steps, dim, start, length) if isinstance(steps, Tensor) else steps

    slopes = (part(1, size - 1) - part(0, size - 1)) / step(0, size - 1)  # from each element to the next
    left, right = narrow(slopes, dim, 0, size - 2), narrow(slopes, dim, 1, size - 2)
    first, last = narrow(slopes, dim, 0, 1), narrow(slopes, dim, size - 2, 1)
    if isinstance(steps, Tensor):
        before, after = step(0, size - 2), step(1, size - 2)
        inside = (left * after + right * before) / (before + after)
    else:  # of the neighbours alone: an infinity between them does not show
        inside = (part(2, size - 2) - part(0, size - 2)) / (2 * steps)
    if edge_order == 2:  # a parabola's slope changes evenly
        first = first - (narrow(right, dim, 0, 1) - first) * step(0, 1) / (step(0, 1) + step(1, 1))
        last = last + (last - narrow(left, dim, size - 3, 1)) * step(size - 2, 1) / (
            step(size - 3, 1) + step(size - 2, 1)
        )
    return cat([first, inside, last], dim)


@public
def diff(
    input: Tensor, n: int = 1, dim: int = -1, prepend: Tensor | None = None, append: Tensor | None = None
) -> Tensor:
    """Return the n-th differences of neighbours along `dim`, of input with prepend and append joined to its ends."""
    if input.ndim == 0:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    dim = wrap_dim(dim, input.ndim)
    ends = [part for part in (prepend, input, append) if part is not None]
    x = cat(ends, dim) if len(ends) > 1 else input
    for _ in range(min(n, x._array.shape[dim])):
        size = x._array.shape[dim] - 1
        later, earlier = narrow(x, dim, 1, size), narrow(x, dim, 0, size)
        x = later != earlier if x._array.dtype.kind == "b" else later - earlier
    return x.clone() if x is input else x


@public(method=False, also="trapz")
@rounded_once
def trapezoid(y: Tensor, x: Tensor | None = None, *, dx: float | None = None, dim: int = -1) -> Tensor:
    """Return the integral of y along `dim` by the trapezoidal rule, over places x or with steps of dx (1)."""
    _refuse_bools("trapezoid", y)
    if x is not None or y.ndim == 0 or y._array.shape[wrap_dim(dim, y.ndim)] == 0:
        return sum(_trapezoids("trapezoid", y, x, dx, dim), dim)
    ends = select(y, dim, 0) + select(y, dim, -1)
    area = sum(y, dim) - ends / 2.0
    return area if dx is None else area * dx


@public(method=False)
@rounded_once
def cumulative_trapezoid(y: Tensor, x: Tensor | None = None, *, dx: float | None = None, dim: int = -1) -> Tensor:
    """Return the integrals of y along `dim` up to the second element, the third, ... (see `trapezoid`)."""
    _refuse_bools("cumulative_trapezoid", y)
    return cumsum(_trapezoids("cumulative_trapezoid", y, x, dx, dim), dim)


def _refuse_bools(name: str, y: Tensor) -> None:
    if y._array.dtype.kind == "b":
        raise RuntimeError(f"{name}: received a bool input for `y`, but bool is not supported: use y.int()")


def _trapezoids(name: str, y: Tensor, x: Tensor | None, dx: float | None, dim: int) -> Tensor:
    """The areas between neighbours along `dim`."""
    if x is not None and dx is not None:
        raise TypeError(f"{name}() received an invalid combination of arguments: pass x or dx, not both")
    if y.ndim == 0:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    dim = wrap_dim(dim, y.ndim)
    size = y._array.shape[dim]
    width: Any = 1 if dx is None else dx
    if x is not None and size:
        if x.ndim == 1:
            if x._array.shape[0] != size:
                raise RuntimeError(f"{name}: There must be one `x` value for each sample point")
            x = reshape(x, [-1 if d == dim else 1 for d in range(y.ndim)])
        along = wrap_dim(dim - y.ndim, x.ndim)
        width = _neighbours(x, along, 1) - _neighbours(x, along, 0)
    if size == 0:
        return floating(y)
    return (_neighbours(y, dim, 0) + _neighbours(y, dim, 1)) * width / 2.0


def _neighbours(x: Tensor, dim: int, start: int) -> Any:
    return narrow(x, dim, start, x._array.shape[dim] - 1)
