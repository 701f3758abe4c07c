"""``autograd_gpu.distributed``: torch.distributed's names, on MPI and NCCL. Names, nothing else."""

from __future__ import annotations

import enum
import importlib
import os
import sys
from typing import Any

from ..errors import DistBackendError, DistError, DistNetworkError
from ..processes.collectives import (
    P2POp, all_gather, all_gather_into_tensor, all_reduce, all_to_all, all_to_all_single, barrier, batch_isend_irecv,
    broadcast, gather, irecv, isend, monitored_barrier, recv, reduce, reduce_scatter, reduce_scatter_tensor, scatter,
    send,
)  # fmt: skip
from ..processes.group import (
    GroupMember, ProcessGroup, destroy_process_group, get_backend, get_global_rank, get_group_rank,
    get_node_local_rank, get_process_group_ranks, get_rank, get_world_size, group, init_process_group, is_initialized,
    new_group,
)  # fmt: skip
from ..processes.mpi import is_available as is_mpi_available
from ..processes.nccl import is_available as is_nccl_available
from ..processes.objects import (
    all_gather_object, broadcast_object_list, gather_object, recv_object_list, scatter_object_list, send_object_list,
)  # fmt: skip
from ..processes.reduction import ReduceOp
from ..processes.works import DEFAULT_TIMEOUT as default_pg_timeout
from ..processes.works import Work


class Backend(str):
    """The name of a backend."""

    MPI, NCCL = "mpi", "nccl"


def is_available() -> bool:
    """Return whether there are process groups at all: True; `is_mpi_available` and `is_nccl_available` say on what."""
    return True


def is_gloo_available() -> bool:
    """Return False: MPI does on the CPU what Gloo does in PyTorch."""
    return False


def is_backend_available(backend: str) -> bool:
    """Return whether a backend can be used."""
    return {"mpi": is_mpi_available, "nccl": is_nccl_available}.get(backend.lower(), is_gloo_available)()


def get_default_backend_for_device(device: Any) -> str:
    """Return the backend for tensors on a device."""
    return "nccl" if str(device).startswith("cuda") else "mpi"


def is_torchelastic_launched() -> bool:
    """Return whether torchrun has started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ
