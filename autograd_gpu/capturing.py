"""Which CUDA graph is being captured, if any: `cuda.graph` says so, optimisers and autocast ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .cuda.capture import CUDAGraph

captured: list[CUDAGraph] = []  # the one there is


def running() -> CUDAGraph | None:
    """Return the graph that is being captured now."""
    return captured[0] if captured else None
