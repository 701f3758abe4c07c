"""Whether NumPy computes with Intel's MKL."""

from __future__ import annotations

from typing import Any

import numpy as np


def is_available() -> bool:
    """Return whether the products of NumPy, and so of the CPU here, are MKL's."""
    libraries: Any = np.show_config(mode="dicts")["Build Dependencies"]
    return any("mkl" in str(libraries.get(kind, {}).get("name")).lower() for kind in ("blas", "lapack"))
