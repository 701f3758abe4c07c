"""Compiles C++ and keeps the results on disk: the runtime once, and a shared object for each kernel source.

Knows g++ and the cache. A cache entry is named by a hash of everything it was made from, and appears by a rename, so
processes may share the folder. Does not know what is in a kernel.
"""

import functools
import hashlib
import os
import platform
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from ..build_cache import build as stored
from ..build_cache import is_whole
from .errors import EmulatorError
from .rewrite import rewrite

_HERE = Path(__file__).parent
_INCLUDE = _HERE / "include"
_RUNTIME = _HERE / "runtime"

# A kernel whose name the C library has too ("advance") is still called by its own name.
_LIBRARIES = ["-Wl,-Bsymbolic", "-lm", "-lc", "-lgcc"]
_RUNTIME_FLAGS = ["-std=c++17", "-O2", "-g1", "-fPIC", "-shared", "-fno-semantic-interposition"]
_KERNEL_FLAGS = [
    "-std=c++17",
    "-O1",
    "-g1",
    "-w",
    "-fPIC",
    "-fno-exceptions",
    "-fno-rtti",
    "-fno-threadsafe-statics",
    "-fno-gnu-unique",  # two modules' structs of the same name must not share a table
    "-fno-strict-aliasing",
    "-fwrapv",
    "-fsigned-char",  # as on x86-64, where the CUDA compiler follows the host; aarch64's own is unsigned
    "-fno-math-errno",
    # What the CPU backend computes is compared with this: no contraction into fma, unlike NVRTC's default.
    "-ffp-contract=off",
    # A frame larger than the guard page below a thread's stack must not jump over it.
    "-fstack-clash-protection",
    "-fsanitize=bounds,alignment,shift-exponent,integer-divide-by-zero,return,unreachable",
    "-fno-sanitize-recover=all",
]
_RACECHECK_FLAGS = ["-fsanitize=thread", "-Wl,--wrap=memcpy,--wrap=memset"]
_X86_FLAGS = ["-fcf-protection=none"]  # fibers return to where no call was made
_GCC_12_FLAGS = ["-ftrivial-auto-var-init=pattern"]  # an uninitialised local is the same wild value in every run


def cache_directory() -> Path:
    """The folder for compiled code: $AUTOGRAD_GPU_CACHE, else autograd_gpu under the user's cache folder."""
    chosen = os.environ.get("AUTOGRAD_GPU_CACHE")
    if chosen:
        return Path(chosen) / "emulator"
    user = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(user) / "autograd_gpu" / "emulator"


@functools.cache
def compiler() -> tuple[str, str]:
    """g++'s path and version. Raises EmulatorError where there is none."""
    path = shutil.which("g++")
    if path is None:
        raise EmulatorError("the CUDA emulator needs g++: install it with apt install g++ or dnf install gcc-c++")
    version = subprocess.run([path, "-dumpfullversion"], capture_output=True, text=True).stdout.strip()
    if platform.machine() not in ("x86_64", "aarch64"):
        raise EmulatorError(f"the CUDA emulator runs on x86-64 and aarch64, not on {platform.machine()}")
    return path, version


def build_runtime() -> Path:
    """The shared library that runs kernels."""
    sources = sorted([*_RUNTIME.iterdir(), _INCLUDE / "emulator" / "abi.h"])
    parts = [*_RUNTIME_FLAGS, *(path.read_text() for path in sources)]

    def build(folder: Path) -> Path:
        # One unit: parsed once, and small functions inline across files.
        units = [f'#include "{path.name}"\n' for path in sources if path.suffix == ".cpp"]
        (folder / "runtime.cpp").write_text("".join(units))
        command = [*_RUNTIME_FLAGS, f"-I{_RUNTIME}", f"-I{_INCLUDE}", "runtime.cpp", "-o", "out.so", "-ldl", "-lm"]
        _run(command, folder, "the emulator's runtime")
        return folder / "out.so"

    return _cached("runtime", parts, build)


def build_module(
    source: str, filename: str, headers: Mapping[str, str], defines: Sequence[str], racecheck: bool
) -> Path:
    """The shared object of a kernel source; `headers` are found as "name" and as "include/name"."""
    flags = [*_KERNEL_FLAGS, *(_RACECHECK_FLAGS if racecheck else [])]
    flags += _X86_FLAGS if platform.machine() == "x86_64" else []
    flags += _GCC_12_FLAGS if int(compiler()[1].split(".")[0]) >= 12 else []
    header_parts = [part for name in sorted(headers) for part in (name, headers[name])]
    parts = [source, filename, *header_parts, "defines", *defines, "flags", *flags, *_LIBRARIES, *_own_sources()]

    def build(folder: Path) -> Path:
        _write_sources(folder, source, filename, headers)
        # Included after the emulator's own header, in which a definition such as T=double would do damage.
        lines = [" ".join(["#define", *define.partition("=")[::2]]) for define in defines]
        (folder / "definitions.h").write_text("\n".join(lines) + "\n")
        text = _run(
            [
                "-E",
                "-x",
                "c++",
                "-std=c++17",
                "-I.",
                "-Iinclude",
                f"-I{_INCLUDE}",
                "-include",
                "cuda_emulator.h",
                "-include",
                "definitions.h",
                filename,
            ],
            folder,
            filename,
        )
        (folder / "kernel.ii").write_text(rewrite(text))
        # Without the standard libraries the sanitizers' own stay out as well: their hooks are the runtime's.
        command = ["-fpreprocessed", "-x", "c++", "kernel.ii", "-x", "none", "-shared", "-nostdlib", "-o", "out.so"]
        _run([*flags, f"-fdebug-prefix-map={folder}=.", *command, *_LIBRARIES], folder, filename)
        return folder / "out.so"

    return _cached(Path(filename).stem, parts, build)


@functools.cache
def _own_sources() -> tuple[str, ...]:
    headers = sorted(path for path in _INCLUDE.rglob("*") if path.is_file())
    return tuple(path.read_text() for path in [*headers, _HERE / "rewrite.py"])


def _write_sources(folder: Path, source: str, filename: str, headers: Mapping[str, str]) -> None:
    files = {f"include/{name.removeprefix('include/')}": text for name, text in headers.items()}
    for name, text in {**files, filename: source}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def _run(arguments: list[str], folder: Path, what: str) -> str:
    environment = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run([compiler()[0], *arguments], cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise EmulatorError(f"{what} does not compile for the emulator:\n{done.stderr[:4000]}")
    return done.stdout


def _cached(stem: str, parts: Sequence[str], build: Callable[[Path], Path]) -> Path:
    everything = "\0".join([compiler()[1], platform.machine(), *parts])
    name = f"{stem}-{hashlib.sha256(everything.encode()).hexdigest()[:24]}.so"
    directory = _writable_cache()
    path = directory / name
    return path if is_whole(path) else stored(path, build)


@functools.cache
def _writable(directory: Path) -> Path:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            return directory
    except OSError:  # a read-only home: compile anew in every process rather than fail
        return Path(tempfile.mkdtemp(prefix="autograd_gpu-emulator-"))


def _writable_cache() -> Path:
    return _writable(cache_directory())
