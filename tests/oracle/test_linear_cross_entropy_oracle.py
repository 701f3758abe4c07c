"""The vocabulary head and its loss against PyTorch's, chunked and not: values, gradients in every dtype, refusals."""

import numpy as np
import pytest
import torch
from conftest import assert_same, gradients

import autograd_gpu as ag

LIBRARIES = (ag, torch)


def arguments(library, dtype, rows=20, features=6, classes=11):
    random = np.random.default_rng(0)
    x, weight, bias = (
        library.tensor(random.standard_normal(s).tolist(), dtype=getattr(library, dtype), requires_grad=True)
        for s in ((rows, features), (classes, features), (classes,))
    )
    target = random.integers(0, classes, rows)
    target[3] = -100
    return [x, weight, bias], library.tensor(target.tolist())


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16", "bfloat16"])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("chunk", [None, 8])
def test_values_and_gradients(dtype, reduction, chunk):
    results = []
    for library in LIBRARIES:
        (x, weight, bias), target = arguments(library, dtype)
        options = None
        if chunk is not None:
            options = library.nn.LinearCrossEntropyOptions(batch_chunk_size=chunk, chunking_method=None)
        loss = library.nn.functional.linear_cross_entropy(
            x, weight, target, linear_bias=bias, reduction=reduction, options=options
        )
        results.append((loss, gradients(library, loss, [x, weight, bias])))
    (loss, found), (their_loss, expected) = results
    tolerance = {"float16": 2e-2, "bfloat16": 1e-1}.get(dtype)  # PyTorch's logits are rounded before the loss
    assert_same(loss, their_loss, "loss", tolerance)
    for number, (ours, theirs) in enumerate(zip(found, expected, strict=True)):
        scale = max(1.0, float(theirs.double().abs().max()))
        assert_same(ours / scale, theirs / scale, f"gradient {number}", tolerance)


@pytest.mark.parametrize(
    "call",
    [
        lambda T, F: F.linear_cross_entropy(T.ones(2, 3, 4), T.ones(5, 4), T.zeros(2, dtype=T.int64)),
        lambda T, F: F.linear_cross_entropy(T.ones(2, 4), T.ones(4), T.zeros(2, dtype=T.int64)),
        lambda T, F: F.linear_cross_entropy(T.ones(2, 4), T.ones(5, 3), T.zeros(2, dtype=T.int64)),
        lambda T, F: F.linear_cross_entropy(
            T.ones(2, 4), T.ones(5, 4), T.zeros(2, dtype=T.int64), linear_bias=T.ones(4)
        ),
        lambda T, F: F.linear_cross_entropy(T.ones(4), T.ones(5, 2, 4), T.zeros(2, dtype=T.int64)),
        lambda T, F: F.linear_cross_entropy(T.ones(2, 4), T.ones(5, 4), T.ones(2, 5), ignore_index=0),
    ],
)
def test_pytorch_s_refusals_in_its_words(call):
    with pytest.raises(RuntimeError) as theirs:
        call(torch, torch.nn.functional)
    with pytest.raises(RuntimeError) as ours:
        call(ag, ag.nn.functional)
    assert str(ours.value) == str(theirs.value)


@pytest.mark.parametrize("options", [{"batch_chunk_size": 0}, {"chunking_method": "by eye"}])
def test_wrong_options_are_refused_in_pytorch_s_words(options):
    with pytest.raises(ValueError) as theirs:
        torch.nn.LinearCrossEntropyOptions(**options)
    with pytest.raises(ValueError) as ours:
        ag.nn.LinearCrossEntropyOptions(**options)
    assert str(ours.value) == str(theirs.value)


@pytest.mark.parametrize(
    "options", [{}, {"bias": True}, {"out_features": (2,), "bias": True}, {"label_smoothing": 0.1}]
)
def test_the_module(options):
    results = []
    for library in LIBRARIES:
        loss = library.nn.LinearCrossEntropyLoss(3, 5, **options)
        with library.no_grad():
            for parameter in loss.parameters():
                parameter.copy_(library.arange(parameter.numel()).reshape(parameter.shape) / 10)
        x = library.linspace(-1, 1, 12).reshape(4, 3)
        dims = options.get("out_features", ())
        target = (library.arange(4 * (dims[0] if dims else 1)) % 5).reshape(4, *dims)
        results.append(loss(x, target))
    assert_same(*results, "loss")
