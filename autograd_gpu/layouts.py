"""PyTorch's names for how elements lie in memory: row-major strides, and the layouts of sparse tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class Layout:
    """``strided``, the layout of every dense tensor; ``sparse_coo`` and ``sparse_csr``; others to compare with."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> str:
        return self.name


class NotStrided(NotImplementedError):
    """An array of all elements was asked of a tensor that has none. `way(name, *args, **kwargs)` does what the function
    of that name does without one, or returns NotImplemented."""

    def __init__(self, message: str, way: Callable[..., Any]) -> None:
        super().__init__(message)
        self.way = way


class MemoryFormat:
    """``contiguous_format`` and ``preserve_format`` are taken; ``channels_last`` is known by name only."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> str:
        return self.name


strided, jagged = Layout("strided"), Layout("jagged")
sparse_coo, sparse_csr, sparse_csc = Layout("sparse_coo"), Layout("sparse_csr"), Layout("sparse_csc")
sparse_bsr, sparse_bsc = Layout("sparse_bsr"), Layout("sparse_bsc")
contiguous_format, preserve_format = MemoryFormat("contiguous_format"), MemoryFormat("preserve_format")
channels_last, channels_last_3d = MemoryFormat("channels_last"), MemoryFormat("channels_last_3d")


def check_memory_format(given: MemoryFormat | None, name: str) -> None:
    """Raise unless row-major memory is what is asked for."""
    if given is not None and given not in (contiguous_format, preserve_format):
        raise NotImplementedError(
            f"{name}: memory_format={given} is not supported; images are kept in row-major (N, C, H, W). Leave "
            "memory_format out."
        )
