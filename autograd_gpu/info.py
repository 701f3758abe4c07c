"""What ``autograd-gpu info`` prints: what this installation and this machine offer, and how to get what is missing."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable

import numpy as np

from .arrays.cuda import compile, driver
from .arrays.native import runtime
from .errors import DeviceUnavailable
from .version import __version__

PATIENCE = 10  # seconds that another program has to answer


def report() -> str:
    """Return the report. It fails on nothing: what cannot be found out is said to be missing."""
    rows = [
        ("autograd_gpu", lambda: __version__),
        ("Python", lambda: f"{platform.python_version()} on {platform.system()} {platform.machine()}"),
        ("NumPy", lambda: np.__version__),
        ("cpu", lambda: f"{os.cpu_count()} cores; {runtime.describe()}"),
        ("cuda", _gpu),
        ("display driver", _display_driver),
        ("CUDA compiler", _compiler),
        ("emulator", _emulator),
        ("kernel sources", _sources),
        ("kernel cache", _cached),
        ("training extra", lambda: _extra("tqdm", "matplotlib", "scikit-learn")),
    ]
    return "\n".join(f"{name + ':':16} {_found_out(find)}" for name, find in rows)


def _found_out(find: Callable[[], str]) -> str:
    try:
        return find()
    except Exception as error:  # whatever is broken on this machine is what the report is asked about
        return f"not known. {type(error).__name__}: {' '.join(str(error).split())}"


def _answer(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=PATIENCE,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def _gpu() -> str:
    try:
        current = driver.current()
        count = current.device_count()
        facts = ", ".join(f"{name} {value}" for name, value in current.describe().items())
    except (DeviceUnavailable, RuntimeError) as error:
        return f"not available. {error}"
    return f"{count} available: {facts}"


def _display_driver() -> str:
    command = shutil.which("nvidia-smi")
    if command is None:
        return "none found (no nvidia-smi)"
    try:
        answer = _answer(command, "--query-gpu=driver_version", "--format=csv,noheader")
    except subprocess.TimeoutExpired:
        return f"nvidia-smi gives no answer within {PATIENCE} s"
    except OSError as error:
        return f"nvidia-smi cannot be run: {error.strerror}"
    if answer.returncode:
        return f"nvidia-smi fails: {' '.join(answer.stdout.split()) or answer.returncode}"
    return answer.stdout.split("\n")[0]


def _compiler() -> str:
    try:
        major, minor = compile.nvrtc_version()
    except compile.CompileError as error:
        return f"missing. {error}"
    return f"NVRTC {major}.{minor}"


def _emulator() -> str:
    compiler = shutil.which("g++")
    if compiler is None:
        return "missing its C++ compiler. Install g++ (Debian, Ubuntu: apt install g++)"
    version = _answer(compiler, "-dumpfullversion").stdout.strip()
    return f'g++ {version}; AUTOGRAD_GPU_EMULATE=1 makes device="cuda" run on the CPU'


def _sources() -> str:
    try:
        folder = compile.kernels_folder()
    except compile.CompileError as error:
        return f"missing. {error}"
    return f"{len(list(folder.glob('*.cu')))} files in {folder}"


def _cached() -> str:
    folder = compile.cache_folder()
    names = [path.stem for path in folder.glob("cubin/*.cubin")]
    by_arch = Counter(arch for name in names if (arch := _arch_of(name)))
    if not by_arch:
        return f"empty, {folder}; `autograd-gpu kernels build --arch sm_90a` fills it without a GPU"
    counts = ", ".join(f"{count} for {arch}" for arch, count in sorted(by_arch.items()))
    return f"{counts}, in {folder}"


def _arch_of(name: str) -> str | None:
    found = re.search(r"-(sm_\w+)-", name)
    return found[1] if found else None


def _extra(*packages: str) -> str:
    missing = []
    for package in packages:
        try:
            importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            missing.append(package)
    return f'missing {", ".join(missing)}: pip install "autograd-gpu[train]"' if missing else "installed"
