"""Expressions as users write them, evaluated by both libraries: results, dtypes, gradients, or the exception's type.

A line is one expression over `T` (the library) and the variables below. PyTorch's answer is the right one.
"""

import warnings
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from conftest import assert_same, gradients
from differences import DIFFERENCES
from math_expressions import ELEMENTWISE, QUESTIONS
from math_expressions import INDEXING as MORE_INDEXING
from math_expressions import REDUCTIONS as MORE_REDUCTIONS
from math_expressions import SHAPES as MORE_SHAPES

import autograd_gpu as ag


def variables(library: ModuleType) -> dict[str, Any]:
    """Fresh leaves x, y, p (3, 4), v (4), s (), c (2, 3, 4), p positive; integers n (3, 4), i (5); bools m (3, 4)."""
    normal = np.random.default_rng(7).standard_normal

    def leaf(values: Any) -> Any:
        return library.tensor(values.tolist(), dtype=library.float64, requires_grad=True)

    return {
        "T": library,
        "F": library.nn.functional,
        "x": leaf(normal((3, 4))),
        "y": leaf(normal((3, 4))),
        "v": leaf(normal(4)),
        "s": leaf(normal(())),
        "c": leaf(normal((2, 3, 4))),
        "p": leaf(np.abs(normal((3, 4))) + 0.5),
        "n": library.arange(12).reshape(3, 4) - 5,
        "i": library.tensor([2, 0, 1, 2, 2]),
        "m": library.tensor([[True, False, True, False]] * 3),
        "f": library.tensor([1.5, -2.5, 0.0]),
        "h": library.tensor([1.5, -2.5, 0.0], dtype=library.float16),
        "inf": float("inf"),
        "nan": float("nan"),
    }


LEAVES = ("x", "y", "v", "s", "c", "p")


def outcome(library: ModuleType, expression: str) -> tuple[Any, list[Any]] | Exception:
    names = variables(library)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = eval(expression, names)
            return result, gradients(library, result, [names[name] for name in LEAVES])
    except Exception as error:
        return error


ARITHMETIC = """
x + y
x + v
x + 1
1 + x
x + s
x + 1.5
x - y
2 - x
x * y
2 * x
x / y
x / 3
3 / p
x // 2
x % 2
-x
+x
abs(x)
x ** 2
x ** 3
x ** 0.5
p ** 0.5
p ** -1.5
p ** y
2 ** x
x ** n
n ** 2
n ** -1
n + 1
n + 1.5
n / 2
n // 2
n % 3
-n % 3
n * True
n + m
m + m
m * 2
m - m
~m
-m
m & m
m | True
m ^ m
n & 3
n | 1
n ^ 5
~n
n << 1
n >> 1
x & 1
h + 1
h + f
h * 2.5
h + n
f + n
f.int() + f
T.add(x, y, alpha=2)
T.sub(x, 1, alpha=0.5)
T.rsub(x, 1)
T.mul(x, 2)
T.div(x, y, rounding_mode='floor')
T.div(x, y, rounding_mode='trunc')
T.div(x, y, rounding_mode='up')
T.div(n, 2)
T.div(n, 2, rounding_mode='floor')
T.true_divide(n, 2)
T.floor_divide(n, 2)
T.remainder(n, 3)
T.fmod(n, 3)
T.fmod(x, y)
T.remainder(x, -2)
T.pow(2, x)
T.maximum(x, y)
T.minimum(x, s)
T.max(x, y)
T.atan2(x, y)
T.copysign(x, -1)
T.addcmul(x, y, v, value=2)
T.lerp(x, y, 0.3)
T.clamp(x, -1, 1)
x.clamp(min=0)
x.clamp(max=0.5)
x.clamp()
x.clamp(min=v)
n.clamp(0, 3)
n.clamp(0.5, 3)
T.where(m, x, y)
T.where(m, x, 0)
T.where(m, 1.0, x)
T.where(m, n, 1.5)
T.where(x > 0, x, -x)
T.where(n, x, y)
T.where(m)
x == x
x == 1
x != y
x < v
n > 1.5
n == m
x >= nan
x == None
x + None
x + 'a'
x + [1]
x + T.ones(5)
x.eq(1)
T.logical_and(x, n)
T.logical_not(n)
T.isnan(x / 0)
T.isfinite(x / 0)
x.sign()
x.square()
x.reciprocal()
p.sqrt()
x.sqrt()
p.rsqrt()
p.log()
p.log2()
x.exp()
n.exp()
m.exp()
n.sqrt()
n.abs()
n.sigmoid()
x.sigmoid()
x.tanh()
x.relu()
n.relu()
x.erf()
x.floor()
n.floor()
x.round()
x.trunc()
x.round(decimals=1)
x.sin().cos()
F.gelu(x)
F.gelu(x, approximate='tanh')
F.gelu(x, approximate='x')
F.gelu(n)
F.relu(x)
F.silu(x)
F.leaky_relu(x)
F.elu(x)
F.softplus(x)
F.logsigmoid(x)
F.sigmoid(x)
F.tanh(x)
"""

