"""`func` against torch.func: the same transforms of the same functions, alone and within each other."""

from typing import Any

import numpy as np
import pytest
import torch
import torch.func
from conftest import assert_same
from torch.nn.attention import SDPBackend, sdpa_kernel

import autograd_gpu as ag

# Functions of a vector a, a matrix w and a vector b; T is the library, F its nn.functional.
FUNCTIONS = {
    "polynomial": lambda T, F: lambda a, w, b: a**3 - 2 * a * b + b,
    "matrix": lambda T, F: lambda a, w, b: T.tanh(w @ a + b),
    "both sides": lambda T, F: lambda a, w, b: (w @ w.t() @ a) * (a @ b),
    "linear": lambda T, F: lambda a, w, b: F.gelu(F.linear(a.unsqueeze(0), w, b)).squeeze(0),
    "norm": lambda T, F: lambda a, w, b: F.layer_norm(w + a, (4,), b, a).sum(0),
    "softmax": lambda T, F: lambda a, w, b: (w * a).softmax(-1) @ b,
    "log_softmax": lambda T, F: lambda a, w, b: F.log_softmax(a * b, 0) + w.logsumexp(1),
    "entropy": lambda T, F: lambda a, w, b: F.cross_entropy(w * a, T.tensor([0, 3, 1, 2]), reduction="none") * b,
    "attention": lambda T, F: (
        lambda a, w, b: F.scaled_dot_product_attention(
            (w * a)[None, None], (w + b)[None, None], w[None, None], is_causal=True
        ).sum((0, 1, 2))
    ),
    "indices": lambda T, F: (
        lambda a, w, b: w[[0, 2, 2]].sum(0) * a[T.tensor([3, 1, 1, 0])] + b.gather(0, T.tensor([1, 0, 3, 2]))
    ),
    "views": lambda T, F: (
        lambda a, w, b: (
            T.cat([w.t()[1:3, ::2].reshape(-1), w.diagonal()])[2:6] * a.flip(0) + b[None, :].expand(3, 4).sum(0)
        )
    ),
    "choices": lambda T, F: lambda a, w, b: T.where(a > b, a * b, a.exp()) + w.amax(0) * T.maximum(a, b).clamp(max=0.7),
    "spread": lambda T, F: lambda a, w, b: w.var(1) * a.std() + (b - w.mean()).square().sqrt() * a.norm(),
    "scans": lambda T, F: lambda a, w, b: a.cumsum(0) * w.prod(1) + b.sort().values,
    "writes": lambda T, F: lambda a, w, b: written(a, w, b),
    "branches": lambda T, F: lambda a, w, b: a * b if w.shape[0] == 4 else a,
    "constant in a": lambda T, F: lambda a, w, b: a.detach() * 0 + b * 1 + w.sum(0),
}


def written(a: Any, w: Any, b: Any) -> Any:
    y = w * 2 + (a - a) * (b - b)  # as batched as any of them: the shared cannot be written per example
    y[0] = a * b
    y[:, 1].mul_(a)
    y.t()[2].add_(1)
    return y.sum(1)


def inputs(library: Any, batch: int | None = None) -> list[Any]:
    random = np.random.default_rng(7)
    lead = () if batch is None else (batch,)
    shapes = [(*lead, 4), (*lead, 4, 4), (*lead, 4)]
    return [library.tensor(random.standard_normal(shape), dtype=library.float64) for shape in shapes]


def transformed(library: Any, name: str, transform: Any) -> Any:
    function = FUNCTIONS[name](library, library.nn.functional)
    return transform(library, library.func, function)


