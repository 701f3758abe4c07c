"""Kernel sources to cubins: NVRTC driven through ctypes, no GPU and no driver needed.

Knows where the sources are, which dtypes each file is compiled for, the compiler's flags and the disk cache. Knows
nothing of launching. Headers travel in memory; those that a kernel includes are part of its cache key, so an edited
`.cuh` is never stale.
"""

from __future__ import annotations

import concurrent.futures
import ctypes
import functools
import glob
import hashlib
import importlib.util
import os
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import ml_dtypes
import numpy as np

from autograd_gpu import build_cache
from autograd_gpu.arrays.sources import (
    DTYPES,
    CompileError,
    cache_folder,
    defines,
    headers,
    kernels_folder,
    source,
)

DEFAULT_ARCHS = ("sm_75", "sm_80", "sm_90a", "sm_100", "sm_120")
# No fast-math anywhere; -v makes ptxas report registers and spills into the log.
FLAGS = ("--std=c++17", "--ptxas-options=-v")


def check_dtype(file: str, dtype: str, function: str) -> None:
    if dtype not in DTYPES[file]:
        raise TypeError(f"{function}: no CUDA kernel for {dtype}; there is one for {', '.join(DTYPES[file])}")


# ---- NVRTC


def _nvrtc_candidates() -> Iterable[str]:
    """Paths and names under which libnvrtc may be found, the likeliest first."""
    for package in ("nvidia.cu13", "nvidia.cuda_nvrtc", "nvidia.cu12"):
        try:
            spec = importlib.util.find_spec(package)
        except ModuleNotFoundError:
            continue
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            yield from sorted(glob.glob(os.path.join(folder, "lib", "libnvrtc.so.*[0-9]")), reverse=True)
    toolkits = [os.environ.get("CUDA_PATH"), os.environ.get("CUDA_HOME"), "/usr/local/cuda", "/opt/cuda"]
    for toolkit in filter(None, toolkits):
        yield from sorted(glob.glob(os.path.join(toolkit, "lib64", "libnvrtc.so.*[0-9]")), reverse=True)
    yield from ("libnvrtc.so.13", "libnvrtc.so.12", "libnvrtc.so")


@functools.cache
def _nvrtc() -> ctypes.CDLL:
    for candidate in _nvrtc_candidates():
        try:
            return ctypes.CDLL(candidate)
        except OSError:
            continue
    raise CompileError(
        "no CUDA compiler found (libnvrtc): install one with `pip install nvidia-cuda-nvrtc` "
        "(or nvidia-cuda-nvrtc-cu12), or set CUDA_PATH to a CUDA toolkit"
    )


@functools.cache
def nvrtc_version() -> tuple[int, int]:
    major, minor = ctypes.c_int(), ctypes.c_int()
    _nvrtc().nvrtcVersion(ctypes.byref(major), ctypes.byref(minor))
    return major.value, minor.value


def _nvrtc_compile(text: str, name: str, options: Sequence[str]) -> tuple[bytes, str]:
    lib, program, included = _nvrtc(), ctypes.c_void_p(), headers(text)
    names = (ctypes.c_char_p * len(included))(*(name.encode() for name in included))
    texts = (ctypes.c_char_p * len(included))(*(header.encode() for header in included.values()))
    lib.nvrtcCreateProgram(ctypes.byref(program), text.encode(), name.encode(), len(names), texts, names)
    try:
        arguments = (ctypes.c_char_p * len(options))(*(option.encode() for option in options))
        status = lib.nvrtcCompileProgram(program, len(options), arguments)
        log = _nvrtc_bytes(program, "ProgramLog").rstrip(b"\0").decode(errors="replace")
        if status != 0:
            raise CompileError(f"{name} does not compile ({' '.join(options)}):\n{log}")
        return _nvrtc_bytes(program, "CUBIN"), log
    finally:
        lib.nvrtcDestroyProgram(ctypes.byref(program))


def _nvrtc_bytes(program: ctypes.c_void_p, what: str) -> bytes:
    lib, size = _nvrtc(), ctypes.c_size_t()
    getattr(lib, f"nvrtcGet{what}Size")(program, ctypes.byref(size))
    buffer = ctypes.create_string_buffer(size.value)
    getattr(lib, f"nvrtcGet{what}")(program, buffer)
    return buffer.raw


# ---- cubins and their cache


