"""Matrix products: one batched operation, and the vectors and shapes that it is dressed up for."""

from __future__ import annotations

import functools
import math
from typing import Any

from ..autocasting import casts_alike
from ..dtypes import fitting
from ..op import Op
from ..tensor import Tensor
from .cast import F, Number, broadcast, broadcast_shape, cast, result_type, rounded_once
from .complex_numbers import conj
from .inplace import Copy
from .public import public
from .shape import expand, reshape, squeeze, transpose, unsqueeze


class Matmul(Op):
    """z = x @ y over the last two dimensions, either operand transposed first; batch dimensions are equal.

    The gradients are products of the same three matrices: the transposes go into the flags, not into the graph.
    """

    saved_as = "self mat2"
    flip_x = flip_y = False

    def forward(ctx, x, y, flip_x=False, flip_y=False):
        ctx.is_batched = x.ndim > 2
        if flip_x:
            ctx.flip_x, x = True, x.swapaxes(-1, -2)
        if flip_y:
            ctx.flip_y, y = True, y.swapaxes(-1, -2)
        return ctx.backend.matmul(x, y)

    def keep(ctx, z, x, y, **flips):
        ctx.save(x if ctx.edges[1] else None, y if ctx.edges[0] else None)

    def backward(ctx, gz):
        x, y = ctx.saved
        flip_x, flip_y = ctx.flip_x, ctx.flip_y
        gx = gy = None
        if ctx.needs(0):  # gz @ y', or its transpose
            gx = Matmul.apply(y, gz, flip_x=flip_y, flip_y=True) if flip_x else Matmul.apply(gz, y, flip_y=not flip_y)
        if ctx.needs(1):  # x' @ gz, or its transpose
            gy = Matmul.apply(gz, x, flip_x=True, flip_y=flip_x) if flip_y else Matmul.apply(x, gz, flip_x=not flip_x)
        return gx, gy

    def name(ctx) -> str:
        return "BmmBackward0" if ctx.is_batched else "MmBackward0"


@public(out=True)
def matmul(input: Tensor, other: Tensor) -> Tensor:
    """Return input @ other: dot, matrix-vector, matrix-matrix or batched products by the operands' dimensions.

    Shapes (..., m, k) @ (..., k, n) -> (..., m, n), leading dimensions broadcast; a 1-d operand is a row (left) or a
    column (right) that is dropped from the result. Both operands have one dtype.
    """
    check_operands("matmul", input, other)
    x, y = input._array, other._array
    if x.ndim == 0 or y.ndim == 0:
        raise RuntimeError(f"both arguments to matmul need to be at least 1D, but they are {x.ndim}D and {y.ndim}D")
    if x.ndim == 2 and y.ndim == 2:
        if x.shape[1] != y.shape[0]:
            raise RuntimeError(inner_differs(x.shape, y.shape))
        return Matmul.apply(input, other)
    if x.ndim == 1 or y.ndim == 1:
        return _with_vector(input, other)
    if x.shape[-1] != y.shape[-2]:
        folded = (math.prod(x.shape[:-1]), x.shape[-1]) if y.ndim == 2 else x.shape
        raise RuntimeError(inner_differs(folded, y.shape))
    if y.ndim == 2:  # one big product instead of a batch of small ones
        product = Matmul.apply(reshape(input, (math.prod(x.shape[:-1]), x.shape[-1])), other)
        return reshape(product, (*x.shape[:-1], y.shape[-1]))
    batch = broadcast_shape(x.shape[:-2], y.shape[:-2])
    return Matmul.apply(broadcast(input, batch + x.shape[-2:]), broadcast(other, batch + y.shape[-2:]))


def _with_vector(x: Tensor, y: Tensor) -> Tensor:
    if x.ndim == 1 and y.ndim == 1:
        if x.shape != y.shape:
            raise RuntimeError(
                f"inconsistent tensor size, expected tensor {list(x.shape)} and src {list(y.shape)} to have the same "
                f"number of elements, but got {x.shape[0]} and {y.shape[0]} elements respectively"
            )
        return reshape(Matmul.apply(unsqueeze(x, 0), unsqueeze(y, 1)), ())
    if x.ndim == 1:
        return squeeze(matmul(unsqueeze(x, 0), y), -2)
    if x.shape[-1] != y.shape[0]:
        raise RuntimeError(f"size mismatch, got input ({x.shape[-2]}), mat ({_times(x.shape)}), vec ({y.shape[0]})")
    return squeeze(matmul(x, unsqueeze(y, 1)), -1)


