"""Kernel sources to shared libraries for this machine's processor, by its C++ compiler. Knows flags and the disk cache.

A library is one file for one dtype, named by a hash of everything it is made from: sources, flags, compiler and
processor. It appears by a rename, so that processes may build the same one at once, and one that was cut off is built
again (`build_cache`). Knows nothing of calling.
"""

from __future__ import annotations

import concurrent.futures
import functools
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from autograd_gpu.arrays.sources import DTYPES, CompileError, cache_folder, defines, headers, kernels_folder, source
from autograd_gpu.build_cache import build as stored
from autograd_gpu.build_cache import is_whole

# Never -ffast-math: it folds x != x, and a library linked with it makes the whole process flush subnormals. No
# contraction: fma is written where it is meant, so that every processor gives the same bits.
FLAGS = (
    "-std=c++20", "-O3", "-march=native", "-fPIC", "-shared", "-w", "-ffp-contract=off", "-fno-math-errno",
    "-fno-trapping-math", "-fno-strict-aliasing", "-fwrapv", "-fsigned-char", "-fno-rtti", "-fno-threadsafe-statics",
    "-fvisibility=hidden",
)  # fmt: skip
# Compilers keep to half of AVX-512's vectors by themselves; the whole ones compute exponentials in three quarters of
# the time.
if platform.machine() == "x86_64":
    FLAGS = (*FLAGS, "-mprefer-vector-width=512")
# More of them, for sanitizers: `make native-sanitize`.
FLAGS += tuple(os.environ.get("AUTOGRAD_GPU_NATIVE_FLAGS", "").split())
GCC_FLAGS = ("-fno-gnu-unique",)  # else a library that was built again is the one already loaded
RUNTIME = Path(__file__).parent / "runtime"
RUNTIME_FLAGS = ("-std=c++20", "-O2", "-fPIC", "-shared", "-w", "-pthread")
# Before a kernel's text, and after it.
ALWAYS_INCLUDED = '#include "host.cuh"\n#include "entry.cuh"\n'
# Tensor cores are a GPU's; products go to NumPy's BLAS.
NOT_BUILT = ("attention_tensor.cu", "conv_tensor.cu", "matmul_tensor.cu")


# ---- what a library is made from


@functools.cache
def compiler() -> tuple[str, str]:
    """The C++ compiler's path, and what tells it from another version."""
    for name in (os.environ.get("CXX"), "g++", "clang++", "c++"):
        path = shutil.which(name) if name else None
        if path:
            real = os.stat(path)
            return path, f"{os.path.realpath(path)} {real.st_size} {real.st_mtime_ns}"
    raise CompileError("no C++ compiler found (g++ or clang++)")


@functools.cache
def processor() -> str:
    """What -march=native depends on."""
    try:
        lines = Path("/proc/cpuinfo").read_text().split("\n\n")[0].splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()}"
    told = ("flags", "Features", "model\t", "model name", "CPU part", "CPU implementer")
    return platform.machine() + "".join(line for line in lines if line.startswith(told))


def host_source(file: str) -> str:
    """The kernel's source: a variant for the host where there is one, else that of every architecture."""
    variant = kernels_folder() / "host" / file
    return variant.read_text() if variant.exists() else source(file)


def host_header(name: str) -> str:
    """A header by its name: the host's own where there is one."""
    for part in ("host", "include"):
        path = kernels_folder() / part / name
        if path.exists():
            return path.read_text()
    raise CompileError(f"there is no {name} among the headers of kernels")


def library_path(file: str, dtype: str) -> Path:
    """Where the library of these very sources, flags, compiler and processor lies, or would lie."""
    return _path_of(f"{Path(file).stem}-{dtype}", host_source(file), defines(dtype))


def text_path(text: str) -> Path:
    """Where the library of a kernel that was written as text lies, or would lie."""
    return _path_of("fused", text, ())


def _path_of(label: str, text: str, definitions: Sequence[str]) -> Path:
    included = headers(f"{text}\n{ALWAYS_INCLUDED}", ("host", "include"))
    return _path(label, [text, *included, *included.values(), *FLAGS, *definitions])


def _path(label: str, parts: Sequence[str]) -> Path:
    key = hashlib.sha256("\0".join([*parts, compiler()[1], processor()]).encode()).hexdigest()[:24]
    return cache_folder() / "native" / f"{label}-{key}.so"


# ---- building


def build_library(file: str, dtype: str) -> Path:
    """The library of `file` for `dtype`, from the cache or freshly built into it."""
    path = library_path(file, dtype)
    return path if is_whole(path) else _built(path, lambda folder: _compile(file, dtype, folder))


def _compile(file: str, dtype: str, folder: Path) -> Path:
    kernels = kernels_folder()
    source_path = kernels / "host" / file
    if not source_path.exists():
        source_path = kernels / file
    return _compile_source(source_path, defines(dtype), folder, f"{file} for {dtype}")


