"""What was compiled, on disk: sealed with a checksum, in its place all at once, and nothing left of who was killed.

A file ends in a seal, the hash of what is before it. A file that was cut off, by a full disk or a power cut, is then
made again, not loaded, which would stop the process with SIGBUS. Knows bytes and folders; compiles nothing.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_MARK = b"\nautograd_gpu blake2b "
_DIGITS = 32
_SEAL = len(_MARK) + _DIGITS
_BUILDING = ".build-"


def is_whole(path: Path) -> bool:
    """Return whether a file is there and is what was sealed."""
    return contents(path) is not None


def contents(path: Path) -> bytes | None:
    """Return a file without its seal; None where there is none, or it is not what was sealed."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    body, seal = data[:-_SEAL], data[-_SEAL:]
    return body if seal == _seal(body) else None


def put(path: Path, data: bytes) -> None:
    """Seal data in its place. Processes may do so at once: each reader finds one whole file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with building(path.parent) as folder:
        _place(folder / "sealed", data, path)


def build(path: Path, make: Callable[[Path], Path]) -> Path:
    """Seal in its place the file that `make` makes in a folder of its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with building(path.parent) as folder:
        made = make(folder)
        _place(made, made.read_bytes(), path)
    return path


def _place(at: Path, data: bytes, path: Path) -> None:
    with open(at, "wb") as file:
        file.write(data + _seal(data))
        file.flush()
        os.fsync(file.fileno())  # the rename must not reach the disk before the bytes do
    os.replace(at, path)


def _seal(body: bytes) -> bytes:
    return _MARK + hashlib.blake2b(body, digest_size=_DIGITS // 2).hexdigest().encode()


@contextmanager
def building(parent: Path) -> Iterator[Path]:
    """A folder that is gone afterwards: now, or, where its process is killed, when the next one builds there."""
    _sweep(parent)
    while True:
        folder = Path(tempfile.mkdtemp(prefix=_BUILDING, dir=parent))
        try:
            handle = os.open(folder, os.O_RDONLY)
        except FileNotFoundError:  # somebody who sweeps came between the two
            continue
        if _locked(handle) and folder.exists():  # else somebody has begun to
            break
        os.close(handle)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)


def _sweep(parent: Path) -> None:
    for left in parent.glob(f"{_BUILDING}*"):
        with suppress(OSError):
            handle = os.open(left, os.O_RDONLY)
            try:
                if _locked(handle):
                    shutil.rmtree(left, ignore_errors=True)
            finally:
                os.close(handle)


def _locked(handle: int) -> bool:
    try:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except (ImportError, OSError):  # not a POSIX system; a file system without locks
        return True
    return True
