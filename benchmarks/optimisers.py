"""Optimisers over as many tensors as a model has: the kernels and what they move; whole steps against PyTorch's."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

import autograd_gpu as ag
from autograd_gpu.arrays import cuda as kernels

from . import record
from .timing import seconds_each
from .training import has_gpu, usable_torch

LAYERS = 32  # of a matrix and a vector each: with PyTorch's names, `weight` and `bias`


def sizes(elements: int) -> list[int]:
    """Tensors of a model of about so many elements: large ones and small ones in turn."""
    return [max(1, elements // LAYERS), max(1, elements // LAYERS // 1024)] * LAYERS


def rows(elements: int, dtype: str, torch: Any) -> list[dict[str, Any]]:
    """name, ours, bytes and torch of each kernel, as `kernels.Bench` takes them."""
    parameters, gradients, averages, squares = (made(elements, dtype, seed) for seed in range(4))
    squares = [kernels.square(x) for x in squares]
    steps = [kernels.full((), 0, np.dtype(np.float32)) for _ in parameters]
    lr, minus = (kernels.full((), value, np.dtype(np.float64)) for value in (1e-4, -1.0))
    moved = sum(x.nbytes for x in parameters)

    def adamw() -> None:
        kernels.adam_step(
            parameters, gradients, averages, squares, None, steps, lr, 0.9, 0.999, 1e-8, 0.01, True, False, None, None
        )

    def sgd() -> None:
        kernels.sgd_step(parameters, gradients, averages, lr, 0.9, 0.0, 0.0, False, False, False, None, None)

    theirs = of_torch(elements, dtype, torch) if torch else {}
    ours = [
        # AdamW reads four arrays and writes three, SGD with momentum three and two.
        ("adamw, all parameters", adamw, 7),
        ("sgd with momentum, all parameters", sgd, 5),
        ("norm of all gradients", lambda: kernels.norm_of_all(gradients), 1),
        # by -1, which keeps the values in range however often it runs
        ("scale all gradients", lambda: kernels.scale_all(gradients, minus), 2),
    ]
    return [
        {"name": name, "ours": call, "bytes": passes * moved, "torch": theirs.get(name)} for name, call, passes in ours
    ]


def made(elements: int, dtype: str, seed: int) -> list[Any]:
    ag.manual_seed(seed)
    return [ag.randn(size, device="cuda").to(getattr(ag, dtype))._array for size in sizes(elements)]


def of_torch(elements: int, dtype: str, torch: Any) -> dict[str, Any]:
    weights = [
        torch.nn.Parameter(torch.randn(size, device="cuda", dtype=getattr(torch, dtype))) for size in sizes(elements)
    ]
    for weight in weights:
        weight.grad = torch.randn_like(weight)
    gradients = [weight.grad for weight in weights]
    return {
        "adamw, all parameters": torch.optim.AdamW(weights, fused=True).step,
        "sgd with momentum, all parameters": torch.optim.SGD(weights, 1e-4, momentum=0.9, fused=True).step,
        "norm of all gradients": lambda: torch.nn.utils.get_total_norm(gradients),
        "scale all gradients": lambda: torch._foreach_mul_(gradients, -1.0),
    }


# ---- whole steps, host time included

GPT = [(256, 128), (128, 128), *[(384, 128), (384,), (128, 128), (512, 128), (512,), (128, 512), *[(128,)] * 6] * 4]
MODELS = {"a small GPT": GPT, "500 of 64": [(64,)] * 500, "one of 4 million": [(4_000_000,)]}


def steps(library: ModuleType, shapes: list[tuple[int, ...]], device: str) -> dict[str, Callable[[], Any]]:
    parameters = [library.nn.Parameter(library.randn(*shape, device=device)) for shape in shapes]
    for parameter in parameters:
        parameter.grad = library.randn(*parameter.shape, device=device) * 1e-3
    optim, clip = library.optim, library.nn.utils.clip_grad_norm_
    return {
        "AdamW": optim.AdamW(parameters, lr=1e-4).step,
        "SGD with momentum": optim.SGD(parameters, lr=1e-4, momentum=0.9).step,
        "clip_grad_norm_": lambda: clip(parameters, 1.0),
    }


def measure(device: str, budget: float = 1.0) -> list[record.Row]:
    """Milliseconds of a step of each model, ours and PyTorch's in turns."""
    torch = usable_torch(device)
    synchronize = kernels.synchronize if device != "cpu" else None
    found: list[record.Row] = []
    for model, shapes in MODELS.items():
        ours, theirs = steps(ag, shapes, device), steps(torch, shapes, device) if torch else {}
        for name, call in ours.items():
            calls = {"ours": call, **({"torch": theirs[name]} if torch else {})}
            times = seconds_each(calls, budget, synchronize)
            row: record.Row = {"model": model, "step": name, "ms": times["ours"] * 1e3}
            found.append(row | ({"x torch": times["torch"] / times["ours"]} if torch else {}))
    return found


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda" if has_gpu() else "cpu")
    device = parser.parse_args(arguments if arguments is not None else []).device
    found = measure(device)
    record.show(f"Optimiser steps on {device} (x torch: how many times faster than PyTorch)", found)
    print(f"kept in {record.keep('optimisers', found, device=device)}")


if __name__ == "__main__":
    main()
