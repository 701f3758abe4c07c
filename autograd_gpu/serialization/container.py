"""The safetensors format: a header in JSON, then the tensors' bytes. Knows arrays by name, and their checksums.

Beyond the format, two entries of the metadata hold CRC-32s: of the header, taken with eight zeros in its own place,
and of each tensor. Where they are, every bit of the file is checked; files of other programs are read as they are.
"""

from __future__ import annotations

import json
import math
import mmap
import os
import re
import zlib
from collections.abc import Iterable, Mapping
from typing import IO, Any

import ml_dtypes
import numpy as np

from .replacing import Destination, opened_for_writing

CODES = {
    "C64": np.dtype(np.complex64),
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
CODE_OF = {dtype: code for code, dtype in CODES.items()}
METADATA = "__metadata__"
OURS = "autograd_gpu."  # what our own entries of the metadata begin with
_CRC, _CRCS = f"{OURS}crc32", f"{OURS}tensors.crc32"
_LONGEST_HEADER = 100_000_000  # the format's own limit
_MOST_DIMENSIONS = 64  # NumPy's
_MOST_BYTES = 2**63 - 1


class DamagedFile(RuntimeError):
    """A file that is not, or no longer, what was saved."""


def damaged(filename: str | os.PathLike[str], reason: str) -> DamagedFile:
    return DamagedFile(f"{os.fspath(filename)} is damaged or not a safetensors file: {reason}")


# ---------------------------------------------------------------------------------------------------------- writing


def write(arrays: Mapping[str, np.ndarray], filename: Destination, metadata: Mapping[str, str]) -> None:
    """Write named C-contiguous arrays and metadata, atomically. ValueError or TypeError for what could not be read."""
    _check(arrays, metadata)
    # Widest first keeps every tensor aligned within the file.
    names = sorted(arrays, key=lambda name: (-arrays[name].itemsize, name))
    parts = {name: arrays[name].reshape(-1).view(np.uint8).data for name in names}
    sums = {name: f"{zlib.crc32(part):08x}" for name, part in parts.items()}
    header: dict[str, Any] = {METADATA: {**metadata, _CRCS: json.dumps(sums), _CRC: "0" * 8}}
    offset = 0
    for name in names:
        array = arrays[name]
        header[name] = {
            "dtype": CODE_OF[array.dtype],
            "shape": list(array.shape),
            "data_offsets": [offset, offset + array.nbytes],
        }
        offset += array.nbytes
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    if len(text) > _LONGEST_HEADER:
        raise ValueError(f"save: the header would have {len(text)} bytes; the format allows {_LONGEST_HEADER}")
    text = text.replace(_crc_entry("0" * 8), _crc_entry(f"{zlib.crc32(text):08x}"))
    with opened_for_writing(filename) as file:
        file.write(len(text).to_bytes(8, "little"))
        file.write(text)
        for part in parts.values():
            file.write(part)


def _check(arrays: Mapping[str, np.ndarray], metadata: Mapping[str, str]) -> None:
    for name, array in arrays.items():
        _check_text(name, "a tensor's name")
        if name == METADATA:
            raise ValueError(f"save: the format keeps the name '{METADATA}' for itself; give the tensor another")
        if array.dtype not in CODE_OF:
            known = ", ".join(dtype.name for dtype in CODE_OF)
            raise TypeError(f"save: '{name}' is of dtype {array.dtype}, which the format has not; it has {known}")
    for key, value in metadata.items():
        _check_text(key, "a key of the metadata")
        _check_text(value, f"the metadata's '{key}'")


def _check_text(text: object, what: str) -> None:
    if not isinstance(text, str):
        raise TypeError(f"save: expected {what} to be a string, but got a {type(text).__name__}")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"save: {what}, {text!r}, has no UTF-8") from None


def _crc_entry(digits: str) -> bytes:
    # Nobody else writes this: within a string the quotes would have backslashes.
    return f'"{_CRC}":"{digits}"'.encode()


# ---------------------------------------------------------------------------------------------------------- reading


