"""The loop that every job goes through: steps, what is said of them, saves on the way, and every way to end early."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from time import perf_counter
from typing import Any

from tqdm import tqdm

from .folder import CURVE, RunFolder
from .interrupt import StopRequest
from .log import Log
from .run import Run, Step

SAVES = 10  # in a run
SILENCE = 30.0  # seconds after which a line is due where there is no terminal to draw a bar on


def loop(run: Run, folder: RunFolder, stop: StopRequest, tensorboard: bool = False) -> int:
    """Train to the end, or until `stop`, validating and saving ten times; return the exit code of a stop, else 0."""
    steps = run.settings.steps
    every = max(1, steps // SAVES)
    progress = Progress(run, stop)
    with Log(folder, run.step, tensorboard) as log, progress:
        while run.step < steps and not stop and not run.stops:
            started = perf_counter()
            run.wants_to_stop = bool(stop)
            step = run.train_step()
            seconds = perf_counter() - started
            run.curve.train.append((run.step, step.loss))
            per_second = run.samples() / seconds
            told = {"loss": step.loss, "gradient_norm": step.gradient_norm, "lr": step.lr, "seconds": seconds}
            log.write(run.step, **told, **{f"{run.counts}_per_s": per_second})
            progress.note(step, per_second)
            if run.step % every == 0 or run.step == steps:
                validation = note_validation(run)
                log.write(run.step, validation=validation)
                progress.say(step, per_second, f"  validation {validation:.4f}")
                if run.step < steps:
                    save_or_warn(run, folder.checkpoint, stop)
    run.save(folder.checkpoint)
    if run.step < steps:
        stop.say(
            f"\nstopped after step {run.step}, saved to {folder.checkpoint}; the same command with --resume goes on"
        )
        return stop.exit_code
    run.curve.draw(folder.path / CURVE, run.title, run.unit)
    return 0


def follow(run: Run, stop: StopRequest) -> int:
    """Train as a process that is not the first: it takes the steps, and leaves it to the first to tell and to save."""
    while run.step < run.settings.steps and not run.stops:
        run.wants_to_stop = bool(stop)
        run.train_step()
    return stop.exit_code


def note_validation(run: Run) -> float:
    """Validate, put the result on the curve and return it."""
    loss = run.validate()
    run.curve.validation.append((run.step, loss))
    return loss


def save_or_warn(run: Run, checkpoint: Path, stop: StopRequest) -> None:
    """Save on the way. A full disk is no reason to lose the run: the next save, or the last, may succeed."""
    try:
        run.save(checkpoint)
    except OSError as error:
        stop.say(f"warning: {error} Training goes on.")


class Progress:
    """A bar on a terminal; elsewhere a line now and then, so that nobody waits without a word."""

    def __init__(self, run: Run, stop: StopRequest) -> None:
        self.run, self.stop = run, stop
        self._told = self._began = perf_counter()
        self._first = run.step

    def __enter__(self) -> None:
        # disable=None: no bar where there is no terminal.
        steps = self.run.settings.steps
        self.bar: Any = tqdm(total=steps, initial=self.run.step, unit="step", disable=None, file=sys.stderr)

    def __exit__(self, *exception: object) -> None:
        with suppress(OSError):
            self.bar.close()

    def note(self, step: Step, per_second: float) -> None:
        """A step is done."""
        if self.bar.disable:
            if perf_counter() - self._told > SILENCE:
                self.say(step, per_second)
            return
        try:
            rate = {f"{self.run.counts}_per_s": f"{per_second:,.0f}"}
            self.bar.set_postfix(loss=f"{step.loss:.3f}", norm=f"{step.gradient_norm:.2f}", refresh=False, **rate)
            self.bar.update()
        except OSError:  # the terminal has gone
            self.bar.disable = True

    def say(self, step: Step, per_second: float, more: str = "") -> None:
        """Print a line about a step."""
        self._told = perf_counter()
        run = self.run
        left = (self._told - self._began) / (run.step - self._first) * (run.settings.steps - run.step)
        eta = f"  {_clock(left)} left" if run.step < run.settings.steps else ""
        self.bar.clear()
        self.stop.say(
            f"step {run.step:5d}  loss {step.loss:.4f}{more}  norm {step.gradient_norm:.2f}  lr {step.lr:.2e}  "
            f"{per_second:,.0f} {run.counts}/s{eta}"
        )


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"
