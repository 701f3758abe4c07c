"""Transforms of functions: batching against loops over the examples, derivatives against formulas and each other."""

import gc
import weakref
from typing import Any, ClassVar

import numpy as np
import pytest

import autograd_gpu as torch
from autograd_gpu import nn
from autograd_gpu.func import (
    functional_call,
    grad,
    grad_and_value,
    hessian,
    jacfwd,
    jacrev,
    jvp,
    stack_module_state,
    vjp,
    vmap,
)

F = nn.functional


def values(tensor: torch.Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy()


def assert_equal(found: torch.Tensor, expected: Any, tolerance: float = 1e-5) -> None:
    expected = values(expected) if isinstance(expected, torch.Tensor) else np.asarray(expected)
    assert tuple(found.shape) == expected.shape
    np.testing.assert_allclose(values(found), expected, rtol=tolerance, atol=tolerance)


def drawn(*shape: int, seed: int = 0) -> torch.Tensor:
    numbers = np.random.default_rng(seed).standard_normal(shape)
    return torch.tensor(numbers, dtype=torch.float64)


# ---- vmap: dims, trees, chunks, levels


def test_dims_say_where_the_batch_is():
    x, y = drawn(3, 2, 5), drawn(5, seed=1)
    result = vmap(lambda a, b: a * b, in_dims=(2, 0), out_dims=1)(x, y)
    assert_equal(result, (x * y).permute(0, 2, 1))
    assert_equal(vmap(lambda a: a, in_dims=-1, out_dims=-1)(x), x)
    assert_equal(vmap(lambda a: a.sum(0), in_dims=1)(x), x.sum(0))


def test_what_is_not_mapped_is_shared():
    x, w = drawn(4, 3), drawn(3, 2)
    assert_equal(vmap(torch.matmul, in_dims=(0, None))(x, w), x @ w)
    assert_equal(vmap(lambda row: row @ w)(x), x @ w)
    assert_equal(vmap(lambda row: w)(x), torch.stack([w] * 4))


def test_arguments_and_results_are_trees():
    x, y = drawn(4, 3), drawn(4, 3, seed=1)

    def function(tree: dict, scale: float) -> dict:
        return {"sum": tree["a"] + tree["b"][0], "rest": [tree["a"] * scale, (tree["b"][0].sum(),)]}

    result = vmap(function, in_dims=({"a": 0, "b": [0]}, None))({"a": x, "b": [y]}, 2.0)
    assert_equal(result["sum"], x + y)
    assert_equal(result["rest"][0], x * 2)
    assert_equal(result["rest"][1][0], y.sum(1))
    named = vmap(lambda tree: tree["a"] * 2, in_dims=0)({"a": x})
    assert_equal(named, x * 2)


def test_an_output_without_a_dim_is_given_as_it_is():
    x = drawn(4, 3)
    assert vmap(lambda a: (a, 7), out_dims=(0, None))(x)[1] == 7
    with pytest.raises(ValueError, match="can not return a BatchedTensor when out_dim is None"):
        vmap(lambda a: a, out_dims=None)(x)


@pytest.mark.parametrize("chunk_size", [1, 2, 3, 7, 100])
def test_chunks_change_nothing(chunk_size: int):
    x, w = drawn(7, 3), drawn(3)
    whole = vmap(lambda a, b: (a * b, a.sum()), in_dims=(0, None), out_dims=(1, 0))(x, w)
    chunked = vmap(lambda a, b: (a * b, a.sum()), in_dims=(0, None), out_dims=(1, 0), chunk_size=chunk_size)(x, w)
    for a, b in zip(chunked, whole):
        assert_equal(a, b)


def test_levels_nest_and_mix(device: str):
    x, y = drawn(3, 4).to(device), drawn(5, 4, seed=1).to(device)
    pairs = vmap(lambda a: vmap(lambda b: (a * b).softmax(0))(y))(x)
    assert_equal(pairs, (x[:, None] * y).softmax(-1))
    table = vmap(vmap(lambda a, b: a @ b, in_dims=(None, 0)), in_dims=(0, None))(x, y)
    assert_equal(table, x @ y.t())
    thrice = vmap(vmap(vmap(lambda a: a.exp() + 1)))(drawn(2, 3, 4).to(device))
    assert_equal(thrice, drawn(2, 3, 4).exp() + 1)


def test_the_mapped_functions_shapes_are_an_examples():
    seen = []

    def function(a: torch.Tensor) -> torch.Tensor:
        seen.append((tuple(a.shape), a.ndim, a.numel(), str(a.device), a.is_contiguous(), len(a)))
        return a.new_zeros(2) + a.size(0)

    assert_equal(vmap(function)(torch.ones(5, 3)), np.full((5, 2), 3.0))
    assert seen == [((3,), 1, 3, "cpu", True, 3)]


def test_in_place_writes_stay_within_their_example(device: str):
    x = drawn(4, 3).to(device)

    def function(row: torch.Tensor) -> torch.Tensor:
        y = row.new_zeros(3)
        y[0] = row.sum()
        y[1:].add_(row[1:])
        y += 1
        return y

    rows = values(x)
    expected = np.concatenate([rows.sum(1, keepdims=True), rows[:, 1:]], 1) + 1
    assert_equal(vmap(function)(x), expected)


def test_an_examples_own_number_indexes(device: str):
    x, i = drawn(4, 3).to(device), torch.tensor([0, 2, 1, 2], device=device)
    assert_equal(vmap(lambda row, k: row[k])(x, i), values(x)[np.arange(4), [0, 2, 1, 2]])
    assert_equal(vmap(lambda k: x[k])(i), values(x)[[0, 2, 1, 2]])
    assert_equal(vmap(lambda k: F.one_hot(k, 3))(i), np.eye(3)[[0, 2, 1, 2]])


def test_wrong_indices_are_found_and_do_not_reach_the_neighbour():
    x, i = drawn(4, 3), torch.tensor([0, 1, 3, 2])
    with pytest.raises(IndexError, match="out of bounds"):
        vmap(lambda row, k: row[k])(x, i)
    with pytest.raises((IndexError, RuntimeError), match="out of"):
        vmap(lambda row, k: row.gather(0, k))(x, torch.tensor([[0], [1], [2], [-4]]))


def test_a_batch_of_none_has_the_shapes_of_one():
    def function(row: torch.Tensor) -> tuple:
        normed = F.layer_norm((row @ torch.ones(3, 4))[None], (4,))
        return normed, normed.softmax(-1).sum(), row[torch.tensor([0, 0])]

    assert [tuple(y.shape) for y in vmap(function)(torch.ones(0, 3))] == [(0, 1, 4), (0,), (0, 2)]


def test_an_error_inside_leaves_nothing_behind():
    def function(row: torch.Tensor) -> torch.Tensor:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        vmap(function)(torch.ones(2, 3))
    assert torch.rand(3).shape == (3,)  # in no level, so free to draw
    assert grad(lambda a: a.sum())(torch.ones(2)).tolist() == [1, 1]


@pytest.mark.ours  # PyTorch asks for generate_vmap_rule
def test_a_users_own_function_is_batched_by_what_it_is_made_of():
    class Cube(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
            ctx.save_for_backward(x)
            return x * x * x

        @staticmethod
        def backward(ctx: Any, gy: torch.Tensor) -> torch.Tensor:
            (x,) = ctx.saved_tensors
            return 3 * x * x * gy

    x = drawn(4, 3)
    assert_equal(vmap(grad(lambda row: Cube.apply(row).sum()))(x), 3 * x * x)
    assert_equal(jacrev(Cube.apply)(x[0]), np.diag(values(3 * x[0] * x[0])))
    assert_equal(hessian(lambda row: Cube.apply(row).sum())(x[0]), np.diag(values(6 * x[0])))


# ---- vmap: what it refuses


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda x: vmap(lambda a: a, in_dims=[0])(x), ValueError, "expected `in_dims` to be int or"),
        (lambda x: vmap(lambda: 1)(), ValueError, "got no inputs"),
        (
            lambda x: vmap(lambda a, b: a, in_dims=(0,))(x, x),
            ValueError,
            "not compatible with the structure of `inputs`",
        ),
        (lambda x: vmap(lambda a: a, in_dims=("0",))(x), ValueError, "must be either"),
        (lambda x: vmap(lambda a, b: a)(x, 2.0), ValueError, "We cannot vmap over non-Tensor"),
        (lambda x: vmap(lambda a: a, in_dims=2)(x), ValueError, "expected in_dim to satisfy"),
        (lambda x: vmap(lambda a: a)(torch.tensor(1.0)), ValueError, "expected in_dim to satisfy"),
        (lambda x: vmap(lambda a: a, in_dims=(None,))(x), ValueError, "at least one Tensor to vmap over"),
        (lambda x: vmap(lambda a, b: a)(x, torch.ones(3)), ValueError, "the same size in the mapped dimension"),
        (lambda x: vmap(lambda a: 2.0)(x), ValueError, "must only return Tensors"),
        (lambda x: vmap(lambda a: (a, a), out_dims=(0, 0, 0))(x), ValueError, "structure of `outputs`"),
        (lambda x: vmap(lambda a: a, out_dims=3)(x), IndexError, "Dimension out of range"),
        (lambda x: vmap(lambda a: a, randomness="some")(x), RuntimeError, "Only allowed values for randomness"),
        (lambda x: vmap(lambda a: a, chunk_size=0)(x), ValueError, "greater than 0"),
        (lambda x: vmap(lambda a: a * a.sum().item())(x), RuntimeError, "calling .item"),
        (lambda x: vmap(lambda a: a if a.sum() > 0 else -a)(x), RuntimeError, "data-dependent control flow"),
        (lambda x: vmap(lambda a: a.nonzero())(x), RuntimeError, "vmap"),
        (lambda x: vmap(lambda a: torch.zeros(3).copy_(a))(x), RuntimeError, "vmap: "),
    ],
)
def test_what_vmap_cannot_do_it_says(call: Any, error: type, words: str):
    with pytest.raises(error, match=words):
        call(torch.ones(4, 3))


