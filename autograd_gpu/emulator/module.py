"""Compiled kernels: their true parameter lists, and their launch from a packed parameter buffer.

Knows the layout of a launch as the CUDA driver wants it. Does not copy or check arrays: see kernel.py for that.
"""

import ctypes
import re
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from .build import build_module
from .errors import EmulatorError, KernelError
from .report import with_source_lines
from .runtime import runtime

Order = Literal["forward", "reverse", "random"]
Kind = Literal["pointer", "scalar", "struct"]
Extent = int | Sequence[int]

SHARED_LIMIT = 227 << 10  # bytes a block may ask for on sm_90, after opting in
_MOST_THREADS = 1024
_MOST_BLOCKS = (2**31 - 1, 65535, 65535)
_MOST_THREADS_BY_AXIS = (1024, 1024, 64)
_CONFIG = struct.Struct("8IiIid")  # runtime.h: LaunchConfig
_ORDERS = {"forward": 0, "reverse": 1, "random": 2}
_INTERRUPTED = 2
_KINDS: dict[str, Kind] = {"P": "pointer", "S": "scalar", "V": "struct"}
_LETTERS = {"f4": "f", "f8": "d", "b1": "?"} | {
    f"{code}{struct.calcsize(letter)}": letter for code, letters in (("i", "bhiq"), ("u", "BHIQ")) for letter in letters
}


@dataclass(frozen=True)
class Parameter:
    """One kernel parameter, as compiled. `code` is of the scalar or of what the pointer points at: "f4", "i8", "b1"
    (bool), "v0" (void), "V2" (a struct of 2 bytes)."""

    name: str
    type: str
    kind: Kind
    const: bool
    code: str
    size: int
    offset: int

    def __str__(self) -> str:
        return f"{'const ' * self.const}{self.type}{' *' * (self.kind == 'pointer')} {self.name}".replace("* ", "*")


class _ParameterStruct(ctypes.Structure):  # abi.h: emu_parameter
    _fields_ = [
        ("type", ctypes.c_char_p),
        ("kind", ctypes.c_char),
        ("code", ctypes.c_char),
        ("is_const", ctypes.c_bool),
        ("element_size", ctypes.c_int),
        ("size", ctypes.c_int),
        ("offset", ctypes.c_int),
    ]


class _KernelStruct(ctypes.Structure):  # abi.h: emu_kernel
    _fields_ = [
        ("parameter_names", ctypes.c_char_p),
        ("run", ctypes.c_void_p),
        ("parameters", ctypes.POINTER(_ParameterStruct)),
        ("count", ctypes.c_int),
        ("packed_size", ctypes.c_int),
        ("max_threads", ctypes.c_int),
    ]


class Function:
    """One kernel of a module, ready to launch."""

    def __init__(self, name: str, entry: _KernelStruct, library: Path, racecheck: bool) -> None:
        self.name = name
        self.parameters = tuple(_read_parameters(entry))
        self.packed_size = entry.packed_size
        self.max_threads = min(entry.max_threads, _MOST_THREADS)
        self._entry = entry  # the runtime is given its address
        self._address = ctypes.addressof(entry)
        self._library = library
        self._racecheck = racecheck
        self._runtime = runtime()

    def launch(
        self,
        grid: Extent,
        block: Extent,
        packed: bytes,
        shared_mem: int = 0,
        *,
        order: Order = "forward",
        seed: int = 0,
        timeout: float = 120.0,
        shared_limit: int = SHARED_LIMIT,
    ) -> None:
        """Runs the kernel to its end. `packed` holds the arguments at their natural alignment, pointers as addresses
        within `allocate`d memory. `timeout` is in seconds of CPU time. Raises KernelError for what a check finds.
        """
        grid, block = _three(grid), _three(block)
        self._check_geometry(grid, block, shared_mem, shared_limit)
        packed = bytes(packed)
        if len(packed) < self.packed_size:
            raise EmulatorError(f"{self.name}: {len(packed)} bytes of parameters, the kernel takes {self.packed_size}")
        config = _CONFIG.pack(*grid, *block, shared_mem, shared_limit, _ORDERS[order], seed, self._racecheck, timeout)
        outcome = self._runtime.emu_launch(self._address, packed, config)
        if outcome == _INTERRUPTED:
            raise EmulatorError(f"{self.name}: interrupted")  # reached only if the SIGINT handler raised nothing
        if outcome:
            message = with_source_lines(self._runtime.emu_failure().decode(), self._library)
            raise KernelError(f"{self.name}: {message}")

    def check_format(self, format: str) -> None:
        """Raises EmulatorError unless `format`, a string of the struct module, packs what this kernel takes.

        P pointer, i I q Q f d ? b B h H scalars, <n>s a struct by value of n bytes.
        """
        fields = list(_fields(format))
        if len(fields) != len(self.parameters):
            raise self._mismatch(format, f"{len(fields)} arguments, the kernel takes {len(self.parameters)}")
        for position, ((letter, size, offset), parameter) in enumerate(zip(fields, self.parameters, strict=True)):
            if letter != _letter(parameter) or size != parameter.size:
                raise self._mismatch(format, f"argument {position} is '{letter}' of {size} bytes, not {parameter}")
            if offset != parameter.offset:
                raise self._mismatch(format, f"argument {position} lies at byte {offset}, not {parameter.offset}")

    def _mismatch(self, format: str, what: str) -> EmulatorError:
        signature = ", ".join(str(parameter) for parameter in self.parameters)
        return EmulatorError(f'format "{format}" does not fit {self.name}({signature}): {what}')

    def _check_geometry(self, grid: Sequence[int], block: Sequence[int], shared_mem: int, shared_limit: int) -> None:
        threads = block[0] * block[1] * block[2]
        if min(grid) < 1 or any(n > most for n, most in zip(grid, _MOST_BLOCKS, strict=True)):
            raise EmulatorError(f"{self.name}: grid {tuple(grid)} is outside 1 to {_MOST_BLOCKS}")
        if min(block) < 1 or any(n > most for n, most in zip(block, _MOST_THREADS_BY_AXIS, strict=True)):
            raise EmulatorError(f"{self.name}: block {tuple(block)} is outside 1 to {_MOST_THREADS_BY_AXIS}")
        if threads > self.max_threads:
            raise EmulatorError(f"{self.name}: block {tuple(block)} has {threads} threads, limit {self.max_threads}")
        if not 0 <= shared_mem <= shared_limit:
            raise EmulatorError(f"{self.name}: {shared_mem} bytes of dynamic shared memory, limit {shared_limit}")


