"""What DistributedDataParallel costs one rank: `python -m benchmarks.process_cost` prints wrapped against plain steps.

Both take turns, so that what else the machine does meets both alike; the least of many rounds counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import autograd_gpu as ag
from autograd_gpu import distributed as dist
from autograd_gpu.nn.parallel import DistributedDataParallel
from autograd_gpu.training.gpt_model import GPT

ROUNDS, STEPS = 20, 3


class Loss(ag.nn.Module):
    """A GPT and its loss, as one module."""

    def __init__(self) -> None:
        super().__init__()
        ag.manual_seed(0)
        self.model = GPT(256, 64, 4, 4, 128, 0.0)

    def forward(self, x: ag.Tensor, y: ag.Tensor) -> ag.Tensor:
        return self.model.loss(x, y)


def stepping(module: ag.nn.Module) -> Callable[[], float]:
    """Return what takes a few steps and returns the seconds of one."""
    optimizer = ag.optim.AdamW(module.parameters(), 1e-3)
    x = ag.randint(256, (8, 65))
    inputs, targets = x[:, :-1].contiguous(), x[:, 1:].contiguous()

    def run() -> float:
        began = time.perf_counter()
        for _ in range(STEPS):
            optimizer.zero_grad()
            module(inputs, targets).backward()
            optimizer.step()
        return (time.perf_counter() - began) / STEPS

    run()
    return run


def main() -> None:
    dist.init_process_group("mpi")
    runs = {"plain": stepping(Loss()), "wrapped": stepping(DistributedDataParallel(Loss()))}
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(ROUNDS):
        for name, run in runs.items():
            best[name] = min(best[name], run())
    for name, seconds in best.items():
        print(f"{name:8} {seconds * 1e3:8.2f} ms a step")
    print(f"wrapped / plain {best['wrapped'] / best['plain']:.3f}")


if __name__ == "__main__":
    main()
