"""The seam between our kernels and whatever runs them: a GPU through CuPy, or the emulator on this machine's CPU.

A driver is somebody's arrays (device_arrays.py) and somebody who executes (execution.py). Which they are is chosen
here, on first use; CuPy and the emulator are imported only then, so that `device="cuda"` costs nothing until then.
"""

from __future__ import annotations

from typing import Any

from autograd_gpu.arrays.cuda.device_arrays import CupyArrays, EmulatedArrays, EmulatedPool
from autograd_gpu.arrays.cuda.execution import CudaDriver, Driver, EmulatedDriver
from autograd_gpu.errors import DeviceUnavailable
from autograd_gpu.settings import emulation

_current: Driver | None = None


def current() -> Driver:
    """The driver of this process, chosen on first use by AUTOGRAD_GPU_EMULATE."""
    global _current
    if _current is None:
        _current = _BY_EMULATION[emulation()]()
    return _current


def current_device() -> int:
    """The index of the GPU that is used unless told otherwise."""
    return current().current_device()


def device_count() -> int:
    return current().device_count()


def device_name() -> str:
    return current().describe()["device"]


# ---- the choice


def on_a_gpu() -> Driver:
    cupy = _import_cupy("device 'cuda'")
    if not cupy.cuda.is_available():
        raise DeviceUnavailable(
            "device 'cuda' needs an NVIDIA GPU and its driver, and CuPy finds none; check `nvidia-smi`, and that "
            f"`pip install autograd-gpu[cuda13]` (or [cuda12]) matches the driver. {_WAY_OUT}"
        )
    return CudaDriver(cupy, CupyArrays(cupy))


def emulated(racecheck: bool = False) -> Driver:
    from autograd_gpu import emulator

    return EmulatedDriver(emulator, EmulatedArrays(emulator.allocate), racecheck)


def emulated_with_cupy() -> Driver:
    """The emulator over CuPy's arrays, which need neither GPU nor driver: what a GPU's arrays are, without one."""
    from autograd_gpu import emulator

    cupy = _import_cupy("AUTOGRAD_GPU_EMULATE=cupy")
    return EmulatedDriver(emulator, CupyArrays(cupy, lambda: EmulatedPool(cupy, emulator.allocate)), racecheck=False)


_BY_EMULATION = {
    "0": on_a_gpu,
    "1": emulated,
    "race": lambda: emulated(racecheck=True),
    "cupy": emulated_with_cupy,
}

_WAY_OUT = "Without a GPU, AUTOGRAD_GPU_EMULATE=1 runs the same kernels on the CPU."


def _import_cupy(who: str) -> Any:
    try:
        import cupy
    except Exception as error:  # a broken installation raises more than ImportError
        raise DeviceUnavailable(
            f"{who} needs CuPy, which does not import ({error}); install it with "
            f"`pip install autograd-gpu[cuda13]` (or [cuda12]). {_WAY_OUT}"
        ) from error
    return cupy
