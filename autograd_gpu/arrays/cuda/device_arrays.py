"""Whose arrays hold device memory: CuPy's, or NumPy's over the emulator's buffers. Knows layouts and where memory comes
from; launches nothing and never looks at a value.
"""

from __future__ import annotations

import contextlib
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np

Shape = Sequence[int]


class DeviceArrays(Protocol):
    """What a driver asks of those whose arrays it has."""

    name: str  # for people

    def empty(self, shape: Shape, dtype: np.dtype) -> Any: ...

    def view(self, array: Any, shape: Shape, strides: Shape, start: int | None = None) -> Any:
        """A view, strides in bytes, that begins `start` bytes into array's buffer or else where `array` does."""

    def owns(self, array: Any) -> bool:
        """Whether `array` is no view and has none made by `view`."""

    def storage(self, array: Any) -> tuple[int, int]:
        """The address and the bytes of the whole buffer that `array` shows."""

    def pointer(self, array: Any) -> int: ...

    def pool(self) -> Any:
        """Memory for graphs: what one frees, only the graphs of the pool take again."""

    def allocating_from(self, pool: Any) -> contextlib.AbstractContextManager:
        """Let this thread's new arrays lie in the pool, in a block."""


# ---- CuPy's


class CupyArrays:
    """CuPy's arrays: in a GPU's memory, or where `make_pool` gives pools of another kind, in theirs."""

    def __init__(self, cupy: Any, make_pool: Callable[[], Any] | None = None) -> None:
        self._cupy = cupy
        self.name = f"CuPy {cupy.__version__}"
        self.pool = make_pool or cupy.cuda.MemoryPool
        self.empty = cupy.empty
        if make_pool is not None:
            cupy.cuda.set_allocator(make_pool().malloc)

    def view(self, array: Any, shape: Shape, strides: Shape, start: int | None = None) -> Any:
        memory = array.data.mem
        start = array.data.ptr - memory.ptr if start is None else start
        pointer = self._cupy.cuda.MemoryPointer(memory, start)
        return self._cupy.ndarray(tuple(shape), array.dtype, memptr=pointer, strides=tuple(strides))

    def owns(self, array: Any) -> bool:
        # CuPy's own views have a base; those made by `view` show as further references to the memory.
        memory = array.data.mem
        return array.base is None and sys.getrefcount(memory) == 3

    def storage(self, array: Any) -> tuple[int, int]:
        memory = array.data.mem
        return memory.ptr, memory.size

    def pointer(self, array: Any) -> int:
        return array.data.ptr

    def allocating_from(self, pool: Any) -> contextlib.AbstractContextManager:
        return self._cupy.cuda.using_allocator(pool.malloc)


