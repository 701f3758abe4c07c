"""Arguments as source text: a tensor with its values, dtype, layout and history, or anything else.

Everything that is drawn here can be printed as a line that a reader can run, with `T` for either library.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import ml_dtypes
import numpy as np

from ..op_case import numpy_dtype

LAYOUTS = ("contiguous",) * 4 + ("transposed", "sliced", "expanded")


@dataclass(frozen=True)
class Array:
    """A tensor to be: values in its dtype (NumPy's, or ml_dtypes' bfloat16), layout, whether it requires grad."""

    values: np.ndarray
    layout: str = "contiguous"
    requires_grad: bool = False
    repeats: int = 1  # along the first dimension

    @property
    def floating(self) -> bool:
        return is_floating(self.values.dtype)

    def source(self) -> str:
        """An expression over T that makes it, a leaf."""
        text = _LAYOUTS[self.layout](self.values)
        if self.repeats > 1 and self.values.ndim:
            text += f".repeat({', '.join([str(self.repeats), *['1'] * (self.values.ndim - 1)])})"
        return text + (".requires_grad_()" if self.requires_grad and self.floating else "")


def is_floating(dtype: np.dtype) -> bool:
    return dtype.kind == "f" or dtype.name == "bfloat16"


def contiguous(values: np.ndarray) -> str:
    if values.size == 0:
        return f"T.zeros({values.shape}, dtype=T.{values.dtype.name})"
    return f"T.tensor({literal(values)}, dtype=T.{values.dtype.name})"


def transposed(values: np.ndarray) -> str:
    return (
        f"{contiguous(values.T)}.permute({tuple(reversed(range(values.ndim)))})"
        if values.ndim > 1
        else contiguous(values)
    )


def sliced(values: np.ndarray) -> str:
    if values.ndim == 0:
        return f"{contiguous(np.stack([values, values]))}[1]"
    spread = np.stack([values, np.zeros_like(values)], axis=-1).reshape(*values.shape[:-1], 2 * values.shape[-1])
    return f"{contiguous(spread)}[..., ::2]"


def expanded(values: np.ndarray) -> str:
    """Stride 0 along the first dimension: its first row, again and again."""
    return f"{contiguous(values[:1])}.expand({values.shape})" if values.ndim and values.size else contiguous(values)


_LAYOUTS: dict[str, Callable[[np.ndarray], str]] = {
    "contiguous": contiguous,
    "transposed": transposed,
    "sliced": sliced,
    "expanded": expanded,
}


def literal(values: np.ndarray) -> str:
    """Nested lists of the shortest numbers that round to the values in their dtype."""
    if values.ndim:
        return "[" + ", ".join(map(literal, values)) + "]"
    if not is_floating(values.dtype):
        return repr(values.item())
    exact = float(values)
    for digits in range(2, 18):
        text = f"{exact:.{digits}g}"
        with np.errstate(over="ignore"):
            if values.dtype.type(float(text)) == values:
                return repr(float(text))
    return repr(exact)  # infinities and NaN too: the namespace has inf and nan


def rounded(values: np.ndarray) -> np.ndarray:
    """The values to three digits, so that a line stays short."""
    if not is_floating(values.dtype):
        return values
    with np.errstate(all="ignore"):
        wide = values.astype(np.float64)
        short = np.array([float(f"{value:.3g}") for value in wide.reshape(-1)]).reshape(wide.shape).astype(values.dtype)
        return np.where(np.isfinite(short), short, values)


# ---- what may be done to an array


def edge_values(dtype: np.dtype) -> list[float]:
    """Zeros, infinities, NaN, what overflows and underflows when squared, and the ends of the normal numbers."""
    limits = ml_dtypes.finfo(dtype)
    return [0.0, -0.0, 1.0, -1.0, np.inf, -np.inf, np.nan, 300.0, 1e4, 1e-4, float(limits.max), float(limits.tiny)]


def with_edges(array: Array, rng: random.Random) -> Array:
    """Some values, or all, replaced: by edge values, by ties, by their multiples of 300, 1e4 or 1e-4."""
    values = np.array(array.values)
    how = rng.choice(["one edge", "edges", "constant", "ties", "scaled", "scaled"])
    if not array.floating:
        if values.dtype.kind == "b":
            values[...] = rng.random() < 0.5
        elif how in ("one edge", "edges") and values.size:
            limits = np.iinfo(values.dtype)
            flat = values.reshape(-1)
            flat[rng.randrange(values.size)] = rng.choice(
                [0, 0, -1 if limits.min < 0 else 1, 5, limits.max, limits.min]
            )
        elif values.size:  # repeated indices
            values[...] = values.reshape(-1)[rng.randrange(values.size)]
        return replace(array, values=values)
    flat = values.reshape(-1)
    edges = edge_values(values.dtype)
    with np.errstate(all="ignore"):
        if how == "scaled":
            values *= np.asarray(rng.choice([300.0, 1e4, 1e-4])).astype(values.dtype)
        elif how == "constant":
            values[...] = rng.choice(edges)
        elif how == "ties":
            values = np.round(values.astype(np.float64)).astype(values.dtype)
        elif flat.size:
            for _ in range(1 if how == "one edge" else max(1, flat.size // 2)):
                flat[rng.randrange(flat.size)] = rng.choice(edges)
            values = flat.reshape(values.shape)
    return replace(array, values=values)


def of_another_dtype(array: Array, rng: random.Random) -> Array:
    name = rng.choice(["float64", "float32", "float16", "bfloat16", "int64", "int32", "uint8", "bool"])
    with np.errstate(all="ignore"):
        values = np.nan_to_num(array.values.astype(np.float64), posinf=1, neginf=-1)
        dtype = numpy_dtype(name)
        if not is_floating(dtype):
            values = np.clip(values, 0 if name == "uint8" else -100, 100)
        return replace(array, values=values.astype(dtype))


def of_another_rank(array: Array, rng: random.Random) -> Array:
    """A dimension more, one less, or none at all."""
    values = array.values
    how = rng.choice(["0-d", "more", "less", "one"])
    if how == "0-d" and values.size:
        values = np.asarray(values.reshape(-1)[0])
    elif how == "more":
        values = values[None]
    elif how == "less" and values.ndim and values.shape[0]:
        values = values[0]
    elif how == "one" and values.ndim:
        values = values[:1]
    return replace(array, values=np.asarray(values))


def cut(arrays: list[Array], rng: random.Random) -> list[Array]:
    """One extent of the call becomes 0 or 1, wherever it appears."""
    extents = sorted({extent for array in arrays for extent in array.values.shape})
    if not extents:
        return arrays
    chosen, left = rng.choice(extents), rng.choice([0, 0, 0, 1])
    return [
        replace(a, values=a.values[tuple(slice(left) if n == chosen else slice(None) for n in a.values.shape)])
        for a in arrays
    ]


# ---- anything that is no tensor


def number(value: Any, rng: random.Random) -> str:
    """Another number, or the same one as something that PyTorch does or does not take for a number."""
    if isinstance(value, bool):
        return rng.choice(["True", "False", "1", "0", "None"])
    if isinstance(value, int):
        return rng.choice(
            ["0", "1", "-1", "2", "3", "-3", "7", f"np.int64({value})", f"T.tensor({value})", f"{value}.5",
             f"{value}.0", "'x'", "None", "True", f"[{value}]", f"({value},)", f"T.tensor([{value}])"]
        )  # fmt: skip
    return rng.choice(
        ["0.0", "0", "-1.0", "1.0", "inf", "nan", "300.0", "1e4", "1e-4", "2", f"T.tensor({value})",
         f"np.float32({value})", "'x'", "None", "True", f"[{value}]", f"T.tensor([{value}])"]
    )  # fmt: skip


def other(value: Any, rng: random.Random) -> str:
    """A small change of an argument that is no tensor."""
    if isinstance(value, (bool, int, float)):
        return number(value, rng)
    if isinstance(value, str):
        return rng.choice(["'x'", "''", "None", "1", repr(value.upper())])
    if isinstance(value, (tuple, list)) and value and all(isinstance(item, (int, float)) for item in value):
        items = [repr(item) for item in value]
        place = rng.randrange(len(items))
        how = rng.choice(["change", "change", "drop", "repeat", "list"])
        if how == "change":
            items[place] = number(value[place], rng)
        elif how == "drop":
            del items[place]
        elif how == "repeat":
            items.append(items[place])
        return f"[{', '.join(items)}]" if how == "list" else f"({''.join(item + ', ' for item in items)})"
    return rng.choice(["None", "1", "'x'", "1.5"])


def no_tensor(array: Array, rng: random.Random) -> str:
    """What somebody passes in a tensor's place."""
    plain = literal(array.values) if array.values.size else "[]"
    first = literal(array.values.reshape(-1)[0]) if array.values.size else "0"
    return rng.choice([plain, first, "None", "'x'", f"np.array({plain})"])
