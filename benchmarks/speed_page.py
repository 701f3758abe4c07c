"""docs/speed.md, and the README's table: what `benchmarks.in_turns` has recorded. Measures nothing."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

from . import record
from .merged import CAPTURED, rows_of
from .small import HOST

README = Path(__file__).parent.parent / "README.md"
BEGIN, END = "<!-- measured: written by make pages -->\n", "<!-- measured: end -->\n"
# The rows of the README: what people do, and what an operation costs where there is nothing to compute.
SHOWN = (
    "GPT step", "transformer block step", "LeNet step", "MLP 64-256-256-10 step, batch 128, Adam", "GELU",
    "softmax 4096", "layer norm 4096", "cross entropy 4096", "conv2d", "LSTM", "4 x 4: x + y", "4 x 4: softmax",
)  # fmt: skip

Recorded = dict


def recorded(threads: int) -> Recorded:
    """What was measured last: pytest-benchmark's, or, until that is recorded, the rows of the harness before it."""
    merged = record.RESULTS / f"bench_{threads}.json"
    if merged.exists():
        results = json.loads(merged.read_text())
        return results | {"rows": rows_of(results)}
    return json.loads((record.RESULTS / f"in_turns_{threads}.json").read_text())


def page() -> str:
    """docs/speed.md."""
    parts = [
        """# Speed on the CPU

Forward and backward, or a whole training step, float32, against PyTorch with as many threads. Each library runs in a
process of its own and the processes take turns; a figure is the median over rounds of the best run in a process.
Written by `make pages` from what `make bench` has recorded in `benchmarks/results/`. `4 x 4` rows
are one operation on tensors so small that what is timed is the library: recording, dispatch, the engine. What is
captured is the same step replayed ([capture.md](capture.md)).

![Time here divided by PyTorch's, a bar for each row](pictures/speed.png)
"""
    ]
    for threads in (2, 1):
        results = recorded(threads)
        parts.append(
            f"\n## {threads} thread{'s' if threads > 1 else ''}\n\n{machine(results)}\n\n{table(results['rows'])}"
        )
    return "".join(parts)


def readme() -> str:
    """README.md with its table as recorded."""
    text, results = README.read_text(), recorded(2)
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    rows = [row for part in SHOWN for row in results["rows"] if row["work"].startswith(part)]
    return f"{before}{BEGIN}{machine(results)}\n\n{table(rows)}\n{summary(results['rows'])}\n{END}{after}"


def machine(results: Recorded) -> str:
    found = results["environment"]
    day = datetime.datetime.fromisoformat(found["date"]).date()
    return (
        f"{found['processor']}, {results['threads']} of {found['cores']} cores, {day}, Python {found['python']}, "
        f"NumPy {found['numpy']}, PyTorch {found['torch'].split('+')[0]}, commit {found['commit']}:"
    )


def table(rows: list[record.Row]) -> str:
    lines = ["| what | here | captured | NumPy's path | PyTorch | here / PyTorch |", "| --- " * 6 + "|"]
    for row in rows:
        kept = [row.get(f"{label} ms") for label in ("ours", CAPTURED, "ours, NumPy's path", "torch")]
        times = ["" if time is None else duration(time) for time in kept]
        lines.append(f"| {row['work']} | {' | '.join(times)} | {row['ours / torch']:.2f} |")
    return "\n".join(lines) + "\n"


def summary(rows: list[record.Row]) -> str:
    work = [row["ours / torch"] for row in rows if not row["work"].startswith(HOST)]
    faster = sum(ratio <= 1 for ratio in work)
    return f"{faster} of all {len(work)} workloads take no longer than in PyTorch: [docs/speed.md](docs/speed.md)."


def duration(milliseconds: float) -> str:
    return f"{milliseconds:.3g} ms" if milliseconds >= 0.1 else f"{milliseconds * 1e3:.3g} us"
