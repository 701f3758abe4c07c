"""What several processes do on GPUs, by NCCL: `python -m benchmarks.process_checks [--rehearse]` is one rank of them.

`make gpu-check` starts one, and where there are several GPUs one for each. Rank, size and the meeting point come from
the environment, as torchrun sets them. `--rehearse` takes the emulator and what stands in for NCCL.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta

REHEARSAL = "--rehearse" in sys.argv
if REHEARSAL:  # before the package is imported: the driver is chosen once
    os.environ["AUTOGRAD_GPU_EMULATE"] = "1"

import numpy as np  # noqa: E402

import autograd_gpu as ag  # noqa: E402
from autograd_gpu import distributed as dist  # noqa: E402
from autograd_gpu.distributed.algorithms.ddp_comm_hooks.default_hooks import bf16_compress_hook  # noqa: E402
from autograd_gpu.distributed.optim import ZeroRedundancyOptimizer  # noqa: E402
from autograd_gpu.nn.parallel import DistributedDataParallel  # noqa: E402

from . import record  # noqa: E402

Check = tuple[str, Callable[[], None]]


def in_processes(count: int, rehearse: bool) -> Iterator[Check]:
    """A check that starts so many ranks of this file, a GPU each."""

    def ranks() -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = str(free.getsockname()[1])
        started = []
        for rank in range(count):
            env = os.environ | {
                "RANK": str(rank), "WORLD_SIZE": str(count), "LOCAL_RANK": str(rank), "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": port,
            }  # fmt: skip
            if not rehearse:
                chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
                env["CUDA_VISIBLE_DEVICES"] = chosen.split(",")[rank] if chosen else str(rank)
            command = [sys.executable, "-m", "benchmarks.process_checks", *(["--rehearse"] if rehearse else [])]
            started.append(
                subprocess.Popen(
                    command, env=env, cwd=record.REPOSITORY, text=True,
                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                )
            )  # fmt: skip
        said = [process.communicate(timeout=600)[0] for process in started]
        codes = [process.returncode for process in started]
        assert codes == [0] * count, f"exit codes {codes}; rank 0 said {said[0][-2000:]}"

    yield f"NCCL with {count} rank{'s' if count > 1 else ''}", ranks


def collectives() -> None:
    """Every collective, in the dtypes that NCCL adds."""
    rank, size = dist.get_rank(), dist.get_world_size()
    ranks = np.arange(size)
    for dtype in (ag.float32, ag.float64, ag.float16, ag.bfloat16, ag.int32, ag.int64, ag.int8, ag.uint8):

        def full(value: float, count: int = 5, of: ag.dtype = dtype) -> ag.Tensor:
            return ag.full((count,), value, dtype=of, device="cuda")

        for op, expected in (("SUM", ranks.sum() + size), ("MAX", size), ("MIN", 1), ("PRODUCT", np.prod(ranks + 1))):
            x = full(rank + 1)
            dist.all_reduce(x, dist.ReduceOp[op])
            assert x.tolist() == full(int(expected) % 128).tolist(), (op, dtype, x)
        x = full(rank)
        dist.broadcast(x, size - 1)
        assert x.tolist() == [size - 1] * 5
        whole = full(0, 5 * size)
        dist.all_gather_into_tensor(whole, full(rank))
        assert whole.tolist() == np.repeat(ranks, 5).tolist()
        part = full(0)
        dist.reduce_scatter_tensor(part, whole)
        assert part.tolist() == [rank * size] * 5
        x = full(rank + 1)
        dist.reduce(x, 0)
        assert x.tolist() == [ranks.sum() + size if rank == 0 else rank + 1] * 5
        dist.scatter(x, [full(7 + each) for each in range(size)] if rank == 0 else None, 0)
        assert x.tolist() == [7 + rank] * 5
        rows = [full(0) for _ in range(size)] if rank == 0 else None
        dist.gather(x, rows, 0)
        assert rows is None or [row[0].item() for row in rows] == [7 + each for each in range(size)]
        received = full(0, size)
        dist.all_to_all_single(received, full(rank, size))
        assert received.tolist() == ranks.tolist()
    if size > 1:
        x, y = ag.full((5,), float(rank), device="cuda"), ag.zeros(5, device="cuda")
        ops = [dist.P2POp(dist.isend, x, (rank + 1) % size), dist.P2POp(dist.irecv, y, (rank - 1) % size)]
        for work in dist.batch_isend_irecv(ops):
            work.wait()
        assert y.tolist() == [(rank - 1) % size] * 5
    nan = ag.tensor([float("nan") if rank == 0 else 1.0, float(rank)], device="cuda")
    dist.all_reduce(nan, dist.ReduceOp.MAX)
    assert np.isnan(nan[0].item()) and nan[1].item() == size - 1
    told = [None] * size
    dist.all_gather_object(told, {"rank": rank})
    assert told == [{"rank": each} for each in range(size)]
    dist.barrier()


def net() -> ag.nn.Module:
    ag.manual_seed(0)
    return ag.nn.Sequential(ag.nn.Linear(8, 33), ag.nn.GELU(), ag.nn.Linear(33, 4)).to("cuda")


def batch(step: int) -> tuple[ag.Tensor, ag.Tensor]:
    """The whole batch, and this rank's rows of it."""
    rank, size = dist.get_rank(), dist.get_world_size()
    x = ag.from_numpy(np.random.default_rng(step).standard_normal((4 * size, 8)).astype(np.float32)).to("cuda")
    return x, x[4 * rank : 4 * rank + 4]


def trained(kind: str) -> list[np.ndarray]:
    """The weights after some steps of one process with the whole batch, or of all with their rows."""
    model = net()
    wrapped = model if kind in ("alone", "zero 2") else DistributedDataParallel(model)
    if kind == "bf16":
        wrapped.register_comm_hook(None, bf16_compress_hook)
    if kind.startswith("zero"):
        stage = int(kind[-1])
        optimizer = ZeroRedundancyOptimizer(model.parameters(), ag.optim.AdamW, lr=0.01, stage=stage)
    else:
        optimizer = ag.optim.AdamW(model.parameters(), 0.01)

    def step(x: ag.Tensor) -> ag.Tensor:
        optimizer.zero_grad()
        loss = wrapped(x).square().mean()
        loss.backward()
        optimizer.step()
        return loss

    run = ag.capture(step) if kind == "captured" else step
    for number in range(6):
        run(batch(number)[kind != "alone"])
    return [parameter.detach().cpu().numpy() for parameter in model.parameters()]


def training() -> None:
    """DistributedDataParallel, ZeRO and a captured step come to what one process with the whole batch comes to."""
    expected = trained("alone")
    for kind, tolerance in (("ddp", 1e-4), ("captured", 1e-4), ("zero 1", 1e-4), ("zero 2", 1e-4), ("bf16", 2e-2)):
        for ours, theirs in zip(trained(kind), expected, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance, err_msg=kind)


def main() -> int:
    if REHEARSAL:
        from autograd_gpu.processes import nccl
        from autograd_gpu.testing import nccl_stand_in

        nccl.library = nccl_stand_in
    dist.init_process_group("nccl", timeout=timedelta(seconds=120))
    collectives()
    training()
    dist.destroy_process_group()
    return 0


if __name__ == "__main__":
    sys.exit(main())
