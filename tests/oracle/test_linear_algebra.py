"""Linear algebra as users write it, against PyTorch: results, dtypes, gradients; errors word for word."""

from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from conftest import assert_same, gradients

import autograd_gpu as ag


def variables(library: ModuleType) -> dict[str, Any]:
    """Leaves in float64: A, P (3, 3), B, Q (2, 3, 3), tall (4, 3), wide (2, 4), b (3,), C (3, 2); P and Q positive
    definite.

    Singular and other special matrices and other dtypes carry no gradient.
    """
    random = np.random.default_rng(11)

    def leaf(values: np.ndarray, dtype: Any = library.float64) -> Any:
        return library.tensor(values.tolist(), dtype=dtype).reshape(values.shape).requires_grad_()

    def positive(*shape: int) -> np.ndarray:
        x = random.standard_normal(shape)
        return x @ x.swapaxes(-1, -2) + np.eye(3)

    return {
        "T": library,
        "L": library.linalg,
        "A": leaf(random.standard_normal((3, 3))),
        "B": leaf(random.standard_normal((2, 3, 3))),
        "P": leaf(positive(3, 3)),
        "Q": leaf(positive(2, 3, 3)),
        "C": leaf(random.standard_normal((3, 2))),
        "b": leaf(random.standard_normal(3)),
        "bb": leaf(random.standard_normal((2, 3))),
        "tall": leaf(random.standard_normal((4, 3))),
        "wide": leaf(random.standard_normal((2, 4))),
        "f": leaf(random.standard_normal((3, 3)), library.float32),
        "none": leaf(np.zeros((0, 3, 3))),
        "nought": leaf(np.zeros((2, 0, 0))),
        "thin": leaf(np.zeros((3, 0))),
        "zero": library.zeros(2, 2, dtype=library.float64),
        "one": library.ones(2, 2, 2, dtype=library.float64),
        "nan": library.full((2, 2), float("nan"), dtype=library.float64),
        "rank1": leaf(np.outer(np.arange(1.0, 4), np.arange(2.0, 5))),
        "eye": leaf(np.eye(3)),
        "n": library.arange(9).reshape(3, 3),
        "h": library.ones(3, 3, dtype=library.float16),
        "m": library.ones(3, 3, dtype=library.bool),
        "inf": float("inf"),
    }


LEAVES = ("A", "B", "P", "Q", "C", "b", "bb", "tall", "wide", "f", "none", "nought", "thin", "rank1", "eye")


def signed(*factors: Any) -> Any:
    """The factors with each pair of vectors turned so that the largest element of the first is positive."""
    u, *rest = factors
    turn = u.detach().sum(-2)[..., None, :].sign()
    return (u * turn, *(x * turn if x.ndim == turn.ndim else x for x in rest))