def _times(shape: Any) -> str:
    return "x".join(map(str, shape))


def inner_differs(a: Any, b: Any) -> str:
    if len(a) == 2 and len(b) == 2:
        return f"mat1 and mat2 shapes cannot be multiplied ({_times(a)} and {_times(b)})"
    return (
        f"Expected size for first two dimensions of batch2 tensor to be: {[*b[:-2], a[-1]]} but got: {list(b[:-1])}. "
        f"(matmul: inner dimensions differ: {tuple(a)} @ {tuple(b)})"
    )


def check_operands(name: str, x: Any, y: Any) -> None:
    for position, value in enumerate((x, y), 1):
        if not isinstance(value, Tensor):
            raise TypeError(f"{name}(): argument {position} must be Tensor, not {type(value).__name__}")
    if x._array.dtype != y._array.dtype and not casts_alike(x, y):
        raise RuntimeError(
            f"expected m1 and m2 to have the same dtype, but got: {x.dtype} != {y.dtype} ({name}: cast one with "
            ".to(dtype))"
        )
    if x._array.dtype.kind == "b":
        raise NotImplementedError(f"\"addmm_impl_cpu_\" not implemented for 'Bool' ({name}: cast both with .int())")


def _dims(name: str, x: Tensor, ndim: int, argument: str) -> None:
    if x.ndim != ndim:
        raise RuntimeError(f"{name}: {argument} must be a {ndim}D tensor, but got {x.ndim}D of shape {list(x.shape)}")


@public(out=True)
def mm(input: Tensor, mat2: Tensor) -> Tensor:
    """Return the product of two matrices, (m, k) @ (k, n)."""
    check_operands("mm", input, mat2)
    _dims("mm", input, 2, "self")
    _dims("mm", mat2, 2, "mat2")
    return matmul(input, mat2)


@public(out=True)
def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """Return the products of two batches of matrices, (b, m, k) @ (b, k, n)."""
    check_operands("bmm", input, mat2)
    _dims("bmm", input, 3, "batch1")
    _dims("bmm", mat2, 3, "batch2")
    if input.shape[0] != mat2.shape[0]:
        raise RuntimeError(
            f"Expected size for first two dimensions of batch2 tensor to be: [{input.shape[0]}, {input.shape[2]}] but "
            f"got: {list(mat2.shape[:2])}."
        )
    return matmul(input, mat2)


@public(out=True)
def mv(input: Tensor, vec: Tensor) -> Tensor:
    """Return the product of a matrix and a vector, (m, k) @ (k,)."""
    check_operands("mv", input, vec)
    _dims("mv", input, 2, "input")
    _dims("mv", vec, 1, "vec")
    return matmul(input, vec)


@public(out=True)
def dot(input: Tensor, tensor: Tensor) -> Tensor:
    """Return the sum of the products of two vectors."""
    check_operands("dot", input, tensor)
    if input.ndim != 1 or tensor.ndim != 1:
        raise RuntimeError(f"1D tensors expected, but got {input.ndim}D and {tensor.ndim}D tensors")
    return matmul(input, tensor)


@public(out=True)
def vdot(input: Tensor, other: Tensor) -> Tensor:
    """Return the sum of the products of two vectors, the first conjugated."""
    return dot(conj(input) if isinstance(input, Tensor) else input, other)


@public(out=True)
def inner(input: Tensor, other: Tensor) -> Tensor:
    """Return the sums of products over the last dimensions, (*, k) and (+, k) -> (*, +); of a number, its multiples."""
    if input.ndim == 0 or other.ndim == 0:
        return input * other
    x, y = input._array.shape, other._array.shape
    if x[-1] != y[-1]:
        raise RuntimeError(
            f"inner() the last dimension must match on both input tensors but got shapes {list(x)} and {list(y)}"
        )
    if input._array.dtype != other._array.dtype and not casts_alike(input, other):
        raise RuntimeError(f"both inputs should have same dtype (inner: got {input.dtype} and {other.dtype})")
    check_operands("inner", input, other)
    rows, columns = (reshape(z, (math.prod(z.shape[:-1]), x[-1])) for z in (input, other))
    return reshape(Matmul.apply(rows, columns, flip_y=True), x[:-1] + y[:-1])


@public(out=True, also="ger")
def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """Return the matrix of all products of two vectors' elements."""
    return _outer("outer", ("self", input), ("vec2", vec2))


