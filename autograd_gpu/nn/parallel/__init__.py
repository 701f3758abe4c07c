"""``autograd_gpu.nn.parallel``: one module on several devices, or in several processes. Names, nothing else."""

from .data_parallel import DataParallel, data_parallel, replicate
from .distributed import DistributedDataParallel

__all__ = ["DataParallel", "DistributedDataParallel", "data_parallel", "replicate"]
