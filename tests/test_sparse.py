"""Sparse tensors say what the dense tensors that they stand for say, in values, gradients and steps of optimizers; what
has no sparse form is refused by name."""

import copy
import pickle

import numpy as np
import pytest

import autograd_gpu as torch

F = torch.nn.functional

# Of a 4x3 matrix: places out of order, one named twice, an empty row.
PLACES = [[3, 0, 3, 1, 0], [2, 1, 0, 1, 1]]
KINDS = {"repeated": PLACES, "none": [[], []], "ordered": [[0, 0, 1, 3], [0, 2, 1, 0]]}


def drawn(*shape, dtype=torch.float64, device="cpu", seed=0):
    return torch.tensor(np.random.default_rng(seed).standard_normal(shape), dtype=dtype, device=device)


def matrix(places, device="cpu", dtype=torch.float64, requires_grad=False):
    """A sparse matrix, and its values."""
    values = drawn(len(places[0]), dtype=dtype, device=device, seed=1).requires_grad_(requires_grad)
    index = torch.tensor(places, dtype=torch.int64, device=device).reshape(2, len(places[0]))
    return torch.sparse_coo_tensor(index, values, (4, 3)), values


def dense_of(places, values):
    """The same matrix by its definition."""
    index = [torch.tensor(row, dtype=torch.int64, device=values.device) for row in places]
    return torch.zeros(4, 3, dtype=values.dtype, device=values.device).index_put(index, values, accumulate=True)


def same(ours, theirs, **tolerance):
    np.testing.assert_allclose(ours.detach().cpu().numpy(), theirs.detach().cpu().numpy(), **tolerance)


OPERATIONS = {
    "to_dense": lambda s, x: s.to_dense(),
    "coalesce": lambda s, x: s.coalesce().to_dense() if s.is_sparse else s,
    "mm": lambda s, x: s @ x,
    "mm of the transpose": lambda s, x: s.t() @ torch.cat([x, x])[:4],
    "dense @ sparse": lambda s, x: x.t() @ s.t(),
    "mv": lambda s, x: s @ x[:, 0],
    "sum": lambda s, x: s.sum(),
    "times a number": lambda s, x: (s * 3 / 2).to_dense() if s.is_sparse else s * 3 / 2,
    "neg": lambda s, x: -s.to_dense(),
    "add": lambda s, x: (s + s * 2).to_dense() if s.is_sparse else s * 3,
    "sub": lambda s, x: (s - s * 2).to_dense() if s.is_sparse else -s,
    "dense + sparse": lambda s, x: torch.cat([x, x])[:4, :3] + s,
    "times itself": lambda s, x: (s * s).to_dense() if s.is_sparse else s * s,
}


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_values_and_gradients_are_the_dense_tensors(kind, name, device):
    places, operation = KINDS[kind], OPERATIONS[name]
    sparse, values = matrix(places, device, requires_grad=True)
    x, y = drawn(3, 5, device=device).requires_grad_(), drawn(3, 5, device=device).requires_grad_()
    dense_values = values.detach().clone().requires_grad_()
    found, expected = operation(sparse, x), operation(dense_of(places, dense_values), y)
    same(found, expected, rtol=1e-12, atol=1e-15)
    weight = drawn(*found.shape, device=device, seed=2)
    (found * weight).sum().backward()
    (expected * weight).sum().backward()
    same(values.grad, dense_values.grad, rtol=1e-12, atol=1e-15)
    if x.grad is not None:
        same(x.grad, y.grad, rtol=1e-12, atol=1e-15)


@pytest.mark.ours  # PyTorch refuses to go backward here
def test_a_product_with_a_dense_tensor_is_sparse_and_differentiable(device):
    sparse, values = matrix(PLACES, device, requires_grad=True)
    x = drawn(4, 3, device=device).requires_grad_()
    found = sparse.coalesce() * x
    assert found.is_sparse
    found.to_dense().sum().backward()
    same(found.to_dense(), dense_of(PLACES, values) * x, rtol=1e-12)
    same(x.grad, dense_of(PLACES, values), rtol=1e-12)
    same(values.grad, x[PLACES[0], PLACES[1]], rtol=1e-12)


