"""Element types and the rules by which they mix. Knows NumPy's names for them; never sees an array or a tensor."""

from __future__ import annotations

import builtins
import functools
import math
from typing import Any

import ml_dtypes
import numpy as np


class DType:
    """An element type, such as ``autograd_gpu.float32``. One object per type, so ``is`` compares."""

    __slots__ = ("name", "numpy", "kind", "itemsize")

    def __init__(self, name: str, numpy_type: type, kind: int) -> None:
        self.name = name
        self.numpy = np.dtype(numpy_type)
        self.kind = kind  # BOOL < INTEGRAL < FLOATING < COMPLEX: a higher kind wins a promotion outright
        self.itemsize = self.numpy.itemsize

    @property
    def is_floating_point(self) -> builtins.bool:
        return self.kind == FLOATING

    @property
    def is_complex(self) -> builtins.bool:
        return self.kind == COMPLEX

    @property
    def is_inexact(self) -> builtins.bool:
        """Whether tensors of it can have gradients: floating point or complex."""
        return self.kind >= FLOATING

    def to_real(self) -> DType:
        """Return the dtype of the parts of a complex number; a real dtype itself."""
        return _REAL_OF.get(self, self)

    def to_complex(self) -> DType:
        """Return the complex dtype whose parts have this floating point one; of half types complex64."""
        return self if self.kind == COMPLEX else complex128 if self is float64 else complex64

    @property
    def is_signed(self) -> builtins.bool:
        return self not in (uint8, bool)

    def __repr__(self) -> str:
        return f"torch.{self.name}"  # the name it has in a program that imports this package as torch

    def __reduce__(self) -> tuple:
        return (named, (self.name,))


BOOL, INTEGRAL, FLOATING, COMPLEX = range(4)

bool = DType("bool", np.bool_, BOOL)
uint8 = DType("uint8", np.uint8, INTEGRAL)
int8 = DType("int8", np.int8, INTEGRAL)
int16 = DType("int16", np.int16, INTEGRAL)
int32 = DType("int32", np.int32, INTEGRAL)
int64 = DType("int64", np.int64, INTEGRAL)
float16 = DType("float16", np.float16, FLOATING)
bfloat16 = DType("bfloat16", ml_dtypes.bfloat16, FLOATING)
float32 = DType("float32", np.float32, FLOATING)
float64 = DType("float64", np.float64, FLOATING)
complex64 = DType("complex64", np.complex64, COMPLEX)
complex128 = DType("complex128", np.complex128, COMPLEX)

ALL = (bool, uint8, int8, int16, int32, int64, float16, bfloat16, float32, float64, complex64, complex128)
FLOATS = (float16, bfloat16, float32, float64)
COMPLEXES = (complex64, complex128)
_REAL_OF = {complex64: float32, complex128: float64}
# The other names of dtypes, which PyTorch's messages have.
SCALAR_TYPES = {
    "bool": "Bool", "uint8": "Byte", "int8": "Char", "int16": "Short", "int32": "Int", "int64": "Long",
    "float16": "Half", "bfloat16": "BFloat16", "float32": "Float", "float64": "Double",
    "complex64": "ComplexFloat", "complex128": "ComplexDouble",
}  # fmt: skip
_BY_NUMPY = {dtype.numpy: dtype for dtype in ALL}
_BY_NAME = {dtype.name: dtype for dtype in ALL} | {
    "half": float16, "float": float32, "double": float64, "short": int16, "int": int32, "long": int64,
    "cfloat": complex64, "cdouble": complex128,
}  # fmt: skip
_SIGNED_ORDER = (int8, int16, int32, int64)

_default = float32


def named(name: str) -> DType:
    """Return the dtype with a given name, such as ``"float32"``."""
    return _BY_NAME[name]


def from_numpy(numpy_dtype: np.dtype) -> DType:
    """Return the DType of a NumPy dtype; TypeError for one that tensors cannot hold."""
    try:
        return _BY_NUMPY[numpy_dtype]
    except KeyError:
        native = numpy_dtype.newbyteorder("=")
        if native in _BY_NUMPY:
            return _BY_NUMPY[native]
        supported = ", ".join(dtype.name for dtype in ALL)
        raise TypeError(
            f"can't convert np.ndarray of type {numpy_dtype}. The only supported types are: {supported}."
        ) from None


def as_dtype(dtype: object) -> DType:
    """Return a DType for a DType, a NumPy dtype, or Python's ``float``, ``complex``, ``int`` or ``bool``."""
    if isinstance(dtype, DType):
        return dtype
    if dtype is float:
        return float64
    if dtype is complex:
        return complex128
    if dtype is int:
        return int64
    if dtype is builtins.bool:
        return bool
    try:
        return from_numpy(np.dtype(dtype))  # type: ignore[call-overload]
    except TypeError:
        raise TypeError(f"dtype: expected a dtype such as torch.float32, but got {dtype!r}") from None


def can_cast(from_: DType, to: DType) -> builtins.bool:
    """Return whether promotion would allow the cast: to the same kind or one after it: bool, int, float, complex."""
    return from_.kind <= to.kind


