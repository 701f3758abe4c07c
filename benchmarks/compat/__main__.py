"""Runs the packages of packages.toml on PyTorch and on autograd_gpu standing in for it, and compares: `make compat`.

Each package and what else it needs goes into a throw-away folder, without PyTorch; its uses run in one process with
each library. `python -m benchmarks.compat --short` runs those that CI runs, `python -m
benchmarks.compat NAME ...` those named. What came out of each, but for those of CI, is recorded in
results/compatibility.json, from which docs/compatibility.md is written.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from . import page
from .one_use import HERE, USES

TOLERANCE = 1e-4  # absolute, and relative to PyTorch's number


def install(packages: Iterable[dict[str, Any]], folder: str) -> None:
    """Install packages and what they need in a folder, without what those ask for in turn: PyTorch among it."""
    wanted = sorted(
        {f"{p['name']}=={p['version']}" for p in packages} | {n for p in packages for n in p.get("needs", ())}
    )
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", folder]
    subprocess.run([*pip, *wanted], check=True)


def run(library: str, module: str, folder: str, seconds: int) -> tuple[dict[str, str], dict[str, np.ndarray]]:
    """Run a package's uses on one library; return the errors and the numbers."""
    out = Path(folder) / f"{module}.{library}.npz"
    environment = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{HERE.parent.parent}", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(HERE / "one_use.py"), library, module, str(out)]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        return dict.fromkeys(USES, f"took longer than {seconds} s"), {}
    if done.returncode:
        return dict.fromkeys(USES, (done.stderr.strip().splitlines() or ["ended without a word"])[-1]), {}
    with np.load(out) as found:
        arrays = {name: found[name] for name in found.files}
    return json.loads(str(arrays.pop("errors"))), arrays


def verdict(use: str, theirs: tuple[dict, dict], ours: tuple[dict, dict]) -> str:
    """Return "" if a use gives PyTorch's numbers, else what is otherwise, in a line."""
    if use in theirs[0]:
        return f"with PyTorch too: {theirs[0][use]}"
    if use in ours[0]:
        return ours[0][use]
    expected, got = ({k: v for k, v in found[1].items() if k.startswith(use)} for found in (theirs, ours))
    if expected.keys() != got.keys():
        return "other results"
    for name, value in expected.items():
        if value.shape != got[name].shape:
            return f"{name}: shape {got[name].shape} instead of {value.shape}"
        if not np.allclose(got[name], value, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True):
            return f"{name}: off by {np.nanmax(np.abs(got[name] - value)):.1e}"
    return "" if expected else "no numbers"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compat", description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="the packages to run; all without any")
    parser.add_argument("--short", action="store_true", help="those that CI runs")
    parser.add_argument("--folder", help="where the packages are installed already")
    parser.add_argument("--processes", type=int, default=os.cpu_count(), help="how many run at once")
    asked = parser.parse_args()
    packages = [
        p
        for p in page.packages()
        if (p["name"] in asked.names or not asked.names) and (p.get("short") or not asked.short)
    ]
    if unknown := set(asked.names) - {p["name"] for p in packages}:
        parser.error(f"not in packages.toml: {', '.join(sorted(unknown))}")
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(asked.processes) as pool:
        if asked.folder is None:
            install(packages, folder)
        paths = [(library, p["name"].replace("-", "_")) for p in packages for library in ("torch", "autograd_gpu")]
        found = list(pool.map(lambda path: run(*path, asked.folder or folder, 300), paths))
    results = {}
    for package, theirs, ours in zip(packages, found[::2], found[1::2]):
        results[package["name"]] = {use: verdict(use, theirs, ours) for use in USES}
        for use, said in results[package["name"]].items():
            print(f"{package['name']:>26} {use:>7}  {said or 'as PyTorch'}", flush=True)
    good = sum(not any(result.values()) for result in results.values())
    print(f"{good} of {len(results)} packages give PyTorch's numbers.")
    if not asked.short:
        before = json.loads(page.RECORD.read_text()) if page.RECORD.exists() else {}
        page.RECORD.write_text(json.dumps(dict(sorted((before | results).items())), indent=1) + "\n")
    return int(asked.short and good < len(results))


if __name__ == "__main__":
    sys.exit(main())
