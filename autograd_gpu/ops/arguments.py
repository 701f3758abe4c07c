"""The front of a public function: what PyTorch's parser refuses is refused here, in its words, before anything is done.

A function's annotations say what it takes. From them a front is compiled when the function is first named: a few
comparisons of classes, then the call. Where one fails, or the call does, the arguments are looked at one by one.
Arguments by PyTorch's other names for them, `axis`, `size`, `x1`, are given to the front again by the function's own.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ..dtypes import as_dtype
from ..layouts import NotStrided, strided
from ..tensor import Tensor
from .cast import is_scalar

_NUMBERS = frozenset(("Number", "float", "int", "bool", "Any"))
_SEVERAL = frozenset(("Size", "Sequence[int]", "tuple[int, ...]", "list[int]"))
_NUMERIC = _SEVERAL | {"int", "float", "bool", "Number", "None"}
_ALIASES = {"Dims": "int | Sequence[int] | None"}
# Sizes and counts, which PyTorch takes from whatever has `__index__`; a dimension is an int or a tensor that is one.
_COUNTS = frozenset(
    "k start end step length index diagonal storage_offset size groups ignore_index minlength N".split()
)
# Where PyTorch's own Python asks, which any value answers: whether it is true.
_TRUTHS = frozenset(("return_indices", "inplace", "antialias", "add_zero_attn"))

# PyTorch's other names for arguments, most of them NumPy's, where its parser of arguments takes them.
_OTHER_NAMES = {
    "axis": ("dim", "dims"), "keepdims": ("keepdim",), "x": ("input", "self"), "a": ("input",), "x1": ("input",),
    "x2": ("other", "mat2", "vec2"), "axis0": ("dim0",), "axis1": ("dim1",), "split_size": ("split_size_or_sections",),
}  # fmt: skip
_RENAMED = frozenset(own for names in _OTHER_NAMES.values() for own in names)
_SEQUENCES = frozenset(("size", "dims", "shape", "repeats", "data"))  # of what is also taken one by one, `zeros(2, 3)`

_STARS: dict[Any, str] = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}
_LEFT_OUT = type("LeftOut", (), {"__repr__": lambda self: "left out"})()

# What a value is when nothing more need be asked of it, by its annotation.
_QUICK = {
    "None": "{0} is None",
    "int": "{0}.__class__ is int",
    "bool": "{0} is False or {0} is True",
    "float": "{0}.__class__ is float or {0}.__class__ is int",
    "str": "{0}.__class__ is str",
    "Tensor": "{0}.__class__ is Tensor or isinstance({0}, Tensor)",
    # PyTorch too looks at the first alone, and lets True pass behind it.
    **dict.fromkeys(_SEVERAL, "{0}.__class__ is tuple and (not {0} or {0}[0].__class__ is int)"),
}
_QUICK["Number"] = f"{_QUICK['float']} or {_QUICK['bool']}"


def front(
    function: Callable, name: str = "", *, is_method: bool = False, like: Callable | None = None, into: Any = None
) -> Callable:
    """Return the function such that arguments are looked at first; `name` is the one that errors give it.

    It takes what `like` takes where it takes anything itself. With `into`, a function of a tensor, the function's name,
    the function and its arguments, it also takes `out`.
    """
    name = name or function.__name__
    parameters = _with_left_out(list(inspect.signature(like or function).parameters.values()), is_method)
    namespace: dict[str, Any] = {
        "Tensor": Tensor, "_function": function, "_name": name, "_into": into, "_as_dtype": as_dtype,
        "_looked_at": functools.partial(_looked_at, name, parameters, is_method),
        "_instead": functools.partial(_instead, name, parameters, is_method), "_NotStrided": NotStrided,
        "_elsewhere": functools.partial(_elsewhere, name, parameters),
        **{f"default_{p.name}": p.default for p in parameters if p.default is not p.empty},
    }  # fmt: skip
    exec(compile(_written(name, parameters, is_method, into is not None), f"{__file__}: {name}", "exec"), namespace)
    found = namespace["_front"] = functools.update_wrapper(namespace[name], function)
    namespace["_by_own_names"] = functools.partial(_by_own_names, found, name, parameters)
    found.__name__ = name
    return found


def known_as(function: Callable, module: str, name: str) -> Callable:
    """Return the function, saying where programs find it: pickle looks there."""
    function.__module__, function.__qualname__ = module, name
    return function


def behind_call(function: Callable, name: str, is_method: bool = True) -> Callable:
    """Return what finds the error to raise in place of one that a call of the function raised, or None: for who takes
    `*args`, and looks at nothing before."""

    def find(error: Exception, args: tuple, kwargs: dict) -> TypeError | None:
        signature = inspect.signature(function)
        try:
            bound = signature.bind(*args, **kwargs)
        except TypeError as mismatch:
            return TypeError(f"{name}() {mismatch}")
        bound.apply_defaults()
        return _instead(name, list(signature.parameters.values()), is_method, error, tuple(bound.arguments.values()))

    return find


class Behind:
    """A method of a class until it is first named: then its front, which is put in its place."""

    def __init__(self, name: str, make: Callable[[], Callable]) -> None:
        self.name, self.make = name, make

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        method = self.make()
        for kind in type.mro(owner or type(instance)):
            if vars(kind).get(self.name) is self:
                setattr(kind, self.name, method)
        return method if instance is None else method.__get__(instance, owner)


def fronts(names: Iterable[str], module: dict[str, Any], make: Callable[[str, Callable], Callable]) -> Callable:
    """Take functions out of a module's names and return its `__getattr__`, which puts each one's front there."""
    behind = {}
    for name in names:
        if name not in module:
            file = f"{module['__name__'].replace('.', '/')}.py"
            raise ImportError(f"{file} names {name} in its __all__ and does not import it")
        behind[name] = module.pop(name)

    def get(name: str) -> Any:
        if name not in behind:
            raise AttributeError(f"module '{module['__name__']}' has no attribute '{name}'")
        module[name] = found = known_as(make(name, behind[name]), module["__name__"], name)
        return found

    return get


# ---------------------------------------------------------------------------------------------- how a front is written


def _written(name: str, parameters: list[inspect.Parameter], is_method: bool, takes_out: bool) -> str:
    """Return a front's text: other names, a test of the classes, the call, and what is wrong where it failed."""
    looked_at = parameters[is_method:]
    takes_others = bool(_other_names(looked_at)) and looked_at[-1].kind is not inspect.Parameter.VAR_KEYWORD
    tests = [f"({test})" for test in map(_quick_test, looked_at) if test]
    if not is_method and len(tests) == 1 and not any(map(_is_plain_kind, parameters)):
        tests = []  # of one tensor the function itself will ask something that nothing else has
    values = f"({''.join(f'{p.name}, ' for p in parameters)})"
    arguments, out = _arguments(parameters), ", out=out" if takes_out else ""
    lines = [f"def {name}({_header(parameters, takes_out, takes_others)}):"]
    if takes_others:
        lines += [f"    if _others: return _by_own_names({values}, _others{out})"]
    if tests:
        lines += [f"    if not ({' and '.join(tests)}): {values} = _looked_at({values})"]
    lines += ["    try:"]
    if takes_out:
        lines += [f"        if out is not None: return _into(out, _name, _function, {_given(parameters)})"]
    lines += [*_short(parameters), f"        return _function({arguments})", "    except Exception as error:"]
    if any(p.name == "dtype" for p in parameters):
        again = f"return _front({arguments}{out})"
        lines += [f"        if dtype.__class__ is type: dtype = _as_dtype(dtype); {again}"]
    lines += [
        f"        if error.__class__ is _NotStrided: return _elsewhere(error, {values})",
        f"        wrong = _instead(error, {values})",
        "        if wrong is None: raise",
        "        raise wrong from None",
    ]
    return "\n".join(lines)


