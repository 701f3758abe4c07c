"""The workbench: a raw CUDA C kernel called on NumPy arrays.

Copies arrays into guarded memory and back and checks every argument against the kernel's own parameter list, strictly,
because a GPU launch checks nothing. Knows NumPy and launches; compiling and running are module.py's.
"""

import re
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from .errors import EmulatorError
from .memory import allocate, is_device_memory
from .module import Extent, Order, Parameter, compile_module

_INCLUDE = re.compile(r'^\s*#\s*include\s*"([^"]+)"', re.M)
_HALF_TYPES = {
    "f16": ("float16",),
    "__half": ("float16",),
    "bf16": ("bfloat16", "uint16"),
    "__nv_bfloat16": ("bfloat16", "uint16"),
}


class Kernel:
    """A kernel as a function of NumPy arrays and sized NumPy scalars.

        scale = Kernel("scale.cu", "scale")
        scale(grid=4, block=256, args=(x, np.float32(2), np.int32(x.size)))

    `source` is a path to a .cu file, whose own headers are found beside it, or the text of one, with `headers` by name.
    Arrays passed for pointers to non-const are written back. `order` ("forward", "reverse", "random" with `seed`)
    changes the order in which threads run: results must not depend on it. `max_shared` is what a launch may use of
    shared memory; a GPU needs an opt-in above 48 KiB.
    """

    def __init__(
        self,
        source: str | Path,
        name: str,
        defines: Sequence[str] = (),
        *,
        headers: Mapping[str, str] = {},
        racecheck: bool = True,
        order: Order = "forward",
        seed: int = 0,
        timeout: float = 20.0,
        max_shared: int = 48 << 10,
    ) -> None:
        is_text = isinstance(source, str) and ("\n" in source or "{" in source)
        path = Path("kernel.cu") if is_text else Path(source)
        text = str(source) if is_text else path.read_text()
        found = {} if is_text else _headers_beside(path, text)
        module = compile_module(text, path.name, {**found, **headers}, defines, racecheck)
        self._function = module.function(name)
        self._launch = partial(self._function.launch, order=order, seed=seed, timeout=timeout, shared_limit=max_shared)

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The kernel's parameters, as compiled."""
        return self._function.parameters

    def __call__(self, grid: Extent, block: Extent, args: Sequence[object], shared_mem: int = 0) -> None:
        """Launches and waits. Raises TypeError for an argument that does not fit, KernelError for a fault."""
        if len(args) != len(self.parameters):
            raise TypeError(f"{self._function.name} takes {len(self.parameters)} arguments, got {len(args)}")
        packed = bytearray(self._function.packed_size)
        device = _DeviceCopies()
        for position, (parameter, value) in enumerate(zip(self.parameters, args, strict=True)):
            try:
                data = _pack(parameter, value, device)
            except TypeError as error:
                raise TypeError(f"{self._function.name}: argument {position} '{parameter.name}' {error}") from None
            packed[parameter.offset : parameter.offset + parameter.size] = data
        self._launch(grid, block, bytes(packed), shared_mem)
        device.copy_back()


class _DeviceCopies:
    """The arrays of one launch in device memory; an array that is passed twice is one buffer."""

    def __init__(self) -> None:
        self._copies: dict[tuple[int, int], tuple[np.ndarray, np.ndarray]] = {}
        self._written: set[tuple[int, int]] = set()

    def address(self, array: np.ndarray, written: bool) -> int:
        if is_device_memory(array):
            return array.ctypes.data
        key = (array.ctypes.data, array.nbytes)
        if key not in self._copies:
            copy = allocate(array.nbytes)
            copy[:] = array.reshape(-1).view(np.uint8)
            self._copies[key] = (array, copy)
        if written:
            self._written.add(key)
        return self._copies[key][1].ctypes.data

    def copy_back(self) -> None:
        for key in self._written:
            array, copy = self._copies[key]
            array.reshape(-1).view(np.uint8)[:] = copy


def _pack(parameter: Parameter, value: object, device: _DeviceCopies) -> bytes:
    if parameter.kind == "pointer":
        return _pointer(parameter, value, device).to_bytes(8, "little")
    if parameter.kind == "struct":
        data = bytes(value) if isinstance(value, bytes) else value.tobytes() if isinstance(value, np.generic) else b""
        if len(data) != parameter.size:
            raise TypeError(f"is a {parameter.type} of {parameter.size} bytes: pass bytes or a structured scalar")
        return data
    expected = _dtype(parameter.code)
    if not isinstance(value, np.generic) or value.dtype != expected:
        raise TypeError(f"must be np.{expected}(...), got {_describe(value)}")
    return value.tobytes()


def _pointer(parameter: Parameter, value: object, device: _DeviceCopies) -> int:
    if value is None:
        return 0
    if not isinstance(value, np.ndarray):
        raise TypeError(f"must be an array ({parameter}), got {_describe(value)}")
    if not _accepts(parameter, value.dtype):
        raise TypeError(f"is {parameter}, got an array of {value.dtype}")
    if not value.flags.c_contiguous:
        raise TypeError("must be C-contiguous: pass np.ascontiguousarray(x)")
    if not parameter.const and not value.flags.writeable:
        raise TypeError("is written by the kernel, got a read-only array")
    return device.address(value, written=not parameter.const)


def _accepts(parameter: Parameter, dtype: np.dtype) -> bool:
    code, size = parameter.code[0], int(parameter.code[1:])
    if parameter.type in _HALF_TYPES:
        return dtype.name in _HALF_TYPES[parameter.type]
    if code == "v":
        return True
    if code in "Vp":
        return dtype.itemsize == size
    return dtype == _dtype(parameter.code)


def _dtype(code: str) -> np.dtype:
    return np.dtype(bool) if code == "b1" else np.dtype(code)


def _describe(value: object) -> str:
    return f"np.{value.dtype}" if isinstance(value, np.generic) else type(value).__name__


def _headers_beside(path: Path, text: str) -> dict[str, str]:
    """The texts of the headers that `text` includes by quotes, and of those that they include."""
    found: dict[str, str] = {}
    pending = [(path.parent, name) for name in _INCLUDE.findall(text)]
    while pending:
        folder, name = pending.pop()
        candidates = [base / name for base in (folder, path.parent, path.parent / "include")]
        header = next((candidate for candidate in candidates if candidate.is_file()), None)
        if header is None or name in found:
            continue  # the emulator's own, or the compiler will name what is missing
        if ".." in Path(name).parts:
            raise EmulatorError(f'{path.name}: #include "{name}" leaves the folder of the source')
        found[name] = header.read_text()
        pending += [(header.parent, inner) for inner in _INCLUDE.findall(found[name])]
    return found
