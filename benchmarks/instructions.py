"""Host time in instructions, which a busy machine does not change: small operations and a step, counted by callgrind.

    python -m benchmarks.instructions            # records them in results/instructions.json
    python -m benchmarks.instructions --check    # fails where one takes 5% more than recorded

One process under valgrind asks callgrind to count while a case runs, and not meanwhile. On NumPy's path: valgrind does
not know all instructions that kernels compiled for this processor use. Counts are of one Python, NumPy and processor,
by which BLAS chooses its code: with others, or without valgrind and a compiler for x86-64, the check says so and
passes.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import platform
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
SECONDS = 900
ROUNDS = 3


def cases() -> dict[str, tuple[Callable[[], object], int]]:
    """What is counted by name: a call, and how many operations it is."""
    import autograd_gpu as torch

    from .small import CHAIN, forward_and_backward
    from .small import OPERATIONS as MAKERS
    from .workloads import step_of

    nn = torch.nn
    model = nn.Sequential(nn.Linear(8, 16), nn.ReLU(), nn.Linear(16, 4))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    step = step_of(
        torch, model, optimizer, torch.ones(4, 8), torch.zeros(4, dtype=torch.int64), nn.functional.cross_entropy
    )
    small = {f"4 x 4: {name}": (forward_and_backward(torch, MAKERS[name]), CHAIN) for name in OPERATIONS}
    return small | {STEP: (step, 1)}


# How a program speaks to the valgrind that runs it: an address in rax, and moves that come to nothing elsewhere.
REQUEST = """
extern "C" unsigned long callgrind(unsigned long number) {
    unsigned long request[6] = {('C' << 24 | 'T' << 16) + number}, answer = 0;
    asm volatile("rolq $3, %%rdi; rolq $13, %%rdi; rolq $61, %%rdi; rolq $51, %%rdi; xchgq %%rbx, %%rbx"
                 : "+d"(answer) : "a"(request) : "cc", "memory");
    return answer;
}
"""
WRITE, START, STOP = 0, 4, 5  # what it has counted, and begins anew; counting


def run_counted(library: str) -> None:
    """In the process that valgrind runs: each case, with its name and how many operations it is on a line."""
    ask = ctypes.CDLL(library).callgrind
    gc.disable()
    for name, (call, operations) in cases().items():
        for _ in range(ROUNDS):
            call()
        ask(START)
        for _ in range(ROUNDS):
            call()
        ask(WRITE)
        ask(STOP)
        print(name, operations, sep="\t")


def count() -> dict[str, int]:
    """Instructions of an operation, by name."""
    fixed = {"PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1", "OPENBLAS_CORETYPE": "Haswell"}
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder) / "request.cpp", f"{folder}/request.so"
        source.write_text(REQUEST)
        subprocess.run(["g++", "-O1", "-shared", "-fPIC", str(source), "-o", library], check=True)
        valgrind = ["valgrind", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={folder}/out"]
        done = subprocess.run(
            [*valgrind, sys.executable, "-m", "benchmarks.instructions", "--counted", library],
            capture_output=True, text=True, check=True, timeout=SECONDS,
            env=os.environ | fixed | {"AUTOGRAD_GPU_NATIVE": "0"},
        )  # fmt: skip
        found = {}
        for number, line in enumerate(done.stdout.splitlines(), 1):
            name, operations = line.split("\t")
            total = re.search(r"^totals: (\d+)", Path(f"{folder}/out.{number}").read_text(), re.M)
            assert total, line
            found[name] = int(total[1]) // (ROUNDS * int(operations))
    return found


def check() -> int:
    """Compare with what is recorded: 0 where nothing has grown, or cannot be compared, which is said."""
    recorded = json.loads((record.RESULTS / "instructions.json").read_text())
    here, there = record.environment(), recorded["environment"]
    if shutil.which("valgrind") is None or shutil.which("g++") is None or platform.machine() != "x86_64":
        print("SKIPPED: instructions are not counted, which takes valgrind and g++ on x86-64")
        return 0
    for name in ("python", "numpy", "processor"):
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
    if arguments and arguments[0] == "--counted":
        run_counted(arguments[1])
        return 0
    if arguments == ["--check"]:
        return check()
    rows: list[record.Row] = [{"what": name, "instructions": number} for name, number in count().items()]
    record.show("Instructions of the host", rows)
    print(f"kept in {record.keep('instructions', rows)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
