"""Norms of vectors and matrices as `torch.linalg` has them, and what is built on them: cond, dist and cdist."""

from __future__ import annotations

import builtins
import math
from collections.abc import Sequence

from ...dtypes import DType
from ...op import Op
from ...tensor import Tensor
from ..cast import Number, as_number, cast, rounded_once, same_dtype
from ..complex_numbers import only_real
from ..elementwise import pow, where
from ..integers import one_or_more, wrap_dim, wrap_dims
from ..matmul import Matmul
from ..pieces import cat
from ..public import public
from ..reduce import Norm, amax, amin, mean, sum
from ..shape import movedim, reshape, unsqueeze
from ..unary import abs, isfinite, sign, sqrt
from .decompositions import svdvals
from .systems import Inv, check_square, over_batch, scalar_type

Dims = int | Sequence[int] | None
Order = Number | str | None


@rounded_once
def vector_norm(
    input: Tensor, ord: Number = 2, dim: Dims = None, keepdim: bool = False, *, dtype: DType | None = None
) -> Tensor:
    """Return (sum |x|^ord)^(1/ord) over `dim` (all dimensions by default), whose elements count as one vector.

    ord inf and -inf are the largest and the smallest magnitude, 0 the number of nonzero elements. Where the norm is 0,
    so is its gradient.
    """
    input = _floating("linalg.vector_norm", input, dtype)
    input = abs(input) if input.is_complex() else input
    ord = as_number(ord, "linalg_vector_norm", "ord")
    if not isinstance(ord, (int, float)):
        raise TypeError(f"linalg_vector_norm(): argument 'ord' (position 2) must be Number, not {type(ord).__name__}")
    dims = wrap_dims(dim, input._array.ndim)
    if (ord < 0 or ord == math.inf) and math.prod(input._array.shape[d] for d in dims) == 0:
        what = "the operation does not have an identity"
        raise RuntimeError(
            f"linalg.vector_norm cannot compute the {ord} norm on an empty tensor because {what}"
            if dim is None
            else f"linalg.vector_norm cannot compute the {ord} norm on the dimension {dims[0]} because this dimension "
            f"is empty and {what}"
        )
    if ord == 2:
        return Norm.apply(input, dims=dims, keepdim=keepdim)
    magnitude = abs(input)
    if math.isinf(ord):
        return (amax if ord > 0 else amin)(magnitude, dims, keepdim)
    if ord == 0:
        return sum(where(input == 0, sign(input), 1.0), dims, keepdim)  # a count is flat wherever it has a slope
    if ord == 1:
        return sum(magnitude, dims, keepdim)
    is_zero = magnitude == 0  # its power has no slope there, or none that is finite
    powers = where(is_zero, 0.0 if ord > 0 else math.inf, pow(where(is_zero, 1.0, magnitude), ord))
    total = sum(powers, dims, keepdim)
    no_root = total == (0 if ord > 0 else math.inf)
    return where(no_root, 0.0, pow(where(no_root, 1.0, total), 1 / ord))


def matrix_norm(
    input: Tensor, ord: Number | str = "fro", dim: Sequence[int] = (-2, -1), keepdim: bool = False, *,
    dtype: DType | None = None,
) -> Tensor:  # fmt: skip
    """Return a norm of the matrices in two dimensions of input.

    ord: "fro", the square root of the sum of squares; "nuc", the sum of the singular values; inf and -inf, the largest
    and the smallest sum of magnitudes of a row; 1 and -1, of a column; 2 and -2, the largest and smallest singular
    value.
    """
    input = _floating("linalg.matrix_norm", input, dtype)
    ord = as_number(ord, "linalg_matrix_norm", "ord")
    if input.ndim < 2:
        raise RuntimeError("linalg.matrix_norm: The input tensor A must have at least 2 dimensions.")
    dims = one_or_more(dim, "dim")
    if len(dims) != 2:
        raise RuntimeError(f"linalg.matrix_norm: dim must be a 2-tuple. Got {' '.join(map(str, dims))}")
    rows, columns = (wrap_dim(d, input.ndim) for d in dims)
    if rows == columns:
        raise RuntimeError(f"linalg.matrix_norm: dims must be different. Got ({dims[0]}, {dims[1]})")
    if ord == "fro":
        return vector_norm(input, 2, (rows, columns), keepdim)
    if ord in ("nuc", 2, -2):
        if input.dtype.itemsize == 2:
            raise RuntimeError(f"linalg.matrix_norm: Low precision dtypes not supported. Got {scalar_type(input)}")
        s = svdvals(movedim(input, (rows, columns), (-2, -1)))
        y = sum(s, -1) if ord == "nuc" else amax(s, -1) if ord == 2 else amin(s, -1)
        return unsqueeze(unsqueeze(y, min(rows, columns)), max(rows, columns)) if keepdim else y
    if ord not in (1, -1, math.inf, -math.inf):
        raise RuntimeError(f"linalg.matrix_norm: Order {ord} not supported.")
    along, across = (rows, columns) if builtins.abs(ord) == 1 else (columns, rows)
    sums = sum(abs(input), along, keepdim=True)
    y = (amax if ord > 0 else amin)(sums, across, keepdim=True)
    return y if keepdim else reshape(y, tuple(n for d, n in enumerate(input._array.shape) if d not in (rows, columns)))