@pytest.mark.ours
def test_a_write_of_the_batch_into_what_is_shared_is_refused():
    shared = torch.zeros(3)
    with pytest.raises(RuntimeError, match=r"vmap: inplace arithmetic.*\(add_\)"):
        vmap(lambda a: shared.add_(a))(torch.ones(4, 3))
    with pytest.raises(RuntimeError, match="vmap: inplace arithmetic"):
        vmap(lambda a: torch.arange(3, device=a.device).add_(1) + a)(torch.ones(4, 3))
    assert shared.tolist() == [0, 0, 0]


@pytest.mark.ours
def test_a_batched_tensor_prints_its_whole_batch():
    seen = []
    vmap(lambda a: (seen.append(repr(a)), a)[1])(torch.tensor([1.0, 2.0]))
    assert seen == ["BatchedTensor(bdim=0, value=\n    tensor([1., 2.])\n)"]


# ---- vmap: random numbers


@pytest.mark.parametrize(
    "draw",
    [
        lambda x: torch.rand(3),
        lambda x: x + torch.randn(3),
        lambda x: torch.rand_like(x),
        lambda x: torch.dropout(x + 1, 0.5, True),
    ],
    ids=["rand", "randn", "rand_like", "dropout"],
)
def test_randomness_is_an_examples_own_or_everyones_or_refused(draw: Any):
    x = torch.zeros(64, 3)
    torch.manual_seed(0)
    different = values(vmap(draw, randomness="different")(x))
    assert len(np.unique(different, axis=0)) > 1
    same = values(vmap(draw, randomness="same")(x))
    assert same.shape == (64, 3) and (same == same[0]).all()
    with pytest.raises(RuntimeError, match="called random operation while in randomness error mode"):
        vmap(draw)(x)


