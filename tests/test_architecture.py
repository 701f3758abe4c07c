"""The house keeps its shape: imports go one way, backends are twins, importing the package stays light."""

import ast
import importlib
import inspect
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import autograd_gpu
from autograd_gpu.testing import layers
from autograd_gpu.testing.layers import FILES

pytestmark = pytest.mark.ours

PACKAGE = Path(autograd_gpu.__file__).parent


def test_every_module_has_its_layer():
    assert {layers.room(name) for name in FILES} <= set().union(*layers.LAYERS)


def test_imports_go_one_way_and_never_in_a_circle():
    assert layers.faults(layers.graph()) == []


@pytest.mark.parametrize(
    "imports, fault",
    [
        ({"tensor": {"ops.cast"}, "ops.cast": set()}, "tensor imports ops.cast, which is built on top of it"),
        ({"ops.a": {"ops.b"}, "ops.b": {"ops.c"}, "ops.c": {"ops.a"}}, "files .* in a circle: ops.a, ops.b, ops.c"),
        ({"nn.a": {"data.b"}, "data.b": set(), "data.a": {"nn.b"}, "nn.b": set()}, "rooms .* in a circle: data, nn"),
    ],
)
def test_what_is_wrong_with_the_imports_is_said(imports, fault):
    assert [found for found in layers.faults(imports) if re.fullmatch(f".*{fault}.*", found)]


@pytest.mark.parametrize(
    "source, found",
    [
        ("from .cast import cast", {"ops.cast"}),
        ("from . import cast, shape", {"ops.cast", "ops.shape"}),
        ("def f():\n    if True:\n        from ..autograd import backward", {"autograd.backward"}),
        ("import autograd_gpu as ag", {"autograd_gpu"}),
        ("import autograd_gpu.nn.init", {"nn.init"}),
        ("from autograd_gpu.cuda import graph", {"cuda"}),
        ("if TYPE_CHECKING:\n    from ..nn import Module", set()),
        ("import numpy, torch.nn", set()),
    ],
)
def test_every_import_counts_but_those_for_types(source, found):
    assert layers.imports_of("ops.shape" if "shape" not in source else "ops.reduce", source) == found


def test_imports_that_are_meant_are_there():
    for name, other in layers.MEANT:
        assert other in layers.imports_of(name), f"{name} does not import {other}: it needs no leave"


def test_the_engine_knows_the_standard_library_only():
    tree = ast.parse(FILES["engine"].read_text())
    named = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            named |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "engine.py imports from the package"
            named.add(node.module.split(".")[0])
    assert named <= sys.stdlib_module_names


def test_the_core_can_be_read_in_one_sitting():
    lines = {name: len(FILES[name].read_text().splitlines()) for name in ("engine", "op", "tensor")}
    assert sum(lines.values()) <= 1050, f"{lines}: move what has a reason of its own to a file of its own"


@pytest.mark.parametrize("name", FILES)
def test_every_module_says_what_it_knows(name):
    assert ast.get_docstring(ast.parse(FILES[name].read_text())), f"{name} has no docstring"


def in_a_fresh_process(code: str) -> dict:
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PACKAGE.parent
    )
    return json.loads(result.stdout)


def loaded_by(code: str) -> list[str]:
    """The package's modules that a fresh process has read after running `code`."""
    found = in_a_fresh_process(f"import sys, json\n{code}\nprint(json.dumps(sorted(sys.modules)))")
    heavy = {"cupy", "matplotlib", "torch", "sklearn", "scipy", "tqdm", "safetensors", "pytest"}
    assert not heavy & {name.split(".")[0] for name in found}
    assert "autograd_gpu.arrays.cuda" not in found
    assert not [name for name in found if name.startswith("autograd_gpu.emulator")]
    return [name for name in found if name.startswith("autograd_gpu.")]


def test_importing_the_package_reads_no_operation_and_no_array_function():
    loaded = loaded_by("import autograd_gpu")
    assert not [name for name in loaded if re.match(r"autograd_gpu\.(ops|arrays|autograd|nn|cuda)", name)]
    assert len(loaded) <= 20, f"{len(loaded)} modules are read at import: {loaded}"


