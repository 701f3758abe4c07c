"""Host time in instructions, which a busy machine does not change: small operations and a step, counted by callgrind.

    python -m benchmarks.instructions            # records them in results/instructions.json
    python -m benchmarks.instructions --check    # fails where one takes 5% more than recorded

One process under valgrind runs each case some times between two calls of a marker, before which callgrind writes down
what it has counted since the last. On NumPy's path: valgrind does not know all instructions that kernels compiled for
this processor use. Counts are of one Python and NumPy: with others, or without valgrind, the check says so and passes.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from . import record

OPERATIONS = ["x + y", "x * 2.0", "x / y", "exp", "x @ y", "x.view", "x[0]", "cat", "softmax", "layer_norm"]
STEP = "a step of a small MLP with SGD"
GROWTH = 1.05
MARKER = "ffsll"  # of the C library, and nobody else's need
SECONDS = 900
ROUNDS = 3


def cases() -> dict[str, tuple[Callable[[], object], int]]:
    """What is counted by name: a call, and how many operations it is."""
    import autograd_gpu as torch

    from .host_time import CHAIN, forward_and_backward
    from .host_time import OPERATIONS as MAKERS
    from .workloads import step_of

    nn = torch.nn
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    step = step_of(
        torch, model, optimizer, torch.ones(4, 8), torch.zeros(4, dtype=torch.int64), nn.functional.cross_entropy
    )
    small = {f"4 x 4: {name}": (forward_and_backward(torch, MAKERS[name]), CHAIN) for name in OPERATIONS}
    return small | {STEP: (step, 1)}


def run_between_markers() -> None:
    """In the process that valgrind watches: the names, a line each, as they come."""
    mark = getattr(ctypes.CDLL(None), MARKER)
    gc.disable()
    for name, (call, operations) in cases().items():
        for _ in range(ROUNDS):
            call()
        mark(0)
        for _ in range(ROUNDS):
            call()
        mark(0)
        print(name, operations, sep="\t")


def count() -> dict[str, int]:
    """Instructions of an operation, by name."""
    fixed = {
        "PYTHONHASHSEED": "0",
        "OPENBLAS_NUM_THREADS": "1",
        "OPENBLAS_CORETYPE": "Haswell",
        "AUTOGRAD_GPU_NATIVE": "0",
    }
    with tempfile.TemporaryDirectory() as folder:
        valgrind = ["valgrind", "--tool=callgrind", f"--dump-before={MARKER}", f"--callgrind-out-file={folder}/out"]
        watched = [sys.executable, "-m", "benchmarks.instructions", "--watched"]
        done = subprocess.run(
            [*valgrind, *watched], capture_output=True, text=True, check=True, timeout=SECONDS, env=os.environ | fixed
        )
        # Parts 1, 3, 5, ... are what was before a case; the last, without a number, what came after all.
        totals = [int(re.search(r"^totals: (\d+)", part.read_text(), re.M)[1]) for part in _parts(Path(folder))]  # type: ignore[index]
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    return {
        name: total // (ROUNDS * int(operations)) for (name, operations), total in zip(lines, totals[1::2], strict=True)
    }


def _parts(folder: Path) -> list[Path]:
    return sorted(folder.glob("out.*"), key=lambda path: int(path.suffix[1:]))


def check() -> int:
    """Compare with what is recorded: 0 where nothing has grown, or cannot be compared, which is said."""
    recorded = json.loads((record.RESULTS / "instructions.json").read_text())
    here, there = record.environment(), recorded["environment"]
    if shutil.which("valgrind") is None:
        print("SKIPPED: instructions are not counted, valgrind is not installed")
        return 0
    for name in ("python", "numpy"):
        if here[name] != there[name]:
            print(f"SKIPPED: instructions were counted with {name} {there[name]}, this is {here[name]}")
            return 0
    before = {row["what"]: row["instructions"] for row in recorded["rows"]}
    rows: list[record.Row] = []
    for name, now in count().items():
        rows.append({"what": name, "recorded": before.get(name), "now": now, "ratio": now / before.get(name, now)})
    record.show("Instructions of the host", rows)
    grown = [row["what"] for row in rows if row["recorded"] is None or row["ratio"] > GROWTH]
    if grown:
        print(f"more than {GROWTH:.0%} of what is recorded, or not recorded: {', '.join(grown)}")
        print("Mend it, or record it with a reason: python -m benchmarks.instructions")
    return int(bool(grown))


def main(arguments: list[str] | None = None) -> int:
    if arguments == ["--watched"]:
        run_between_markers()
        return 0
    if arguments == ["--check"]:
        return check()
    rows: list[record.Row] = [{"what": name, "instructions": number} for name, number in count().items()]
    record.show("Instructions of the host", rows)
    print(f"kept in {record.keep('instructions', rows)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
