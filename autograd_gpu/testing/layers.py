"""How the house stands: which file imports which, in which layers, and whether anywhere in a circle or upward.

``python -m autograd_gpu.testing.layers`` prints the layers, the files of each, and what is wrong;
`tests/test_architecture.py` holds that nothing is. Imports within functions count like others, but for those of
`MEANT`; those for types only do not.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parent.parent

ROOF = "autograd_gpu"  # the package's own __init__.py, which gives the public names

# Each layer may import from itself and from those above it in this list: the lowest is the first.
LAYERS = [
    {
        "_names",
        "build_cache",
        "capturing",
        "checks",
        "dtypes",
        "engine",
        "errors",
        "layouts",
        "modes",
        "settings",
        "user_line",
        "version",
    },
    {"kernels"},
    {"emulator"},
    {"arrays"},
    {"device", "views"},
    {"tensor"},
    {"printing", "saving"},
    {"op"},
    {"autocasting", "unread"},
    {"ops"},
    {"batching", "function"},
    {"autograd", "processes"},
    {"amp", "backends", "data", "fft", "linalg", "nn", "serialization", "sparse", "special"},
    {"cuda", "optim"},
    {
        "_C",
        "__config__",
        "accelerator",
        "compiler",
        "func",
        "functional",
        "futures",
        "fx",
        "hub",
        "jit",
        "mps",
        "mtia",
        "multiprocessing",
        "onnx",
        "overrides",
        "quasirandom",
        "random",
        "steps",
        "xpu",
    },
    {"_dynamo", "profiler"},
    {"utils"},
    {"distributed"},
    {ROOF},
    {"distributions", "testing"},
    {"as_torch", "training", "info"},
    {"cli", "__main__"},
]

# Imports within functions that go upward, or would close a circle, on purpose: (who, whom) and why.
MEANT = {
    ("autograd.profiler", "profiler.legacy"): "torch.autograd.profiler is PyTorch's older name of what stands on top",
    ("ops.nn.distance", "autograd.backward"): "differences of pairs are made again some at a time, and differentiated",
    ("ops.nn.ctc", "autograd.backward"): "its second derivative is that of its recursion, written in operations",
}


def files() -> dict[str, Path]:
    """Return every module of the package by its dotted name, without the package's own name in front."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[name or ROOF] = path
    return found


FILES = files()


def imports_of(name: str, source: str | None = None) -> set[str]:
    """Return the package's modules that a module imports, at once or within its functions; not for types only."""
    path = FILES[name]
    package = [] if name == ROOF else name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    found = set()
    for node in _imports(ast.parse(path.read_text() if source is None else source)):
        if isinstance(node, ast.Import):
            named = {alias.name for alias in node.names if alias.name.partition(".")[0] == ROOF}
            found |= {name.partition(".")[2] or ROOF for name in named}
            continue
        module = node.module.split(".") if node.module else []
        if node.level:
            target = [*package[: len(package) - node.level + 1], *module]
        elif module[:1] == [ROOF]:
            target = module[1:]
        else:
            continue
        for alias in node.names:
            inner = ".".join([*target, alias.name])
            found.add(inner if inner in FILES else ".".join(target) or ROOF)
    return found - {name}


def _imports(tree: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield node
        yield from _imports(node)


def graph() -> dict[str, set[str]]:
    """Return what each file imports, but for what is `MEANT`."""
    return {name: {other for other in imports_of(name) if (name, other) not in MEANT} for name in FILES}


def room(name: str) -> str:
    """Return the file's room: the first part of its name."""
    return name.partition(".")[0]


def level(name: str) -> int:
    """Return the number of a file's layer, from the bottom."""
    found = [number for number, rooms in enumerate(LAYERS) if room(name) in rooms]
    if not found:
        raise LookupError(f"{name}: LAYERS in {__file__} has no layer for '{room(name)}'")
    return found[0]


def upward(imports: dict[str, set[str]]) -> list[str]:
    """Return a sentence for each import that goes up."""
    return [
        f"{name} imports {other}, which is built on top of it"
        for name, others in imports.items()
        for other in sorted(others)
        if level(other) > level(name)
    ]


def circles(imports: dict[str, set[str]]) -> list[list[str]]:
    """Return the groups of names that import each other in a circle (Tarjan 1972)."""
    found: list[list[str]] = []
    stack: list[str] = []
    number: dict[str, int] = {}
    low: dict[str, int] = {}

    def visit(name: str) -> None:
        number[name] = low[name] = len(number)
        stack.append(name)
        for other in sorted(imports.get(name, ())):
            if other not in number:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in stack:
                low[name] = min(low[name], number[other])
        if low[name] == number[name]:
            group = stack[stack.index(name) :]
            del stack[-len(group) :]
            if len(group) > 1:
                found.append(sorted(group))

    for name in imports:
        if name not in number:
            visit(name)
    return found


def rooms_of(imports: dict[str, set[str]]) -> dict[str, set[str]]:
    """Return the rooms that each room imports from, other than itself."""
    found: dict[str, set[str]] = {}
    for name, others in imports.items():
        found.setdefault(room(name), set()).update(room(other) for other in others)
    return {name: others - {name} for name, others in found.items()}


def faults(imports: dict[str, set[str]]) -> list[str]:
    """Return what is wrong, a sentence each: nothing, where the house stands."""
    found = upward(imports)
    found += [f"files import each other in a circle: {', '.join(group)}" for group in circles(imports)]
    found += [f"rooms import each other in a circle: {', '.join(group)}" for group in circles(rooms_of(imports))]
    return found


def main() -> int:
    """Print the layers from the bottom, then the imports that are meant, then what is wrong."""
    imports = graph()
    for number, rooms in enumerate(LAYERS):
        for name in sorted(rooms):
            count = sum(room(file) == name for file in FILES)
            used = sorted(rooms_of(imports).get(name, ()), key=lambda other: (level(other), other))
            size = f" ({count} files)" if count > 1 else ""
            print(f"{number:2} {name + size:24} {' '.join(used)}")
    for (name, other), why in MEANT.items():
        print(f"meant: {name} -> {other}: {why}")
    wrong = faults(imports)
    print("\n".join(wrong) if wrong else f"{len(FILES)} files: no circle, and no import goes upward.")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
