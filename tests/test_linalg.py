"""Linear algebra beyond what PyTorch can be asked for: both devices, singular points, vmap, names and errors."""

import numpy as np
import pytest

import autograd_gpu as torch
from autograd_gpu import linalg
from autograd_gpu.autograd import forward_ad
from autograd_gpu.autograd.gradient_checks import gradcheck, gradgradcheck
from autograd_gpu.func import grad, hessian, jvp, vmap

pytestmark = pytest.mark.ours


def normal(*shape: int, seed: int = 0, requires_grad: bool = True) -> torch.Tensor:
    values = np.random.default_rng(seed).standard_normal(shape)
    return torch.tensor(values, requires_grad=requires_grad)


def close(x: torch.Tensor, y: torch.Tensor, tolerance: float = 1e-10) -> bool:
    return bool((x - y).abs().max() <= tolerance)


# ---- both devices


def test_factors_multiply_back(on_each_device):
    x = normal(2, 5, 3, requires_grad=False)
    q, r = linalg.qr(x)
    u, s, vh = linalg.svd(x, full_matrices=False)
    square = x.mT @ x
    w, v = linalg.eigh(square)
    lower = linalg.cholesky(square)
    assert close(q @ r, x) and close(q.mT @ q, torch.eye(3, dtype=torch.float64))
    assert close(u * s.unsqueeze(-2) @ vh, x) and close(s.square().flip(-1), w)
    assert close(v * w.unsqueeze(-2) @ v.mT, square)
    assert close(lower @ lower.mT, square) and close(lower, lower.tril())


def test_full_factors_are_orthogonal(on_each_device):
    x = normal(2, 4, 2, requires_grad=False)
    for q in (linalg.svd(x).U, linalg.qr(x, mode="complete").Q):
        assert q.shape == (2, 4, 4) and close(q.mT @ q, torch.eye(4, dtype=torch.float64))


@pytest.mark.parametrize("upper", [True, False])
@pytest.mark.parametrize("unitriangular", [True, False])
@pytest.mark.parametrize("n", [1, 31, 64, 65, 130])
def test_substitution_reads_one_triangle(on_each_device, n, upper, unitriangular):
    a = normal(2, n, n, requires_grad=False) / n + 2 * torch.eye(n, dtype=torch.float64)
    b = normal(2, n, 3, seed=1, requires_grad=False)
    outside = torch.full((n, n), float("nan"), dtype=torch.float64)
    inside = 1 if unitriangular else 0
    triangle, rest = (
        (a.triu(inside), outside.tril(inside - 1)) if upper else (a.tril(-inside), outside.triu(1 - inside))
    )
    x = linalg.solve_triangular(triangle + rest, b, upper=upper, unitriangular=unitriangular)
    assert close((triangle + inside * torch.eye(n, dtype=torch.float64)) @ x, b)


def test_a_failure_names_the_matrix_and_the_place(on_each_device):
    x = torch.eye(3).repeat(2, 2, 1, 1)
    x[1, 0, 2, 2] = 0
    with pytest.raises(linalg.LinAlgError, match=r"linalg.inv: \(Batch element 2\): The diagonal element 3 is zero"):
        linalg.inv(x)
    with pytest.raises(linalg.LinAlgError, match=r"torch.linalg.solve: \(Batch element 2\): .* matrix is singular"):
        linalg.solve(x, x)
    with pytest.raises(linalg.LinAlgError, match=r"linalg.cholesky: \(Batch element 2\): .* minor of order 3"):
        linalg.cholesky(x)
    assert issubclass(linalg.LinAlgError, RuntimeError)


def test_codes_say_which_failed_and_the_others_are_right(on_each_device):
    x = torch.stack([torch.eye(2) * 4, torch.ones(2, 2)])
    inverse, info = linalg.inv_ex(x)
    factor, order = linalg.cholesky_ex(x)
    assert info.tolist() == order.tolist() == [0, 2] and info.dtype == torch.int32
    assert inverse[0].tolist() == [[0.25, 0], [0, 0.25]] and factor[0].tolist() == [[2, 0], [0, 2]]


def test_integers_are_multiplied_exactly(on_each_device):
    large = 2**40 + 1  # more than a float64 product could hold
    x = torch.tensor([[large, 3], [-2, 1]])
    assert (x @ torch.tensor([[3, 0], [5, large]])).tolist() == [[3 * large + 15, 3 * large], [-1, large]]
    assert torch.einsum("ij,kj->ik", x, x)[1].tolist() == [-2 * large + 3, 5]


# ---- derivatives where formulas are delicate


