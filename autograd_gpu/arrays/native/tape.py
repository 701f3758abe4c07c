"""A tape of launches and the memory they work on: what runtime/tape.cpp offers, as Python sees it."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from autograd_gpu.arrays.native import runtime

# PyDataMem_SetHandler's place in NumPy's table of C functions, since version 1.22.
_SET_HANDLER = 304


class Launch(NamedTuple):
    """A kernel's entry point, its packed arguments, by whom its blocks are run (runtime/tape.h: Way), its grid."""

    entry: int
    arguments: bytes
    way: int
    grid: tuple[int, int, int]


class Tape:
    """Launches in the order in which they were made, to be run again on the same addresses."""

    def __init__(self) -> None:
        self._library = runtime.library()
        self._tape = ctypes.c_void_p(_typed().host_tape())

    def __len__(self) -> int:
        return self._library.host_tape_size(self._tape)

    def record(self, on: bool) -> None:
        """Record what this thread launches from now on, or stop."""
        self._library.host_tape_record(self._tape if on else None)

    def left(self) -> int:
        """How often a kernel's function left its work to Python while this was recorded."""
        return self._library.host_tape_left(self._tape)

    def __getitem__(self, index: int) -> Launch:
        told = (ctypes.c_long * 7)()
        self._library.host_tape_look(self._tape, ctypes.c_long(index), told)
        entry, arguments, size, way, *grid = told
        return Launch(entry, ctypes.string_at(arguments, size), way, tuple(grid))

    def add(self, launch: Launch) -> None:
        """Put a launch at the end."""
        arguments = ctypes.create_string_buffer(launch.arguments, len(launch.arguments))
        size = len(launch.arguments)
        told = (ctypes.c_long * 7)(launch.entry, ctypes.addressof(arguments), size, launch.way, *launch.grid)
        self._library.host_tape_add(self._tape, told)

    def objects(self) -> list[bytes]:
        """The tables of addresses that arguments name."""
        found: list[bytes] = []
        while (table := self._library.host_tape_object(self._tape, ctypes.c_long(len(found)))) is not None:
            found.append(table)
        return found

    def run(self, first: int, last: int) -> None:
        """Run launches [first, last) again. IndexError where one meets an index out of range."""
        if self._library.host_tape_run(self._tape, ctypes.c_long(first), ctypes.c_long(last)):
            raise IndexError("index out of range in self")

    def __del__(self) -> None:
        self._library.host_tape_end(self._tape)


class Arena:
    """Memory for the arrays of a recording: an address that was handed out once is never given back while an array or
    the arena itself is alive."""

    def __init__(self, tape: Tape) -> None:
        """What lives when is noted by the launches of `tape`."""
        self._handler = _typed().host_arena(tape._tape)
        self._library = runtime.library()

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Within, what NumPy allocates on this thread lies here."""
        before = self._outside = _set_handler()(self._handler)
        try:
            yield
        finally:
            _set_handler()(before)

    @contextmanager
    def not_in_use(self) -> Iterator[None]:
        """Within, which is within `in_use`, NumPy allocates as ever."""
        before = _set_handler()(self._outside)
        try:
            yield
        finally:
            _set_handler()(before)

    def nbytes(self) -> int:
        return self._library.host_arena_bytes(ctypes.py_object(self._handler))

    def lives(self) -> list[tuple[int, int, int, int]]:
        """All that was allocated: address, size, from which launch to which; to a negative one where it is still there.

        The tape is let go.
        """
        capsule = ctypes.py_object(self._handler)
        count = self._library.host_arena_lives(capsule, None)
        told = np.empty((count, 4), np.int64)
        self._library.host_arena_lives(capsule, ctypes.c_void_p(told.ctypes.data))
        return [tuple(life) for life in told.tolist()]

    @contextmanager
    def fresh(self) -> Iterator[None]:
        """Within, only memory is handed out that nothing has had."""
        capsule = ctypes.py_object(self._handler)
        self._library.host_arena_fresh(capsule, 1)
        try:
            yield
        finally:
            self._library.host_arena_fresh(capsule, 0)

    def keep(self, array: np.ndarray) -> None:
        """Let the memory of an array never be handed out again."""
        self._library.host_arena_keep(ctypes.py_object(self._handler), address(array))

    def holds(self, array: np.ndarray) -> bool:
        return self._state(array) != 0

    def is_computed(self, array: np.ndarray) -> bool:
        """Whether what the array shows was written by what is recorded."""
        return self._state(array) == 2

    def mark_computed(self, array: np.ndarray) -> None:
        self._library.host_arena_computed(ctypes.py_object(self._handler), address(array))

    def _state(self, array: np.ndarray) -> int:
        return self._library.host_arena_state(ctypes.py_object(self._handler), address(array))


def address(array: np.ndarray) -> ctypes.c_void_p:
    return ctypes.c_void_p(array.__array_interface__["data"][0])


def shadow(array: np.ndarray) -> np.ndarray:
    """An array over the same memory that does not keep it alive."""
    if not array.size:
        return np.empty(array.shape, array.dtype)
    reach = [(size - 1) * stride for size, stride in zip(array.shape, array.strides, strict=True)]
    low = sum(step for step in reach if step < 0)
    span = sum(abs(step) for step in reach) + array.itemsize
    memory = (ctypes.c_char * span).from_address(array.__array_interface__["data"][0] + low)
    return np.ndarray(array.shape, array.dtype, memory, -low, array.strides)


@functools.cache
def _typed() -> Any:
    library = runtime.library()
    library.host_tape.restype = ctypes.c_void_p
    library.host_arena.restype = library.host_tape_object.restype = ctypes.py_object
    library.host_arena_bytes.restype = library.host_arena_lives.restype = library.host_arena_state.restype = (
        ctypes.c_long
    )
    library.host_tape_size.restype = library.host_tape_left.restype = ctypes.c_long
    return library


@functools.cache
def _set_handler() -> Any:
    """NumPy's function that takes an allocator and returns the one before."""
    return ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.py_object)(runtime.numpy_functions()[_SET_HANDLER])
