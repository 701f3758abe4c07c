"""Mixed precision against PyTorch on the CPU: values and gradients in bfloat16 regions, and the scaler's whole life.

Which operations compute in float32 is compared where PyTorch's list for the CPU says what its list for CUDA says.
"""

import math

import numpy as np
import pytest
import torch
from conftest import assert_same, gradients

import autograd_gpu as ag

LIBRARIES = (ag, torch)
BOTH = np.random.default_rng(5).standard_normal


def tensor(library, values, requires_grad=False):
    x = library.tensor(np.asarray(values).tolist(), dtype=library.float32)
    return x.requires_grad_(requires_grad)


CALLS = {
    "linear": (lambda t, x, w, b: t.nn.functional.linear(x, w, b), [(5, 7), (3, 7), (3,)]),
    "linear without bias": (lambda t, x, w: t.nn.functional.linear(x, w), [(2, 5, 7), (3, 7)]),
    "two layers": (lambda t, x, w, v: t.relu(x @ w) @ v, [(5, 7), (7, 4), (4, 3)]),
    "matmul": (lambda t, x, y: t.matmul(x, y), [(2, 4, 5), (5, 3)]),
    "bmm": (lambda t, x, y: t.bmm(x, y), [(2, 4, 5), (2, 5, 3)]),
    "addmm": (lambda t, z, x, y: t.addmm(z, x, y, beta=0.5, alpha=2), [(4, 3), (4, 5), (5, 3)]),
    "baddbmm": (lambda t, z, x, y: t.baddbmm(z, x, y), [(2, 4, 3), (2, 4, 5), (2, 5, 3)]),
    "conv1d": (lambda t, x, w, b: t.nn.functional.conv1d(x, w, b, padding=1), [(2, 3, 8), (4, 3, 3), (4,)]),
    "conv2d": (lambda t, x, w, b: t.nn.functional.conv2d(x, w, b, stride=2), [(2, 3, 7, 7), (4, 3, 3, 3), (4,)]),
    "conv_transpose2d": (
        lambda t, x, w: t.nn.functional.conv_transpose2d(x, w, stride=2),
        [(2, 3, 4, 4), (3, 2, 3, 3)],
    ),
    "attention": (lambda t, *qkv: t.nn.functional.scaled_dot_product_attention(*qkv), [(2, 2, 5, 8)] * 3),
    "prod": (lambda t, x, y: (x @ y).prod(0), [(3, 4), (4, 2)]),
    "mixed sum": (lambda t, x, y: x @ y + x[:, :2], [(3, 4), (4, 2)]),
    "mean": (lambda t, x, y: (x @ y).mean(), [(3, 4), (4, 2)]),
}


@pytest.mark.parametrize("name", CALLS)
def test_values_and_gradients(name):
    call, shapes = CALLS[name]
    values = [BOTH(shape) for shape in shapes]
    found = []
    for library in LIBRARIES:
        inputs = [tensor(library, value, True) for value in values]
        with library.autocast("cpu", dtype=library.bfloat16):
            output = call(library, *inputs)
        found.append((output, gradients(library, output, inputs)))
    (ours, our_gradients), (theirs, their_gradients) = found
    assert_same(ours, theirs, name, tolerance=0.04)
    assert_same(our_gradients, their_gradients, f"{name}: gradients", tolerance=0.06)


def test_a_training_loop_changes_its_import_only():
    values, data = [BOTH((8, 4)), BOTH(8), BOTH((3, 8)), BOTH(3)], BOTH((6, 4))
    losses = []
    for library in LIBRARIES:
        nn = library.nn
        model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
        with library.no_grad():
            for parameter, value in zip(model.parameters(), values, strict=True):
                parameter.copy_(tensor(library, value))
        optimizer = library.optim.AdamW(model.parameters(), lr=0.01)
        scaler = library.amp.GradScaler("cpu", init_scale=1024.0, growth_interval=3)
        x, y = tensor(library, data), library.tensor([0, 1, 2, 0, 1, 2])
        seen = []
        for _ in range(8):
            optimizer.zero_grad()
            with library.autocast(device_type="cpu", dtype=library.bfloat16):
                loss = nn.functional.cross_entropy(model(x), y)
            scaler.scale(loss).backward()
            scaler.unscale_(optimizer)
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            scaler.step(optimizer)
            scaler.update()
            seen += [loss.item(), scaler.get_scale()]
        losses.append(seen)
    np.testing.assert_allclose(losses[0], losses[1], rtol=0.03)


@pytest.mark.parametrize("name", ["SGD", "AdamW", "RMSprop", "Adagrad"])
@pytest.mark.parametrize("unscales", [False, True])
def test_scaled_steps(name, unscales):
    """The same parameters and states of the scaler through growth, infinities and NaN."""
    found = []
    for library in LIBRARIES:
        p = library.nn.Parameter(tensor(library, [1.0, -2.0, 0.5]))
        optimizer = getattr(library.optim, name)([p], lr=0.1)
        scaler = library.amp.GradScaler("cpu", 6.0, 3.0, 0.25, 2)
        seen = []
        for factor in (1.0, math.inf, 1.0, 2.0, 1.0, math.nan, math.nan, 0.5, 1.0, 1.0):
            optimizer.zero_grad()
            scaler.scale((p * p * factor).sum()).backward()
            if unscales:
                scaler.unscale_(optimizer)
            scaler.step(optimizer)
            scaler.update()
            state = scaler.state_dict()
            seen.append([*p.tolist(), state["scale"], state["_growth_tracker"]])
        found.append(seen)
    np.testing.assert_allclose(found[0], found[1], rtol=1e-5)


def test_states_are_exchanged():
    states = []
    for library in LIBRARIES:
        scaler = library.amp.GradScaler("cpu", 4.0)
        scaler.scale(library.ones(()))
        states.append(scaler.state_dict())
    assert states[0] == states[1]
    theirs = ag.amp.GradScaler("cpu")
    theirs.load_state_dict(states[1])
    assert theirs.state_dict() == states[1]


def misuse(library, name):
    p = library.nn.Parameter(library.ones(2))
    optimizer = library.optim.SGD([p], lr=0.1)
    scaler = library.amp.GradScaler("cpu")
    if name == "step before scale":
        scaler.step(optimizer)
    scaler.scale(p.sum()).backward()
    if name == "closure":
        scaler.step(optimizer, closure=lambda: None)
    scaler.unscale_(optimizer)
    if name == "unscale twice":
        scaler.unscale_(optimizer)
    scaler.step(optimizer)
    if name == "step twice":
        scaler.step(optimizer)
    if name == "unscale after step":
        scaler.unscale_(optimizer)
    scaler.update()
    if name == "update twice":
        scaler.update()
    if name == "step without gradients":
        optimizer.zero_grad()
        scaler.step(optimizer)
    if name == "a scale that is none":
        scaler.update(library.ones(2))
    if name == "no loss":
        scaler.scale(3)
    if name == "no str":
        library.autocast(3)


@pytest.mark.parametrize(
    "name",
    [
        "step before scale", "closure", "unscale twice", "step twice", "unscale after step", "update twice",
        "step without gradients", "a scale that is none", "no loss", "no str",
    ],
)  # fmt: skip
def test_misuse_raises_what_pytorch_raises(name):
    errors = []
    for library in LIBRARIES:
        with pytest.raises(Exception) as info:
            misuse(library, name)
        errors.append(info)
    assert errors[0].type is errors[1].type
    assert str(errors[0].value)[:30] == str(errors[1].value)[:30]
