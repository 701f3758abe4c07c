"""The one place that hangs methods and operators on Tensor: those of the modules that have been read."""

from __future__ import annotations

import copy
import inspect
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from .. import dtypes
from ..dtypes import DType
from ..printing import represent
from ..tensor import AccumulateGrad, Tensor
from ..views import edge_of
from . import (
    cast, conversion, creation, elementwise, elementwise_composed, index, inplace, matmul, pickling, pieces, unary,
)  # fmt: skip
from .arguments import Behind, front, known_as
from .public import Public, declared

# ---------------------------------------------------------------------------------------------- functions as methods


_TENSOR = Tensor.__module__
_OPEN = inspect.CO_VARARGS | inspect.CO_VARKEYWORDS


def hang(operation: Public) -> None:
    """Give Tensor a function's method or attribute and its in-place form, under all its names."""
    if operation.method:
        for name in operation.names:
            setattr(Tensor, name, Behind(name, partial(_front_of, operation.operation, name)))
    elif operation.attribute:
        for name in operation.names:
            setattr(Tensor, name, property(operation.operation))
    if operation.in_place:
        for name in operation.names:
            setattr(Tensor, f"{name}_", Behind(f"{name}_", partial(_in_place, f"{name}_", operation)))


def _front_of(function: Callable, name: str) -> Callable:
    if function.__code__.co_argcount == 1 and not function.__code__.co_flags & _OPEN and not function.__kwdefaults__:
        return function  # its tensor is all it takes: there is nothing to look at
    return known_as(front(function, name, is_method=True), _TENSOR, f"Tensor.{name}")


def _in_place(name: str, operation: Public) -> Callable:
    function = operation.operation
    method = inplace.inplace(name, function, function.__name__ if operation.direct else None)
    others = [kind for name, kind in function.__annotations__.items() if name != "return"][1:]
    if operation.direct and set(others) != {"Tensor"}:
        # Nothing to look at before, and the shorter way for what is not told what was left out.
        return known_as(method, _TENSOR, f"Tensor.{name}")
    return known_as(front(method, name, is_method=True, like=function), _TENSOR, f"Tensor.{name}")


_hung = 0  # how many of the declarations
_hanging = threading.Lock()  # two threads may name what has not been read at once


def hang_declared() -> None:
    """Hang what has been declared since the last time, by modules read since."""
    global _hung
    with _hanging:
        while _hung < len(declared):
            hang(declared[_hung])
            _hung += 1


hang_declared()

# ---------------------------------------------------------------------------------------------- operators


def _operator(function: Callable, reflected: bool = False) -> Callable:
    if reflected:

        def operator(self: Tensor, other: Any) -> Any:
            return function(other, self) if cast.is_scalar(other) or isinstance(other, Tensor) else NotImplemented
    else:

        def operator(self: Tensor, other: Any) -> Any:
            if isinstance(other, Tensor) or cast.is_scalar(other):
                return function(self, other)
            return NotImplemented

    return operator


def _arithmetic(function: Callable, operation: type) -> Callable:
    """An operator that goes straight to its operation when nothing needs promoting: the shortest way for the host."""
    apply = operation.apply  # type: ignore[attr-defined]

    def operator(self: Tensor, other: Any) -> Any:
        if isinstance(other, Tensor):
            a, b = self._array, other._array
            dtype = a.dtype
            if dtype is b.dtype and dtype.kind == "f" and a.shape == b.shape and self.device is other.device:
                return apply(self, other)
        elif other.__class__ is float:
            if self._array.dtype.kind == "f":
                return apply(self, other)
        elif not cast.is_scalar(other):
            return NotImplemented
        return function(self, other)

    return operator


