"""``autograd_gpu.utils``: where PyTorch code imports `checkpoint` and `data` from. Names, nothing else."""

from . import checkpoint, data

__all__ = ["checkpoint", "data"]
