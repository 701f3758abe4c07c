"""A rank that dies, ends, hangs or asks for something else ends all of them, with one clear message, in time."""

import time

import pytest
from starting import ON_RANKS, ended, started

pytestmark = ON_RANKS

PROGRAM = """
import os, sys, time
from datetime import timedelta
import autograd_gpu as torch
import autograd_gpu.distributed as dist
dist.init_process_group("mpi", timeout=timedelta(seconds=3))
dist.barrier()
is_odd_one = dist.get_rank() == 1
{}
dist.barrier()
"""


@pytest.mark.parametrize(
    "what, message",
    [
        ("dist.all_reduce(torch.ones(3 + is_odd_one))", "ranks 0, 2 called all_reduce(torch.float32, 3 elements, SUM)"),
        ("if is_odd_one: raise KeyError('oh')", "KeyError: 'oh'"),
        ("if is_odd_one: os.kill(os.getpid(), 9)", "EXIT CODE: 9"),
        ("if is_odd_one: sys.exit(0)", "was not answered by all others within 3 s"),
        ("if is_odd_one: time.sleep(1000)", "barrier() was not answered by all others within 3 s"),
    ],
)
def test_all_end(what, message):
    process = started(3, "-c", PROGRAM.format(what))
    code, said = ended(process, 60)
    assert code != 0
    assert said.count(message) == 1, said
    assert said.count("DistBackendError") <= 1 and said.count("Traceback") <= 1, said


def test_they_end_within_the_timeout():
    process = started(2, "-c", PROGRAM.format("print('here', flush=True)\nif is_odd_one: time.sleep(1000)"))
    for line in process.stdout:
        if line.startswith("here"):
            break
    began = time.monotonic()
    code, _ = ended(process, 60)
    assert code != 0 and time.monotonic() - began < 30  # 3 s, and what it takes a busy machine to end processes
