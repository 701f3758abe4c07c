"""What we use of CuPy, and whether a CuPy has it: every name, and for calls the parameters that we pass.

Names that begin at CuPy's modules are read off our sources. What is asked of CuPy's objects stands in OBJECTS.
`make cupy-versions` asks every version since the bound in pyproject.toml, for CUDA 12 and 13, each unpacked in a folder
of its own in build/; `python tests/cuda_unit/cupy_surface.py FOLDER` asks one. Neither GPU nor driver is needed.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

PACKAGE = Path(__file__).parents[2] / "autograd_gpu"
SOURCES = [
    *(PACKAGE / "arrays" / "cuda" / f"{name}.py" for name in ("driver", "device_arrays", "execution", "streams")),
    PACKAGE / "ops" / "dlpack.py",
]
# What our own names for CuPy's modules stand for.
ROOTS = {
    "cupy": "cupy",
    "self._cupy": "cupy",
    "self._cuda": "cupy.cuda",
    "cupyx": "cupyx",
    "self._runtime": "cupy.cuda.runtime",
    "self._driver": "cupy.cuda.driver",
}
THREE = 3  # how many arguments a starred one stands for: a grid, a block


class Use(NamedTuple):
    """A name, and where it is called: with how many arguments, and which by keyword."""

    name: str
    arguments: int | None = None
    keywords: tuple[str, ...] = ()


OBJECTS = [
    *(Use(f"cupy.ndarray.{name}") for name in ("T", "base", "data", "dtype", "flags", "itemsize", "nbytes", "ndim")),
    *(Use(f"cupy.ndarray.{name}") for name in ("shape", "size", "strides", "__getitem__", "__cuda_array_interface__")),
    Use("cupy.ndarray.__dlpack__", 0, ("stream",)),
    Use("cupy.ndarray.diagonal", 3),
    Use("cupy.ndarray.reshape"),
    Use("cupy.ndarray.swapaxes", 2),
    Use("cupy.ndarray.transpose"),
    Use("cupy.ndarray.view", 1),
    *(Use(f"cupy.cuda.MemoryPointer.{name}") for name in ("mem", "ptr")),
    *(Use(f"cupy.cuda.memory.BaseMemory.{name}") for name in ("ptr", "size")),
    Use("cupy.cuda.PinnedMemoryPointer.ptr"),
    Use("cupy.cuda.MemoryPool.malloc", 1),
    Use("cupy.cuda.Device.compute_capability"),
    Use("cupy.cuda.function.Module.load", 1),
    Use("cupy.cuda.function.Module.get_function", 1),
    Use("cupy.cuda.function.Function.ptr"),
    Use("cupy.cuda.Stream.null.ptr"),
    Use("cupy.cuda.Stream.done"),
    *(Use(f"cupy.cuda.Stream.{name}", 0) for name in ("use", "synchronize", "is_capturing", "end_capture")),
    *(Use(f"cupy.cuda.Stream.{name}", 1) for name in ("begin_capture", "wait_event")),
    Use("cupy.cuda.Event.done"),
    Use("cupy.cuda.Event.record", 1),
    Use("cupy.cuda.Event.synchronize", 0),
    Use("cupy.cuda.Graph.launch", 1),
]


# ---- what we use


def uses() -> list[Use]:
    """Everything that the driver, its arrays and streams, decompositions and DLPack use."""
    read_off = {use for path in SOURCES for use in _uses_in(ast.parse(path.read_text()))}
    return sorted({*read_off, *_decompositions(), *OBJECTS})


def _uses_in(tree: ast.AST) -> Iterator[Use]:
    inner = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    calls = {id(node.func): node for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and id(node) not in inner and isinstance(node.ctx, ast.Load):
            name = _from_a_root(ast.unparse(node))
            if name is not None:
                yield _called(name, calls[id(node)]) if id(node) in calls else Use(name)
        elif isinstance(node, ast.Attribute) and id(node) in calls:
            name = _from_a_root(ast.unparse(node))
            if name is not None:
                yield _called(name, calls[id(node)])


def _from_a_root(written: str) -> str | None:
    for root, stands_for in ROOTS.items():
        if written.startswith(f"{root}."):
            rest = written[len(root) :]
            return stands_for + rest if re.fullmatch(r"[\w.]+", rest) else None
    return None


def _called(name: str, call: ast.Call, skipped: int = 0) -> Use:
    count = sum(THREE if isinstance(argument, ast.Starred) else 1 for argument in call.args[skipped:])
    return Use(name, count, tuple(keyword.arg for keyword in call.keywords if keyword.arg))


def _decompositions() -> Iterator[Use]:
    """What arrays/cuda/linalg.py hands on, `_library(name, arrays, options)`."""
    for node in ast.walk(ast.parse((PACKAGE / "arrays" / "cuda" / "linalg.py").read_text())):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "_library":
            assert isinstance(node.args[0], ast.Constant)
            yield _called(f"cupy.linalg.{node.args[0].value}", node, skipped=1)


# ---- whether a CuPy has it


def missing(cupy: Any, cupyx: Any) -> list[str]:
    """What of it this CuPy lacks or calls otherwise, a line each."""
    return [complaint for use in uses() if (complaint := _complaint(use, {"cupy": cupy, "cupyx": cupyx}))]


def _complaint(use: Use, modules: dict[str, Any]) -> str | None:
    first, *rest = use.name.split(".")
    found, owner = modules[first], None
    for part in rest:
        owner = found
        try:
            found = getattr(found, part)
        except AttributeError:
            return f"{use.name}: there is no {part}"
    if use.arguments is None:
        return None
    signature = signature_of(found, is_method=isinstance(owner, type))
    if signature is None:
        return f"{use.name}: says nothing of its parameters"
    try:
        signature.bind(*range(use.arguments), **dict.fromkeys(use.keywords))
    except TypeError as error:
        return f"{use.name}{signature}: {error} ({use.arguments} arguments, {', '.join(use.keywords) or 'no keywords'})"
    return None


def signature_of(function: Any, is_method: bool) -> inspect.Signature | None:
    """Parameters without self; of what is compiled, as its docstring or that of its constructor begins."""
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        parameters = _documented(function.__doc__ or "")
    if parameters is None:
        return None
    if is_method and not isinstance(function, type) and parameters[:1] and parameters[0].name == "self":
        del parameters[0]
    return inspect.Signature(parameters)


def _documented(text: str) -> list[inspect.Parameter] | None:
    """The parameters of a docstring that begins as Cython's do: name(self, intptr_t f, int n=0, *, mode=None)."""
    listed = re.match(r"\s*[\w.]+\((.*?)\)(?: ->.*)?\s*(?:\n|$)", text, re.S)
    if listed is None:
        return None
    kind, parameters = inspect.Parameter.POSITIONAL_OR_KEYWORD, []
    for declared in filter(None, (part.strip() for part in listed[1].split(","))):
        if declared == "*":
            kind = inspect.Parameter.KEYWORD_ONLY
            continue
        before, _, default = declared.partition("=")
        name = re.findall(r"\w+", before)[-1] if ":" not in before else before.split(":")[0].strip()
        if before.startswith("**"):
            parameters.append(inspect.Parameter(name, inspect.Parameter.VAR_KEYWORD))
        elif before.startswith("*"):
            parameters.append(inspect.Parameter(name, inspect.Parameter.VAR_POSITIONAL))
            kind = inspect.Parameter.KEYWORD_ONLY
        else:
            parameters.append(inspect.Parameter(name, kind, default=default or inspect.Parameter.empty))
    return parameters


