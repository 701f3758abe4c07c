"""What one process knows by itself of many: who started it, names and numbers of NCCL, what it refuses."""

import ctypes
import datetime
import importlib.util
import inspect
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from autograd_gpu import distributed as dist
from autograd_gpu.errors import DistNetworkError
from autograd_gpu.processes import nccl
from autograd_gpu.processes.launch import Place, meeting_point, place
from autograd_gpu.processes.reduction import ReduceOp, for_host
from autograd_gpu.testing import nccl_stand_in

pytestmark = pytest.mark.ours


@pytest.mark.parametrize(
    "environment, expected",
    [
        ({}, (0, 1, 0, "")),
        ({"RANK": "3", "WORLD_SIZE": "8", "LOCAL_RANK": "1"}, (3, 8, 1, "torchrun")),
        ({"PMI_RANK": "2", "PMI_SIZE": "4", "MPI_LOCALRANKID": "0"}, (2, 4, 0, "MPI")),
        ({"OMPI_COMM_WORLD_RANK": "1", "OMPI_COMM_WORLD_SIZE": "2"}, (1, 2, 1, "Open MPI")),
        ({"SLURM_PROCID": "5", "SLURM_NTASKS": "6", "SLURM_LOCALID": "2", "RANK": ""}, (5, 6, 2, "Slurm")),
        ({"SLURM_PROCID": "5", "SLURM_NTASKS": "6", "PMI_RANK": "1", "PMI_SIZE": "6"}, (1, 6, 1, "MPI")),
    ],
)
def test_who_started_us_says_our_place(environment, expected):
    assert place(environment) == Place(*expected)


@pytest.mark.parametrize(
    "environment, match",
    [({"RANK": "4", "WORLD_SIZE": "4"}, "RANK=4 is not a rank"), ({"RANK": "x", "WORLD_SIZE": "4"}, "RANK='x'")],
)
def test_a_place_that_is_none_is_refused(environment, match):
    with pytest.raises(ValueError, match=match):
        place(environment)


def test_where_processes_meet():
    assert meeting_point({"MASTER_ADDR": "host", "MASTER_PORT": "29400"}) == ("host", 29400)
    slurm = {"SLURM_JOB_ID": "41", "SLURM_JOB_NODELIST": "node[003-007,9],other1"}
    assert meeting_point(slurm) == ("node003", 29541)
    assert meeting_point(slurm | {"SLURM_JOB_NODELIST": "alone7"}) == ("alone7", 29541)
    with pytest.raises(DistNetworkError, match="expected MASTER_ADDR and MASTER_PORT"):
        meeting_point({})


def test_floats_keep_their_order_as_whole_numbers():
    numbers = np.array([-np.inf, -2.0, -1e-45, -0.0, 0.0, 1e-45, 2.0, np.inf, np.nan], np.float32)
    for op, place_of_nan in ((ReduceOp.MAX, -1), (ReduceOp.MIN, 0)):
        order, back = for_host(numbers, op)
        assert np.argmax(order) == 8 if place_of_nan else np.argmin(order) == 8
        assert (np.diff(order[:8]) > 0).all()
        np.testing.assert_array_equal(back(order), numbers)


def test_without_a_group_everything_says_so():
    assert not dist.is_initialized() and dist.is_available()
    for call in (dist.get_rank, dist.get_world_size, dist.barrier, dist.get_backend):
        with pytest.raises(ValueError, match="Default process group has not been initialized"):
            call()
    with pytest.raises(AssertionError, match="Process group cannot be None"):
        dist.destroy_process_group()


@pytest.mark.parametrize(
    "arguments, kind, match",
    [
        ({"backend": "gloo"}, ValueError, "Invalid backend: 'gloo'"),
        ({"backend": "cpu:nccl"}, ValueError, "Invalid backend"),
        ({"backend": 3}, TypeError, "to be a string"),
        ({"backend": "mpi", "timeout": 5}, TypeError, "of type datetime.timedelta"),
        ({"backend": "mpi", "timeout": datetime.timedelta(0)}, ValueError, "more than nothing"),
        ({"backend": "mpi", "rank": 0}, ValueError, "both rank and world_size"),
        ({"backend": "mpi", "rank": 2, "world_size": 2}, ValueError, "but got 2 of 2"),
        ({"backend": "mpi", "store": object()}, NotImplementedError, "stores are not supported"),
    ],
)
def test_a_group_that_cannot_be_is_refused(arguments, kind, match):
    with pytest.raises(kind, match=match):
        dist.init_process_group(**arguments)
    assert not dist.is_initialized()