class Module:
    """The kernels of one compiled source."""

    def __init__(self, library: Path, racecheck: bool) -> None:
        runtime()  # first: the kernels' symbols are looked up in it
        self._path = library
        self._library = ctypes.PyDLL(str(library))
        self._racecheck = racecheck
        self._library.emu_kernel_names.restype = ctypes.c_char_p
        self.kernels: tuple[str, ...] = tuple(filter(None, self._library.emu_kernel_names().decode().split(",")))

    def function(self, name: str) -> Function:
        """The kernel called `name`."""
        if name not in self.kernels:
            raise EmulatorError(f"no kernel {name!r} in {self._path.name}; it has {', '.join(self.kernels) or 'none'}")
        entry = self._library[f"emu_entry_{name}"]
        entry.restype = _KernelStruct
        return Function(name, entry(), self._path, self._racecheck)


def compile_module(
    source: str,
    filename: str = "kernel.cu",
    headers: Mapping[str, str] = {},
    defines: Sequence[str] = (),
    racecheck: bool = False,
) -> Module:
    """Compiles CUDA C for the CPU. `headers` maps names to texts, for `#include "name"` or `"include/name"`; `defines`
    are NAME or NAME=value. With `racecheck` every access is followed: slow, and exact. Results are cached on disk."""
    return Module(build_module(source, filename, headers, defines, racecheck), racecheck)


def _read_parameters(entry: _KernelStruct) -> Iterator[Parameter]:
    names = entry.parameter_names.decode().split(",")
    for name, raw in zip(names, entry.parameters[: entry.count], strict=False):
        spelled = re.search(r"\[with T = (.*)\]", raw.type.decode())
        yield Parameter(
            name=name,
            type=spelled.group(1) if spelled else "?",
            kind=_KINDS[raw.kind.decode()],
            const=raw.is_const,
            code=f"{raw.code.decode()}{raw.element_size}",
            size=raw.size,
            offset=raw.offset,
        )


def _letter(parameter: Parameter) -> str:
    return {"pointer": "P", "struct": "s"}.get(parameter.kind) or _LETTERS[parameter.code]


def _fields(format: str) -> Iterator[tuple[str, int, int]]:
    """Letter, size and offset of each field, as struct.pack lays them out natively."""
    end = 0
    for count, letter in re.findall(r"(\d*)(\D)", format.replace(" ", "")):
        repeat = 1 if letter == "s" else int(count or 1)
        size = int(count or 1) if letter == "s" else struct.calcsize(letter)
        for _ in range(repeat):
            offset = end if letter == "s" else -(-end // size) * size
            end = offset + size
            yield letter, size, offset


def _three(extent: Extent) -> tuple[int, int, int]:
    if isinstance(extent, int):
        return (extent, 1, 1)
    x, y, z = (*extent, 1, 1)[:3]
    return (x, y, z)
