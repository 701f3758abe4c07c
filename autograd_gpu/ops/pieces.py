"""Pieces of a tensor along a dimension, which are views of it, and tensors joined of pieces, which are copies."""

from __future__ import annotations

from collections.abc import Sequence

from ..dtypes import DType
from ..op import Op, View
from ..tensor import Tensor
from .cast import cast, result_type
from .integers import as_integer, as_integers, is_integer, wrap_dim
from .public import public
from .shape import reshape, unsqueeze


class Split(View):
    """y0, y1, ... = x cut along `dim` into pieces of the given sizes."""

    def forward(ctx, x, sizes, dim):
        ctx.shape, ctx.dim, ctx.dtype, ctx.device_of = x.shape, dim, x.dtype, None
        ctx.sizes = sizes
        before, pieces, start = (slice(None),) * dim, [], 0
        for size in sizes:
            pieces.append(x[(*before, slice(start, start + size))])
            start += size
        return tuple(pieces)

    def backward(ctx, *gradients):
        some = next(g for g in gradients if g is not None)
        pieces = [
            some.new_zeros((*ctx.shape[: ctx.dim], size, *ctx.shape[ctx.dim + 1 :])) if g is None else g
            for g, size in zip(gradients, ctx.sizes)
        ]
        return cat(pieces, ctx.dim)


class UnsafeSplit(Split):
    """Split whose outputs count as tensors of their own, though they share x's memory: a write to one goes
    unnoticed."""

    is_view = False


class Unbind(View):
    """y0, y1, ... = the slices of x along `dim`, without that dimension."""

    def forward(ctx, x, dim):
        ctx.dim = dim
        return tuple(x[(slice(None),) * dim + (i, ...)] for i in range(x.shape[dim]))

    def backward(ctx, *gradients):
        some = next(g for g in gradients if g is not None)
        return stack([some.new_zeros(some.shape) if g is None else g for g in gradients], ctx.dim)


class Cat(Op):
    """y = the inputs joined along `dim`."""

    def forward(ctx, *xs, dim):
        ctx.dim, ctx.sizes = dim, [x.shape[dim] for x in xs]
        return ctx.backend.cat(xs, dim)

    def backward(ctx, gy):
        return tuple(Split.apply(gy, sizes=tuple(ctx.sizes), dim=ctx.dim))


class Stack(Cat):
    """Cat of inputs that were given a new dimension, with PyTorch's name."""


def several_tensors(name: str, tensors: Sequence[Tensor]) -> tuple[Tensor, ...]:
    """Return a sequence of tensors as a tuple; PyTorch's errors for one tensor, for none, and for what is no tensor."""
    if isinstance(tensors, Tensor) or not hasattr(tensors, "__iter__"):
        raise TypeError(
            f"{name}(): argument 'tensors' (position 1) must be tuple of Tensors, not {type(tensors).__name__}"
        )
    tensors = tuple(tensors)
    for number, tensor in enumerate(tensors):
        if not isinstance(tensor, Tensor):
            raise TypeError(f"expected Tensor as element {number} in argument 0, but got {type(tensor).__name__}")
    if not tensors and name == "cat":
        raise ValueError("torch.cat(): expected a non-empty list of Tensors")
    if not tensors:
        raise RuntimeError(f"{name} expects a non-empty TensorList")
    return tensors


