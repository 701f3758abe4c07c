"""All that the operations declare: every module of theirs is read for it, as a program would that names everything."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

from ..ops.methods import hang_declared
from ..ops.public import declared as read_so_far
from .layers import FILES

for _name in FILES:
    if _name.startswith("ops."):
        importlib.import_module(f"autograd_gpu.{_name}")
importlib.import_module("autograd_gpu.autograd")  # which gives Tensor its `backward`
hang_declared()
declared = sorted(read_so_far, key=lambda operation: operation.home)


def summary_of(function: Any) -> str:
    """Return the first paragraph of its documentation, on one line."""
    return " ".join((inspect.getdoc(function) or "").split("\n\n")[0].split())