def _kinds(parameter: inspect.Parameter) -> list[str]:
    annotation = str(parameter.annotation)
    return _ALIASES.get(annotation, annotation).split(" | ")


def _is_keyword(parameter: inspect.Parameter) -> bool:
    return parameter.kind in (parameter.KEYWORD_ONLY, parameter.VAR_KEYWORD)


def _is_variadic(parameter: inspect.Parameter) -> bool:
    return parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)


def _is_plain_kind(parameter: inspect.Parameter) -> bool:
    return not {"Tensor", "None"} >= set(_kinds(parameter))


def _quick_test(parameter: inspect.Parameter) -> str | None:
    kinds = _kinds(parameter)
    if _is_variadic(parameter) or parameter.name in _TRUTHS or not _QUICK.keys() >= set(kinds):
        return None
    if "Tensor" in kinds and set(kinds) - {"Tensor", "None"}:
        return None  # a tensor or a number: who takes both asks which it is
    return " or ".join(_QUICK[kind].format(parameter.name) for kind in sorted(kinds, key=list(_QUICK).index))


def _with_left_out(parameters: list[inspect.Parameter], is_method: bool) -> list[inspect.Parameter]:
    """Parameters that may be left out, since they may come by another name, and those behind them."""
    found, may_be_other = parameters[:is_method], False
    for p in parameters[is_method:]:
        may_be_other |= p.name in _RENAMED
        is_left_out = may_be_other and p.kind is p.POSITIONAL_OR_KEYWORD and p.default is p.empty
        found.append(p.replace(default=_LEFT_OUT) if is_left_out else p)
    return found


