"""``torch.multiprocessing``: Python's, with PyTorch's additions. Tensors are sent by value."""

from __future__ import annotations

import multiprocessing as _python
from collections.abc import Callable
from multiprocessing import *  # noqa: F403
from typing import Any


def get_all_sharing_strategies() -> set[str]:
    """Return the ways in which tensors reach another process."""
    return {"file_system"}


def get_sharing_strategy() -> str:
    """Return "file_system"; nothing depends on it, tensors are copied."""
    return "file_system"


def set_sharing_strategy(new_strategy: str) -> None:
    """Take a name of PyTorch's and go on: tensors are copied."""
    if new_strategy not in ("file_system", "file_descriptor"):
        raise AssertionError(f"set_sharing_strategy: unknown strategy {new_strategy!r}")


class ProcessRaisedException(RuntimeError):
    """A process that `spawn` started ended with an error."""


class SpawnContext:
    """The processes of one `spawn`."""

    def __init__(self, processes: list[Any]) -> None:
        self.processes = processes

    def pids(self) -> list[int | None]:
        """Return the numbers of the processes."""
        return [process.pid for process in self.processes]

    def join(self, timeout: float | None = None, grace_period: float | None = None) -> bool:
        """Wait for all processes; ProcessRaisedException when one failed. Returns whether all are done."""
        for process in self.processes:
            process.join(timeout)
        for rank, process in enumerate(self.processes):
            if process.exitcode:
                raise ProcessRaisedException(f"Process {rank} terminated with exit code {process.exitcode}")
        return all(process.exitcode is not None for process in self.processes)


def start_processes(
    fn: Callable,
    args: tuple = (),
    nprocs: int = 1,
    join: bool = True,
    daemon: bool = False,
    start_method: str = "spawn",
) -> SpawnContext | None:
    """Run fn(rank, *args) in nprocs processes; wait for them, or return what can be waited for."""
    context: Any = _python.get_context(start_method)
    processes = [context.Process(target=fn, args=(rank, *args), daemon=daemon) for rank in range(nprocs)]
    for process in processes:
        process.start()
    started = SpawnContext(processes)
    if not join:
        return started
    started.join()
    return None


def spawn(
    fn: Callable,
    args: tuple = (),
    nprocs: int = 1,
    join: bool = True,
    daemon: bool = False,
    start_method: str = "spawn",
) -> SpawnContext | None:
    """Run fn(rank, *args) in nprocs processes of their own start."""
    return start_processes(fn, args, nprocs, join, daemon, start_method)
