"""How many threads NumPy's matrix products use: OpenBLAS, asked by whatever name NumPy's build gave its functions."""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable
from pathlib import Path

NAMES = ("scipy_openblas_set_num_threads64_", "openblas_set_num_threads64_", "openblas_set_num_threads")


@functools.cache
def _setter() -> Callable[[int], object] | None:
    try:
        mapped = {line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines() if "openblas" in line}
    except OSError:  # another system: its products keep their threads
        return None
    for path in mapped:
        library = ctypes.CDLL(path)
        for name in NAMES:
            if hasattr(library, name):
                return getattr(library, name)
    return None


def set_blas_threads(threads: int) -> None:
    setter = _setter()
    if setter is not None:
        setter(threads)
