"""Distinct values, and which values are among others: by sorting, and by comparing neighbours."""

from __future__ import annotations

from typing import Any

from .. import dtypes
from ..tensor import Tensor
from .cast import Number, cast, is_scalar, result_type
from .complex_numbers import only_real
from .creation import arange, tensor
from .index import nonzero
from .integers import wrap_dim
from .pieces import cat
from .public import public
from .reduce import any as any_of
from .searchsorted import searchsorted
from .shape import movedim, narrow, reshape, unsqueeze
from .sort import argsort, sort


@public
def unique(
    input: Tensor,
    sorted: bool = True,
    return_inverse: bool = False,
    return_counts: bool = False,
    dim: int | None = None,
) -> Any:
    """Return the distinct elements (or, along `dim`, slices) in ascending order.

    With `return_inverse` and `return_counts` also where each element went and how often each occurs. Synchronises.
    """
    if dim is None:
        flat = reshape(input.detach(), (input._array.size,))
        order = argsort(flat, stable=True)
        rows, shape = unsqueeze(flat[order], 1), input._array.shape
    else:
        dim = wrap_dim(dim, input.ndim)
        if 0 in input._array.shape and input._array.shape[dim]:
            raise RuntimeError("There are 0 sized dimensions, and they aren't selected, so unique cannot be applied")
        rows = movedim(input.detach(), dim, 0)
        rows = reshape(rows, (rows.shape[0], rows[0].numel() if rows.shape[0] else 0))
        order = arange(rows.shape[0], device=input.device)
        for column in reversed(range(rows.shape[1])):  # stable, so the first column decides first
            order = order[argsort(rows[order, column], stable=True)]
        rows, shape = rows[order], (rows.shape[0],)
    first, group, counts = _runs(rows)
    inverse = group.new_zeros(group.shape).scatter(0, order, group).reshape(shape)
    return _distinct(input, order[first], inverse, counts, return_inverse, return_counts, dim)


@public
def unique_consecutive(
    input: Tensor, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None
) -> Any:
    """Return the elements (or, along `dim`, slices) that differ from the one before. Synchronises."""
    only_real("unique", input)
    if dim is None:
        rows, shape = reshape(input.detach(), (input._array.size, 1)), input._array.shape
    else:
        dim = wrap_dim(dim, input.ndim)
        rows = movedim(input.detach(), dim, 0)
        rows = reshape(rows, (rows.shape[0], rows[0].numel() if rows.shape[0] else 0))
        shape = (rows.shape[0],)
    first, group, counts = _runs(rows)
    return _distinct(input, first, reshape(group, shape), counts, return_inverse, return_counts, dim)


def _runs(rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Of runs of equal rows (n, C): where each begins (runs,), the run of each row (n,), the lengths (runs,)."""
    n = rows._array.shape[0]
    if n == 0:
        nothing = arange(0, device=rows.device)
        return nothing, nothing, nothing
    changes = any_of(narrow(rows, 0, 1, n - 1) != narrow(rows, 0, 0, n - 1), 1)
    begins = cat([changes.new_ones(1), changes])
    first = reshape(nonzero(begins), (-1,))
    ends = cat([narrow(first, 0, 1, first.shape[0] - 1), first.new_full((1,), n)])
    return first, begins.cumsum(0) - 1, ends - first


def _distinct(
    input: Tensor,
    picked: Tensor,
    inverse: Tensor,
    counts: Tensor,
    with_inverse: bool,
    with_counts: bool,
    dim: int | None,
) -> Any:
    values = (reshape(input, (input._array.size,)) if dim is None else input).detach().index_select(dim or 0, picked)
    result = (values, *([inverse] if with_inverse else []), *([counts] if with_counts else []))
    return result if len(result) > 1 else values


@public(method=False)
def isin(
    elements: Tensor | Number, test_elements: Tensor | Number, *, assume_unique: bool = False, invert: bool = False
) -> Tensor:
    """Return whether each element is among the test elements, by a search among them sorted. NaN is nowhere."""
    only_real("isin", elements, test_elements)
    given = elements if isinstance(elements, Tensor) else test_elements
    if not isinstance(given, Tensor) or not all(
        isinstance(v, Tensor) or is_scalar(v) for v in (elements, test_elements)
    ):
        raise TypeError(
            "isin() received an invalid combination of arguments - expected a Tensor and a Tensor or number, but got "
            f"({type(elements).__name__}, {type(test_elements).__name__})"
        )
    dtype = result_type(elements, test_elements)
    if any(v._array.dtype.kind == "b" for v in (elements, test_elements) if isinstance(v, Tensor)):
        raise RuntimeError("Unsupported input type encountered for isin(): Bool")
    x, tests = (
        cast(v.detach() if isinstance(v, Tensor) else tensor(v, device=given.device), dtype)
        for v in (elements, test_elements)
    )
    count = tests._array.size
    if count == 0:
        return x.new_full(x.shape, invert, dtype=dtypes.bool)
    tests = sort(reshape(tests, (count,))).values
    place = searchsorted(tests, x).clamp(max=count - 1)
    there = reshape(tests[reshape(place, (-1,))], x._array.shape)
    return there != x if invert else there == x
