"""Processes that make batches: started, seeded, fed with indices, listened to, and stopped whatever happens.

Batch n is made by worker n modulo their number, so that the order is the loader's and a run is the same each time. A
batch comes as a pickle whose arrays lie in memory that both processes map: memory without a name, which is gone with
the last who maps it, also when one of them is killed. Knows nothing of samplers.
"""

from __future__ import annotations

import io
import itertools
import mmap
import multiprocessing
import os
import pickle
import random
import signal
import traceback
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import connection, reduction
from typing import Any

import numpy as np

from ..ops.creation import from_numpy
from ..ops.random import manual_seed
from ..settings import set_num_threads
from ..tensor import Tensor
from .fetching import Ended, Fetcher

_SHARED_FROM = 1 << 15  # bytes of a batch; smaller ones go through the pipe
_PATIENCE = 5.0  # seconds that a worker has to end by itself


@dataclass(frozen=True)
class WorkerInfo:
    """What a worker is: see `get_worker_info`."""

    id: int
    num_workers: int
    seed: int
    dataset: Any


_info: WorkerInfo | None = None


def get_worker_info() -> WorkerInfo | None:
    """Return which worker this process is, with its copy of the dataset; None in the main process."""
    return _info


# ------------------------------------------------------------------------------------------------------ in a worker


def _work(pipe: connection.Connection, fetcher: Fetcher, number: int, count: int, init: Any, others: list) -> None:
    """Make batches until the main process says that it is enough, or is no more."""
    for other in others:  # what a fork inherits would keep the others' pipes open
        other.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all: the main process says what follows
    set_num_threads(1)
    parent = multiprocessing.parent_process()
    is_ready, failed = False, None
    while True:
        connection.wait([pipe] if parent is None else [pipe, parent.sentinel])
        if not pipe.poll():
            return
        try:
            kind, content = pipe.recv()
        except (EOFError, OSError):
            return
        try:
            if kind == "epoch":
                _seed(content, number, count, fetcher.dataset)
                if not is_ready and init is not None:
                    init(number)
                is_ready = True
                fetcher.begin()
                continue
            answer = ("error", failed) if failed else ("batch", fetcher(content))
            sent = _packed(answer)
        except KeyboardInterrupt:
            return
        except BaseException as error:
            failure = _told(error)
            if kind == "epoch":
                failed = failure
                continue
            sent = _packed(("error", failure))
        try:
            _send(pipe, *sent)
        except OSError:  # nobody listens
            return


def _seed(base: int, number: int, count: int, dataset: Any) -> None:
    """Seed Python's, NumPy's and our generators, for this worker and this epoch."""
    global _info
    seed = base + number
    random.seed(seed)
    np.random.seed(np.random.SeedSequence(seed).generate_state(4))
    manual_seed(seed)
    _info = WorkerInfo(number, count, seed, dataset)


def _told(error: BaseException) -> tuple[Any, str]:
    """Return an exception's type, where it can be sent, and its traceback."""
    text = "".join(traceback.format_exception(error))
    try:
        pickle.loads(pickle.dumps(type(error)))
    except Exception:
        return RuntimeError, text
    return type(error), text


class _Pickler(pickle.Pickler):
    """Tensors as their arrays, whose bytes then lie outside of the pickle."""

    def reducer_override(self, obj: Any) -> Any:
        if type(obj) is Tensor and obj.device.type == "cpu" and not obj.requires_grad:
            return from_numpy, (np.ascontiguousarray(obj.numpy()).reshape(obj.shape),)
        return NotImplemented


def _packed(answer: Any) -> tuple[bytes, list[memoryview]]:
    file = io.BytesIO()
    buffers: list[memoryview] = []
    _Pickler(file, protocol=5, buffer_callback=lambda buffer: buffers.append(buffer.raw())).dump(answer)
    return file.getvalue(), buffers


def _send(pipe: connection.Connection, text: bytes, buffers: list[memoryview]) -> None:
    sizes = [buffer.nbytes for buffer in buffers]
    total = sum(map(_padded, sizes))
    if total < _SHARED_FROM or not hasattr(os, "memfd_create"):
        pipe.send((text, [bytes(buffer) for buffer in buffers], False))
        return
    handle = os.memfd_create("autograd_gpu.batch")
    try:
        os.ftruncate(handle, total)
        with mmap.mmap(handle, total) as memory:
            at = 0
            for buffer, size in zip(buffers, sizes, strict=True):
                memory[at : at + size] = buffer
                at += _padded(size)
        pipe.send((text, sizes, True))
        reduction.send_handle(pipe, handle, os.getppid())
    finally:
        os.close(handle)