# ---- derivatives


def test_grad_of_grad_of_grad():
    x = torch.tensor(2.0)
    cube = grad(lambda v: v**4)
    assert cube(x).item() == 32
    assert grad(cube)(x).item() == 48
    assert grad(grad(cube))(x).item() == 48
    assert not cube(x).requires_grad


def test_transforms_within_another_keep_their_variables_apart():
    x, y = torch.tensor(3.0), torch.tensor(5.0)
    inner = grad(lambda a: grad(lambda b: a * b * b)(a))  # d/da [2 a b at b = a] = 4 a
    assert inner(x).item() == 12
    assert grad(lambda a: a * grad(lambda b: a + b)(y))(x).item() == 1  # Siskind & Pearlmutter 2005


def test_argnums_aux_and_trees():
    x, y = drawn(3), drawn(3, seed=1)
    loss = lambda a, b: ((a * b).sum(), {"product": a * b})  # noqa: E731
    gradients, (value, aux) = grad_and_value(loss, argnums=(0, 1), has_aux=True)(x, y)
    assert_equal(gradients[0], y)
    assert_equal(gradients[1], x)
    assert_equal(value, (x * y).sum())
    assert_equal(aux["product"], x * y)
    assert not aux["product"].requires_grad and not value.requires_grad
    gradient, aux = grad(loss, argnums=1, has_aux=True)(x, y)
    assert_equal(gradient, x)
    tree = grad(lambda p: (p["w"] * p["b"][0]).sum())({"w": x, "b": [y]})
    assert_equal(tree["w"], y)
    assert_equal(tree["b"][0], x)


