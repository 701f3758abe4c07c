"""``autograd_gpu.utils.data``: PyTorch's name for ``autograd_gpu.data``, and for its files."""

from __future__ import annotations

import importlib
import sys

from ...data import *
from ...data import __all__ as __all__

for _theirs, _ours in (("dataset", "dataset"), ("sampler", "sampler"), ("dataloader", "loader"), ("distributed",) * 2):
    globals()[_theirs] = importlib.import_module(f"autograd_gpu.data.{_ours}")
    sys.modules[f"{__name__}.{_theirs}"] = globals()[_theirs]
