"""What the arrays of one call must have in common, for both backends: said in a table, refused by name before anything
is written. Knows dtypes and shapes, no device.

A line says of each array its dtype, then its sizes: `T` is one dtype wherever it stands in the line, as is any other
capital letter; a small word is one size, and with a star any number of sizes, those that the function is given under
that name if it is. `weight?` may be None.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from ..dtypes import SCALAR_TYPES
from .complex_numbers import TAKEN, refuse_complex

ALIKE = {
    # elementwise, where a backend does not look by itself
    "addcmul": "x T *s, y T *s, z T *s",
    "gelu_backward": "x T *s, gy T *s",
    "activation_backward": "x T *s, gy T *s",
    "relu_backward": "y T *s, gy T *s",
    "sigmoid_backward": "y T *s, gy T *s",
    "tanh_backward": "y T *s, gy T *s",
    "binomial_from": "u T *s, count T *s, probability T *s",
    "poisson_from": "u T *s, rate T *s",
    # rows and lines
    "linear_scan": "b T *s, a T *s",
    "log_softmax_backward": "y T *s, gy T *s",
    "softmax_backward": "y T *s, gy T *s",
    "add_layer_norm": "x T rows cols, residual T rows cols, weight? T cols, bias? T cols",
    "add_rms_norm": "x T rows cols, residual T rows cols, weight? T cols",
    "layer_norm": "x T rows cols, weight? T cols, bias? T cols",
    "layer_norm_backward": "x T rows cols, gy T rows cols, mean A rows, rstd A rows, weight? T cols, gsum? T rows cols",
    "rms_norm": "x T rows cols, weight? T cols",
    "rms_norm_backward": "x T rows cols, gy T rows cols, rstd A rows, weight? T cols, gsum? T rows cols",
    "cross_entropy": "x T rows classes, target int64 rows",
    "cross_entropy_backward": "x T rows classes, gloss A rows, lse A rows, target int64 rows",
    "cross_entropy_with_gradient": "x T rows classes, target int64 rows",
    "ctc_loss": "x T time n classes, targets int64 n s, lengths int64 n, target_lengths int64 n",
    "ctc_loss_backward": "x T time n classes, gloss A n, loss A n, alpha A n time states, targets int64 n s, "
    "lengths int64 n, target_lengths int64 n",
    # products, where the product itself does not look
    "linear_gelu": "x T rows in, weight T out in, bias? T out",
    "gelu_linear_backward": "gy T rows out, weight T out in, h T rows in",
    "linear_parameters_backward": "gy T rows out, x T rows in",
    "solve": "a T *batch n n, b T *batch n k",
    "solve_triangular": "a T *batch n n, b T *batch n k",
    "attention": "q T batch heads queries d, k T batch key_heads keys d, v T batch key_heads keys d",
    "attention_backward": "q T batch heads queries d, go T batch heads queries d, o T batch heads queries d, "
    "k T batch key_heads keys d, v T batch key_heads keys d, lse A batch heads queries",
    "convolution": "x T n channels *size, weight T out part *kernel",
    "convolution_transposed": "gy T n out *output, weight T out part *kernel",
    "convolution_weight": "x T n channels *size, gy T n out *output",
    "grid_sample": "x T n channels *size, grid T n *places",
    "grid_sample_backward": "gy T n channels *output, x T n channels *size, grid T n *places",
    "resample": "x T outer length inner, start int64 rows, index int64 entries, weight A entries",
    # sequences
    "lstm": "x T steps batch gates, h T batch hidden, c T batch hidden, weight T gates hidden",
    "lstm_backward": "gy T steps batch hidden, gcells? T steps batch hidden, c T batch hidden, "
    "cells T steps batch hidden, gates T steps batch width, weight T width hidden",
    "gru": "x T steps batch gates, h T batch hidden, weight T gates hidden, bias? T gates",
    "gru_backward": "gy T steps batch hidden, h T batch hidden, y T steps batch hidden, gates T steps batch width, "
    "weight T rows hidden",
    "rnn": "x T steps batch hidden, h T batch hidden, weight T hidden hidden",
    "rnn_backward": "gy T steps batch hidden, y T steps batch hidden, weight T hidden hidden",
    # places
    "gather_rows": "x T n cols, index int64 rows",
    "scatter_add_rows": "gy T rows cols, index int64 rows",
    "scatter_rows": "out T n cols, index int64 rows, x T rows cols",
    "max_pool_backward": "gy T planes *output, index int64 planes *output",
    "bag_sum": "x T n cols, index int64 *items, weight? T *items, offsets? int64 ends",
    "bag_scatter": "gy T bags cols, index int64 *items, weight? T *items, offsets? int64 ends",
    "bag_dot": "gy T bags cols, x T n cols, index int64 *items, offsets? int64 ends",
    "bag_max": "x T n cols, index int64 *items, offsets? int64 ends",
}


def checked(function: Callable, array: type | None = None) -> Callable:
    """The function, which refuses arrays that are not alike as its line says, and complex ones unless it takes them.

    With `array`, the type, all that it returns are arrays: what NumPy made a number becomes one without dimensions.
    """
    name = function.__name__
    line = ALIKE.get(name)
    if line is None and array is None:
        return function
    parameters = inspect.signature(function).parameters
    defaults = [p.default for p in parameters.values() if p.default is not p.empty]
    given = ", ".join(parameters)
    statements = _statements(list(_terms(line)), set(parameters)) if line else []
    if name not in TAKEN and parameters:
        statements.insert(0, _refusal_of_complex(name, list(parameters)[:2], array is not None))
    if array is None:
        statements.append(f"return function({given})")
    else:
        statements += [f"result = function({given})", "return result if type(result) is array else as_arrays(result)"]
    taken = ", ".join(name if p.default is p.empty else f"{name}=None" for name, p in parameters.items())
    namespace: dict[str, Any] = {"function": function, "array": array, "as_arrays": _as_arrays}
    namespace |= {"int64": np.dtype(np.int64), "refuse_complex": refuse_complex}
    namespace["refuse"] = functools.partial(_refuse, function.__name__, line or "")
    # Written out for each function: a loop over its line would take longer than some of the functions do.
    exec("\n    ".join([f"def run({taken}):", *statements]), namespace)
    run: Any = functools.wraps(function)(namespace["run"])
    run.__defaults__ = tuple(defaults)
    return run


def _refusal_of_complex(name: str, operands: Sequence[str], is_numpys: bool) -> str:
    """The statement that looks at the first operand, or, where that is a number, a shape or a list, at the second."""
    branches = []
    for operand in operands:
        is_array = f"{operand}.__class__ is array" if is_numpys else f'hasattr({operand}, "dtype")'
        branches.append(f'if {is_array}:\n        if {operand}.dtype.kind == "c": refuse_complex("{name}", {operand})')
    return "\n    el".join(branches)


def check_all(backend: dict[str, Any], array: type | None = None, but: Sequence[str] = ()) -> None:
    """Make every function that a backend exports a `checked` one; `but` names families that return arrays anyway."""
    for name, function in list(backend.items()):
        if inspect.isfunction(function):
            backend[name] = checked(function, None if function.__module__.rpartition(".")[2] in but else array)


class DtypesDiffer(RuntimeError):
    """Arrays that have to be of one dtype are not."""


def rows_alike(function: str, **columns: Sequence[Any] | None) -> None:
    """Refuse lists of arrays that are not as the first list is: as many, row by row of its shapes, all of one dtype.

    Where shapes agree and dtypes do not, the error is DtypesDiffer.
    """
    (first, like), *others = columns.items()
    dtype, shapes = like[0].dtype, [x.shape for x in like]  # type: ignore[index, union-attr]
    for name, arrays in others:
        if arrays is None or [x.shape for x in arrays] == shapes:
            continue
        if len(arrays) != len(shapes):
            raise RuntimeError(f"{function}: expected {len(shapes)} {name}, as many as {first}, but got {len(arrays)}")
        for number, (x, shape) in enumerate(zip(arrays, shapes, strict=True)):
            if x.shape != shape:
                raise RuntimeError(_sizes_differ(function, f"{name}[{number}]", x.shape, f"{first}[{number}]", shape))
    for name, arrays in columns.items():
        if arrays is not None and [x.dtype for x in arrays].count(dtype) != len(shapes):
            for number, x in enumerate(arrays):
                _same_dtype(function, f"{name}[{number}]", x.dtype, first, dtype)


def numbers_alike(function: str, name: str, arrays: Sequence[Any], count: int, dtype: np.dtype) -> None:
    """Refuse a list of arrays that is not of `count` numbers of a dtype."""
    if len(arrays) != count:
        raise RuntimeError(f"{function}: expected {count} {name}, but got {len(arrays)}")
    for number, x in enumerate(arrays):
        if x.size != 1 or x.dtype is not dtype:
            what = f"{name}[{number}] to be one number of {dtype}"
            raise RuntimeError(f"{function}: expected {what}, but found {x.dtype} {tuple(x.shape)}")


def check_dtype(function: str, **arrays: Any) -> None:
    """Refuse arrays, or None, that are not all of the first one's dtype."""
    (first, like), *others = arrays.items()
    for name, x in others:
        if x is not None and x.dtype is not like.dtype:
            _same_dtype(function, name, x.dtype, first, like.dtype)


