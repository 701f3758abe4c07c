"""``autograd_gpu.autograd``: PyTorch's names for running the graph and extending it."""

from typing import Any

from ..modes import enable_grad, inference_mode, no_grad, set_grad_enabled
from ..function import Function
from . import forward_ad, function, functional, graph
from .anomaly import detect_anomaly, set_detect_anomaly
from .backward import backward, grad

__all__ = [
    "Function", "backward", "detect_anomaly", "enable_grad", "forward_ad", "function", "functional", "grad", "graph",
    "inference_mode", "no_grad", "set_detect_anomaly", "set_grad_enabled",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """``gradcheck`` and ``gradgradcheck`` are checks, made of the public interface: they are imported when asked for."""
    if name in ("gradcheck", "gradgradcheck"):
        from . import gradient_checks

        return getattr(gradient_checks, name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
