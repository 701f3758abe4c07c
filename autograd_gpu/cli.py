"""The ``autograd-gpu`` command: reads arguments, calls the job, and turns what a user can mend into one line.

Jobs are imported when they are called for: ``autograd-gpu info`` works where the training extra is missing.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from .arrays.cuda.compile import CompileError
from .errors import DeviceUnavailable
from .serialization import DamagedFile
from .training.errors import JobError
from .version import __version__

OK, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    arguments = _parser().parse_args(argv)
    try:
        return arguments.command(arguments)
    except DeviceUnavailable as error:
        return _complain(str(error), USAGE)
    except (CompileError, DamagedFile, JobError) as error:
        return _complain(str(error), FAILED)
    except ModuleNotFoundError as error:
        if error.name not in ("tqdm", "matplotlib", "sklearn"):
            raise
        return _complain(f'{error.name} is not installed; training needs it: pip install "autograd-gpu[train]"', USAGE)
    except OSError as error:
        return _complain(str(error.strerror if error.filename is None and error.strerror else error), FAILED)
    except KeyboardInterrupt:
        return _complain("interrupted", INTERRUPTED)


def _complain(message: str, code: int) -> int:
    print(f"autograd-gpu: {message}", file=sys.stderr)
    return code


# ----------------------------------------------------------------------------------------------------- arguments


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="autograd-gpu", description="Train, look around, build kernels.")
    parser.add_argument("--version", action="version", version=f"autograd_gpu {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    info = commands.add_parser("info", help="version, devices, compiled kernels, and what is missing")
    info.set_defaults(command=_info)

    train = commands.add_parser("train", help="train a model on what is on this machine")
    jobs = train.add_subparsers(required=True, metavar="JOB")
    _add_gpt(jobs.add_parser("gpt", help="a byte-level GPT on the source of Python's standard library"))
    _add_digits(jobs.add_parser("digits", help="a perceptron on scikit-learn's scanned digits"))

    kernels = commands.add_parser("kernels", help="the CUDA kernels").add_subparsers(required=True, metavar="ACTION")
    build = kernels.add_parser("build", help="compile all kernels into the cache; needs no GPU")
    build.add_argument(
        "--arch",
        action="append",
        metavar="sm_90a",
        help="repeat for several; native: this processor; default: all GPUs supported",
    )
    build.add_argument("--jobs", type=int, help="how many to compile at a time; default: one per core")
    build.set_defaults(command=_build)
    return parser


def _add_common(job: argparse.ArgumentParser, out: str) -> None:
    job.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto", help="default: a GPU if there is one")
    job.add_argument(
        "--out", type=Path, default=Path(out), metavar="DIR", help="where results go; default: %(default)s"
    )


def _add_gpt(job: argparse.ArgumentParser) -> None:
    _add_common(job, "runs/gpt")
    # No defaults here: what is not given comes from Settings, or from the run that is resumed.
    settings = job.add_argument_group("settings", argument_default=argparse.SUPPRESS)
    settings.add_argument("--steps", type=int, help="training steps")
    settings.add_argument("--batch", type=int, help="windows of text per step")
    settings.add_argument("--context", type=int, help="bytes per window")
    settings.add_argument("--layers", type=int, help="transformer blocks")
    settings.add_argument("--heads", type=int, help="attention heads per block")
    settings.add_argument("--width", type=int, help="size of the vectors between blocks")
    settings.add_argument("--lr", type=float, help="highest learning rate")
    settings.add_argument("--dropout", type=float, help="probability")
    settings.add_argument("--seed", type=int, help="another seed, another run")
    settings.add_argument("--dtype", choices=("float32", "float64", "bfloat16", "float16"), help="of the parameters")
    settings.add_argument("--corpus", metavar="DIR", help="train on the text files below DIR instead")
    job.add_argument("--resume", action="store_true", help="go on with the run saved in --out")
    job.add_argument("--capture", action="store_true", help="replay the step as a CUDA graph; needs a GPU")
    names = [action.dest for action in settings._group_actions]
    job.set_defaults(command=_train_gpt, settings=names)


def _add_digits(job: argparse.ArgumentParser) -> None:
    _add_common(job, "runs/digits")
    job.add_argument("--steps", type=int, help="stop after so many steps and print each loss; default: 30 epochs")
    job.add_argument("--lr", type=float, default=3e-3, help="highest learning rate; default: %(default)s")
    job.add_argument("--seed", type=int, default=0, help="default: %(default)s")
    job.set_defaults(command=_train_digits)


# ------------------------------------------------------------------------------------------------------ commands


def _info(arguments: argparse.Namespace) -> int:
    from .info import report

    print(report())
    return OK


def _train_gpt(arguments: argparse.Namespace) -> int:
    from .training import gpt

    asked = {name: getattr(arguments, name) for name in arguments.settings if hasattr(arguments, name)}
    return gpt.train(asked, arguments.device, arguments.out, arguments.resume, arguments.capture)


def _train_digits(arguments: argparse.Namespace) -> int:
    from .training import digits

    return digits.train(arguments.device, arguments.steps, arguments.lr, arguments.seed, arguments.out)


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
    from .arrays.native import build

    built = build.build_many(build.all_pairs(), jobs)
    for (file, dtype), outcome in built.items():
        if isinstance(outcome, CompileError):
            print(f"{file:24} {dtype:9} NumPy's path: {next(filter(None, str(outcome).splitlines()))}")
    libraries = [outcome for outcome in built.values() if isinstance(outcome, Path)]
    print(f"{len(libraries)} of {len(built)} libraries for this processor in {build.cache_folder() / 'native'}")