def cached_path(file: str, dtype: str, arch: str) -> Path:
    """Where the cubin of these very sources, flags and compiler lies, or would lie."""
    return _cached_path(source(file), f"{Path(file).stem}-{dtype}", arch, defines(dtype))


def _cached_path(text: str, label: str, arch: str, definitions: Sequence[str]) -> Path:
    included = headers(text)
    parts = [text, *included, *included.values(), *FLAGS, *definitions, arch, repr(nvrtc_version())]
    key = hashlib.sha256("\0".join(parts).encode()).hexdigest()[:24]
    return cache_folder() / "cubin" / f"{label}-{arch}-{key}.cubin"


def compile_to_cubin(file: str, dtype: str, arch: str) -> tuple[bytes, str]:
    """The cubin of `file` for `dtype` and the compiler's log, from the cache or freshly compiled into it."""
    return compile_text(source(file), file, arch, defines(dtype), f"{Path(file).stem}-{dtype}")


def compile_text(text: str, name: str, arch: str, definitions: Sequence[str], label: str = "user") -> tuple[bytes, str]:
    """The same for any source text; it may include this project's headers. `name` is what errors call it."""
    path = _cached_path(text, label, arch, definitions)
    log_path = path.with_suffix(".log")
    kept, kept_log = build_cache.contents(path), build_cache.contents(log_path)
    if kept is not None and kept_log is not None:
        return kept, kept_log.decode()
    options = [f"--gpu-architecture={arch}", *FLAGS, *(f"-D{define}" for define in definitions)]
    cubin, log = _nvrtc_compile(text, name, options)
    with suppress(OSError):  # an unwritable cache is no error
        build_cache.put(log_path, log.encode())
        build_cache.put(path, cubin)
    return cubin, log


# ---- what a build needs and costs


@dataclass(frozen=True)
class Resources:
    """What ptxas says one kernel takes."""

    kernel: str
    registers: int
    shared_bytes: int
    spill_bytes: int


@dataclass(frozen=True)
class BuildRow:
    """One kernel of one (file, dtype, arch)."""

    file: str
    dtype: str
    arch: str
    resources: Resources


_FUNCTION = re.compile(r"Compiling entry function '(\w+)' for '\w+'(.*?)(?=Compiling entry function|\Z)", re.S)


def resources(log: str) -> list[Resources]:
    """Registers, static shared memory and spills of every kernel in ptxas's log."""

    def number(pattern: str, text: str) -> int:
        return sum(int(found) for found in re.findall(pattern, text))

    return [
        Resources(
            kernel=name,
            registers=number(r"Used (\d+) registers", text),
            shared_bytes=number(r"(\d+) bytes smem", text),
            spill_bytes=number(r"(\d+) bytes spill (?:stores|loads)", text),
        )
        for name, text in _FUNCTION.findall(log)
    ]


def dtypes_for(file: str, arch: str) -> tuple[str, ...]:
    """The dtypes `file` compiles for on `arch`: the tensor cores of sm_75 multiply float16, not bfloat16 nor tf32."""
    if arch == "sm_75" and file in TENSOR_CORE_FILES:
        return tuple(dtype for dtype in DTYPES[file] if dtype == "float16")
    return DTYPES[file]


TENSOR_CORE_FILES = ("attention_tensor.cu", "conv_tensor.cu", "matmul_tensor.cu")


def build_all(archs: Sequence[str] = DEFAULT_ARCHS, jobs: int | None = None) -> list[BuildRow]:
    """Compile every kernel for every dtype and architecture into the cache; one row per kernel.

    `jobs` threads compile at a time (NVRTC runs outside the interpreter's lock); default: one per core.
    """
    files = [file for file in DTYPES if (kernels_folder() / file).exists()]
    todo = [(file, dtype, arch) for arch in archs for file in files for dtype in dtypes_for(file, arch)]
    with concurrent.futures.ThreadPoolExecutor(jobs or os.cpu_count()) as pool:
        logs = pool.map(lambda build: compile_to_cubin(*build)[1], todo)
        return [BuildRow(*build, kernel) for build, log in zip(todo, logs, strict=True) for kernel in resources(log)]


@functools.cache
def dtype_name(dtype: np.dtype) -> str:
    """The name tables here go by; none that they know for numbers of the other byte order."""
    if dtype == ml_dtypes.bfloat16:
        return "bfloat16"
    return np.dtype(dtype).name if np.dtype(dtype).isnative else np.dtype(dtype).str
