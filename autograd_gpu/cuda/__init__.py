"""``autograd_gpu.cuda``: the GPUs there are, streams, graphs, kernels of your own. Imports CuPy only for a GPU asked for."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Sequence
from typing import Any

from ..capture import CUDAGraph as CUDAGraph
from ..capture import graph as graph
from ..capture import graph_pool_handle as graph_pool_handle
from ..capture import is_current_stream_capturing as is_current_stream_capturing
from ..device import Device, emulating, resolve
from ..engine import modes
from ..graphed import make_graphed_callables as make_graphed_callables
from ..ops.random import default_generator
from ..streams import Event as Event
from ..streams import Stream as Stream
from ..streams import current_stream as current_stream
from ..streams import default_stream as default_stream
from ..streams import set_stream as set_stream
from ..streams import stream as stream
from ..tensor import Tensor, bump_version, edge_of


def __getattr__(name: str) -> Any:
    """`cuda.amp` is imported when a program first names it."""
    if name != "amp":
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return importlib.import_module(".amp", __name__)


def is_available() -> bool:
    """Whether tensors can be put on ``device="cuda"``: a GPU with CuPy, or the emulated one."""
    if emulating():
        return True
    if importlib.util.find_spec("cupy") is None:
        return False
    try:
        return bool(Device("cuda").backend.device_count())
    except Exception:  # no driver, or a CuPy that does not fit it: either way there is none to use
        return False


def device_count() -> int:
    """Return how many GPUs there are."""
    return Device("cuda").backend.device_count() if is_available() else 0


def current_device() -> int:
    """Return the index of the GPU that ``device="cuda"`` means."""
    return Device("cuda").backend.current_device()


def get_device_name(device: Device | str | int | None = None) -> str:
    """Return the name of the GPU."""
    return Device("cuda").backend.device_name()


def synchronize(device: Device | str | int | None = None) -> None:
    """Wait until the GPU has done everything that was asked of it."""
    Device("cuda").backend.synchronize()


def manual_seed(seed: int) -> None:
    """Seed the GPU's default generator."""
    default_generator(resolve("cuda")).manual_seed(seed)


manual_seed_all = manual_seed


class kernel:
    """A CUDA kernel of your own, launched on tensors.

        scale = cuda.kernel(source, "scale")             # extern "C" __global__ void scale(const float *x, float *y, int n)
        scale(grid, block, x, y, x.numel())              # grid and block: an int or a tuple of up to three

    Arguments follow the parameter list, which is read off the source: contiguous CUDA tensors of the pointer's dtype
    (None for a null pointer) and numbers. Nothing is recorded: wrap the launch in an ``autograd.Function`` to give it a
    gradient. Under AUTOGRAD_GPU_EMULATE the same kernel runs on the CPU, every access checked.

    Raises ValueError for a source without such a kernel, TypeError for a wrong argument.
    """

    def __init__(self, source: str, name: str, defines: Sequence[str] = ()) -> None:
        from ..backends.cuda.user_kernel import UserKernel

        self._kernel = UserKernel(source, name, defines)
        self.name = name

    def __call__(
        self, grid: int | tuple[int, ...], block: int | tuple[int, ...], *args: Any, shared_mem: int = 0
    ) -> None:
        arrays = []
        for number, value in enumerate(args):
            if isinstance(value, Tensor):
                if not value.is_cuda:
                    raise RuntimeError(
                        f"{self.name}: argument {number} expected a CUDA tensor, but got one on {value.device}. "
                        'Move it with .to("cuda").'
                    )
                if modes.grad and edge_of(value) is not None:
                    raise RuntimeError(
                        f"{self.name}: argument {number} requires grad, and a raw kernel records nothing. Launch it in an "
                        "autograd.Function's forward and backward, or under no_grad()."
                    )
                value = value._array
            arrays.append(value)
        as_tuple = [extent if isinstance(extent, tuple) else (extent,) for extent in (grid, block)]
        self._kernel(as_tuple[0], as_tuple[1], arrays, shared_mem)
        for value, is_written in zip(args, self._kernel.writes):
            if is_written and isinstance(value, Tensor):
                bump_version(value)

    def __repr__(self) -> str:
        return f"<cuda kernel {self.name}>"