def _given(parameters: list[inspect.Parameter]) -> str:
    """Arguments by position, and those by name, as they stand where both are handed on."""
    arrays = [p.name if p.kind is not p.VAR_POSITIONAL else f"*{p.name}" for p in parameters if not _is_keyword(p)]
    named = [f"'{p.name}': {p.name}" for p in parameters if p.kind is p.KEYWORD_ONLY]
    named += [f"**{p.name}" for p in parameters if p.kind is p.VAR_KEYWORD]
    return f"({''.join(f'{one}, ' for one in arrays)}), {{{', '.join(named)}}}"


def _header(parameters: list[inspect.Parameter], takes_out: bool, takes_others: bool) -> str:
    """The parameters as they stand in a definition."""
    found, is_open = [], False
    for p in parameters:
        if p.kind is p.VAR_POSITIONAL:
            is_open = True
        elif p.kind is p.KEYWORD_ONLY and not is_open:
            found.append("*")
            is_open = True
        stars = _STARS.get(p.kind, "")
        found.append(stars + p.name + (f"=default_{p.name}" if p.default is not p.empty else ""))
    if takes_out:
        last = found.pop() if found and found[-1].startswith("**") else None
        found += ([] if is_open else ["*"]) + ["out=None"] + ([last] if last else [])
    if takes_others:
        found.append("**_others")
    return ", ".join(found)


def _short(parameters: list[inspect.Parameter]) -> list[str]:
    """The call of what takes any number of arguments, without its one keyword while that is None; or nothing."""
    match [p.kind for p in parameters[-2:]]:
        case [inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.KEYWORD_ONLY] if parameters[-1].default is None:
            return [f"        if {parameters[-1].name} is None: return _function({_arguments(parameters[:-1])})"]
    return []


def _arguments(parameters: list[inspect.Parameter]) -> str:
    """The parameters as a call hands them on; adding two tuples is faster than unpacking one behind other arguments."""
    first = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    rest = [_passed(p) for p in parameters if p.kind is not p.POSITIONAL_OR_KEYWORD]
    if first and rest and rest[0].startswith("*") and not rest[0].startswith("**"):
        return ", ".join([f"*({', '.join(first)},) + {rest[0][1:]}", *rest[1:]])
    return ", ".join([*first, *rest])


def _passed(p: inspect.Parameter) -> str:
    return (f"{p.name}=" if p.kind is p.KEYWORD_ONLY else _STARS.get(p.kind, "")) + p.name


# ---------------------------------------------------------------------------------------------- other names


def other_names(function: Callable) -> set[str]:
    """Return the names, beside its own, by which a function's front takes arguments."""
    return _other_names(list(inspect.signature(function).parameters.values()))


