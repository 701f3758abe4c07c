"""``torch.testing.assert_close``: tensors, numbers and what holds them compared, with a message that says where."""

from __future__ import annotations

import numbers
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

import autograd_gpu as ag
from autograd_gpu import Tensor

# dtype: relative and absolute tolerance; what is no floating point dtype has none.
TOLERANCES = {"float16": (1e-3, 1e-5), "bfloat16": (1.6e-2, 1e-5), "float32": (1.3e-6, 1e-5), "float64": (1e-7, 1e-7)}
TOLERANCES |= {"complex64": TOLERANCES["float32"], "complex128": TOLERANCES["float64"]}

Message = str | Callable[[str], str] | None


def assert_close(
    actual: Any,
    expected: Any,
    *,
    allow_subclasses: bool = True,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_device: bool = True,
    check_dtype: bool = True,
    check_layout: bool = True,
    check_stride: bool = False,
    msg: Message = None,
) -> None:
    """Raise AssertionError unless |actual - expected| <= atol + rtol * |expected| everywhere, and all else is alike.

    Tensors, arrays, numbers, None, and sequences and mappings of them are compared. The tolerances are given both or
    neither, which takes those of the dtype. ``msg`` replaces the message, or is called with it.
    """
    if (rtol is None) != (atol is None):
        missing = "rtol" if rtol is None else "atol"
        raise ValueError(f"rtol and atol must both be specified or both be unspecified, but got no {missing}.")
    _Comparison(
        allow_subclasses, rtol, atol, equal_nan, check_device, check_dtype, check_layout, check_stride, msg
    ).compare(actual, expected, ())  # fmt: skip


def assert_allclose(
    actual: Any,
    expected: Any,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = True,
    msg: str = "",
) -> None:
    """Compare as `assert_close` does, without a look at device and dtype: its older form."""
    kinds = (Tensor, np.ndarray)
    actual, expected = (x if isinstance(x, kinds) else ag.tensor(x) for x in (actual, expected))
    if rtol is None and atol is None:
        pairs = [TOLERANCES.get(_name(x.dtype), (0.0, 0.0)) for x in (ag.as_tensor(actual), ag.as_tensor(expected))]
        rtol, atol = max(pair[0] for pair in pairs), max(pair[1] for pair in pairs)
    assert_close(
        actual, expected, rtol=rtol, atol=atol, equal_nan=equal_nan, check_device=True, check_dtype=False,
        check_stride=False, msg=msg or None,
    )  # fmt: skip


def _name(dtype: Any) -> str:
    return str(dtype).rpartition(".")[2]