def build_text(text: str) -> Path:
    """The library of a kernel's text, from the cache or freshly built into it."""

    def compile(folder: Path) -> Path:
        (folder / "text.cu").write_text(text)
        return _compile_source(folder / "text.cu", (), folder, "a fused kernel")

    path = text_path(text)
    return path if is_whole(path) else _built(path, compile)


def _compile_source(source_path: Path, definitions: Iterable[str], folder: Path, what: str) -> Path:
    kernels = kernels_folder()
    flags = [
        *FLAGS, *(() if is_clang() else GCC_FLAGS), f"-I{kernels / 'host'}", f"-I{kernels / 'include'}",
        "-DCUDA_HOST=1", *(f"-D{define}" for define in definitions), "-include", "host.cuh",
    ]  # fmt: skip
    text = _run([*flags, "-E", "-x", "c++", str(source_path)], folder, what)
    # A block of one thread shares memory with nobody: its caller asks for no dynamic shared memory.
    text = re.sub(r"\bextern\s+static thread_local\s+(\w+)\s+(\w+)\[\];", r"\1* const \2 = nullptr;", text)
    names = re.findall(r'extern\s*"C"\s*void\s+(\w+)\s*\(', text)
    exported = '#pragma GCC visibility push(default)\n#include "entry.cuh"\n' + "".join(
        f"HOST_ENTRY({n})\n" for n in names
    )
    (folder / "kernel.cpp").write_text(text + exported)
    _run([*flags[: flags.index("-DCUDA_HOST=1")], "kernel.cpp", "-o", "out.so"], folder, what)
    return folder / "out.so"


def build_runtime(object_head: int) -> Path:
    """The library that calls kernels and holds the threads; `object_head` is object.__basicsize__."""
    sources = sorted(RUNTIME.iterdir())
    flags = [*RUNTIME_FLAGS, f"-DOBJECT_HEAD={object_head}"]
    path = _path("runtime", [*(path.read_text() for path in sources if path.is_file()), *flags])

    def build(folder: Path) -> Path:
        units = [str(unit) for unit in sources if unit.suffix == ".cpp"]
        _run([*flags, *units, "-o", "out.so"], folder, "the runtime of the CPU's kernels")
        return folder / "out.so"

    return path if is_whole(path) else _built(path, build)


def is_clang() -> bool:
    return "clang" in os.path.basename(os.path.realpath(compiler()[0]))


def _built(path: Path, build) -> Path:
    """What `build` makes in a folder of its own, in its place in the cache; where that cannot be written, in a
    temporary folder of this process."""
    try:
        return stored(path, build)
    except (PermissionError, FileNotFoundError, NotADirectoryError, FileExistsError):
        return _built(_own_folder() / path.name, build)
    except OSError as error:
        if _own_folder() == path.parent or "Read-only" not in str(error):
            raise CompileError(f"cannot write {path}: {error}") from None
        return _built(_own_folder() / path.name, build)


@functools.cache
def _own_folder() -> Path:
    folder = tempfile.TemporaryDirectory(prefix="autograd_gpu-")
    _own_folders.append(folder)  # removed when the process ends
    return Path(folder.name)


_own_folders: list[tempfile.TemporaryDirectory] = []


def _run(arguments: Sequence[str], folder: Path, what: str) -> str:
    command = [compiler()[0], *arguments]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=600, check=False)
    except OSError as error:
        raise CompileError(f"{command[0]} cannot be run: {error}") from None
    if done.returncode != 0:
        raise CompileError(f"{what} does not compile with {command[0]}:\n{done.stderr[-4000:]}")
    return done.stdout


def build_many(pairs: Iterable[tuple[str, str]], jobs: int | None = None) -> dict[tuple[str, str], Path | CompileError]:
    """Build the libraries of (file, dtype) pairs, several at a time."""

    def build(pair: tuple[str, str]) -> Path | CompileError:
        try:
            return build_library(*pair)
        except CompileError as error:
            return error

    pairs = list(pairs)
    workers = concurrent.futures.ThreadPoolExecutor(jobs or len(os.sched_getaffinity(0)))
    try:
        return dict(zip(pairs, workers.map(build, pairs), strict=True))
    finally:  # after Ctrl-C nothing more is begun
        workers.shutdown(cancel_futures=True)


def all_pairs() -> list[tuple[str, str]]:
    return [(file, dtype) for file, dtypes in DTYPES.items() if file not in NOT_BUILT for dtype in dtypes]


if __name__ == "__main__":
    for pair, outcome in build_many([tuple(name.split(":")) for name in sys.argv[1:]] or all_pairs()).items():
        print(pair, str(outcome)[:3000])
