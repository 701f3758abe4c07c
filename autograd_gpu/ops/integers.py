"""Dimensions, sizes and counts as a caller gives them: Python's integers, NumPy's, and tensors that hold one."""

from __future__ import annotations

import itertools
import operator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import TypeIs  # of Python 3.13


def is_integer(value: Any) -> TypeIs[int]:
    """Whether value is one integer rather than a sequence of them."""
    return isinstance(value, int) or (hasattr(value, "__index__") and getattr(value, "ndim", 0) == 0)


def as_integer(value: Any, name: str = "dim") -> int:
    """Return an integer as Python's; PyTorch's TypeError, with the argument's name, for a fraction or anything else."""
    try:
        if not isinstance(value, bool):
            return operator.index(value)
    except TypeError:
        pass
    raise TypeError(f"argument '{name}' must be int, not {type(value).__name__}")


def real_dim(dim: Any, ndim: int) -> int:
    """Return `wrap_dim` of a dimension that has to be there: a tensor without dimensions has not even the 0th."""
    if ndim == 0:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    return wrap_dim(dim, ndim)


def wrap_dim(dim: int, ndim: int) -> int:
    """Return dim counted from the front; PyTorch's IndexError when it is out of range."""
    if type(dim) is not int:
        dim = as_integer(dim)
    rank = ndim or 1
    if not -rank <= dim < rank:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-rank}, {rank - 1}], but got {dim})")
    return dim % rank


def wrap_dims(dims: Any, ndim: int) -> tuple[int, ...]:
    """Return dims counted from the front and sorted; all of them for None or an empty sequence."""
    if dims is None:
        return tuple(range(ndim))
    if is_integer(dims):
        return (wrap_dim(dims, ndim),) if ndim else (wrap_dim(dims, 0),)[:0]
    if not hasattr(dims, "__iter__"):
        raise TypeError(f"argument 'dim' must be tuple of ints, not {type(dims).__name__}")
    wrapped = sorted(wrap_dim(d, ndim) for d in as_integers(dims, "dim"))
    for a, b in itertools.pairwise(wrapped):
        if a == b:
            raise RuntimeError(f"dim {a} appears multiple times in the list of dims")
    return tuple(wrapped) if ndim and wrapped else tuple(range(ndim))


def as_integers(values: Any, name: str) -> tuple[int, ...]:
    """Return a sequence's integers as Python's; PyTorch's TypeError for a fraction among them, or a bool in front."""
    integers = []
    for place, value in enumerate(values):
        if type(value) is not int:
            try:
                value = operator.index(None if place == 0 and isinstance(value, bool) else value)  # type: ignore[arg-type]
            except TypeError:
                raise TypeError(
                    f"argument '{name}' must be tuple of ints, but found element of type {type(value).__name__} "
                    f"at pos {place}"
                ) from None
        integers.append(value)
    return tuple(integers)


def one_or_more(value: Any, name: str) -> tuple[int, ...]:
    """Return one integer, or a sequence of them, as a tuple."""
    return (
        (as_integer(value, name),) if is_integer(value) or not hasattr(value, "__iter__") else as_integers(value, name)
    )


def as_sizes(sizes: tuple) -> tuple[int, ...]:
    """Return the sizes given either as arguments or as one sequence."""
    for size in sizes:
        if type(size) is not int:
            break
    else:
        return sizes
    if len(sizes) == 1 and not is_integer(sizes[0]) and hasattr(sizes[0], "__iter__"):
        sizes = tuple(sizes[0])
    return as_integers(sizes, "size")


def as_new_sizes(sizes: tuple) -> tuple[int, ...]:
    """Return the sizes of a tensor that is to be made, none of which may be negative."""
    shape = as_sizes(sizes)
    for size in shape:
        if size < 0:
            raise RuntimeError(f"Trying to create tensor with negative dimension {size}: {list(shape)}")
    return shape
