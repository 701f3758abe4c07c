"""``torch.cuda.nvtx``: ranges and marks that NVIDIA's profilers show, through CuPy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def ranges() -> Any:
    """Return CuPy's functions. RuntimeError where CuPy is not installed."""
    try:
        from cupy.cuda import nvtx
    except ImportError:
        raise RuntimeError(
            'NVTX functions not installed: ranges go through CuPy. Install it: pip install "autograd-gpu[cuda13]".'
        ) from None
    return nvtx


_depth = [0]


def range_push(msg: str) -> int:
    """Begin a range; return how many were open before."""
    ranges().RangePush(msg)
    _depth[0] += 1
    return _depth[0] - 1


def range_pop() -> int:
    """End the innermost range; return how many are open then."""
    ranges().RangePop()
    _depth[0] -= 1
    return _depth[0]


def mark(msg: str) -> None:
    """Mark a moment."""
    ranges().Mark(msg)


@contextmanager
def range(msg: str, *args: Any, **kwargs: Any) -> Iterator[None]:
    """Within this context a range is open; its name is ``msg.format(*args, **kwargs)``."""
    range_push(msg.format(*args, **kwargs))
    try:
        yield
    finally:
        range_pop()
