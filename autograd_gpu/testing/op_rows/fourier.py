"""Rows of the op table: Fourier transforms, of real and of complex numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..op_case import COMPLEXES, Draw, OpCase, call

Array = Any


def _of_one(name: str, reference: Any, dtypes: tuple[str, ...], **options: Any) -> OpCase:
    def transform(x: Array, n: int | None = None, dim: int = -1, norm: str | None = None) -> Array:
        return reference(x, n, dim, norm)

    def samples(t: Draw) -> list[Any]:
        return [call(t(2, 5)), call(t(4, 3), 6, 0), call(t(6), 4, norm="ortho"), call(t(2, 4), norm="forward")]

    return _row(name, transform, samples, {}, dtypes, **options)


def _of_several(name: str, reference: Any, dtypes: tuple[str, ...], **options: Any) -> OpCase:
    def transform(x: Array, s: Any = None, dim: Any = None, norm: str | None = None) -> Array:
        axes = dim if dim is not None else tuple(range(x.ndim)) if s is None else tuple(range(x.ndim - len(s), x.ndim))
        return reference(x, s, axes, norm)

    def samples(t: Draw) -> list[Any]:
        return [call(t(2, 3, 4), dim=(0, 2)), call(t(3, 4), (4, 5)), call(t(3, 4), norm="ortho")]

    return _row(name, transform, samples, {"dim": (1,)}, dtypes, **options)


def _row(name: str, transform: Any, samples: Any, along: dict, dtypes: tuple[str, ...], **options: Any) -> OpCase:
    def edges(t: Draw) -> list[Any]:
        return [call(t(0, 3), **along), call(t(1, 2))]

    return OpCase(f"fft.{name}", transform, samples, edges, dtypes=dtypes, tolerance=8, **options)


REALS = ("float64", "float32")

FOURIER = [
    *(_of_one(name, getattr(np.fft, name), COMPLEXES) for name in ("fft", "ifft", "irfft", "hfft")),
    *(_of_one(name, getattr(np.fft, name), REALS, result="complex") for name in ("rfft", "ihfft")),
    *(_of_several(name, getattr(np.fft, name), COMPLEXES) for name in ("fftn", "ifftn")),
]
