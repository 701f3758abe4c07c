"""The seam between our kernels and whatever runs them: a GPU through CuPy, or the emulator on this machine's CPU.

A driver allocates, copies, loads modules and launches. It knows no operation. CuPy and the emulator are imported only
inside their drivers, so that `device="cuda"` costs nothing until it is used.
"""

from __future__ import annotations

import ctypes
import functools
import os
import sys
import threading
from collections.abc import Hashable, Sequence
from typing import Any, Protocol

import numpy as np

from autograd_gpu.arrays.cuda import compile
from autograd_gpu.arrays.cuda.refusals import Refusals
from autograd_gpu.arrays.cuda.streams import NOT_IN_A_GRAPH, CupyStreams, EmulatedStreams
from autograd_gpu.errors import DeviceUnavailable

Shape = Sequence[int]


class Module(Protocol):
    """The loaded kernels of one (file, dtype)."""

    def function(self, name: str, format: str) -> Any:
        """What `launch` takes; LookupError when the module has no such kernel."""


class Driver(Protocol):
    """What the backend asks of a device. Arrays are the array library's own."""

    streams: CupyStreams | EmulatedStreams
    refusals: Refusals

    def context(self) -> Hashable:
        """The place loaded functions belong to: a loaded function is used only where this is the same."""

    def current_device(self) -> int: ...
    def device_count(self) -> int: ...
    def empty(self, shape: Shape, dtype: np.dtype) -> Any: ...
    def from_host(self, array: np.ndarray) -> Any: ...
    def to_host(self, array: Any) -> np.ndarray:
        """A copy of a C-contiguous array."""

    def view(self, array: Any, shape: Shape, strides: Shape, start: int | None = None) -> Any:
        """A view, strides in bytes, that begins `start` bytes into array's buffer or else where `array` does."""

    def owns(self, array: Any) -> bool:
        """Whether `array` is no view and has none made by `view`."""

    def storage(self, array: Any) -> tuple[int, int]:
        """The address and the bytes of the whole buffer that `array` shows."""

    def pointer(self, array: Any) -> int: ...
    def load(self, file: str, dtype: str) -> Module: ...
    def load_text(self, text: str, name: str, definitions: tuple[str, ...]) -> Module:
        """A module of the user's own source; `name` is what errors call it."""

    def launch(self, function: Any, grid: Shape, block: Shape, packed: bytes, shared_mem: int) -> None: ...
    def stream(self) -> int:
        """The handle of the stream that launches go to."""

    def synchronize(self) -> None: ...
    def capturing(self) -> bool:
        """Whether launches are being recorded into a graph rather than run."""

    def linalg(self, name: str, *arrays: Any, **options: Any) -> Any:
        """That function of the array library's linalg; numpy.linalg.LinAlgError where it does not succeed."""

    def describe(self) -> dict[str, str]:
        """Name, versions and the like, for people."""


_current: Driver | None = None


def current() -> Driver:
    """The driver of this process, chosen on first use by AUTOGRAD_GPU_EMULATE."""
    global _current
    if _current is None:
        mode = os.environ.get("AUTOGRAD_GPU_EMULATE", "0")
        if mode not in ("", "0", "1", "race"):
            raise DeviceUnavailable(f"AUTOGRAD_GPU_EMULATE: expected 0, 1 or race, but got '{mode}'")
        _current = CupyDriver() if mode in ("", "0") else EmulatedDriver(racecheck=mode == "race")
    return _current


def current_device() -> int:
    """The index of the GPU that is used unless told otherwise."""
    return current().current_device()


def device_count() -> int:
    return current().device_count()


def device_name() -> str:
    return current().describe()["device"]


# ---- a real GPU


