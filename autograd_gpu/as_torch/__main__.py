"""``python -m autograd_gpu.as_torch``: run a program for PyTorch on this library, or list what it would miss."""

from __future__ import annotations

import os
import runpy
import sys

from autograd_gpu.as_torch import install

USAGE = """usage: python -m autograd_gpu.as_torch SCRIPT [ARGUMENTS]       run a script with this library as torch
       python -m autograd_gpu.as_torch -m MODULE [ARGUMENTS]    run a module
       python -m autograd_gpu.as_torch --missing PATH_OR_PACKAGE [...]
           list the names and keywords of PyTorch used there that are missing here; nothing is run"""


def main(arguments: list[str]) -> int:
    """Do what the arguments say and return the exit code."""
    if arguments[:1] == ["--missing"] and len(arguments) > 1:
        from autograd_gpu.as_torch.missing import report

        try:
            for line in report(arguments[1:]):
                print(line)
        except FileNotFoundError as error:
            print(f"as_torch: {error}", file=sys.stderr)
            return 2
        except BrokenPipeError:  # who reads has had enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    is_module = arguments[:1] == ["-m"]
    program = arguments[1:] if is_module else arguments
    if not program or program[0] in ("-h", "--help") or program[0].startswith("-"):
        print(USAGE, file=sys.stderr if arguments[:1] not in (["-h"], ["--help"]) else sys.stdout)
        return 0 if arguments[:1] in (["-h"], ["--help"]) else 2
    install()
    sys.argv = program
    if is_module:
        runpy.run_module(program[0], run_name="__main__", alter_sys=True)
    else:
        sys.path[0] = os.path.dirname(os.path.abspath(program[0]))
        runpy.run_path(program[0], run_name="__main__")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
