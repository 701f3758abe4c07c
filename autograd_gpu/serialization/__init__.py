"""Saving and loading in the safetensors format, and PyTorch's own. Nothing is unpickled, so a file can run no code.

A file is written beside its destination and renamed into place: whatever happens, the destination holds either what it
held before or the whole new state. Every bit is checked on the way back. Knows nothing of modules and optimizers beyond
dicts, lists, numbers and tensors.
"""

from __future__ import annotations

import io
import json
import mmap as memory_map
import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from ..device import Device
from ..ops.creation import from_numpy
from ..tensor import Tensor
from .archive import is_archive
from .container import OURS, DamagedFile, Header, damaged, write
from .replacing import Destination, opened_for_writing
from .safe_globals import add_safe_globals, clear_safe_globals, get_safe_globals, safe_globals
from .tree import Reader, Writer, groups_that_share, moved
from .unpickling import RefusedContent

__all__ = [
    "DamagedFile", "RefusedContent", "add_safe_globals", "clear_safe_globals", "get_safe_globals", "load", "load_file",
    "load_metadata", "safe_globals", "save", "save_file",
]  # fmt: skip

_TREE = f"{OURS}tree"  # the metadata entry that holds everything but the tensors


def save(
    obj: Any, f: Destination, pickle_module: Any = None, pickle_protocol: int = 2, *, format: str = "safetensors"
) -> None:
    """Write a state dict, or any tree of dicts, lists, tuples, numbers, strings, None and tensors, to a file.

    A flat dict of tensors makes an ordinary safetensors file that other programs read too. Tensors of one dtype that
    share memory share it again when loaded, and NumPy's scalars stay what they are. What ``load`` could not read is
    refused. ``format="torch"`` writes what ``torch.load(weights_only=True)`` reads; there bytes, sets, sizes, dtypes
    and devices may be in the tree, parameters stay parameters, and a view brings its storage. Pickle's own arguments
    change nothing: ``pickle_module`` is not asked.
    """
    if format == "torch":
        from . import checkpoint

        name = Path(f).stem if isinstance(f, (str, os.PathLike)) else "archive"
        with opened_for_writing(f) as file:
            checkpoint.write(obj, file, name)
        return
    if format != "safetensors":
        raise ValueError(f"save: expected format to be 'safetensors' or 'torch', but got {format!r}")
    if isinstance(obj, Mapping) and all(isinstance(k, str) and isinstance(v, Tensor) for k, v in obj.items()):
        if len({*map(id, obj.values())}) == len(obj) and not groups_that_share(list(obj.values())):
            save_file(obj, f)
            return
        taken = Writer(obj)
        taken.tensors |= obj  # other programs find each tensor whole; we find which are one
    else:
        taken = Writer(obj)
    write({name: _as_array(tensor) for name, tensor in taken.tensors.items()}, f, {_TREE: json.dumps(taken.tree)})


def load(
    f: str | os.PathLike[str] | IO[bytes],
    map_location: Any = None,
    pickle_module: Any = None,
    *,
    weights_only: bool | None = None,
    mmap: bool | None = None,
) -> Any:
    """Return what ``save`` wrote, or ``torch.save`` of a state dict, with tensors on the CPU or on ``map_location``.

    ``map_location`` is a device, a dict from the places in the file to others, or, for PyTorch's files, a function of a
    storage, as a tensor of bytes, and its place. With ``mmap`` tensors on the CPU show the file itself, which is read
    when they are: no second copy is made, and writing to them leaves the file as it is. Whatever ``weights_only`` says,
    no code of a file is run. Raises FileNotFoundError, DamagedFile when the file is not what was written, or
    RefusedContent, a pickle.UnpicklingError, when a file of PyTorch's holds something else than ``load`` builds.
    """
    if isinstance(f, (str, os.PathLike)):
        with open(f, "rb") as file:
            return _load(file, os.fspath(f), map_location, bool(mmap))
    if mmap:
        raise ValueError("f must be a string filename in order to use mmap argument")
    return _load(io.BytesIO(f.read()), "the file", map_location, False)


def _load(file: IO[bytes], name: str | os.PathLike[str], map_location: Any, mmap: bool) -> Any:
    begin = file.read(9)
    if is_archive(begin):
        from . import checkpoint

        if isinstance(file, io.BytesIO):
            content: Any = file.getbuffer()
        else:
            access = memory_map.ACCESS_COPY if mmap else memory_map.ACCESS_READ
            content = memory_map.mmap(file.fileno(), 0, access=access)
        return checkpoint.read(content, os.fspath(name), map_location, mmap)
    if begin[:2] in (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"):
        raise RefusedContent(
            f"{name} is a plain pickle, or was written by PyTorch before 1.6, and is not read. Load it where it was "
            "made and save its state_dict() again."
        )
    device = map_location.get("cpu") if isinstance(map_location, Mapping) else map_location
    tensors, metadata = _read(file, name, device, mmap)
    if _TREE not in metadata:
        return tensors
    try:
        return Reader(tensors).made(json.loads(metadata[_TREE]))
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise damaged(name, f"its structure cannot be read ({type(error).__name__}: {error})") from None


def save_file(tensors: Mapping[str, Tensor], filename: Destination, metadata: Mapping[str, str] | None = None) -> None:
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
    with open(filename, "rb") as file:
        return _read(file, filename, device, mmap)[0]


def load_metadata(filename: str | os.PathLike[str]) -> dict[str, str]:
    """Return the string metadata of a safetensors file; the tensors are not read."""
    with open(filename, "rb") as file:
        metadata = Header(file, filename).metadata
    return {key: value for key, value in metadata.items() if not key.startswith(OURS)}


def _as_array(tensor: Tensor) -> np.ndarray:
    return np.asarray(tensor.detach().cpu().numpy(), order="C")  # ascontiguousarray would make () into (1,)


def _read(
    file: IO[bytes], name: str | os.PathLike[str], device: Device | str | None, mmap: bool
) -> tuple[dict[str, Tensor], dict[str, str]]:
    header = Header(file, name)
    arrays = header.read(copy_on_write=mmap)
    return moved({name: from_numpy(array) for name, array in arrays.items()}, device), header.metadata
