"""Device memory: making, copying, filling and viewing arrays. Knows layouts, no mathematics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd_gpu.backends.cuda import driver


def current_device() -> int:
    """The index of the GPU that is used unless told otherwise."""
    return driver.current().current_device()


def synchronize() -> None:
    """Wait until everything launched so far has finished."""
    driver.current().synchronize()


def empty(shape: Sequence[int], dtype: np.dtype) -> Any:
    return driver.current().empty(tuple(shape), dtype)
