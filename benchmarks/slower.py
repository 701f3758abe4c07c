"""What became slower from one run to another: said first, before what became faster.

    python -m benchmarks.slower BEFORE.json AFTER.json

A work is slower where its median is worse by a share, and every round after is worse than every round before: a single
bad round is the machine's. Where both runs timed PyTorch, its change is taken out first: the machine's, not ours.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from statistics import median
from typing import NamedTuple

from .merged import Merged, bests_of

WORSE = 0.1


class Change(NamedTuple):
    """One work's seconds, round by round, before and after."""

    work: str
    before: list[float]
    after: list[float]

    @property
    def times(self) -> float:
        """How many times as long it takes."""
        return median(self.after) / median(self.before)

    def is_slower(self, worse: float) -> bool:
        """Whether it is, beyond doubt."""
        return self.times > 1 + worse and min(self.after) > max(self.before)

    def is_faster(self, worse: float) -> bool:
        """Whether it is, beyond doubt."""
        return self.times < 1 / (1 + worse) and max(self.after) < min(self.before)


def of_labels(merged: Merged, before: str, after: str) -> list[Change]:
    """Return the changes between two versions that took turns in one run."""
    old, new = bests_of(merged, before), bests_of(merged, after)
    return [Change(work, old[work], new[work]) for work in new if work in old]


def of_runs(before: Merged, after: Merged, label: str = "ours") -> list[Change]:
    """Return the changes between two runs, each beside PyTorch's in the same run."""
    old, new = bests_of(before, label), bests_of(after, label)
    theirs = bests_of(before, "torch"), bests_of(after, "torch")
    changes = []
    for work in new:
        if work in old:
            mood = median(theirs[1][work]) / median(theirs[0][work]) if all(work in each for each in theirs) else 1.0
            changes.append(Change(work, old[work], [seconds / mood for seconds in new[work]]))
    return changes


def summary(changes: list[Change], worse: float = WORSE) -> str:
    """Return what became slower, then what became faster, a line each; then how many are as they were."""
    slower = sorted((c for c in changes if c.is_slower(worse)), key=lambda c: -c.times)
    faster = sorted((c for c in changes if c.is_faster(worse)), key=lambda c: c.times)
    lines = [f"slower: {_told(change)}" for change in slower] or [f"nothing became slower by {worse:.0%}"]
    lines += [f"faster: {_told(change)}" for change in faster]
    return "\n".join([*lines, f"as before: {len(changes) - len(slower) - len(faster)} of {len(changes)}"])


def _told(change: Change) -> str:
    before, after = median(change.before), median(change.after)
    return f"{change.work}  {before * 1e3:.4g} ms -> {after * 1e3:.4g} ms, {change.times:.2f} times"


if __name__ == "__main__":
    runs = [json.loads(Path(path).read_text()) for path in sys.argv[1:3]]
    print(summary(of_runs(runs[0], runs[1])))
