"""Linear systems: inverses and solutions, for batches of square matrices in the last two dimensions.

Derivatives are Giles 2008, "Collected matrix derivative results for forward and reverse mode algorithmic
differentiation", made of operations, so that they hold to any order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ...dtypes import SCALAR_TYPES, DType
from ...op import Op
from ...tensor import Tensor
from ..cast import broadcast, broadcast_shape, cast
from ..creation import arange
from ..matmul import Matmul
from ..public import public
from ..results import (
    InverseInfo,
    ResultInfo,
    TriangularSolution,
    inv_ex_result,
    solve_ex_result,
    triangular_solve_result,
)
from ..shape import movedim, reshape, squeeze, transpose, unsqueeze

# ------------------------------------------------------------------------------------------- what is asked of operands


def scalar_type(x: Tensor | DType) -> str:
    """Return PyTorch's other name of a dtype, which its messages have: "Half" for float16."""
    return SCALAR_TYPES[(x.dtype if isinstance(x, Tensor) else x).name]


def check_matrices(name: str, x: Tensor, kernel: str | None = None, letter: str = "A") -> None:
    """Raise unless x is a float32 or float64 tensor of matrices. `kernel` is what PyTorch lacks in half precision."""
    if not isinstance(x, Tensor):
        raise TypeError(f"{name}(): argument '{letter}' must be Tensor, not {type(x).__name__}")
    if x.ndim < 2:
        raise RuntimeError(f"{name}: The input tensor {letter} must have at least 2 dimensions.")
    if not x.dtype.is_inexact:
        raise RuntimeError(f"{name}: Expected a floating point or complex tensor as input. Got {scalar_type(x)}")
    if x.dtype.itemsize == 2:
        way_out = "Compute in float32: x.float()."
        if kernel is None:
            raise RuntimeError(f"{name}: Low precision dtypes not supported. Got {scalar_type(x)}. {way_out}")
        raise NotImplementedError(f"\"{kernel}\" not implemented for '{scalar_type(x)}' ({name}). {way_out}")


def check_square(name: str, x: Tensor, kernel: str | None = None) -> None:
    """Raise unless x is a float32 or float64 tensor of square matrices."""
    check_matrices(name, x, kernel)
    rows, columns = x._array.shape[-2:]
    if rows != columns:
        raise RuntimeError(f"{name}: A must be batches of square matrices, but they are {rows} by {columns} matrices")


def check_alike(name: str, a: Tensor, b: Tensor) -> None:
    """Raise unless both have one dtype."""
    if a._array.dtype != b._array.dtype:
        raise RuntimeError(
            f"{name}: Expected A and B to have the same dtype, but found A of type {scalar_type(a)} and B of type "
            f"{scalar_type(b)} instead"
        )


