"""Host time of this version against an older one: `python -m benchmarks.before_after <checkout of the older version>`.

The two take turns in fresh processes, each against PyTorch in its own process, so that the machine's mood meets both.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from statistics import median

from . import record

ROUNDS = 5
ONE_RUN = """
import json, sys
sys.path.insert(0, sys.argv[1])
import autograd_gpu  # of the version asked for, from here on
sys.path[0] = sys.argv[2]
from benchmarks import host_time
print(json.dumps(host_time.measure(0.1)))
"""


def one_run(version: Path) -> list[record.Row]:
    """The host-time rows of one version, measured in a process of its own."""
    command = [sys.executable, "-P", "-c", ONE_RUN, str(version), str(record.REPOSITORY)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return json.loads(output.splitlines()[-1])


def compare(before: Path) -> list[record.Row]:
    """For each operation the microseconds of both versions, and now / before: the best of the processes, since one that
    the machine's other work or the memory's layout slows down is slow throughout."""
    versions = {"before": before, "now": record.REPOSITORY}
    runs: dict[str, list[list[record.Row]]] = {label: [] for label in versions}
    for _ in range(ROUNDS):
        for label, version in versions.items():
            runs[label].append(one_run(version))
    rows = []
    for place, operation in enumerate(row["operation"] for row in runs["now"][0]):
        row: record.Row = {"operation": operation}
        for what in ("forward", "both"):
            for label, all_rows in runs.items():
                row[f"{label} {what} us"] = min(rows[place][f"ours {what} us"] for rows in all_rows)
            row[f"now / before {what}"] = row[f"now {what} us"] / row[f"before {what} us"]
        rows.append(row)
    return rows


def main() -> None:
    before = Path(sys.argv[1]).resolve()
    if not (before / "autograd_gpu").is_dir():
        raise SystemExit(
            f"before_after: expected a checkout of an older version, but {before} has no autograd_gpu in it"
        )
    rows = compare(before)
    record.show("Host time of one recorded operation on 4 x 4, CPU: this version and the one before", rows)
    overall = median(row["now / before both"] for row in rows)
    print(f"median now / before: {overall:.2f}\nkept in {record.keep('before_after', rows, before=sys.argv[2:])}")


if __name__ == "__main__":
    main()
