"""A run in several processes: each takes its rows of every batch; gradients, losses and stops are everybody's.

A run in one process meets none of this: `Ranks()` is one of one, and does nothing.
"""

from __future__ import annotations

import os
from datetime import timedelta

import numpy as np

from .. import nn
from ..device import Device, emulating
from ..dtypes import float64
from ..nn.parallel.distributed import DistributedDataParallel
from ..ops.creation import tensor
from ..ops.random import default_generator
from ..processes.collectives import all_reduce
from ..processes.group import default_group, init_process_group, is_initialized
from ..processes.launch import place
from ..tensor import Tensor

TIMEOUT = 600.0  # seconds after which a process that others wait for is given up


class Ranks:
    """Who this process is among those of a run."""

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank, self.size = rank, size

    @property
    def is_first(self) -> bool:
        """Whether it prints and writes."""
        return self.rank == 0

    def wrap(self, module: nn.Module) -> nn.Module:
        """Return the module whose gradients are the means over all processes."""
        return module if self.size == 1 else DistributedDataParallel(module)

    def rows(self, part: tuple[Tensor, ...]) -> tuple[tuple[Tensor, ...], float]:
        """Return this process's rows of a part, and what their mean loss counts in the mean over all processes.

        Of a part that has fewer rows than there are processes some take a row that counts nothing.
        """
        if self.size == 1:
            return part, 1.0
        count = part[0].shape[0]
        first, last = (count * rank // self.size for rank in (self.rank, self.rank + 1))
        share = (last - first) * self.size / count
        first = min(first, count - 1)
        last = max(last, first + 1)
        return tuple(x[first:last] for x in part), share

    def begin_step(self, device: Device, seed: int, step: int) -> None:
        """Let random numbers of a step be this process's own, and the same however often the run was resumed."""
        if self.size > 1:
            drawn = np.random.SeedSequence([seed, step, self.rank]).generate_state(1, np.uint64)[0]
            default_generator(device).manual_seed(int(drawn >> np.uint64(1)))

    def together(self, loss: float, wants_to_stop: bool) -> tuple[float, bool]:
        """Return the loss of the whole batch, and whether anybody wants to stop."""
        if self.size == 1:
            return loss, wants_to_stop
        told = tensor([loss / self.size, float(wants_to_stop)], dtype=float64).to(default_group().device())
        all_reduce(told)
        loss, stops = told.tolist()
        return loss, stops > 0


def see_own_gpu() -> None:
    """Let this process see one of the machine's GPUs, before it has looked for any: that of its rank there."""
    found = place()
    if found.size > 1:
        os.environ.setdefault("CUDA_VISIBLE_DEVICES", str(found.local_rank))


def join(device: Device, seconds: float | None = None) -> Ranks:
    """Return who this process is, joined with those that were started with it, if any."""
    if place().size == 1 and not is_initialized():
        return Ranks()
    if not is_initialized():
        backend = "nccl" if device.type == "cuda" and not emulating() else "mpi"  # an emulated GPU goes by the host
        init_process_group(backend, timeout=timedelta(seconds=TIMEOUT if seconds is None else seconds))
    group = default_group()
    return Ranks(group.rank(), group.size())