def over_batch(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Return both with the batch dimensions that theirs broadcast to."""
    batch = broadcast_shape(a._array.shape[:-2], b._array.shape[:-2])
    return broadcast(a, batch + a._array.shape[-2:]), broadcast(b, batch + b._array.shape[-2:])


def is_diagonal(x: Tensor) -> Tensor:
    """Return where in the last dimension of x by itself the diagonal is: bools (n, n)."""
    places = arange(x._array.shape[-1], device=x.device)
    return unsqueeze(places, 1) == places


def identity(x: Tensor) -> Tensor:
    """Return identity matrices (*, n, n) for the batch and the last dimension of matrices x (*, m, n)."""
    n = x._array.shape[-1]
    return broadcast(cast(is_diagonal(x), x.dtype), (*x._array.shape[:-2], n, n))


def mT(x: Tensor) -> Tensor:
    """Return the transposed matrices."""
    return transpose(x, -2, -1)


# ---------------------------------------------------------------------------------------------- operations


class Inv(Op):
    """y, codes = the inverses of x, and of each matrix the number of its first zero pivot (0: it has none)."""

    saved_as = "inverse"

    def forward(ctx, x, check):
        return ctx.backend.inv(x, check)

    def keep(ctx, outputs, x, check):
        ctx.save(ctx.own(outputs[0]))

    def backward(ctx, gy, _):
        (y,) = ctx.saved
        return -Matmul.apply(Matmul.apply(y, gy, flip_x=True), y, flip_y=True)

    def name(ctx) -> str:
        return "LinalgInvExBackward0"


class Solve(Op):
    """y, codes = the solutions of a @ y = b, and of each a the number of its first zero pivot (0: it has none)."""

    saved_as = "A result"

    def forward(ctx, a, b, check):
        ctx.check = check
        return ctx.backend.solve(a, b, check)

    def keep(ctx, outputs, a, b, check):
        ctx.save(a, ctx.own(outputs[0]))

    def backward(ctx, gy, _):
        a, y = ctx.saved
        gb = Solve.apply(mT(a), gy, check=ctx.check)[0]
        return -Matmul.apply(gb, y, flip_y=True) if ctx.needs(0) else None, gb

    def name(ctx) -> str:
        return "LinalgSolveExBackward0"


class SolveTriangular(Op):
    """y = the solution of a @ y = b for a triangular a; with `unitriangular`, ones are read for its diagonal."""

    saved_as = "self result"

    def forward(ctx, a, b, upper, unitriangular):
        ctx.upper, ctx.unitriangular = upper, unitriangular
        return ctx.backend.solve_triangular(a, b, upper, unitriangular)

    def keep(ctx, y, a, b, upper, unitriangular):
        ctx.save(a, ctx.own(y))

    def backward(ctx, gy):
        a, y = ctx.saved
        gb = SolveTriangular.apply(mT(a), gy, upper=not ctx.upper, unitriangular=ctx.unitriangular)
        if not ctx.needs(0):
            return None, gb
        ga = -Matmul.apply(gb, y, flip_y=True)
        inside = 1 if ctx.unitriangular else 0
        return ga.triu(inside) if ctx.upper else ga.tril(-inside), gb

    def name(ctx) -> str:
        return "LinalgSolveTriangularBackward0"


# ---------------------------------------------------------------------------------------------- inverses


def inv(A: Tensor) -> Tensor:
    """Return the inverses of square matrices (*, n, n). LinAlgError for a singular one."""
    check_square("linalg.inv", A)
    return Inv.apply(A, check="linalg.inv")[0]


@public(out=True)
def inverse(input: Tensor) -> Tensor:
    """Return the inverses of square matrices (*, n, n), as `linalg.inv` does."""
    return inv(input)


def inv_ex(A: Tensor, *, check_errors: bool = False) -> InverseInfo:
    """Return (inverse, info): info is 0 or, of a singular matrix, the number from 1 of its first zero pivot."""
    check_square("linalg.inv_ex", A)
    return inv_ex_result(*Inv.apply(A, check="linalg.inv_ex" if check_errors else None))


def tensorinv(input: Tensor, ind: int = 2) -> Tensor:
    """Return the inverse of input as a map by `tensordot` of its last dimensions to its first `ind`."""
    if ind <= 0:
        raise RuntimeError(f"Expected a strictly positive integer for 'ind', but got {ind}")
    rows, columns = input._array.shape[:ind], input._array.shape[ind:]
    if math.prod(rows) != math.prod(columns):
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[ind:]) == prod(self.shape[:ind]), but got "
            f"{math.prod(columns)} != {math.prod(rows)}"
        )
    return reshape(inv(reshape(input, (math.prod(rows), math.prod(columns)))), columns + rows)


# ---------------------------------------------------------------------------------------------- solutions


def solve(A: Tensor, B: Tensor, *, left: bool = True) -> Tensor:
    """Return X with A @ X = B (X @ A = B unless `left`). LinAlgError for a singular A.

    A (*, n, n); B (*, n, k), or vectors (n,) or (*, n) for A (*, n, n) of the very same batch. Batches broadcast.
    """
    return _solved("linalg.solve", A, B, left, "torch.linalg.solve")[0]


def solve_ex(A: Tensor, B: Tensor, *, left: bool = True, check_errors: bool = False) -> ResultInfo:
    """Return (result, info) as `solve` and `inv_ex` have them."""
    check = "torch.linalg.solve_ex" if check_errors else None
    return solve_ex_result(*_solved("linalg.solve", A, B, left, check))


def _solved(name: str, A: Tensor, B: Tensor, left: bool, check: str | None) -> tuple[Tensor, Tensor]:
    check_square(name, A, "lu_cpu")
    check_alike(name, A, B)
    is_vector = B.ndim == 1 or (A.ndim == B.ndim + 1 and A._array.shape[:-1] == B._array.shape)
    a, b = over_batch(*_fitting(name, A, unsqueeze(B, -1) if is_vector else B, left))
    if not left:
        a, b = mT(a), mT(b)
    y, info = Solve.apply(a, b, check=check)
    y = y if left else mT(y)
    return squeeze(y, -1) if is_vector else y, info


def _fitting(name: str, A: Tensor, B: Tensor, left: bool) -> tuple[Tensor, Tensor]:
    if B.ndim < 2:
        raise RuntimeError(f"{name}: The input tensor B must have at least 2 dimensions.")
    a, b = A._array.shape[-2:], B._array.shape[-2:]
    if a[0] != b[0 if left else 1]:
        equation = "AX = B" if left else "XA = B"
        raise RuntimeError(
            f"{name}: Incompatible shapes of A and B for the equation {equation} ({a[0]}x{a[1]} and {b[0]}x{b[1]})"
        )
    return A, B


def solve_triangular(
    input: Tensor, B: Tensor, *, upper: bool, left: bool = True, unitriangular: bool = False
) -> Tensor:
    """Return X with input @ X = B (X @ input = B unless `left`) for triangular input (*, n, n), B (*, n, k). Batches
    broadcast.

    Only the triangle named by `upper` is read, and its diagonal only without `unitriangular`. A zero on the diagonal
    gives infinities and NaN, not an error.
    """
    check_square("linalg.solve_triangular", input, "triangular_solve_cpu")
    check_alike("linalg.solve_triangular", input, B)
    a, b = over_batch(*_fitting("linalg.solve_triangular", input, B, left))
    if left:
        return SolveTriangular.apply(a, b, upper=upper, unitriangular=unitriangular)
    return mT(SolveTriangular.apply(mT(a), mT(b), upper=not upper, unitriangular=unitriangular))


@public
def triangular_solve(
    b: Tensor, A: Tensor, upper: bool = True, transpose: bool = False, unitriangular: bool = False
) -> TriangularSolution:
    """Return (solution, cloned_coefficient): X with A @ X = b for triangular A, and a copy of A."""
    for letter, x in (("b", b), ("A", A)):
        if x.ndim < 2:
            raise RuntimeError(
                f"torch.triangular_solve: Expected {letter} to have at least 2 dimensions, but it has {x.ndim} "
                "dimensions instead"
            )
    check_square("triangular_solve", A, "triangular_solve_cpu")
    check_alike("triangular_solve", A, b)
    n, (rows, columns) = A._array.shape[-1], b._array.shape[-2:]
    if n != rows:
        raise RuntimeError(
            f"Incompatible matrix sizes for triangular_solve: each A matrix is {n} by {n} but each b matrix is {rows} "
            f"by {columns}"
        )
    a, rhs = over_batch(A, b)
    coefficient = a.clone()
    a, upper = (mT(a), not upper) if transpose else (a, upper)
    return triangular_solve_result(SolveTriangular.apply(a, rhs, upper=upper, unitriangular=unitriangular), coefficient)


def tensorsolve(input: Tensor, other: Tensor, dims: Sequence[int] | None = None) -> Tensor:
    """Return X with tensordot(input, X, X.ndim) = other, after moving the dimensions `dims` of input to its end."""
    if dims is not None:
        input = movedim(input, list(dims), list(range(-len(dims), 0)))
    shape = input._array.shape[other.ndim :]
    if math.prod(shape) != other._array.size:
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == prod(self.shape[:other.ndim]), "
            f"but got {math.prod(shape)} != {other._array.size}"
        )
    return reshape(solve(reshape(input, (other._array.size, math.prod(shape))), reshape(other, (-1,))), shape)