REDUCTIONS = """
x.sum()
x.sum(0)
x.sum(-1, keepdim=True)
c.sum((0, 2))
c.sum([1])
c.sum(())
c.sum((0, 0))
c.sum(3)
c.sum(-4)
s.sum(0)
s.sum(-1)
s.sum(1)
n.sum()
m.sum()
n.sum(dtype=T.float32)
x.sum(dtype=T.float32)
T.sum(x, 1)
T.sum(input=x, dim=1)
x.mean()
x.mean(1)
c.mean((0, 1), keepdim=True)
n.mean()
n.mean(dtype=T.float64)
x.prod()
x.prod(1)
n.prod()
x.max()
x.min()
x.max(1)
x.max(1).indices
x.max(1)[0]
x.max(dim=1, keepdim=True)
x.min(0)
x.max(2)
n.max()
m.max()
m.any()
x.amax(1)
x.amax((0, 1))
x.amin()
c.amax(dim=(0, 2), keepdim=True)
x.argmax()
x.argmax(1)
x.argmin(0, keepdim=True)
x.any()
x.all(1)
(x > 0).any(0)
n.all()
x.var()
x.var(1)
x.var(unbiased=False)
x.var(1, correction=0)
x.var(0, keepdim=True)
c.var((0, 1))
x.std()
x.std(1, keepdim=True)
T.logsumexp(x, 1)
x.logsumexp((0, 1))
x.cumsum(0)
n.cumsum(1)
m.cumsum(0)
x.cumsum(2)
x.norm()
x.norm(1)
x.norm(2, 1)
x.sort()
x.sort(0, descending=True)
x.argsort()
x.topk(2)
x.topk(2, largest=False)
x.topk(5)
T.ones(0).sum()
T.ones(0).mean()
T.ones(0).max()
T.ones(0, 3).max(1)
T.ones(0, 3).max(0)
T.ones(0, 3).amax(1)
T.ones(0, 3).amax(0)
T.ones(0).prod()
T.ones(0).argmax()
T.ones(2, 0).var(1)
T.ones(0, 3).sum(0)
"""