VALUES = """
L.inv(A)
L.inv(B)
L.inv(f)
L.inv(none)
L.inv(nought)
L.inv_ex(B)
L.inv_ex(zero).info
L.inv_ex(one).info
T.inverse(A)
A.inverse()
L.solve(A, b)
L.solve(A, C)
L.solve(B, C)
L.solve(B, bb)
L.solve(B, b)
L.solve(A, B)
L.solve(A, C.T, left=False)
L.solve(B, b)
L.solve(none, none)
L.solve(A, thin)
L.solve_ex(A, b)
L.solve_ex(zero, zero).info
L.solve_triangular(A, C, upper=True)
L.solve_triangular(A, C, upper=False)
L.solve_triangular(B, C.T, upper=True, left=False)
L.solve_triangular(A, B, upper=False, unitriangular=True)
L.solve_triangular(zero, zero + 1, upper=True)
T.triangular_solve(C, A)
T.triangular_solve(C, A, upper=False)
T.triangular_solve(C, A, transpose=True)
T.triangular_solve(C, B, False, True, True)
L.tensorinv(T.eye(6, dtype=T.float64).reshape(2, 3, 6))
L.tensorinv(A, ind=1)
L.tensorsolve(T.eye(6, dtype=T.float64).reshape(2, 3, 6), tall[:2])
L.tensorsolve(T.eye(6, dtype=T.float64).reshape(2, 6, 3), tall[:2], dims=(1,))
L.det(A)
L.det(B)
L.det(none)
L.det(nought)
L.det(rank1)
L.det(rank1 * 0)
L.det(eye)
T.det(f)
A.det()
L.slogdet(A)
L.slogdet(-B)
L.slogdet(zero)
L.slogdet(nought)
T.slogdet(A)
A.slogdet().logabsdet
T.logdet(P)
T.logdet(-P)
T.logdet(zero)
P.logdet()
L.cholesky(P)
L.cholesky(Q)
L.cholesky(Q, upper=True)
L.cholesky(none)
L.cholesky_ex(P)
L.cholesky_ex(zero).info
T.cholesky(P)
T.cholesky(P, upper=True)
P.cholesky()
T.cholesky_solve(C, L.cholesky(P))
T.cholesky_solve(C, L.cholesky(Q, upper=True), upper=True)
C.cholesky_solve(L.cholesky(P))
T.cholesky_inverse(L.cholesky(P))
T.cholesky_inverse(L.cholesky(Q, upper=True), upper=True)
L.cholesky(P).cholesky_inverse()
L.qr(A)
L.qr(B)
L.qr(tall)
L.qr(wide)
L.qr(wide, mode='complete')
L.qr(tall.detach(), mode='complete')
L.qr(tall.detach(), mode='r')
L.qr(thin)
L.qr(thin.detach(), 'complete')
T.qr(tall)
T.qr(tall.detach(), some=False)
tall.qr().R
L.eigvalsh(P)
L.eigvalsh(Q, UPLO='U')
L.eigvalsh(eye)
L.eigvalsh(nought)
signed(*reversed(L.eigh(P)))
signed(*reversed(L.eigh(Q, 'U')))
signed(*reversed(L.eigh(P.detach() + n)))
L.eigh(none)
L.eigh(P)[0]
L.eigh(P).eigenvectors.square()
L.svdvals(A)
L.svdvals(tall)
L.svdvals(eye)
L.svdvals(thin)
signed(*reversed(T.svd(B)))
T.svd(tall).U.square()
T.svd(tall).V.square()
T.svd(wide, some=False).S
T.svd(tall.detach(), compute_uv=False)
tall.svd()[1]
L.svd(A)[0].square()
L.svd(A).Vh.square()
L.svd(tall, full_matrices=False)[0].square()
L.svd(wide, False).Vh.square()
L.svd(tall).U[:, :3].square()
L.svd(tall).S
L.svd(none)
L.svd(thin.detach())
L.pinv(A)
L.pinv(tall)
L.pinv(wide)
L.pinv(B)
L.pinv(rank1)
L.pinv(eye)
L.pinv(P, hermitian=True)
L.pinv(A, rtol=0.5)
L.pinv(A, 0.5)
L.pinv(A, atol=0.5)
L.pinv(B, atol=T.tensor([0.0, 0.5], dtype=T.float64))
L.pinv(thin)
T.pinverse(tall)
tall.pinverse()
L.matrix_rank(A)
L.matrix_rank(rank1)
L.matrix_rank(B)
L.matrix_rank(zero)
L.matrix_rank(P, hermitian=True)
L.matrix_rank(A, 1.5)
L.matrix_rank(A, tol=0.5)
L.matrix_rank(A, rtol=0.5)
L.matrix_rank(A, atol=0.5, rtol=0.25)
L.matrix_rank(B, tol=T.tensor([0.1, 2.0], dtype=T.float64))
L.matrix_rank(thin)
L.lstsq(A, b[:, None])[0]
L.lstsq(tall, tall[:, :1])[0]
L.lstsq(tall.detach(), tall[:, :1].detach())
L.lstsq(tall, tall[:, 0]).solution
L.lstsq(wide, wide[:, :2])[0]
L.lstsq(tall, tall[:, :2], driver='gelsd')
L.lstsq(tall, tall[:, :2], driver='gelss')
L.lstsq(tall, tall[:, :2], driver='gels')
L.lstsq(wide.detach(), wide.detach(), driver='gelsd')
L.lstsq(B.detach(), bb.detach(), driver='gelsd')
L.lstsq(rank1.detach(), C.detach())
L.norm(A)
L.norm(B)
L.norm(b, 3)
L.norm(A, 2)
L.norm(A, 'nuc')
L.norm(A, 1)
L.norm(A, inf, 1)
L.norm(B, 'fro', (0, 2))
L.norm(B, 2, (1, 2), True)
L.norm(f, dtype=T.float64)
L.norm(h)
L.matrix_norm(B)
L.matrix_norm(B, 2)
L.matrix_norm(B, -2, keepdim=True)
L.matrix_norm(B, 'nuc', (0, 1))
L.matrix_norm(B, inf)
L.matrix_norm(B, -inf, (0, 1), keepdim=True)
L.matrix_norm(B, 1, (2, 0))
L.matrix_norm(B, -1)
L.matrix_norm(eye)
L.matrix_norm(eye, 'nuc')
L.matrix_norm(f, dtype=T.float64)
L.vector_norm(B)
L.vector_norm(B, 1)
L.vector_norm(B, 3, 1)
L.vector_norm(B, 0.5, (0, 2), True)
L.vector_norm(B, -1, -1)
L.vector_norm(B, inf, 0)
L.vector_norm(B, -inf)
L.vector_norm(A.detach(), 0)
L.vector_norm(b - b, 3)
L.vector_norm(b * 0)
L.vector_norm(thin)
L.vector_norm(none, inf, 1)
L.vector_norm(h, 3)
L.cond(A)
L.cond(B, -2)
L.cond(tall)
L.cond(A.detach(), 'fro')
L.cond(A.detach(), 1)
L.cond(A.detach(), 'nuc')
L.cond(zero, 1)
L.cond(one, 'fro')
L.cond(nought)
L.matrix_power(A, 3)
L.matrix_power(B, -2)
L.matrix_power(A, 0)
L.matrix_power(n, 3)
L.matrix_power(h, 2)
A.matrix_power(2)
T.matrix_power(A, 1)
L.matrix_exp(A)
L.matrix_exp(B * 5)
L.matrix_exp(nought)
L.matrix_exp(none)
T.matrix_exp(f)
A.matrix_exp()
L.multi_dot([A, C, wide, tall])
L.multi_dot([b, A, C])
L.multi_dot([b, A, b])
L.multi_dot([n, n, n])
T.chain_matmul(A, C, wide)
T.chain_matmul(A)
L.vecdot(A, b)
L.vecdot(B, A, dim=1)
L.cross(A, A.T)
L.cross(A, C[:, :1], dim=0)
T.cross(B, A[None].expand(2, 3, 3))
T.cross(b, b * b + 1, dim=0)
A.cross(A.mT, 1)
L.vander(b)
L.vander(bb, N=4)
L.vander(n[0])
L.diagonal(B)
L.diagonal(B, offset=1, dim1=0, dim2=1)
L.matmul(A, C)
T.vdot(b, b)
b.vdot(b)
T.inner(A, C.T)
T.inner(b, b)
T.inner(b.sum(), A)
T.inner(B, A)
A.inner(b)
T.ger(b, bb[0])
b.ger(b)
T.outer(n[0], b)
T.addmv(b, A, b, beta=2, alpha=3)
T.addmv(b.sum(), A, b)
T.addmv(n[0], n, n[1], alpha=1.5)
b.addmv(A, b)
b.clone().addmv_(A, b, alpha=0.5)
T.addmv(b, A, b, beta=0)
T.addr(A, b, b, beta=0.5, alpha=2)
T.addr(b, bb[0], b)
T.addr(n, n[0], n[1])
T.addr(n, b.detach(), n[1])
A.clone().addr_(b, b)
T.addbmm(A, B, B, beta=0.5, alpha=2)
T.addbmm(b, B, B)
A.clone().addbmm_(B, B)
T.addmm(n, n, n, beta=0.5)
T.addmm(A * inf, A, A, beta=0)
A.clone().addmm_(A, A, beta=2)
T.baddbmm(A, B, B, beta=0.5, alpha=2)
B.clone().baddbmm_(B, B)
T.kron(A, C)
T.kron(b, A)
T.kron(n, b)
T.kron(b.sum(), b)
A.kron(b)
T.dist(A, b, 3)
T.dist(A, A)
T.dist(f, b)
A.dist(P, inf)
T.cdist(A, tall)
T.cdist(B, A)
T.cdist(A, A)
T.cdist(A, tall, p=1)
T.cdist(A, tall, p=0.5)
T.cdist(A, tall, p=3)
T.cdist(A, tall, p=inf)
T.cdist(A.detach(), tall.detach(), p=0)
T.cdist(A, tall, compute_mode='use_mm_for_euclid_dist')
T.cdist(tall.repeat(9, 1), A)
T.cdist(thin, thin)
T.einsum('ij,jk', n, n)
n @ n
n @ n[0]
T.mm(n.to(T.uint8) * 30, n.to(T.uint8))
T.inverse(A.detach(), out=T.empty(3, 3, dtype=T.float64))
L.inv(A.detach(), out=T.empty(3, 3, dtype=T.float64))
L.cholesky(input=P)
L.solve_triangular(input=A, B=C, upper=True)
L.vector_norm(input=b, ord=3)
L.matrix_norm(input=A, ord='nuc', dim=(0, 1))
L.norm(input=A, ord='fro')
L.cond(input=A, p=2)
L.pinv(input=A, rtol=0.1)
L.matrix_rank(input=A, tol=0.1)
L.matrix_power(input=A, n=2)
L.eigvalsh(input=P, UPLO='L')
L.inv(A=A)
L.solve(A=A, B=b)
L.tensorsolve(input=A, other=b)
L.vecdot(x=A, y=b)
L.inv(A).grad_fn._saved_inverse
L.solve(A, C).grad_fn._saved_result
L.solve_triangular(A, C, upper=True).grad_fn._saved_self
L.cholesky(P).grad_fn._saved_L
L.qr(A).Q.grad_fn._saved_R
L.eigvalsh(P).grad_fn._saved_eigenvalues
L.svdvals(A).grad_fn._saved_S
L.det(A).grad_fn._saved_A
L.pinv(A).grad_fn._saved_result
L.matrix_exp(A).grad_fn._saved_self
L.inv(A).grad_fn.name()
L.qr(A).R.grad_fn.name()
L.eigh(P)[1].grad_fn.name()
L.svd(A).S.grad_fn.name()
L.slogdet(A)[1].grad_fn.name()
T.cdist(A, A).grad_fn.name()
issubclass(L.LinAlgError, RuntimeError)
"""

