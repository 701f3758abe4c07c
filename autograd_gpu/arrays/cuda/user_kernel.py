"""The user's own CUDA kernel, called on device arrays. Reads the parameter list off the source, so that every argument
is checked against it before a launch; knows nothing of tensors.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

from autograd_gpu.arrays.cuda import compile, driver

# C's scalar types: struct's letter, and the NumPy dtype a pointer to it points at.
_TYPES = {
    "float": ("f", "float32"), "double": ("d", "float64"), "bool": ("?", "bool"),
    "char": ("b", "int8"), "signed char": ("b", "int8"), "unsigned char": ("B", "uint8"), "short": ("h", "int16"),
    "int": ("i", "int32"), "unsigned": ("I", "uint32"), "unsigned int": ("I", "uint32"),
    "long": ("q", "int64"), "long long": ("q", "int64"), "unsigned long long": ("Q", "uint64"),
    "size_t": ("Q", "uint64"),
    "f16": ("", "float16"), "__half": ("", "float16"), "bf16": ("", "bfloat16"), "__nv_bfloat16": ("", "bfloat16"),
    "u8": ("B", "uint8"), "i8": ("b", "int8"), "i16": ("h", "int16"), "i32": ("i", "int32"), "i64": ("q", "int64"),
}  # fmt: skip
_QUALIFIERS = re.compile(r"\b(const|volatile|__restrict__|__restrict|restrict|__grid_constant__)\b")


class UserKernel:
    """One `extern "C" __global__` function of a source text, checked and compiled when first launched."""

    def __init__(self, source: str, name: str, defines: Sequence[str] = ()) -> None:
        self.name = name
        # Definitions stand in the text, behind the compilers' own headers, in which one such as T=float would do
        # damage.
        lines = [" ".join(("#define", *define.partition("=")[::2])) for define in defines]
        self._text = "\n".join([*lines, f'#line 1 "{name}.cu"', source])
        self._parameters = _parameters(source, name, dict(d.split("=", 1) for d in defines if "=" in d))
        letters = ["P" if is_pointer else letter for _, is_pointer, letter, _ in self._parameters]
        self._format = "".join(letters)
        self._pack = struct.Struct("@" + self._format).pack
        self.writes = _written(source, name)  # per parameter: whether it is a pointer to non-const
        self._functions: dict[Any, Any] = {}

    def __call__(
        self, grid: tuple[int, ...], block: tuple[int, ...], arguments: Sequence[Any], shared_mem: int
    ) -> None:
        """Launch on arrays and numbers, in the order of the parameter list."""
        gpu = driver.current()
        function = self._functions.get(gpu.context())
        if function is None:
            module = gpu.load_text(self._text, f"{self.name}.cu", ())
            function = self._functions[gpu.context()] = module.function(self.name, self._format)
        if len(arguments) != len(self._parameters):
            listed = ", ".join(name for name, *_ in self._parameters)
            raise TypeError(
                f"{self.name}: expected {len(self._parameters)} arguments ({listed}), but got {len(arguments)}."
            )
        values = [self._value(gpu, p, a) for p, a in zip(self._parameters, arguments, strict=True)]
        gpu.launch(function, (*grid, 1, 1)[:3], (*block, 1, 1)[:3], self._pack(*values), shared_mem)

    def _value(self, gpu: driver.Driver, parameter: tuple, argument: Any) -> Any:
        name, is_pointer, letter, dtype = parameter
        is_array = hasattr(argument, "dtype") and hasattr(argument, "strides") and not isinstance(argument, np.generic)
        if is_pointer:
            if argument is None:
                return 0
            if not is_array:
                raise TypeError(f"{self.name}: {name} expected a tensor, but got {type(argument).__name__}.")
            if dtype is not None and compile.dtype_name(argument.dtype) != dtype:
                found = compile.dtype_name(argument.dtype)
                raise TypeError(
                    f"{self.name}: {name} expected a {dtype} tensor, but got {found}. Cast it with .to(dtype)."
                )
            if not argument.flags.c_contiguous:
                raise ValueError(f"{self.name}: {name} expected a contiguous tensor. Call .contiguous() on it first.")
            return gpu.pointer(argument)
        if is_array:
            raise TypeError(f"{self.name}: {name} expected a number, but got a tensor. Pass a pointer, or .item().")
        number = argument.item() if isinstance(argument, np.generic) else argument
        if letter in "fd":
            return float(number)
        if isinstance(number, float):
            raise TypeError(f"{self.name}: {name} expected an integer, but got {number!r}.")
        return bool(number) if letter == "?" else int(number)


def _written(source: str, name: str) -> list[bool]:
    """Whether each parameter points at something the kernel may write."""
    return ["*" in declaration and "const" not in declaration.split("*")[0] for declaration in _list(source, name)]


def _list(source: str, name: str) -> list[str]:
    """The parameter declarations of kernel `name`, as they stand in the source."""
    text = re.sub(r"//[^\n]*|/\*.*?\*/", " ", source, flags=re.S)
    found = re.search(r"__global__[^;{}]*?\b" + re.escape(name) + r"\s*\(([^()]*)\)\s*\{", text)
    if found is None:
        kernels = re.findall(r"__global__[^;{}]*?\b(\w+)\s*\([^()]*\)\s*\{", text)
        raise ValueError(
            f"kernel {name!r} is not in the source, which defines {kernels or 'none'}; it must read "
            f'extern "C" __global__ void {name}(...).'
        )
    return [declaration for declaration in (d.strip() for d in found[1].split(",")) if declaration]


def _parameters(source: str, name: str, defined: dict[str, str]) -> list[tuple[str, bool, str, str | None]]:
    """(name, whether a pointer, struct letter, dtype) of each parameter of kernel `name`; `defined` are macros."""
    parameters = []
    for declaration in _list(source, name):
        plain = " ".join(_QUALIFIERS.sub(" ", declaration).split())
        parsed = re.fullmatch(r"(.+?)\s*(\**)\s*(\w+)", plain.replace(" *", "*"))
        if parsed is None:
            raise ValueError(f"kernel {name}: cannot read the parameter {declaration!r}; give each a type and a name.")
        type_name, stars, parameter = parsed[1].strip(), parsed[2], parsed[3]
        letter, dtype = _TYPES.get(defined.get(type_name, type_name), ("", None))
        if not stars and not letter:
            raise ValueError(
                f"kernel {name}: parameter {parameter} is passed by value as {type_name!r}; expected one of "
                f"{', '.join(t for t, (known, _) in _TYPES.items() if known)}, or a pointer."
            )
        parameters.append((parameter, bool(stars), letter, dtype))
    return parameters
