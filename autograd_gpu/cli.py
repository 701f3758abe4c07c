"""The ``autograd-gpu`` command: reads arguments, calls the job, and turns what a user can mend into one line.

Jobs are imported when they are called for: ``autograd-gpu info`` works where the training extra is missing.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

OK, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a line is seen when it is said; what has no UTF-8 is said all the same
            stream.reconfigure(errors="backslashreplace", line_buffering=True)
    try:
        return _run(argv)
    except KeyboardInterrupt:
        return _complain("interrupted", INTERRUPTED)


def _run(argv: Sequence[str] | None) -> int:
    from .arrays.cuda.compile import CompileError
    from .errors import DeviceUnavailable, DistNetworkError
    from .serialization import DamagedFile
    from .settings import emulation
    from .training.errors import JobError
    from .training.interrupt import discard_output

    try:
        arguments = _parser().parse_args(argv)
        emulation()  # a word that it does not know is refused before any work
        return arguments.command(arguments)
    except DeviceUnavailable as error:
        return _complain(str(error), USAGE)
    except (CompileError, DamagedFile, DistNetworkError, JobError) as error:
        return _complain(str(error), FAILED)
    except MemoryError as error:
        return _complain(f"out of memory: {error}", FAILED)
    except ModuleNotFoundError as error:
        if error.name not in ("tqdm", "matplotlib", "sklearn", "threadpoolctl"):
            raise
        return _complain(f'{error.name} is not installed; training needs it: pip install "autograd-gpu[train]"', USAGE)
    except BrokenPipeError:  # nobody reads any longer
        discard_output()
        return FAILED
    except OSError as error:
        return _complain(str(error.strerror if error.filename is None and error.strerror else error), FAILED)


def _complain(message: str, code: int) -> int:
    from .processes.ending import one_speaks

    def say() -> None:
        with suppress(OSError):
            print(f"autograd-gpu: {' '.join(message.splitlines())}", file=sys.stderr)

    one_speaks(say)
    return code


# ----------------------------------------------------------------------------------------------------- arguments


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, and takes no abbreviations: a later option may share them."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, **options)

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"autograd-gpu: {message}; `{self.prog} --help` says what there is\n")


def _parser() -> argparse.ArgumentParser:
    from .version import __version__

    parser = _Parser(prog="autograd-gpu", description="Train, use what was trained, look around, build kernels.")
    parser.add_argument("--version", action="version", version=f"autograd_gpu {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    info = commands.add_parser("info", help="version, devices, compiled kernels, and what is missing")
    info.set_defaults(command=_info)

    train = commands.add_parser("train", help="train a model on what is on this machine")
    _add_jobs(train.add_subparsers(required=True, metavar="JOB"))

    _add_using(commands)
    _add_looking(commands)

    kernels = commands.add_parser("kernels", help="the CUDA kernels").add_subparsers(required=True, metavar="ACTION")
    build = kernels.add_parser("build", help="compile all kernels into the cache; needs no GPU")
    build.add_argument(
        "--arch",
        action="append",
        metavar="sm_90a",
        help="repeat for several; native: this processor; default: all GPUs supported",
    )
    build.add_argument("--jobs", type=_count, help="how many to compile at a time; default: one per core")
    build.set_defaults(command=_build)
    return parser


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected at least 1, but got {number}")
    return number


def _add_jobs(parsers: Any) -> None:
    from .training.job_settings import JOBS
    from .training.settings import add_options

    for name, described in JOBS.items():
        job = parsers.add_parser(name, help=described.help, description=f"Train {described.help}.")
        job.add_argument(
            "--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: a GPU if there is one"
        )
        job.add_argument(
            "--out", type=_folder, default=Path("runs", name), metavar="DIR",
            help="where results go; default: %(default)s",
        )  # fmt: skip
        job.add_argument("--config", type=Path, metavar="FILE", help="settings from a TOML file; options overrule it")
        job.add_argument("--resume", action="store_true", help="go on with the run saved in --out")
        job.add_argument("--overwrite", action="store_true", help="replace the run saved in --out")
        job.add_argument("--tensorboard", action="store_true", help="write event files into --out")
        job.add_argument(
            "--capture",
            action="store_true",
            help="record the step once and replay it",
        )
        job.add_argument(
            "--find-lr",
            action="store_true",
            help="train nothing: let the rate rise step by step, and say where the loss falls fastest",
        )
        job.add_argument(
            "--timeout",
            type=_seconds,
            metavar="SECONDS",
            help="of several processes, give one up that the others wait for so long; default: 600",
        )
        job.set_defaults(command=_train, job=name)
        add_options(job, described.settings)


def _add_using(commands: Any) -> None:
    what = "the folder of a run of `train gpt`, or a file of weights"
    device = {"choices": ("auto", "cpu", "cuda"), "default": "auto", "help": "default: a GPU if there is one"}
    sample = commands.add_parser("sample", help="let a GPT that was trained write")
    sample.add_argument("run", type=_folder, metavar="RUN", help=what)
    sample.add_argument(
        "--prompt", default="", metavar="TEXT", help="what it goes on from; default: the start of a file"
    )
    for flag, kind, default, words in (
        ("--length", _count, 400, "bytes at most"),
        ("--count", _count, 1, "texts, written at once"),
        ("--temperature", float, 0.8, "below 1 the likelier is preferred; 0 takes the likeliest"),
        ("--top-k", int, 0, "draw of so many likeliest bytes; 0: of all"),
        ("--top-p", float, 1.0, "draw of the fewest bytes whose probabilities reach this"),
        ("--seed", _seed, 0, "another seed, another text"),
    ):
        shown = {"metavar": "X" if kind is float else "N", "help": f"{words}; default: {default}"}
        sample.add_argument(flag, type=kind, default=default, **shown)
    sample.add_argument("--stop", default="", metavar="TEXT", help="end with it; default: none")
    dtypes = ("own", "float32", "float64", "bfloat16", "float16")
    sample.add_argument("--dtype", choices=dtypes, default="own", help="of the weights; default: the file's own")
    sample.add_argument("--device", **device)
    sample.set_defaults(command=_sample)

    evaluate = commands.add_parser("eval", help="how well a run's model does on what it was not trained on")
    evaluate.add_argument("run", type=_folder, metavar="RUN", help="the folder of a run, of any job")
    evaluate.add_argument("--corpus", type=_folder, metavar="DIR", help="on the text files below DIR instead (gpt)")
    evaluate.add_argument("--device", **device)
    evaluate.set_defaults(command=_evaluate)

    export = commands.add_parser("export", help="write the weights of a GPT alone, as a safetensors file")
    export.add_argument("run", type=_folder, metavar="RUN", help=what)
    export.add_argument("to", type=_folder, metavar="FILE", help="the file to write")
    export.add_argument("--dtype", choices=dtypes, default="own", help="of the weights; default: the run's own")
    export.add_argument(
        "--names", choices=("own", "gpt2"), default="own", help="GPT-2's names and layout; default: own"
    )
    export.set_defaults(command=_export)


def _add_looking(commands: Any) -> None:
    what = {"metavar": "TARGET", "help": "a job of `train`, or a Python program"}
    rest = {"nargs": argparse.REMAINDER, "metavar": "...", "help": "the job's settings, or the program's arguments"}
    device = {"choices": ("auto", "cpu", "cuda"), "default": "auto", "help": "of a job; default: a GPU if there is one"}

    profile = commands.add_parser("profile", help="what each operation takes: time, memory, by line of the program")
    profile.add_argument("--steps", type=_count, default=3, metavar="N", help="of a job, after two; default: 3")
    profile.add_argument("--memory", action="store_true", help="the bytes of results, and what graphs keep")
    profile.add_argument("--shapes", action="store_true", help="a row for each shape of inputs")
    profile.add_argument("--lines", action="store_true", help="a row for each line of the program")
    profile.add_argument("--sort-by", default="self_cpu_time_total", metavar="COLUMN", help="default: %(default)s")
    profile.add_argument("--rows", type=_count, default=25, metavar="N", help="of the table; default: 25")
    profile.add_argument("--trace", type=Path, metavar="FILE", help="also write a trace for Perfetto")
    profile.add_argument("--device", **device)
    profile.add_argument("target", **what)
    profile.add_argument("rest", **rest)
    profile.set_defaults(command=_profile)

    graph = commands.add_parser("graph", help="the graph behind a loss: a tree, or a picture by Graphviz")
    graph.add_argument("--of", default="loss", metavar="NAME", help="the program's tensor; default: loss")
    graph.add_argument("--out", type=Path, metavar="FILE", help="a .svg, .dot or .txt; default: printed")
    graph.add_argument("--device", **device)
    graph.add_argument("target", **what)
    graph.add_argument("rest", **rest)
    graph.set_defaults(command=_graph)


def _seed(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"expected at least 0, but got {number}")
    return number


def _seconds(text: str) -> float:
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number of seconds above 0, but got {text}")
    return number


def _folder(text: str) -> Path:
    if not text:
        raise argparse.ArgumentTypeError("expected the name of a folder, but got nothing")
    return Path(text)


# ------------------------------------------------------------------------------------------------------ commands


def _info(arguments: argparse.Namespace) -> int:
    from .info import report

    print(report())
    return OK


def _train(arguments: argparse.Namespace) -> int:
    from .training import jobs, settings
    from .training.job_settings import JOBS

    kind = JOBS[arguments.job].settings
    asked = {} if arguments.config is None else settings.from_file(arguments.config, kind)
    asked |= settings.given(arguments, kind)
    orders = jobs.Orders(**{name: getattr(arguments, name) for name in jobs.Orders.__dataclass_fields__})
    return jobs.train(arguments.job, asked, orders)


def _sample(arguments: argparse.Namespace) -> int:
    from .training.using import Wish, sample

    wishes = {name: getattr(arguments, name) for name in Wish.__dataclass_fields__}
    return sample(arguments.run, Wish(**wishes), arguments.device, arguments.dtype)


def _evaluate(arguments: argparse.Namespace) -> int:
    from .training.using import evaluate

    return evaluate(arguments.run, arguments.corpus, arguments.device)


def _export(arguments: argparse.Namespace) -> int:
    from .training.using import write_weights

    return write_weights(arguments.run, arguments.to, arguments.dtype, arguments.names)


def _profile(arguments: argparse.Namespace) -> int:
    from .training.looking import Profiling, show_profile

    wish = Profiling(**{name: getattr(arguments, name) for name in Profiling.__dataclass_fields__})
    return show_profile(arguments.target, arguments.rest, wish, arguments.device)


def _graph(arguments: argparse.Namespace) -> int:
    from .training.looking import show_graph

    return show_graph(arguments.target, arguments.rest, arguments.of, arguments.out, arguments.device)


def _build(arguments: argparse.Namespace) -> int:
    from .arrays.cuda.compile import DEFAULT_ARCHS, build_all, cache_folder

    archs = list(arguments.arch or DEFAULT_ARCHS)
    if "native" in archs:
        _build_for_this_processor(arguments.jobs)
        archs.remove("native")
        if not archs:
            return OK
    rows = build_all(archs, arguments.jobs)
    print(f"{'file':24} {'kernel':40} {'dtype':9} {'arch':8} {'registers':>9} {'shared':>7} {'spills':>6}")
    for row in rows:
        used = row.resources
        print(
            f"{row.file:24} {used.kernel:40} {row.dtype:9} {row.arch:8} {used.registers:9} {used.shared_bytes:7} "
            f"{used.spill_bytes:6}"
        )
    print(f"{len(rows)} kernels in {cache_folder()}")
    return OK


def _build_for_this_processor(jobs: int | None) -> None:
    from .arrays.cuda.compile import CompileError
    from .arrays.native import build

    built = build.build_many(build.all_pairs(), jobs)
    for (file, dtype), outcome in built.items():
        if isinstance(outcome, CompileError):
            print(f"{file:24} {dtype:9} NumPy's path: {next(filter(None, str(outcome).splitlines()))}")
    libraries = [outcome for outcome in built.values() if isinstance(outcome, Path)]
    print(f"{len(libraries)} of {len(built)} libraries for this processor in {build.cache_folder() / 'native'}")
