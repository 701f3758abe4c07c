"""Pictures of what was recorded, for docs/: ratios to PyTorch, cost and memory against size. Measures nothing.

python -m benchmarks.plots
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from statistics import median
from typing import Any

from . import record, speed_page

PICTURES = record.REPOSITORY / "docs" / "pictures"


def ratios(rows: list[record.Row], path: Path) -> None:
    """Draw a bar for each work: how many times PyTorch's time it takes."""
    rows = sorted((row for row in rows if "ours / torch" in row), key=lambda row: row["ours / torch"])
    figure, axes = _figure(8, 0.22 * len(rows) + 1)
    values = [row["ours / torch"] for row in rows]
    colours = ["tab:green" if value <= 1 else "tab:orange" for value in values]
    axes.barh([row["work"] for row in rows], values, color=colours)
    axes.axvline(1, color="black", linewidth=1)
    axes.set(xlabel="time here / time in PyTorch", title="Forward and backward, or a whole step, on the CPU")
    axes.margins(y=0.01)
    figure.savefig(path, dpi=110)


def against_size(benchmarks: list[dict[str, Any]], what: str, path: Path) -> None:
    """Draw a panel for each operation: seconds, or peak bytes, against the number of elements, a line a library."""
    sized = [entry for entry in benchmarks if entry["group"] == "sizes"]
    names = list(dict.fromkeys(entry["extra_info"]["operation"] for entry in sized))
    figure, panels = _figure(9, 2.6 * -(-len(names) // 3), rows=-(-len(names) // 3), columns=3)
    for name, axes in zip(names, panels.flat, strict=False):
        lines: dict[str, list[tuple[int, float]]] = {}
        for entry in sized:
            info = entry["extra_info"]
            if info["operation"] == name:
                value = median(info["bests"]) * 1e3 if what == "time" else info["peak_bytes"] / 1e6
                lines.setdefault(entry["params"]["library"], []).append((info["size"], value))
        for label, points in lines.items():
            axes.plot(*zip(*sorted(points), strict=True), marker=".", label=label)
        axes.set(
            title=name, xscale="log", yscale="log", xlabel="elements", ylabel="ms" if what == "time" else "MB at most"
        )
        axes.grid(alpha=0.3)
    panels.flat[0].legend(fontsize=7)
    figure.savefig(path, dpi=110)


def graph(dot: str, path: Path) -> None:
    """Draw a graph that Graphviz's language gives: a row for each distance from the root, arrows as gradients flow."""
    nodes = {name: label.replace("\\n", "\n") for name, label in re.findall(r'^  (n\d+) \[label="(.*?)"', dot, re.M)}
    edges = re.findall(r"(n\d+) -> (n\d+)", dot)
    depth = dict.fromkeys(nodes, 0)
    for source, target in edges:  # nodes are numbered from the root, each before those that it leads to
        depth[target] = max(depth[target], depth[source] + 1)
    rows = [[name for name in nodes if depth[name] == row] for row in range(max(depth.values()) + 1)]
    place = {name: ((k + 0.5) / len(row), -y) for y, row in enumerate(rows) for k, name in enumerate(row)}
    figure, axes = _figure(7, 0.9 * len(rows) + 0.5)
    for source, target in edges:
        arrow = {"arrowstyle": "->", "shrinkA": 14, "shrinkB": 16, "color": "gray"}
        axes.annotate("", place[target], place[source], arrowprops=arrow)
    for name, label in nodes.items():
        colour = "lightblue" if "Backward" not in label else "white"
        box = {"boxstyle": "round", "facecolor": colour, "edgecolor": "gray"}
        axes.text(*place[name], label, ha="center", va="center", fontsize=7, family="monospace", bbox=box)
    axes.set(xlim=(0, 1), ylim=(-len(rows) + 0.4, 0.6))
    axes.axis("off")
    figure.savefig(path, dpi=130)


def _figure(width: float, height: float, rows: int = 1, columns: int = 1) -> Any:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure, figure.subplots(rows, columns, squeeze=rows * columns == 1)


def draw(threads: int = 2, folder: Path = PICTURES) -> list[Path]:
    """Draw all that is recorded; return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    results = speed_page.recorded(threads)
    drawn = [folder / "speed.png"]
    ratios(results["rows"], drawn[0])
    merged = record.RESULTS / f"bench_{threads}.json"
    if merged.exists():
        for what in ("time", "memory"):
            drawn.append(folder / f"{what}_against_size.png")
            against_size(json.loads(merged.read_text())["benchmarks"], what, drawn[-1])
    return drawn


if __name__ == "__main__":
    print("\n".join(map(str, draw())))