class CupyDriver:
    """CuPy holds the buffers, the memory pool and the streams, and knows cuSOLVER; all other mathematics is ours."""

    def __init__(self) -> None:
        self._cupy = _import_cupy()
        self._runtime, self._driver = self._cupy.cuda.runtime, self._cupy.cuda.driver
        self._current_stream = self._cupy.cuda.get_current_stream
        self._launch_buffers = _LaunchBuffers()
        self.streams = CupyStreams(self._cupy)
        self.refusals = Refusals(lambda: _PinnedWord(self._cupy), at_once=False)
        self.context = self.current_device = self._runtime.getDevice
        self.device_count = self._runtime.getDeviceCount
        self.empty = self._cupy.empty

    def from_host(self, array: np.ndarray) -> Any:
        _not_while(self.capturing(), "a copy from the host")
        return self._cupy.array(array, order="C")

    def to_host(self, array: Any) -> np.ndarray:
        _not_while(self.capturing(), "a copy to the host")
        host = self._cupy.asnumpy(array)
        self.refusals.listen()
        return host

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

    def load(self, file: str, dtype: str) -> _CupyModule:
        return self._load(file, dtype, self.context())

    @functools.cache  # noqa: B019  (one driver lives as long as the process)
    def _load(self, file: str, dtype: str, device: int) -> _CupyModule:
        return _CupyModule(self._cupy, compile.compile_to_cubin(file, dtype, self._arch(device))[0])

    def load_text(self, text: str, name: str, definitions: tuple[str, ...]) -> _CupyModule:
        arch = self._arch(self.context())
        return _CupyModule(self._cupy, compile.compile_text(text, name, arch, definitions)[0])

    @functools.cache  # noqa: B019
    def _arch(self, device: int) -> str:
        capability = self._cupy.cuda.Device(device).compute_capability
        # The "a" target has Hopper's own instructions; it runs nowhere else, which is fine for a cubin.
        return "sm_90a" if capability == "90" else f"sm_{capability}"

    def launch(self, function: _CupyFunction, grid: Shape, block: Shape, packed: bytes, shared_mem: int) -> None:
        if shared_mem > function.dynamic_shared_limit:
            function.allow_dynamic_shared(shared_mem)
        extra = self._launch_buffers.fill(packed)
        self._driver.launchKernel(function.pointer, *grid, *block, shared_mem, self._current_stream().ptr, 0, extra)

    def stream(self) -> int:
        return self._current_stream().ptr

    def synchronize(self) -> None:
        _not_while(self.capturing(), "waiting for the device")
        self._runtime.deviceSynchronize()
        self.refusals.listen()

    def capturing(self) -> bool:
        return self._current_stream().is_capturing()

    def linalg(self, name: str, *arrays: Any, **options: Any) -> Any:
        import cupyx

        _not_while(self.capturing(), f"linalg.{name}, a library's function,")

        with cupyx.errstate(linalg="raise"):
            return getattr(self._cupy.linalg, name)(*arrays, **options)

    def describe(self) -> dict[str, str]:
        device = self.current_device()
        properties = self._runtime.getDeviceProperties(device)
        driver, runtime = self._runtime.driverGetVersion(), self._runtime.runtimeGetVersion()
        return {
            "device": properties["name"].decode(),
            "architecture": self._arch(device),
            "memory": f"{properties['totalGlobalMem'] / 2**30:.1f} GiB",
            "driver": f"CUDA {driver // 1000}.{driver % 1000 // 10}",
            "runtime": f"CUDA {runtime // 1000}.{runtime % 1000 // 10}",
            "cupy": self._cupy.__version__,
        }


class _PinnedWord:
    """64 bits of the host's memory that kernels write to: `value` on this side, `data` as an array's pointer."""

    def __init__(self, cupy: Any) -> None:
        self.data = cupy.cuda.alloc_pinned_memory(8)
        self.value = np.frombuffer(self.data, np.uint64, 1)
        self.value[0] = 0


class _CupyModule:
    def __init__(self, cupy: Any, cubin: bytes) -> None:
        self._cupy = cupy
        self._module = cupy.cuda.function.Module()
        self._module.load(cubin)

    def function(self, name: str, format: str) -> _CupyFunction:
        try:
            return _CupyFunction(self._cupy.cuda.driver, self._module, self._module.get_function(name).ptr)
        except self._cupy.cuda.driver.CUDADriverError as error:
            raise LookupError(f"no kernel {name}: {error}") from error


class _CupyFunction:
    # What every GPU gives without being asked.
    dynamic_shared_limit = 48 << 10

    def __init__(self, driver: Any, module: Any, pointer: int) -> None:
        self._driver, self._module, self.pointer = driver, module, pointer  # the module must outlive its functions

    def allow_dynamic_shared(self, size: int) -> None:
        self._driver.funcSetAttribute(self.pointer, self._driver.CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES, size)
        self.dynamic_shared_limit = size


