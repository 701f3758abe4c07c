"""Keywords and older forms of calls that programs for PyTorch use: NumPy's names, sizes by name, where results go,
positional flags. Each call gives what it gives in PyTorch."""

import numpy as np
import pytest
import torch
from conftest import assert_same

import autograd_gpu as ag

CALLS = """
a.sum(axis=1)
a.mean(axis=(0, 1), keepdims=True)
T.sum(a, axis=0)
T.mean(input=a, axis=1, keepdims=True)
T.max(a, axis=1)[0]
a.max(axis=1).indices
a.argmax(axis=0)
a.std(axis=1)
a.var(axis=1, keepdims=True)
T.cat((a, b), axis=1)
T.cat(tensors=(a, b), dim=0)
T.stack([a, b], axis=2)
T.concat((a, b), axis=0)
T.unsqueeze(a, axis=0)
a.unsqueeze(axis=1)
a.squeeze(axis=0)
T.softmax(a, axis=1)
a.softmax(axis=0)
T.cumsum(a, axis=1)
a.any(axis=1)
T.all(a > 0, axis=0, keepdims=True)
T.sort(a, axis=0).values
T.argsort(a, axis=1)
a.norm(dim=1)
T.logsumexp(a, axis=1)
T.flatten(input=a)
T.add(x1=a, x2=b)
T.add(a, x2=b)
T.maximum(x1=a, x2=b)
T.exp(x=a)
T.abs(x=a)
T.eq(x1=a, x2=b)
T.zeros(size=(2, 3))
T.ones(size=(2, 3), dtype=T.float64)
T.zeros((2, 3), dtype=float)
T.ones(3, dtype=int)
T.full(size=(2,), fill_value=3.0)
T.full((2,), 1, dtype=bool)
T.empty(size=(2, 0))
T.zeros(2, 3, layout=T.strided, pin_memory=False)
T.zeros_like(a, layout=T.strided, pin_memory=False)
T.arange(3, layout=T.strided, pin_memory=False)
T.arange(start=1, end=4)
T.arange(end=4)
T.linspace(start=0, end=1, steps=3, layout=T.strided)
T.eye(n=2, layout=T.strided)
T.tensor([1, 2], dtype=float)
T.tensor([1.0], pin_memory=False)
T.rand(size=(2, 3)).shape
T.randn(size=(2, 3), layout=T.strided).shape
T.randn(2, 3, pin_memory=False).shape
T.randint(high=5, size=(2, 3)).shape
T.randint(low=0, high=5, size=(2, 3)).shape
T.randint(5, (2,), dtype=float).dtype
T.randperm(n=4).shape
T.zeros(T.tensor(2), T.tensor(3))
T.zeros((T.tensor(2), 3))
a.view(size=(4, 2))
a.reshape(shape=(4, 2))
a.permute(dims=(1, 0))
T.permute(a, dims=(1, 0))
T.permute(input=a, dims=(1, 0))
a.expand(size=(3, 2, 4))
a[:1].expand(size=(3, 4))
a.repeat(repeats=(2, 1))
T.tile(a, dims=(2, 1))
a.tile(dims=(2, 1))
T.flip(a, dims=(0,))
a.flip(dims=(0,))
T.split(a, split_size_or_sections=2, dim=1)
a.split(split_size=2, dim=1)
a.split(2, dim=1)
a.chunk(chunks=2, dim=1)
T.roll(a, shifts=1, dims=0)
a.roll(shifts=1, dims=0)
a.new_zeros(size=(2,))
a.new_ones(size=(2, 2), dtype=T.int64)
a.new_full(size=(2,), fill_value=3.0)
a.new_empty(size=(0,))
a.new_tensor(data=[1, 2])
a.new_zeros(2, 3, layout=T.strided, pin_memory=False)
a.clone().random_(to=5).shape
a.clone().random_(3).max() < 3
a.std(correction=None)
a.std(correction=0)
a.var(0, False, True)
a.var(0, True)
a.std(1, unbiased=False)
T.var(a, 0, False)
T.std(a, 1, True, True)
T.var(a, unbiased=False)
T.tensor([1, 2, 3]) << 2
T.tensor([8, 5]) >> T.tensor([1, 2])
2 << T.tensor([1, 2])
T.nn.Softmax()(a)
T.nn.LogSoftmax()(a)
T.nn.functional.softmax(a)
T.autograd.grad((a * a).sum(), a, only_inputs=True)[0]
T.autograd.grad(outputs=(a * a).sum(), inputs=a)[0]
T.autograd.Variable(b, requires_grad=True)
T.einsum(a.detach(), [0, 1], b, [0, 1], [0])
T.einsum(a.detach(), [0, 1], b, [2, 1])
T.max(b, 1, out=(T.empty(2), T.empty(2, dtype=T.int64)))
T.sort(b, 1, out=(T.empty(0), T.empty(0, dtype=T.int64)))
T.topk(b, 2, out=(T.empty(0), T.empty(0, dtype=T.int64)))
T.min(b, dim=0, out=(T.empty(0), T.empty(0, dtype=T.int64)))[1]
T.zeros(2, out=T.empty(2))
T.arange(3, out=T.empty(0, dtype=T.int64))
T.ones((2, 2), out=T.empty(2, 2))
T.full((2,), 3.0, out=T.empty(2))
T.linspace(0, 1, 3, out=T.empty(3))
T.eye(2, out=T.empty(0))
T.randn(2, out=T.empty(2)).shape
T.rand(2, out=T.empty(2)).shape
T.randperm(3, out=T.empty(0, dtype=T.int64)).shape
T.norm(b, out=T.empty(()))
T.sub(3, b)
T.where(b > 0, 1, 0)
T.pow(2, b)
T.logical_and(T.tensor([True]), T.tensor([False]))
T.clamp(b, min=0)
T.clamp(input=b, max=T.tensor(0.5))
T.norm(b, p="fro")
T.norm(b, p=2, dim=(0, 1))
T.transpose(b, dim0=0, dim1=1)
T.gather(b, dim=1, index=T.tensor([[0], [1]]))
T.index_select(b, axis=0, index=T.tensor([1]))
T.unbind(b, axis=0)
T.repeat_interleave(b, repeats=2, dim=0)
T.mean(b, dtype=float)
b.sum(dtype=float)
b.to(dtype=float)
b.to(float)
T.median(b, axis=1).values
T.prod(b, axis=1)
T.amax(b, axis=1)
T.amin(b, axis=0, keepdims=True)
b.amax(axis=1)
T.nn.Embedding.from_pretrained(T.tensor([[1, 2], [3, 4]]), freeze=True)(T.tensor([1]))
T.nn.init._calculate_fan_in_and_fan_out(T.empty(2, 3))
T.nn.init._calculate_correct_fan(T.empty(2, 3), "fan_in")
T.is_storage(b)
T.nn.functional.cross_entropy(a, T.tensor([0, 1]), reduce=False)
T.nn.functional.mse_loss(a, b, size_average=False)
T.nn.MSELoss(size_average=False)(a, b)
T.nn.L1Loss(reduce=False)(a, b)
T.argmax(input=b, keepdim=True)
T.take_along_dim(b, T.tensor([[0], [1]]), dim=1)
T.swapaxes(b, axis0=0, axis1=1)
T.moveaxis(b, source=0, destination=1)
T.numel(input=b)
T.tensor(data=[1])
T.as_tensor(data=[1])
T.from_numpy(__import__("numpy").ones(2))
T.nn.functional.pad(b, pad=(1, 1))
T.nn.functional.dropout(b, training=False, inplace=False)
b.view(dtype=T.int32)
b.size(dim=1)
b.stride(dim=0)
b.sum(dim=[0, 1])
b.requires_grad_(requires_grad=False)
b.numpy(force=True).shape
b.nonzero(as_tuple=True)
T.nonzero(b, as_tuple=False)
T._assert(True, "x")
T._check(True)
T.is_grad_enabled()
T.set_warn_always(False)
T.nn.functional.linear(input=b, weight=T.ones(1, 4))
T.bmm(b[None], mat2=b.T[None])
T.mm(b, mat2=b.T)
T.mm(input=b, mat2=b.T)
T.dot(b[0], tensor=b[1])
T.lerp(b, end=b + 1, weight=0.5)
T.addmm(b @ b.T, mat1=b, mat2=b.T, beta=0.5)
T.tril(b, diagonal=-1)
T.cross(b[:, :3], b[:, 1:], dim=1)
T.linalg.norm(b, dim=1)
T.linalg.inv(A=b @ b.T)
T.linalg.solve(A=b @ b.T, B=b)
T.fmod(b, other=0.3)
T.masked_fill(b, mask=b > 0, value=0.0)
b.masked_fill(mask=b > 0, value=0.0)
b.index_fill(dim=0, index=T.tensor([0]), value=1.0)
b.scatter(dim=1, index=T.tensor([[0], [1]]), src=b)
b.scatter_add(dim=1, index=T.tensor([[0], [1]]), src=b)
b.clone(memory_format=T.preserve_format)
b.contiguous(memory_format=T.contiguous_format)
T.broadcast_to(b, size=(3, 2, 4))
b.broadcast_to(size=(3, 2, 4))
b.unflatten(dim=1, sizes=(2, 2))
b.narrow(dim=1, start=0, length=2)
b.movedim(source=0, destination=1)
b.swapaxes(axis0=0, axis1=1)
b.diff(dim=1)
b.quantile(q=0.5, dim=1)
b.kthvalue(k=1, dim=1).values
b.topk(k=2, dim=1).values
b.cummax(dim=1).values
b.cumprod(dim=1)
b.logcumsumexp(dim=1)
b.fill_(value=2.0)
b.normal_(mean=0, std=1).shape
b.bernoulli_(p=0.5).shape
b.addcmul(tensor1=b, tensor2=b, value=2)
T.cat((a, b), axis=-1)
T.nn.functional.nll_loss(b, T.tensor([0, 1]), reduce=False)
T.nn.functional.cross_entropy(b, T.tensor([0, 1]), size_average=False)
T.nn.CrossEntropyLoss(reduce=False)(b, T.tensor([0, 1]))
T.nn.Softmin()(b[None])
T.nn.init.constant(T.empty(2), 3.0)
T.arange(end=2.5)
T.median(b, 1, out=(T.empty(2), T.empty(2, dtype=T.int64)))
T.cummax(b, 1, out=(T.empty(0), T.empty(0, dtype=T.int64)))
T.einsum(b, [0, ...], b, [0, ...], [...])
""".strip().splitlines()