def _other_names(parameters: list[inspect.Parameter]) -> set[str]:
    own = {p.name for p in parameters if not _is_variadic(p)}
    found = {other for other, names in _OTHER_NAMES.items() if not own.isdisjoint(names)}
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        found |= _SEQUENCES
    return found | {"layout", "pin_memory"} if {"device", "dtype"} <= own else found


def _by_own_names(
    front: Callable, name: str, parameters: list[inspect.Parameter], values: tuple, others: dict, out: Any = None
) -> Any:
    """Call a front with what came by other names than the function's own under these."""
    own = [p.name for p in parameters if not _is_variadic(p)]
    takes_any_number = any(p.kind is p.VAR_POSITIONAL for p in parameters)
    args: list[Any] = []
    given: dict[str, Any] = {} if out is None else {"out": out}
    named = set(given)
    for p, value in zip(parameters, values):
        if p.kind is p.VAR_POSITIONAL:
            args += value
        elif value is not p.default:
            named.add(p.name)
            if takes_any_number and p.kind is p.POSITIONAL_OR_KEYWORD:
                args.append(value)
            else:
                given[p.name] = value
    sequence: list[Any] = []
    for other, value in others.items():
        mine = next((mine for mine in _OTHER_NAMES.get(other, ()) if mine in own), None)
        if mine is not None and mine not in named:
            given[mine] = value
        elif other in _SEQUENCES and takes_any_number:
            sequence = [value]
        elif "device" not in own or not (other == "pin_memory" or (other == "layout" and value in (None, strided))):
            # There is one layout, and copies to a GPU start from any memory.
            raise TypeError(f"{name}() got an unexpected keyword argument '{other}'")
    first = parameters[0]
    if sequence and first.kind is first.POSITIONAL_OR_KEYWORD and first.name in given:
        args.insert(0, given.pop(first.name))
    return front(*args, *sequence, **given)


# ---------------------------------------------------------------------------------------------- what is wrong


def _looked_at(name: str, parameters: list[inspect.Parameter], is_method: bool, values: tuple) -> tuple:
    """Return the arguments, a tensor or one of NumPy's scalars where a number is taken as that number; TypeError that
    names the first of a wrong type."""
    wrong = _wrong(name, parameters, is_method, values)
    if wrong is not None:
        raise wrong
    return tuple(map(_as_taken, parameters, values))


def _as_taken(parameter: inspect.Parameter, value: Any) -> Any:
    if isinstance(value, (Tensor, np.ndarray, np.generic)) and set(_kinds(parameter)) <= _NUMERIC:
        return value.item()
    return value


def _elsewhere(name: str, parameters: list[inspect.Parameter], error: NotStrided, values: tuple) -> Any:
    """Return what a function gives of tensors that are not strided, by the way that its error knows."""
    args: list[Any] = []
    given: dict[str, Any] = {}
    for p, value in zip(parameters, values):
        if p.kind is p.VAR_POSITIONAL:
            args += value
        elif p.default in (p.empty, _LEFT_OUT):
            args.append(value)
        elif value is not p.default:
            given[p.name] = value
    return without_arrays(error, name, *args, **given)


def without_arrays(error: NotStrided, name: str, *args: Any, **kwargs: Any) -> Any:
    """Return what the function of that name gives without arrays of all elements; raise the error where there is no
    such way."""
    found = error.way(name, *args, **kwargs)
    if found is NotImplemented:
        raise error from None
    return found


def _instead(
    name: str, parameters: list[inspect.Parameter], is_method: bool, error: Exception, values: tuple
) -> TypeError | None:
    """Return the error that names the first argument of a wrong type, in place of the one that was raised; None when
    there is none, or when that says so of an int, by PyTorch's name for the function."""
    if type(error) is TypeError and "argument '" in str(error) and "must be int" in str(error):
        return None
    return _wrong(name, parameters, is_method, values)


