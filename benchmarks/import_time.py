"""How long importing the package takes beyond NumPy, and with it the first small step, each in processes of its own.

Medians of 11 runs that take turns, after one that warms the disk's cache and the byte code.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

from . import record

RUNS = 11
PROGRAMS = {
    "python": "pass",
    "numpy": "import numpy",
    "package": "import autograd_gpu",
    "package and a step": "import autograd_gpu as t; x = t.ones(3, requires_grad=True); (x * 2).sum().backward()",
}


def seconds(program: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True)
    return time.perf_counter() - start


def measure() -> list[record.Row]:
    """Milliseconds of each beyond what the one before it needs, and as a share of NumPy's own."""
    times: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    for _ in range(RUNS + 1):
        for name, program in PROGRAMS.items():
            times[name].append(seconds(program))
    middle = {name: statistics.median(values[1:]) * 1e3 for name, values in times.items()}
    numpy = middle["numpy"] - middle["python"]
    return [
        {"what": "import numpy", "ms": numpy, "share of NumPy's": 1.0},
        *(
            {
                "what": name,
                "ms": middle[name] - middle["numpy"],
                "share of NumPy's": (middle[name] - middle["numpy"]) / numpy,
            }
            for name in ("package", "package and a step")
        ),
    ]


def main() -> None:
    rows = measure()
    record.show("Importing, beyond NumPy", rows)
    print(f"kept in {record.keep('import_time', rows)}")


if __name__ == "__main__":
    main()
