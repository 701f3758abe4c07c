"""Draws calls: from each public function, in each of its forms, with arguments of every kind.

A call's arguments come from the op table's rows, whose samples are right, and are then changed: values, layouts and
dtypes often, shapes and numbers at times, and now and then something that is wrong. What has no row has a template.
"""

from __future__ import annotations

import functools
import random
import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import autograd_gpu as ag

from ..declarations import declared
from ..op_case import ALL, COMPLEXES, Call, Draw, OpCase
from ..op_table import CASES
from . import arguments
from .arguments import Array
from .templates import ALIASES, TEMPLATES

LONG = set(
    "sum mean amax amin max min prod var std norm logsumexp cumsum nansum nanmean softmax log_softmax std_mean "
    "var_mean index_add scatter_add count_nonzero linalg.vector_norm nn.functional.layer_norm nn.functional.mse_loss "
    "nn.functional.l1_loss nn.functional.batch_norm logcumsumexp aminmax dist".split()
)
TAKES_OUT = {name for operation in declared if operation.out for name in operation.names}


@dataclass(frozen=True)
class Drawn:
    """One call: statements that make its tensors, and an expression of them, over T, np, inf and nan."""

    name: str
    setup: tuple[str, ...]
    expression: str
    inputs: tuple[str, ...]
    leaves: tuple[str, ...]
    random: bool = False
    case: OpCase | None = None

    def __str__(self) -> str:
        return "; ".join([*self.setup, self.expression])


@dataclass(frozen=True)
class Entry:
    """A public name in one of its forms (function, method, in place) and where its arguments come from."""

    name: str
    form: str
    cases: tuple[OpCase, ...] = ()
    templates: tuple[str, ...] = ()


@functools.cache
def entries(torch: Any) -> tuple[Entry, ...]:
    """Every public name that both libraries have and that a row or a template can call."""
    rows: dict[str, list[OpCase]] = {}
    for case in CASES:  # with real numbers
        real = tuple(dtype for dtype in case.dtypes if dtype not in COMPLEXES)
        if real and case.result != "complex":
            rows.setdefault(case.name, []).append(replace(case, dtypes=real))
    for alias, name in ALIASES.items():
        rows.setdefault(alias, rows.get(name, []))
    found = []
    for name, cases in rows.items():
        plain = name.removeprefix("Tensor.")
        there = has(torch, name) and has(ag, name)
        if there and not name.startswith("Tensor."):
            found.append(Entry(name, "function", tuple(cases)))
        for method in (plain, plain + "_"):
            if "." not in plain and has(torch.Tensor, method) and has(ag.Tensor, method):
                found.append(Entry(method, "in place" if method.endswith("_") else "method", tuple(cases)))
        if "." in plain and has(torch, name + "_") and has(ag, name + "_"):
            found.append(Entry(name + "_", "function", tuple(cases)))
    found += [Entry(name, "template", templates=tuple(lines)) for name, lines in TEMPLATES.items() for _ in lines]
    return tuple(sorted(found, key=lambda entry: (entry.name, entry.form)))


def has(owner: Any, path: str) -> bool:
    for part in path.split("."):
        owner = getattr(owner, part, None)
        if owner is None:
            return False
    return True


def draw(torch: Any, rng: random.Random, only: str = "") -> Drawn:
    """A call of a public function, each of them equally likely."""
    chosen = [e for e in entries(torch) if re.fullmatch(only, e.name)] if only else entries(torch)
    while True:
        entry = rng.choice(chosen)
        drawn = _from_template(entry, rng) if entry.templates else _from_row(entry, rng)
        if drawn is not None:
            return drawn


# ---- from a row


