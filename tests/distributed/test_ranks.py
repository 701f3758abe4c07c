"""What several processes do together: files of claims that pytest runs on every rank at once, 2 and 4 of them."""

import importlib.util
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

HERE = Path(__file__).parent
MPIEXEC = shutil.which("mpiexec", path=sysconfig.get_path("scripts")) or shutil.which("mpiexec")
missing = importlib.util.find_spec("mpi4py") is None or MPIEXEC is None
pytestmark = [
    pytest.mark.ours,
    pytest.mark.xdist_group("ranks"),  # one after another: they share two cores
    pytest.mark.skipif(missing, reason='mpi4py and mpich are not installed: pip install "autograd-gpu[mpi]"'),
]


def on_ranks(count, *command, **environment):
    """Run Python on so many ranks; return the exit code and what they said."""
    env = os.environ | {"AUTOGRAD_GPU_EMULATE": "1", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"} | environment
    done = subprocess.run(
        [MPIEXEC, "-n", str(count), sys.executable, *map(str, command)],
        capture_output=True, text=True, env=env, timeout=170, cwd=HERE.parent.parent,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def claims_hold(count, file, **environment):
    code, said = on_ranks(
        count, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", HERE / "ranks" / file,
        **environment,
    )  # fmt: skip
    assert code == 0, said[-6000:]
    assert said.count(" passed") == count, said[-3000:]


@pytest.mark.parametrize("ranks", [2, 4])
def test_collectives(ranks):
    claims_hold(ranks, "collectives.py")


@pytest.mark.parametrize("ranks", [2, 4])
def test_data_parallel(ranks):
    claims_hold(ranks, "data_parallel.py")


@pytest.mark.parametrize("file", ["collectives.py", "data_parallel.py"])
def test_as_nccl_is_asked_for_it(file):
    claims_hold(2, file, AUTOGRAD_GPU_TEST_NCCL="1")
