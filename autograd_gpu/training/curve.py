"""The loss curve: its numbers during a run, and its picture at the end."""

from __future__ import annotations

from pathlib import Path
from typing import Any


class Curve:
    """Training and validation losses by step."""

    def __init__(self) -> None:
        self.train: list[tuple[int, float]] = []
        self.validation: list[tuple[int, float]] = []

    def state_dict(self) -> dict[str, Any]:
        """Return the numbers."""
        return {"train": list(self.train), "validation": list(self.validation)}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over the numbers of an earlier run."""
        parts = [[(int(step), float(loss)) for step, loss in state[name]] for name in ("train", "validation")]
        self.train, self.validation = parts

    def draw(self, path: Path, title: str, unit: str) -> None:
        """Write the curve as a PNG."""
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        figure = Figure(figsize=(7, 4), layout="constrained")
        FigureCanvasAgg(figure)  # draws without a screen, whatever backend the user has configured
        axes = figure.add_subplot()
        axes.plot(*zip(*self.train, strict=True), linewidth=1, alpha=0.6, label="training")
        if self.validation:
            axes.plot(*zip(*self.validation, strict=True), marker="o", markersize=4, label="validation")
        axes.set(title=title, xlabel="step", ylabel=f"loss ({unit})")
        axes.grid(alpha=0.3)
        axes.legend()
        figure.savefig(path, dpi=120)