@pytest.mark.ours
@pytest.mark.parametrize("dtype, tolerance", [("float32", 1e-5), ("float16", 2e-3), ("bfloat16", 2e-2)])
def test_products_of_narrow_dtypes(dtype, tolerance, device):
    dtype = getattr(torch, dtype)
    places = np.random.default_rng(0).integers(0, (300, 400), (5000, 2)).T
    sparse = torch.sparse_coo_tensor(torch.tensor(places, device=device), drawn(5000, dtype=dtype, device=device))
    x = drawn(sparse.shape[1], 33, dtype=dtype, device=device)
    expected = sparse.to(torch.float64).to_dense() @ x.double()
    found = sparse @ x
    assert found.dtype is dtype
    same(found.double(), expected, rtol=tolerance, atol=tolerance * 8)


def test_a_leaf_has_a_sparse_gradient_at_its_own_places(device):
    leaf = torch.sparse_coo_tensor(
        torch.tensor([[0, 1, 1], [0, 0, 1]], device=device), torch.tensor([1.0, 2.0, 3.0], device=device), (2, 2),
        requires_grad=True,
    )  # fmt: skip
    assert leaf.is_leaf and leaf.requires_grad and leaf.grad is None
    torch.sparse.mm(leaf, torch.tensor([[1.0], [10.0]], device=device)).sum().backward()
    assert leaf.grad.is_sparse and leaf.grad.to_dense().tolist() == [[1.0, 0.0], [1.0, 10.0]]


def test_a_sparse_tensor_of_recorded_values_is_no_leaf():
    sparse, values = matrix(PLACES, requires_grad=True)
    assert sparse.requires_grad and not sparse.is_leaf and values.is_leaf
    assert not sparse.detach().requires_grad


@pytest.mark.parametrize("dim", [0, 1, [0, 1], -1])
def test_sums_over_dimensions(dim, device):
    sparse, values = matrix(PLACES, device)
    found = torch.sparse.sum(sparse, dim)
    found = found.to_dense() if found.is_sparse else found
    same(found, dense_of(PLACES, values).sum(dim), rtol=1e-12)


def test_values_may_have_dimensions_of_their_own(device):
    values = drawn(3, 2, device=device).requires_grad_()
    sparse = torch.sparse_coo_tensor(torch.tensor([[1, 0, 1]], device=device), values, (4, 2))
    assert (sparse.sparse_dim(), sparse.dense_dim(), sparse._nnz()) == (1, 1, 3)
    dense = torch.zeros(4, 2, dtype=torch.float64, device=device)
    dense[1] = (values[0] + values[2]).detach()
    dense[0] = values[1].detach()
    same(sparse.to_dense(), dense)
    same(torch.sparse.sum(sparse, 1).to_dense(), dense.sum(1), rtol=1e-12)
    same(torch.sparse.sum(sparse, 0), dense.sum(0), rtol=1e-12)
    sparse.to_dense()[1].sum().backward()
    assert values.grad.tolist() == [[1.0, 1.0], [0.0, 0.0], [1.0, 1.0]]


def test_dense_to_sparse_and_back(device):
    x = torch.tensor([[0.0, 2.0, 0.0], [3.0, 0.0, float("nan")]], device=device).requires_grad_()
    sparse = x.to_sparse()
    assert sparse.indices().tolist() == [[0, 1, 1], [1, 0, 2]] and sparse.is_coalesced()
    same(sparse.to_dense(), x)
    sparse.values().sum().backward()
    assert x.grad.tolist() == [[0.0, 1.0, 0.0], [1.0, 0.0, 1.0]]
    rows = x.detach().to_sparse(1)
    assert (rows.sparse_dim(), rows.dense_dim()) == (1, 1)
    same(rows.to_dense(), x)


