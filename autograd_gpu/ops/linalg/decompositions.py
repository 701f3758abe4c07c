"""Decompositions of batches of matrices: Cholesky, QR, eigenvalues of symmetric matrices, singular values.

Factors are unique up to signs, which no gradient depends on. Where eigenvalues or singular values repeat, their vectors
are not unique: a gradient that comes through vectors is infinite or NaN there, one through the values alone is right.
"""

from __future__ import annotations

from ...modes import modes
from ...op import Op
from ...tensor import Tensor
from ...views import edge_of
from ..elementwise import where
from ..matmul import Matmul
from ..pieces import cat
from ..public import public
from ..results import (
    QR,
    USV,
    Eigen,
    FactorInfo,
    USVh,
    cholesky_ex_result,
    eigh_result,
    linalg_qr_result,
    linalg_svd_result,
    qr_result,
    svd_result,
)
from ..shape import unsqueeze
from .systems import (
    SolveTriangular,
    check_alike,
    check_matrices,
    check_square,
    identity,
    is_diagonal,
    mT,
    over_batch,
)  # fmt: skip

# ---------------------------------------------------------------------------------------------- operations


class Cholesky(Op):
    """L, codes = the lower factors of x = L L', and the order of each first minor that is not positive (0: none)."""

    saved_as = "L"

    def forward(ctx, x, check):
        return ctx.backend.cholesky(x, check)

    def keep(ctx, outputs, x, check):
        ctx.save(ctx.own(outputs[0]))

    def backward(ctx, gl, _):
        # Murray 2016, "Differentiation of the Cholesky decomposition": the symmetric part of inv(L)' P(L' gL) inv(L),
        # where P keeps the lower triangle and halves the diagonal.
        (lower,) = ctx.saved
        p = Matmul.apply(lower, gl, flip_x=True).tril()
        p = (p + mT(p.tril(-1))) * 0.5
        half = SolveTriangular.apply(mT(lower), p, upper=True, unitriangular=False)
        return SolveTriangular.apply(mT(lower), mT(half), upper=True, unitriangular=False)

    def name(ctx) -> str:
        return "LinalgCholeskyExBackward0"


class Qr(Op):
    """q, r = orthonormal columns and an upper triangle with q @ r = x."""

    saved_as = "Q R"

    def forward(ctx, x, mode):
        ctx.mode = mode
        return ctx.backend.qr(x, "complete" if mode == "complete" else "reduced")

    def keep(ctx, outputs, x, mode):
        ctx.save(ctx.own(outputs[0]), ctx.own(outputs[1], 1))

    def backward(ctx, gq, gr):
        q, r = ctx.saved
        rows, columns = q._array.shape[-2], r._array.shape[-1]
        if ctx.mode == "r":
            raise RuntimeError(
                "The derivative of linalg.qr depends on Q, which is not computed when mode='r'. Please use "
                "linalg.qr(A, mode='reduced') if you are going to differentiate through linalg.qr."
            )
        if ctx.mode == "complete" and rows > columns:
            raise RuntimeError("The QR decomposition is not differentiable when mode='complete' and nrows > ncols.")
        gq = q.new_zeros(q.shape) if gq is None else gq
        gr = r.new_zeros(r.shape) if gr is None else gr
        if rows >= columns:
            return _qr_backward(q, r, gq, gr)
        # A wide matrix is a square one with q, beside q' times the rest: Roberts & Roberts 2020, "QR and LQ
        # decomposition matrix backpropagation algorithms for square, wide, and deep matrices".
        rest, grest = r[..., rows:], gr[..., rows:]
        gq = gq + Matmul.apply(Matmul.apply(q, rest), grest, flip_y=True)
        return cat([_qr_backward(q, r[..., :rows], gq, gr[..., :rows]), Matmul.apply(q, grest)], -1)

    def name(ctx) -> str:
        return "LinalgQrBackward0"


