"""``autograd_gpu.backends``: PyTorch's switches for the libraries under it, and questions about them.

Here the kernels are our own, so most switches choose between nothing: they keep what they are told, so that a program
for PyTorch runs, and each says what it does. `cuda.matmul.allow_tf32` is one that acts. What is not there (cuDNN,
oneDNN, MPS) says so. Each part is imported when first named.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import cpu as cpu
    from . import cuda as cuda
    from . import cudnn as cudnn
    from . import mkl as mkl
    from . import mkldnn as mkldnn
    from . import mps as mps
    from . import openmp as openmp

__all__ = ["cpu", "cuda", "cudnn", "mkl", "mkldnn", "mps", "openmp"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'; it has {', '.join(__all__)}")
    return importlib.import_module(f".{name}", __name__)


def __dir__() -> list[str]:
    return __all__