def _outer(name: str, *vectors: tuple[str, Tensor]) -> Tensor:
    for argument, vector in vectors:
        if vector.ndim != 1:
            raise RuntimeError(f"{name}: Expected 1-D argument {argument}, but got {vector.ndim}-D")
    (_, x), (_, y) = vectors
    return unsqueeze(x, 1) * y


def _in_one_rounding(function: F) -> F:
    """`rounded_once`; without factors a GPU's product stays one of half types, on tensor cores, and is rounded
    before."""
    once = rounded_once(function)

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Tensor:
        input = args[0] if args else kwargs["input"]
        is_plain = kwargs.get("beta", 1) == kwargs.get("alpha", 1) == 1
        return (function if is_plain and input.is_cuda else once)(*args, **kwargs)

    return run  # type: ignore[return-value]


@public(in_place="method", out=True)
@_in_one_rounding
def addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor:
    """Return beta * input + alpha * (mat1 @ mat2); input broadcasts. With beta 0, input's values are not read."""
    return _plus("addmm", input, mm(mat1, mat2), beta, alpha)


@public(in_place="function", out=True)
@_in_one_rounding
def addmv(input: Tensor, mat: Tensor, vec: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor:
    """Return beta * input + alpha * (mat @ vec); input broadcasts. With beta 0, input's values are not read."""
    if mat.ndim != 2 or vec.ndim != 1:
        raise RuntimeError(f"vector + matrix @ vector expected, got {input.ndim}, {mat.ndim}, {vec.ndim}")
    rows, columns = mat._array.shape
    if columns != vec._array.shape[0] or input._array.size not in (1, rows):
        raise RuntimeError(
            f"size mismatch, got input ({input._array.size}), mat ({rows}x{columns}), vec ({vec._array.shape[0]})"
        )
    return _plus("addmv", input, matmul(mat, vec), beta, alpha)


@public(in_place="method", out=True)
@_in_one_rounding
def addr(input: Tensor, vec1: Tensor, vec2: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor:
    """Return beta * input + alpha * outer(vec1, vec2); input broadcasts. With beta 0, input's values are not read."""
    product = _outer("addr", ("vec1", vec1), ("vec2", vec2))
    for name, factor in (("beta", beta), ("alpha", alpha)):
        if isinstance(factor, float) and not result_type(input, product).is_inexact:
            raise RuntimeError(f"For integral input tensors, argument {name} must not be a floating point number.")
    return _plus("addr", cast(input, result_type(input, product)), product, beta, alpha)


@public(in_place="method", out=True)
@_in_one_rounding
def addbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor:
    """Return beta * input + alpha * the sum of the products batch1 @ batch2, (b, m, k) @ (b, k, n); input
    broadcasts."""
    _dims("addbmm", batch1, 3, "batch1")
    _dims("addbmm", batch2, 3, "batch2")
    (count, m, k), (other_count, other_k, n) = batch1._array.shape, batch2._array.shape
    if count != other_count:
        raise RuntimeError(f"batch1 and batch2 must have same number of batches, got {count} and {other_count}")
    if k != other_k:
        raise RuntimeError(f"Incompatible matrix sizes for bmm ({m}x{k} and {other_k}x{n})")
    beside = reshape(transpose(batch1, 0, 1), (m, count * k))  # one product, which sums over the batch as well
    return _plus("addbmm", input, mm(beside, reshape(batch2, (count * k, n))), beta, alpha)


@public(in_place="method", out=True)
@_in_one_rounding
def baddbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Number = 1, alpha: Number = 1) -> Tensor:
    """Return beta * input + alpha * (batch1 @ batch2) for batches of matrices; input broadcasts."""
    return _plus("baddbmm", input, bmm(batch1, batch2), beta, alpha)


def _plus(name: str, input: Tensor, product: Tensor, beta: Number, alpha: Number) -> Tensor:
    """Return beta * input + alpha * product in the product's shape; factors of integers lose their fraction."""
    if name != "addr":
        check_operands(name, input, product)
        input = cast(input, product.dtype)  # another one under autocast
    if input._array.shape != product._array.shape:
        input = expand(input, product._array.shape)
    if product._array.dtype.kind in "iu":
        beta, alpha = (fitting(factor, product.dtype) for factor in (beta, alpha))
    product = product if alpha == 1 else product * alpha
    if beta == 0:
        return Copy.apply(input, product)  # with a gradient of zeros, which 0 * input would not have at an infinity
    return product + (input if beta == 1 else input * beta)
