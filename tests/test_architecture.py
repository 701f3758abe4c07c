"""The house keeps its shape: imports go one way, backends are twins, importing the package stays light."""

import ast
import importlib
import inspect
import json
import subprocess
import sys
from pathlib import Path

import pytest

import autograd_gpu

pytestmark = pytest.mark.ours

PACKAGE = Path(autograd_gpu.__file__).parent
ROOM = "autograd_gpu."

# Each layer may import from itself and from the layers above it in this list.
LAYERS = [
    {"errors", "dtypes", "engine", "layouts", "settings", "version", "user_line"},
    {"kernels"},
    {"arrays"},
    {"emulator"},
    {"device"},
    {"tensor"},
    {"printing"},
    {"op", "autocasting"},
    {"ops"},
    {"function", "autograd", "functional"},
    {"nn", "optim", "data", "serialization", "cuda", "backends", "special", "linalg", "amp"},
    {"func"},
    {"utils"},
    {"testing"},
    {"training", "info"},
    {"cli", "__main__"},
]
LEVEL = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}


def modules() -> dict[str, Path]:
    """Every module of the package by its dotted name, without the package's own name in front."""
    found = {}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        if name:
            found[name] = path
    return found


MODULES = modules()


def imports_of(name: str) -> set[str]:
    """The package's modules that a module imports as it is imported: not within functions, not for types only."""
    path = MODULES[name]
    package = name.split(".") if path.name == "__init__.py" else name.split(".")[:-1]
    found = set()
    for node in statements_run_at_import(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.startswith(ROOM)}
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                base = package[: len(package) - node.level + 1]
                target = [*base, *(node.module.split(".") if node.module else [])]
            elif node.module and (node.module + ".").startswith(ROOM):
                target = node.module.split(".")[1:]
            else:
                continue
            for alias in node.names:
                found.add(ROOM + ".".join([*target, alias.name]) if not target else ROOM + ".".join(target))
    return {name.removeprefix(ROOM) for name in found}


def statements_run_at_import(tree: ast.AST) -> list[ast.stmt]:
    found = []
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.stmt):
            found.append(node)
        found += statements_run_at_import(node)
    return found


def test_every_module_has_its_layer():
    assert {name.split(".")[0] for name in MODULES} <= set(LEVEL)


@pytest.mark.parametrize("name", MODULES)
def test_imports_go_one_way(name):
    level = LEVEL[name.split(".")[0]]
    above = {other for other in imports_of(name) if LEVEL.get(other.split(".")[0], -1) > level}
    assert not above, f"{name} imports {sorted(above)} from the layers built on top of it"


def test_the_engine_knows_the_standard_library_only():
    tree = ast.parse(MODULES["engine"].read_text())
    named = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            named |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "engine.py imports from the package"
            named.add(node.module.split(".")[0])
    assert named <= sys.stdlib_module_names


@pytest.mark.parametrize("name", MODULES)
def test_every_module_says_what_it_knows(name):
    assert ast.get_docstring(ast.parse(MODULES[name].read_text())), f"{name} has no docstring"


def in_a_fresh_process(code: str) -> dict:
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PACKAGE.parent
    )
    return json.loads(result.stdout)


def test_importing_the_package_loads_nothing_heavy():
    loaded = in_a_fresh_process("import sys, json, autograd_gpu; print(json.dumps(sorted(sys.modules)))")
    heavy = {"cupy", "matplotlib", "torch", "sklearn", "scipy", "tqdm", "safetensors", "pytest"}
    assert not heavy & {name.split(".")[0] for name in loaded}
    assert "autograd_gpu.arrays.cuda" not in loaded
    assert not [name for name in loaded if name.startswith("autograd_gpu.emulator")]


def families(backend: str) -> dict[str, dict[str, list[str]]]:
    """Each family's public functions with their parameters' names."""
    found = {}
    for path in (PACKAGE / "arrays" / backend).glob("*.py"):
        module = importlib.import_module(f"autograd_gpu.arrays.{backend}.{path.stem}")
        if path.stem != "__init__" and hasattr(module, "__all__"):
            found[path.stem] = {
                name: list(inspect.signature(getattr(module, name)).parameters) for name in sorted(module.__all__)
            }
    return found


def test_backends_are_twins():
    assert families("cuda") == families("cpu")


@pytest.mark.parametrize("backend", ["cpu", "cuda"])
def test_a_backend_exports_all_its_families(backend):
    package = importlib.import_module(f"autograd_gpu.arrays.{backend}")
    for family, functions in families(backend).items():
        assert [name for name in functions if not hasattr(package, name)] == [], family