def names_of(library, call):
    values = np.random.default_rng(0).standard_normal((2, 2, 4)).astype(np.float32)
    a = library.tensor(values[0].tolist(), requires_grad="random_" not in call)
    return {"T": library, "a": a, "b": library.tensor(values[1].tolist())}


@pytest.mark.parametrize("call", CALLS)
def test_pytorch_gives_the_same(call):
    assert_same(*(eval(call, names_of(library, call)) for library in (ag, torch)), call)


@pytest.mark.parametrize(
    "call",
    """
    T.sum(b, axes=1)
    b.sum(axis=1, dim=1)
    T.zeros(2, layout=T.sparse_layout_of_nothing)
    b.view(sizes=(4, 2))
    T.arange()
    T.ones(2, out=a)
    T.sort(b, out=(a,))
    T.sort(b, out=(T.empty(0), T.empty(0)))
    T.add(x1=a)
    """.strip().splitlines(),
)
def test_what_pytorch_refuses_is_refused(call):
    for library in (torch, ag):
        with pytest.raises((TypeError, RuntimeError, AttributeError)):
            eval(call.strip(), names_of(library, call))


def test_numbers_from_the_whole_range():
    """Up to the largest with all before it."""
    for name, largest in (("float32", 2**24), ("float16", 2**11), ("bfloat16", 2**8), ("int8", 127), ("bool", 1)):
        drawn = ag.empty(20000, dtype=getattr(ag, name)).random_()
        theirs = torch.empty(20000, dtype=getattr(torch, name)).random_()
        for x in (drawn, theirs):
            assert 0 <= float(x.min()) <= 0.1 * largest and 0.9 * largest <= float(x.double().max()) <= largest


def test_an_implicit_dimension_warns():
    for library in (ag, torch):
        with pytest.warns(UserWarning, match="Implicit dimension choice for softmax has been deprecated"):
            library.nn.Softmax()(library.ones(2, 2))


def test_variables_are_tensors():
    for library in (ag, torch):
        Variable = library.autograd.Variable
        x = library.ones(2)
        y = Variable(x, requires_grad=True)
        assert isinstance(x, Variable) and y.requires_grad and y.is_leaf and not Variable(y * 2).requires_grad
        y.data[0] = 5
        assert x[0] == 5


def test_assertions():
    for library in (ag, torch):
        for name, error in (("_check", RuntimeError), ("_check_index", IndexError), ("_check_value", ValueError)):
            getattr(library, name)(True)
            with pytest.raises(error, match="because"):
                getattr(library, name)(False, lambda: "because")
        with pytest.raises(AssertionError, match="because"):
            library._assert(False, "because")
