"""Sums of products over named dimensions: einsum and tensordot, each product one batched matrix product."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ..tensor import Tensor
from .diagonals import diagonal
from .integers import is_integer, one_or_more, real_dim
from .matmul import matmul
from .public import public
from .reduce import sum
from .shape import expand, permute, reshape

Labels = list[str]


@public(method=False)
def einsum(equation: Any, *operands: Any) -> Tensor:
    """Return the sum over every label that `equation` leaves out of its result, of the products of the operands.

    "ij,jk->ik" is a matrix product; without "->" the labels that appear once remain, in alphabetical order; "..."
    stands for leading dimensions that broadcast. Operands are multiplied from left to right. Labels may also be numbers
    in lists, one behind each operand, and one more for the result: ``einsum(x, [0, 1], y, [1, 2], [0, 2])``.
    """
    if not isinstance(equation, (str, Tensor)):
        raise TypeError(f"einsum(): argument 'equation' (position 1) must be str, not {type(equation).__name__}")
    if isinstance(equation, Tensor):
        equation, operands = _written(equation, *operands)
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = tuple(operands[0])
    terms, result = _parse(equation, operands)
    remaining = [_without_repeats(x, labels) for x, labels in zip(operands, terms)]
    x, labels = remaining.pop(0)
    while remaining:
        y, y_labels = remaining.pop(0)
        needed = set(result).union(*(other for _, other in remaining))
        x, labels = _contract(x, labels, y, y_labels, needed)
    x, labels = _summed(x, labels, set(result))
    return permute(x, [labels.index(label) for label in result])


def _written(*given: Any) -> tuple[str, tuple[Tensor, ...]]:
    """Return the equation that operands with lists of numbers mean, and the operands."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    lists = ["".join("..." if one is Ellipsis else letters[one] for one in labels) for labels in given[1::2]]
    if len(given) % 2:
        result = "".join("..." if one is Ellipsis else letters[one] for one in given[-1])
        return f"{','.join(lists)}->{result}", given[:-1:2]
    return ",".join(lists), given[::2]


@public(method=False)
def tensordot(a: Tensor, b: Tensor, dims: int | Sequence[Any] = 2) -> Tensor:
    """Return the sum of products over the last `dims` dimensions of a and the first of b, or over two lists of them."""
    if a._array.dtype != b._array.dtype:
        raise RuntimeError(f"both inputs should have same dtype (tensordot: got {a.dtype} and {b.dtype})")
    if is_integer(dims):
        if dims < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        if dims > min(a.ndim, b.ndim):
            raise RuntimeError(f"tensordot expects dims < ndim_a or ndim_b, but got dims={dims}")
        over_a, over_b = list(range(a.ndim - dims, a.ndim)), list(range(dims))
    elif not isinstance(dims, (tuple, list, Tensor)):
        raise RuntimeError(f"tensordot expects dims to be an int or two lists of them, but got dims={dims}")
    else:
        over_a, over_b = ([real_dim(d, x.ndim) for d in _listed(of)] for x, of in zip((a, b), dims))
    if len(over_a) != len(over_b):
        raise RuntimeError("both dimension lists should have same length")
    for d, e in zip(over_a, over_b):
        if a.shape[d] != b.shape[e]:
            raise RuntimeError(
                f"contracted dimensions need to match, but first has size {a.shape[d]} in dim {d} and second has size "
                f"{b.shape[e]} in dim {e}"
            )
    rows, columns = ([d for d in range(x.ndim) if d not in over] for x, over in ((a, over_a), (b, over_b)))
    row_sizes, column_sizes = [a.shape[d] for d in rows], [b.shape[d] for d in columns]
    inner = math.prod(a.shape[d] for d in over_a)
    left = reshape(permute(a, rows + over_a), (math.prod(row_sizes), inner))
    right = reshape(permute(b, over_b + columns), (inner, math.prod(column_sizes)))
    return reshape(matmul(left, right), (*row_sizes, *column_sizes))


def _listed(dims: Any) -> Sequence[int]:
    return list(one_or_more(dims, "dims"))


