"""The pool's threads under ThreadSanitizer: several callers, changing numbers of threads, blocks that fail."""

import subprocess
from pathlib import Path

import pytest

from autograd_gpu.arrays.native import build

pytestmark = pytest.mark.ours


def test_every_block_runs_once_and_nothing_races(tmp_path: Path):
    sources = [str(build.RUNTIME / "pool.cpp"), str(Path(__file__).with_name("pool_driver.cpp"))]
    flags = ["-std=c++20", "-O1", "-g", "-fsanitize=thread", "-pthread", f"-I{build.RUNTIME}"]
    subprocess.run([build.compiler()[0], *flags, *sources, "-o", str(tmp_path / "driver")], check=True)
    done = subprocess.run([str(tmp_path / "driver")], capture_output=True, text=True, timeout=120, check=False)
    assert (done.stdout, done.stderr, done.returncode) == ("0 wrong\n", "", 0)
