"""Saving and loading in the safetensors format: plain bytes and JSON, never pickle, so a file can run no code.

A file is written beside its destination and renamed into place: whatever happens, the destination holds either what it
held before or the whole new state. Knows nothing of modules and optimizers beyond dicts, lists, numbers and tensors.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import ml_dtypes
import numpy as np

from .device import Device
from .ops.creation import from_numpy
from .tensor import Tensor

_CODES = {
    "F64": np.dtype(np.float64),
    "F32": np.dtype(np.float32),
    "F16": np.dtype(np.float16),
    "BF16": np.dtype(ml_dtypes.bfloat16),
    "I64": np.dtype(np.int64),
    "I32": np.dtype(np.int32),
    "I16": np.dtype(np.int16),
    "I8": np.dtype(np.int8),
    "U8": np.dtype(np.uint8),
    "BOOL": np.dtype(np.bool_),
}
_CODE_OF = {dtype: code for code, dtype in _CODES.items()}
_TREE = "autograd_gpu.tree"  # the metadata entry that holds everything but the tensors
_LONGEST_HEADER = 100_000_000  # the format's own limit


class DamagedFile(RuntimeError):
    """A file that is not, or no longer, a whole safetensors file."""


def save(obj: Any, f: str | os.PathLike[str]) -> None:
    """Write a state dict, or any tree of dicts, lists, tuples, numbers, strings, None and tensors, to a file.

    A flat dict of tensors makes an ordinary safetensors file that other programs read too.
    """
    if isinstance(obj, Mapping) and all(isinstance(k, str) and isinstance(v, Tensor) for k, v in obj.items()):
        save_file(obj, f)
        return
    tensors: dict[str, Tensor] = {}
    tree = _without_tensors(obj, (), tensors)
    save_file(tensors, f, {_TREE: json.dumps(tree)})


def load(f: str | os.PathLike[str], map_location: Device | str | None = None) -> Any:
    """Return what ``save`` wrote, with the tensors on the CPU or on ``map_location``.

    Raises FileNotFoundError, or DamagedFile when the file is truncated or not in the safetensors format.
    """
    tensors, metadata = _read(f, map_location)
    if _TREE not in metadata:
        return tensors
    try:
        return _with_tensors(json.loads(metadata[_TREE]), tensors)
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedFile(f"{os.fspath(f)} is damaged: its structure cannot be read ({error})") from None


def save_file(
    tensors: Mapping[str, Tensor], filename: str | os.PathLike[str], metadata: Mapping[str, str] | None = None
) -> None:
    """Write named tensors and string metadata to a safetensors file, atomically. Tensors on a GPU are copied here."""
    arrays = {name: _as_array(tensor) for name, tensor in tensors.items()}
    # Widest first keeps every tensor aligned within the file.
    names = sorted(arrays, key=lambda name: (-arrays[name].itemsize, name))
    header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    offset = 0
    for name in names:
        array = arrays[name]
        header[name] = {
            "dtype": _CODE_OF[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [offset, offset + array.nbytes],
        }
        offset += array.nbytes
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    with _replacing(Path(filename)) as file:
        file.write(len(text).to_bytes(8, "little"))
        file.write(text)
        for name in names:
            file.write(arrays[name].reshape(-1).view(np.uint8).data)


def load_file(filename: str | os.PathLike[str], device: Device | str = "cpu") -> dict[str, Tensor]:
    """Return the named tensors of a safetensors file, whoever wrote it."""
    return _read(filename, device)[0]


def load_metadata(filename: str | os.PathLike[str]) -> dict[str, str]:
    """Return the string metadata of a safetensors file; the tensors are not read."""
    with open(filename, "rb") as file:
        return _header(file, filename).get("__metadata__", {})


def _as_array(tensor: Tensor) -> np.ndarray:
    return np.asarray(tensor.detach().cpu().numpy(), order="C")  # ascontiguousarray would make () into (1,)


# ------------------------------------------------------------------------------------------------- writing, safely


@contextmanager
def _replacing(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that takes the place of ``path`` when the block ends well, and leaves no trace when it does not."""
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".partial")
    except OSError as error:
        raise _could_not_write(path, error) from error
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())  # the rename must not reach the disk before the bytes do
        os.chmod(temporary, 0o666 & ~_umask())  # mkstemp makes files that only their owner can read
        os.replace(temporary, path)
        _sync_directory(path.parent)
    except OSError as error:
        raise _could_not_write(path, error) from error
    finally:
        Path(temporary).unlink(missing_ok=True)


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


