"""What a row of the op table is: a function's name, its meaning in NumPy, and samples of its arguments.

Knows how samples are drawn and how rows of one kind are alike; the rows are in op_rows/.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import ml_dtypes
import numpy as np

FLOATS = ("float64", "float32", "float16", "bfloat16")
INTEGERS = ("int64", "int32", "uint8")
COMPLEXES = ("complex128", "complex64")
NUMBERS = FLOATS + INTEGERS
ALL = (*NUMBERS, "bool")

_NUMPY_DTYPES = {"bfloat16": np.dtype(ml_dtypes.bfloat16)}
INF, NAN = math.inf, math.nan


def numpy_dtype(name: str) -> np.dtype:
    return _NUMPY_DTYPES.get(name) or np.dtype(name)


class Call(NamedTuple):
    """One call's arguments: arrays become tensors, floating ones take part in differentiation."""

    args: tuple[Any, ...]
    kwargs: dict[str, Any]


def call(*args: Any, **kwargs: Any) -> Call:
    return Call(args, kwargs)


class Draw:
    """Makes sample arrays in one dtype, the same ones on every run."""

    def __init__(self, dtype: str) -> None:
        self.dtype = numpy_dtype(dtype)
        self._random = np.random.default_rng(20240229)

    def __call__(self, *shape: int) -> np.ndarray:
        """Normal floats; small integers, none of them zero; bools."""
        if self.dtype.kind == "b":
            return np.asarray(self._random.random(shape) < 0.5)
        if self.dtype.kind in "iu":
            sign = 1 if self.dtype.kind == "u" else self._random.choice([-1, 1], shape)
            return np.asarray(self._random.integers(1, 7, shape) * sign).astype(self.dtype)
        return self._with_imaginary_parts(self._random.standard_normal(shape))

    def _with_imaginary_parts(self, values: Any) -> np.ndarray:
        """Values in the dtype; complex ones get small imaginary parts, away from where functions jump."""
        values = np.asarray(values)
        if self.dtype.kind == "c":
            signs = self._random.choice([-1, 1], values.shape)
            values = values + 1j * signs * self._random.uniform(0.2, 0.8, values.shape)
        return np.asarray(values).astype(self.dtype)

    def between(self, low: float, high: float, *shape: int) -> np.ndarray:
        return self._with_imaginary_parts(self._random.uniform(low, high, shape))

    def apart(self, *shape: int) -> np.ndarray:
        """No two values are nearer than 1/4, and none is within 1/8 of an integer multiple of 1/2 or of zero."""
        count = math.prod(shape)
        values = self._random.permutation(count) * 0.5 - count // 2 * 0.5 + 0.25
        return self._with_imaginary_parts(values.reshape(shape))

    def index(self, below: int, *shape: int) -> np.ndarray:
        return np.asarray(self._random.integers(0, below, shape))

    def mask(self, *shape: int) -> np.ndarray:
        return np.asarray(self._random.random(shape) < 0.6)

    def of(self, *values: Any) -> np.ndarray:
        return np.array(values).astype(self.dtype)

    @property
    def special(self) -> np.ndarray:
        """Zeros of both signs, infinities, NaN, the smallest and an outlier."""
        if self.dtype.kind == "c":
            return self.of(0, 1, -2 + 1j, 0.5j, -3)
        if self.dtype.kind != "f" and self.dtype.name != "bfloat16":
            return self.of(0, 1, 100)
        return self.of(0.0, -0.0, 1.0, -1.0, INF, -INF, NAN, ml_dtypes.finfo(self.dtype).tiny, 20.0)


Samples = Callable[[Draw], list[Call]]


