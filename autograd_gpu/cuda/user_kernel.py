"""A CUDA kernel of the user's own, launched on tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..modes import modes
from ..tensor import Tensor, bump_version
from ..views import edge_of


class kernel:
    """A CUDA kernel of your own, launched on tensors.

        scale = cuda.kernel(source, "scale")      # extern "C" __global__ void scale(const float *x, float *y, int n)
        scale(grid, block, x, y, x.numel())       # grid and block: an int or a tuple of up to three

    Arguments follow the parameter list, which is read off the source: contiguous CUDA tensors of the pointer's dtype
    (None for a null pointer) and numbers. Nothing is recorded: wrap the launch in an ``autograd.Function`` to give it a
    gradient. Under AUTOGRAD_GPU_EMULATE the same kernel runs on the CPU, every access checked.

    Raises ValueError for a source without such a kernel, TypeError for a wrong argument.
    """

    def __init__(self, source: str, name: str, defines: Sequence[str] = ()) -> None:
        from ..arrays.cuda.user_kernel import UserKernel

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
                        f"{self.name}: argument {number} requires grad, and a raw kernel records nothing. Launch it in "
                        "an autograd.Function's forward and backward, or under no_grad()."
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