SHAPES = """
x.reshape(4, 3)
x.reshape(-1)
x.reshape((2, -1))
x.reshape(-1, -1)
x.reshape(5, -1)
x.reshape(13)
x.reshape(())
x.view(12)
x.view(2, 6)
x.t().view(12)
x.view_as(y)
x.view(T.float32)
x.flatten()
c.flatten(1)
c.flatten(0, 1)
s.flatten()
c.unflatten(2, (2, 2))
x.ravel()
x.transpose(0, 1)
x.transpose(0, 2)
c.transpose(-1, 0)
x.t()
c.t()
x.T
x.mT
c.mT
v.T
c.permute(2, 0, 1)
c.permute((0, 2, 1))
c.permute(0, 1)
c.permute(0, 0, 1)
T.permute(c, (1, 0, 2))
c.movedim(0, -1)
c.swapaxes(0, 1)
x.unsqueeze(0)
x.unsqueeze(-1)
x.unsqueeze(3)
x.unsqueeze(1).squeeze()
x.unsqueeze(1).squeeze(1)
x.squeeze(0)
x.squeeze(5)
v.expand(3, 4)
v.expand(3, -1)
v.expand(3)
x.expand(2, 3, 4)
x.expand(-1, -1, 4)
v.expand_as(x)
v.broadcast_to((2, 4))
T.broadcast_to(v, (2, 4))
v.repeat(2)
x.repeat(2, 1)
x.repeat(2)
x.tile(2)
x.flip(0)
x.flip(0, 1)
x.flip((1,))
T.flip(x, [0])
x.roll(1, 0)
x.diagonal()
x.diagonal(1)
v.diag()
x.diag()
x.tril()
x.triu(1)
x.trace()
T.cat([x, y])
T.cat((x, y), 1)
T.cat([x, y], dim=-1)
T.cat([x, n])
T.cat([x, v])
T.cat([x, s])
T.cat([x, y], 2)
T.cat([])
T.cat([x.float(), y])
T.cat([T.ones(0), x.float()])
T.concat([x, y])
T.stack([x, y])
T.stack([x, y], -1)
T.stack([x, v])
T.stack([])
T.vstack([x, y])
T.hstack([x, y])
x.split(2)
x.split(2, 1)
x.split([1, 2])
x.split([1, 1])
x.split(0)
T.split(x, 2, dim=1)
x.chunk(2)
x.chunk(5)
x.chunk(2, 1)
x.chunk(0)
x.unbind()
x.unbind(1)
x.narrow(1, 1, 2)
x.narrow(1, 3, 2)
x.select(0, 1)
x.select(1, 7)
T.meshgrid(v, v, indexing='ij')
T.atleast_2d(v)
x.contiguous()
x.clone()
x.detach()
x.float()
x.double()
x.half()
x.int()
x.bool()
x.long()
x.to(T.float32)
x.to(T.int64)
x.to('cpu')
x.to(x.float())
x.to('cpu', T.float32)
x.type(T.float16)
x.type_as(x.float())
n.float()
x.size()
x.size(0)
x.size(-1)
x.size(2)
x.shape
x.shape[0]
x.ndim
x.dim()
x.numel()
x.nelement()
x.stride()
x.t().stride()
x.is_contiguous()
x.t().is_contiguous()
x.element_size()
x.dtype
x.device
x.is_floating_point()
x.tolist()
s.item()
n[0, 0].item()
m[0, 0].item()
x.item()
len(x)
len(s)
list(v)
float(s)
int(n[1, 1])
bool(s)
bool(x)
bool(m[0, 0])
n[0, 3].__index__()
s.__index__()
[10, 20, 30][n[1, 2]]
"""

INDEXING = """
x[0]
x[-1]
x[3]
x[0, 1]
x[0, 1, 2]
x[1:]
x[:, 1]
x[::2, 1:3]
x[::-1]
x[...]
x[..., 0]
x[None]
x[:, None]
x[0][1]
x[i]
x[:, i % 4]
x[i, i]
x[i, 0]
x[0, i]
x[[0, 2]]
x[[0, 2], [1, 3]]
x[[[0], [2]], [1, 3]]
x[[True, False, True]]
x[m]
x[m[0]]
x[x > 0]
x[(x > 0).any(1)]
x[:, m[0]]
x[i[:2], m[0]]
x[1:, i]
x[i, 1:]
c[:, i, 1]
c[0, i]
c[i[:1], :, i[:2]]
c[i % 2, 1:, i]
c[None, i % 2, ..., 0]
x[True]
x[False]
x[s]
x[1.5]
x['a']
x[n]
x[T.tensor([5])]
x[T.tensor(1)]
x[T.tensor([], dtype=T.int64)]
x[T.ones(3, dtype=T.uint8)]
x[(0, 1)]
x[slice(None), 1]
x[m, 0]
x[m[:2]]
x.gather(1, i[:3].reshape(3, 1))
x.gather(0, i.reshape(1, 5))
x.index_select(0, i)
x.index_select(1, i)
x.index_select(0, i.float())
x.take(i)
x.masked_select(m)
x.masked_fill(m, 0.5)
x.masked_fill(m, s)
x.masked_fill(n, 0)
x.scatter(1, i[:3].reshape(3, 1), 0)
x.scatter(1, i[:3].reshape(3, 1), y)
x.scatter_add(0, i[:3].reshape(1, 3), y)
x.index_add(0, i[:3], y)
n.nonzero()
m.nonzero(as_tuple=True)
T.nonzero(m)
T.argwhere(m)
F.embedding(i, x)
F.embedding(i.float(), x)
F.embedding(T.tensor([9]), x)
F.one_hot(i)
F.one_hot(i, 5)
F.one_hot(i, 2)
"""

