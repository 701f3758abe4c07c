"""The optimisers' kernels over as many tensors as a model has: what they move, and the same in PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np

import autograd_gpu as ag
from autograd_gpu.backends import cuda as kernels

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
