"""The commands of docs/distributed.md that this machine can run, as they are written."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from starting import MPIEXEC, ON_RANKS, ROOT

pytestmark = ON_RANKS
PAGE = (ROOT / "docs" / "distributed.md").read_text()
COMMANDS = re.findall(r"^    (mpiexec .*)$", PAGE, re.MULTILINE)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_runs_as_written(command, tmp_path):
    (tmp_path / "train.py").write_text(re.search(r"```python\n(.*?)```", PAGE, re.DOTALL)[1])
    ours = {
        "mpiexec": MPIEXEC,
        "python": sys.executable,
        "autograd-gpu": Path(sys.executable).with_name("autograd-gpu"),
    }
    words = [str(ours.get(word, word)) for word in shlex.split(command)]
    env = os.environ | {"AUTOGRAD_GPU_EMULATE": "0", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=170)
    assert done.returncode == 0, done.stdout + done.stderr
    if "train.py" in command:
        losses = [float(found) for found in re.findall(r"loss (\d\.\d+)", done.stdout)]
        assert len(losses) == 3 and losses[-1] < losses[0]
    else:
        assert (tmp_path / command.split()[-1] / "checkpoint.safetensors").exists()


def test_the_page_has_commands():
    assert len(COMMANDS) == 3
