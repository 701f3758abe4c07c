"""Memory that arrays have freed is kept for the next ones, unless the user has told the C library what to do."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.ours

# Page faults of a hundred arrays of 4 MB, each written once and freed, after the first few.
PROGRAM = """
import resource
import numpy as np
import autograd_gpu
autograd_gpu.zeros(1)
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def write():
    np.empty(1 << 19, np.float32).fill(1)  # 2 MB: NumPy asks for large pages from 4 MB on, which are few
for _ in range(5): write()
before = faults()
for _ in range(200): write()
print(faults() - before)
"""


def faults(**environment: str) -> int:
    environment = {name: value for name, value in os.environ.items() if "MALLOC" not in name} | environment
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="glibc's settings")
def test_freed_pages_are_used_again_and_the_users_settings_overrule():
    assert faults() < 1000  # of the 102,400 pages
    assert faults(MALLOC_MMAP_THRESHOLD_="65536") > 1000