def test_an_unused_input_has_a_gradient_of_zeros():
    gradients = grad(lambda a, b: a.sum(), argnums=(0, 1))(drawn(3), drawn(2))
    assert_equal(gradients[1], np.zeros(2))
    assert_equal(grad(lambda a: torch.tensor(1.0))(drawn(2)), np.zeros(2))


def test_gradients_are_seen_by_whoever_differentiates_outside():
    x = drawn(3).requires_grad_()
    gradient = grad(lambda a: (a**3).sum())(x)
    assert gradient.requires_grad
    gradient.sum().backward()
    assert_equal(x.grad, 6 * x.detach())
    w = drawn(3, seed=1).requires_grad_()  # closed over, not an argument
    gradient = grad(lambda a: (a * a * w).sum())(drawn(3))
    gradient.sum().backward()
    assert_equal(w.grad, 2 * drawn(3))


def test_modes_outside_and_inside():
    x = drawn(3).requires_grad_()
    with torch.no_grad():
        gradient = grad(lambda a: (a * a).sum())(x)
    assert_equal(gradient, 2 * x.detach())
    assert not gradient.requires_grad

    def half_hidden(a: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            constant = a * 2
        return (a * constant).sum()

    assert_equal(grad(half_hidden)(x.detach()), 2 * x.detach())


@pytest.mark.ours  # PyTorch refuses: to it the input is a leaf
def test_a_written_input_has_the_gradient_of_what_it_was():
    def function(a: torch.Tensor) -> torch.Tensor:
        a.mul_(a)
        return a.sum()

    assert_equal(grad(function)(drawn(3).clone()), 2 * drawn(3))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda x: grad(lambda a: a)(x), RuntimeError, "to return a scalar Tensor"),
        (lambda x: grad(lambda a: 1.0)(x), RuntimeError, "to return a Tensor"),
        (lambda x: grad(lambda a: a.sum(), argnums=1)(x), RuntimeError, "argnum=1"),
        (lambda x: grad(lambda a: a.sum(), has_aux=True)(x), RuntimeError, "has_aux is True"),
        (lambda x: jvp(lambda a: a, (x,), (torch.ones(2),)), RuntimeError, "different size than that of the original"),
        (lambda x: jvp(lambda a: a, (x,), (x, x)), RuntimeError, "the same python structure"),
        (lambda x: jvp(lambda a: torch.ones(2), (x,), (x,), strict=True), RuntimeError, "independent of the inputs"),
        (lambda x: vjp(lambda a: (a, a), x)[1](x), RuntimeError, "structure of cotangents"),
        (lambda x: grad(lambda a: a.sum(), argnums=(0, 0))(x), RuntimeError, "must be unique"),
        (lambda x: grad(lambda a: a.sum())(2.0), ValueError, "must be Tensor|expected Tensors"),
        (lambda x: grad(lambda a: a.sum())(torch.arange(3)), RuntimeError, "nly Tensors of floating point"),
        (lambda x: jvp(lambda a: a, x, x), RuntimeError, "tuple"),
        (lambda x: vjp(lambda a: 1.0, x), RuntimeError, "vjp"),
    ],
)
def test_what_cannot_be_differentiated(call: Any, error: type, words: str):
    with pytest.raises(error, match=words):
        call(torch.ones(3))