def _qr_backward(q: Tensor, r: Tensor, gq: Tensor, gr: Tensor) -> Tensor:
    """Walter & Lehmann 2018: (gq + q sym(r gr' - gq' q)) inv(r)', where sym mirrors the lower triangle upwards."""
    m = (Matmul.apply(r, gr, flip_y=True) - Matmul.apply(gq, q, flip_x=True)).tril()
    g = gq + Matmul.apply(q, m + mT(m.tril(-1)))
    return mT(SolveTriangular.apply(r, mT(g), upper=True, unitriangular=False))


class Eigh(Op):
    """s, v = the ascending eigenvalues and the eigenvectors of symmetric x = v diag(s) v'."""

    saved_as = "eigenvalues eigenvectors"

    def forward(ctx, x, upper, check):
        return ctx.backend.eigh(x, upper, check)

    def keep(ctx, outputs, x, upper, check):
        ctx.save(ctx.own(outputs[0]), ctx.own(outputs[1], 1))

    def backward(ctx, gs, gv):
        # Giles 2008, section 3.1: v (diag(gs) + (v' gv) / e) v' with e_ij = s_j - s_i, made symmetric as x is.
        s, v = ctx.saved
        if gv is None:
            return Matmul.apply(v * unsqueeze(gs, -2), v, flip_y=True)
        turned = Matmul.apply(v, gv, flip_x=True)
        inner = _with_diagonal((turned - mT(turned)) / (2 * _differences(s)), gs)
        return Matmul.apply(Matmul.apply(v, inner), v, flip_y=True)

    def name(ctx) -> str:
        return "LinalgEighBackward0"


class Eigvalsh(Op):
    """s = the ascending eigenvalues of symmetric x, when no gradient is wanted."""

    differentiable = False

    def forward(ctx, x, upper, check):
        return ctx.backend.eigvalsh(x, upper, check)


class Svd(Op):
    """u, s, vh = orthonormal columns, descending singular values and orthonormal rows with u diag(s) vh = x."""

    saved_as = "U S Vh"

    def forward(ctx, x, full_matrices, check):
        return ctx.backend.svd(x, full_matrices, check)

    def keep(ctx, outputs, x, full_matrices, check):
        ctx.save(*(ctx.own(output, number) for number, output in enumerate(outputs)))

    def backward(ctx, gu, gs, gvh):
        # Giles 2008, section 3.2, and Townsend 2016, "Differentiating the singular value decomposition". The columns
        # of full matrices beyond the singular values are arbitrary: no gradient comes from them.
        u, s, vh = ctx.saved
        count = s._array.shape[-1]
        u, vh = u[..., :count], vh[..., :count, :]
        if gu is None and gvh is None:
            return Matmul.apply(u * unsqueeze(gs, -2), vh)
        rows, columns = u._array.shape[-2], vh._array.shape[-1]
        gu = u.new_zeros(u.shape) if gu is None else gu[..., :count]
        gvh = vh.new_zeros(vh.shape) if gvh is None else gvh[..., :count, :]
        across, along = unsqueeze(s, -2), unsqueeze(s, -1)
        e = _differences(s * s)
        from_u, from_v = Matmul.apply(u, gu, flip_x=True), Matmul.apply(vh, gvh, flip_y=True)
        inner = (from_u - mT(from_u)) / e * across + along * ((from_v - mT(from_v)) / e)
        inner = _with_diagonal(inner, gs)
        gx = Matmul.apply(Matmul.apply(u, inner), vh)
        if rows > count:
            outside = gu / across
            gx = gx + Matmul.apply(outside - Matmul.apply(u, Matmul.apply(u, outside, flip_x=True)), vh)
        if columns > count:
            outside = gvh / along
            gx = gx + Matmul.apply(u, outside - Matmul.apply(Matmul.apply(outside, vh, flip_y=True), vh))
        return gx

    def name(ctx) -> str:
        return "LinalgSvdBackward0"


def _differences(s: Tensor) -> Tensor:
    """e_ij = s_j - s_i, and 1 on the diagonal."""
    return where(is_diagonal(s), 1.0, unsqueeze(s, -2) - unsqueeze(s, -1))


