"""The group that the claims here are about, made when a file of them is read. AUTOGRAD_GPU_TEST_NCCL=1: by the NCCL
engine, over a stand-in; else by MPI."""

import datetime
import os

from autograd_gpu import distributed as dist
from autograd_gpu.processes import nccl

ON_NCCL = os.environ.get("AUTOGRAD_GPU_TEST_NCCL") == "1"
if ON_NCCL:
    from autograd_gpu.testing import nccl_stand_in

    nccl.library = nccl_stand_in
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500"}

dist.init_process_group("cuda:nccl" if ON_NCCL else "mpi", timeout=datetime.timedelta(seconds=60))
RANK, SIZE = dist.get_rank(), dist.get_world_size()
DEVICES = ["cuda"] if ON_NCCL else ["cpu", "cuda"]
HOME = DEVICES[0]