@dataclass(frozen=True)
class OpCase:
    """One public function. `samples` are smooth points: derivatives are checked there by differences. `edges` are ties,
    kinks, empties and extremes: there values must be the reference's, and devices must agree on gradients."""

    name: str
    ref: Callable[..., Any]
    samples: Samples
    edges: Samples
    order: int = 2  # up to which derivatives are checked; 0 says that there are none
    dtypes: tuple[str, ...] = FLOATS
    random: bool = False
    tolerance: float = 1.0  # multiplies the dtype's own
    eps: float = 1e-6  # the step of the differences
    # The result's dtype, where it is neither the arguments' nor the reference's; "complex", where they are its parts.
    result: str | None = None
    variant: str = ""
    # Of arrays and tensors alike: what is made of the first argument before the call, where the function is for special
    # matrices only, and what of the results after it, where they are unique up to signs only.
    before: Callable[[Any], Any] | None = None
    after: Callable[..., Any] | None = None
    writes: bool = False  # the function exists in place only: it is applied to a copy of its first argument

    @property
    def id(self) -> str:
        return f"{self.name}[{self.variant}]" if self.variant else self.name


def unary(name: str, reference: Callable[..., Any], samples: Samples | None = None, **options: Any) -> OpCase:
    return OpCase(
        name,
        reference,
        samples or (lambda t: [call(t(3, 5)), call(t())]),
        lambda t: [call(t.special), call(t(0, 3)), call(t(1, 1))],
        **options,
    )


def step(name: str, reference: Callable[..., Any]) -> OpCase:
    """A function whose derivative is zero wherever it has one."""
    return unary(name, reference, lambda t: [call(t.apart(3, 5))])


def binary(name: str, reference: Callable[..., Any], samples: Samples | None = None, **options: Any) -> OpCase:
    """Broadcasting both ways, 0-d, empty against one."""
    options = {"dtypes": NUMBERS, **options}
    return OpCase(
        name,
        reference,
        samples or (lambda t: [call(t(3, 4), t(3, 4)), call(t(3, 1), t(4)), call(t(2, 3), t()), call(t(2, 3), 2)]),
        lambda t: [call(t(4, 0), t(4, 1)), call(t(1, 1), t(1)), call(t.special, t(1))],
        **options,
    )


def comparison(name: str, reference: Callable[..., Any], scalar: bool = True) -> OpCase:
    return OpCase(
        name,
        reference,
        lambda t: [call(t(3, 4), t(4)), call(t(3, 1), t(4)), *([call(t(3, 4), 1)] if scalar else [])],
        lambda t: [call(t.special, t.special), call(t(2, 1), t(2, 1)), call(t(0, 2), t(2))],
        dtypes=ALL,
    )


def reduction(name: str, reference: Callable[..., Any], empty: bool = True, **options: Any) -> OpCase:
    """Over all, one and several dimensions; kept and dropped; in and out of memory order."""

    def samples(t: Draw) -> list[Call]:
        x = t.apart(2, 3, 4) if name in ("amax", "amin") else t(2, 3, 4)
        return [call(x), call(x, dim=1), call(x, dim=(0, 2)), call(x, dim=(-1,), keepdim=True)]

    def edges(t: Draw) -> list[Call]:
        nothing = [call(t(0)), call(t(2, 0, 3), dim=1)] if empty else []
        return [*nothing, call(t(3, 0), dim=0), call(t()), call(t(1, 5), dim=0), call(t(70, 3), dim=0), call(t.special)]

    return OpCase(name, _over_dims(reference), options.pop("samples", samples), edges, **options)


def _over_dims(reference: Callable[..., Any]) -> Callable[..., Any]:
    def reduce(x: Any, dim: Any = None, keepdim: bool = False, **options: Any) -> Any:
        return reference(x, axis=dim, keepdims=keepdim, **options)

    return reduce


def shaped(name: str, reference: Callable[..., Any], *samples: Callable[[Draw], Call], **options: Any) -> OpCase:
    """A function that only moves elements; the last sample is its empty one."""
    options = {"dtypes": ("float64", "float32", "bfloat16", "int64", "bool"), **options}
    return OpCase(name, reference, lambda t: [make(t) for make in samples[:-1]], lambda t: [samples[-1](t)], **options)


def in_place(name: str, reference: Callable[..., Any], samples: Samples, edges: Samples, **options: Any) -> OpCase:
    return OpCase(name, reference, samples, edges, writes=True, **options)
