"""What happens to a job from its options to its results."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..device import Device
from ..processes.collectives import barrier
from .device import choose_device
from .errors import JobError
from .folder import CHECKPOINT, SAMPLE, RunFolder
from .interrupt import StopRequest
from .job_settings import JOBS
from .loop import follow, loop, note_validation
from .ranks import Ranks, join, see_own_gpu
from .rate_finder import STEPS, find_rate
from .run import Run, read_checkpoint, settings_to_resume


@dataclass(frozen=True)
class Orders:
    """How a run is to be done; none of it changes a result."""

    device: str
    out: Path
    resume: bool = False
    overwrite: bool = False
    capture: bool = False
    tensorboard: bool = False
    find_lr: bool = False
    timeout: float | None = None  # seconds after which a process that others wait for is given up


def job(name: str) -> tuple[type[Run], Any]:
    """Return the run of a job and the function that reads its data."""
    module = importlib.import_module(f"{__package__}.{JOBS[name].module}")
    return getattr(module, JOBS[name].run), module.read_data


def train(name: str, asked: dict[str, Any], orders: Orders) -> int:
    """Run a job; return the exit code. ``asked`` holds the settings that differ from the defaults."""
    kind, read_data = job(name)
    if orders.find_lr and orders.resume:
        raise JobError("--find-lr looks for the rate of a new run: leave --resume out")
    if not orders.resume:
        asked = kind.completed(asked)
        kind.settings_of(**asked)  # what makes no sense is said before anything is done
    see_own_gpu()
    place = choose_device(orders.device)
    ranks = join(place, orders.timeout)
    if orders.find_lr and ranks.size > 1:
        raise JobError("--find-lr: one process finds the rate; start it without mpiexec and its like")
    if not ranks.is_first:
        return _follow(kind, read_data, asked, orders, place, ranks)
    with RunFolder(orders.out, orders.resume, orders.overwrite and not orders.find_lr) as folder:
        if ranks.size > 1:
            barrier()  # the others read the checkpoint when it is known to be nobody else's
        run, is_new = _made(kind, read_data, asked, orders, place, ranks)
        with StopRequest() as stop, quick_where_small(run):
            stop.say(str(run.data))
            several = f", {ranks.size} processes" if ranks.size > 1 else ""
            count = sum(p.numel() for p in run.model.parameters())
            stop.say(f"{count:,} parameters in {run.settings.dtype} on {place}{several}")
            if orders.find_lr:
                return find_rate(run, orders.out, stop, asked.get("steps", STEPS))
            if is_new:
                stop.say(f"validation loss before training: {note_validation(run):.3f} {run.unit}")
            else:
                stop.say(f"resumed at step {run.step}")
            return loop(run, folder, stop, orders.tensorboard) or finish(run, folder, stop)


def _made(
    kind: type[Run], read_data: Any, asked: dict[str, Any], orders: Orders, place: Device, ranks: Ranks
) -> tuple[Run, bool]:
    """Return a run where it begins or goes on, and whether it is new."""
    checkpoint = orders.out / CHECKPOINT
    saved = read_checkpoint(checkpoint, kind.job) if orders.resume else None
    settings = kind.settings_of(**asked) if saved is None else settings_to_resume(kind, saved, asked, checkpoint)
    data = read_data(settings, None if saved is None else saved["data"])
    run = kind(settings, data, place, orders.capture, ranks)
    if saved is None:
        run.begin()
    else:
        run.restore(saved, checkpoint)
    return run, saved is None


def _follow(kind: type[Run], read_data: Any, asked: dict[str, Any], orders: Orders, place: Device, ranks: Ranks) -> int:
    """Take part in a run that the first process tells of and saves."""
    barrier()
    run, _ = _made(kind, read_data, asked, orders, place, ranks)
    with StopRequest() as stop, quick_where_small(run):
        return follow(run, stop)


def finish(run: Run, folder: RunFolder, stop: StopRequest) -> int:
    """Say, and show, what a run that is over has come to."""
    last = run.curve.validation[-1][1] if run.curve.validation else note_validation(run)
    stop.say(f"validation loss {last:.3f} {run.unit} after {run.step} steps")
    if hasattr(run, "accuracy"):
        stop.say(f"test accuracy {run.accuracy():.2%} on {run.device} after {run.step} steps")
    shown = f"checkpoint {folder.checkpoint}, loss curve {folder.path / 'loss.png'}, every step in {folder.log}"
    if hasattr(run, "write"):
        text = run.write(400)
        (folder.path / SAMPLE).write_text(text, encoding="utf-8")
        stop.say(f"\n{text}\n")
        shown += f", sample {folder.path / SAMPLE}"
    stop.say(shown)
    return stop.exit_code


@contextmanager
def quick_where_small(run: Run) -> Iterator[None]:
    """One thread of the BLAS: matrices as small as the digits' gain nothing from a second, and lose much where the
    cores are busy."""
    if run.counts != "images":
        yield
        return
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        yield
