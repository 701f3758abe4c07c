"""``autograd_gpu.optim``: optimizers and learning-rate schedules, under PyTorch's names. Names, nothing else."""

from . import lr_scheduler
from .adam import Adam, AdamW
from .optimizer import Optimizer
from .sgd import SGD

__all__ = ["Adam", "AdamW", "Optimizer", "SGD", "lr_scheduler"]