def _with_diagonal(x: Tensor, values: Tensor | None) -> Tensor:
    """x with other values (or zeros) on its diagonal."""
    return where(is_diagonal(x), 0.0 if values is None else unsqueeze(values, -2), x)


class Svdvals(Op):
    """s = the descending singular values of x, when no gradient is wanted."""

    differentiable = False

    def forward(ctx, x, check):
        return ctx.backend.svdvals(x, check)


# ---------------------------------------------------------------------------------------------- Cholesky


def cholesky(input: Tensor, *, upper: bool = False) -> Tensor:
    """Return L, lower triangular, with L @ L.mT = input, for symmetric positive definite matrices (*, n, n).

    With `upper`, L.mT. One triangle of input is read, the one that is returned. LinAlgError where it is not positive
    definite.
    """
    return _factor("linalg.cholesky", input, upper, "linalg.cholesky")[0]


@public(name="cholesky", out=True)
def torch_cholesky(input: Tensor, upper: bool = False) -> Tensor:
    """Return the factors of symmetric positive definite matrices, as `linalg.cholesky` does."""
    return _factor("cholesky", input, upper, "cholesky")[0]


def cholesky_ex(input: Tensor, *, upper: bool = False, check_errors: bool = False) -> FactorInfo:
    """Return (L, info): info is 0 or the order of the first leading minor that is not positive definite."""
    return cholesky_ex_result(
        *_factor("linalg.cholesky_ex", input, upper, "linalg.cholesky_ex" if check_errors else None)
    )


def _factor(name: str, A: Tensor, upper: bool, check: str | None) -> tuple[Tensor, Tensor]:
    check_square(name, A, "cholesky_cpu")
    factor, info = Cholesky.apply(mT(A) if upper else A, check=check)
    return mT(factor) if upper else factor, info


@public(out=True)
def cholesky_solve(B: Tensor, L: Tensor, upper: bool = False) -> Tensor:
    """Return X with A @ X = B (*, n, k), given the Cholesky factor L (*, n, n) of A. Batches broadcast."""
    for letter, x in (("b", B), ("u", L)):
        if x.ndim < 2:
            raise RuntimeError(f"{letter} should have at least 2 dimensions, but has {x.ndim} dimensions instead")
    check_square("cholesky_solve", L, "cholesky_solve_cpu")
    check_alike("cholesky_solve", L, B)
    n, (rows, columns) = L._array.shape[-1], B._array.shape[-2:]
    if n != rows:
        raise RuntimeError(
            f"Incompatible matrix sizes for cholesky_solve: each A matrix is {n} by {n} but each b matrix is {rows} by "
            f"{columns}"
        )
    factor, b = over_batch(L, B)
    lower = mT(factor) if upper else factor
    half = SolveTriangular.apply(lower, b, upper=False, unitriangular=False)
    return SolveTriangular.apply(mT(lower), half, upper=True, unitriangular=False)


@public(out=True)
def cholesky_inverse(L: Tensor, upper: bool = False) -> Tensor:
    """Return the inverse of A, given the Cholesky factor L (*, n, n) of A."""
    check_square("cholesky_inverse", L, "cholesky_inverse_cpu")
    return cholesky_solve(identity(L), L, upper)


# ---------------------------------------------------------------------------------------------- QR


def qr(A: Tensor, mode: str = "reduced") -> QR:
    """Return (Q, R) with Q @ R = A (*, m, n), the columns of Q orthonormal and R upper triangular.

    mode: "reduced", Q (*, m, k) and R (*, k, n) for k = min(m, n); "complete", Q (*, m, m); "r", R alone and an empty
    Q. Differentiable where the first k columns of A are linearly independent; "complete" not for m > n, "r" not at all.
    """
    check_matrices("linalg.qr", A, "geqrf_cpu")
    if mode not in ("reduced", "complete", "r"):
        raise RuntimeError(
            f"qr received unrecognized mode '{mode}' but expected one of 'reduced' (default), 'r', or 'complete'"
        )
    q, r = Qr.apply(A, mode=mode)
    return linalg_qr_result(A.new_empty(0) if mode == "r" else q, r)


