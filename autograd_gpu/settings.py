"""What a program sets once for all operations: how exactly float32 products are computed, deterministic algorithms, and
how many of the CPU's cores are used.

Keeps what it was told and knows nothing else: whoever computes looks here. `autograd_gpu.backends` has PyTorch's other
names for the same.
"""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable

from .errors import DeviceUnavailable

# ---------------------------------------------------------------------------------------------- float32 products

_PRECISIONS = ("highest", "high", "medium")
_precision = "highest"


def set_float32_matmul_precision(precision: str) -> None:
    """Let float32 matrix products on a GPU round their operands to tf32 ("high", "medium"), or not ("highest").

    tf32 has float32's range and 10 bits of mantissa (relative error 2**-11 an operand); sums stay float32. The CPU
    computes in float32 whatever is set.
    """
    global _precision
    if not isinstance(precision, str):
        raise RuntimeError(f"set_float32_matmul_precision expects a str, but got {type(precision).__name__}")
    if precision not in _PRECISIONS:
        warnings.warn(
            f"{precision} is not one of 'highest', 'high', or 'medium'; the current setFloat32MatmulPrecision call has "
            "no effect.",
            stacklevel=2,
        )
        return
    _precision = precision


def get_float32_matmul_precision() -> str:
    """Return "highest" (the default), "high" or "medium"."""
    return _precision


def allows_tf32() -> bool:
    """Whether float32 operands of a product may be rounded to tf32."""
    return _precision != "highest"


# ------------------------------------------------------------------------------------------- deterministic algorithms

_MODES = {"default": 0, "warn": 1, "error": 2}
_mode = "default"


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Accept the request, which changes nothing: here no operation gives other bits on another run."""
    if not isinstance(mode, bool):
        raise TypeError(f"_set_deterministic_algorithms(): argument 'mode' must be bool, not {type(mode).__name__}")
    set_deterministic_debug_mode("default" if not mode else "warn" if warn_only else "error")


def are_deterministic_algorithms_enabled() -> bool:
    """Return whether deterministic algorithms have been asked for."""
    return _mode != "default"


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """Return whether they have been asked for with `warn_only`."""
    return _mode == "warn"


def set_deterministic_debug_mode(debug_mode: int | str) -> None:
    """Set the mode by name or number: "default" (0), "warn" (1) or "error" (2)."""
    global _mode
    names = dict(enumerate(_MODES))
    name = names.get(debug_mode, debug_mode) if isinstance(debug_mode, int) else debug_mode
    if not isinstance(debug_mode, (int, str)):
        raise TypeError(f"debug_mode must be str or int, but got {type(debug_mode)}")
    if name not in _MODES:
        raise RuntimeError(
            f"invalid value of debug_mode, expected one of `default`, `warn`, `error`, 0, 1 or 2, but got {debug_mode}"
        )
    _mode = str(name)


def get_deterministic_debug_mode() -> int:
    """Return the mode's number."""
    return _MODES[_mode]


# ---------------------------------------------------------------------------------------------- the CPU's threads

_threads: int | None = None
on_threads: list[Callable[[int], object]] = []  # whoever computes is told


def set_num_threads(int: int) -> None:
    """Share the CPU's work among so many threads: kernels and NumPy's matrix products. Results stay the same bits, but
    for products, whose sums BLAS orders as it likes."""
    global _threads
    if type(int) is not type(0):
        raise TypeError(f"set_num_threads expects an int, but got {type(int).__name__}")
    if int < 1:
        raise RuntimeError(f"set_num_threads expects a positive integer, but got {int}")
    _threads = int
    for tell in on_threads:
        tell(int)


def get_num_interop_threads() -> int:
    """Return 1: operations run one after another."""
    return 1


def set_num_interop_threads(num: int) -> None:
    """Take a number of threads, and go on with one: operations run one after another."""
    if num <= 0:
        raise RuntimeError("set_num_interop_threads expects a positive integer")


def set_flush_denormal(mode: bool) -> bool:
    """Return False: whether processors flush subnormal numbers is left as it is."""
    return False


def get_num_threads() -> int:
    """Return how many threads share the CPU's work: as set, else OMP_NUM_THREADS, else the cores the process may
    use."""
    if _threads is not None:
        return _threads
    asked = os.environ.get("OMP_NUM_THREADS", "")
    if asked.isdecimal() and int(asked) > 0:
        return int(asked)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


# ---------------------------------------------------------------------------------------------- the emulated GPU

_EMULATIONS = ("0", "1", "race", "cupy")


def emulation() -> str:
    """Return what AUTOGRAD_GPU_EMULATE says that ``device="cuda"`` is: a GPU ("0") or the emulator, and which."""
    mode = os.environ.get("AUTOGRAD_GPU_EMULATE") or "0"
    if mode not in _EMULATIONS:
        raise DeviceUnavailable(f"AUTOGRAD_GPU_EMULATE: expected 0, 1, race or cupy, but got {mode!r}")
    return mode


# ---------------------------------------------------------------------------------------------- captured steps


def fuses() -> bool:
    """Return whether a captured step's launches are made fewer: unless AUTOGRAD_GPU_FUSE=0."""
    return os.environ.get("AUTOGRAD_GPU_FUSE", "1") not in ("", "0")
