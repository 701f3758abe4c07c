"""Weights whose columns stay orthonormal. Knows the three maps from any matrix to such a one."""

from __future__ import annotations

from ...dtypes import finfo, int64
from ...modes import no_grad
from ...ops.closeness import allclose
from ...ops.creation import eye, zeros_like
from ...ops.elementwise import where
from ...ops.linalg.decompositions import qr
from ...ops.linalg.products import matrix_exp
from ...ops.linalg.systems import solve
from ...ops.pieces import cat
from ...ops.random import randn
from ...tensor import Tensor
from ..module import Module
from .parametrize import register_parametrization


class _Orthogonal(Module):
    """Q(X) with orthonormal columns, or rows where it is wide, from a matrix X that may be any."""

    base: Tensor

    def __init__(self, weight: Tensor, orthogonal_map: str, use_trivialization: bool) -> None:
        super().__init__()
        self.shape, self.orthogonal_map, self.use_trivialization = weight.shape, orthogonal_map, use_trivialization
        if use_trivialization:  # Q is at first what X was, and moves on from there (Lezcano 2019)
            self.register_buffer("base", None)

    def forward(self, X: Tensor) -> Tensor:
        is_wide = X.shape[-2] < X.shape[-1]
        X = X.mT if is_wide else X
        n, k = X.shape[-2:]
        if self.orthogonal_map == "householder":
            vectors = X.tril(-1)
            Q = _reflected(vectors, 2.0 / (1.0 + vectors.square().sum(-2)), n)
            # The diagonal is 1 or -1, and neither moves nor has a gradient.
            Q = Q * X.detach().diagonal(dim1=-2, dim2=-1).to(int64).to(X.dtype).unsqueeze(-2)
        else:
            lower = X.tril()
            if n != k:
                lower = cat([lower, lower.new_zeros(*X.shape[:-2], n, n - k)], -1)
            skew = lower - lower.mT
            if self.orthogonal_map == "matrix_exp":
                Q = matrix_exp(skew)
            else:
                identity = eye(n, dtype=X.dtype, device=X.device)
                Q = solve(identity - 0.5 * skew, identity + 0.5 * skew)
            Q = Q[..., :k]
        if self.use_trivialization:
            Q = self.base @ Q
        return Q.mT if is_wide else Q

    @no_grad()
    def right_inverse(self, Q: Tensor) -> Tensor:
        if Q.shape != self.shape:
            raise ValueError(
                f"Expected a matrix or batch of matrices of shape {self.shape}. Got a tensor of shape {Q.shape}."
            )
        is_wide = Q.shape[-2] < Q.shape[-1]
        tall = Q.mT if is_wide else Q
        n, k = tall.shape[-2:]
        if not self.use_trivialization:
            if self.orthogonal_map != "householder":
                raise NotImplementedError(
                    "It is not possible to assign to the matrix exponential or the Cayley parametrizations when "
                    "use_trivialization=False."
                )
            vectors = _reflectors(tall)
            return vectors.mT if is_wide else vectors
        identity = eye(k, dtype=Q.dtype, device=Q.device)
        if n != k:
            tall = _with_orthonormal_columns(
                cat([tall, randn(*tall.shape[:-1], n - k, dtype=Q.dtype, device=Q.device)], -1)
            )
        elif allclose(tall.mT @ tall, identity.expand(*tall.shape[:-2], k, k), atol=10.0 * n * finfo(Q.dtype).eps):
            tall = tall.clone()
        else:
            tall = _with_orthonormal_columns(tall)
        self.base = tall
        start = zeros_like(Q)
        start.diagonal(dim1=-2, dim2=-1).fill_(-1.0)  # the identity for each of the maps: minus it for reflections
        return start


def _with_orthonormal_columns(A: Tensor) -> Tensor:
    """Return Q of A = QR where R's diagonal is not negative."""
    Q, R = qr(A)
    return Q * R.diagonal(dim1=-2, dim2=-1).sgn().unsqueeze(-2)


def _reflected(vectors: Tensor, scales: Tensor, n: int) -> Tensor:
    """Return the first columns of H1 H2 ... Hk, reflections H = 1 - scale v v' whose v is 1 at its own place and 0
    before."""
    k = vectors.shape[-1]
    Q = eye(n, k, dtype=vectors.dtype, device=vectors.device)
    vectors = vectors + Q
    for i in reversed(range(k)):
        v = vectors[..., i : i + 1]
        Q = Q - scales[..., i, None, None] * (v @ (v.mT @ Q))
    return Q


def _reflectors(A: Tensor) -> Tensor:
    """Return the v of the reflections that make a tall A triangular, below a diagonal of the signs that are left."""
    A, k = A.clone(), A.shape[-1]
    kept = zeros_like(A)
    for i in range(k):
        x = A[..., i:, i]
        rest = x[..., 1:].square().sum(-1)
        beta = -(x[..., 0].square() + rest).sqrt() * where(x[..., 0] < 0, -1.0, 1.0)
        is_kept = rest == 0  # nothing to reflect
        v = where(is_kept[..., None], zeros_like(x), x / (x[..., 0] - beta)[..., None])
        v[..., 0] = 1.0
        scale = where(is_kept, zeros_like(beta), (beta - x[..., 0]) / beta)[..., None, None]
        A[..., i:, i:] = A[..., i:, i:] - scale * (v[..., None] @ (v[..., None, :] @ A[..., i:, i:]))
        kept[..., i + 1 :, i] = v[..., 1:]
        kept[..., i, i] = where(is_kept, -1.0, 1.0) * A[..., i, i].sgn()
    return kept


def orthogonal(
    module: Module, name: str = "weight", orthogonal_map: str | None = None, *, use_trivialization: bool = True
) -> Module:
    """Keep a weight's columns, or rows where it is wide, orthonormal; return the module.

    ``orthogonal_map`` is "matrix_exp" (by default of square weights), "cayley" or "householder" (of others). With
    ``use_trivialization`` the weight begins as it is, made orthonormal.
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    if weight.dim() < 2:
        raise ValueError(f"Expected a matrix or batch of matrices. Got a tensor of {weight.dim()} dimensions.")
    if orthogonal_map is None:
        orthogonal_map = "matrix_exp" if weight.shape[-2] == weight.shape[-1] else "householder"
    if orthogonal_map not in ("matrix_exp", "cayley", "householder"):
        raise ValueError(
            f'orthogonal_map has to be one of "matrix_exp", "cayley", "householder". Got: {orthogonal_map}'
        )
    made = _Orthogonal(weight, orthogonal_map, use_trivialization)
    return register_parametrization(module, name, made, unsafe=True)
