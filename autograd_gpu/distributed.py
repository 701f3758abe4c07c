"""``torch.distributed`` in a process that has made no process group: that there is none."""

from __future__ import annotations

from typing import Any


def is_available() -> bool:
    """Return False: there are no process groups."""
    return False


is_initialized = is_nccl_available = is_gloo_available = is_mpi_available = is_torchelastic_launched = is_available


class ReduceOp:
    """How values of several processes become one."""

    SUM, AVG, PRODUCT, MIN, MAX, BAND, BOR, BXOR, PREMUL_SUM = range(9)


def init_process_group(*args: Any, **kwargs: Any) -> None:
    """Raise: there are no process groups."""
    raise NotImplementedError("init_process_group: autograd_gpu has no process groups; train in one process.")


def get_rank(group: Any = None) -> int:
    """Raise ValueError, as PyTorch does where no process group has been made. So do its like."""
    raise ValueError("Default process group has not been initialized, please make sure to call init_process_group.")


def _raising(name: str) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        return get_rank()

    call.__name__ = call.__qualname__ = name
    return call


get_world_size, get_backend, barrier, broadcast, all_reduce, all_gather, reduce_scatter, gather, scatter = map(
    _raising,
    "get_world_size get_backend barrier broadcast all_reduce all_gather reduce_scatter gather scatter".split(),
)
all_gather_object, all_gather_into_tensor, broadcast_object_list, gather_object, reduce, send, recv, new_group = map(
    _raising,
    "all_gather_object all_gather_into_tensor broadcast_object_list gather_object reduce send recv new_group".split(),
)


def destroy_process_group(group: Any = None) -> None:
    """Raise AssertionError, as PyTorch does where no process group has been made."""
    raise AssertionError("Process group cannot be None: none has been made")