@public(name="qr")
def torch_qr(input: Tensor, some: bool = True) -> QR:
    """Return (Q, R) as `linalg.qr` does, reduced or, without `some`, complete."""
    return qr_result(*qr(input, "reduced" if some else "complete"))


# ---------------------------------------------------------------------------------------------- eigenvalues


def eigh(input: Tensor, UPLO: str = "L") -> Eigen:
    """Return (eigenvalues, eigenvectors) of symmetric matrices (*, n, n), ascending, the vectors in columns.

    One triangle is read, the lower ("L") or the upper ("U"). Gradients through the vectors need distinct eigenvalues.
    """
    upper = _is_upper(UPLO)
    check_square("linalg.eigh", input, "linalg_eigh_cpu")
    return eigh_result(*Eigh.apply(input, upper=upper, check="linalg.eigh"))


def eigvalsh(input: Tensor, UPLO: str = "L") -> Tensor:
    """Return the ascending eigenvalues (*, n) of symmetric matrices. Differentiable where they repeat, too."""
    upper = _is_upper(UPLO)
    check_square("linalg.eigh", input, "linalg_eigh_cpu")
    operation = Eigh if _is_recorded(input) else Eigvalsh
    result = operation.apply(input, upper=upper, check="linalg.eigh")
    return result[0] if operation is Eigh else result


def _is_upper(UPLO: str) -> bool:
    if UPLO.upper() not in ("L", "U"):
        raise RuntimeError(f"Expected UPLO argument to be 'L' or 'U', but got {UPLO}")
    return UPLO.upper() == "U"


def _is_recorded(x: Tensor) -> bool:
    """Whether a derivative may be asked for, which needs the vectors."""
    return (modes.grad and edge_of(x) is not None) or x._tangent is not None


# ---------------------------------------------------------------------------------------------- singular values


def svd_parts(x: Tensor, full_matrices: bool = False) -> tuple[Tensor, Tensor, Tensor]:
    """Return U, S and V' of x, unchecked."""
    return Svd.apply(x, full_matrices=full_matrices, check="linalg.svd")


def svd(A: Tensor, full_matrices: bool = True, *, driver: str | None = None) -> USVh:
    """Return (U, S, Vh) with U @ diag(S) @ Vh = A (*, m, n), S descending and not negative.

    U (*, m, m) and Vh (*, n, n), or with full_matrices=False their first min(m, n) columns and rows. Gradients through
    U and Vh need distinct singular values, and nonzero ones unless A is square; those that come from the columns and
    rows beyond the first min(m, n) are ignored. `driver` is taken on CUDA only, where one routine serves for all.
    """
    check_matrices("linalg.svd", A, "linalg_svd_cpu")
    _check_driver("linalg.svd", A, driver)
    return linalg_svd_result(*svd_parts(A, full_matrices))


def svdvals(A: Tensor, *, driver: str | None = None) -> Tensor:
    """Return the descending singular values (*, min(m, n)). Differentiable where they repeat, too."""
    check_matrices("linalg.svd", A, "linalg_svd_cpu")
    _check_driver("linalg.svdvals", A, driver)
    return svd_parts(A)[1] if _is_recorded(A) else Svdvals.apply(A, check="linalg.svd")


def _check_driver(name: str, x: Tensor, driver: str | None) -> None:
    if driver is not None and not x.is_cuda:
        raise RuntimeError(
            f"torch.{name}: keyword argument `driver=` is only supported on CUDA inputs with cuSOLVER backend."
        )


@public(name="svd")
def torch_svd(input: Tensor, some: bool = True, compute_uv: bool = True) -> USV:
    """Return (U, S, V), reduced unless `some` is False; without `compute_uv`, U and V are zeros.

    V is not transposed.
    """
    check_matrices("linalg.svd", input, "linalg_svd_cpu")
    if compute_uv:
        u, s, vh = svd_parts(input, not some)
        return svd_result(u, s, mT(vh))
    *batch, rows, columns = input._array.shape
    u, v = (input.new_zeros((*batch, size, size)) for size in (rows, columns))
    return svd_result(u, svdvals(input), v)
