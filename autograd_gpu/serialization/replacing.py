"""A file in place of another, all or nothing. Knows folders, locks and renames; never looks at a byte.

What is written lies beside its destination as `.NAME.*.partial`, locked while its writer lives: one that nobody locks
is what a killed process has left, and the next who writes there removes it.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

SUFFIX = ".partial"
Destination = str | os.PathLike[str] | IO[bytes]


@contextmanager
def opened_for_writing(destination: Destination) -> Iterator[IO[bytes]]:
    """Open a path's new file, or take a file that the program has opened, which is written from where it stands."""
    if isinstance(destination, (str, os.PathLike)):
        with replacing(Path(destination)) as file:
            yield file
    else:
        yield destination


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that takes the place of ``path`` when the block ends well, and leaves no trace when it does not."""
    temporary = None
    try:
        sweep(path)
        handle, temporary = _begin(path)
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.chmod(temporary, 0o666 & ~_umask())  # mkstemp makes files that only their owner can read
            os.fsync(file.fileno())  # the rename must not reach the disk before the bytes do
            os.replace(temporary, path)
        _sync_directory(path.parent)
    except OSError as error:
        raise _could_not_write(path, error) from error
    finally:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)


def sweep(path: Path) -> None:
    """Remove what writers of ``path`` that are no more have left beside it."""
    for left in path.parent.glob(f".{_escaped(path.name)}.*{SUFFIX}"):
        with suppress(OSError):
            handle = os.open(left, os.O_RDWR)
            try:
                if _locked(handle):
                    left.unlink()
            finally:
                os.close(handle)


def _begin(path: Path) -> tuple[int, str]:
    while True:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=SUFFIX)
        # Somebody who sweeps may have come between the two.
        if _locked(handle) and os.path.exists(temporary):
            return handle, temporary
        os.close(handle)


def _locked(handle: int) -> bool:
    """Lock an open file for as long as it stays open; return whether that was possible."""
    try:
        import fcntl
    except ImportError:  # not a POSIX system
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


def _escaped(name: str) -> str:
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)


def _could_not_write(path: Path, error: OSError) -> OSError:
    before = " The file that was there before is untouched." if path.exists() else ""
    return OSError(error.errno, f"could not save {path}: {error.strerror or error}.{before}")


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _sync_directory(directory: Path) -> None:
    if os.name != "posix":
        return
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
