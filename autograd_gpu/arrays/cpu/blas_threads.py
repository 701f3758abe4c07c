"""How many threads NumPy's matrix products use, and OpenBLAS's functions by whatever names NumPy's build gave them."""

from __future__ import annotations

import ctypes
import functools
from pathlib import Path
from typing import Any

# Before and after a name; whole numbers have 64 bits where something comes after.
AFFIXES = (("scipy_", "64_"), ("", "64_"), ("", ""))


@functools.cache
def _library() -> tuple[ctypes.CDLL, str, str] | None:
    """The OpenBLAS that is loaded, and what its names are between."""
    try:
        mapped = {line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines() if "openblas" in line}
    except OSError:  # another system: its products keep their threads
        return None
    for path in mapped:
        library = ctypes.CDLL(path)
        for before, after in AFFIXES:
            if hasattr(library, f"{before}openblas_set_num_threads{after}"):
                return library, before, after
    return None


def blas_function(name: str, wide: bool = False) -> Any:
    """OpenBLAS's function, one whose numbers have 64 bits if asked for; None where there is none."""
    found = _library()
    if found is None or (wide and not found[2]):
        return None
    library, before, after = found
    return getattr(library, before + name + after, None)


def set_blas_threads(threads: int) -> None:
    setter = blas_function("openblas_set_num_threads")
    if setter is not None:
        setter(threads)
