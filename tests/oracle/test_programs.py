"""Random programs: chains of operations, views and in-place writes on shared tensors, differentiated by both libraries.

What one-operation tests can't show: histories that are rewritten, views that follow, gradients that meet.
"""

import random
from typing import Any

import pytest
import torch
from conftest import assert_same, gradients

import autograd_gpu as ag

# What is written is a fresh value (* 1): where source and target overlap in part, PyTorch's result is its loops' own.
STEPS = [
    "t.append(t[{a}] + t[{b}])",
    "t.append(t[{a}] * t[{b}])",
    "t.append(t[{a}] - 0.5)",
    "t.append(t[{a}].tanh())",
    "t.append(t[{a}].exp().clamp(max=3))",
    "t.append(t[{a}].relu())",
    "t.append(t[{a}].t().reshape(3, 3) @ t[{b}] * 0.3)",
    "t.append(t[{a}].softmax(1))",
    "t.append(T.cat([t[{a}][:1], t[{b}][1:]]))",
    "t.append(T.where(t[{a}] > 0, t[{a}], t[{b}]))",
    "t.append(t[{a}].sum(0, keepdim=True).expand(3, 3))",
    "t.append(t[{a}][[2, 0, 0]])",
    "t.append(t[{a}].detach() * t[{b}])",
    "t.append(t[{a}].t())",
    "t.append(t[{a}].view(3, 3))",
    "t.append(t[{a}].transpose(0, 1)[:, [0, 1, 2]])",
    "t[{a}].add_(t[{b}] * 1)",
    "t[{a}].mul_(0.5)",
    "t[{a}][0].mul_(2)",
    "t[{a}][:, 1:].add_(t[{b}][:, :2] * 1)",
    "t[{a}].t()[1].sub_(1)",
    "t[{a}][1] = t[{b}][0] * 1",
    "t[{a}][:, 0] = 0.25",
    "t[{a}].diagonal().fill_(0.5)",
]


# Steps by which a tensor changes its own shape, and views by stride: those of fresh memory in row-major order, since
# the results of the two libraries need not lie in memory alike.
RESHAPING = [
    "t[{a}].t_()",
    "t[{a}].transpose_(0, 1)",
    "t[{a}].unsqueeze_(0).squeeze_(0)",
    "t[{a}].unsqueeze_(1).swapdims_(0, 2).squeeze_()",
    "t.append((t[{a}] * 1).contiguous()[1:].as_strided((3, 3), (1, 3), 0))",
    "t.append((t[{a}] * 1).contiguous()); t.append(t[-1].as_strided((3, 3), (3, 1)))",
    "t.append((t[{a}] * 1).contiguous()); t[-1].as_strided((2, 2), (3, 2), 1).mul_(2)",
    "t.append((t[{a}] * 1).contiguous()); t[-1].as_strided((4,), (2,)).add_(t[{b}][0, :1] * 1)",
    "t.append((t[{a}] * 1).contiguous()); row = t[-1][1]; t[-1].as_strided_((3, 3), (1, 3)); row.mul_(3)",
    "t.append((t[{a}] * t[{b}]).contiguous().as_strided((3, 3), (2, 1)) * 1)",
]


# Writes that are not recorded, and views of which there are several.
UNRECORDED = [
    "with T.no_grad(): t[{a}].mul_(0.5)",
    "with T.no_grad(): t[{a}][0].add_(0.25)",
    "with T.no_grad(): t[{a}].t().copy_(t[{b}] * 1)",
    "with T.no_grad(): t[{a}].fill_(0.75)",
    "t.append(t[{a}].chunk(1)[0])",
    "t.append(t[{a}].unbind(1)[0].unsqueeze(1).expand(3, 3))",
    "t.append(t[{a}].split([2, 1])[1].expand(3, 3))",
]


def program(seed: int, choice: list[str]) -> list[str]:
    """Steps on tensors t[0], t[1] (not leaves, so that they may be written) and what the steps append."""
    rng = random.Random(seed)
    return [rng.choice(choice) for _ in range(8)]


def run(library: Any, seed: int, choice: list[str]) -> tuple[list[str], Any, list[Any]] | Exception:
    """The steps that ran, the final tensors and the gradients of the leaves."""
    rng = random.Random(seed)
    values = [[rng.uniform(-1, 1) for _ in range(9)] for _ in range(2)]
    leaves = [library.tensor(value, dtype=library.float64).reshape(3, 3).detach().requires_grad_() for value in values]
    names = {"T": library, "t": [leaf * 1 for leaf in leaves]}
    done = []
    for step in program(seed, choice):
        step = step.format(a=rng.randrange(len(names["t"])), b=rng.randrange(len(names["t"])))
        try:
            exec(step, names)
            done.append(step)
        except (
            RuntimeError
        ) as error:  # such as a write to an expanded tensor, or a view of strides that do not allow it
            done.append(f"{step}  # {type(error).__name__}")
    try:
        return done, names["t"], gradients(library, names["t"], leaves)
    except RuntimeError as error:  # such as a saved value that was changed
        return done, names["t"], [type(error).__name__]


def check(seed: int, choice: list[str]) -> None:
    """Both libraries did the same steps, with the same values, gradients and versions."""
    steps, tensors, expected = run(torch, seed, choice)
    our_steps, our_tensors, found = run(ag, seed, choice)
    text = f"program {seed}:\n" + "\n".join(steps)
    assert our_steps == steps, text
    assert_same([tensor.detach() for tensor in our_tensors], [tensor.detach() for tensor in tensors], text)
    assert_same(found, expected, text)
    assert [tensor.requires_grad for tensor in our_tensors] == [tensor.requires_grad for tensor in tensors], text
    assert [tensor._version for tensor in our_tensors] == [tensor._version for tensor in tensors], text


@pytest.mark.parametrize("block", range(20))
def test_random_programs(block):
    for seed in range(25 * block, 25 * block + 25):
        check(seed, STEPS)


@pytest.mark.parametrize("block", range(20))
def test_random_programs_that_reshape_in_place(block):
    for seed in range(25 * block, 25 * block + 25):
        check(seed, [*STEPS, *RESHAPING, *RESHAPING])


@pytest.mark.parametrize("block", range(20))
def test_random_programs_with_writes_that_are_not_recorded(block):
    for seed in range(25 * block, 25 * block + 25):
        check(seed, [*STEPS, *UNRECORDED, *UNRECORDED])
