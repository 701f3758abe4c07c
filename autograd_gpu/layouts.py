"""PyTorch's names for how elements lie in memory. There is one way here, row-major strides; the others raise."""

from __future__ import annotations


class Layout:
    """``strided``, the layout of every tensor."""

    def __repr__(self) -> str:
        return "torch.strided"

    def __reduce__(self) -> str:
        return "strided"


class MemoryFormat:
    """``contiguous_format`` and ``preserve_format`` are taken; ``channels_last`` is known by name only."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return f"torch.{self.name}"

    def __reduce__(self) -> str:
        return self.name


strided = Layout()
contiguous_format, preserve_format = MemoryFormat("contiguous_format"), MemoryFormat("preserve_format")
channels_last, channels_last_3d = MemoryFormat("channels_last"), MemoryFormat("channels_last_3d")


def check_memory_format(given: MemoryFormat | None, name: str) -> None:
    """Raise unless row-major memory is what is asked for."""
    if given is not None and given not in (contiguous_format, preserve_format):
        raise NotImplementedError(
            f"{name}: memory_format={given} is not supported; images are kept in row-major (N, C, H, W). Leave "
            "memory_format out."
        )