ERRORS = """
L.inv(zero)
L.inv(one)
L.inv_ex(zero, check_errors=True)
T.inverse(zero)
L.inv(tall)
L.inv(b)
L.inv(n)
L.inv(m)
L.inv(h)
L.solve(zero, zero)
L.solve(one, one)
L.solve(A, wide)
L.solve(A, f)
L.solve(h, h)
L.solve(b, b)
L.solve(A, C, left=False)
L.solve(A, b, left=False)
L.solve(tall, b)
L.solve(A, b.sum())
L.cholesky(zero)
L.cholesky(-A @ A.T)
L.cholesky(one - 2)
L.cholesky(nan)
L.cholesky_ex(zero, check_errors=True)
T.cholesky(zero)
L.cholesky(h)
L.cholesky(tall)
L.det(tall)
L.det(n)
L.det(h)
L.slogdet(h)
L.slogdet(tall)
T.logdet(h)
L.eigh(h)
L.eigh(A * inf)
L.eigvalsh(B * inf)
L.svd(nan)
L.svdvals(nan + 0 * one)
L.eigh(tall)
L.eigh(A, UPLO='X')
L.eigvalsh(tall)
L.svd(h)
L.svd(n)
L.svd(b)
L.svdvals(h)
L.svd(A, driver='gesvd')
L.qr(h)
L.qr(b)
L.qr(A, mode='x')
L.qr(A, mode='r')[1].sum().backward()
L.qr(tall, mode='complete')[1].sum().backward()
L.solve_triangular(A, wide, upper=True)
L.solve_triangular(A, b, upper=True)
L.solve_triangular(h, h, upper=True)
T.triangular_solve(b, A)
T.triangular_solve(wide, A)
T.cholesky_solve(b, A)
T.cholesky_solve(wide, A)
T.cholesky_inverse(tall)
L.pinv(h)
L.pinv(b)
L.pinv(n)
L.matrix_rank(h)
L.matrix_rank(n)
L.lstsq(A, wide)
L.lstsq(A, b[:2, None])
L.lstsq(B, b)
L.lstsq(A, f)
L.lstsq(A, C, driver='x')
L.cond(A, 3)
L.cond(h)
L.cond(tall, 'nuc')
L.cond(tall, 1)
L.norm(B, 2)
L.norm(B, 2, (0, 1, 2))
L.norm(b, 'fro')
L.norm(A, 3)
L.matrix_norm(A, 'x')
L.matrix_norm(A, dim=(0, 0))
L.matrix_norm(b)
L.matrix_norm(h, 2)
L.matrix_norm(n)
L.vector_norm(n)
L.vector_norm(A, 'fro')
L.vector_norm(A, dtype=T.float32)
L.vector_norm(thin, inf)
L.vector_norm(thin, inf, 1)
L.matrix_power(zero, -1)
L.matrix_power(tall, 2)
L.matrix_power(b, 2)
L.matrix_power(n, -1)
L.matrix_power(A, 0.5)
L.matrix_exp(n)
L.matrix_exp(tall)
L.multi_dot([])
L.multi_dot([A])
L.multi_dot([A, B, A])
L.multi_dot([A, wide])
L.multi_dot([A, b, A])
L.multi_dot([A, f])
T.chain_matmul()
T.chain_matmul(b, A)
L.vecdot(n, n)
L.vecdot(A, f)
L.cross(A, b)
L.cross(tall.T, tall.T)
L.cross(A, f)
T.cross(wide, wide)
L.vander(b.sum())
L.vander(b, N=0)
L.vander(h[0])
L.tensorinv(tall, ind=1)
L.tensorinv(A, ind=0)
T.vdot(b, wide[0])
T.vdot(A, A)
T.dot(b, wide[0])
T.inner(b, wide)
T.inner(A, f)
T.tensordot(A, f)
T.tensordot(A, A, dims=3)
T.tensordot(A, C, dims=([0], [1]))
T.addmv(b, b, b)
T.addmv(b, A, wide[0])
T.addmv(wide[0], A, b)
T.addr(A, A, b)
T.addr(wide, b, b)
T.addr(n, n[0], n[0], alpha=0.5)
T.addbmm(A, B, B[:1])
T.addbmm(A, B, B[:, :2])
T.addbmm(wide, B, B)
T.addmm(wide, A, A)
T.baddbmm(wide, B, B)
T.mm(m, m)
m @ m
T.cdist(n, n)
T.cdist(b, b)
T.cdist(A, wide)
T.cdist(A, A, p=-1)
T.cdist(A, A, compute_mode='x')
T.dist(b, wide)
"""


