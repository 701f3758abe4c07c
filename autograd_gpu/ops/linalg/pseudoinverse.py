"""What rank decides: pseudo-inverses, least squares, ranks. Singular values below a tolerance count as zero."""

from __future__ import annotations

from ... import dtypes
from ...op import Op
from ...tensor import Tensor
from ..cast import Number, cast
from ..elementwise import maximum, where
from ..matmul import Matmul
from ..public import public
from ..reduce import amax, sum
from ..results import LeastSquares, lstsq_result
from ..shape import squeeze, unsqueeze
from .decompositions import eigvalsh, svd_parts, svdvals
from .systems import check_matrices, check_square, mT, over_batch, scalar_type

Tolerance = Number | Tensor | None


class Pinv(Op):
    """y = the pseudo-inverse of x, given by who applies it. Its rank is taken not to change near x."""

    saved_as = "self result"

    def forward(ctx, x, y):
        return y

    def keep(ctx, y, x, given):
        ctx.save(x, ctx.own(y))

    def backward(ctx, gy):
        # Golub & Pereyra 1973, (4.12): dy = -y dx y + y y' dx' (1 - x y) + (1 - y x) dx' y' y, turned around.
        x, y = ctx.saved
        gx = -Matmul.apply(Matmul.apply(y, gy, flip_x=True), y, flip_y=True)
        left = Matmul.apply(Matmul.apply(gy, y, flip_x=True), y, flip_y=True)  # gy' y y'
        right = Matmul.apply(Matmul.apply(y, y, flip_x=True), gy, flip_y=True)  # y' y gy'
        gx = gx + left - Matmul.apply(x, Matmul.apply(y, left))
        return gx + right - Matmul.apply(Matmul.apply(right, y), x), None

    def name(ctx) -> str:
        return "LinalgPinvBackward0"


def pinv(
    input: Tensor, rcond: Tolerance = None, hermitian: bool = False, *, atol: Tolerance = None, rtol: Tolerance = None
) -> Tensor:
    """Return the pseudo-inverses (*, n, m) of matrices (*, m, n) (Moore & Penrose).

    Singular values up to max(atol, rtol * the largest) count as zero; rtol is by default 0 when atol is given, else
    max(m, n) times the dtype's epsilon. `rcond` is another name of rtol. `hermitian` says that input is symmetric.
    """
    if not isinstance(input, Tensor) or input.ndim < 2 or input.dtype not in (dtypes.float32, dtypes.float64):
        what = f"{scalar_type(input)}{{{list(input.shape)}}}" if isinstance(input, Tensor) else type(input).__name__
        raise RuntimeError(
            f"linalg.pinv({what}): expected a tensor with 2 or more dimensions of float, double, cfloat or cdouble "
            "types"
        )
    if hermitian:
        check_square("linalg.pinv", input)
    u, s, vh = svd_parts(input.detach())
    tolerance = _tolerance(input, s[..., :1], atol, rtol if rcond is None else rcond)
    inverse = where(s > tolerance, 1 / s, 0.0)
    return Pinv.apply(input, Matmul.apply(mT(vh) * unsqueeze(inverse, -2), u, flip_y=True))


@public
def pinverse(input: Tensor, rcond: float = 1e-15) -> Tensor:
    """Return the pseudo-inverses of matrices, as `linalg.pinv` does."""
    return pinv(input, rcond)


def matrix_rank(
    input: Tensor, tol: Tolerance = None, hermitian: bool = False, *, atol: Tolerance = None, rtol: Tolerance = None
) -> Tensor:
    """Return how many singular values of matrices (*, m, n) are not zero, as int64 (*).

    Up to max(atol, rtol * the largest) they count as zero, with the defaults of `pinv`. `tol` is another name of atol.
    """
    _check_single_or_double(input)
    if hermitian:
        check_square("linalg.matrix_rank", input)
    check_matrices("torch.linalg.matrix_rank", input, letter="input")
    input = input.detach()
    s = eigvalsh(input).abs() if hermitian else svdvals(input)
    largest = amax(s, -1, keepdim=True) if hermitian and s._array.shape[-1] else s[..., :1]
    return sum(s > _tolerance(input, largest, atol if tol is None else tol, rtol), -1)


