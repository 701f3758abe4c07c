"""Runs of pytest-benchmark, one of each library and round, as one: still a file of pytest-benchmark's."""

from __future__ import annotations

from statistics import median
from typing import Any

from . import record

CAPTURED = "ours, captured"
Merged = dict[str, Any]


def merge(runs: list[Merged], environment: record.Row, threads: int) -> Merged:
    """Return one run with each library's works once: the round whose best is in the middle, and all rounds' bests."""
    entries: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for run in runs:
        for entry in run["benchmarks"]:
            entries.setdefault((entry["params"]["library"], entry["params"]["work"]), []).append(entry)
    benchmarks = []
    for several in entries.values():
        bests = [entry["stats"]["min"] for entry in several]
        middle = min(several, key=lambda entry: abs(entry["stats"]["min"] - median(bests)))
        operations = middle["extra_info"].get("operations", 1)
        rounds = [best / operations for best in bests]
        benchmarks.append({**middle, "extra_info": {**middle["extra_info"], "bests": rounds}})
    first: Merged = next((run for run in runs if run["benchmarks"]), {"commit_info": {"id": "unknown"}})
    return {**first, "benchmarks": benchmarks, "environment": environment, "threads": threads}


def bests_of(merged: Merged, label: str) -> dict[str, list[float]]:
    """Return the seconds of each round's best by work, of one library."""
    return {
        entry["params"]["work"]: entry["extra_info"]["bests"]
        for entry in merged["benchmarks"]
        if entry["params"]["library"] == label
    }


def rows_of(merged: Merged, groups: tuple[str, ...] = ("workloads", "small")) -> list[record.Row]:
    """Return a row for each work: milliseconds of each library, and ours beside PyTorch's."""
    rows: dict[str, record.Row] = {}
    for entry in merged["benchmarks"]:
        if entry["group"] in groups:
            row = rows.setdefault(entry["params"]["work"], {"work": entry["params"]["work"]})
            row[f"{entry['params']['library']} ms"] = median(entry["extra_info"]["bests"]) * 1e3
    for row in rows.values():
        if "ours ms" in row and "torch ms" in row:
            row["ours / torch"] = row["ours ms"] / row["torch ms"]
    return list(rows.values())
