"""Nested sequences of numbers, NumPy values and tensors as one array: which dtype, which shape, which numbers.

The rules are PyTorch's: every leaf has a say in the dtype, arrays are sequences, and a tensor is one number.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import dtypes
from ..dtypes import DType
from ..tensor import Tensor

_PLAIN = frozenset((bool, int, float, complex))


def is_sequence(data: Any) -> bool:
    """Whether data is read element by element: a list, a tuple, a range, but no string."""
    return isinstance(data, Sequence) and not isinstance(data, (str, bytes))


def array_of(data: Sequence, dtype: DType | None) -> np.ndarray:
    """Return nested sequences as an array of `dtype`, or of the dtype that their leaves have together.

    ValueError when they differ in length, RuntimeError for a number that the dtype does not hold, TypeError for what is
    no number.
    """
    wanted = None if dtype is None else dtypes.as_dtype(dtype)
    if _leaf_types(data) <= _PLAIN:
        array = _as_numpy(data, wanted)
        found = dtypes.of_scalar(array.dtype.type()) if array.size else dtypes.get_default_dtype()
    else:
        found = _dtype_of(data) or dtypes.get_default_dtype()
        array = _as_numpy(_numbers(data), wanted)
    wanted = wanted or found
    if array.dtype.kind == "c" and not wanted.is_complex:
        raise TypeError(f"must be real number, not complex: {wanted} holds no imaginary parts")
    _check_range(array, wanted)
    return np.array(array, dtype=wanted.numpy, order="C")


def _leaf_types(data: Any) -> set[type]:
    """The types of what the innermost sequences hold; an array or a tensor counts as a leaf."""
    kinds = set(map(type, data))
    for kind in tuple(kinds):
        if issubclass(kind, Sequence) and not issubclass(kind, (str, bytes)):
            kinds.discard(kind)
            kinds.update(*(_leaf_types(part) for part in data if type(part) is kind))
    return kinds


def _dtype_of(data: Any) -> DType | None:
    """The dtype that all leaves have together; None of an empty sequence."""
    if isinstance(data, Tensor):
        return data.dtype
    if isinstance(data, (np.ndarray, np.generic)):
        return dtypes.from_numpy(data.dtype)
    if not is_sequence(data):
        return dtype_of_number(data)
    result = None
    for part in data:
        dtype = _dtype_of(part)
        result = dtype if result is None or dtype is None else dtypes.promote_types(result, dtype)
    return result


def dtype_of_number(value: Any) -> DType:
    """The dtype of a Python number; TypeError or RuntimeError, in PyTorch's words, for what is none."""
    if isinstance(value, str):
        raise ValueError("too many dimensions 'str': a tensor holds numbers")
    if not isinstance(value, (bool, int, float, complex)):
        raise RuntimeError(f"Could not infer dtype of {type(value).__name__}: a tensor holds numbers")
    return dtypes.of_scalar(value)


def _numbers(data: Any) -> Any:
    """The sequences with a number in place of each tensor."""
    if isinstance(data, Tensor):
        if data._array.size != 1:
            raise TypeError(
                f"only integer tensors of a single element can be converted to an index: among the data is a tensor of "
                f"shape {list(data.shape)}. Put tensors together with torch.stack() or torch.cat()."
            )
        return data.item()
    if isinstance(data, np.ndarray):
        if data.ndim == 0:
            raise TypeError("len() of unsized object: among the data is an array without dimensions. Use array.item().")
        return data
    return [_numbers(part) for part in data] if is_sequence(data) else data


def _as_numpy(data: Any, wanted: DType | None) -> np.ndarray:
    try:
        array = np.asarray(data)
    except ValueError:
        raise _ragged(data, 0) or ValueError(f"the nested sequences differ in length: {data!r}") from None
    if array.dtype.kind == "O" or array.dtype == np.uint64:  # integers beyond int64
        if wanted is not None and wanted.kind != dtypes.INTEGRAL:
            return array.astype(np.float64)
        raise ValueError("Overflow when unpacking long long: an integer is beyond 64 bits. Write it as a float.")
    return array


def _ragged(data: Any, dim: int, length: int | None = None) -> Exception | None:
    """The error that says where nested sequences differ in length; None when they do not."""
    if not (is_sequence(data) or isinstance(data, np.ndarray)):
        if length is None:
            return None
        return TypeError(f"not a sequence: expected one of length {length} at dim {dim}, but got {data!r}")
    if dim and length is None:
        return TypeError(f"'{type(data).__name__}' object cannot be interpreted as a number, expected at dim {dim - 1}")
    if length is not None and len(data) != length:
        return ValueError(f"expected sequence of length {length} at dim {dim} (got {len(data)})")
    inner = len(data[0]) if len(data) and (is_sequence(data[0]) or isinstance(data[0], np.ndarray)) else None
    return next((found for part in data if (found := _ragged(part, dim + 1, inner))), None)


def _check_range(array: np.ndarray, dtype: DType) -> None:
    """Raise when `dtype` is an integer one that does not hold a number of the array."""
    if dtype.kind != dtypes.INTEGRAL or array.size == 0 or array.dtype == dtype.numpy:
        return
    if array.dtype.kind == "V":
        array = array.astype(np.float32)
    for value in (array.min(), array.max()):  # NaN is both
        dtypes.fitting(value.item(), dtype)