class _Comparison:
    def __init__(
        self, allow_subclasses: bool, rtol: float | None, atol: float | None, equal_nan: bool, device: bool,
        dtype: bool, layout: bool, stride: bool, msg: Message,
    ) -> None:  # fmt: skip
        self.allow_subclasses, self.rtol, self.atol, self.equal_nan = allow_subclasses, rtol, atol, equal_nan
        self.alike = [name for name, asked in (("device", device), ("dtype", dtype), ("layout", layout)) if asked]
        self.stride, self.msg = stride, msg

    def fail(self, message: str, path: tuple, kind: type[Exception] = AssertionError) -> None:
        if path:
            message += f"\n\nThe failure occurred for item {''.join(f'[{key!r}]' for key in path)}"
        if self.msg is not None:
            message = self.msg(message) if callable(self.msg) else self.msg
        raise kind(message)

    def compare(self, actual: Any, expected: Any, path: tuple) -> None:
        both = (actual, expected)
        if all(isinstance(x, Sequence) and not isinstance(x, str) for x in both):
            if len(actual) != len(expected):
                self.fail(f"The length of the sequences mismatch: {len(actual)} != {len(expected)}", path)
            for index, pair in enumerate(zip(actual, expected)):
                self.compare(*pair, (*path, index))
        elif all(isinstance(x, Mapping) for x in both):
            self._compare_keys(actual, expected, path)
            for key in sorted(actual, key=str):
                self.compare(actual[key], expected[key], (*path, key))
        elif actual is None and expected is None:
            return
        elif None in tuple(x for x in both if not isinstance(x, (Tensor, np.ndarray))):
            self.fail(f"None mismatch: {actual} is not {expected}", path)
        elif all(isinstance(x, (bool, np.bool_)) for x in both):
            if bool(actual) is not bool(expected):
                self.fail(f"Booleans mismatch: {actual} is not {expected}", path)
        elif all(isinstance(x, numbers.Number) for x in both):
            self._compare_numbers(actual, expected, path)
        elif self._are_tensors(actual, expected):
            self._compare_tensors(ag.as_tensor(actual), ag.as_tensor(expected), path)
        else:
            self.fail(
                f"No comparison pair was able to handle inputs of type {type(actual)} and {type(expected)}.",
                path,
                TypeError,
            )

    def _are_tensors(self, actual: Any, expected: Any) -> bool:
        if not (isinstance(actual, type(expected)) or isinstance(expected, type(actual))):
            return False
        if not self.allow_subclasses and type(actual) is not type(expected):
            return False
        return all(isinstance(x, (Tensor, np.ndarray, np.generic)) for x in (actual, expected))

    def _compare_keys(self, actual: Mapping, expected: Mapping, path: tuple) -> None:
        missing, additional = expected.keys() - actual.keys(), actual.keys() - expected.keys()
        if missing or additional:
            self.fail(
                "The keys of the mappings do not match:\n"
                f"Missing keys in the actual mapping: {sorted(missing)}\n"
                f"Additional keys in the actual mapping: {sorted(additional)}",
                path,
            )

    def _tolerances(self, *names: str) -> tuple[float, float]:
        if self.rtol is not None and self.atol is not None:
            return self.rtol, self.atol
        found = [TOLERANCES.get(name, (0.0, 0.0)) for name in names]
        return max(pair[0] for pair in found), max(pair[1] for pair in found)

    def _compare_numbers(self, actual: Any, expected: Any, path: tuple) -> None:
        kinds = {bool: "bool", int: "int64", float: "float64", complex: "complex128"}
        rtol, atol = self._tolerances(*(kinds.get(type(x), "float64") for x in (actual, expected)))
        if "dtype" in self.alike and type(actual) is not type(expected):
            self.fail(f"The (d)types do not match: {type(actual)} != {type(expected)}.", path)
        difference = abs(actual - expected)
        bound = atol + rtol * abs(expected)
        both_nan = self.equal_nan and actual != actual and expected != expected
        if actual == expected or both_nan or (np.isfinite(difference) and difference <= bound):
            return
        lines = [f"Expected {expected} but got {actual}."]
        if rtol == atol == 0:
            lines = ["Scalars are not equal!", "", *lines]
        else:
            lines = ["Scalars are not close!", "", *lines]
        relative = difference / abs(expected) if expected else float("inf")
        lines += [f"Absolute difference: {difference}{_allowed(atol, rtol)}"]
        lines += [f"Relative difference: {relative}{_allowed(rtol, atol)}"]
        self.fail("\n".join(lines), path)

    def _compare_tensors(self, actual: Tensor, expected: Tensor, path: tuple) -> None:
        for name in ("shape", *self.alike):
            values = [getattr(x, name) for x in (actual, expected)]
            if values[0] != values[1]:
                self.fail(f"The values for attribute '{name}' do not match: {values[0]} != {values[1]}.", path)
        if self.stride and actual.stride() != expected.stride():
            self.fail(
                f"The values for attribute 'stride()' do not match: {actual.stride()} != {expected.stride()}.", path
            )
        rtol, atol = self._tolerances(_name(actual.dtype), _name(expected.dtype))
        x, y = (_numbers(tensor) for tensor in (actual, expected))
        if x.dtype.kind in "iub" and y.dtype.kind in "iub":
            x, y = x.astype(np.int64), y.astype(np.int64)
        with np.errstate(all="ignore"):
            close = (x == y) | (np.isfinite(x) & np.isfinite(y) & (np.abs(x - y) <= atol + rtol * np.abs(y)))
            if self.equal_nan:
                close |= (x != x) & (y != y)
            if close.all():
                return
            difference = np.where(close, 0, np.abs(x - y))
            relative = np.where(close, 0, difference / np.abs(y))
        count = int((~close).sum())
        lines = [f"Tensor-likes are not {'equal' if rtol == atol == 0 else 'close'}!", ""]
        if not close.ndim:  # PyTorch counts nothing where there is one element
            lines = [
                f"Scalars are not {'equal' if rtol == atol == 0 else 'close'}!", "",
                f"Expected {y.item()} but got {x.item()}.",
                f"Absolute difference: {difference.item()}{_allowed(atol, rtol)}",
                f"Relative difference: {relative.item()}{_allowed(rtol, atol)}",
            ]  # fmt: skip
        else:
            lines.append(f"Mismatched elements: {count} / {close.size} ({count / close.size:.1%})")
            for name, found, bound, other in (
                ("absolute", difference, atol, rtol), ("relative", relative, rtol, atol),
            ):  # fmt: skip
                where = np.unravel_index(int(np.argmax(found)), found.shape)
                place = tuple(map(int, where))
                lines.append(f"Greatest {name} difference: {found[where]} at index {place}{_allowed(bound, other)}")
        self.fail("\n".join(lines), path)


def _allowed(bound: float, other: float) -> str:
    return "" if bound == other == 0 else f" (up to {bound} allowed)"


def _numbers(tensor: Tensor) -> np.ndarray:
    """Return the values in the dtype that PyTorch would compare them in."""
    array = np.asarray(tensor.detach().cpu().numpy())
    return array if array.dtype.kind in "fciub" else array.astype(np.float32)
