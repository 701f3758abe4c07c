"""The kernels' sources: where they are, which dtypes each file is compiled for, and the folder for what is made of
them.

Shared by those who compile them: for a GPU (`arrays.cuda.compile`) and for this machine's processor (`arrays.native`).
"""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Sequence
from pathlib import Path

FLOATS = ("float16", "bfloat16", "float32", "float64")
INTEGERS = ("uint8", "int8", "int16", "int32", "int64")
ALL = (*FLOATS, "bool", *INTEGERS)

# The dtypes each file is compiled for; asking for another is a TypeError, never a silent fallback.
DTYPES: dict[str, tuple[str, ...]] = {
    "attention.cu": ("float32", "float64"),
    "attention_tensor.cu": ("float16", "bfloat16"),
    "bag.cu": FLOATS,
    "bounds.cu": INTEGERS,
    "cast.cu": ALL,
    "columns.cu": FLOATS,
    "conv.cu": ("float32", "float64"),
    "conv_direct.cu": FLOATS,
    "conv_tensor.cu": ("float16", "bfloat16"),
    "distribution.cu": ("float64",),
    "ctc.cu": FLOATS,
    "elementwise_binary.cu": ALL,
    "elementwise_fused.cu": FLOATS,
    "elementwise_select.cu": ALL,
    "elementwise_unary.cu": ALL,
    "grid.cu": FLOATS,
    "incomplete_gamma.cu": FLOATS,
    "index.cu": ALL,
    "loss.cu": FLOATS,
    "matmul.cu": ("float32", "float64", *INTEGERS),
    "matmul_tensor.cu": ("float16", "bfloat16", "float32"),
    "memory.cu": ALL,
    "activation.cu": FLOATS,
    "norm.cu": FLOATS,
    "optim.cu": FLOATS,
    "pool.cu": FLOATS,
    "random.cu": FLOATS,
    "recurrent.cu": FLOATS,
    "reduce.cu": ALL,
    "resample.cu": FLOATS,
    "scan.cu": ALL,
    "softmax.cu": FLOATS,
    "special.cu": FLOATS,
    "sort.cu": ALL,
    "transpose.cu": ALL,
    "triangular.cu": ("float32", "float64"),
}

# (element type, type we compute in, letter of the latter in struct's language)
SCALARS: dict[str, tuple[str, str, str]] = {
    "float16": ("f16", "float", "f"),
    "bfloat16": ("bf16", "float", "f"),
    "float32": ("float", "float", "f"),
    "float64": ("double", "double", "d"),
    "bool": ("bool", "int", "i"),
    "uint8": ("u8", "int", "i"),
    "int8": ("i8", "int", "i"),
    "int16": ("i16", "int", "i"),
    "int32": ("i32", "int", "i"),
    "int64": ("i64", "i64", "q"),
}
DTYPE_FLAG = {
    "float16": "F16", "bfloat16": "BF16", "float32": "F32", "float64": "F64", "bool": "BOOL",
    "uint8": "U8", "int8": "I8", "int16": "I16", "int32": "I32", "int64": "I64",
}  # fmt: skip


_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"(?:include/)?([^"]+)"', re.MULTILINE)


class CompileError(RuntimeError):
    """A kernel does not compile, or there is nothing to compile it with."""


def kernels_folder() -> Path:
    """autograd_gpu/kernels when installed, kernels/ at the top of a checkout."""
    package = Path(__file__).resolve().parents[1]
    for folder in (package / "kernels", package.parent / "kernels"):
        if (folder / "include" / "scalar.cuh").exists():
            return folder
    raise CompileError(f"the CUDA sources are missing: neither {package / 'kernels'} nor {package.parent / 'kernels'}")


def source(file: str) -> str:
    return (kernels_folder() / file).read_text()


@functools.cache
def _headers_in(folder: str) -> dict[str, str]:
    return {path.name: path.read_text() for path in (kernels_folder() / folder).glob("*.cuh")}


def headers(text: str, folders: Sequence[str] = ("include",)) -> dict[str, str]:
    """The headers that `text` includes and those that they include, by name, from every folder that has one.

    What is made of `text` depends on these alone: an edit of another header makes nothing anew.
    """
    found: dict[str, str] = {}
    pending = _INCLUDE.findall(text)
    while pending:
        name = pending.pop()
        header = "".join(_headers_in(folder).get(name, "") for folder in folders)
        if header and name not in found:  # one that is not there is the compiler's to name
            found[name] = header
            pending += _INCLUDE.findall(header)
    return dict(sorted(found.items()))


def defines(dtype: str) -> tuple[str, ...]:
    """The preprocessor definitions that make a source file a file for `dtype`, as NAME=value."""
    element, accumulator, _ = SCALARS[dtype]
    return (f"scalar_t={element}", f"acc_t={accumulator}", f"DTYPE_{DTYPE_FLAG[dtype]}=1")


def cache_folder() -> Path:
    """$AUTOGRAD_GPU_CACHE, else the user's cache folder."""
    if folder := os.environ.get("AUTOGRAD_GPU_CACHE"):
        return Path(folder)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "autograd_gpu"
