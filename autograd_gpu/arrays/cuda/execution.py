"""Who executes on device memory: a GPU through CuPy, or the emulator on this machine's CPU. Loads modules, launches,
copies, and hands decompositions to a library; whose arrays it works on is not its concern, and it knows no operation.
"""

from __future__ import annotations

import ctypes
import functools
import threading
from collections.abc import Hashable
from types import SimpleNamespace
from typing import Any, Protocol

import ml_dtypes
import numpy as np

from autograd_gpu.arrays.cuda import compile
from autograd_gpu.arrays.cuda.device_arrays import DeviceArrays, Shape
from autograd_gpu.arrays.cuda.refusals import Refusals, Word
from autograd_gpu.arrays.cuda.streams import NOT_IN_A_GRAPH, CupyStreams, EmulatedStreams
from autograd_gpu.arrays.sources import ALL


class Module(Protocol):
    """The loaded kernels of one (file, dtype)."""

    def function(self, name: str, format: str) -> Any:
        """What `launch` takes; LookupError when the module has no such kernel."""


class Driver:
    """What the backend asks of a device: somebody's arrays, and the execution that subclasses are."""

    streams: CupyStreams | EmulatedStreams
    refusals: Refusals

    def __init__(self, arrays: DeviceArrays) -> None:
        self.arrays = arrays
        # Their functions are the driver's own: a launch asks for nothing oftener than for pointers.
        self.empty, self.view, self.owns = arrays.empty, arrays.view, arrays.owns
        self.storage, self.pointer = arrays.storage, arrays.pointer

    def context(self) -> Hashable:
        """The place loaded functions belong to: a loaded function is used only where this is the same."""
        raise NotImplementedError

    def current_device(self) -> int:
        raise NotImplementedError

    def device_count(self) -> int:
        raise NotImplementedError

    def from_host(self, array: np.ndarray) -> Any:
        """A copy in device memory, C-contiguous."""
        _not_while(self.capturing(), "a copy from the host")
        if array.dtype not in _KNOWN:
            raise TypeError(f"device memory: no kernel knows {array.dtype!r}; cast the array on the host first")
        return self._from_host(array)

    def to_host(self, array: Any) -> np.ndarray:
        """A copy of a C-contiguous array."""
        _not_while(self.capturing(), "a copy to the host")
        host = self._to_host(array)
        self.refusals.listen()
        return host

    def load(self, file: str, dtype: str) -> Module:
        raise NotImplementedError

    def load_text(self, text: str, name: str, definitions: tuple[str, ...]) -> Module:
        """A module of the user's own source; `name` is what errors call it."""
        raise NotImplementedError

    def launch(self, function: Any, grid: Shape, block: Shape, packed: bytes, shared_mem: int) -> None:
        raise NotImplementedError

    def stream(self) -> int:
        """The handle of the stream that launches go to."""
        raise NotImplementedError

    def synchronize(self) -> None:
        """Wait until every launch has finished."""
        _not_while(self.capturing(), "waiting for the device")
        self._wait()
        self.refusals.listen()

    def capturing(self) -> bool:
        """Whether launches are being recorded into a graph rather than run."""
        raise NotImplementedError

    def linalg(self, name: str, *arrays: Any, **options: Any) -> Any:
        """That function of a library's linalg; numpy.linalg.LinAlgError where it does not succeed."""
        _not_while(self.capturing(), f"linalg.{name}, a library's function,")
        return self._linalg(name, arrays, options)

    def describe(self) -> dict[str, str]:
        """Name, versions and the like, for people."""
        raise NotImplementedError

    def _from_host(self, array: np.ndarray) -> Any:
        raise NotImplementedError

    def _to_host(self, array: Any) -> np.ndarray:
        raise NotImplementedError

    def _wait(self) -> None:
        raise NotImplementedError

    def _linalg(self, name: str, arrays: tuple[Any, ...], options: dict[str, Any]) -> Any:
        raise NotImplementedError


# Array libraries make arrays of more than kernels know: objects, long doubles, the other byte order.
_KNOWN = frozenset(np.dtype(getattr(ml_dtypes, name, name)) for name in ALL)


def _not_while(capturing: bool, what: str) -> None:
    if capturing:
        raise RuntimeError(NOT_IN_A_GRAPH.format(what=what))


# ---- a GPU, through CuPy