_OPERATORS = {
    "add": elementwise.add, "sub": elementwise.sub, "mul": elementwise.mul, "truediv": elementwise.div,
    "floordiv": elementwise.floor_divide, "mod": elementwise.remainder, "pow": elementwise.pow,
    "and": elementwise.bitwise_and, "or": elementwise.bitwise_or, "xor": elementwise.bitwise_xor,
    "lshift": elementwise_composed.bitwise_left_shift, "rshift": elementwise_composed.bitwise_right_shift,
}  # fmt: skip
_STRAIGHT = {"add": elementwise.Add, "sub": elementwise.Sub, "mul": elementwise.Mul, "truediv": elementwise.Div}
_INPLACE_OPERATORS = {
    "add": "add_", "sub": "sub_", "mul": "mul_", "truediv": "div_", "floordiv": "floor_divide_", "mod": "remainder_",
    "pow": "pow_", "and": "bitwise_and_", "or": "bitwise_or_", "xor": "bitwise_xor_", "lshift": "bitwise_left_shift_",
    "rshift": "bitwise_right_shift_",
}  # fmt: skip
for _name, _function in _OPERATORS.items():
    _straight = _STRAIGHT.get(_name)
    setattr(Tensor, f"__{_name}__", _arithmetic(_function, _straight) if _straight else _operator(_function))
    setattr(Tensor, f"__r{_name}__", _operator(_function, reflected=True))
for _name, _method in _INPLACE_OPERATORS.items():
    setattr(Tensor, f"__i{_name}__", _operator(getattr(Tensor, _method)))


def _divided(self: Tensor, other: Any) -> Any:
    """other / self. As in PyTorch an array too can be divided, though nothing else can be done to one that is left."""
    if isinstance(other, np.ndarray):
        return unary.reciprocal(self) * other
    return elementwise.div(other, self) if cast.is_scalar(other) else NotImplemented


Tensor.__rtruediv__ = _divided  # type: ignore[assignment, method-assign]
for _name in ("lt", "le", "gt", "ge"):
    setattr(Tensor, f"__{_name}__", _operator(getattr(elementwise, _name)))


def _equality(function: Callable) -> Callable:
    """Of an array too: left to NumPy, which leaves it to us, the answer would be whether they are one object."""
    operator = _operator(function)

    def compare(self: Tensor, other: Any) -> Any:
        if isinstance(other, np.ndarray) and other.dtype.kind in "buifcV":
            other = creation.from_numpy(other)
        return operator(self, other)

    return compare


def _matmul(self: Tensor, other: Any) -> Any:
    return matmul.matmul(self, other) if isinstance(other, Tensor) else NotImplemented


def _itself(self: Tensor) -> Tensor:
    if self._array.dtype.kind == "b":
        raise RuntimeError("The `+` operator, on a bool tensor is not supported.")
    return self


for _name, _function in {
    "eq": _equality(elementwise.eq), "ne": _equality(elementwise.ne), "matmul": _matmul, "neg": elementwise.neg,
    "pos": _itself, "abs": unary.abs, "invert": unary.bitwise_not, "getitem": index.getitem, "setitem": index.setitem,
}.items():  # fmt: skip
    setattr(Tensor, f"__{_name}__", _function)

# ------------------------------------------------------------------------------------------- what Python and NumPy ask


def _only(self: Tensor) -> Any:
    if self._array.size != 1:
        raise ValueError("only one element tensors can be converted to Python scalars")
    return conversion.item(self)


def _float(self: Tensor) -> float:
    return float(_real("float", _only(self)))


def _int(self: Tensor) -> int:
    return int(_real("int", _only(self)))


def _real(kind: str, value: Any) -> Any:
    if isinstance(value, complex):
        if value.imag:
            raise RuntimeError(f"value cannot be converted to type {kind} without overflow: {value} is complex")
        return value.real
    return value


def _complex(self: Tensor) -> complex:
    return complex(_only(self))