def _from_row(entry: Entry, rng: random.Random) -> Drawn | None:
    case = rng.choice(entry.cases)
    sample = _sample(case, rng)
    if sample is None:
        return None
    arrays: list[Array] = []

    def take(value: Any) -> Any:
        """The sample with Arrays for its arrays, which are listed."""
        if isinstance(value, np.ndarray):
            if case.before is not None and not arrays:
                value = np.asarray(case.before(value.astype(np.float64))).astype(value.dtype)
            arrays.append(Array(arguments.rounded(value)))
            return len(arrays) - 1, Array
        if isinstance(value, (list, tuple)):
            return type(value)(take(item) for item in value)
        return value

    args, kwargs = [take(value) for value in sample.args], {k: take(v) for k, v in sample.kwargs.items()}
    arrays = changed(arrays, rng, long=case.name in LONG)
    texts = [f"x{number}" for number in range(len(arrays))]
    if arrays and rng.random() < 0.04:
        place = rng.randrange(len(arrays))
        texts[place] = arguments.no_tensor(arrays[place], rng)
    written = [_source(value, texts) for value in args]
    named = {name: _source(value, texts) for name, value in kwargs.items()}
    _change_others(args, written, kwargs, named, rng)
    setup = tuple(
        f"x{number} = {array.source()}" for number, array in enumerate(arrays) if texts[number] == f"x{number}"
    )
    call = _in_form(entry, case, written, named, arrays, rng)
    if call is None:
        return None
    inputs = tuple(line.split(" = ")[0] for line in setup)
    leaves = tuple(name for name in inputs if arrays[int(name[1:])].requires_grad and arrays[int(name[1:])].floating)
    return Drawn(f"{entry.name}", setup, call, inputs, leaves, case.random, case)


def _sample(case: OpCase, rng: random.Random) -> Call | None:
    dtype = rng.choice(
        ["float64", "float32", "float32", "float16", "bfloat16", "int64", "int32", "uint8", "bool", *case.dtypes]
    )
    try:
        draw = Draw(dtype)
        return rng.choice([*case.samples(draw), *case.samples(draw), *case.edges(draw)])
    except Exception:  # the row has no samples in this dtype
        draw = Draw(case.dtypes[0])
        return rng.choice(case.samples(draw))


def changed(arrays: list[Array], rng: random.Random, long: bool = False) -> list[Array]:
    """The arrays with other values, layouts, dtypes and shapes, each with its chance."""
    if rng.random() < 0.08:
        arrays = arguments.cut(arrays, rng)
    found = []
    for array in arrays:
        if rng.random() < 0.45:
            array = arguments.with_edges(array, rng)
        if rng.random() < 0.04:
            array = arguments.of_another_dtype(array, rng)
        if rng.random() < 0.04:
            array = arguments.of_another_rank(array, rng)
        if array.values.size > 2000:
            array = replace(array, values=array.values[:40])
        found.append(replace(array, layout=rng.choice(arguments.LAYOUTS), requires_grad=rng.random() < 0.6))
    if long and found and found[0].values.ndim and found[0].values.size and rng.random() < 0.3:
        rows, columns = found[0].values.shape[0], found[0].values.size // found[0].values.shape[0]
        repeats = rng.choice([7000, 70_000]) // (rows * columns)
        found = [replace(a, repeats=max(1, repeats)) if a.values.shape[:1] == (rows,) else a for a in found]
    return found


def _source(value: Any, texts: list[str]) -> str:
    if isinstance(value, tuple) and len(value) == 2 and value[1] is Array:
        return texts[value[0]]
    if isinstance(value, list):
        return "[" + ", ".join(_source(item, texts) for item in value) + "]"
    if isinstance(value, tuple):
        return "(" + "".join(_source(item, texts) + ", " for item in value) + ")"
    if isinstance(value, ag.dtype):
        return f"T.{value.name}"
    if isinstance(value, slice):
        return f"slice({value.start}, {value.stop}, {value.step})"
    return repr(value)


def _change_others(args: list, written: list[str], kwargs: dict, named: dict[str, str], rng: random.Random) -> None:
    """Now and then another number, a wrong one, one too many, one too few, or a keyword that is unknown."""

    def plain(value: Any) -> bool:
        return not _holds_array(value)

    if rng.random() < 0.25:
        places = [place for place, value in enumerate(args) if plain(value)] + [
            name for name in kwargs if plain(kwargs[name])
        ]
        if places:
            place = rng.choice(places)
            if isinstance(place, int):
                written[place] = arguments.other(args[place], rng)
            else:
                named[place] = arguments.other(kwargs[place], rng)
    chance = rng.random()
    if chance < 0.01 and len(written) > 1:
        written.pop()
    elif chance < 0.02:
        named["foo"] = "1"
    elif chance < 0.03:
        written.append(rng.choice(["1", "'x'", "None"]))


