"""``autograd-gpu profile`` and ``graph``: a job's step, or a program of the user's, looked at from within."""

from __future__ import annotations

import argparse
import runpy
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..autograd.drawing import draw_graph
from ..nn import Module
from ..profiler import profile, record_function, schedule
from ..profiler.table import COLUMNS
from ..tensor import Tensor
from .device import choose_device
from .errors import JobError
from .job_settings import JOBS
from .jobs import job, quick_where_small
from .run import Run
from .settings import add_options, given


@dataclass(frozen=True)
class Profiling:
    """What a profile is to show."""

    steps: int = 3
    memory: bool = False
    shapes: bool = False
    lines: bool = False
    sort_by: str = "self_cpu_time_total"
    rows: int = 25
    trace: Path | None = None


def show_profile(target: str, arguments: list[str], wish: Profiling, device: str) -> int:
    """Print what each operation of some steps of a job, or of a whole program, takes; write the trace if asked."""
    if wish.sort_by not in COLUMNS:
        raise JobError(f"--sort-by: expected one of {', '.join(sorted(COLUMNS))}, but got {wish.sort_by!r}")
    is_job = target in JOBS
    when = schedule(wait=1, warmup=1, active=wish.steps) if is_job else None
    watched = profile(
        schedule=when, record_shapes=wish.shapes, profile_memory=wish.memory, with_stack=wish.lines
    )  # fmt: skip
    if is_job:
        run = _run_of(target, arguments, device)
        with quick_where_small(run), watched:
            for _ in range(2 + wish.steps):
                with record_function("train_step"):
                    run.train_step()
                watched.step()
    else:
        with _as_the_program(target, arguments), watched:
            runpy.run_path(target, run_name="__main__")
    averages = watched.key_averages(group_by_input_shape=wish.shapes, group_by_stack_n=1 if wish.lines else 0)
    print(averages.table(sort_by=wish.sort_by, row_limit=wish.rows))
    if wish.trace is not None:
        watched.export_chrome_trace(wish.trace)
        print(f"trace in {wish.trace}: open it at https://ui.perfetto.dev or chrome://tracing")
    return 0


def show_graph(target: str, arguments: list[str], name: str, out: Path | None, device: str) -> int:
    """Print the graph behind a job's loss, or a tensor of a program, or draw it into a file."""
    if target in JOBS:
        run = _run_of(target, arguments, device)
        root, params = run.loss(*run.batch(0)), _parameters_of({"model": run.model})
    else:
        with _as_the_program(target, arguments):
            names = runpy.run_path(target, run_name="__main__")
        root, params = _tensor_of(names, name, target), _parameters_of(names)
    drawing = draw_graph(root, params=params)
    if out is None:
        print(drawing)
        return 0
    try:
        drawing.save(out)
    except (RuntimeError, ValueError) as error:  # no Graphviz; an ending that names no format
        raise JobError(f"--out: {error}") from None
    print(f"{drawing.text.count(chr(10)) + 1} lines of graph in {out}")
    return 0


def _run_of(name: str, arguments: list[str], device: str) -> Run:
    kind, read_data = job(name)
    parser = _settings_parser(name)
    settings = kind.settings_of(**kind.completed(given(parser(arguments), kind.settings_of)))
    place = choose_device(device)
    run = kind(settings, read_data(settings, None), place)
    run.begin()
    return run


def _settings_parser(name: str) -> Callable[[list[str]], argparse.Namespace]:
    parser = argparse.ArgumentParser(prog=f"autograd-gpu ... {name}", allow_abbrev=False, exit_on_error=False)
    add_options(parser, JOBS[name].settings)

    def parse(arguments: list[str]) -> argparse.Namespace:
        try:
            found, unknown = parser.parse_known_args(arguments)
        except argparse.ArgumentError as error:
            raise JobError(str(error)) from None
        if unknown:
            raise JobError(f"{unknown[0]}: no setting of `train {name}`, whose --help lists them")
        return found

    return parse


@contextmanager
def _as_the_program(path: str, arguments: list[str]) -> Iterator[None]:
    """Within the block sys.argv and the first place of modules are what they are as ``python path arguments``."""
    if not Path(path).is_file():
        raise JobError(f"{path}: neither a job ({', '.join(JOBS)}) nor a file with a program")
    before = sys.argv[:], sys.path[:]
    sys.argv[:], sys.path[:0] = [path, *arguments], [str(Path(path).absolute().parent)]
    try:
        yield
    finally:
        sys.argv[:], sys.path[:] = before


def _tensor_of(names: dict[str, Any], name: str, path: str) -> Tensor:
    found = names.get(name)
    if isinstance(found, Tensor) and found.grad_fn is not None:
        return found
    there = [each for each, value in names.items() if isinstance(value, Tensor) and value.grad_fn is not None]
    others = f"it has {', '.join(there)}" if there else "it has none that was computed from what requires grad"
    raise JobError(f"--of: {path} leaves no tensor '{name}' with a graph; {others}")


def _parameters_of(names: dict[str, Any]) -> dict[str, Tensor]:
    found = {name: value for name, value in names.items() if isinstance(value, Tensor) and value.is_leaf}
    for name, value in names.items():
        if isinstance(value, Module):
            found |= {f"{name}.{inner}": parameter for inner, parameter in value.named_parameters()}
    return found
