"""How the library is proved: gradients against differences, the op table and its checks, the emulated GPU; and
``torch.testing``, by its names.

Its parts are imported by name (``autograd_gpu.testing.op_table``); importing this page loads none of them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_HOMES = {"assert_allclose": "comparison", "assert_close": "comparison", "make_tensor": "random_tensors"}

if TYPE_CHECKING:
    from .comparison import assert_allclose, assert_close
    from .random_tensors import make_tensor
else:

    def __getattr__(name: str) -> Any:
        """Import what PyTorch's users name when they name it."""
        if name not in _HOMES:
            raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
        globals()[name] = found = getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
        return found