def test_vjp_and_jvp_are_products_with_the_jacobian(device: str):
    x, v, u = (t.to(device) for t in (drawn(4), drawn(4, seed=1), drawn(3, seed=2)))
    w = drawn(3, 4, seed=3).to(device)
    function = lambda a: (w @ a).tanh()  # noqa: E731
    jacobian = jacrev(function)(x)
    output, pull = vjp(function, x)
    assert_equal(output, function(x))
    assert_equal(pull(u)[0], u @ jacobian)
    assert_equal(pull(2 * u)[0], 2 * u @ jacobian)  # may be asked again
    output, pushed = jvp(function, (x,), (v,))
    assert_equal(output, function(x))
    assert_equal(pushed, jacobian @ v)
    assert not pushed.requires_grad and not output.requires_grad


def test_jacobians_of_several_inputs_and_outputs_agree_both_ways():
    x, y = drawn(3), drawn(2, seed=1)
    function = lambda a, b: {"outer": a[:, None] * b.sin(), "sum": a.sum()}  # noqa: E731
    reverse = jacrev(function, argnums=(0, 1))(x, y)
    forward = jacfwd(function, argnums=(0, 1))(x, y)
    assert_equal(reverse["outer"][0], np.einsum("ik,j->ijk", np.eye(3), np.sin(values(y))))
    assert_equal(reverse["sum"][1], np.zeros(2))
    for name in reverse:
        for number in (0, 1):
            assert_equal(forward[name][number], reverse[name][number])


def test_the_hessian_of_a_quadratic_form_is_its_matrix(device: str):
    matrix = drawn(4, 4).to(device)
    found = hessian(lambda v: v @ matrix @ v)(drawn(4, seed=1).to(device))
    assert_equal(found, matrix + matrix.t())


@pytest.mark.parametrize("outer", [jacrev, jacfwd])
def test_jacobians_go_through_vmap_and_vmap_through_jacobians(outer: Any):
    x, w = drawn(3, 4), drawn(4, 4, seed=1)
    function = lambda row: (w @ row).exp()  # noqa: E731
    each = torch.stack([outer(function)(row) for row in x])
    assert_equal(vmap(outer(function))(x), each)
    whole = outer(vmap(function))(x)  # block diagonal
    assert_equal(whole, np.einsum("nk,nij->nikj", np.eye(3), values(each)))


def test_gradients_of_a_mapped_function_reach_what_is_shared(device: str):
    x, w = drawn(5, 3).to(device), drawn(3, 3, seed=1).to(device).requires_grad_()
    vmap(lambda row: (w @ row).tanh().sum())(x).sum().backward()
    expected = grad(lambda m: (x @ m.t()).tanh().sum())(w.detach())
    assert_equal(w.grad, expected)
    assert_equal(grad(lambda m: vmap(lambda row: (m @ row).tanh().sum())(x).sum())(w.detach()), expected)


# ---- modules


