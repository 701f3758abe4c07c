"""``import torch`` gives this library: for programs and packages that were written for PyTorch.

    python -m autograd_gpu.as_torch script.py arguments      or  -m module arguments
    autograd_gpu.as_torch.install()                          before the first `import torch`

`torch.anything` is then `autograd_gpu.anything`, the very same objects, and a submodule `torch.a.b` is
`autograd_gpu.a.b`. `torch.__version__` is the PyTorch that is stood in for, so that programs which ask for one go on.
What this library has not is an AttributeError or ModuleNotFoundError, as of an older PyTorch; `--missing` lists it
ahead (`missing.py`).
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.metadata
import importlib.util
import re
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import autograd_gpu

VERSION = "2.13.0"  # of the PyTorch that is stood in for

COMPILED = {"_custom_ops", "library", "ops", "classes", "utils.cpp_extension"}


def _numbers(version: Any) -> tuple[int, ...]:
    """Return the numbers of "2.13.0+cpu", or of (2, 13), without the zeros at the end."""
    parts = version if isinstance(version, tuple) else re.match(r"v?([\d.]*)", version)[1].split(".")  # type: ignore[index]
    numbers = [int(part) for part in parts if str(part).isdigit()]
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)


class Version(str):
    """PyTorch's version: text that compares by its numbers, with text and with tuples."""

    def __lt__(self, other: Any) -> bool:
        return _numbers(self) < _numbers(other)

    def __le__(self, other: Any) -> bool:
        return _numbers(self) <= _numbers(other)

    def __gt__(self, other: Any) -> bool:
        return not self <= other

    def __ge__(self, other: Any) -> bool:
        return not self < other

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, (str, tuple)):
            return NotImplemented
        return _numbers(self) == _numbers(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return str.__hash__(self)


class _Torch(ModuleType):
    """The module `torch`: autograd_gpu's names under PyTorch's version. What a program sets on it stays on it."""

    def __getattr__(self, name: str) -> Any:
        if name in COMPILED:
            raise AttributeError(_needs_torch(name))
        try:
            return getattr(autograd_gpu, name)
        except AttributeError:
            raise AttributeError(
                f"module 'torch' has no attribute '{name}': autograd_gpu, which stands in for it, has none"
            ) from None

    def __dir__(self) -> list[str]:
        return sorted({*vars(self), *dir(autograd_gpu)})


def _needs_torch(name: str) -> str:
    return f"torch.{name} is PyTorch's compiled part: what needs it needs PyTorch itself, not autograd_gpu in its place"


class _Standing(importlib.abc.Loader):
    """Gives a module that is there already another name, and leaves it as it is."""

    def __init__(self, module: ModuleType) -> None:
        self.module, self.spec = module, module.__spec__

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return self.module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self.spec


class _Distribution(importlib.metadata.Distribution):
    """What `importlib.metadata` says of torch where it is not installed."""

    def read_text(self, filename: str) -> str | None:
        return f"Metadata-Version: 2.1\nName: torch\nVersion: {VERSION}\n" if filename == "METADATA" else None

    def locate_file(self, path: Any) -> Any:
        raise FileNotFoundError(f"{path}: autograd_gpu stands in for torch, which has no files here")


class _Finder(importlib.abc.MetaPathFinder):
    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        top, _, inner = name.partition(".")
        if top != "torch":
            return None
        if inner in COMPILED or inner.startswith("_C."):
            raise ModuleNotFoundError(_needs_torch(inner), name=name)
        if inner == "":
            module: ModuleType = sys.modules["torch"]
        elif inner == "version":
            module = sys.modules["torch"].version
        else:
            try:
                module = importlib.import_module(f"autograd_gpu.{inner}")
            except ModuleNotFoundError as error:
                if error.name != f"autograd_gpu.{inner}":
                    raise
                raise ModuleNotFoundError(
                    f"No module named '{name}': autograd_gpu, which stands in for torch, has none", name=name
                ) from None
        return importlib.machinery.ModuleSpec(name, _Standing(module), is_package=hasattr(module, "__path__"))

    def find_distributions(self, context: Any = None) -> list[importlib.metadata.Distribution]:
        return [_Distribution()] if context is not None and context.name == "torch" else []


def install() -> None:
    """Let `import torch` give this library from now on, in this process. Once is enough; torch itself must not have
    been imported."""
    there = sys.modules.get("torch")
    if isinstance(there, _Torch):
        return
    if there is not None:
        raise RuntimeError("as_torch.install: torch itself has been imported already. Call it before the first import.")
    module = _Torch("torch", autograd_gpu.__doc__)
    module.__version__ = Version(VERSION)  # type: ignore[attr-defined]
    module.__path__ = []
    module.__file__ = autograd_gpu.__file__
    module.version = version = ModuleType("torch.version", "The PyTorch that is stood in for.")  # type: ignore[attr-defined]
    version.__version__ = VERSION  # type: ignore[attr-defined]
    version.cuda = version.hip = version.xpu = version.git_version = None  # type: ignore[attr-defined]
    version.debug = False  # type: ignore[attr-defined]
    finder = _Finder()
    sys.modules["torch"] = module
    sys.modules["torch.version"] = version
    module.__spec__ = importlib.machinery.ModuleSpec("torch", _Standing(module), is_package=True)
    sys.meta_path.insert(0, finder)
