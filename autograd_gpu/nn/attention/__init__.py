"""``torch.nn.attention``: which kernels attention may use. Here there is one, and it computes for each of them."""

from __future__ import annotations

import contextlib
import enum
from collections.abc import Iterator, Sequence

from ...backends import cuda


class SDPBackend(enum.Enum):
    """PyTorch's kernels of attention."""

    ERROR = -1
    MATH = 0
    FLASH_ATTENTION = 1
    EFFICIENT_ATTENTION = 2
    CUDNN_ATTENTION = 3
    OVERRIDEABLE = 4


_SWITCHES = {
    SDPBackend.MATH: (cuda.math_sdp_enabled, cuda.enable_math_sdp),
    SDPBackend.FLASH_ATTENTION: (cuda.flash_sdp_enabled, cuda.enable_flash_sdp),
    SDPBackend.EFFICIENT_ATTENTION: (cuda.mem_efficient_sdp_enabled, cuda.enable_mem_efficient_sdp),
    SDPBackend.CUDNN_ATTENTION: (cuda.cudnn_sdp_enabled, cuda.enable_cudnn_sdp),
}


@contextlib.contextmanager
def sdpa_kernel(backends: SDPBackend | Sequence[SDPBackend], set_priority: bool = False) -> Iterator[None]:
    """Within the block, the switches of `backends.cuda` say that these kernels alone may be used.

    Nothing is chosen by them: the one kernel that there is computes what each of PyTorch's would.
    """
    chosen = [backends] if isinstance(backends, SDPBackend) else list(backends)
    if not all(isinstance(one, SDPBackend) for one in chosen) or not chosen:
        raise AssertionError(f"sdpa_kernel: expected SDPBackend or a list of them, but got {backends!r}")
    before = {one: enabled() for one, (enabled, _) in _SWITCHES.items()}
    try:
        for one, (_, enable) in _SWITCHES.items():
            enable(one in chosen)
        yield
    finally:
        for one, (_, enable) in _SWITCHES.items():
            enable(before[one])