class Block(nn.Module):
    """A token classifier of every kind of layer that a per-example gradient meets."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(7, 8)
        self.norm = nn.LayerNorm(8)
        self.qkv = nn.Linear(8, 24)
        self.head = nn.Sequential(nn.Linear(8, 8), nn.GELU(), nn.Linear(8, 7))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        x = self.embed(tokens)  # (batch, time, 8)
        q, k, v = (t.reshape(*t.shape[:-1], 2, 4).transpose(1, 2) for t in self.qkv(self.norm(x)).split(8, dim=-1))
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.head(x + mixed.transpose(1, 2).reshape(*x.shape))


def test_per_example_gradients_of_an_attention_net(device: str):
    torch.manual_seed(0)
    model = Block().to(device)
    state = {name: parameter.detach() for name, parameter in model.named_parameters()}
    tokens = torch.randint(0, 7, (3, 5), device=device)
    targets = torch.randint(0, 7, (3, 5), device=device)

    def loss(parameters: dict, tokens: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        logits = functional_call(model, parameters, (tokens.unsqueeze(0),))
        return F.cross_entropy(logits[0], targets)

    found, losses = vmap(grad_and_value(loss), in_dims=(None, 0, 0))(state, tokens, targets)
    for i in range(3):
        model.zero_grad()
        expected = F.cross_entropy(model(tokens[i : i + 1])[0], targets[i])
        expected.backward()
        assert_equal(losses[i], expected)
        for name, parameter in model.named_parameters():
            assert_equal(found[name][i], parameter.grad)
            assert not found[name].requires_grad


def test_an_ensemble_is_one_mapped_call(device: str):
    torch.manual_seed(0)
    models = [nn.Sequential(nn.Linear(3, 4), nn.LayerNorm(4), nn.Linear(4, 2)).to(device) for _ in range(3)]
    with torch.no_grad():
        for number, model in enumerate(models):
            model[1].weight.add_(number)
    parameters, buffers = stack_module_state(models)
    assert all(parameter.is_leaf and parameter.requires_grad for parameter in parameters.values())
    x = torch.randn(5, 3, device=device)
    found = vmap(lambda p, b: functional_call(models[0], (p, b), (x,)))(parameters, buffers)
    assert_equal(found, torch.stack([model(x) for model in models]))
    found.square().sum().backward()
    sum(model(x).square().sum() for model in models).backward()
    assert_equal(parameters["1.weight"].grad, torch.stack([model[1].weight.grad for model in models]), 1e-4)
    assert_equal(parameters["0.weight"].grad, torch.stack([model[0].weight.grad for model in models]), 1e-4)


def test_functional_call_leaves_the_module_as_it_was():
    model = nn.Linear(2, 2)
    own = model.weight
    weight = torch.eye(2) * 3
    assert_equal(functional_call(model, {"weight": weight, "bias": torch.zeros(2)}, torch.ones(1, 2)), [[3.0, 3.0]])
    with pytest.raises(RuntimeError):
        functional_call(model, {"weight": torch.ones(2, 5)}, torch.ones(1, 2))
    assert model.weight is own


def test_functional_call_knows_its_names():
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = nn.Parameter(torch.ones(()))
            self.b = self.a

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + self.a + self.b

    model, zero = Tied(), torch.zeros(())
    assert functional_call(model, {"a": zero}, zero).item() == 0
    assert functional_call(model, {"a": zero}, zero, tie_weights=False).item() == 1
    assert functional_call(model, ({"a": zero}, {"b": zero}), zero).item() == 0
    with pytest.raises(ValueError, match="multiple dictionaries"):
        functional_call(model, ({"a": zero}, {"a": zero}), zero)
    with pytest.raises(ValueError, match="got multiple values for keys"):
        functional_call(model, {"a": zero, "b": zero + 1}, zero)
    assert functional_call(model, {"a": zero, "c": zero}, zero).item() == 0
    with pytest.raises(RuntimeError, match=r"Missing key\(s\): 'bias'"):
        functional_call(nn.Linear(1, 1), {"weight": zero}, zero, strict=True)


def test_nothing_of_a_finished_transform_stays_alive():
    x = torch.ones(4, 3)
    seen = []

    def function(row: torch.Tensor) -> torch.Tensor:
        y = row.exp()
        seen.append(weakref.ref(y))
        return (y * y).sum()

    gc.collect()
    gc.disable()
    try:
        vmap(grad(function))(x)
        assert seen[0]() is None
    finally:
        gc.enable()


# ---- writes in place


def test_forward_mode_allows_the_writes_that_reverse_mode_cannot(device: str):
    def function(x):
        y = x.exp().mul_(2)
        y[0].add_(x[1])
        return y

    x, v = torch.tensor([1.0, 2.0], device=device), torch.tensor([1.0, 3.0], device=device)
    e = x.exp()
    output, pushed = jvp(function, (x,), (v,))
    expected = torch.stack([torch.stack([2 * e[0], x.new_tensor(1.0)]), torch.stack([x.new_tensor(0.0), 2 * e[1]])])
    assert output.tolist() == pytest.approx([2 * e[0].item() + 2, 2 * e[1].item()])
    assert pushed.tolist() == pytest.approx((expected @ v).tolist())
    assert jacfwd(function)(x).flatten().tolist() == pytest.approx(expected.flatten().tolist())
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        jacrev(function)(x)


def test_a_function_without_a_jvp_is_pushed_by_its_backward(device: str):
    class Twice(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, gy):
            return gy * 2

    x = torch.tensor([1.0, 2.0], device=device)
    assert jvp(Twice.apply, (x,), (x,))[1].tolist() == [2, 4]
    assert jacfwd(Twice.apply)(x).tolist() == [[2, 0], [0, 2]]


def leaf_and_copy(device: str) -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.arange(6.0, device=device).view(2, 3).requires_grad_()
    return x, x * 1


def test_a_view_that_vmap_gives_is_a_view(device: str):
    x, y = leaf_and_copy(device)
    first = vmap(lambda row: row[0])(y)
    assert first._base is y
    first.mul_(100)
    assert y.tolist() == [[0, 1, 2], [300, 4, 5]]
    assert torch.autograd.grad(y.sum(), x)[0].tolist() == [[100, 1, 1], [100, 1, 1]]
    x, y = leaf_and_copy(device)
    each = vmap(vmap(lambda element: element.view(())))(y)
    y.mul_(7)
    assert torch.autograd.grad(each.sum(), x)[0].tolist() == [[7, 7, 7], [7, 7, 7]]


def test_a_write_within_vmap_changes_the_history_outside(device: str):
    x, y = leaf_and_copy(device)
    factors = torch.tensor([2.0, 3.0], device=device, requires_grad=True)
    vmap(lambda row, factor: row[1].mul_(factor))(y, factors)
    assert y.tolist() == [[0, 2, 2], [3, 12, 5]]
    gx, gfactors = torch.autograd.grad(y.sum(), (x, factors))
    assert (gx.tolist(), gfactors.tolist()) == ([[1, 2, 1], [1, 3, 1]], [1, 4])
    x, y = leaf_and_copy(device)
    vmap(lambda column: column.mul_(2), in_dims=1)(y)
    assert torch.autograd.grad(y.sum(), x)[0].tolist() == [[2, 2, 2], [2, 2, 2]]


def test_what_vmap_refuses_to_write_is_what_is_refused_outside(device: str):
    x, y = leaf_and_copy(device)
    with pytest.raises(RuntimeError, match="a view of a leaf Variable that requires grad is being used in an in-place"):
        vmap(lambda row: row.mul_(2))(x)
    with pytest.raises(RuntimeError, match="a view of a leaf Variable that requires grad is being used in an in-place"):
        x[0].mul_(2)
    with torch.no_grad():
        first = vmap(lambda row: row[0])(y)
    with pytest.raises(RuntimeError, match="A view was created in no_grad mode and is being modified inplace"):
        first.mul_(2)


# ---- a Function's own rule


class Squared(torch.autograd.Function):
    """y = factor * x^2, and how its rule was asked."""

    asked: ClassVar[list] = []

    @staticmethod
    def forward(x, factor):
        return x * x * factor

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(inputs[0])
        ctx.factor = inputs[1]

    @staticmethod
    def backward(ctx, gy):
        return gy * ctx.saved_tensors[0] * 2 * ctx.factor, None

    @staticmethod
    def vmap(info, in_dims, x, factor):
        Squared.asked.append((info.batch_size, info.randomness, in_dims, tuple(x.shape), factor))
        return Squared.apply(x, factor), in_dims[0]


def test_a_functions_own_rule_is_called_under_vmap(device: str):
    x = torch.tensor([[1.0, 2, 3], [4, 5, 6]], device=device, requires_grad=True)
    Squared.asked.clear()
    y = vmap(lambda row: Squared.apply(row, 3))(x)
    assert Squared.asked == [(2, "error", (0, None), (2, 3), 3)]
    assert y.tolist() == [[3, 12, 27], [48, 75, 108]]
    assert torch.autograd.grad(y.sum(), x)[0].tolist() == [[6, 12, 18], [24, 30, 36]]
    Squared.asked.clear()
    assert vmap(vmap(lambda e: Squared.apply(e, 3)), randomness="same")(x).tolist() == y.tolist()
    assert [asked[0] for asked in Squared.asked] == [3, 2]
    Squared.asked.clear()
    assert vmap(lambda row: Squared.apply(x, 3).sum() + row)(x).shape == (2, 3) and Squared.asked == []


def test_a_rule_returns_outputs_and_their_dims():
    class Wrong(Squared):
        @staticmethod
        def vmap(info, in_dims, x, factor):
            return x

    class Twice(Squared):
        generate_vmap_rule = True

    with pytest.raises(RuntimeError, match="Expected the vmap staticmethod to have two returns"):
        vmap(lambda row: Wrong.apply(row, 3))(torch.ones(2, 3))
    with pytest.raises(RuntimeError, match="both generate_vmap_rule=True and an overridden vmap staticmethod"):
        vmap(lambda row: Twice.apply(row, 3))(torch.ones(2, 3))


def test_functional_call_replaces_plain_attributes_that_are_tensors():
    class Scaled(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = torch.tensor(2.0)

        def forward(self, x):
            return x * self.scale

    module, x = torch.nn.Sequential(Scaled()), torch.ones(2)
    assert torch.func.functional_call(module, {"0.scale": torch.tensor(5.0)}, x).tolist() == [5, 5]
    assert module(x).tolist() == [2, 2]


CAPTURED = torch.tensor([5.0, 6.0])


@pytest.mark.parametrize("where", ["closure", "global", "object", "default", "partial"])
@pytest.mark.parametrize("transform", ["grad", "vjp", "jvp", "jacrev", "jacfwd", "hessian"])
def test_what_a_function_captures_is_not_written_by_it(transform, where):
    import functools

    captured = torch.tensor([5.0, 6.0])

    class Counter:
        def __init__(self):
            self.count = captured

        def __call__(self, x):
            self.count.add_(1)
            return (x * 2).sum()

    def write(to, x):
        to.add_(1)
        return (x * 2).sum()

    functions = {
        "closure": lambda x: write(captured, x),
        "global": lambda x: write(CAPTURED, x),
        "object": Counter().__call__,
        "default": lambda x, to=captured: write(to, x),
        "partial": functools.partial(write, captured),
    }
    f, x = functions[where], torch.tensor([1.0, 2.0])
    calls = {"vjp": lambda: vjp(f, x), "jvp": lambda: jvp(f, (x,), (x,))}
    others = {"grad": grad, "jacrev": jacrev, "jacfwd": jacfwd, "hessian": hessian}
    with pytest.raises(RuntimeError, match="attempted to call in-place operation that would mutate a captured Tensor"):
        calls[transform]() if transform in calls else others[transform](f)(x)
    assert captured.tolist() == CAPTURED.tolist() == [5, 6]


def test_what_a_function_is_given_or_makes_is_its_own_to_write(device: str):
    def function(x):
        x = x.mul_(3)
        made = torch.zeros(2, device=device)
        made[0] = x[1] * x[0]
        return (made * x).sum()

    x = torch.tensor([1.0, 2.0], device=device)
    assert jacfwd(function)(x.clone()).tolist() == grad(function)(x.clone()).tolist() == [108, 27]
