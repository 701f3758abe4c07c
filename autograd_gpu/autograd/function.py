"""``autograd_gpu.autograd.function``: where PyTorch code imports Function and once_differentiable from."""

from ..function import Function, FunctionCtx, once_differentiable

__all__ = ["Function", "FunctionCtx", "once_differentiable"]
