"""``train --find-lr``: the loss while the learning rate rises step by step, and where it falls fastest (Smith 2017)."""

from __future__ import annotations

import math
from pathlib import Path

from .interrupt import StopRequest
from .run import NotFinite, Run

LOWEST, HIGHEST = 1e-6, 1.0
STEPS = 100
DIVERGED = 4.0  # times the least loss: nothing is learnt from there on
PICTURE = "lr.png"
_MEMORY = 0.9  # of the running mean that noise is taken out by

Pairs = list[tuple[float, float]]  # of rate and loss


def find_rate(run: Run, folder: Path, stop: StopRequest, steps: int) -> int:
    """Print and draw the losses, and say which rate to begin with. Changes the run's model, and saves nothing."""
    pairs = losses_by_rate(run, steps, stop)
    smooth = smoothed(pairs)
    for number in range(0, len(pairs), max(1, len(pairs) // 12)):
        stop.say(f"lr {pairs[number][0]:.2e}  loss {pairs[number][1]:.4f}")
    draw(pairs, smooth, folder / PICTURE, run)
    suggested = steepest(smooth)
    if suggested is None:
        stop.say(f"no rate from {LOWEST:g} to {pairs[-1][0]:.2e} made the loss fall: {folder / PICTURE}")
        return stop.exit_code
    stop.say(f"the loss falls fastest at --lr {suggested:.1e}: {folder / PICTURE}")
    return stop.exit_code


def losses_by_rate(run: Run, steps: int, stop: StopRequest) -> Pairs:
    """Take steps at rates from the lowest to the highest, evenly in their logarithms, until the loss has diverged."""
    found: Pairs = []
    for number in range(steps):
        rate = LOWEST * (HIGHEST / LOWEST) ** (number / max(1, steps - 1))
        run.learning_rate = lambda rate=rate: rate  # type: ignore[method-assign, misc]
        try:
            loss = run.train_step().loss
        except NotFinite:
            break
        found.append((rate, loss))
        if stop or smoothed(found)[-1][1] > DIVERGED * min(loss for _, loss in found):
            break
    return found


def smoothed(pairs: Pairs) -> Pairs:
    """Return the running mean of the losses, without the weight of its beginning (Kingma & Ba 2015, section 3)."""
    mean, found = 0.0, []
    for number, (rate, loss) in enumerate(pairs, start=1):
        mean = _MEMORY * mean + (1 - _MEMORY) * loss
        found.append((rate, mean / (1 - _MEMORY**number)))
    return found


def steepest(pairs: Pairs) -> float | None:
    """Return the rate at which the loss falls most, by the rate's logarithm; None when it falls nowhere."""
    slopes = [
        ((after[1] - before[1]) / math.log(after[0] / before[0]), here[0])
        for before, here, after in zip(pairs, pairs[1:], pairs[2:])
    ]
    least = min(slopes, default=(0.0, 0.0))
    return least[1] if least[0] < 0 else None


def draw(pairs: Pairs, smooth: Pairs, path: Path, run: Run) -> None:
    """Write the losses over the rates as a PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.plot(*zip(*pairs, strict=True), linewidth=1, alpha=0.4, label="each step")
    axes.plot(*zip(*smooth, strict=True), label="running mean")
    axes.set(title=run.title, xlabel="learning rate", ylabel=f"loss ({run.unit})", xscale="log")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=120)
