"""``torch._C``: the few names of PyTorch's compiled part that programs call and that ask, tell or switch, but compute
nothing. Anything else of it needs PyTorch itself."""

from __future__ import annotations

from typing import Any


def _log_api_usage_once(*event: Any) -> None:
    """Tell nobody."""


def _get_tracing_state() -> None:
    """Return None: nothing is traced."""


def _is_tracing() -> bool:
    """Return False: nothing is traced."""
    return False


def _jit_set_profiling_executor(switch: bool) -> bool:
    """Take the switch of a compiler that is not here; it was off."""
    return False


_jit_set_profiling_mode = _jit_override_can_fuse_on_gpu = _jit_set_texpr_fuser_enabled = _jit_set_profiling_executor
_jit_override_can_fuse_on_cpu = _jit_set_nvfuser_enabled = _jit_set_profiling_executor


def __getattr__(name: str) -> Any:
    raise AttributeError(
        f"torch._C.{name} is PyTorch's compiled part: what needs it needs PyTorch itself, not autograd_gpu in its place"
    )