def test_importing_the_package_reads_nothing_of_python_that_numpy_has_not_read():
    before, after = (
        set(in_a_fresh_process(f"import sys, json, {names}; print(json.dumps(list(sys.modules)))"))
        for names in ("numpy, ml_dtypes", "autograd_gpu")
    )
    more = {name for name in after - before if not name.startswith("autograd_gpu")}
    assert more <= {"heapq", "_heapq", "threading", "copy"}, f"importing the package also reads {sorted(more)}"


def test_the_first_step_reads_what_it_names_alone():
    loaded = loaded_by("import autograd_gpu as torch; x = torch.ones(3, requires_grad=True); (x * 2).sum().backward()")
    operations = [name for name in loaded if name.startswith("autograd_gpu.ops.")]
    assert "autograd_gpu.ops.reduce" in operations
    assert not [name for name in operations if re.search(r"special|linalg|\.nn\.|statistics|random|einsum", name)]


def test_what_is_read_when_first_named_is_itself_from_then_on():
    code = """
import autograd_gpu as torch
assert {"softmax", "abs_", "nn", "tensor", "Generator"} <= set(dir(torch)) and "softmax" in torch.__all__
softmax = torch.Tensor.softmax
x = torch.Tensor([1.0, 2.0])
assert torch.Tensor.softmax is softmax is vars(torch.Tensor)["softmax"]
assert torch.abs is torch.abs and not callable(torch.pi)
assert x.T.shape == (2,) and (x + 1)[0] == 2 and len(x) == 2 and list(-x) == [-1, -2]
try:
    torch.Tensor.no_such_method
except AttributeError as error:
    assert "no_such_method" in str(error)
"""
    loaded_by(code)


def test_each_name_is_found_by_a_program_that_has_named_nothing_else():
    code = """
import os, sys
import autograd_gpu as torch
import autograd_gpu.ops.methods
from autograd_gpu._names import FUNCTIONS, METHODS
for index, owner in ((FUNCTIONS, "torch"), (METHODS, "torch.Tensor")):
    for module, names in index.items():
        if os.fork() == 0:
            try:
                for name in names.split():
                    assert getattr(eval(owner), name) is not None
            except BaseException as error:
                print(f"{owner}.{name}, said to be in {module}: {error}", file=sys.stderr)
                os._exit(1)
            os._exit(0)
        assert os.wait()[1] == 0, f"{owner} of {module}"
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PACKAGE.parent)
    assert result.returncode == 0, result.stderr


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
    sides = {
        side: {
            (family, name, *parameters)
            for family, functions in families(side).items()
            for name, parameters in functions.items()
        }
        for side in ("cpu", "cuda")
    }
    for side, other in (("cpu", "cuda"), ("cuda", "cpu")):
        for family, name, *parameters in sorted(sides[side] - sides[other]):
            pytest.fail(
                f"autograd_gpu/arrays/{other}/{family}.py has no {name}({', '.join(parameters)}) in its __all__"
            )


def test_what_is_compiled_for_this_processor_has_numpys_names_and_parameters():
    numpys = families("cpu")
    for family, functions in families("native").items():
        assert functions == {name: numpys[family][name] for name in functions}


@pytest.mark.parametrize("backend", ["cpu", "cuda", "native"])
def test_a_backend_exports_all_its_families(backend):
    package = importlib.import_module(f"autograd_gpu.arrays.{backend}")
    for family, functions in families(backend).items():
        assert [name for name in functions if not hasattr(package, name)] == [], family


def test_a_declared_function_says_the_module_that_holds_it():
    """The index of names sends a program to that module, which may be the first that it reads."""
    import autograd_gpu as torch
    from autograd_gpu.ops.public import declared

    for name in dir(torch):
        getattr(torch, name)
    strays = [
        one.name
        for one in declared
        if one.function
        and not one.name.endswith("_")  # made in a loop, and held by Tensor
        and not any(value is one.operation for value in vars(sys.modules[one.operation.__module__]).values())
    ]
    assert strays == []
