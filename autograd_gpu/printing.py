"""How a tensor prints: PyTorch's format. Works on the host copy of what is shown; decides no values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from . import dtypes
from .tensor import Tensor, wrap

_options: dict[str, Any] = {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80, "sci_mode": None}


def set_printoptions(
    precision: int | None = None,
    threshold: int | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Set how tensors print; see PyTorch's function of the same name."""
    profiles: dict[str, dict[str, Any]] = {
        "default": {"precision": 4, "threshold": 1000, "edgeitems": 3, "linewidth": 80},
        "short": {"precision": 2, "threshold": 1000, "edgeitems": 2, "linewidth": 80},
        "full": {"precision": 4, "threshold": math.inf, "edgeitems": 3, "linewidth": 80},
    }
    if profile is not None:
        _options.update(profiles[profile])
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    _options.update({name: value for name, value in given.items() if value is not None})
    _options["sci_mode"] = sci_mode


class _Formatter:
    """Chooses between integer-like, fixed and scientific notation, and a width that all elements share."""

    def __init__(self, shown: np.ndarray) -> None:
        self.is_float = shown.dtype.kind == "f"
        self.integral = self.scientific = False
        self.width = 1
        if not self.is_float:
            self.width = max((len(str(value)) for value in shown.reshape(-1).tolist()), default=1)
            return
        finite = shown[np.isfinite(shown) & (shown != 0)].astype(np.float64)
        if finite.size == 0:  # zeros, infinities and NaN print with the fewest places
            self.integral = True
            return
        magnitude = np.abs(finite)
        largest, smallest = magnitude.max(), magnitude.min()
        self.integral = bool((finite == np.ceil(finite)).all())
        if self.integral:
            self.scientific = largest / smallest > 1000.0 or largest > 1.0e8
        else:
            self.scientific = largest / smallest > 1000.0 or largest > 1.0e8 or smallest < 1.0e-4
        if _options["sci_mode"] is not None:
            self.scientific = bool(_options["sci_mode"])
        self.width = max(len(self._text(value)) for value in finite.tolist())

    def _text(self, value: Any) -> str:
        if not self.is_float:
            return str(value)
        if self.scientific:
            return f"{value:.{_options['precision']}e}"
        if not math.isfinite(value):
            return str(value)
        if self.integral:
            return f"{value:.0f}."
        return f"{value:.{_options['precision']}f}"

    def __call__(self, value: Any) -> str:
        return self._text(value).rjust(self.width)


class _ComplexFormatter:
    """Of the parts, each as of an array of its own."""

    def __init__(self, shown: np.ndarray) -> None:
        self.real, self.imag = _Formatter(shown.real), _Formatter(shown.imag)
        self.width = self.real.width + self.imag.width + 1

    def __call__(self, value: complex) -> str:
        imag = self.imag(value.imag).lstrip()
        return f"{self.real(value.real)}{'' if imag[0] in '+-' else '+'}{imag}j"


def _summary(array: np.ndarray) -> np.ndarray:
    """The corners of a large array: what will be shown of it."""
    edge = int(_options["edgeitems"])
    for dim, size in enumerate(array.shape):
        if size > 2 * edge:
            array = np.concatenate((array.take(range(edge), dim), array.take(range(size - edge, size), dim)), dim)
    return array


def _lines(array: np.ndarray, indent: int, summarize: bool, formatter: _Formatter | _ComplexFormatter) -> str:
    edge = int(_options["edgeitems"])
    if array.ndim == 0:
        return formatter(array.item())
    cut = summarize and array.shape[0] > 2 * edge
    if array.ndim == 1:
        per_line = max(1, int((_options["linewidth"] - indent) / (formatter.width + 2)))
        values = array.tolist()
        words = [formatter(v) for v in values[:edge]] + [" ..."] + [formatter(v) for v in values[-edge:]] if cut else [
            formatter(v) for v in values
        ]  # fmt: skip
        rows = [words[i : i + per_line] for i in range(0, len(words), per_line)] or [[]]
        return "[" + (",\n" + " " * (indent + 1)).join(", ".join(row) for row in rows) + "]"
    parts = [array[i] for i in range(edge)] + [None] + [array[i] for i in range(-edge, 0)] if cut else list(array)
    blocks = ["..." if part is None else _lines(part, indent + 1, summarize, formatter) for part in parts]
    return "[" + ("," + "\n" * (array.ndim - 1) + " " * (indent + 1)).join(blocks) + "]"


def _data(tensor: Tensor, indent: int) -> str:
    array = tensor.device.backend.to_numpy(tensor._array)
    if array.dtype.kind == "V" or array.dtype == np.float16:
        array = array.astype(np.float32)
    if array.size == 0:
        return "[]"
    summarize = array.size > _options["threshold"]
    shown = _summary(array) if summarize else array
    return _lines(array, indent, summarize, (_ComplexFormatter if array.dtype.kind == "c" else _Formatter)(shown))


def represent(self: Tensor) -> str:
    """Return the tensor as PyTorch prints it: values, then dtype, device and grad_fn where they are not the usual."""
    if self.device.axis is not None:  # inside vmap: the whole batch
        whole = wrap(self._array.raw, self.device.under)  # type: ignore[attr-defined]
        return f"BatchedTensor(bdim=0, value=\n    {represent(whole)}\n)"
    prefix = "tensor("
    text = _data(self, len(prefix))
    suffixes = []
    if not self.is_cpu:
        suffixes.append(f"device='{self.device}'")
    if self._array.size == 0 and self.ndim != 1:
        suffixes.append(f"size={tuple(self._array.shape)}")
    usual = (dtypes.get_default_dtype(), dtypes.get_default_dtype().to_complex(), dtypes.int64, dtypes.bool)
    if self.dtype not in usual or (self._array.size == 0 and self.dtype is not dtypes.get_default_dtype()):
        suffixes.append(f"dtype={self.dtype}")
    try:
        grad_fn = self.grad_fn
    except RuntimeError:  # one of several views whose base was written since: it has no history any more
        suffixes.append("grad_fn=<Invalid>")
        return _with_suffixes(prefix + text, suffixes, len(prefix))
    if grad_fn is not None:
        suffixes.append(f"grad_fn=<{grad_fn.name()}>")  # type: ignore[attr-defined]
    elif self.requires_grad:
        suffixes.append("requires_grad=True")
    if self._tangent is not None:
        suffixes.append(f"tangent={self._tangent}")
    return _with_suffixes(prefix + text, suffixes, len(prefix))


def _with_suffixes(text: str, suffixes: list[str], indent: int) -> str:
    """Append the suffixes, on a new line when the last one would run over the line's width."""
    last = len(text) - text.rfind("\n") + 1
    for suffix in suffixes:
        if last + len(suffix) + 2 > _options["linewidth"]:
            text += ",\n" + " " * indent + suffix
            last = indent + len(suffix)
        else:
            text += ", " + suffix
            last += len(suffix) + 2
    return text + ")"