def _wrong(name: str, parameters: list[inspect.Parameter], is_method: bool, values: tuple) -> TypeError | None:
    left_out = [f"'{parameter.name}'" for parameter, value in zip(parameters, values) if value is _LEFT_OUT]
    if left_out:
        arguments = "argument" if len(left_out) == 1 else "arguments"
        return TypeError(f"{name}() missing {len(left_out)} required positional {arguments}: {' and '.join(left_out)}")
    for position, (parameter, value) in enumerate(zip(parameters, values), 0 if is_method else 1):
        if parameter.kind is parameter.VAR_POSITIONAL and parameter.name in ("tensors", "operands", "matrices"):
            several = value[0] if len(value) == 1 and isinstance(value[0], (list, tuple)) else value
            for number, one in enumerate(several):
                if not isinstance(one, Tensor):
                    return TypeError(f"expected Tensor as element {number} in argument 0, but got {type_name(one)}")
        if _is_variadic(parameter) or parameter.name in _TRUTHS or value is parameter.default:
            continue
        kinds = _kinds(parameter)
        if "int" in kinds and parameter.name in _COUNTS and _is_one_integer(value):
            continue
        wanted = wanted_instead(value, kinds)
        if wanted:
            place = f" (position {position})" if parameter.kind is not parameter.KEYWORD_ONLY else ""
            return TypeError(f"{name}(): argument '{parameter.name}'{place} must be {wanted}")
    return None


def wanted_instead(value: Any, kinds: list[str]) -> str | None:
    """Return what a value should have been, and is not, where its annotation says so."""
    if value is None and "None" in kinds:
        return None
    kinds = [kind for kind in kinds if kind != "None"]
    if "Tensor" in kinds:
        if isinstance(value, Tensor) or (is_scalar(value) and not _NUMBERS.isdisjoint(kinds)):
            return None
        if {"Tensor", "int"} < set(kinds) <= {"Tensor", "int", *_SEVERAL} and not isinstance(value, (tuple, list)):
            return f"int or tuple of ints, not {type_name(value)}"
        if any(kind not in _NUMBERS and kind != "Tensor" for kind in kinds):
            return None  # it may also be a sequence, or a name
        return f"Tensor, not {type_name(value)}"
    if kinds == ["Generator"]:
        return None if type(value).__name__ == "Generator" else f"torch.Generator, not {type_name(value)}"
    if kinds in (["int"], ["bool"], ["str"]):
        return None if _is_plain(value, kinds[0]) else f"{kinds[0]}, not {type_name(value)}"
    if kinds and set(kinds) <= {"int", "float", "bool", "Number"}:
        if is_scalar(value) or _is_element(value):
            return None
        if isinstance(value, Tensor):
            what = "one that requires grad" if value.requires_grad else f"one of shape {list(value.shape)}"
            return f"Number, not Tensor ({what}; see x.item())"
        return f"{'Number' if 'Number' in kinds else 'float'}, not {type_name(value)}"
    if kinds and set(kinds) <= {"int", *_SEVERAL}:
        if isinstance(value, (tuple, list)):
            for place, item in enumerate(value):
                if not _is_size(item, place):
                    return f"tuple of ints, but found element of type {type_name(item)} at pos {place}"
        elif not _is_plain(value, "int") and not _is_one_integer(value):
            return f"tuple of ints, not {type_name(value)}"
    return None


def _is_element(value: Any) -> bool:
    """Whether a value is a tensor that stands for a number: without dimensions and history."""
    return isinstance(value, Tensor) and not value._array.ndim and not value.requires_grad


def _is_one_integer(value: Any) -> bool:
    """Whether a value is a tensor or an array of one integer."""
    array = value._array if isinstance(value, Tensor) else value
    return isinstance(array, np.ndarray) and array.size == 1 and array.dtype.kind in "iu"


def _is_plain(value: Any, kind: str) -> bool:
    if kind == "int":
        if isinstance(value, Tensor):
            return _is_element(value) and value._array.dtype.kind in "iu"
        return isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    return isinstance(value, str if kind == "str" else bool)


def _is_size(value: Any, place: int) -> bool:
    """Whether a value can be one of several ints: PyTorch refuses a bool in the first place alone."""
    if isinstance(value, (bool, np.bool_)):
        return place > 0 and isinstance(value, bool)
    return hasattr(value, "__index__")


def type_name(value: Any) -> str:
    """Return the name of a value's type, with its module unless that is Python's own."""
    if isinstance(value, Tensor):
        return "Tensor"
    kind = type(value)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
