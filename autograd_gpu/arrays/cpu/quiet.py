"""Infinities and NaN are values here, as on a GPU, not warnings: runs a function with NumPy's floating point warnings
off."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

try:  # what np.errstate sets, without its 1 us per call
    from numpy._core.umath import _extobj_contextvar, _make_extobj
except ImportError:  # another NumPy: the public way
    quiet = np.errstate(all="ignore")
else:
    _ignore = _make_extobj(all="ignore")

    def quiet(function: Callable) -> Callable:
        """Return the function, run without floating point warnings."""

        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            token = _extobj_contextvar.set(_ignore)
            try:
                return function(*args, **kwargs)
            finally:
                _extobj_contextvar.reset(token)

        return run
