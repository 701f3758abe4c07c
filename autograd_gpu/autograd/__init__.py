"""``autograd_gpu.autograd``: PyTorch's names for running the graph and extending it."""

import importlib
from typing import TYPE_CHECKING, Any

from ..modes import enable_grad, inference_mode, no_grad, set_grad_enabled
from ..function import Function
from .anomaly import detect_anomaly, set_detect_anomaly
from .backward import backward, grad

if TYPE_CHECKING:
    from . import forward_ad, function, functional, graph, profiler
    from .gradient_checks import gradcheck as gradcheck
    from .gradient_checks import gradgradcheck as gradgradcheck

__all__ = [
    "Function", "backward", "detect_anomaly", "enable_grad", "forward_ad", "function", "functional", "grad", "graph",
    "inference_mode", "no_grad", "set_detect_anomaly", "set_grad_enabled",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """What is not part of every backward is read when first named."""
    if name in ("forward_ad", "function", "functional", "graph", "profiler"):
        return importlib.import_module(f".{name}", __name__)
    if name == "Variable":
        return importlib.import_module(".variable", __name__).Variable
    if name in ("gradcheck", "gradgradcheck"):
        return getattr(importlib.import_module(".gradient_checks", __name__), name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
