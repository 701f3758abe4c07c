"""Who started this process among others, and what it said: rank, size, rank on this machine. Reads the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import NamedTuple

from ..errors import DistNetworkError


class Place(NamedTuple):
    """A process among those that were started together."""

    rank: int
    size: int
    local_rank: int
    launcher: str  # "torchrun", "Open MPI", "MPI", "Slurm", or "" where nobody has said anything


# (launcher, rank, size, rank on the machine). The first whose rank and size are set counts: torchrun's names are also
# what a program sets by hand, and Slurm's are there too where srun has started an MPI that sets its own.
_VARIABLES = (
    ("torchrun", "RANK", "WORLD_SIZE", "LOCAL_RANK"),
    ("Open MPI", "OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK"),
    ("MPI", "PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID"),
    ("Slurm", "SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID"),
)


def place(environment: Mapping[str, str] | None = None) -> Place:
    """Return this process's place by the variables of who started it; alone, 0 of 1."""
    env = os.environ if environment is None else environment
    for launcher, rank, size, local in _VARIABLES:
        if env.get(rank, "") != "" and env.get(size, "") != "":
            found = Place(_number(env, rank), _number(env, size), _number(env, local, rank), launcher)
            if not 0 <= found.rank < found.size:
                raise ValueError(f"{rank}={found.rank} is not a rank of {size}={found.size}: expected 0 to {size} - 1")
            return found
    return Place(0, 1, 0, "")


def _number(env: Mapping[str, str], name: str, otherwise: str | None = None) -> int:
    text = env.get(name) or (env[otherwise] if otherwise else "")
    if not re.fullmatch(r"\d+", text):
        raise ValueError(f"{name}={text!r} in the environment: expected a whole number")
    return int(text)


def meeting_point(environment: Mapping[str, str] | None = None) -> tuple[str, int]:
    """Return the address and the port at which the first process is found: MASTER_ADDR and MASTER_PORT, or Slurm's."""
    env = os.environ if environment is None else environment
    address, port = env.get("MASTER_ADDR", ""), env.get("MASTER_PORT", "")
    if not address and env.get("SLURM_JOB_NODELIST"):
        address = _first_node(env["SLURM_JOB_NODELIST"])
    if not port and env.get("SLURM_JOB_ID", "").isdigit():
        port = str(29500 + int(env["SLURM_JOB_ID"]) % 1000)  # two jobs on a machine rarely share it
    if not address or not port.isdigit():
        raise DistNetworkError(
            "init_process_group: expected MASTER_ADDR and MASTER_PORT in the environment, by which the processes find "
            f"each other, but got MASTER_ADDR={address!r} and MASTER_PORT={port!r}. torchrun and Slurm set them, "
            'mpiexec needs none with MPI installed; or pass init_method="tcp://HOST:PORT"'
        )
    return address, int(port)


def _first_node(nodes: str) -> str:
    """The first of Slurm's list of nodes, such as node[003-007,9],other1."""
    found = re.match(r"([^,\[]+)(?:\[([^,\]\-]+)[^\]]*\]([^,]*))?", nodes)
    assert found is not None
    return found[1] + (found[2] or "") + (found[3] or "")
