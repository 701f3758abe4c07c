"""How a bucket of gradients may be reduced otherwise: plainly, or with half the bytes."""

from __future__ import annotations

from typing import Any

from ....dtypes import bfloat16, float32
from ....modes import no_grad
from ....nn.parallel.distributed import GradBucket
from ....ops.creation import empty, zeros
from ....processes.collectives import all_gather_into_tensor, all_reduce, all_to_all_single
from ....processes.group import ProcessGroup, default_group
from ....processes.reduction import ReduceOp
from ....tensor import Tensor


def allreduce_hook(process_group: ProcessGroup | None, bucket: GradBucket) -> Any:
    """Make the bucket the mean over all processes."""
    return all_reduce(bucket.buffer(), ReduceOp.AVG, process_group, async_op=True)


def bf16_compress_hook(process_group: ProcessGroup | None, bucket: GradBucket) -> Any:
    """Make the bucket the mean over all processes of values that travel as bfloat16, added in float32.

    Each process gets its part of every bucket, adds it up, rounds the mean once, and sends it to all.
    """
    return _Compressed(default_group() if process_group is None else process_group, bucket.buffer())


class _Compressed:
    def __init__(self, group: ProcessGroup, flat: Tensor) -> None:
        self._group, self._flat = group, flat
        size = group.size()
        part = -(-flat.numel() // size)
        with no_grad():
            sent = zeros(part * size, dtype=bfloat16, device=flat.device)
            sent[: flat.numel()].copy_(flat)
            self._parts = empty(size, part, dtype=bfloat16, device=flat.device)
        self._work = all_to_all_single(self._parts.view(part * size), sent, group=group, async_op=True)

    def wait(self) -> None:
        """Wait for the parts; then add, send and wait again."""
        assert self._work is not None
        self._work.wait()
        with no_grad():
            mean = (self._parts.to(float32).sum(0) / self._group.size()).to(bfloat16)
            whole = empty(self._parts.numel(), dtype=bfloat16, device=mean.device)
            all_gather_into_tensor(whole, mean, self._group)
            self._flat.copy_(whole[: self._flat.numel()])