@pytest.mark.parametrize("rank", [0, 1, 2, 3])
def test_the_determinant_is_differentiable_at_every_rank(rank):
    left, right = normal(3, rank, requires_grad=False), normal(rank, 3, seed=1, requires_grad=False)
    x = (left @ right).requires_grad_()
    gradcheck(linalg.det, (x,))
    gradgradcheck(linalg.det, (x,))


def test_the_hessian_of_the_determinant_of_the_identity():
    second = hessian(linalg.det)(torch.eye(2, dtype=torch.float64)).reshape(4, 4)
    assert second.tolist() == [[0, 0, 0, 1], [0, 0, -1, 0], [0, -1, 0, 0], [1, 0, 0, 0]]


def test_values_have_gradients_where_they_repeat():
    x = torch.eye(3, dtype=torch.float64).requires_grad_()
    for values in (linalg.eigvalsh(x), linalg.eigh(x).eigenvalues, linalg.svdvals(x), linalg.svd(x).S):
        assert torch.autograd.grad(values.sum(), x)[0].tolist() == torch.eye(3).tolist()


def test_vectors_have_none_where_values_repeat():
    x = torch.eye(3, dtype=torch.float64).requires_grad_()
    gradient = torch.autograd.grad(linalg.eigh(x).eigenvectors[0].sum(), x)[0]
    assert not gradient.isfinite().all()


def test_a_pseudo_inverse_does_not_mind_repeated_values():
    x = torch.eye(4, 3, dtype=torch.float64).requires_grad_()
    gradcheck(linalg.pinv, (x,))
    gradgradcheck(linalg.pinv, (x,))


def test_a_gradient_of_zero_distances_is_zero(on_each_device):
    x = torch.ones(30, 2, requires_grad=True)
    for mode in ("use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist"):
        gradient = torch.autograd.grad(torch.cdist(x, x, compute_mode=mode).sum(), x)[0]
        assert gradient.abs().max() == 0


def test_only_what_is_asked_for_is_recorded():
    x = normal(3, 3)
    with torch.no_grad():
        assert linalg.svdvals(x).grad_fn is None and linalg.eigvalsh(x + x.mT).grad_fn is None
    assert linalg.svdvals(x).grad_fn.name() == "LinalgSvdBackward0"
    assert linalg.matrix_rank(x).grad_fn is None


# ---- vmap and the rest


def test_vmap_takes_a_batch_of_systems(on_each_device):
    a, b = normal(4, 3, 3, requires_grad=False), normal(3, seed=1, requires_grad=False)
    assert close(vmap(linalg.solve, in_dims=(0, None))(a, b), linalg.solve(a, b))
    per_example = vmap(grad(lambda x: linalg.slogdet(x).logabsdet))(a)
    assert close(per_example, linalg.inv(a).mT)


def test_a_singular_matrix_in_a_vmapped_batch_is_an_error():
    with pytest.raises(linalg.LinAlgError, match="Batch element 1"):
        vmap(linalg.inv)(torch.stack([torch.eye(2), torch.zeros(2, 2)]))


def test_half_precision_is_refused_with_a_way_out(device):
    x = torch.eye(2, dtype=torch.bfloat16, device=device)
    for function in (linalg.inv, linalg.svd, linalg.cholesky, linalg.qr, linalg.eigh, linalg.det):
        with pytest.raises(RuntimeError, match=r"BFloat16.*x\.float\(\)"):
            function(x)


def test_chains_are_multiplied_in_the_cheapest_order(monkeypatch):
    from autograd_gpu.ops.linalg import products

    shapes = []
    mm = products.mm
    monkeypatch.setattr(products, "mm", lambda x, y: shapes.append((*x.shape, y.shape[1])) or mm(x, y))
    linalg.multi_dot([torch.ones(10, 100), torch.ones(100, 5), torch.ones(5, 50)])
    assert shapes == [(10, 100, 5), (10, 5, 50)]  # 7,500 multiplications, not 75,000


def test_forward_mode_reaches_values_alone():
    x, tangent = normal(3, 3, requires_grad=False), normal(3, 3, seed=1, requires_grad=False)
    u, _, vh = linalg.svd(x)
    _, moved = jvp(linalg.svdvals, (x,), (tangent,))
    assert close(moved, (u.mT @ tangent @ vh.mT).diagonal())
    with forward_ad.dual_level():
        values = linalg.eigvalsh(forward_ad.make_dual(x + x.mT, tangent + tangent.mT))
        assert forward_ad.unpack_dual(values).tangent is not None