@public(method=False, out=True, also="concat concatenate")
def cat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Return the tensors joined along an existing dimension. Their other sizes must agree; dtypes are promoted."""
    tensors = several_tensors("cat", tensors)
    for number, tensor in enumerate(tensors):
        if not tensor._array.shape:
            raise RuntimeError(f"zero-dimensional tensor (at position {number}) cannot be concatenated")
    kept = [t for t in tensors if t._array.shape != (0,)] or tensors[:1]  # PyTorch lets the empty vector join anything
    first = kept[0]
    dim = wrap_dim(dim, first.ndim)
    for number, tensor in enumerate(kept):
        if tensor._array.shape == first._array.shape:
            continue
        if tensor.ndim != first.ndim:
            raise RuntimeError(f"Tensors must have same number of dimensions: got {first.ndim} and {tensor.ndim}")
        for d, (size, expected) in enumerate(zip(tensor._array.shape, first._array.shape)):
            if d != dim and size != expected:
                raise RuntimeError(
                    f"Sizes of tensors must match except in dimension {dim}. Expected size {expected} but got size "
                    f"{size} for tensor number {number} in the list."
                )
    if any(t.requires_grad for t in tensors if t._array.shape == (0,)):  # their gradients are empty, and not None
        nothing = (*first._array.shape[:dim], 0, *first._array.shape[dim + 1 :])
        kept = [reshape(t, nothing) if t._array.shape == (0,) else t for t in tensors]
    return _joined(Cat, kept, dim, _dtype_of(tensors))


def _dtype_of(tensors: Sequence[Tensor]) -> DType:
    first = tensors[0]._array.dtype
    for tensor in tensors:
        if tensor._array.dtype is not first:
            return result_type(*tensors)
    return tensors[0].dtype


def _joined(operation: type[Cat], tensors: Sequence[Tensor], dim: int, dtype: DType) -> Tensor:
    return operation.apply(*(cast(t, dtype) for t in tensors), dim=dim)


@public(method=False, out=True)
def stack(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Return the tensors, all of one shape, joined along a new dimension."""
    tensors = several_tensors("stack", tensors)
    for number, tensor in enumerate(tensors):
        if tensor._array.shape != tensors[0]._array.shape:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(tensors[0].shape)} at entry 0 and "
                f"{list(tensor.shape)} at entry {number}"
            )
    dim = wrap_dim(dim, tensors[0].ndim + 1)
    return _joined(Stack, [unsqueeze(tensor, dim) for tensor in tensors], dim, _dtype_of(tensors))


@public
def split(tensor: Tensor, split_size_or_sections: int | Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """Return views of pieces along `dim`: of one size (the last may be smaller), or of the sizes listed."""
    return _cut(Split, tensor, split_size_or_sections, dim)


def _cut(
    operation: type[Split], tensor: Tensor, split_size_or_sections: int | Sequence[int], dim: int
) -> tuple[Tensor, ...]:
    if tensor.ndim == 0:
        raise RuntimeError("split expects at least a 1-dimensional tensor")
    dim = wrap_dim(dim, tensor.ndim)
    length = tensor._array.shape[dim]
    if is_integer(split_size_or_sections):
        size = as_integer(split_size_or_sections, "split_size")
        if size < 0 or (size == 0 and length):
            raise RuntimeError(f"split expects split_size be non-negative, but got split_size={size}")
        sizes = tuple(min(size, length - start) for start in range(0, length, size)) if length else (0,)
    else:
        sizes = as_integers(split_size_or_sections, "split_sizes")
        if sum(sizes) != length:
            raise RuntimeError(
                f"split_with_sizes expects split_sizes to sum exactly to {length} (input tensor's size at dimension "
                f"{dim}), but got split_sizes={list(sizes)}"
            )
    return operation.apply(tensor, sizes=sizes, dim=dim)


@public
def unsafe_split(tensor: Tensor, split_size: int | Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """`split` whose outputs may be written in place; only safe when tensor and the other outputs are not used after."""
    return _cut(UnsafeSplit, tensor, split_size, dim)


@public
def unsafe_split_with_sizes(tensor: Tensor, split_sizes: Sequence[int], dim: int = 0) -> tuple[Tensor, ...]:
    """`unsafe_split` into pieces of the sizes listed."""
    return _cut(UnsafeSplit, tensor, split_sizes, dim)


@public
def unsafe_chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """`chunk` whose outputs may be written in place; only safe when input and the other outputs are not used after."""
    return unsafe_split(input, _chunk_sizes(input, chunks, dim), dim)


@public
def chunk(input: Tensor, chunks: int, dim: int = 0) -> tuple[Tensor, ...]:
    """Return at most `chunks` views of equal size along `dim` (the last may be smaller)."""
    return split(input, _chunk_sizes(input, chunks, dim), dim)


def _chunk_sizes(input: Tensor, chunks: int, dim: int) -> int | list[int]:
    """Return the size of each but the last; of nothing as many nothings as were asked for."""
    if input.ndim == 0:
        raise RuntimeError("chunk expects at least a 1-dimensional tensor")
    if chunks <= 0:
        raise RuntimeError(f"chunk expects `chunks` to be greater than 0, got: {chunks}")
    length = input._array.shape[wrap_dim(dim, input.ndim)]
    return -(-length // chunks) if length else [0] * chunks


@public
def unbind(input: Tensor, dim: int = 0) -> tuple[Tensor, ...]:
    """Return the slices of input along `dim`, without that dimension."""
    return Unbind.apply(input, dim=wrap_dim(dim, input.ndim))