def test_mpi_says_when_it_was_not_told_of_the_others():
    if importlib.util.find_spec("mpi4py") is None:
        pytest.skip("mpi4py is not installed")
    code = "import autograd_gpu.distributed as d; d.init_process_group('mpi')"
    env = os.environ | {"RANK": "1", "WORLD_SIZE": "4"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env)
    assert "torchrun says that there are 4 processes, but MPI knows of 1" in done.stderr
    assert "mpiexec -n 4" in done.stderr


# ------------------------------------------------------------------------------------------------------------- NCCL


def nccl_folder():
    found = importlib.util.find_spec("nvidia")
    for root in [] if found is None else found.submodule_search_locations:
        if (Path(root) / "nccl" / "include" / "nccl.h").exists():
            return Path(root) / "nccl"
    pytest.skip("NCCL's wheel is not installed: pip install nvidia-nccl-cu13")


def test_our_numbers_of_nccl_are_its_headers():
    header = (nccl_folder() / "include" / "nccl.h").read_text()
    numbers = {name.lower(): int(number) for name, number in re.findall(r"\bnccl(\w+)\s*=\s*(\d+)\s*,", header)}
    for name, number in nccl._TYPES.items():
        assert numbers["uint8" if name == "bool" else name] == number, name
    for op, number in nccl._OPS.items():
        assert numbers[{"PRODUCT": "prod"}.get(op.name, op.name.lower())] == number
    assert f"NCCL_UNIQUE_ID_BYTES {nccl.UNIQUE_ID_BYTES}\n" in header


def test_the_stand_in_takes_what_nccl_takes():
    header = (nccl_folder() / "include" / "nccl.h").read_text()
    alike = {"recvcount": "count", "sendcount": "count", "sendbuff": "sendbuf", "recvbuff": "recvbuf"}
    for name in "allReduce reduce broadcast allGather reduceScatter send recv".split():
        capital = name[0].upper() + name[1:]
        told = re.search(rf"ncclResult_t  nccl{capital}\(([^)]*)\)", header)[1]
        theirs = [re.findall(r"\w+", part)[-1] for part in told.split(",")]
        theirs = [alike.get(each, each) for each in theirs if each != "comm"]
        ours = list(inspect.signature(getattr(nccl_stand_in.NcclCommunicator, name)).parameters)[1:]
        ours = [alike.get(each, each) for each in ours]
        if name in ("send", "recv"):
            theirs[0] = ours[0]
        assert ours == theirs, name


def test_the_stand_in_has_the_names_and_parameters_of_cupy():
    module = pytest.importorskip("cupy.cuda.nccl", reason="CuPy is not installed")
    if not module.available:
        pytest.skip("CuPy finds no NCCL")
    communicator = nccl_stand_in.NcclCommunicator
    for name, function in vars(communicator).items():
        if name.startswith("_"):
            continue
        told = re.search(r"\((.*?)\)", getattr(module.NcclCommunicator, name).__doc__)[1]
        theirs = [part.split("=")[0].split()[-1] for part in told.split(",")]
        assert theirs == list(inspect.signature(function).parameters), name
    for name in ("get_unique_id", "groupStart", "groupEnd", "get_version"):
        assert callable(getattr(module, name)) and callable(getattr(nccl_stand_in, name))
    assert isinstance(module.get_unique_id(), bytes)


def test_what_gpu_check_does_with_one_rank_is_rehearsed():
    command = [sys.executable, "-m", "benchmarks.process_checks", "--rehearse"]
    alone = {name: value for name, value in os.environ.items() if name not in ("RANK", "WORLD_SIZE")}
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(command, capture_output=True, text=True, env=alone, cwd=root)
    assert done.returncode == 0, done.stdout + done.stderr


def test_processes_that_name_one_place_have_one_identity_without_a_device():
    library = ctypes.CDLL(str(nccl_folder() / "lib" / "libnccl.so.2"))

    class Nccl:
        @staticmethod
        def get_unique_id():
            told = (ctypes.c_byte * nccl.UNIQUE_ID_BYTES)()
            assert library.ncclGetUniqueId(told) == 0
            return bytes(told)

    before, nccl.library = nccl.library, Nccl
    try:
        met = []
        for port in (29511, 29511, 29512):
            with nccl.rendezvous(("127.0.0.1", port)) as identity:
                met.append(identity)
        assert met[0] == met[1] != met[2]
        assert "NCCL_COMM_ID" not in os.environ and Nccl.get_unique_id() not in met  # others have their own
    finally:
        nccl.library = before
