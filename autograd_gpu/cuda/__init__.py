"""``autograd_gpu.cuda``: the GPUs there are, streams, graphs, kernels of your own.

Each part is imported when first named.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .capture import CUDAGraph as CUDAGraph
    from .capture import graph as graph
    from .capture import graph_pool_handle as graph_pool_handle
    from .capture import is_current_stream_capturing as is_current_stream_capturing
    from .devices import current_device as current_device
    from .devices import device_count as device_count
    from .devices import get_device_name as get_device_name
    from .devices import is_available as is_available
    from .devices import manual_seed as manual_seed
    from .devices import manual_seed_all as manual_seed_all
    from .devices import synchronize as synchronize
    from .graphed import make_graphed_callables as make_graphed_callables
    from .streams import Event as Event
    from .streams import Stream as Stream
    from .streams import current_stream as current_stream
    from .streams import default_stream as default_stream
    from .streams import set_stream as set_stream
    from .streams import stream as stream
    from .user_kernel import kernel as kernel

_HOME = {
    "amp": "amp",
    "kernel": "user_kernel",
    "make_graphed_callables": "graphed",
    **dict.fromkeys("CUDAGraph graph graph_pool_handle is_current_stream_capturing".split(), "capture"),
    **dict.fromkeys("Event Stream current_stream default_stream set_stream stream".split(), "streams"),
    **dict.fromkeys(
        "current_device device_count get_device_name is_available manual_seed manual_seed_all synchronize".split(),
        "devices",
    ),
}  # fmt: skip


def __getattr__(name: str) -> Any:
    """A name is looked up in its module when a program first uses it."""
    if name not in _HOME:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    module = importlib.import_module(f".{_HOME[name]}", __name__)
    value = module if name == "amp" else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