def test_compressed_rows(device):
    sparse, values = matrix(PLACES, device)
    csr = sparse.coalesce().to_sparse_csr()
    assert csr.crow_indices().tolist() == [0, 1, 2, 2, 4] and csr.col_indices().tolist() == [1, 1, 0, 2]
    assert csr.layout is torch.sparse_csr and sparse.layout is torch.sparse_coo
    x = drawn(3, 5, device=device)
    same(csr @ x, dense_of(PLACES, values) @ x, rtol=1e-12)
    same(csr.to_dense(), dense_of(PLACES, values), rtol=1e-12)
    made = torch.sparse_csr_tensor(csr.crow_indices(), csr.col_indices(), csr.values(), (4, 3))
    same(made.to_dense(), csr.to_dense())
    same(csr.to_dense().to_sparse_coo().to_dense(), csr.to_dense())
    same(
        drawn(4, 3, device=device).sparse_mask(sparse.coalesce()).to_dense()[0],
        drawn(4, 3, device=device)[0] * (dense_of(PLACES, values)[0] != 0),
    )


@pytest.mark.ours
@pytest.mark.parametrize("call", ["matmul", "to_dense", "sum"])
def test_derivatives_to_second_order(call):
    index, x = torch.tensor(PLACES), drawn(3, 5).requires_grad_()

    def run(values, x):
        sparse = torch.sparse_coo_tensor(index, values, (4, 3))
        return sparse @ x if call == "matmul" else getattr(sparse, call)()

    values = drawn(5).requires_grad_()
    assert torch.autograd.gradcheck(run, (values, x))
    assert torch.autograd.gradgradcheck(run, (values, x))


# ------------------------------------------------------------------------------------------------------- tables


def bags(table, **options):
    return F.embedding_bag(torch.tensor([2, 0, 2, 1]), table, torch.tensor([0, 1]), **options)


LOOKUPS = {
    "embedding": lambda table, **o: F.embedding(torch.tensor([[2, 0], [2, 1]]), table, **o),
    "padding": lambda table, **o: F.embedding(torch.tensor([2, 0, 2]), table, padding_idx=2, **o),
    "none": lambda table, **o: F.embedding(torch.tensor([], dtype=torch.int64), table, **o),
    "bag": lambda table, **o: bags(table, mode="sum", **o),
    "bag mean": lambda table, **o: bags(table, mode="mean", **o),
}


@pytest.mark.parametrize("name", LOOKUPS)
def test_the_sparse_gradient_of_a_table_is_the_dense_one(name):
    tables = [drawn(5, 3).requires_grad_() for _ in range(2)]
    for table, sparse in zip(tables, (True, False)):
        for _ in range(2):  # gradients add up
            (LOOKUPS[name](table, sparse=sparse) * 3).sum().backward()
    assert tables[0].grad.is_sparse and not tables[1].grad.is_sparse
    same(tables[0].grad.to_dense(), tables[1].grad)


def test_a_table_on_a_gpu(device):
    table = torch.nn.Embedding(5, 3, sparse=True, device=device)
    table(torch.tensor([2, 2, 0], device=device)).sum().backward()
    assert table.weight.grad.device == table.weight.device
    assert table.weight.grad.coalesce().indices().tolist() == [[0, 2]]
    assert table.weight.grad.to_dense()[:, 0].tolist() == [1.0, 0.0, 2.0, 0.0, 0.0]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_sparse_and_a_dense_gradient_add_up_to_a_dense_one(order):
    table = drawn(5, 3).requires_grad_()
    uses = [lambda: F.embedding(torch.tensor([1]), table, sparse=True).sum(), lambda: (table * 2).sum()]
    for use in order:
        uses[use]().backward()
    assert not table.grad.is_sparse and table.grad[:, 0].tolist() == [2.0, 3.0, 2.0, 2.0, 2.0]
    table.grad = None
    (uses[order[0]]() + uses[order[1]]()).backward()
    assert table.grad[:, 0].tolist() == [2.0, 3.0, 2.0, 2.0, 2.0]