def evaluated(library: ModuleType, expression: str) -> tuple[Any, dict[str, Any]]:
    names = variables(library)
    names["signed"] = signed
    return eval(expression, names), names


def lines(block: str) -> list[str]:
    return block.strip().splitlines()


@pytest.mark.parametrize("expression", lines(VALUES))
def test_results_and_gradients_are_pytorchs(expression):
    (theirs, their_names), (ours, our_names) = evaluated(torch, expression), evaluated(ag, expression)
    assert_same(ours, theirs, expression)
    expected = gradients(torch, theirs, [their_names[name] for name in LEAVES])
    found = gradients(ag, ours, [our_names[name] for name in LEAVES])
    for name, mine, gradient in zip(LEAVES, found, expected, strict=True):
        assert (mine is None) == (gradient is None), f"{expression}: gradient of {name}: {mine} against {gradient}"
        if gradient is not None:
            assert_same(mine, gradient, f"{expression}: gradient of {name}")


@pytest.mark.parametrize("expression", lines(ERRORS))
def test_errors_are_pytorchs_word_for_word(expression):
    with pytest.raises(Exception) as theirs:
        evaluated(torch, expression)
    with pytest.raises(Exception) as ours:
        evaluated(ag, expression)
    kind = ag.linalg.LinAlgError if theirs.type is torch.linalg.LinAlgError else theirs.type
    assert issubclass(ours.type, kind), f"{theirs.type.__name__}: {theirs.value}; ours: {ours.value!r}"
    # LAPACKs count iterations differently, and PyTorch lacks a space somewhere.
    said = str(theirs.value).split("\n")[0].split(" (error code")[0].rstrip(".")
    assert said.replace(" ", "") in str(ours.value).replace(" ", ""), f"\nPyTorch: {said}\nours:    {ours.value}"


@pytest.mark.parametrize(
    "name", ["linalg.inv_ex", "linalg.slogdet", "slogdet", "linalg.eigh", "linalg.qr", "linalg.svd", "svd"]
)
def test_results_are_named_and_printed_alike(name):
    printed = []
    for library in (torch, ag):
        function = library
        for part in name.split("."):
            function = getattr(function, part)
        printed.append(repr(function(library.eye(1))))
    assert printed[0] == printed[1]
