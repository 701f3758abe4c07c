"""Products made of others: Kronecker's and the cross product, powers of a matrix, many matrices in the cheapest
order."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence

from ...dtypes import float32
from ...op import Op
from ...tensor import Tensor
from ..cast import broadcast_together, cast, rounded_once
from ..complex_numbers import conj
from ..diagonals import diagonal
from ..inplace import Copy
from ..integers import is_integer, real_dim, wrap_dim
from ..matmul import matmul, mm
from ..pieces import cat
from ..public import public
from ..reduce import sum
from ..scan import cumprod
from ..shape import clone, expand, reshape, transpose, unsqueeze
from .systems import check_square, identity, inv, scalar_type


@public(out=True)
def kron(input: Tensor, other: Tensor) -> Tensor:
    """Return Kronecker's product: blocks of other, each times one element of input, in as many dimensions as the
    longer."""
    ndim = max(input.ndim, other.ndim)
    x, y = ((1,) * (ndim - z.ndim) + tuple(z.shape) for z in (input, other))
    spread = reshape(input, tuple(size for n in x for size in (n, 1))) * reshape(
        other, tuple(size for n in y for size in (1, n))
    )
    return reshape(spread, tuple(n * m for n, m in zip(x, y)))


@public(out=True)
def cross(input: Tensor, other: Tensor, dim: int | None = None) -> Tensor:
    """Return the cross products along `dim`, of size 3: by default the first such dimension. The others broadcast."""
    if dim is None:
        dim = next((d for d, size in enumerate(input.shape) if size == 3), None)
        if dim is None:
            raise RuntimeError("no dimension of size 3 in input")
    return linalg_cross(input, other, dim=dim)


@rounded_once
def linalg_cross(input: Tensor, other: Tensor, *, dim: int = -1) -> Tensor:
    """Return the cross products along `dim`, of size 3. The other dimensions broadcast."""
    if input.ndim != other.ndim:
        raise RuntimeError("linalg.cross: inputs must have the same number of dimensions.")
    real_dim(dim, input.ndim)
    sizes = input.shape[dim], other.shape[dim]
    if sizes != (3, 3):
        raise RuntimeError(f"linalg.cross: inputs dimension {dim} must have length 3. Got {sizes[0]} and {sizes[1]}")
    if input._array.dtype != other._array.dtype:
        raise RuntimeError(f"expected scalar type {scalar_type(input)} but found {scalar_type(other)} (linalg.cross)")
    dim = wrap_dim(dim, input.ndim)
    x, y = broadcast_together(input, other)

    def shifted(z: Tensor, by: int) -> Tensor:
        return cat([z.narrow(dim, by, 3 - by), z.narrow(dim, 0, by)], dim)

    return shifted(x, 1) * shifted(y, 2) - shifted(x, 2) * shifted(y, 1)


@rounded_once
def vecdot(x: Tensor, y: Tensor, *, dim: int = -1) -> Tensor:
    """Return the dot products of the vectors along `dim`, those of x conjugated. The other dimensions broadcast."""
    for z in (x, y):
        if not z.dtype.is_inexact:
            raise RuntimeError(
                f"linalg.vecdot: Expected a floating point or complex tensor as input. Got {scalar_type(z)}"
            )
    if x._array.dtype != y._array.dtype:
        raise RuntimeError(
            f"linalg.vecdot: Expected x and y to have the same dtype, but found x of type {scalar_type(x)} and y of "
            f"type {scalar_type(y)} instead"
        )
    return sum(conj(x) * y, dim)


class MatrixExp(Op):
    """y = 1 + x + x @ x / 2 + x @ x @ x / 6 + ..."""

    saved_as = "self"

    def forward(ctx, x):
        return ctx.backend.matrix_exp(x)

    def keep(ctx, y, x):
        ctx.save(x)

    def backward(ctx, gy):
        # Mathias 1996: the exponential of [[x, e], [0, x]] has the derivative along e above its diagonal; that of x' is
        # its adjoint.
        (x,) = ctx.saved
        n = x._array.shape[-1]
        turned = transpose(x, -2, -1)
        blocks = cat([cat([turned, gy], -1), cat([gy.new_zeros(gy.shape), turned], -1)], -2)
        return MatrixExp.apply(blocks)[..., :n, n:]

    def name(ctx) -> str:
        return "LinalgMatrixExpBackward0"


@public
def matrix_exp(A: Tensor) -> Tensor:
    """Return the exponentials of square matrices (*, n, n); of float16 and bfloat16 in float32, rounded at the end."""
    if A.dtype.is_floating_point and A.dtype.itemsize == 2:
        return cast(matrix_exp(cast(A, float32)), A.dtype)
    check_square("linalg.matrix_exp", A)
    return MatrixExp.apply(A)


@public(out=True)
def matrix_power(input: Tensor, n: int) -> Tensor:
    """Return square matrices (*, m, m) to an integer power: of the inverse when it is negative, identities at 0."""
    if not is_integer(n) or isinstance(n, bool):
        raise TypeError(f"linalg_matrix_power(): argument 'n' (position 2) must be int, not {type(n).__name__}")
    if input.ndim < 2:
        raise RuntimeError("linalg.matrix_power: The input tensor A must have at least 2 dimensions.")
    rows, columns = input._array.shape[-2:]
    if rows != columns:
        raise RuntimeError(
            f"linalg.matrix_power: A must be batches of square matrices, but they are {rows} by {columns} matrices"
        )
    if n == 0:
        return Copy.apply(input, identity(input).clone())
    square = input if n > 0 else inv(input)
    product, left = None, abs(n)
    while left:
        if left % 2:
            product = square if product is None else matmul(product, square)
        left //= 2
        square = matmul(square, square) if left else square
    assert product is not None
    return product.clone() if product is input else product


def multi_dot(tensors: Sequence[Tensor]) -> Tensor:
    """Return the product of matrices in the order of fewest multiplications; the first and the last may be vectors."""
    tensors = list(tensors)
    if len(tensors) < 2:
        raise RuntimeError(f"multi_dot(): expected at least 2 tensors but got {len(tensors)}")
    for number, x in enumerate(tensors):
        is_end = number in (0, len(tensors) - 1)
        if x.ndim != 2 and not (is_end and x.ndim == 1):
            wanted = "1D or 2D" if is_end else "2D"
            raise RuntimeError(f"multi_dot(): tensor {number} must be {wanted} but got {x.ndim}D")
        if x._array.dtype != tensors[0]._array.dtype:
            raise RuntimeError(
                f"multi_dot(): all tensors must have be the same dtype but tensor 0 is "
                f"{scalar_type(tensors[0]).lower()} and tensor {number} {scalar_type(x).lower()}"
            )
    shape = (*tensors[0].shape[:-1], *tensors[-1].shape[1:])
    if tensors[0].ndim == 1:
        tensors[0] = unsqueeze(tensors[0], 0)
    if tensors[-1].ndim == 1:
        tensors[-1] = unsqueeze(tensors[-1], 1)
    for number, (x, y) in enumerate(itertools.pairwise(tensors)):
        if x.shape[1] != y.shape[0]:
            raise RuntimeError(
                f"multi_dot(): tensors {number} and {number + 1} with shapes {list(x.shape)} and {list(y.shape)} "
                "cannot be multiplied"
            )
    return reshape(_in_cheapest_order(tensors), shape)


def _in_cheapest_order(matrices: list[Tensor]) -> Tensor:
    """Cormen, Leiserson, Rivest & Stein, "Introduction to Algorithms", section 15.2: matrix-chain multiplication."""
    sizes = [matrices[0].shape[0], *(x.shape[1] for x in matrices)]

    @functools.cache
    def cheapest(first: int, last: int) -> tuple[int, int]:
        """The fewest multiplications for the product of matrices first..last, and after which one to part it."""
        if first == last:
            return 0, first
        return min(
            (
                cheapest(first, cut)[0] + cheapest(cut + 1, last)[0] + sizes[first] * sizes[cut + 1] * sizes[last + 1],
                cut,
            )
            for cut in range(first, last)
        )

    def product(first: int, last: int) -> Tensor:
        cut = cheapest(first, last)[1]
        return matrices[first] if first == last else mm(product(first, cut), product(cut + 1, last))

    return product(0, len(matrices) - 1)


@public(method=False)
def chain_matmul(*matrices: Tensor) -> Tensor:
    """Return the product of matrices in the order of fewest multiplications. `linalg.multi_dot` does more."""
    if not matrices:
        raise RuntimeError("chain_matmul(): Expected one or more matrices")
    for x in matrices:
        if x.ndim != 2:
            raise RuntimeError(f"Tensor dimension is {x.ndim}, expected 2 instead. (chain_matmul)")
    return clone(matrices[0]) if len(matrices) == 1 else multi_dot(matrices)


def vander(x: Tensor, N: int | None = None) -> Tensor:
    """Return Vandermonde matrices (*, n, N) of vectors (*, n): the powers 0 to N - 1 (N is by default n) of each
    element."""
    if x._array.dtype.kind == "b" or (x.dtype.itemsize == 2 and x.dtype.is_floating_point):
        raise RuntimeError(
            f"linalg.vander supports floating point, complex, and integer tensors, but got {scalar_type(x)}"
        )
    x = x if x.ndim else unsqueeze(x, 0)
    count = N if N is not None else x.shape[-1]
    if count <= 1:
        raise RuntimeError("N must be greater than 1.")
    ones = x.new_ones((*x.shape, 1))
    powers = cumprod(expand(unsqueeze(x, -1), (*x._array.shape, count - 1)), -1)
    return cat([ones.to(powers.dtype), powers], -1)


def linalg_diagonal(A: Tensor, *, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """Return the diagonals of matrices, by default those in the last two dimensions, as a view."""
    return diagonal(A, offset, dim1, dim2)