def _padded(size: int) -> int:
    return -(-size // 64) * 64


# ----------------------------------------------------------------------------------------------- in the main process


class Workers:
    """The processes of a loader. `close` ends them, as does the end of the loader and that of the program."""

    def __init__(self, fetcher: Fetcher, count: int, init: Callable[[int], None] | None, timeout: float, context: Any):
        self.timeout = timeout
        self.pipes: list[connection.Connection] = []
        self.processes: list[Any] = []
        self._pending: deque[int] = deque()  # the workers whose answers are awaited, in order
        self._close = weakref.finalize(self, _stop, self.pipes, self.processes, os.getpid())
        context = context if hasattr(context, "Process") else multiprocessing.get_context(context)
        method = context.get_start_method()
        for number in range(count):
            ours, theirs = context.Pipe()
            others = [*self.pipes, ours] if method == "fork" else []
            process = context.Process(
                target=_work, args=(theirs, fetcher, number, count, init, others), daemon=True, name=f"loader-{number}"
            )
            self.pipes.append(ours)
            process.start()
            self.processes.append(process)
            theirs.close()

    @property
    def is_free(self) -> bool:
        """Whether an epoch may begin."""
        return not self._pending

    @property
    def are_alive(self) -> bool:
        """Whether they have not been ended."""
        return self._close.alive

    def batches(self, indices: Iterator[Any], seed: int, ahead: int) -> Iterator[Any]:
        """Give the batches of an epoch in order, with generators that start from a seed."""
        for number in range(len(self.pipes)):
            self._ask(number, "epoch", seed)
        turns = itertools.cycle(range(len(self.pipes)))
        reading = set(range(len(self.pipes)))  # of an IterableDataset's copies, those that are not at their end
        count = len(self.pipes) * ahead
        try:
            while True:
                while len(self._pending) < count and reading:
                    number = next(turn for turn in turns if turn in reading)
                    if (index := next(indices, Ended)) is Ended:
                        reading.clear()
                    else:
                        self._ask(number, "batch", index)
                        self._pending.append(number)
                if not self._pending:
                    return
                number = self._pending.popleft()
                batch = self._answer(number)
                if batch is Ended:
                    reading.discard(number)
                else:
                    yield batch
        finally:
            if self._pending:  # an epoch that was left early: nobody waits for the rest
                self.close()

    def _ask(self, number: int, kind: str, content: Any) -> None:
        """Give a worker something to do."""
        with suppress(OSError):  # it is no more, which `_answer` tells
            self.pipes[number].send((kind, content))

    def _answer(self, number: int) -> Any:
        """Return a worker's next batch. Its error is raised here; RuntimeError when it is no more, or too late."""
        pipe, process = self.pipes[number], self.processes[number]
        ready = connection.wait([pipe, process.sentinel], self.timeout or None)
        if not ready:
            self.close()
            raise RuntimeError(f"DataLoader timed out after {self.timeout} seconds")
        try:
            received: tuple[Any, Any] = _received(pipe) if pipe.poll() else (None, None)
            kind, content = received
        except (EOFError, OSError):
            kind = None
        if kind is None:
            process.join(_PATIENCE)
            code = process.exitcode
            how = f"killed by {signal.Signals(-code).name}" if code is not None and code < 0 else f"exit code {code}"
            self.close()
            raise RuntimeError(f"DataLoader worker {number} (pid {process.pid}) exited unexpectedly: {how}")
        if kind == "error":
            self.close()
            error_type, text = content
            raise _rebuilt(error_type, text, number)
        return content

    def close(self) -> None:
        """End the processes and wait for them."""
        self._close()


def _received(pipe: connection.Connection) -> Any:
    text, parts, is_shared = pipe.recv()
    if not is_shared:
        return pickle.loads(text, buffers=map(bytearray, parts))
    handle = reduction.recv_handle(pipe)
    try:
        memory = memoryview(mmap.mmap(handle, sum(map(_padded, parts))))
    finally:
        os.close(handle)
    return pickle.loads(text, buffers=_slices(memory, parts))


def _slices(memory: memoryview, sizes: list[int]) -> Iterator[memoryview]:
    at = 0
    for size in sizes:
        yield memory[at : at + size]
        at += _padded(size)


def _rebuilt(kind: type[BaseException], text: str, number: int) -> BaseException:
    """Return an exception of a worker's type with its traceback as its text."""
    said = f"Caught {kind.__name__} in DataLoader worker process {number}.\nOriginal {text}"
    if issubclass(kind, KeyError):
        return KeyError(_Lines(said))
    try:
        error = kind(said)
        return error if isinstance(error, Exception) else RuntimeError(said)
    except Exception:  # one that cannot be made of a text
        return RuntimeError(said)


class _Lines(str):
    """KeyError shows its key's repr: this one is the text itself."""

    def __repr__(self) -> str:
        return str(self)


def _stop(pipes: list, processes: list, owner: int) -> None:
    if os.getpid() != owner:  # a fork has the finalizer, not the processes
        return
    for pipe in pipes:
        pipe.close()  # a worker that waits for work sees it
    for process in processes:
        process.join(0.2 if process.exitcode is None else 0)
        if process.is_alive():
            process.terminate()
            process.join(_PATIENCE)
        if process.is_alive():
            process.kill()
            process.join()
