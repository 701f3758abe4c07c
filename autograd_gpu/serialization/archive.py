"""The zip archives of PyTorch's checkpoints: stored records by name. Knows no pickle and no tensor.

What is where is read from the central directory alone: PyTorch's writer leaves sizes and checksums out of the headers
in between. Records begin at multiples of 64 bytes, so that they can be used where they lie.
"""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from collections.abc import Mapping
from typing import IO, Any

import numpy as np

from .container import DamagedFile

_END, _END_64, _AT_64 = b"PK\5\6", b"PK\6\6", b"PK\6\7"
_ENTRY, _RECORD = b"PK\1\2", b"PK\3\4"
_FULL_16, _FULL_32 = 0xFFFF, 0xFFFFFFFF  # the real number is in the zip64 part
_ALIGNMENT = 64


def is_archive(begin: bytes) -> bool:
    """Return whether a file's first bytes are a zip's, and not a safetensors file's."""
    return begin[:4] == _RECORD and begin[8:9] != b"{"


class Archive:
    """The records of a file's bytes: where each lies, how long it is, and its checksum."""

    def __init__(self, content: Any, filename: str) -> None:
        self.content, self.filename = memoryview(content), filename
        try:
            self.places = self._read_directory()
        except (struct.error, ValueError) as error:
            raise self.damaged(f"its directory cannot be read ({error})") from None

    def damaged(self, reason: str) -> DamagedFile:
        return DamagedFile(f"{self.filename} is damaged or not a checkpoint of PyTorch's: {reason}")

    def _read_directory(self) -> dict[str, tuple[int, int, int]]:
        start, size, count = self._directory()
        places: dict[str, tuple[int, int, int]] = {}
        position, total = start, 0
        while position < start + size:
            fields = struct.unpack_from("<4s6H3L5H2L", self.content, position)
            signature, flags, method, checksum = fields[0], fields[3], fields[4], fields[7]
            packed, length, header = fields[8], fields[9], fields[16]
            names, extra, comment = fields[10:13]
            if signature != _ENTRY:
                raise ValueError("an entry does not begin as one")
            position += 46
            name = bytes(self.content[position : position + names]).decode()
            packed, length, header = self._wide(position + names, extra, packed, length, header)
            position += names + extra + comment
            if method or flags & 1 or packed != length:
                raise ValueError(f"record {name[:100]!r} is compressed or encrypted, which PyTorch's are not")
            if name in places:
                raise ValueError(f"record {name[:100]!r} is there twice")
            if header + 30 + length > start:
                raise ValueError(f"record {name[:100]!r} would reach beyond the records")
            places[name] = (header, length, checksum)
            total += length
        if len(places) != count or total > start:
            raise ValueError(f"{count} records of {start} bytes do not fit to {len(places)} of {total}")
        return places

    def _directory(self) -> tuple[int, int, int]:
        """Return begin, length and number of entries of the central directory."""
        whole = len(self.content)
        last = bytes(self.content[max(0, whole - 22 - _FULL_16) :]).rfind(_END)
        if last < 0:
            raise ValueError("it has no end record; is it whole?")
        end = last + max(0, whole - 22 - _FULL_16)
        _, _, _, _, count, size, start, _ = struct.unpack_from("<4s4H2LH", self.content, end)
        if end >= 20 and self.content[end - 20 : end - 16] == _AT_64:
            at = struct.unpack_from("<4sLQL", self.content, end - 20)[2]
            if at + 56 > whole or self.content[at : at + 4] != _END_64:
                raise ValueError("its zip64 record is not where it should be")
            count, size, start = struct.unpack_from("<4sQ2H2L4Q", self.content, at)[7:]
        if start + size > end:
            raise ValueError("the directory would reach beyond the file")
        return start, size, count

    def _wide(self, position: int, length: int, *fields: int) -> tuple[int, ...]:
        """Return sizes and offset of an entry, those that are too large for it from its zip64 part."""
        if _FULL_32 not in fields:
            return fields
        stop = position + length
        while position + 4 <= stop:
            kind, size = struct.unpack_from("<2H", self.content, position)
            if kind == 1:
                wide = iter(struct.unpack_from(f"<{size // 8}Q", self.content, position + 4))
                return tuple(next(wide, _FULL_32) if field == _FULL_32 else field for field in fields)
            position += 4 + size
        return fields

    def record(self, name: str, check: bool = True) -> memoryview:
        """Return a record's bytes, where they lie; their checksum is compared, if the file has one."""
        if name not in self.places:
            raise self.damaged(f"there is no record {name[:100]!r}")
        header, length, checksum = self.places[name]
        signature, names, extra = struct.unpack_from("<4s22x2H", self.content, header)
        start = header + 30 + names + extra
        if signature != _RECORD or start + length > len(self.content):
            raise self.damaged(f"record {name[:100]!r} is not where the directory says")
        part = self.content[start : start + length]
        if check and checksum and zlib.crc32(part) != checksum:
            raise self.damaged(f"the checksum of record {name[:100]!r} differs")
        return part


def write_archive(file: IO[bytes], folder: str, records: Mapping[str, bytes | np.ndarray]) -> None:
    """Write records as PyTorch's reader expects them: in one folder, stored, each at a multiple of 64 bytes."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for name, content in records.items():
            entry = zipfile.ZipInfo(f"{folder}/{name}")
            part: Any = content.reshape(-1).view(np.uint8).data if isinstance(content, np.ndarray) else content
            is_large = len(part) > zipfile.ZIP64_LIMIT
            # A field that readers pass over fills what is missing: 4 bytes say how long it is.
            before = archive.fp.tell() + 30 + len(os.fsencode(entry.filename)) + 20 * is_large + 4  # type: ignore[union-attr]
            filling = -before % _ALIGNMENT
            entry.extra = struct.pack("<2s1H", b"FB", filling) + b"Z" * filling
            entry.file_size = len(part)
            with archive.open(entry, "w", force_zip64=is_large) as record:
                record.write(part)
