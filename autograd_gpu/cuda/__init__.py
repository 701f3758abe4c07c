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
    from .devices import device as device
    from .devices import device_count as device_count
    from .devices import device_of as device_of
    from .devices import empty_cache as empty_cache
    from .devices import get_arch_list as get_arch_list
    from .devices import get_device_capability as get_device_capability
    from .devices import get_device_name as get_device_name
    from .devices import get_device_properties as get_device_properties
    from .devices import get_rng_state as get_rng_state
    from .devices import get_rng_state_all as get_rng_state_all
    from .devices import init as init
    from .devices import initial_seed as initial_seed
    from .devices import ipc_collect as ipc_collect
    from .devices import is_available as is_available
    from .devices import is_bf16_supported as is_bf16_supported
    from .devices import is_initialized as is_initialized
    from .devices import manual_seed as manual_seed
    from .devices import manual_seed_all as manual_seed_all
    from .devices import max_memory_allocated as max_memory_allocated
    from .devices import max_memory_cached as max_memory_cached
    from .devices import max_memory_reserved as max_memory_reserved
    from .devices import mem_get_info as mem_get_info
    from .devices import memory_allocated as memory_allocated
    from .devices import memory_cached as memory_cached
    from .devices import memory_reserved as memory_reserved
    from .devices import reset_max_memory_allocated as reset_max_memory_allocated
    from .devices import reset_max_memory_cached as reset_max_memory_cached
    from .devices import reset_peak_memory_stats as reset_peak_memory_stats
    from .devices import seed as seed
    from .devices import seed_all as seed_all
    from .devices import set_device as set_device
    from .devices import set_rng_state as set_rng_state
    from .devices import set_rng_state_all as set_rng_state_all
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
    "nvtx": "nvtx",
    "make_graphed_callables": "graphed",
    **dict.fromkeys("CUDAGraph graph graph_pool_handle is_current_stream_capturing".split(), "capture"),
    **dict.fromkeys("Event Stream current_stream default_stream set_stream stream".split(), "streams"),
    **dict.fromkeys(
        "current_device device device_count device_of empty_cache get_arch_list get_device_capability "
        "get_device_name get_device_properties get_rng_state get_rng_state_all init initial_seed ipc_collect "
        "is_available is_bf16_supported is_initialized manual_seed manual_seed_all max_memory_allocated "
        "max_memory_cached max_memory_reserved mem_get_info memory_allocated memory_cached memory_reserved "
        "reset_max_memory_allocated reset_max_memory_cached reset_peak_memory_stats seed seed_all set_device "
        "set_rng_state set_rng_state_all synchronize".split(),
        "devices",
    ),
    **dict.fromkeys(
        "BFloat16Tensor BoolTensor ByteTensor CharTensor DoubleTensor FloatTensor HalfTensor IntTensor LongTensor "
        "ShortTensor".split(),
        "types",
    ),
}  # fmt: skip


def __getattr__(name: str) -> Any:
    """A name is looked up in its module when a program first uses it."""
    if name not in _HOME:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    module = importlib.import_module(f".{_HOME[name]}", __name__)
    value = module if name in ("amp", "nvtx") else getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
