"""Saving and loading in the safetensors format: plain bytes and JSON, never pickle, so a file can run no code.

A file is written beside its destination and renamed into place: whatever happens, the destination holds either what it
held before or the whole new state. Every bit is checked on the way back. Knows nothing of modules and optimizers beyond
dicts, lists, numbers and tensors.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from ..device import Device
from ..ops.creation import from_numpy
from ..tensor import Tensor
from .container import OURS, DamagedFile, Header, damaged, write
from .tree import Reader, Writer, groups_that_share, moved

__all__ = ["DamagedFile", "load", "load_file", "load_metadata", "save", "save_file"]

_TREE = f"{OURS}tree"  # the metadata entry that holds everything but the tensors


def save(obj: Any, f: str | os.PathLike[str]) -> None:
    """Write a state dict, or any tree of dicts, lists, tuples, numbers, strings, None and tensors, to a file.

    A flat dict of tensors makes an ordinary safetensors file that other programs read too. Tensors of one dtype that
    share memory share it again when loaded, and NumPy's scalars stay what they are. What ``load`` could not read is
    refused.
    """
    if isinstance(obj, Mapping) and all(isinstance(k, str) and isinstance(v, Tensor) for k, v in obj.items()):
        if len({*map(id, obj.values())}) == len(obj) and not groups_that_share(list(obj.values())):
            save_file(obj, f)
            return
        taken = Writer(obj)
        taken.tensors |= obj  # other programs find each tensor whole; we find which are one
    else:
        taken = Writer(obj)
    write({name: _as_array(tensor) for name, tensor in taken.tensors.items()}, f, {_TREE: json.dumps(taken.tree)})


def load(f: str | os.PathLike[str], map_location: Device | str | None = None, *, mmap: bool | None = None) -> Any:
    """Return what ``save`` wrote, with the tensors on the CPU or on ``map_location``.

    With ``mmap`` tensors on the CPU show the file itself, which is read when they are: no second copy is made, and
    writing to them leaves the file as it is. Raises FileNotFoundError, or DamagedFile when the file is not what was
    written.
    """
    tensors, metadata = _read(f, map_location, bool(mmap))
    if _TREE not in metadata:
        return tensors
    try:
        return Reader(tensors).made(json.loads(metadata[_TREE]))
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise damaged(f, f"its structure cannot be read ({type(error).__name__}: {error})") from None


def save_file(
    tensors: Mapping[str, Tensor], filename: str | os.PathLike[str], metadata: Mapping[str, str] | None = None
) -> None:
    """Write named tensors and string metadata to a safetensors file, atomically. Tensors on a GPU are copied here."""
    metadata = dict(metadata or {})
    for key in metadata:
        if isinstance(key, str) and key.startswith(OURS):
            raise ValueError(f"save_file: metadata that begins with '{OURS}' is this library's own, but got '{key}'")
    write({name: _as_array(tensor) for name, tensor in tensors.items()}, filename, metadata)


def load_file(
    filename: str | os.PathLike[str], device: Device | str = "cpu", *, mmap: bool = False
) -> dict[str, Tensor]:
    """Return the named tensors of a safetensors file, whoever wrote it."""
    return _read(filename, device, mmap)[0]


def load_metadata(filename: str | os.PathLike[str]) -> dict[str, str]:
    """Return the string metadata of a safetensors file; the tensors are not read."""
    with open(filename, "rb") as file:
        metadata = Header(file, filename).metadata
    return {key: value for key, value in metadata.items() if not key.startswith(OURS)}


def _as_array(tensor: Tensor) -> np.ndarray:
    return np.asarray(tensor.detach().cpu().numpy(), order="C")  # ascontiguousarray would make () into (1,)


def _read(
    filename: str | os.PathLike[str], device: Device | str | None, mmap: bool
) -> tuple[dict[str, Tensor], dict[str, str]]:
    with open(filename, "rb") as file:
        header = Header(file, filename)
        arrays = header.read(copy_on_write=mmap)
    return moved({name: from_numpy(array) for name, array in arrays.items()}, device), header.metadata