def check_shape(function: str, **arrays: Any) -> None:
    """Refuse arrays that are not all of the first one's shape."""
    (first, like), *others = arrays.items()
    for name, x in others:
        if x.shape != like.shape:
            raise RuntimeError(_sizes_differ(function, name, x.shape, first, like.shape))


# ---------------------------------------------------------------------------------------------- lines and statements


class _Term(NamedTuple):
    name: str
    is_optional: bool
    dtype: str
    sizes: list[str]  # words; one of them may begin with a star


def _terms(line: str) -> Iterator[_Term]:
    for part in line.split(", "):
        name, dtype, *sizes = part.split()
        yield _Term(name.removesuffix("?"), name.endswith("?"), dtype, sizes)


def _statements(terms: list[_Term], parameters: set[str]) -> list[str]:
    """What the line says, as statements that compare, and refuse what differs."""
    refuse = "refuse({})".format(", ".join(f"{term.name}={term.name}" for term in terms))
    known = {"int64"}
    statements = []
    for name, is_optional, dtype, sizes in terms:
        indent, tests = "", []
        if is_optional:
            statements.append(f"if {name} is not None:")
            indent = "    "
        if all(_word(size) in known for size in sizes):
            tests.append(f"{name}.shape != {_displayed([f'{size}_' for size in sizes])}")
        else:
            places: list[str] = []
            for size in sizes:
                word = _word(size)
                is_given = word in parameters  # the words of a line end in an underscore, to be no parameters' names
                if word not in known and not is_given:
                    places.append(f"{size}_")
                    known.add(word)
                    continue
                places.append(f"{size}_{len(places)}")
                wanted = word if is_given else f"{word}_"
                tests.append(f"{_word(places[-1])} != {f'[*{wanted}]' if size[0] == '*' else wanted}")
            statements.append(f"{indent}try: {_displayed(places)} = {name}.shape")
            statements.append(f"{indent}except ValueError: {refuse}")
        if dtype in known:
            tests.append(f"{name}.dtype is not {dtype} and {name}.dtype != {dtype}")
        else:
            statements.append(f"{indent}{dtype} = {name}.dtype")
            known.add(dtype)
        if tests:
            statements.append(f"{indent}if {' or '.join(tests)}: {refuse}")
    return statements


