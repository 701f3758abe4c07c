"""What is read only when a program first names it: the operations, by the index in `_names.py`, and what few ask for.

Importing the package reads no operation. `torch.softmax` and `x.softmax` read the module that declares softmax, with
what that builds on; the index is written by `make pages`, and a test holds it to the declarations.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from ._names import FUNCTIONS, METHODS
from .op import on_out_of_memory
from .tensor import Tensor

HOME = {name: module for module, names in FUNCTIONS.items() for name in names.split()}  # of the package's functions


def read(module: str) -> None:
    """Import a module of operations; what it declares hangs on Tensor then."""
    importlib.import_module(f"autograd_gpu.{module}")
    importlib.import_module("autograd_gpu.ops.methods").hang_declared()


def function(name: str) -> Callable[..., Any]:
    """Return the package's function of that name."""
    read(HOME[name])
    return importlib.import_module("autograd_gpu.ops.functions").package_function(name)


class Unread:
    """A method, an operator or an attribute of Tensor, until its module is read, which puts the thing itself here."""

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name

    def _read(self) -> None:
        read(self.module)
        if vars(Tensor)[self.name] is self:
            raise AttributeError(f"Tensor.{self.name} is not declared in {self.module}: run `make pages`")

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        self._read()
        return getattr(owner if instance is None else instance, self.name)

    def __set__(self, instance: Any, value: Any) -> None:
        self._read()
        setattr(instance, self.name, value)


for _module, _names in METHODS.items():
    for _name in _names.split():
        setattr(Tensor, _name, Unread(_module, _name))


def _explain_out_of_memory(error: BaseException, inputs: tuple) -> None:
    importlib.import_module("autograd_gpu.autograd.saved_memory").explain_out_of_memory(error, inputs)


on_out_of_memory.append(_explain_out_of_memory)
