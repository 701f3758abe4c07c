"""``torch.onnx``, importable: nothing is exported."""

from __future__ import annotations

from typing import Any


def is_in_onnx_export() -> bool:
    """Return False: nothing is exported."""
    return False


def export(*args: Any, **kwargs: Any) -> Any:
    """Raise: exporting needs PyTorch itself."""
    raise NotImplementedError("torch.onnx.export needs PyTorch itself. Save a state dict and export it there.")