class CudaDriver(Driver):
    """CuPy holds the memory pool and the streams, and knows cuSOLVER; all other mathematics is ours."""

    def __init__(self, cupy: Any, arrays: DeviceArrays) -> None:
        super().__init__(arrays)
        self._cupy = cupy
        self._runtime, self._driver = cupy.cuda.runtime, cupy.cuda.driver
        self._current_stream = cupy.cuda.get_current_stream
        self._launch_buffers = _LaunchBuffers()
        self.streams = CupyStreams(cupy, arrays)
        self.refusals = Refusals(self._pinned_word, at_once=False)
        self.context = self.current_device = self._runtime.getDevice
        self.device_count = self._runtime.getDeviceCount

    def _pinned_word(self) -> Word:
        memory = self._cupy.cuda.alloc_pinned_memory(8)
        return Word(SimpleNamespace(data=memory), np.frombuffer(memory, np.uint64, 1))

    def _from_host(self, array: np.ndarray) -> Any:
        return self._cupy.array(array, order="C")

    def _to_host(self, array: Any) -> np.ndarray:
        return self._cupy.asnumpy(array)

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

    def _wait(self) -> None:
        self._runtime.deviceSynchronize()

    def capturing(self) -> bool:
        return self._current_stream().is_capturing()

    def _linalg(self, name: str, arrays: tuple[Any, ...], options: dict[str, Any]) -> Any:
        import cupyx

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


# ---- the emulator


class EmulatedDriver(Driver):
    """Runs the very same `.cu` files on the CPU over guarded memory; `racecheck` also watches every access."""

    def __init__(self, emulator: Any, arrays: DeviceArrays, racecheck: bool) -> None:
        super().__init__(arrays)
        self._emulator, self._racecheck = emulator, racecheck
        self.refusals = Refusals(self._word, at_once=True)
        self.streams = EmulatedStreams(arrays, self.refusals)

    def _word(self) -> Word:
        array = self.empty((1,), np.dtype(np.uint64))
        return Word(array, self._values(array))

    def _values(self, array: Any) -> np.ndarray:
        """What the array holds, without a copy: the host reads emulated memory as its own, as long as `array` lives."""
        memory = (ctypes.c_char * array.nbytes).from_address(self.pointer(array))
        return np.ndarray(array.shape, array.dtype, memory)

    def context(self) -> Hashable:
        return self._racecheck

    def current_device(self) -> int:
        return 0

    def device_count(self) -> int:
        return 1

    def _from_host(self, array: np.ndarray) -> Any:
        result = self.empty(array.shape, array.dtype)
        self._values(result)[...] = array
        return result

    def _to_host(self, array: Any) -> np.ndarray:
        return self._values(array).copy()

    @functools.cache  # noqa: B019  (one driver lives as long as the process)
    def load(self, file: str, dtype: str) -> _EmulatedModule:
        return self.load_text(compile.source(file), file, compile.defines(dtype))

    def load_text(self, text: str, name: str, definitions: tuple[str, ...]) -> _EmulatedModule:
        return _EmulatedModule(
            self._emulator.compile_module(text, name, compile.headers(text), definitions, racecheck=self._racecheck)
        )

    def launch(self, function: Any, grid: Shape, block: Shape, packed: bytes, shared_mem: int) -> None:
        recording = self.streams.recording
        if recording is None:
            function.launch(grid, block, packed, shared_mem)
        else:
            recording.launches.append((function, grid, block, packed, shared_mem))

    def stream(self) -> int:
        return 0

    def _wait(self) -> None:
        """Every launch has finished when it returns."""

    def capturing(self) -> bool:
        return self.streams.recording is not None

    def _linalg(self, name: str, arrays: tuple[Any, ...], options: dict[str, Any]) -> Any:
        given = [self._values(array) for array in arrays]
        if name in ("svd", "eigh", "eigvalsh") and not np.isfinite(given[0]).all():
            # LAPACK may never come back from it.
            raise np.linalg.LinAlgError
        results = getattr(np.linalg, name)(*given, **options)
        return tuple(map(self.from_host, results)) if isinstance(results, tuple) else self.from_host(results)

    def describe(self) -> dict[str, str]:
        return {
            "device": "emulated GPU on the CPU" + (", racecheck" if self._racecheck else ""),
            "arrays": self.arrays.name,
        }


class _EmulatedModule:
    def __init__(self, module: Any) -> None:
        self._module = module

    def function(self, name: str, format: str) -> Any:
        if name not in self._module.kernels:
            raise LookupError(f"no kernel {name}")
        function = self._module.function(name)
        function.check_format(format)
        return function
