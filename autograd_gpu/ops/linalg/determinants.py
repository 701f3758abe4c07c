"""Determinants of batches of matrices, differentiable where they are zero too."""

from __future__ import annotations

import math

from ...op import Op
from ...tensor import Tensor
from ..diagonals import diagonal
from ..elementwise import where
from ..matmul import Matmul
from ..public import public
from ..reduce import prod, sum
from ..results import SignLogabsdet, linalg_slogdet_result, slogdet_result
from ..shape import unsqueeze
from .decompositions import svd_parts
from .systems import Inv, check_square, is_diagonal, mT


class Det(Op):
    """y = det(x)."""

    saved_as = "A"

    def forward(ctx, x):
        return ctx.backend.det(x)

    def keep(ctx, y, x):
        ctx.save(x)

    def backward(ctx, gy):
        (x,) = ctx.saved
        return Cofactors.apply(x, cofactors(x.detach())) * gy[..., None, None]

    def name(ctx) -> str:
        return "LinalgDetBackward0"


class Cofactors(Op):
    """y = det(x) inv(x)', given by who applies it. Also where x is singular, and so are its derivatives.

    With x = U S V', h = U' dx V and p_ij the product of all of S but i and j, d(U' y V) has sum_j p_ij h_jj at ii and
    -p_ij h_ji at ij: the derivative of the cofactors of a diagonal matrix, turned.
    """

    def forward(ctx, x, y):
        return y

    def keep(ctx, y, x, given):
        ctx.save(x)

    def backward(ctx, gy):
        (x,) = ctx.saved
        u, s, vh = svd_parts(x)
        on = is_diagonal(x)
        is_left_out = unsqueeze(on, 1) | unsqueeze(on, 0)  # k is i or j, at (i, j, k)
        others = prod(where(is_left_out, 1.0, s[..., None, None, :]), -1)
        h = Matmul.apply(Matmul.apply(u, gy, flip_x=True), vh, flip_y=True)
        along = sum(where(on, 0.0, others) * unsqueeze(diagonal(h, 0, -2, -1), -2), -1)
        turned = where(on, unsqueeze(along, -1), -others * mT(h))
        return _orientation(u, vh) * Matmul.apply(Matmul.apply(u, turned), vh), None

    def name(ctx) -> str:
        return "LinalgDetBackwardBackward0"


def cofactors(x: Tensor) -> Tensor:
    """Return det(x) inv(x)' by the singular values, which x may have zeros among."""
    u, s, vh = svd_parts(x)
    others = prod(where(is_diagonal(x), 1.0, unsqueeze(s, -2)), -1)
    return _orientation(u, vh) * Matmul.apply(u * unsqueeze(others, -2), vh)


def _orientation(u: Tensor, vh: Tensor) -> Tensor:
    """Return the sign, 1 or -1, of det(u) det(vh) for orthogonal u and vh, as matrices of one element."""
    return (Det.apply(u.detach()) * Det.apply(vh.detach())).sign()[..., None, None]


class Slogdet(Op):
    """sign, y = the sign of det(x) and the logarithm of its magnitude."""

    saved_as = "A"

    def forward(ctx, x):
        return ctx.backend.slogdet(x)

    def keep(ctx, outputs, x):
        ctx.save(x)

    def backward(ctx, gsign, gy):
        (x,) = ctx.saved
        if gy is None:
            return x.new_zeros(x.shape)
        inverse, codes = Inv.apply(x, check=None)
        slope = mT(inverse)
        if (
            codes.device.axis is not None or codes.any()
        ):  # singular ones among them: the cofactors by a determinant of +0
            slope = where((codes != 0)[..., None, None], cofactors(x) * math.inf, slope)
        return slope * gy[..., None, None]

    def name(ctx) -> str:
        return "LinalgSlogdetBackward0"


@public
def det(A: Tensor) -> Tensor:
    """Return the determinants (*) of square matrices (*, n, n). Differentiable at singular ones too."""
    check_square("linalg.det", A, "lu_cpu")
    return Det.apply(A)


def slogdet(A: Tensor) -> SignLogabsdet:
    """Return (sign, logabsdet) of the determinants of square matrices; (0, -inf) for a singular one."""
    check_square("linalg.slogdet", A)
    return linalg_slogdet_result(*Slogdet.apply(A))


@public(name="slogdet")
def torch_slogdet(input: Tensor) -> SignLogabsdet:
    """Return (sign, logabsdet) of the determinants of square matrices, as `linalg.slogdet` does."""
    return slogdet_result(*slogdet(input))


@public
def logdet(input: Tensor) -> Tensor:
    """Return the logarithms of the determinants: -inf where one is 0 and NaN where it is negative."""
    check_square("logdet", input)
    sign, logabsdet = Slogdet.apply(input)
    return where(sign.detach() < 0, math.nan, logabsdet)