class Header:
    """What a file says of itself, once it is known to hold every tensor that it speaks of."""

    def __init__(self, file: IO[bytes], filename: str | os.PathLike[str]) -> None:
        self.file, self.filename = file, filename
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(size - 8, _LONGEST_HEADER):
            raise damaged(filename, f"it has {size} bytes, too few for its header")
        text = file.read(length)
        try:
            self.entries: dict[str, Any] = _parsed(text)
            self.metadata = _strings(self.entries.pop(METADATA, {}))
            self.sums = self._checked_sums(text)
            spans = sorted((*_span(entry), name) for name, entry in self.entries.items())
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise damaged(filename, f"its header cannot be read ({_one_line(error)})") from None
        self.begin = 8 + length
        position = 0
        for start, stop, name in spans:
            if start != position:
                raise damaged(filename, f"tensor '{name}' is said to lie at {start}, but {position} comes next")
            position = stop
        if size != self.begin + position:
            raise damaged(filename, f"it has {size} bytes where {self.begin + position} are expected")
        self.names = [name for _, _, name in spans]

    def _checked_sums(self, text: bytes) -> dict[str, str]:
        """Return the checksums of the tensors, which the file of another program has not."""
        written, sums = self.metadata.pop(_CRC, None), self.metadata.pop(_CRCS, None)
        if written is None and sums is None:
            return {}
        if written is None or sums is None:
            raise ValueError("one of its checksums is missing")
        if not re.fullmatch("[0-9a-f]{8}", written) or text.count(_crc_entry(written)) != 1:
            raise ValueError("its own checksum is none")
        if zlib.crc32(text.replace(_crc_entry(written), _crc_entry("0" * 8))) != int(written, 16):
            raise ValueError("its checksum differs")
        found = _strings(_parsed(sums.encode()))
        if found.keys() != self.entries.keys():
            raise ValueError("the checksums are not those of its tensors")
        return found

    def read(self, copy_on_write: bool = False) -> dict[str, np.ndarray]:
        """Return the arrays in the header's order: read, or mapped to memory that is the file's until it is written."""
        whole = mmap.mmap(self.file.fileno(), 0, access=mmap.ACCESS_COPY) if copy_on_write and self.names else None
        arrays = {}
        position = self.begin
        for name in self.names:
            array = _laid_out(self.entries[name], whole, position)
            part = array.reshape(-1).view(np.uint8).data
            if whole is None and self.file.readinto(part) != array.nbytes:  # type: ignore[attr-defined]
                raise damaged(self.filename, f"tensor '{name}' ends too early")
            if self.sums and zlib.crc32(part) != int(self.sums[name], 16):
                raise damaged(self.filename, f"the checksum of tensor '{name}' differs")
            position += array.nbytes
            arrays[name] = array
        return {name: arrays[name] for name in self.entries}


def _laid_out(entry: dict[str, Any], whole: mmap.mmap | None, position: int) -> np.ndarray:
    dtype, shape = CODES[entry["dtype"]], tuple(entry["shape"])
    if whole is None or not math.prod(shape):
        return np.empty(shape, dtype)
    array = np.frombuffer(whole, dtype, math.prod(shape), position).reshape(shape)
    return array if array.flags.aligned else array.copy()


def _parsed(text: bytes) -> dict[str, Any]:
    found = json.loads(text.decode(), object_pairs_hook=_without_twins)
    if not isinstance(found, dict):
        raise TypeError("it is not a JSON object")
    return found


def _without_twins(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"'{key}' is there twice")
        found[key] = value
    return found


def _strings(found: Any) -> dict[str, str]:
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        raise TypeError("metadata must be strings by name")
    return found


def _span(entry: dict[str, Any]) -> tuple[int, int]:
    """Return where a tensor lies, checked against its dtype and shape."""
    if entry["dtype"] not in CODES:
        raise ValueError(f"dtype {entry['dtype']} is not supported; known are {', '.join(CODES)}")
    shape, (start, stop) = entry["shape"], entry["data_offsets"]
    if not isinstance(shape, list) or not all(_is_size(extent) for extent in [*shape, start, stop]):
        raise ValueError(f"shape {shape} at {entry['data_offsets']}")
    itemsize = CODES[entry["dtype"]].itemsize
    if len(shape) > _MOST_DIMENSIONS or math.prod(max(extent, 1) for extent in shape) * itemsize > _MOST_BYTES:
        raise ValueError(f"shape {shape} is beyond what memory can hold")
    if stop - start != math.prod(shape) * itemsize:
        raise ValueError(f"shape {shape} of {entry['dtype']} does not take the bytes from {start} to {stop}")
    return start, stop


def _is_size(extent: Any) -> bool:
    return type(extent) is int and extent >= 0


def _one_line(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    text = f"'{error.args[0]}' is missing" if isinstance(error, KeyError) and error.args else str(error)
    return " ".join(text.split())[:300]