def norm(
    input: Tensor, ord: Order = None, dim: Dims = None, keepdim: bool = False, *, dtype: DType | None = None
) -> Tensor:
    """Return a vector norm of input, or a matrix norm when `dim` names two dimensions or `ord` is the name of one.

    Without `ord`, the 2-norm of all elements (over `dim`); without `dim`, input has one dimension or, with an `ord`,
    one or two.
    """
    dims = None if dim is None else one_or_more(dim, "dim")
    if dims is not None and len(dims) not in (1, 2):
        raise RuntimeError(f"linalg.norm: If dim is specified, it must be of length 1 or 2. Got {list(dims)}")
    if ord is None:
        return vector_norm(input, 2, dims, keepdim, dtype=dtype)
    if dims is None and input.ndim not in (1, 2):
        raise RuntimeError(
            f"linalg.norm: If dim is not specified but ord is, the input must be 1D or 2D. Got {input.ndim}D."
        )
    if isinstance(ord, str) or (input.ndim if dims is None else len(dims)) == 2:
        return matrix_norm(input, ord, (-2, -1) if dims is None else dims, keepdim, dtype=dtype)
    return vector_norm(input, ord, dims, keepdim, dtype=dtype)


def _floating(name: str, x: Tensor, dtype: DType | None) -> Tensor:
    if not x.dtype.is_inexact:
        raise RuntimeError(f"{name}: Expected a floating point or complex tensor as input. Got {scalar_type(x)}")
    if dtype is not None and not dtype.is_inexact:
        raise RuntimeError(f"{name}: dtype should be floating point or complex, but got {scalar_type(dtype)}")
    if dtype is not None and dtype.itemsize < x.dtype.itemsize:
        raise RuntimeError(
            f"{name}: the dtype of the input ({scalar_type(x)}) should be convertible without narrowing to the "
            f"specified dtype ({scalar_type(dtype)})"
        )
    return x if dtype is None else cast(x, dtype)


def cond(input: Tensor, p: Number | str | None = None) -> Tensor:
    """Return the condition numbers of matrices: |input| |inv(input)| in a matrix norm, infinite for a singular matrix.

    p as `ord` of `matrix_norm`; by default 2, the ratio of the largest and the smallest singular value (-2: the
    inverse). Matrices are square unless p is None, 2 or -2.
    """
    if p not in (None, "fro", "nuc", math.inf, -math.inf, 1, -1, 2, -2):
        raise RuntimeError(f"linalg.cond got an invalid norm type: {p}")
    if input._array.size == 0 and input.ndim >= 2:
        return input.new_zeros(input.shape[:-2], dtype=input.dtype.to_real())
    if p is None or p in (2, -2):
        s = svdvals(input)
        first, last = (amax, amin) if p != -2 else (amin, amax)
        return first(s, -1) / last(s, -1)
    check_square(f"linalg.cond(ord={p})", input)
    inverse, info = Inv.apply(input, check=None)
    y = matrix_norm(input, p) * matrix_norm(inverse, p)
    return where(info != 0, math.inf, y)


