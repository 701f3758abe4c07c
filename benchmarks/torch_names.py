"""Writes the table of PyTorch's public names and parameters that `python -m autograd_gpu.as_torch --missing` reads.

`python -m benchmarks.torch_names`, where PyTorch is installed; `tests/oracle/test_torch_names.py` holds the table to
it. A section a module, a name a line, and for what can be called the names of its parameters; * where it takes any.
`name=module` is what another module has under that name, whose line says more.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

TABLE = Path(__file__).parent.parent / "autograd_gpu" / "as_torch" / "torch_names.txt"

# Named, without what is in them: a program that goes there needs PyTorch itself.
CLOSED = set(
    "ao compiler contrib cpp distributed export fx headeronly jit masked monitor mtia nativert numa onnx package "
    "profiler quantization sparse testing torch_version xpu utils.backcompat utils.benchmark utils.bottleneck "
    "utils.data.datapipes utils.hipify utils.jit utils.model_dump utils.serialization utils.tensorboard utils.viz "
    "nn.intrinsic nn.parallel.distributed nn.qat nn.quantizable nn.quantized backends.quantized".split()
)
OPEN = set("compiler distributed fx jit onnx profiler sparse testing".split())  # closed, but for their own names

# What PyTorch's parser of arguments takes as well, for who comes from NumPy.
NUMPYS = {"dim": ("axis",), "keepdim": ("keepdims",), "input": ("x", "a", "x1"), "other": ("x2",)}


def modules(torch: ModuleType) -> Iterator[str]:
    """Yield the public modules under torch, by their dotted names without "torch."."""
    top = Path(torch.__file__).parent
    for path in sorted(top.rglob("*.py")):
        parts = path.relative_to(top).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        if not any(part.startswith("_") or ("test" in part and part != "testing") for part in parts) and parts:
            yield ".".join(parts)


def contents(name: str) -> dict[str, Any]:
    """Return what a module gives under public names."""
    try:
        module = importlib.import_module(f"torch.{name}".rstrip("."))
    except Exception:  # it needs a GPU, or a package that is not here
        return {}
    listed = set(getattr(module, "__all__", ()))
    found = {}
    for key in dir(module):
        if key in listed or not key.startswith("_"):
            value = getattr(module, key, None)
            home = getattr(value, "__module__", None) or ""
            if isinstance(value, ModuleType):
                keep = value.__name__.startswith("torch")
            else:
                keep = key in listed or home.startswith("torch") or not hasattr(value, "__module__")
                keep = keep or (name == "" and not hasattr(__builtins__, key))
            if keep:
                found[key] = value
    return found


def stubbed(path: Path) -> dict[str, set[str]]:
    """Return the parameters of each function in a stub, its overloads' together; those of a class as Class.method."""
    found: dict[str, set[str]] = {}

    def add(name: str, node: ast.FunctionDef) -> None:
        arguments = node.args
        names = [one.arg for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
        known = found.setdefault(name, set())
        known.update(one for one in names if one not in ("self", "cls"))
        known.update(other for one in names for other in NUMPYS.get(one, ()))

    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef):
            add(node.name, node)
        elif isinstance(node, ast.ClassDef):
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef):
                    add(f"{node.name}.{inner.name}", inner)
    return found


def documented(value: Any) -> list[str]:
    """Return the parameters that a documentation begins with: "solve(A, B, *, left=True, out=None) -> Tensor"."""
    text = getattr(value, "__doc__", None)
    begun = re.match(r"\s*[\w.]+\(([^()]*(?:\([^()]*\)[^()]*)*)\) ->", text) if isinstance(text, str) else None
    if begun is None:
        return []
    plain = re.sub(r"\([^()]*\)|\[[^\]]*\]", "", begun[1])
    return [name for one in plain.split(",") if (name := re.split(r"[=:]", one)[0].strip()).isidentifier()]


def parameters(value: Any, stub: set[str] | None) -> str:
    """Return the parameters of what can be called as the table has them; "" where nobody says."""
    names: list[str] = []
    if stub is not None:
        names = sorted(stub)
    elif callable(value):
        try:
            for one in inspect.signature(value).parameters.values():
                if one.kind in (one.VAR_POSITIONAL, one.VAR_KEYWORD):
                    names += ["*"] if one.kind is one.VAR_KEYWORD else []
                elif not one.name.startswith("_"):
                    names.append(one.name)
        except (TypeError, ValueError):
            names = documented(value)
        names = [name for name in names if name not in ("self", "cls")]
    return f"({' '.join(names)})" if names else ""


def table() -> str:
    """Return the table of the PyTorch that is installed."""
    import torch

    warnings.simplefilter("ignore")
    top = Path(torch.__file__).parent
    functions = stubbed(top / "_C" / "_VariableFunctions.pyi")
    methods = stubbed(top / "_C" / "__init__.pyi")
    lines = [f"# PyTorch {torch.__version__.partition('+')[0]}, by `python -m benchmarks.torch_names`."]
    told: dict[tuple[int, str], str] = {}

    def section(title: str, found: dict[str, Any], stub: Callable[[str, Any], set[str] | None]) -> None:
        lines.append(title)
        for key, value in sorted(found.items()):
            said = "" if isinstance(value, ModuleType) else parameters(value, stub(key, value))
            if said:
                first = told.setdefault((id(value), key), title)
                said = said if first == title else f"={first}"
            lines.append(f" {key}{said}")

    def function_stub(key: str, value: Any) -> set[str] | None:
        return functions.get(key) if value is getattr(torch, key, None) and not inspect.isfunction(value) else None

    def method_stub(key: str, value: Any) -> set[str] | None:
        return None if inspect.isfunction(value) else methods.get(f"TensorBase.{key}")

    section("torch", contents(""), function_stub)
    members = {key: getattr(torch.Tensor, key, None) for key in dir(torch.Tensor) if not key.startswith("_")}
    section("torch.Tensor", members, method_stub)
    names = sorted(modules(torch), key=lambda name: (name.startswith("nn.modules"), name.count("."), name))
    for name in names:
        closed = any(name == one or name.startswith(f"{one}.") for one in CLOSED) and name not in OPEN
        if closed:
            lines.append(f"torch.{name}")
        else:
            section(f"torch.{name}", contents(name), function_stub)
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    TABLE.write_text(table())