class EmulatedPool:
    """Emulated memory as CuPy's pool hands it out: in whole units, the last block released being the next of its size.

    A released block holds NaN, so that whoever still reads it sees that, and later another's values.
    """

    UNIT = 512

    def __init__(self, cupy: Any, allocate: Callable[[int], np.ndarray]) -> None:
        self._cuda, self._allocate = cupy.cuda, allocate
        self._released: defaultdict[int, list[np.ndarray]] = defaultdict(list)

    def malloc(self, size: int) -> Any:
        """What CuPy's allocators return, a MemoryPointer; that of no bytes is null."""
        if size == 0:
            return self._pointer(0, 0, None)
        size = -(-size // self.UNIT) * self.UNIT
        released = self._released[size]
        try:
            buffer = released.pop()
        except IndexError:
            buffer = self._allocate(size)
        return self._pointer(buffer.__array_interface__["data"][0], size, _Block(buffer, released))

    def _pointer(self, address: int, size: int, owner: Any) -> Any:
        return self._cuda.MemoryPointer(self._cuda.UnownedMemory(address, size, owner, 0), 0)


class _Block:
    """Owns a buffer, and gives it back when the last array over it has gone."""

    NAN = 0xFF  # any number of such bytes, in every float format

    def __init__(self, buffer: np.ndarray, released: list[np.ndarray]) -> None:
        self._buffer, self._released = buffer, released

    def __del__(self) -> None:
        self._buffer.fill(self.NAN)
        self._released.append(self._buffer)


# ---- NumPy's, over the emulator's buffers


class EmulatedArrays:
    """NumPy's arrays, each in a buffer of its own between inaccessible pages."""

    def __init__(self, allocate: Callable[[int], np.ndarray]) -> None:
        self.name = "NumPy"
        self._allocate = allocate
        self._pool: list[np.ndarray] | None = None

    def empty(self, shape: Shape, dtype: np.dtype) -> DeviceArray:
        dtype = np.dtype(dtype)
        size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        # A buffer of no bytes has no address: give it some, so that every array has a pointer of its own.
        buffer = self._allocate(max(size, 16))
        if self._pool is not None:
            self._pool.append(buffer)
        # NumPy's and CuPy's own arrays without elements step nowhere.
        return DeviceArray(shape, dtype, buffer, strides=None if size else (0,) * len(shape))

    def view(self, array: DeviceArray, shape: Shape, strides: Shape, start: int | None = None) -> DeviceArray:
        buffer = _buffer_of(array)
        if start is None:
            start = self.pointer(array) - self.pointer(buffer)
        return DeviceArray(shape, array.dtype, buffer, start, strides)

    def owns(self, array: DeviceArray) -> bool:
        # NumPy's views have a device array as base; those made by `view` show as further references to the buffer.
        buffer = array.base
        return not isinstance(buffer, DeviceArray) and sys.getrefcount(buffer) == 3

    def storage(self, array: DeviceArray) -> tuple[int, int]:
        buffer: Any = _buffer_of(array)
        return self.pointer(buffer), buffer.nbytes

    def pointer(self, array: np.ndarray) -> int:
        return array.__array_interface__["data"][0]

    def pool(self) -> list[np.ndarray]:
        """Every buffer that the graphs of the pool were given, kept as long as the pool."""
        return []

    @contextlib.contextmanager
    def allocating_from(self, pool: list[np.ndarray]) -> Iterator[None]:
        self._pool = pool
        try:
            yield
        finally:
            self._pool = None


class DeviceArray(np.ndarray):
    """An array in emulated device memory. Views are NumPy's; values come from our kernels alone."""

    __array_ufunc__ = None

    def __array_function__(self, function: Any, types: Any, args: Any, kwargs: Any) -> Any:
        raise TypeError(f"numpy.{function.__name__} on a device array: its values may come only from our kernels")

    def __getitem__(self, index: Any) -> DeviceArray:
        index = index if isinstance(index, tuple) else (index,)
        if not all(i is None or i is Ellipsis or isinstance(i, (int, slice)) for i in index):
            raise TypeError(f"device array indexed by {index}: only views are the array library's own")
        # With an ellipsis NumPy gives a 0-d view where it would otherwise read the value out.
        return super().__getitem__(index if any(i is Ellipsis for i in index) else (*index, Ellipsis))

    def reshape(self, *shape: Any, **kwargs: Any) -> DeviceArray:
        view = super().reshape(*shape, **kwargs)
        if _buffer_of(view) is not _buffer_of(self):
            raise TypeError(f"device array of shape {self.shape}, strides {self.strides} has no view of shape {shape}")
        return view

    def __repr__(self) -> str:
        return f"DeviceArray(shape={self.shape}, dtype={self.dtype})"


def _buffer_of(array: np.ndarray) -> np.ndarray:
    """The allocation that a view of a view of ... it shows."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def _refuse(name: str) -> Any:
    def method(self: DeviceArray, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(f"{name} on a device array: its values may come only from our kernels")

    return method


for _name in (
    # ndarray's methods that read or write values without going through a ufunc
    *("__setitem__", "__bool__", "__float__", "__int__", "__index__", "argpartition", "argsort", "astype", "choose"),
    *("compress", "copy", "dot", "fill", "item", "nonzero", "partition", "put", "repeat", "searchsorted", "sort"),
    *("take", "tolist", "tobytes", "trace", "flatten", "ravel"),
):
    setattr(DeviceArray, _name, _refuse(_name))
