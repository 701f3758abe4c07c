"""``torch.__config__``: how the library was built."""

from __future__ import annotations

import os

from .version import __version__


def show() -> str:
    """Return what this library is: no part of it was compiled before it came here."""
    return f"autograd_gpu {__version__} built with:\n  - NumPy, and kernels compiled where they run\n"


def parallel_info() -> str:
    """Return how many processors there are for threads."""
    return f"ATen/Parallel:\n\tat::get_num_threads() : {os.cpu_count()}\n"