def _displayed(places: list[str]) -> str:
    """A tuple of places, or what stands for all of it."""
    return places[0][1:] if len(places) == 1 and places[0][0] == "*" else f"({', '.join(places)},)"


def _word(size: str) -> str:
    return size.removeprefix("*")


def _as_arrays(result: Any) -> Any:
    if type(result) is tuple:
        return tuple(x if x is None else np.asarray(x) for x in result)
    return result if result is None else np.asarray(result)


# ---------------------------------------------------------------------------------------------- what is said


def _refuse(function: str, line: str, **arrays: Any) -> None:
    """Raise for the first array of a line that is not as it says, with the names of both sides."""
    found: dict[str, tuple[Any, str]] = {"int64": (np.dtype(np.int64), "")}
    for name, _, dtype, sizes in _terms(line):
        x = arrays[name]
        if x is None:
            continue
        expected, owner = found.setdefault(dtype, (x.dtype, name))
        _same_dtype(function, name, x.dtype, owner, expected)
        shape, star = x.shape, next((i for i, size in enumerate(sizes) if size[0] == "*"), None)
        if len(shape) != len(sizes) if star is None else len(shape) < len(sizes) - 1:
            raise RuntimeError(f"{function}: expected {name} with the dimensions ({', '.join(sizes)}), but got {shape}")
        if star is not None:
            many = len(shape) - len(sizes) + 1
            shape = (*shape[:star], shape[star : star + many], *shape[star + many :])
        for size, value in zip(sizes, shape, strict=True):
            expected, owner = found.setdefault(_word(size), (value, name))
            if value != expected:
                raise RuntimeError(_sizes_differ(function, name, x.shape, owner, arrays[owner].shape))
    raise RuntimeError(
        f"{function}: shapes do not fit: " + ", ".join(f"{n} {x.shape}" for n, x in arrays.items() if x is not None)
    )


def _same_dtype(function: str, name: str, found: np.dtype, owner: str, expected: np.dtype) -> None:
    if found != expected:
        like = f", the dtype of {owner}," if owner else ""
        wanted, got = (SCALAR_TYPES.get(dtype.name, dtype.name) for dtype in (expected, found))
        raise DtypesDiffer(
            f"{function}: expected scalar type {wanted}{like} but found {got} for {name}. Cast it first: .to(dtype)."
        )


def _sizes_differ(function: str, name: str, shape: tuple, owner: str, expected: tuple) -> str:
    return f"{function}: The size of {name} {tuple(shape)} must match that of {owner} {tuple(expected)}"