SINGLE = {
    "grad": lambda T, f, fn: f.grad(lambda *x: fn(*x).sum(), argnums=(0, 1, 2))(*inputs(T)),
    "grad_and_value": lambda T, f, fn: f.grad_and_value(lambda *x: (fn(*x).sum(), fn(*x)), 1, has_aux=True)(*inputs(T)),
    "vjp": lambda T, f, fn: vector_products(T, f, fn),
    "jvp": lambda T, f, fn: f.jvp(fn, tuple(inputs(T)), tuple(x.cos() for x in inputs(T))),
    "jacrev": lambda T, f, fn: f.jacrev(fn, argnums=(0, 1))(*inputs(T)),
    "jacrev in chunks": lambda T, f, fn: f.jacrev(fn, chunk_size=3)(*inputs(T)),
    "jacfwd": lambda T, f, fn: f.jacfwd(fn, argnums=(0, 2))(*inputs(T)),
    "hessian": lambda T, f, fn: f.hessian(lambda *x: fn(*x).square().sum())(*inputs(T)),
    "vmap": lambda T, f, fn: f.vmap(fn)(*inputs(T, 3)),
    "vmap of one": lambda T, f, fn: f.vmap(fn, in_dims=(0, None, None), out_dims=1)(inputs(T, 3)[0], *inputs(T)[1:]),
    "vmap of the matrix": lambda T, f, fn: f.vmap(fn, in_dims=(None, 2, None))(
        inputs(T)[0], inputs(T, 3)[1].movedim(0, 2), inputs(T)[2]
    ),
    "vmap twice": lambda T, f, fn: f.vmap(f.vmap(fn, in_dims=(0, None, 1)), in_dims=(None, 0, None))(
        inputs(T, 3)[0], inputs(T, 2)[1], inputs(T, 3)[2].t()
    ),
    "vmap in chunks": lambda T, f, fn: f.vmap(fn, chunk_size=2)(*inputs(T, 5)),
    "per-example gradients": lambda T, f, fn: f.vmap(
        f.grad(lambda *x: fn(*x).sum(), argnums=(0, 1)), in_dims=(None, None, 0)
    )(*inputs(T)[:2], inputs(T, 3)[2]),
    "per-example jacobians": lambda T, f, fn: f.vmap(f.jacrev(fn))(*inputs(T, 3)),
    "per-example hessians": lambda T, f, fn: f.vmap(f.hessian(lambda *x: fn(*x).sum()))(*inputs(T, 2)),
    "gradient of a batch": lambda T, f, fn: f.grad(
        lambda *x: f.vmap(fn, in_dims=(0, None, 0))(*x).sum(), argnums=(0, 1)
    )(inputs(T, 3)[0], inputs(T)[1], inputs(T, 3)[2]),
    "jacobian of a batch": lambda T, f, fn: f.jacrev(f.vmap(fn, in_dims=(0, None, None)))(
        inputs(T, 2)[0], *inputs(T)[1:]
    ),
    "gradient of a gradient's norm": lambda T, f, fn: f.grad(
        lambda *x: f.grad(lambda *y: fn(*y).sum())(*x).square().sum(), argnums=1
    )(*inputs(T)),
    "a graph outside": lambda T, f, fn: outside(T, f, fn),
}


def vector_products(library: Any, func: Any, function: Any) -> Any:
    output, pull = func.vjp(function, *inputs(library))
    rows = library.eye(4, dtype=library.float64)
    return output, pull(output.cos()), func.vmap(pull)(rows)


def outside(library: Any, func: Any, function: Any) -> Any:
    """Transforms within a graph of leaves: values, who requires grad, and the leaves' gradients."""
    a, w, b = inputs(library)
    a.requires_grad_()
    w.requires_grad_()
    gradient = func.grad(lambda *x: function(*x).sum())(a, w, b)
    rows = func.vmap(lambda row: function(a, w, row))(library.stack([b, b * 2]))
    total = (gradient * b).sum() + rows.square().sum()
    return rows, library.autograd.grad(total, (a, w), allow_unused=True)


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("transform", SINGLE)
def test_the_transform_is_torchs(name: str, transform: str):
    with sdpa_kernel(SDPBackend.MATH):  # PyTorch's fused attention has no forward mode and no second derivative
        theirs = transformed(torch, name, SINGLE[transform])
    assert_same(transformed(ag, name, SINGLE[transform]), theirs, f"{transform} of {name}", 1e-9)


def ensemble(library: Any) -> Any:
    """Several models as one: their outputs, and the gradients of their stacked parameters."""
    random = np.random.default_rng(3)
    models = [library.nn.Sequential(library.nn.Linear(3, 4), library.nn.LayerNorm(4)) for _ in range(3)]
    for model in models:
        model.double()
        with library.no_grad():
            for parameter in model.parameters():
                parameter.copy_(library.tensor(random.standard_normal(tuple(parameter.shape))))
    x = library.tensor(random.standard_normal((5, 3)))
    parameters, buffers = library.func.stack_module_state(models)
    outputs = library.func.vmap(lambda p, b: library.func.functional_call(models[0], (p, b), (x,)))(parameters, buffers)
    outputs.square().sum().backward()
    return list(parameters), outputs, [parameter.grad for parameter in parameters.values()]


def test_an_ensemble_is_torchs():
    assert_same(ensemble(ag), ensemble(torch), "an ensemble", 1e-9)
