"""The folder of a run: one run at a time in it, none lost in it. Knows locks and names; reads no checkpoint."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import IO, Self

from ..serialization.replacing import sweep
from .errors import JobError

CHECKPOINT = "checkpoint.safetensors"
LOG = "log.jsonl"
CURVE = "loss.png"
SAMPLE = "sample.txt"
EVENTS = "events.out.tfevents.*"
_LOCK = ".lock"


class RunFolder:
    """Held within ``with``: a second run in it is refused, and so is what would overwrite a run, or cannot be written.

    JobError says so before the first step.
    """

    def __init__(self, path: Path, resume: bool = False, overwrite: bool = False) -> None:
        if not path.name and not path.root:
            raise JobError("--out: expected the name of a folder, but got nothing")
        if resume and overwrite:
            raise JobError("--resume goes on with the run that --overwrite would replace: leave one of them out")
        self.path, self.resume, self.overwrite = path, resume, overwrite
        self.checkpoint, self.log = path / CHECKPOINT, path / LOG
        self._lock: IO[bytes] | None = None

    def __enter__(self) -> Self:
        if self.resume and not self.checkpoint.exists():
            raise JobError(f"--resume: there is no {self.checkpoint}. Leave --resume out to start a run there.")
        self.path.mkdir(parents=True, exist_ok=True)
        self._check_writable()
        self._take_lock()
        if self.checkpoint.exists() and not self.resume and not self.overwrite:
            self._free_lock()
            raise JobError(
                f"{self.path} holds a run already: --resume goes on with it, --overwrite replaces it, and another "
                "--out DIR keeps it"
            )
        sweep(self.checkpoint)
        if self.overwrite:  # the checkpoint stays until there is another in its place
            for name in (LOG, CURVE, SAMPLE):
                (self.path / name).unlink(missing_ok=True)
            for events in self.path.glob(EVENTS):
                events.unlink()
        return self

    def __exit__(self, *exception: object) -> None:
        self._free_lock()

    def _check_writable(self) -> None:
        try:
            with tempfile.TemporaryFile(dir=self.path) as file:
                file.write(bytes(4096))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise JobError(f"--out: {self.path} cannot be written ({error.strerror or error}); name another") from None

    def _take_lock(self) -> None:
        try:
            import fcntl
        except ImportError:  # not a POSIX system
            return
        self._lock = open(self.path / _LOCK, "a+b")  # noqa: SIM115 (held until the run is over)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._lock.seek(0)
            holder = self._lock.read(20).decode(errors="replace").strip() or "unknown"
            self._free_lock()
            raise JobError(
                f"{self.path} is in use by a run that goes on now, process {holder}: wait for it, or name another --out"
            ) from None
        except OSError:  # a file system without locks
            return
        self._lock.truncate(0)
        self._lock.write(f"{os.getpid()}\n".encode())
        self._lock.flush()

    def _free_lock(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None