OPTIMIZERS = {
    "SGD": lambda p: torch.optim.SGD(p, lr=0.1),
    "Adagrad": lambda p: torch.optim.Adagrad(p, lr=0.1, lr_decay=0.1),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_sparse_step_is_the_dense_one_where_rows_without_gradient_rest(name):
    tables = [drawn(5, 3).requires_grad_() for _ in range(2)]
    optimizers = [OPTIMIZERS[name]([table]) for table in tables]
    for step in range(4):
        index = torch.tensor([step, 2, 2])
        for table, optimizer, sparse in zip(tables, optimizers, (True, False)):
            optimizer.zero_grad()
            (F.embedding(index, table, sparse=sparse) ** 2).sum().backward()
            optimizer.step()
    same(*tables, rtol=1e-12)


def test_sparse_adam_moves_the_rows_with_a_gradient_by_adams_rule():
    table = drawn(5, 3)
    p, m, v = table.numpy().copy(), np.zeros((5, 3)), np.zeros((5, 3))
    table.requires_grad_()
    optimizer = torch.optim.SparseAdam([table], lr=0.1, betas=(0.8, 0.9), eps=1e-3)
    for step in range(1, 5):
        optimizer.zero_grad()
        (F.embedding(torch.tensor([step, 2, 2]) % 5, table, sparse=True) ** 2).sum().backward()
        g = table.grad.to_dense().numpy()
        rows = sorted({step % 5, 2})
        m[rows] = 0.8 * m[rows] + 0.2 * g[rows]
        v[rows] = 0.9 * v[rows] + 0.1 * g[rows] ** 2
        rate = 0.1 * (1 - 0.9**step) ** 0.5 / (1 - 0.8**step)
        p[rows] -= rate * m[rows] / (np.sqrt(v[rows]) + 1e-3)
        optimizer.step()
    np.testing.assert_allclose(table.detach().numpy(), p, rtol=1e-12)


def test_momentum_outlives_gradients_that_are_filled_with_zeros():
    table = drawn(5, 3).requires_grad_()
    optimizer = torch.optim.SGD([table], lr=0.1, momentum=0.5)
    for expected in (1.0, 1.5, 1.75):
        optimizer.zero_grad(set_to_none=False)
        F.embedding(torch.tensor([1]), table, sparse=True).sum().backward()
        optimizer.step()
        assert optimizer.state[table]["momentum_buffer"].to_dense()[1].tolist() == [expected] * 3


def test_other_optimizers_refuse_sparse_gradients():
    table = drawn(5, 3).requires_grad_()
    F.embedding(torch.tensor([1]), table, sparse=True).sum().backward()
    before = table.detach().clone()
    for name in ("Adam", "RMSprop", "Adadelta", "Adamax", "NAdam", "RAdam", "ASGD", "Rprop"):
        with pytest.raises(RuntimeError, match=f"{name} does not support sparse gradients"):
            getattr(torch.optim, name)([table]).step()
    with pytest.raises(RuntimeError, match="weight_decay option is not compatible with sparse gradients"):
        torch.optim.Adagrad([table], weight_decay=0.1).step()
    with pytest.raises(RuntimeError, match=r"add\(sparse, dense\) is not supported"):
        torch.optim.SGD([table], weight_decay=0.1).step()
    table.grad = None
    table.sum().backward()
    with pytest.raises(RuntimeError, match="SparseAdam does not support dense gradients"):
        torch.optim.SparseAdam([table]).step()
    same(table, before)


# ------------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    "arguments, error",
    [
        (([0, 1], [1.0, 2.0]), "indices must be sparse_dim x nnz"),
        (([[0, 1]], [1.0]), "indices and values must have same nnz, but got nnz from indices: 2, nnz from values: 1"),
        (([[0, 1]], [[1.0, 2.0], [3, 4]], (2, 3)), r"values has incorrect size, expected \[2, 3\], got \[2, 2\]"),
    ],
)
def test_what_does_not_fit_is_refused(arguments, error):
    with pytest.raises(RuntimeError, match=error):
        torch.sparse_coo_tensor(*arguments)


@pytest.mark.ours  # PyTorch looks at indices with check_invariants alone
@pytest.mark.parametrize(
    "index, error", [(5, "for dim 0, size is 2 but found index 5"), (-1, "found negative index -1 for dim 0")]
)
def test_an_index_outside_the_size_is_refused(index, error):
    with pytest.raises(RuntimeError, match=error):
        torch.sparse_coo_tensor([[index]], [1.0], (2,))