def promote_types(a: DType, b: DType) -> DType:
    """Return the smallest dtype that both can be cast to without loss of kind, by PyTorch's table."""
    if a is b:
        return a
    if a.kind != b.kind:
        higher, lower = (a, b) if a.kind > b.kind else (b, a)
        return complex128 if higher.kind == COMPLEX and lower is float64 else higher
    if a.kind >= FLOATING:
        if {a, b} == {float16, bfloat16}:
            return float32
        return a if a.itemsize > b.itemsize else b
    if uint8 in (a, b):  # unsigned with signed: the next wider signed type that holds both
        signed = b if a is uint8 else a
        return int16 if signed is int8 else signed
    return _SIGNED_ORDER[max(_SIGNED_ORDER.index(a), _SIGNED_ORDER.index(b))]


def of_scalar(value: object) -> DType:
    """Return the dtype a Python number has on its own."""
    if isinstance(value, (builtins.bool, np.bool_)):
        return bool
    if isinstance(value, (int, np.integer)):
        return int64
    if isinstance(value, (float, np.floating)):
        return _default
    if isinstance(value, (complex, np.complexfloating)):
        return _default.to_complex()
    raise TypeError(f"expected a number, but got {type(value).__name__}")


_IN_C = {
    "int8": "int8_t", "uint8": "uint8_t", "int16": "int16_t", "int32": "int", "int64": "int64_t",
    "float16": "c10::Half", "bfloat16": "c10::BFloat16", "float32": "float", "float64": "double",
    "complex64": "c10::complex<float>", "complex128": "c10::complex<double>",
}  # fmt: skip


Number = builtins.bool | int | float | complex


def rounded(value: float, dtype: DType) -> float:
    """Return a number as a floating dtype holds it: the nearest; too large becomes infinite."""
    with np.errstate(over="ignore"):
        return float(np.asarray(value, np.float64 if dtype is float64 else np.float32).astype(dtype.numpy))


def fitting(value: Number, dtype: DType) -> Any:
    """Return a number as one that `dtype` holds, up to rounding; PyTorch's RuntimeError when it is out of range.

    Fractions are cut off for integers. A negative int of a size that uint8 holds wraps, as it does in PyTorch. Of a
    complex number a real dtype holds only one without an imaginary part.
    """
    if isinstance(value, complex):
        if dtype.kind == COMPLEX:
            fitting(value.real, dtype.to_real()), fitting(value.imag, dtype.to_real())
            return value
        if value.imag:
            raise RuntimeError(
                f"value cannot be converted to type {_IN_C.get(dtype.name, dtype.name)} without overflow: {value} has "
                "an imaginary part"
            )
        value = value.real
    if dtype.kind == COMPLEX:
        dtype = dtype.to_real()
    if dtype.kind == BOOL:
        return builtins.bool(value)
    low, high = _range(dtype)
    if dtype.kind == FLOATING:
        if low <= value <= high or not math.isfinite(value):
            return value
    elif low <= value <= high or (low == 0 and isinstance(value, int) and -high <= value < 0):
        return int(value) % (high + 1) if low == 0 else int(value)
    raise RuntimeError(
        f"value cannot be converted to type {_IN_C[dtype.name]} without overflow: {value} is not between {low} and "
        f"{high}"
    )


def holds(value: int, dtype: DType) -> builtins.bool:
    """Return whether an integer is within the dtype's range."""
    if dtype.kind == BOOL:
        return 0 <= value <= 1
    low, high = _range(dtype)
    return low <= value <= high


def wrapped(value: int, dtype: DType) -> int:
    """Return the number that an integer dtype holds of those that differ from value by a multiple of 2^bits."""
    low, high = _range(dtype)
    return value if low <= value <= high else (value - low) % (high - low + 1) + low


@functools.cache
def _range(dtype: DType) -> tuple:
    limits = finfo(dtype) if dtype.kind == FLOATING else iinfo(dtype)
    return limits.min, limits.max


def get_default_dtype() -> DType:
    """Return the dtype that Python floats become; float32 unless ``set_default_dtype`` changed it."""
    return _default


def set_default_dtype(dtype: DType) -> None:
    """Set the dtype that Python floats become. Only floating point types are accepted."""
    global _default
    if not dtype.is_floating_point:
        raise TypeError(f"only floating-point types are supported as the default type, but got {dtype}")
    _default = dtype


class finfo:
    """Limits of a floating point dtype: ``bits eps max min tiny smallest_normal resolution``."""

    def __init__(self, dtype: DType | None = None) -> None:
        dtype = (dtype or _default).to_real()
        if not dtype.is_floating_point:
            raise TypeError(f"finfo: expected a floating point dtype, but got {dtype}. Use iinfo for integers.")
        info = ml_dtypes.finfo(dtype.numpy)
        self.dtype, self.bits = dtype.name, dtype.itemsize * 8
        self.eps, self.max, self.min = float(info.eps), float(info.max), float(info.min)
        self.tiny = self.smallest_normal = float(info.smallest_normal)
        self.resolution = float(info.resolution)

    def __repr__(self) -> str:
        return (
            f"finfo(resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, eps={self.eps:g}, "
            f"smallest_normal={self.smallest_normal:g}, tiny={self.tiny:g}, dtype={self.dtype})"
        )


class iinfo:
    """Limits of an integer dtype: ``bits max min``."""

    def __init__(self, dtype: DType) -> None:
        if dtype.kind != INTEGRAL:
            raise TypeError(f"iinfo: expected an integer dtype, but got {dtype}. Use finfo for floating point.")
        info = np.iinfo(dtype.numpy.type)  # type: ignore[type-var]
        self.dtype, self.bits = dtype.name, dtype.itemsize * 8
        self.max, self.min = int(info.max), int(info.min)

    def __repr__(self) -> str:
        return f"iinfo(min={self.min}, max={self.max}, dtype={self.dtype})"