def main(folder: str) -> int:
    """How much the CuPy in a folder lacks."""
    sys.path.insert(0, folder)
    import cupy
    import cupyx

    assert Path(cupy.__file__).is_relative_to(Path(folder).resolve()), f"{cupy.__file__} is not in {folder}"
    lacks = missing(cupy, cupyx)
    print(f"{folder}: {len(uses())} names are used, {len(lacks)} are missing or other", *lacks, sep="\n  ", flush=True)
    return len(lacks)


def every_version() -> int:
    """The same of every version that pyproject.toml allows, each in a process of its own."""
    lacking = 0
    extras = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for package, bound in re.findall(
        r"(cupy-cuda\d+x)\[ctk\]>=([\d.]+)", " ".join(extras["cuda12"] + extras["cuda13"])
    ):
        for version in _versions_since(package, bound):
            folder = PACKAGE.parent / "build" / "cupy" / f"{package}-{version}"
            if not folder.exists():
                _pip("install", "--quiet", "--no-deps", "--target", str(folder), f"{package}=={version}")
            asked = [sys.executable, "-W", "ignore", __file__, str(folder)]  # it warns of another CuPy in site-packages
            lacking += subprocess.run(asked).returncode != 0
    return lacking


def _versions_since(package: str, bound: str) -> list[str]:
    known = json.loads(_pip("index", "versions", "--json", package))["versions"]
    return [version for version in known if _numbers(version) >= _numbers(bound)]


def _numbers(version: str) -> list[int]:
    return [int(number) for number in version.split(".")]


def _pip(*arguments: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "pip", *arguments], check=True, stdout=subprocess.PIPE, text=True
    ).stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]) if sys.argv[1:] else every_version())