def _as_array(self: Tensor, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
    array = conversion.numpy(self)
    return array if dtype is None else array.astype(dtype, copy=False)


def _wrap_array(self: Tensor, array: np.ndarray, context: Any = None, return_scalar: bool = False) -> Tensor:
    """What NumPy computed of a tensor and an array, `tensor + array`, is a tensor: of NumPy's dtype, without
    history."""
    return creation.from_numpy(np.asarray(array))


def _bool(self: Tensor) -> bool:
    if self._array.size != 1:
        if self._array.size == 0:
            raise RuntimeError("Boolean value of Tensor with no values is ambiguous")
        raise RuntimeError(
            "Boolean value of Tensor with more than one value is ambiguous. Use .any() or .all(), or compare shapes."
        )
    return bool(conversion.item(self))


def _index(self: Tensor) -> int:
    if self._array.size != 1 or self._array.dtype.kind not in "iub":
        raise TypeError("only integer tensors of a single element can be converted to an index")
    return int(conversion.item(self))


def _len(self: Tensor) -> int:
    if self.ndim == 0:
        raise TypeError("len() of a 0-d tensor")
    return self._array.shape[0]


def _iterate(self: Tensor) -> Iterator[Tensor]:
    if self.ndim == 0:
        raise TypeError("iteration over a 0-d tensor")
    return iter(pieces.unbind(self))


def _contains(self: Tensor, element: Any) -> bool:
    return bool((self == element).any())


def _format(self: Tensor, spec: str) -> str:
    if self.ndim == 0:
        return format(conversion.item(self), spec)
    return format(str(self), spec)


def _deepcopy(self: Tensor, memo: dict) -> Tensor:
    if not self.is_leaf:
        raise RuntimeError(
            "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the moment. "
            "Use x.detach().clone() to copy the values, or x.clone() to keep the history."
        )
    duplicate = type(self).__new__(type(self))
    duplicate._array = pickling.copied(self, memo)
    duplicate.device = self.device
    memo[id(self)] = duplicate
    vars(duplicate).update(copy.deepcopy(pickling.attributes(self), memo))
    if edge_of(self) is not None:
        duplicate._edge = (AccumulateGrad(duplicate), 0)
    if self._grad is not None:
        duplicate._grad = copy.deepcopy(self._grad.detach(), memo)
    return duplicate


for _name, _function in {
    "array": _as_array, "array_wrap": _wrap_array, "bool": _bool, "float": _float, "int": _int, "complex": _complex,
    "index": _index, "len": _len, "iter": _iterate, "contains": _contains, "format": _format, "repr": represent,
    "deepcopy": _deepcopy, "copy": pickling.shallow, "reduce_ex": pickling.reduce, "init": creation.initialise,
}.items():  # fmt: skip
    setattr(Tensor, f"__{_name}__", _function)

# ---------------------------------------------------------------------------------------------- dtypes by name


def _caster(dtype: DType) -> Callable[[Tensor], Tensor]:
    def convert(self: Tensor) -> Tensor:
        return cast.cast(self, dtype)

    convert.__doc__ = f"Return the tensor in {dtype.name}."
    return convert


for _name, _dtype in {
    "float": dtypes.float32, "double": dtypes.float64, "half": dtypes.float16, "bfloat16": dtypes.bfloat16,
    "long": dtypes.int64, "int": dtypes.int32, "short": dtypes.int16, "char": dtypes.int8, "byte": dtypes.uint8,
    "bool": dtypes.bool, "cfloat": dtypes.complex64, "cdouble": dtypes.complex128,
}.items():  # fmt: skip
    setattr(Tensor, _name, _caster(_dtype))


# ---------------------------------------------------------------------------------------------- new tensors alike


def _like(function: Callable) -> Callable:
    call = front(function)

    def new(
        self: Tensor,
        *size: Any,
        dtype: Any = None,
        device: Any = None,
        requires_grad: bool = False,
        **named: Any,
    ) -> Tensor:
        place = {"dtype": dtype or self.dtype, "device": device or self.device, "requires_grad": requires_grad}
        return call(*size, **place, **named)

    new.__doc__ = f"`{function.__name__}` with this tensor's dtype and device."
    return new


for _function in (creation.zeros, creation.ones, creation.empty, creation.full, creation.tensor):
    _name = f"new_{_function.__name__}"
    setattr(Tensor, _name, Behind(_name, partial(_like, _function)))