PRODUCTS = """
x @ y.t()
x @ v
v @ v
v @ x.t()
c @ y.t()
c @ c.mT
c @ v
x @ c
x @ y
v @ x
s @ v
x @ 2
x @ n
n @ n.t()
T.matmul(x, v)
T.mm(x, y.t())
T.mm(x, v)
T.mm(c, x)
T.bmm(c, c.mT)
T.bmm(x, y)
T.mv(x, v)
T.dot(v, v)
T.dot(x, y)
T.outer(v, v)
T.addmm(T.ones(3, 3).double(), x, y.t())
T.einsum('ij,kj->ik', x, y)
T.einsum('ij->', x)
T.einsum('bij,bkj->bik', c, c)
T.tensordot(x, y, dims=([0], [0]))
F.linear(x, y)
F.linear(x, y, v[:3])
F.linear(x, v)
F.linear(c, y, T.ones(3).double())
F.linear(x, y.t())
"""

NETWORKS = """
x.softmax(1)
x.softmax(-3)
T.softmax(x, 0)
F.softmax(x, dim=-1)
x.log_softmax(0)
F.log_softmax(c, dim=1)
T.softmax(x, 0, T.float64)
x.log_softmax(0, T.float64)
x.softmax(1, dtype=T.float32)
n.softmax(1)
s.softmax(0)
F.cross_entropy(x, i[:3])
F.cross_entropy(x, i[:3], reduction='none')
F.cross_entropy(x, i[:3], reduction='sum')
F.cross_entropy(x, i[:3], reduction='x')
F.cross_entropy(x, i[:3], label_smoothing=0.1)
F.cross_entropy(x, i[:3], weight=p[0].detach())
F.cross_entropy(x, i[:3], ignore_index=2)
F.cross_entropy(x, i)
F.cross_entropy(x, i[:3] + 7)
F.cross_entropy(x, i[:3].float())
F.cross_entropy(x, y.softmax(1))
F.cross_entropy(v, T.tensor(2))
F.cross_entropy(c, T.tensor([[0, 1, 2, 0], [2, 1, 0, 0]]))
F.nll_loss(x.log_softmax(1), i[:3])
F.mse_loss(x, y)
F.mse_loss(x, y, reduction='sum')
F.l1_loss(x, y)
F.smooth_l1_loss(x, y)
F.huber_loss(x, y)
F.binary_cross_entropy(x.sigmoid(), y.sigmoid().detach())
F.binary_cross_entropy_with_logits(x, y.sigmoid().detach())
F.kl_div(x.log_softmax(1), y.softmax(1).detach(), reduction='batchmean')
F.layer_norm(x, (4,))
F.layer_norm(x, (4,), v, v)
F.layer_norm(c, (3, 4), x, y)
F.layer_norm(x, (3,))
F.layer_norm(x, (4,), y)
F.layer_norm(x, [4], eps=0.1)
F.rms_norm(x, (4,))
F.normalize(x, dim=1)
F.cosine_similarity(x, y)
F.dropout(x, 0.0)
F.dropout(x, 0.5, training=False)
F.dropout(x, 1.5)
F.dropout(x, 1.0)
F.scaled_dot_product_attention(c, c, c)
F.scaled_dot_product_attention(c, c, c, is_causal=True)
F.scaled_dot_product_attention(c, c, c, scale=0.1)
F.scaled_dot_product_attention(c, c, c, attn_mask=T.ones(3, 3).tril().bool())
F.scaled_dot_product_attention(c, c, c, attn_mask=T.ones(3, 3).double().tril())
F.scaled_dot_product_attention(c[None], c[None], c[None], is_causal=True)
F.scaled_dot_product_attention(c, x, y)
F.scaled_dot_product_attention(c, c[..., :2], c)
"""

