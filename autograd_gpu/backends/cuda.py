"""Switches of CUDA's products and of attention, and whether the CUDA side is there."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from .. import settings
from .switches import Switch, Switchboard


def is_built() -> bool:
    """Return True: the kernels are compiled when first launched. Whether there is a GPU, `cuda.is_available` says."""
    return True


class _Matmul(Switchboard):
    """Switches of matrix products. Those but the first two change nothing: sums are float32 always."""

    allow_fp16_reduced_precision_reduction = Switch(True)
    allow_bf16_reduced_precision_reduction = Switch(True)
    allow_fp16_accumulation = Switch(False)

    @property
    def allow_tf32(self) -> bool:
        """Whether float32 operands may be rounded to tf32: `set_float32_matmul_precision` "high" or "highest"."""
        return settings.allows_tf32()

    @allow_tf32.setter
    def allow_tf32(self, value: bool) -> None:
        if not isinstance(value, bool):
            raise RuntimeError(f"set_allow_tf32_cublas expects a bool, but got {type(value).__name__}")
        settings.set_float32_matmul_precision("high" if value else "highest")

    @property
    def fp32_precision(self) -> str:
        """The same by name: "tf32" or "ieee"."""
        return "tf32" if settings.allows_tf32() else "ieee"

    @fp32_precision.setter
    def fp32_precision(self, value: str) -> None:
        if value not in ("tf32", "ieee", "none"):
            raise RuntimeError(f"Unknown precision: {value}. Expected one of 'ieee', 'tf32' or 'none'.")
        settings.set_float32_matmul_precision("high" if value == "tf32" else "highest")


matmul = _Matmul()


# ---------------------------------------------------------------------------------------------- attention

# One kernel computes attention here, and what PyTorch's three would refuse it computes too: nothing is chosen by these.
_attention = {"flash": True, "mem_efficient": True, "math": True, "cudnn": True}


def _enable(kind: str, enabled: bool) -> None:
    if not isinstance(enabled, bool):
        raise RuntimeError(f"set_sdp_use_{kind} expects a bool, but got {type(enabled).__name__}")
    _attention[kind] = enabled


def enable_flash_sdp(enabled: bool) -> None:
    """Keep whether PyTorch's flash attention may be used."""
    _enable("flash", enabled)


def flash_sdp_enabled() -> bool:
    """Return what `enable_flash_sdp` was told."""
    return _attention["flash"]


def enable_mem_efficient_sdp(enabled: bool) -> None:
    """Keep whether PyTorch's memory-efficient attention may be used."""
    _enable("mem_efficient", enabled)


def mem_efficient_sdp_enabled() -> bool:
    """Return what `enable_mem_efficient_sdp` was told."""
    return _attention["mem_efficient"]


def enable_math_sdp(enabled: bool) -> None:
    """Keep whether attention may be made of products and a softmax."""
    _enable("math", enabled)


def math_sdp_enabled() -> bool:
    """Return what `enable_math_sdp` was told."""
    return _attention["math"]


@contextlib.contextmanager
def sdp_kernel(
    enable_flash: bool = True, enable_math: bool = True, enable_mem_efficient: bool = True, enable_cudnn: bool = True
) -> Iterator[None]:
    """Set the switches of attention within a block."""
    before = dict(_attention)
    wanted = (enable_flash, enable_mem_efficient, enable_math, enable_cudnn)
    for kind, enabled in zip(("flash", "mem_efficient", "math", "cudnn"), wanted):
        _enable(kind, enabled)
    try:
        yield
    finally:
        _attention.update(before)


def enable_cudnn_sdp(enabled: bool) -> None:
    """Keep whether cuDNN's attention may be used."""
    _enable("cudnn", enabled)


def cudnn_sdp_enabled() -> bool:
    """Return what `enable_cudnn_sdp` was told."""
    return _attention["cudnn"]
