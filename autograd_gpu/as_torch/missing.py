"""Which names and keywords of PyTorch a program uses that this library has not. Reads source, never runs it.

What is PyTorch's is a table, `torch_names.txt`; what is here is asked of the library itself. A name is followed from
the file's imports: `import torch.nn as nn` makes `nn.Linear` torch.nn.Linear. What a variable holds nobody knows, so
that methods are told by their names alone, those that only a tensor has, and marked "perhaps".
"""

from __future__ import annotations

import ast
import builtins
import importlib
import importlib.util
import inspect
import warnings
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

import autograd_gpu
from autograd_gpu.as_torch import COMPILED
from autograd_gpu.ops.arguments import other_names
from autograd_gpu.ops.public import declared

TABLE = Path(__file__).with_name("torch_names.txt")


class Use(NamedTuple):
    """A place where a program names what is missing."""

    name: str  # "torch.foo", "torch.zeros(pin_memory=)", ".foo()" of what may be a tensor
    note: str  # "" or "perhaps" or "not in PyTorch 2.13 either"
    file: str
    line: int


class Names:
    """PyTorch's public names, and the parameters of those that can be called: None where nobody says."""

    def __init__(self, text: str) -> None:
        self.parameters: dict[str, set[str] | None] = {}
        elsewhere, section = {}, ""
        for line in text.splitlines()[1:]:
            if not line.startswith(" "):
                section = line
                self.parameters.setdefault(section, None)
                continue
            name, _, rest = line[1:].partition("(")
            name, _, home = name.partition("=")
            if home:
                elsewhere[f"{section}.{name}"] = f"{home}.{name}"
            listed = set(rest[:-1].split()) if rest else None
            self.parameters[f"{section}.{name}"] = None if listed is None or "*" in listed else listed
        for name, home in elsewhere.items():
            self.parameters[name] = self.parameters[home]

    def methods(self) -> dict[str, set[str] | None]:
        """Return the methods of a tensor."""
        start = "torch.Tensor."
        return {name.removeprefix(start): found for name, found in self.parameters.items() if name.startswith(start)}


@cache
def torch_names() -> Names:
    """Return the table that the package carries."""
    return Names(TABLE.read_text())


_NOTHING = object()


@cache
def ours(name: str) -> Any:
    """Return what this library has under a dotted name "torch.a.b", or `_NOTHING`."""
    parent, _, last = name.rpartition(".")
    if not parent:
        return autograd_gpu
    holder = ours(parent)
    if holder is _NOTHING:
        return _NOTHING
    inner = name.removeprefix("torch.")
    if inner in COMPILED:
        return _NOTHING
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = getattr(holder, last, _NOTHING)
    if found is _NOTHING and isinstance(holder, ModuleType) and hasattr(holder, "__path__"):
        try:
            return importlib.import_module(f"autograd_gpu.{inner}")
        except ModuleNotFoundError:
            pass
    return found


@cache
def our_parameters(name: str) -> set[str] | None:
    """Return the parameters of what this library has under a dotted name; None where it takes any."""
    found = ours(name)
    try:
        parameters = inspect.signature(found).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(one.kind is one.VAR_KEYWORD for one in parameters):
        return None
    names = {one.name for one in parameters}
    operation = inspect.unwrap(found) if callable(found) else None
    if any(one.operation is operation and one.out for one in declared):
        names.add("out")
    return names | other_names(found.__wrapped__) if hasattr(found, "__wrapped__") else names


@cache
def methods_of_others() -> frozenset[str]:
    """Return the names that also Python's own objects, arrays, modules or optimisers have."""
    kinds = [kind for kind in vars(builtins).values() if isinstance(kind, type)]
    kinds += [np.ndarray, np.generic, autograd_gpu.nn.Module, autograd_gpu.optim.Optimizer]
    return frozenset(name for kind in kinds for name in dir(kind))


@cache
def missing_methods() -> frozenset[str]:
    """Return the names that only PyTorch's tensor has."""
    theirs = torch_names().methods()
    return frozenset(
        name for name in theirs if name not in methods_of_others() and not hasattr(autograd_gpu.Tensor, name)
    )