CREATION = """
T.tensor(1)
T.tensor(1.0)
T.tensor(True)
T.tensor([1, 2.5])
T.tensor([[1], [2]])
T.tensor([])
T.tensor([[], []])
T.tensor([[1], [2, 3]])
T.tensor([1, True])
T.tensor('a')
T.tensor(None)
T.tensor([x[0, 0].item(), 1])
T.tensor(x.detach())
T.tensor([1], dtype=T.float16)
T.tensor(1.7, dtype=T.int32)
T.tensor([1.0], requires_grad=True)
T.tensor([1], requires_grad=True)
T.zeros(2, 3)
T.zeros((2, 3))
T.zeros([2])
T.zeros(())
T.zeros(0)
T.zeros(-1)
T.zeros(2, dtype=T.int64)
T.ones(2, 3, dtype=T.bool)
T.full((2,), 3)
T.full((2,), 3.5)
T.full((2,), True)
T.full((), 2, dtype=T.float64)
T.empty(2, 0)
T.arange(3)
T.arange(1, 4)
T.arange(0, 1, 0.25)
T.arange(5, 0, -2)
T.arange(3.0)
T.arange(0)
T.arange(1, 0)
T.arange(3, dtype=T.float32)
T.linspace(0, 1, 5)
T.eye(3)
T.eye(2, 3)
T.zeros_like(x)
T.ones_like(n)
T.full_like(x, 2)
T.ones_like(x, dtype=T.int32)
T.zeros_like(x, requires_grad=True)
x.new_zeros(2)
x.new_ones((2, 3))
x.new_full((2,), 7)
x.new_tensor([1, 2])
T.as_tensor([1.0])
T.as_tensor(x) is x
T.tril(T.ones(3, 3))
T.is_tensor(x)
T.is_tensor(1)
T.is_floating_point(n)
T.get_default_dtype()
T.result_type(n, 1.5)
T.promote_types(T.int32, T.float16)
T.can_cast(T.float32, T.int32)
T.finfo(T.float32).eps
T.iinfo(T.int8).max
T.Size([2, 3])
T.Size([2, 3]).numel()
T.equal(x, x)
T.equal(x, y)
T.allclose(x, x + 1e-9)
T.numel(x)
T.rand(2).dtype
T.randn(2, 3).shape
T.randint(5, (2,)).dtype
T.randperm(4).sort().values
"""

