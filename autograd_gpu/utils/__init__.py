"""``autograd_gpu.utils``: where PyTorch code imports `checkpoint` and `data` from. Names, nothing else."""

import importlib as _importlib
from typing import Any as _Any

from . import checkpoint, data

__all__ = ["checkpoint", "data"]


def __getattr__(name: str) -> _Any:
    """What few programs need is imported when first named."""
    if name not in ("_foreach_utils", "_pytree", "dlpack", "hooks"):
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return _importlib.import_module(f".{name}", __name__)
