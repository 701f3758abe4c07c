"""Host time in instructions, which a busy machine does not change: a small training step, counted by callgrind.

``python -m benchmarks.instructions`` runs a loop of recorded operations and a backward under valgrind, twice as often
the second time, so that the difference is the steps alone, without Python's start and the imports. On NumPy's path:
valgrind does not know all instructions that kernels compiled for this processor use.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from . import record

# A layer, an activation, a view, a write in place, a loss; backward into leaves that already have a gradient.
STEP = """
import sys, autograd_gpu as torch
x, w, b = (torch.ones(*size, requires_grad=True) for size in ((4, 4), (4, 4), (4,)))
for _ in range(int(sys.argv[1])):
    h = (x @ w + b).tanh()
    rows = (h * 2.0)[1:]
    y = rows.exp() + 1.0
    y.add_(1)
    (y.sum() + h.reshape(16).mean()).backward()
    with torch.no_grad():
        h = x + w
"""
STEPS = 200


def count(steps: int) -> int:
    """Return the instructions of a process that takes so many steps."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={Path(folder) / 'out'}"]
        result = subprocess.run(
            [*command, sys.executable, "-c", STEP, str(steps)],
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | {"PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1", "AUTOGRAD_GPU_NATIVE": "0"},
        )
    found = re.search(r"Collected : (\d+)", result.stderr)
    assert found, result.stderr
    return int(found[1])


def measure() -> list[record.Row]:
    once, twice = count(STEPS), count(2 * STEPS)
    return [{"what": "a small step, CPU", "instructions": (twice - once) // STEPS}]


def main() -> None:
    rows = measure()
    record.show("Instructions of the host", rows)
    print(f"kept in {record.keep('instructions', rows, steps=STEPS)}")


if __name__ == "__main__":
    main()
