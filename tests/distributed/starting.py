"""How tests start several ranks: under mpiexec, from wheels or from the machine's MPI."""

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MPIEXEC = shutil.which("mpiexec", path=sysconfig.get_path("scripts")) or shutil.which("mpiexec")
MISSING = importlib.util.find_spec("mpi4py") is None or MPIEXEC is None

ON_RANKS = [
    pytest.mark.ours,
    pytest.mark.xdist_group("ranks"),  # one after another: they share two cores
    pytest.mark.skipif(MISSING, reason='mpi4py and mpich are not installed: pip install "autograd-gpu[mpi]"'),
]


def started(count, *command, **environment):
    """Start Python on so many ranks, in a session of its own."""
    env = os.environ | {"AUTOGRAD_GPU_EMULATE": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"} | environment
    return subprocess.Popen(
        [MPIEXEC, "-n", str(count), sys.executable, *map(str, command)],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=env, cwd=ROOT, start_new_session=True,
    )  # fmt: skip


def ended(process, seconds=170):
    """Wait for the end; return the exit code and what all ranks said."""
    try:
        said, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, 9)
        said, _ = process.communicate()
        pytest.fail(f"the ranks did not end within {seconds} s; they said:\n{said[-3000:]}")
    return process.returncode, said


def on_ranks(count, *command, **environment):
    """Run Python on so many ranks; return the exit code and what they said."""
    return ended(started(count, *command, **environment))