# ---------------------------------------------------------------------------------------------- distances


@public
@rounded_once
def dist(input: Tensor, other: Tensor, p: Number = 2) -> Tensor:
    """Return the p-norm of input - other, which broadcast."""
    return vector_norm(input - other, p)


class EuclideanDistances(Op):
    """y_ij = |a_i - b_j| for a (*, m, d) and b (*, n, d), given by who applies it; the gradient of a zero distance is
    0."""

    def forward(ctx, a, b, y):
        return y

    def keep(ctx, y, a, b, given):
        ctx.save(a, b, ctx.own(y))

    def backward(ctx, gy):
        a, b, y = ctx.saved
        is_zero = y == 0
        weights = where(is_zero, 0.0, gy / where(is_zero, 1.0, y))
        ga = a * sum(weights, -1, keepdim=True) - Matmul.apply(weights, b)
        gb = b * unsqueeze(sum(weights, -2), -1) - Matmul.apply(weights, a, flip_x=True)
        return ga, gb, None

    def name(ctx) -> str:
        return "CdistBackward0"


@public(method=False)
@rounded_once
def cdist(
    x1: Tensor, x2: Tensor, p: Number = 2.0, compute_mode: str | None = "use_mm_for_euclid_dist_if_necessary"
) -> Tensor:
    """Return the p-norm distances (*, m, n) between the rows of x1 (*, m, d) and of x2 (*, n, d). Batches broadcast.

    Euclidean distances of more than 25 rows come from one matrix product, |a|^2 + |b|^2 - 2 a.b, which rounds more;
    with compute_mode "donot_use_mm_for_euclid_dist" never, with "use_mm_for_euclid_dist" always.
    """
    only_real("cdist", x1, x2)
    for number, x in enumerate((x1, x2), 1):
        if not x.dtype.is_inexact:
            raise RuntimeError(f"cdist only supports floating-point dtypes, X{number} got: {scalar_type(x)}")
        if x.ndim < 2:
            raise RuntimeError(f"cdist only supports at least 2D tensors, X{number} got: {x.ndim}D")
    if x1._array.shape[-1] != x2._array.shape[-1]:
        raise RuntimeError(
            f"X1 and X2 must have the same number of columns. X1: {x1._array.shape[-1]} X2: {x2._array.shape[-1]}"
        )
    p = as_number(p, "cdist", "p")
    if p < 0:
        raise RuntimeError("cdist only supports non-negative p values")
    modes = ("use_mm_for_euclid_dist_if_necessary", "use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist")
    if compute_mode not in (None, *modes):
        raise ValueError(f"{compute_mode} is not a valid value for compute_mode")
    same_dtype("cdist", x1, x2=x2)
    a, b = over_batch(x1, x2)
    if p != 2:
        return vector_norm(unsqueeze(a, -2) - unsqueeze(b, -3), p, -1)
    is_large = a._array.shape[-2] > 25 or b._array.shape[-2] > 25
    by_product = compute_mode == modes[1] or (compute_mode in (None, modes[0]) and is_large)
    a, b = _centred(a, b)
    return EuclideanDistances.apply(a, b, _euclidean(a.detach(), b.detach(), by_product))


def _centred(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Return both without the mean of b's rows, which no distance depends on: what is left has its digits to itself."""
    if not a._array.size or not b._array.size:
        return a, b
    middle = mean(b.detach(), -2, keepdim=True)
    middle = where(isfinite(middle), middle, 0.0)
    return a - middle, b - middle


def _euclidean(a: Tensor, b: Tensor, by_product: bool) -> Tensor:
    if not by_product:
        return vector_norm(unsqueeze(a, -2) - unsqueeze(b, -3), 2, -1)
    # |a|^2 + |b|^2 - 2 a.b in one product, of a with two columns more by b with two more
    left = cat([a * -2, sum(a * a, -1, keepdim=True), a.new_ones((*a.shape[:-1], 1))], -1)
    right = cat([b, b.new_ones((*b.shape[:-1], 1)), sum(b * b, -1, keepdim=True)], -1)
    return sqrt(Matmul.apply(left, right, flip_y=True).clamp(min=0))
