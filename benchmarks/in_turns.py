"""The suites of `benchmarks/suites`, each library in a pytest process of its own, the processes taking turns.

What spins in one is no burden on the other. A figure is the median over rounds of the best of many runs in a process.

    python -m benchmarks.in_turns --rounds 5 --threads 2 [--suites workloads small] [--only NAME ...]
    python -m benchmarks.in_turns --against COMMIT [--only NAME ...]     # this version and one before, in turns

Results are JSON files of pytest-benchmark, merged: in `.benchmarks/`, by commit, where `pytest-benchmark compare` and
``--benchmark-compare`` find them, and of a whole run also in `benchmarks/results/`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import record, slower
from .merged import CAPTURED, Merged, merge, rows_of

# How each is told: its module, and what its process finds in the environment. What is captured is replayed by
# autograd_gpu.capture: workloads alone, since an operation by itself is no step.
LIBRARIES = {
    "ours": {"BENCHMARK_MODULE": "autograd_gpu"},
    CAPTURED: {"BENCHMARK_MODULE": "autograd_gpu", "BENCHMARK_CAPTURED": "1"},
    "ours, NumPy's path": {"BENCHMARK_MODULE": "autograd_gpu", "AUTOGRAD_GPU_NATIVE": "0"},
    "torch": {"BENCHMARK_MODULE": "torch"},
}
BEFORE = "before"
SUITES = Path(__file__).parent / "suites"
USUAL = ("workloads", "small", "sizes")
NOTHING_TO_DO = 5  # pytest's exit code where no test is left
SECONDS = 0.5  # for a work in a process


def one_process(label: str, environment: dict[str, str], suites: list[str], only: list[str], threads: int) -> Merged:
    """What one library takes in a process of its own: pytest-benchmark's JSON."""
    limits = {name: str(threads) for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")}
    told = {"BENCHMARK_LIBRARY": label, "BENCHMARK_ONLY": json.dumps(only)}
    # A process that takes itself for one of several test workers times nothing.
    outside = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "round.json"
        command = [
            sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist",
            "--rootdir", str(record.REPOSITORY),
            f"--benchmark-json={path}", f"--benchmark-max-time={SECONDS}", "--benchmark-min-rounds=3",
            "--benchmark-disable-gc", "--benchmark-quiet", *(str(SUITES / f"test_{suite}.py") for suite in suites),
        ]  # fmt: skip
        answer = subprocess.run(
            command, env={**outside, **limits, **environment, **told}, cwd=record.REPOSITORY,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        if answer.returncode == NOTHING_TO_DO or (answer.returncode == 0 and not path.exists()):
            return {"benchmarks": []}
        if answer.returncode:
            raise SystemExit(f"{label}: {(answer.stdout + answer.stderr)[-3000:]}")
        return json.loads(path.read_text())


def measure(
    libraries: dict[str, dict[str, str]], suites: list[str], only: list[str], rounds: int, threads: int
) -> Merged:
    """Let the libraries take turns, and merge what their processes say."""
    found = []
    for number in range(rounds):
        for label, environment in libraries.items():
            found.append(one_process(label, environment, suites, only, threads))
        print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
    return merge(found, record.environment(), threads)


@contextmanager
def version_before(named: str) -> Iterator[dict[str, str]]:
    """The environment of a process that imports an older version: a checkout's folder, or a commit of this one."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(named).resolve()
        if not (place / "autograd_gpu").is_dir():
            place = Path(folder)
            packed = subprocess.run(
                ["git", "-C", str(record.REPOSITORY), "archive", named, "autograd_gpu", "kernels"],
                capture_output=True, check=False,
            )  # fmt: skip
            if packed.returncode:
                raise SystemExit(f"--against: {named} is neither a checkout nor a commit: {packed.stderr.decode()}")
            archive = place / "packed.tar"
            archive.write_bytes(packed.stdout)
            with tarfile.open(archive) as tar:
                tar.extractall(place, filter="data")
        # Its package first, then this version's benchmarks: one's own package and an installed one come after them.
        yield {"BENCHMARK_MODULE": "autograd_gpu", "BENCHMARK_VERSION": str(place)}


def store(merged: Merged) -> Path:
    """Keep a run where pytest-benchmark looks for earlier ones, numbered as it numbers them."""
    version = f"{platform.python_implementation()}-{'.'.join(platform.python_version_tuple()[:2])}"
    folder = record.REPOSITORY / ".benchmarks" / f"{platform.system()}-{version}-{platform.architecture()[0]}"
    folder.mkdir(parents=True, exist_ok=True)
    last = max((int(path.name[:4]) for path in folder.glob("[0-9][0-9][0-9][0-9]_*.json")), default=0)
    path = folder / f"{last + 1:04}_{merged['commit_info']['id']}.json"
    path.write_text(json.dumps(merged, indent=1) + "\n")
    return path


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=record.environment()["cores"])
    there = sorted(path.stem.removeprefix("test_") for path in SUITES.glob("test_*.py"))
    parser.add_argument("--suites", nargs="+", choices=there, default=list(USUAL))
    parser.add_argument("--only", nargs="+", metavar="NAME", default=[], help="names, or parts of them")
    parser.add_argument("--against", metavar="COMMIT", help="or a checkout: what became slower since")
    parser.add_argument("--worse", type=float, default=slower.WORSE, help="as a share; default: %(default)s")
    options = parser.parse_args(arguments or [])
    if options.against:
        with version_before(options.against) as environment:
            libraries = {BEFORE: environment, "ours": LIBRARIES["ours"]}
            merged = measure(libraries, options.suites, options.only, options.rounds, options.threads)
        print(slower.summary(slower.of_labels(merged, BEFORE, "ours"), options.worse))
        return
    merged = measure(LIBRARIES, options.suites, options.only, options.rounds, options.threads)
    record.show(f"Forward and backward, or a whole step, on the CPU, {options.threads} threads", rows_of(merged))
    print(f"kept in {store(merged)}")
    if not options.only and set(options.suites) >= set(USUAL):
        path = record.RESULTS / f"bench_{options.threads}.json"
        if path.exists():
            print(slower.summary(slower.of_runs(json.loads(path.read_text()), merged), options.worse))
        path.write_text(json.dumps(merged, indent=1) + "\n")
        print(f"and in {path}")


if __name__ == "__main__":
    main(sys.argv[1:])
