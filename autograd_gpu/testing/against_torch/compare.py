"""What differs between two outcomes of one call, and how much may.

Values are close when they differ by a few roundings of their dtype; where they do not, PyTorch's own float64 of the
same arguments decides: whoever is nearer to it is right.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..op_case import numpy_dtype
from .outcome import Leaf, Outcome, Raised

TOLERANCE = {"float64": 1e-9, "float32": 2e-5, "float16": 5e-3, "bfloat16": 4e-2}

# Where PyTorch's message has the first, ours has the second: what a user would search for.
KEY_WORDS = [
    (
        r"The size of tensor a \((\d+)\) must match the size of tensor b \((\d+)\) at non-singleton dimension (\d+)",
        None,
    ),
    (r"mat1 and mat2 shapes cannot be multiplied \([^)]*\)", None),
    (r"Dimension out of range", None),
    (r"must be Tensor, not \w+", None),
    (r"unexpected keyword argument", None),
    (r"leaf Variable that requires grad", None),
    (r"index \S+ is out of bounds for dimension \d+ with size \d+", None),
    (r"index out of range", "index out of range|out of bounds|out of range"),
    (r"ambiguous", None),
    (r"can only be created|can't be cast to|cannot be cast", None),
    (r"same number of dimensions|must be the same|must match", "same|match|expected|must|differ|size"),
    (r"expected .* to be", "expected|must|should|Expected"),
]
# What is ours or NumPy's inside.
INNER = re.compile(
    r"_array\b|_backend\b|NoneType' object|object has no attribute|operands could not|ufunc|could not be "
    r"broadcast|numpy\."
    r"|setting an array element|not subscriptable|not iterable|unsupported operand|np\.|ndarray\b(?!s?\b.*must "
    r"be)|axis "
    r"|local variable|list index|tuple index|not callable|cannot unpack|unpack|slice indices|_apply|NotImplementedType"
)


@dataclass(frozen=True)
class Difference:
    kind: str
    ours: str
    theirs: str


def differences(ours: Outcome, theirs: Outcome, truth: Callable[[], Outcome], values: bool = True) -> list[Difference]:
    """The first difference of two outcomes of a call, or none; truth() is PyTorch's outcome in float64."""
    for phase, expected in theirs.phases.items():
        found = ours.phases.get(phase)
        difference = _compared(found, expected, phase, lambda phase=phase: truth().phases.get(phase), values)
        if difference:
            return [difference]
        if isinstance(expected, Raised) or isinstance(found, Raised):
            break
    return []


def _compared(found: Any, expected: Any, phase: str, truth: Callable[[], Any], values: bool) -> Difference | None:
    ours, theirs = brief(found), brief(expected)
    if isinstance(expected, Raised) and isinstance(found, Raised):
        if not _same_type(found.type, expected.type):
            return Difference(f"{phase}: exception type", ours, theirs)
        if INNER.search(found.message) and not INNER.search(expected.message):
            return Difference(f"{phase}: inner words", ours, theirs)
        for theirs_has, ours_needs in KEY_WORDS:
            match = re.search(theirs_has, expected.message)
            if match and not re.search(ours_needs or re.escape(match[0]), found.message):
                return Difference(f"{phase}: key words", ours, theirs)
        return None
    if isinstance(found, Raised):
        return Difference(f"{phase}: raises", ours, theirs)
    if isinstance(expected, Raised):
        return Difference(f"{phase}: is given, PyTorch raises", ours, theirs)
    what = _unlike(found, expected, values)
    if what in ("values", "float64 decides"):
        right = truth()
        if not isinstance(right, Raised) and _nearer(found, expected, right):
            return Difference(f"{phase}: nearer to PyTorch's float64", ours, theirs)
    return Difference(f"{phase}: {what}", ours, theirs) if what else None