@pytest.mark.ours
@pytest.mark.parametrize(
    "crow, column, error",
    [([0, 1], [0], "must be nrows"), ([1, 1, 1], [0], "== 0"), ([0, 0, 2], [0], "nnz"), ([0, 1, 1], [9], "ncols")],
)
def test_rows_that_do_not_fit_are_refused(crow, column, error):
    with pytest.raises(RuntimeError, match=error):
        torch.sparse_csr_tensor(crow, column, [1.0], (2, 3))


def test_values_and_indices_of_what_is_not_coalesced_are_refused():
    sparse, _ = matrix(PLACES)
    with pytest.raises(RuntimeError, match=r"Cannot get values on an uncoalesced tensor, please call \.coalesce\(\)"):
        sparse.values()
    with pytest.raises(RuntimeError, match="add"):
        sparse + torch.ones(4, 3)
    with pytest.raises(RuntimeError, match=r"Expected dim 0 size 3, got 2"):
        torch.sparse.mm(sparse, torch.ones(2, 2, dtype=torch.float64))


def test_functions_take_sparse_tensors_where_methods_do():
    sparse, values = matrix(PLACES)
    dense, x = dense_of(PLACES, values), drawn(3, 2)
    for found, expected in [
        (torch.mm(sparse, x), dense @ x),
        (torch.matmul(sparse, x), dense @ x),
        (torch.sparse.mm(sparse, x), dense @ x),
        (torch.sparse.addmm(drawn(4, 2), sparse, x), drawn(4, 2) + dense @ x),
        (torch.add(sparse, sparse).to_dense(), dense * 2),
        (torch.add(drawn(4, 3), sparse, alpha=2), drawn(4, 3) + 2 * dense),
        (torch.mul(sparse, 2).to_dense(), dense * 2),
        (torch.t(sparse).to_dense(), dense.t()),
        (torch.transpose(sparse, 0, 1).to_dense(), dense.t()),
        (torch.sum(sparse), dense.sum()),
        (drawn(4, 3).add_(sparse, alpha=-1), drawn(4, 3) - dense),
    ]:
        same(found, expected, rtol=1e-12)


@pytest.mark.ours
@pytest.mark.parametrize("name", ["exp", "reshape", "cumsum", "softmax", "argmax", "item"])
def test_what_has_no_sparse_form_is_refused_by_name(name):
    sparse, _ = matrix(PLACES)
    arguments = {"reshape": ((12,),), "cumsum": (0,), "softmax": (0,)}.get(name, ())
    with pytest.raises(NotImplementedError, match=rf"{name}: not there for sparse tensors.*x\.to_dense\(\)"):
        getattr(sparse, name)(*arguments)


# ------------------------------------------------------------------------------------------------------- the rest


@pytest.mark.ours  # PyTorch's lose requires_grad
def test_copies_keep_places_values_and_requires_grad():
    sparse, _ = matrix(PLACES)
    leaf = sparse.detach().requires_grad_()
    for made in (copy.deepcopy(leaf), pickle.loads(pickle.dumps(leaf)), leaf.clone()):
        assert made.is_sparse and made.requires_grad and made.shape == (4, 3)
        same(made.to_dense(), sparse.to_dense())


def test_it_prints_as_pytorchs_does():
    text = repr(torch.sparse_coo_tensor([[0, 1, 2], [0, 1, 1]], [1, 2, 3]))
    assert text == (
        "tensor(indices=tensor([[0, 1, 2],\n                       [0, 1, 1]]),\n       values=tensor([1, 2, 3]),\n"
        "       size=(3, 2), nnz=3, layout=torch.sparse_coo)"
    )


def test_dtypes_and_devices_move_the_values(device):
    sparse, _ = matrix(PLACES)
    moved = sparse.to(device).half()
    assert moved.dtype is torch.float16 and moved.device.type == device and moved._indices().device.type == device
    assert torch.sparse_coo_tensor((2, 3)).to_dense().tolist() == [[0.0] * 3] * 2