# ----------------------------------------------------------------------------------------------- reading, warily


def _read(filename: str | os.PathLike[str], device: Device | str | None) -> tuple[dict[str, Tensor], dict[str, str]]:
    tensors = {}
    with open(filename, "rb") as file:
        header = _header(file, filename)
        metadata = header.pop("__metadata__", {})
        for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
            array = np.empty(entry["shape"], _CODES[entry["dtype"]])
            file.readinto(array.reshape(-1).view(np.uint8).data)  # its length was checked with the header
            tensor = from_numpy(array)
            tensors[name] = tensor if device is None else tensor.to(device)
    return {name: tensors[name] for name in header}, metadata


def _header(file: IO[bytes], filename: str | os.PathLike[str]) -> dict[str, Any]:
    """Read and check the header: afterwards the file is known to hold every tensor that the header speaks of."""

    def damaged(reason: str) -> DamagedFile:
        return DamagedFile(f"{os.fspath(filename)} is damaged or not a safetensors file: {reason}")

    size = os.fstat(file.fileno()).st_size
    length = int.from_bytes(file.read(8), "little")
    if size < 8 or length > min(size - 8, _LONGEST_HEADER):
        raise damaged(f"it has {size} bytes, too few for its header")
    try:
        header = json.loads(file.read(length))
        entries = [entry for name, entry in header.items() if name != "__metadata__"]
        spans = sorted((*entry["data_offsets"], _bytes_of(entry)) for entry in entries)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise damaged(f"its header cannot be read ({error})") from None
    position = 0
    for start, stop, expected in spans:
        if start != position or stop - start != expected:
            raise damaged(
                f"a tensor of {expected} bytes is said to lie at {start} to {stop}, but {position} comes next"
            )
        position = stop
    if size != 8 + length + position:
        raise damaged(f"it has {size} bytes where {8 + length + position} are expected")
    return header


def _bytes_of(entry: dict[str, Any]) -> int:
    if any(not isinstance(extent, int) or extent < 0 for extent in entry["shape"]):
        raise ValueError(f"shape {entry['shape']}")
    if entry["dtype"] not in _CODES:
        raise ValueError(f"dtype {entry['dtype']} is not supported; known are {', '.join(_CODES)}")
    return math.prod(entry["shape"]) * _CODES[entry["dtype"]].itemsize


# ---------------------------------------------------------------------------------------------------------- trees
# In JSON a tensor is {"tensor": name}, a dict {"dict": [[key, value], ...]} (keys may be numbers), a tuple
# {"tuple": [...]}; everything else is itself.


def _without_tensors(value: Any, path: tuple[str, ...], tensors: dict[str, Tensor]) -> Any:
    if isinstance(value, Tensor):
        name = ".".join(path) or "tensor"
        while name in tensors:  # {"a.b": x, "a": {"b": y}}
            name += "'"
        tensors[name] = value
        return {"tensor": name}
    if isinstance(value, Mapping):
        return {"dict": [[_key(k), _without_tensors(v, (*path, str(k)), tensors)] for k, v in value.items()]}
    if isinstance(value, (list, tuple)):
        items = [_without_tensors(item, (*path, str(index)), tensors) for index, item in enumerate(value)]
        return items if isinstance(value, list) else {"tuple": items}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(
        f"save: cannot save a {type(value).__name__} at '{'.'.join(path)}'. Files hold tensors, numbers, strings, "
        "None, and dicts, lists and tuples of them; nothing is pickled."
    )


def _key(key: Any) -> Any:
    if isinstance(key, (bool, int, float, str)):
        return key
    raise TypeError(f"save: keys of dicts must be strings or numbers, but one is a {type(key).__name__}")


def _with_tensors(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    if isinstance(value, list):
        return [_with_tensors(item, tensors) for item in value]
    if not isinstance(value, dict):
        return value
    if "tensor" in value:
        return tensors[value["tensor"]]
    if "tuple" in value:
        return tuple(_with_tensors(item, tensors) for item in value["tuple"])
    return {key: _with_tensors(item, tensors) for key, item in value["dict"]}
