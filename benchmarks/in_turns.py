"""The CPU against PyTorch, each library in a process of its own, the processes taking turns: what spins in one is no
burden on the other. A figure is the median over rounds of the best of many runs in a process.

    python -m benchmarks.in_turns --rounds 5 --threads 2 [--only NAME ...]
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

from . import record
from .host_time import CHAIN, OPERATIONS, forward_and_backward
from .workloads import WORKLOADS

# How each is told: its module, and what its process finds in the environment. What is captured is replayed by
# autograd_gpu.capture: workloads alone, since an operation by itself is no step.
CAPTURED = "ours, captured"
LIBRARIES = {
    "ours": ("autograd_gpu", {}),
    CAPTURED: ("autograd_gpu", {}),
    "ours, NumPy's path": ("autograd_gpu", {"AUTOGRAD_GPU_NATIVE": "0"}),
    "torch": ("torch", {}),
}
SECONDS = 0.5  # for a workload in a process
HOST = "4 x 4: "


def calls() -> dict[str, tuple[Callable[[Any], Callable[[], Any]], int]]:
    """What is timed by name: a function of the library that gives the call, and how many operations a call is."""
    host = {
        HOST + name: ((lambda library, make=make: forward_and_backward(library, make)), CHAIN)
        for name, make in OPERATIONS.items()
    }
    return {name: (make, 1) for name, make in WORKLOADS.items()} | host


def best_of_this_process(module: str, names: list[str], captured: bool) -> dict[str, float]:
    """Seconds of the fastest run of each."""
    library = importlib.import_module(module)
    found = {}
    for name in names:
        make, operations = calls()[name]
        library.manual_seed(0)
        call = library.capture(make(library)) if captured else make(library)
        for _ in range(3):
            call()
        gc.collect()
        gc.disable()
        best, started = float("inf"), time.perf_counter()
        while (now := time.perf_counter()) - started < SECONDS:
            call()
            best = min(best, time.perf_counter() - now)
        gc.enable()
        found[name] = best / operations
    return found


def measure(rounds: int, threads: int, names: list[str]) -> list[record.Row]:
    """Milliseconds of each, and how they stand to PyTorch's."""
    times: dict[str, dict[str, list[float]]] = {name: {} for name in names}
    for number in range(rounds):
        for label, (module, environment) in LIBRARIES.items():
            command = [sys.executable, "-m", "benchmarks.in_turns", "--library", module]
            command += ["--captured"] if label == CAPTURED else []
            limits = {name: str(threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
            answer = subprocess.run(
                [*command, "--only", *names],
                env={**os.environ, **limits, **environment}, capture_output=True, text=True, check=False,
            )  # fmt: skip
            if answer.returncode:
                raise SystemExit(f"{label}: {answer.stderr[-2000:]}")
            for name, seconds in json.loads(answer.stdout.splitlines()[-1]).items():
                times[name].setdefault(label, []).append(seconds)
        print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
    rows = []
    for name, by_library in times.items():
        row: record.Row = {"work": name} | {f"{label} ms": median(found) * 1e3 for label, found in by_library.items()}
        rows.append(row | {"ours / torch": row["ours ms"] / row["torch ms"]})
    return rows


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=record.environment()["cores"])
    parser.add_argument("--only", nargs="+", metavar="NAME", help="names, or parts of them")
    parser.add_argument("--library", help=argparse.SUPPRESS)  # of a process that is taking its turn
    parser.add_argument("--captured", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments or [])
    names = [name for name in calls() if not options.only or any(part in name for part in options.only)]
    if options.library:
        names = [name for name in names if not (options.captured and name.startswith(HOST))]
        print(json.dumps(best_of_this_process(options.library, names, options.captured)))
        return
    rows = measure(options.rounds, options.threads, names)
    record.show(f"Forward and backward, or a whole step, on the CPU, {options.threads} threads", rows)
    if options.only is None:
        print(f"kept in {record.keep(f'in_turns_{options.threads}', rows, threads=options.threads)}")


if __name__ == "__main__":
    main(sys.argv[1:])