def _holds_array(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any(item is Array or _holds_array(item) for item in value)
    return value is Array


def _in_form(
    entry: Entry, case: OpCase, written: list[str], named: dict, arrays: list[Array], rng: random.Random
) -> str | None:
    keywords = [f"{name}={text}" for name, text in named.items()]
    if entry.form == "function" and not case.writes:
        if entry.name in TAKES_OUT and rng.random() < 0.1:
            dtype = arrays[0].values.dtype.name if arrays else "float32"
            targets = (f"T.empty(0, dtype=T.{dtype})", "T.empty(3, 4)", "T.zeros(4, dtype=T.int32)")
            keywords.append(f"out={rng.choice(targets)}")
        target = f"{written[0]}.clone()" if entry.name.endswith("_") and written else None
        return f"T.{entry.name}({', '.join([*([target] if target else written[:1]), *written[1:], *keywords])})"
    if not written or not written[0].startswith("x"):
        return None
    target = written[0]
    if entry.form == "in place" and rng.random() < 0.9:
        target += ".clone()"
    return f"{target}.{entry.name}({', '.join([*written[1:], *keywords])})"


# ---- from a template

DTYPES = ("float32", "float64", "float16", "bfloat16", "int64", "int32", "uint8", "bool", "int8", "int16")


def _from_template(entry: Entry, rng: random.Random) -> Drawn:
    """The template with its braces filled: x, y a tensor (3, 4), s a signless 3-d one, v a vector, k indices below 3,
    m a mask, a floating input f; i, d (a dimension), n (a size) and r numbers, t a dtype."""
    arrays: list[Array] = []
    template = rng.choice(entry.templates)
    dtype = rng.choice(ALL)

    def fill(found: re.Match) -> str:
        letter, given = found[1], found[2]
        if letter in _TENSORS:
            draw = Draw(given or dtype)
            arrays.append(Array(arguments.rounded(_TENSORS[letter](draw))))
            return f"x{len(arrays) - 1}"
        if letter == "t":
            return f"T.{rng.choice(DTYPES)}"
        if rng.random() < 0.2:
            return arguments.number(2.5 if letter == "r" else 2, rng)
        return str(rng.choice(_NUMBERS[letter]))

    expression = re.sub(r"\{([a-zA-Z])(?::(\w+))?\}", fill, template)
    arrays = changed(arrays, rng)
    setup = tuple(f"x{number} = {array.source()}" for number, array in enumerate(arrays))
    inputs = tuple(f"x{number}" for number in range(len(arrays)))
    leaves = tuple(name for name, array in zip(inputs, arrays) if array.requires_grad and array.floating)
    return Drawn(entry.name, setup, expression, inputs, leaves, entry.name in RANDOM)


_TENSORS = {
    "x": lambda t: t(3, 4),
    "y": lambda t: t(3, 4),
    "v": lambda t: t(4),
    "s": lambda t: t(2, 4, 6),
    "p": lambda t: t(2, 4, 6, 6),
    "z": lambda t: t(),
    "q": lambda t: t(4, 4),
    "k": lambda t: Draw("int64").index(3, 4),
    "K": lambda t: Draw("int64").index(3, 3, 4),
    "m": lambda t: t.mask(3, 4),
}
_NUMBERS: dict[str, tuple] = {
    "i": (0, 1, 2, 3, 5, -1, -2),
    "d": (0, 1, -1, -2, 0, 1, 2, -3),
    "n": (0, 1, 2, 3, 4),
    "r": (0.5, 2.0, 0.0, -1.0, 1e-4, 300.0, "inf", "nan", 1, 2),
    "b": (True, False),
}
RANDOM = set(
    "rand randn randint randperm rand_like randn_like randint_like normal bernoulli multinomial empty empty_like "
    "new_empty dropout dropout_ alpha_dropout alpha_dropout_ feature_alpha_dropout feature_alpha_dropout_ rrelu rrelu_ "
    "normal_ uniform_ bernoulli_ random_ cauchy_ exponential_ geometric_ log_normal_ resize_ empty_strided "
    "new_empty_strided "
    "resize_as_ poisson binomial".split()
)