def _check_single_or_double(x: Tensor) -> None:
    if x.dtype not in (dtypes.float32, dtypes.float64):
        raise RuntimeError(f"This function doesn't handle types other than float and double, but got {scalar_type(x)}")


def _tolerance(A: Tensor, largest: Tensor, atol: Tolerance, rtol: Tolerance) -> Tensor:
    """Return the values, (*, 1), up to which singular values count as zero, given the largest, (*, 1)."""
    precision = max(A._array.shape[-2:]) * dtypes.finfo(A.dtype).eps
    if not (isinstance(atol, Tensor) or isinstance(rtol, Tensor)):
        share = rtol if rtol is not None else 0.0 if atol else precision
        return largest * share if not atol else (largest * share).clamp(min=atol)

    def column(tolerance: Number | Tensor) -> Tensor:
        if isinstance(tolerance, Tensor):
            return unsqueeze(tolerance, -1)
        return largest.new_full((1,), tolerance)

    least = column(0.0 if atol is None else atol)
    return maximum(least, largest * (where(least > 0, 0.0, column(precision)) if rtol is None else column(rtol)))


def lstsq(input: Tensor, b: Tensor, rcond: float | None = None, *, driver: str | None = None) -> LeastSquares:
    """Return (solution, residuals, rank, singular_values): the X of least norm that minimises |input @ X - b|.

    input (*, m, n); b (*, m, k), or vectors (m,) or (*, m) for an input of the very same batch. The drivers "gelsy"
    (the default), "gels", "gelsd" and "gelss" differ in what else they return: the residuals (not gelsy; for m > n and
    full rank), the rank (not gels), the singular values (gelsd and gelss). Those up to rcond times the largest count as
    zero.
    """
    _check_single_or_double(input)
    check_matrices("torch.linalg.lstsq", input, letter="input")
    if not 0 <= input.ndim - b.ndim <= 1:
        raise RuntimeError(
            "torch.linalg.lstsq: input.dim() must be greater or equal to other.dim() and (input.dim() - other.dim()) "
            "<= 1"
        )
    if input._array.dtype != b._array.dtype:
        raise RuntimeError(
            "torch.linalg.lstsq: Expected input and other to have the same dtype, but got input's dtype "
            f"{scalar_type(input)} and other's dtype {scalar_type(b)}"
        )
    driver = "gelsy" if driver is None else driver
    if driver not in ("gels", "gelsy", "gelsd", "gelss"):
        raise RuntimeError(
            f"torch.linalg.lstsq: parameter `driver` should be one of (gels, gelsy, gelsd, gelss), but got {driver!r}"
        )
    rows, columns = input._array.shape[-2:]
    is_vector = input.ndim == b.ndim + 1 and input._array.shape[:-1] == b._array.shape
    left, right = over_batch(input, unsqueeze(b, -1) if is_vector else b)
    if right._array.shape[-2] != rows:
        raise RuntimeError(
            f"torch.linalg.lstsq: input.size(-2) should match other.size({-1 if is_vector else -2}), but they are "
            f"{rows} and {right._array.shape[-2]}"
        )
    rtol = max(rows, columns) * dtypes.finfo(input.dtype).eps if rcond is None else rcond
    x = Matmul.apply(pinv(left, rtol=rtol), right)
    s = svdvals(left.detach())
    rank = sum(s > _tolerance(left, s[..., :1], None, rtol), -1)
    residuals = left.new_empty(0)
    if driver != "gelsy" and rows > columns and bool((rank == columns).all()):
        difference = Matmul.apply(left, x) - right
        residuals = sum(difference * difference, -2)
    return lstsq_result(
        squeeze(x, -1) if is_vector else x,
        residuals,
        cast(left.new_empty(0), dtypes.int64) if driver == "gels" else rank,
        s if driver in ("gelsd", "gelss") else left.new_empty(0),
    )