def _parse(equation: str, operands: Sequence[Tensor]) -> tuple[list[Labels], Labels]:
    """Return the labels of each operand and of the result; dimensions under "..." are labelled with their number."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    written = left.split(",")
    if len(written) != len(operands):
        more, fewer = ("fewer", "more") if len(written) > len(operands) else ("more", "fewer")
        raise RuntimeError(f"einsum(): {more} operands were provided than specified in the equation ({fewer} terms)")
    wide = 0  # the most dimensions that "..." stands for
    for number, (term, x) in enumerate(zip(written, operands)):
        named = len(term.replace("...", ""))
        if not all(c.isalpha() for c in term.replace("...", "", 1)):
            raise RuntimeError(f"einsum(): invalid subscript in operand {number}: {term!r}, only letters and one '...'")
        if named > x.ndim or ("..." not in term and named != x.ndim):
            raise RuntimeError(
                f"einsum(): the number of subscripts in the equation ({named}) does not match the number of dimensions "
                f"({x.ndim}) for operand {number} and no ellipsis was given"
            )
        wide = max(wide, x.ndim - named)
    numbered = [str(d) for d in range(wide)]

    def labels(term: str, count: int) -> Labels:
        before, dots, after = term.partition("...")
        return [*before, *(numbered[wide - count :] if dots else []), *after]

    terms = [labels(term, x.ndim - len(term.replace("...", ""))) for term, x in zip(written, operands)]
    flat = [label for term in terms for label in term]
    if not arrow:
        return terms, numbered + sorted(label for label in set(flat) if label.isalpha() and flat.count(label) == 1)
    result = labels(right, wide)
    for label in result:
        if result.count(label) > 1:
            raise RuntimeError(f"einsum(): output subscript {label} appears more than once in the output")
        if label not in flat:
            raise RuntimeError(
                f"einsum(): output subscript {label} does not appear in the equation for any input operand"
            )
    return terms, result


def _without_repeats(x: Tensor, labels: Labels) -> tuple[Tensor, Labels]:
    """Return the diagonal over every label that an operand has twice."""
    for label in dict.fromkeys(labels):
        while labels.count(label) > 1:
            first = labels.index(label)
            second = labels.index(label, first + 1)
            if x.shape[first] != x.shape[second]:
                raise RuntimeError(
                    f"einsum(): subscript {label} is repeated for an operand but the sizes don't match, "
                    f"{x.shape[second]} != {x.shape[first]}"
                )
            x = diagonal(x, 0, first, second)
            labels = [other for d, other in enumerate(labels) if d not in (first, second)] + [label]
    return x, labels


def _summed(x: Tensor, labels: Labels, needed: set[str]) -> tuple[Tensor, Labels]:
    gone = [d for d, label in enumerate(labels) if label not in needed]
    return (sum(x, gone), [label for label in labels if label in needed]) if gone else (x, labels)


def _contract(x: Tensor, x_labels: Labels, y: Tensor, y_labels: Labels, needed: set[str]) -> tuple[Tensor, Labels]:
    """Return the product of two operands, summed over the labels that nobody needs any more."""
    x, x_labels = _summed(x, x_labels, needed.union(y_labels))
    y, y_labels = _summed(y, y_labels, needed.union(x_labels))
    sizes: dict[str, int] = {}
    for tensor, labels in ((x, x_labels), (y, y_labels)):
        for label, size in zip(labels, tensor.shape):
            if size != sizes.get(label, size) and 1 not in (size, sizes[label]):
                raise RuntimeError(
                    f"einsum(): subscript {label} has size {size} which does not broadcast with previously seen size "
                    f"{sizes[label]}"
                )
            sizes[label] = size if sizes.get(label, 1) == 1 else sizes[label]
    shared = [label for label in x_labels if label in y_labels]
    batch, inner = ([label for label in shared if (label in needed) is wanted] for wanted in (True, False))
    rows, columns = ([label for label in labels if label not in shared] for labels in (x_labels, y_labels))
    left = _arranged(x, x_labels, (batch, rows, inner), sizes)
    right = _arranged(y, y_labels, (batch, inner, columns), sizes)
    labels = batch + rows + columns
    return reshape(matmul(left, right), tuple(sizes[label] for label in labels)), labels


def _arranged(x: Tensor, labels: Labels, groups: Sequence[Labels], sizes: dict[str, int]) -> Tensor:
    """Return x as three dimensions, one for each group of labels."""
    order = [label for group in groups for label in group]
    x = expand(permute(x, [labels.index(label) for label in order]), tuple(sizes[label] for label in order))
    return reshape(x, tuple(math.prod(sizes[label] for label in group) for group in groups))
