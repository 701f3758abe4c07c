"""``torch.nn.utils.stateless``: the older home of `functional_call`."""

from __future__ import annotations

import importlib
from typing import Any


def functional_call(
    module: Any,
    parameters_and_buffers: dict[str, Any],
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """Return module(*args, **kwargs) with other parameters and buffers, by dotted names."""
    call = importlib.import_module("autograd_gpu.func").functional_call
    return call(module, parameters_and_buffers, args, kwargs, tie_weights=tie_weights, strict=strict)