GRAPH = """
x.grad
x.is_leaf
(x * 2).is_leaf
x.requires_grad
n.requires_grad
(x * 2).grad_fn.name()
(x ** 2).grad_fn.name()
(x + 1).grad_fn.name()
(x - y).grad_fn.name()
(x / y).grad_fn.name()
(-x).grad_fn.name()
x.exp().grad_fn.name()
x.sum().grad_fn.name()
x.sum(0).grad_fn.name()
x.mean().grad_fn.name()
x.mean(0).grad_fn.name()
x.max().grad_fn.name()
x.max(0).values.grad_fn.name()
(x @ y.t()).grad_fn.name()
(c @ c.mT).grad_fn.name()
x.view(12).grad_fn.name()
x.reshape(12).grad_fn.name()
x.t().grad_fn.name()
x.transpose(0, 1).grad_fn.name()
x.permute(1, 0).grad_fn.name()
x[0].grad_fn.name()
x[1:].grad_fn.name()
x[i].grad_fn.name()
x.unsqueeze(0).grad_fn.name()
v.expand(3, 4).grad_fn.name()
T.cat([x, y]).grad_fn.name()
T.stack([x, y]).grad_fn.name()
x.split(2)[0].grad_fn.name()
x.relu().grad_fn.name()
F.gelu(x).grad_fn.name()
x.softmax(1).grad_fn.name()
x.log_softmax(1).grad_fn.name()
F.layer_norm(x, (4,)).grad_fn.name()
F.cross_entropy(x, i[:3]).grad_fn.name()
F.embedding(i, x).grad_fn.name()
T.where(m, x, y).grad_fn.name()
x.float().grad_fn.name()
x.clone().grad_fn.name()
x.tanh().grad_fn.name()
x.sigmoid().grad_fn.name()
x.clamp(0, 1).grad_fn.name()
x.masked_fill(m, 0).grad_fn.name()
x.var().grad_fn.name()
p.pow(y).grad_fn.name()
x.abs().grad_fn.name()
(x * 2).add_(1).grad_fn.name()
(x * 2).mul_(y)
(x * 2).add_(y, alpha=3)
(x * 2).zero_()
(x * 2).copy_(y)
(x * 2).fill_(3)
(x * 2).clamp_(0, 1)
(x * 2).masked_fill_(m, 3)
(x * 2).div_(2).sub_(1).pow_(2)
x.add_(1)
n.add_(1)
n.add_(1.5)
n.mul_(2)
n.div_(2)
m.logical_not_()
x.detach().add_(1)
x.requires_grad_(False)
(x * 2).requires_grad_(False)
(x * 2).requires_grad_()
n.requires_grad_()
x.numpy()
x.detach().numpy().tolist()
(x * 2).retains_grad
x.output_nr
x.max(1).indices.output_nr
x._version
x.data_ptr() == x.detach().data_ptr()
T.is_grad_enabled()
x.backward()
s.backward()
x.sum().backward(retain_graph=True)
n.sum().backward()
T.autograd.grad(x.sum(), x)
T.autograd.grad(x.sum(), y)
T.autograd.grad(x.sum(), y, allow_unused=True)
T.autograd.grad(x.sum(), [x, y], materialize_grads=True)
T.autograd.grad((x * y).sum(), [x, y])
T.autograd.grad(x, x)
T.autograd.grad(x * 2, x, T.ones(3, 4).double())
T.autograd.grad(x * 2, x, T.ones(4).double())
T.autograd.grad(x * 2, x, T.ones(3, 4))
T.autograd.grad(x.sum(), n)
T.autograd.grad(x.sum(), [])
T.autograd.grad((x ** 3).sum(), x, create_graph=True)
"""

SWEEPS = {
    "arithmetic": ARITHMETIC,
    "reductions": REDUCTIONS,
    "shapes": SHAPES,
    "indexing": INDEXING,
    "products": PRODUCTS,
    "networks": NETWORKS,
    "creation": CREATION,
    "graph": GRAPH,
    "more elementwise": ELEMENTWISE,
    "more reductions": MORE_REDUCTIONS,
    "more shapes": MORE_SHAPES,
    "more indexing": MORE_INDEXING,
    "questions": QUESTIONS,
}


def marks(expression: str) -> list[pytest.MarkDecorator]:
    """A known difference must still be one."""
    return [pytest.mark.xfail(reason=DIFFERENCES[expression], strict=True)] if expression in DIFFERENCES else []


@pytest.mark.parametrize(
    "expression",
    [
        pytest.param(line, id=f"{family}: {line}", marks=marks(line))
        for family, lines in SWEEPS.items()
        for line in lines.strip().splitlines()
    ],
)
def test_both_libraries_agree(expression):
    theirs, ours = outcome(torch, expression), outcome(ag, expression)
    if isinstance(theirs, Exception):
        assert isinstance(ours, type(theirs)), f"PyTorch raises {type(theirs).__name__}: {theirs}\nours: {ours!r}"
        return
    if isinstance(ours, Exception):
        raise ours
    assert_same(ours[0], theirs[0], expression)
    for name, mine, expected in zip(LEAVES, ours[1], theirs[1], strict=True):
        assert (mine is None) == (expected is None), f"{expression}: gradient of {name}: {mine} against {expected}"
        if expected is not None:
            assert_same(mine, expected, f"{expression}: gradient of {name}")


def test_every_known_difference_is_in_a_sweep():
    swept = {line for lines in SWEEPS.values() for line in lines.strip().splitlines()}
    assert set(DIFFERENCES) <= swept
