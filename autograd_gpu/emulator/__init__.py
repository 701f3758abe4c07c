"""CUDA C kernels on the CPU, with checks that no GPU makes: bounds, races, barriers, initialisation, arguments.

`Kernel` runs a raw kernel on NumPy arrays. `compile_module` and `allocate` are what an emulated driver is built on.
See docs/emulator.md.
"""

from .errors import EmulatorError, KernelError
from .kernel import Kernel
from .memory import allocate
from .module import Function, Module, Parameter, compile_module

__all__ = ["EmulatorError", "Function", "Kernel", "KernelError", "Module", "Parameter", "allocate", "compile_module"]