class _Reader(ast.NodeVisitor):
    """Collects what one file uses."""

    def __init__(self, file: str) -> None:
        self.file, self.found = file, list[Use]()
        self.named: dict[str, str] = {}  # what the file's imports call torch.a.b

    def use(self, name: str, note: str, node: Any) -> None:
        self.found.append(Use(name, note, self.file, node.lineno))

    def check(self, name: str, node: Any) -> str | None:
        """Note a dotted name that is missing; returns the part of it that is there, as far as names can be followed."""
        parts, known = name.split("."), torch_names().parameters
        for end in range(2, len(parts) + 1):
            held = ours(".".join(parts[: end - 1]))
            if not isinstance(held, (ModuleType, type)):
                return None
            path = ".".join(parts[:end])
            if ours(path) is _NOTHING:
                theirs = [path for end in range(end, len(parts) + 1) if (path := ".".join(parts[:end])) in known]
                private = any(part.startswith("_") for part in parts)
                self.use(
                    max(theirs, key=len, default=path), "" if theirs or private else "not in PyTorch 2.13 either", node
                )
                return None
        return name

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            if alias.name == "torch" or alias.name.startswith("torch."):
                self.named[alias.asname or "torch"] = alias.name if alias.asname else "torch"
                self.check(alias.name, node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = node.module or ""
        if node.level or not (module == "torch" or module.startswith("torch.")):
            return
        for alias in node.names:
            if alias.name == "*":
                self.check(module, node)
                continue
            name = f"{module}.{alias.name}"
            self.named[alias.asname or alias.name] = name
            self.check(name, node)

    def dotted(self, node: ast.AST) -> str | None:
        """Return the name in torch that an expression means, or None."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name) or node.id not in self.named:
            return None
        return ".".join([self.named[node.id], *reversed(parts)])

    def visit_Attribute(self, node: ast.Attribute) -> None:
        name = self.dotted(node)
        if name is not None:
            self.check(name, node)
            return
        if node.attr in missing_methods():
            self.use(f".{node.attr}", "perhaps", node)
        self.visit(node.value)

    def visit_Call(self, node: ast.Call) -> None:
        keywords = [word.arg for word in node.keywords if word.arg is not None]
        name = self.dotted(node.func)
        if name is not None and keywords:
            theirs = torch_names().parameters.get(name)
            mine = None if ours(name) is _NOTHING else our_parameters(name)
            if theirs is not None and mine is not None:
                for word in keywords:
                    if word in theirs and word not in mine:
                        self.use(f"{name}({word}=)", "", node)
        elif keywords and isinstance(node.func, ast.Attribute):
            method = node.func.attr
            theirs = torch_names().methods().get(method)
            if theirs and hasattr(autograd_gpu.Tensor, method):
                mine = our_parameters(f"torch.Tensor.{method}")
                for word in keywords:
                    if mine is not None and word in theirs and word not in mine:
                        self.use(f".{method}({word}=)", "perhaps", node)
        self.generic_visit(node)


def sources(what: str) -> list[Path]:
    """Return the Python files of a file, a folder or an installed package, which is not imported."""
    path = Path(what)
    if not path.exists():
        try:
            spec = importlib.util.find_spec(what.partition(".")[0])
        except (ImportError, ValueError):
            spec = None
        if spec is None:
            raise FileNotFoundError(f"{what}: neither a file or folder nor a package that is installed")
        places = list(spec.submodule_search_locations or ()) or [spec.origin or ""]
        path = Path(places[0]).joinpath(*what.split(".")[1:])
        if not path.exists():
            path = path.with_suffix(".py")
    return [path] if path.is_file() else sorted(path.rglob("*.py"))


def uses(files: Iterable[Path]) -> Iterator[Use]:
    """Yield every use of what is missing."""
    for file in files:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                tree = ast.parse(file.read_bytes(), str(file))
        except (SyntaxError, ValueError) as error:
            print(f"{file}: not read, {error}")
            continue
        reader = _Reader(str(file))
        imports = [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]
        for node in imports:
            reader.visit(node)
        reader.found.clear()  # each is met again on the way through the file
        reader.visit(tree)
        yield from reader.found


def report(what: Iterable[str]) -> Iterator[str]:
    """Yield the lines that `--missing` prints: what is used most often first."""
    files = [file for one in what for file in sources(one)]
    places: dict[tuple[str, str], list[Use]] = {}
    for use in uses(files):
        places.setdefault((use.note, use.name), []).append(use)
    order = {"": 0, "perhaps": 1}
    for (note, name), found in sorted(
        places.items(), key=lambda item: (order.get(item[0][0], 2), -len(item[1]), item[0])
    ):
        yield f"{len(found):5}  {name}{f'   ({note})' if note else ''}"
        by_file: dict[str, list[str]] = {}
        for use in found:
            by_file.setdefault(use.file, []).append(str(use.line))
        for file, lines in by_file.items():
            yield f"         {file}:{','.join(lines)}"
    sure = [key for key in places if key[0] == ""]
    count = sum(len(places[key]) for key in sure)
    yield (
        f"{len(files)} files: {len(sure)} names and keywords of PyTorch are missing here, used {count} times; "
        f"{len(places) - len(sure)} more perhaps, or in no PyTorch 2.13."
    )