class _LaunchBuffers(threading.local):
    """A parameter buffer per thread, and the `extra` array that points cuLaunchKernel at it.

    The driver copies the parameters before a launch returns, so one buffer serves every launch of its thread.
    """

    POINTER, SIZE, END = 1, 2, 0  # CU_LAUNCH_PARAM_*
    CAPACITY = 4096  # the most any kernel's parameters may take

    def __init__(self) -> None:
        self._buffer = (ctypes.c_longlong * (self.CAPACITY // 8))()
        self._view = memoryview(self._buffer).cast("B")
        self._size = ctypes.c_size_t()
        self._extra = (ctypes.c_void_p * 5)(
            self.POINTER, ctypes.addressof(self._buffer), self.SIZE, ctypes.addressof(self._size), self.END
        )
        self._address = ctypes.addressof(self._extra)

    def fill(self, packed: bytes) -> int:
        """The address of an `extra` array that hands over `packed`, good until this thread's next call."""
        size = len(packed)
        self._view[:size] = packed
        self._size.value = size
        return self._address


def _import_cupy() -> Any:
    way_out = "Without a GPU, AUTOGRAD_GPU_EMULATE=1 runs the same kernels on the CPU."
    try:
        import cupy
    except Exception as error:  # a broken installation raises more than ImportError
        raise DeviceUnavailable(
            f"device 'cuda' needs CuPy, which does not import ({error}); install it with "
            f"`pip install autograd-gpu[cuda13]` (or [cuda12]). {way_out}"
        ) from error
    if not cupy.cuda.is_available():
        raise DeviceUnavailable(
            "device 'cuda' needs an NVIDIA GPU and its driver, and CuPy finds none; check `nvidia-smi`, and that "
            f"`pip install autograd-gpu[cuda13]` (or [cuda12]) matches the driver. {way_out}"
        )
    return cupy


# ---- the emulator


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


def _not_while(capturing: bool, what: str) -> None:
    if capturing:
        raise RuntimeError(NOT_IN_A_GRAPH.format(what=what))


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


class EmulatedDriver:
    """Runs the very same `.cu` files on the CPU over guarded memory; `racecheck` also watches every access."""

    def __init__(self, racecheck: bool) -> None:
        from autograd_gpu import emulator

        self._emulator, self._racecheck = emulator, racecheck
        self.refusals = Refusals(lambda: _EmulatedWord(self.empty((1,), np.dtype(np.int64))), at_once=True)
        self.streams = EmulatedStreams(self.refusals)

    def context(self) -> Hashable:
        return self._racecheck

    def current_device(self) -> int:
        return 0

    def device_count(self) -> int:
        return 1

    def empty(self, shape: Shape, dtype: np.dtype) -> DeviceArray:
        dtype = np.dtype(dtype)
        size = int(np.prod(shape, dtype=np.int64)) * dtype.itemsize
        # A buffer of no bytes has no address: give it some, so that every array has a pointer of its own.
        buffer = self._emulator.allocate(max(size, 16))
        if self.streams.recording is not None:
            self.streams.recording.memory.append(buffer)
        return DeviceArray(shape, dtype, buffer)

    def from_host(self, array: np.ndarray) -> DeviceArray:
        _not_while(self.capturing(), "a copy from the host")
        result = self.empty(array.shape, array.dtype)
        result.view(np.ndarray)[...] = array
        return result

    def to_host(self, array: DeviceArray) -> np.ndarray:
        _not_while(self.capturing(), "a copy to the host")
        self.refusals.listen()
        return array.view(np.ndarray).copy()

    def view(self, array: DeviceArray, shape: Shape, strides: Shape, start: int | None = None) -> DeviceArray:
        buffer = _buffer_of(array)
        if start is None:
            start = self.pointer(array) - buffer.__array_interface__["data"][0]
        return DeviceArray(shape, array.dtype, buffer, start, strides)

    def owns(self, array: DeviceArray) -> bool:
        # NumPy's views have a device array as base; those made by `view` show as further references to the buffer.
        buffer = array.base
        return not isinstance(buffer, DeviceArray) and sys.getrefcount(buffer) == 3

    def storage(self, array: DeviceArray) -> tuple[int, int]:
        buffer: Any = array
        while isinstance(buffer.base, np.ndarray):
            buffer = buffer.base
        return buffer.__array_interface__["data"][0], buffer.nbytes

    def pointer(self, array: DeviceArray | _EmulatedWord) -> int:
        return array.__array_interface__["data"][0]

    @functools.cache  # noqa: B019  (one driver lives as long as the process)
    def load(self, file: str, dtype: str) -> _EmulatedModule:
        return self.load_text(compile.source(file), file, compile.defines(dtype))

    def load_text(self, text: str, name: str, definitions: tuple[str, ...]) -> _EmulatedModule:
        return _EmulatedModule(
            self._emulator.compile_module(text, name, compile.headers(), definitions, racecheck=self._racecheck)
        )

    def launch(self, function: Any, grid: Shape, block: Shape, packed: bytes, shared_mem: int) -> None:
        recording = self.streams.recording
        if recording is None:
            function.launch(grid, block, packed, shared_mem)
        else:
            recording.launches.append((function, grid, block, packed, shared_mem))

    def stream(self) -> int:
        return 0

    def synchronize(self) -> None:
        """Wait for nothing: every launch has finished when it returns."""
        _not_while(self.capturing(), "waiting for the device")
        self.refusals.listen()

    def capturing(self) -> bool:
        return self.streams.recording is not None

    def linalg(self, name: str, *arrays: DeviceArray, **options: Any) -> Any:
        _not_while(self.capturing(), f"linalg.{name}, a library's function,")
        given = [array.view(np.ndarray) for array in arrays]
        if (
            name in ("svd", "eigh", "eigvalsh") and not np.isfinite(given[0]).all()
        ):  # LAPACK may never come back from it
            raise np.linalg.LinAlgError
        results = getattr(np.linalg, name)(*given, **options)
        return tuple(map(self.from_host, results)) if isinstance(results, tuple) else self.from_host(results)

    def describe(self) -> dict[str, str]:
        return {"device": "emulated GPU on the CPU" + (", racecheck" if self._racecheck else "")}


class _EmulatedWord:
    """64 bits of device memory, which here the host reads as its own."""

    def __init__(self, array: DeviceArray) -> None:
        self.value = array.view(np.ndarray).view(np.uint64)
        self.value[0] = 0
        self.__array_interface__ = array.__array_interface__


class _EmulatedModule:
    def __init__(self, module: Any) -> None:
        self._module = module

    def function(self, name: str, format: str) -> Any:
        if name not in self._module.kernels:
            raise LookupError(f"no kernel {name}")
        function = self._module.function(name)
        function.check_format(format)
        return function
