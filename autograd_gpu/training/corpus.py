"""Text to train on: every readable source file below a folder, as bytes. Knows files; knows nothing of models."""

from __future__ import annotations

import hashlib
import os
import sysconfig
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .errors import JobError

END_OF_FILE = 0  # a byte that no text contains, put behind every file
VALIDATION_SHARE = 20  # one file in so many is kept for validation
_SKIPPED = {"site-packages", "dist-packages", "__pycache__", "test", "tests", "idle_test", "encodings", "pydoc_data"}


@dataclass(frozen=True)
class Corpus:
    """Bytes to train and to validate on, split by file, and how the reading went."""

    root: Path
    pattern: str  # of its files' names
    train: np.ndarray  # uint8
    validation: np.ndarray  # uint8
    files: int
    unreadable: int

    def identity(self) -> dict[str, Any]:
        """Return what tells this text from another, wherever it lies, and where it lay."""
        whole = hashlib.blake2b(self.train.data, digest_size=16)
        whole.update(self.validation.data)
        sizes = {"train": len(self.train), "validation": len(self.validation)}
        return {
            "checksum": whole.hexdigest(),
            "bytes": sizes,
            "path": str(self.root.absolute()),
            "pattern": self.pattern,
        }

    def __str__(self) -> str:
        skipped = f", {self.unreadable} unreadable skipped" if self.unreadable else ""
        return (
            f"{self.files} files from {self.root}{skipped}: "
            f"{len(self.train):,} bytes to train on, {len(self.validation):,} to validate"
        )


def standard_library() -> Path:
    """Return the folder that holds the source text of this Python's standard library."""
    return Path(sysconfig.get_path("stdlib"))


def read_corpus(root: Path | None = None, least: int = 0, pattern: str = "*") -> Corpus:
    """Read the standard library's modules, or every text file below ``root``. The same files give the same bytes.

    Files that cannot be read, or are not UTF-8, are counted and skipped. JobError when either part ends up with
    fewer than ``least`` bytes.
    """
    folder, pattern = (standard_library(), "*.py") if root is None else (Path(root), pattern)
    if not folder.is_dir():
        raise JobError(f"corpus: {folder} is not a folder. Name one that holds text files: --corpus DIR")
    parts: tuple[list[bytes], list[bytes]] = ([], [])
    unreadable = 0
    for path in _files(folder, pattern):
        try:
            text = path.read_bytes()
            text.decode()
        except (OSError, UnicodeDecodeError):
            unreadable += 1
            continue
        # By the file's name, so that a file added or missing moves no other file to the other side.
        name = os.fsencode(path.relative_to(folder).as_posix())
        parts[zlib.crc32(name) % VALIDATION_SHARE == 0].append(text + bytes([END_OF_FILE]))
    train, validation = (np.frombuffer(b"".join(part), np.uint8) for part in parts)
    if len(train) <= least or len(validation) <= least:
        raise JobError(
            f"corpus: {folder} holds too little text: {len(train)} bytes to train on and {len(validation)} to validate "
            f"({unreadable} files unreadable), more than {least} of each are needed. Name another: --corpus DIR"
        )
    return Corpus(folder, pattern, train, validation, len(parts[0]) + len(parts[1]), unreadable)


def corpus_to_resume(identity: dict[str, Any], root: Path | None, least: int) -> Corpus:
    """Read the text that a saved run was on, from where it lies now; None is the standard library, wherever it is.

    JobError when it is not there, or is not the same.
    """
    if root is not None and not root.is_dir():
        raise JobError(f"--resume: {root}, which the run reads, is not there. Say where it is now: --corpus DIR")
    corpus = read_corpus(root, least, str(identity.get("pattern", "*")))
    if corpus.identity()["checksum"] != identity.get("checksum"):
        raise JobError(
            f"--resume: the text in {corpus.root} is not what the run was saved with, in {identity.get('path')}. Put "
            "it back, name another place with --corpus DIR, or start anew in another folder: --out DIR"
        )
    return corpus


def _files(folder: Path, pattern: str) -> list[Path]:
    found = []
    for parent, folders, _ in os.walk(folder):  # an unreadable folder is passed over
        folders[:] = [name for name in folders if name not in _SKIPPED and not name.startswith(".")]
        found += [path for path in Path(parent).glob(pattern) if path.is_file() and not path.name.startswith(".")]
    return sorted(found, key=lambda path: path.relative_to(folder).as_posix())
