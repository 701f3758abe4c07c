"""``torch.functional``: the package's functions that PyTorch writes in Python, under the name of its file."""

from __future__ import annotations

from typing import Any

from . import unread

__all__ = (
    "atleast_1d atleast_2d atleast_3d block_diag broadcast_tensors cartesian_prod cdist chain_matmul einsum meshgrid "
    "norm split tensordot unique unique_consecutive"
).split()


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    globals()[name] = function = unread.function(name)
    return function