def _same_type(found: type, expected: type) -> bool:
    names = {base.__name__ for base in found.__mro__}
    return expected.__name__ in names or (expected.__name__ == "_LinAlgError" and "LinAlgError" in names)


def _unlike(found: Any, expected: Any, values: bool) -> str | None:
    if isinstance(expected, Leaf) and isinstance(found, Leaf):
        if found.dtype != expected.dtype:
            return "dtype"
        if found.shape != expected.shape:
            return "shape"
        if found.requires_grad != expected.requires_grad:
            return "requires_grad"
        return "values" if values and not close(found.values, expected.values, expected.dtype) else None
    if isinstance(expected, (list, tuple)) and isinstance(found, (list, tuple)):
        if len(found) != len(expected):
            return "length"
        return next(filter(None, (_unlike(a, b, values) for a, b in zip(found, expected))), None)
    if isinstance(expected, (int, float)) and isinstance(found, (int, float)) and type(found) is type(expected):
        same = close(np.asarray(float(found)), np.asarray(float(expected)), "float32")
        return None if same or not values else "values"
    return None if found == expected and type(found) is type(expected) else "type"


def close(found: np.ndarray, expected: np.ndarray, dtype: str) -> bool:
    """A few roundings apart, relative to each element and, less so, to the largest; NaN with NaN, infinity with
    itself."""
    if dtype not in TOLERANCE:
        return bool(np.array_equal(found, expected))
    limit = TOLERANCE[dtype]
    with np.errstate(all="ignore"):
        finite = np.abs(expected[np.isfinite(expected)])
        scale = np.minimum(finite.max() if finite.size else 0.0, 1e3)
        error = np.abs(found - expected) <= limit * np.abs(expected) + 1e-3 * limit * scale + _smallest(dtype)
        good = (found == expected) | (np.isnan(found) & np.isnan(expected)) | (error & np.isfinite(expected))
    return bool(good.all())


def _smallest(dtype: str) -> float:
    return {"float64": 1e-300, "float32": 1e-36, "float16": 6e-7, "bfloat16": 1e-36}.get(dtype, 0)


def _nearer(found: Any, expected: Any, right: Any) -> bool:
    """Whether each tensor of ours is close to float64's, or no farther from it than twice PyTorch's."""
    if isinstance(expected, Leaf):
        if not isinstance(right, Leaf) or right.shape != expected.shape:
            return False
        with np.errstate(all="ignore"):
            target = np.asarray(right.values).astype(numpy_dtype(expected.dtype)).astype(np.float64)
            if close(found.values, target, expected.dtype):
                return True
            off, theirs = np.abs(found.values - target), np.abs(expected.values - target)
            alike = (found.values == target) | (np.isnan(found.values) & np.isnan(target)) | (off <= 2 * theirs)
            alike |= (found.values == expected.values) | (np.isnan(found.values) & np.isnan(expected.values))
            room = TOLERANCE.get(expected.dtype, 0) * np.abs(target) + _smallest(expected.dtype)
            return bool((alike | (off <= room)).all())
    if isinstance(expected, (list, tuple)) and isinstance(right, (list, tuple)) and len(right) == len(expected):
        return all(_nearer(a, b, c) for a, b, c in zip(found, expected, right))
    if isinstance(expected, float) and isinstance(right, float):
        return close(np.asarray(found), np.asarray(right), "float32")
    return found == expected


def brief(value: Any) -> str:
    """An outcome in half a line."""
    if isinstance(value, Raised):
        return f"{value.type.__name__}: {value.message.strip().splitlines()[0] if value.message.strip() else ''}"[:300]
    if isinstance(value, Leaf):
        shown = np.array2string(value.values.reshape(-1)[:12], precision=6, threshold=12, max_line_width=10_000)
        return f"{value.dtype}{list(value.shape)}{'*' if value.requires_grad else ''} {shown}"
    if isinstance(value, list):
        return "[" + "; ".join(map(brief, value)) + "]"
    return repr(value)
