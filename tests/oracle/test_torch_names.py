"""The table of PyTorch's names that the package carries is that of the PyTorch that is installed."""

import subprocess
import sys
from pathlib import Path

from autograd_gpu.as_torch.missing import TABLE

ROOT = Path(__file__).parent.parent.parent


def test_the_table_of_names_is_current():
    """In a process of its own: which submodules PyTorch shows depends on what has been imported."""
    program = "from benchmarks.torch_names import table; print(table(), end='')"
    table = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert TABLE.read_text() == table, "run `python -m benchmarks.torch_names`"
