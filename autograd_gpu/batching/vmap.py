"""vmap: a function of one example becomes a function of a batch. Knows dims and trees; the rules are in `rules`."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from ..device import innermost
from ..ops.pieces import cat
from ..ops.shape import narrow
from ..tensor import Tensor
from .batched_array import Axis
from .level import Enter, Leave, TakeIn, axes_of, common_device, level, with_axis
from .pytree import flatten, spread


def vmap(
    func: Callable,
    in_dims: Any = 0,
    out_dims: Any = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
) -> Callable:
    """Return a function that maps `func` over a dimension of its arguments, all examples in each kernel launch at once.

    in_dims, out_dims
        The mapped dimension of each argument and output: an int, None (the same for every example), or a tree of them
        like the arguments. Keyword arguments are not mapped.
    randomness
        Random functions inside raise ("error"), draw for each example ("different"), or once for all ("same").
    chunk_size
        How many examples go at once; all by default.
    """
    if randomness not in ("error", "different", "same"):
        raise RuntimeError(f"Only allowed values for randomness are 'error', 'different', or 'same'. Got {randomness}")
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError(f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")

    @functools.wraps(func)
    def mapped(*args: Any, **kwargs: Any) -> Any:
        leaves, dims, rebuild, size = _mapped_inputs(func, in_dims, args)
        if chunk_size is None or chunk_size >= size:
            return _run(func, leaves, dims, rebuild, size, out_dims, randomness, kwargs)
        pieces = []
        for start in range(0, size, chunk_size):
            count = min(chunk_size, size - start)
            part = [x if dim is None else narrow(x, dim, start, count) for x, dim in zip(leaves, dims)]
            pieces.append(_run(func, part, dims, rebuild, count, out_dims, randomness, kwargs))
        return _joined(pieces, out_dims)

    return mapped


def _mapped_inputs(func: Callable, in_dims: Any, args: tuple) -> tuple[list, list, Callable, int]:
    """Return the arguments' leaves, the mapped dimension of each, the way back to a tree, and the size of the batch."""
    what = f"vmap({_name(func)}, in_dims={in_dims}, ...)(<inputs>): "
    if not isinstance(in_dims, (int, tuple)):
        raise ValueError(
            f"{what}expected `in_dims` to be int or a (potentially nested) tuple matching the structure of inputs, "
            f"got: {type(in_dims)}."
        )
    if not args:
        raise ValueError(
            f"vmap({_name(func)})(<inputs>): got no inputs. Maybe you forgot to add inputs, or you are trying to "
            "vmap over a function with no inputs. The latter is unsupported."
        )
    leaves, rebuild = flatten(args)
    dims = spread(in_dims, args)
    if dims is None:
        raise ValueError(f"{what}in_dims is not compatible with the structure of `inputs`.")
    dims = [_checked_dim(what, dim, leaf) for dim, leaf in zip(dims, leaves)]
    sizes = [leaf.shape[dim] for dim, leaf in zip(dims, leaves) if dim is not None]
    if not sizes:
        raise ValueError("vmap: Expected at least one Tensor to vmap over")
    if any(size != sizes[0] for size in sizes):
        raise ValueError(
            "vmap: Expected all tensors to have the same size in the mapped dimension, got sizes "
            f"{sizes} for the mapped dimension"
        )
    return leaves, dims, rebuild, sizes[0]


def _checked_dim(what: str, dim: Any, leaf: Any) -> int | None:
    if dim is None:
        return None
    if not isinstance(dim, int):
        raise ValueError(f"{what}Got in_dim={dim} for an input but in_dim must be either an integer dimension or None.")
    if not isinstance(leaf, Tensor):
        raise ValueError(
            f"{what}Got in_dim={dim} for an input but the input is of type {type(leaf)}. We cannot vmap over "
            "non-Tensor arguments, please use None as the respective in_dim"
        )
    if not -leaf.ndim <= dim < leaf.ndim:
        raise ValueError(
            f"{what}Got in_dim={dim} for some input, but that input is a Tensor of dimensionality {leaf.ndim} so "
            f"expected in_dim to satisfy -{leaf.ndim} <= in_dim < {leaf.ndim}."
        )
    return dim % leaf.ndim


def _run(
    func: Callable, leaves: list, dims: list, rebuild: Callable, size: int, out_dims: Any, randomness: str, kwargs: dict
) -> Any:
    axis = Axis(size, randomness)
    outer = innermost.level
    # One level within another stands on it, so that what the outer function closes over is found there.
    around = next(x.device for x, dim in zip(leaves, dims) if dim is not None)
    if outer is not None and outer.base is around.base:
        around = common_device((outer, around))
    inner = [x if dim is None else Enter.apply(x, axis, dim) for x, dim in zip(leaves, dims)]
    innermost.level = level(axis, around)
    try:
        outputs = func(*rebuild(inner), **kwargs)
    finally:
        innermost.level = outer
    results, rebuild_outputs = flatten(outputs)
    places = spread(out_dims[0] if isinstance(outputs, Tensor) and isinstance(out_dims, tuple) else out_dims, outputs)
    if places is None:
        raise ValueError(
            f"vmap({_name(func)}, ..., out_dims={out_dims})(<inputs>): out_dims is not compatible with the structure "
            "of `outputs`."
        )
    return rebuild_outputs([_out_of(axis, result, dim, func) for result, dim in zip(results, places)])


def _out_of(axis: Axis, result: Any, dim: int | None, func: Callable) -> Any:
    name = _name(func)
    if dim is None:
        if isinstance(result, Tensor) and axis in axes_of(result.device):
            raise ValueError(f"vmap({name}, ...): `{name}` can not return a BatchedTensor when out_dim is None")
        return result
    if not isinstance(result, Tensor):
        raise ValueError(
            f"vmap({name}, ...): `{name}` must only return Tensors, got type {type(result)}. Did you mean to set "
            "out_dims= to None for output?"
        )
    rank = result.ndim + 1
    if not -rank <= dim < rank:
        raise IndexError(f"Dimension out of range (expected to be in range of [{-rank}, {rank - 1}], but got {dim})")
    return Leave.apply(TakeIn.apply(result, with_axis(result.device, axis)), axis, dim % rank)


def _joined(pieces: list, out_dims: Any) -> Any:
    """Return the outputs of the chunks, put together along their mapped dimensions."""
    flat = [flatten(piece) for piece in pieces]
    rebuild = flat[0][1]
    is_single = isinstance(pieces[0], Tensor) and isinstance(out_dims, tuple)
    places = spread(out_dims[0] if is_single else out_dims, pieces[0])
    assert places is not None  # each piece was checked
    columns = zip(*(leaves for leaves, _ in flat))
    return rebuild([column[0] if dim is None else cat(column, dim) for column, dim in zip(columns, places)])


def _name(func: Callable) -> str:
    return getattr(func, "__name__", repr(func))
