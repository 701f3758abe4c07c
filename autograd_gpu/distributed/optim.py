"""``torch.distributed.optim``. Names, nothing else."""

from ..optim.zero import ZeroRedundancyOptimizer

__all__ = ["ZeroRedundancyOptimizer"]
