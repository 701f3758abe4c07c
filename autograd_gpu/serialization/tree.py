"""Dicts, lists, tuples, numbers and tensors as JSON and named tensors, and back. Knows no file.

In JSON a tensor is {"tensor": name}, one that shows memory of another {"view": [name, shape, strides, offset]}, a dict
{"dict": [[key, value], ...]} (keys may be numbers), a tuple {"tuple": [...]}, a NumPy scalar {"numpy": [dtype,
number]}; everything else is itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ml_dtypes
import numpy as np

from ..device import Device
from ..ops.strided import as_strided
from ..tensor import Tensor, wrap

_DEEPEST = 100  # levels; JSON's readers take a few hundred, and a level here is up to three there
_NUMBERS = {
    np.dtype(kind).name: np.dtype(kind)
    for kind in "bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64".split()
}
_NUMBERS["bfloat16"] = np.dtype(ml_dtypes.bfloat16)


class Writer:
    """Takes a tree apart: `tree` is what is left of it, `tensors` what was in it, by name."""

    def __init__(self, obj: Any) -> None:
        self.tensors: dict[str, Tensor] = {}
        self._places: list[tuple[Tensor, dict[str, Any], str]] = []
        self._around: list[int] = []  # the containers that the present one is in
        self.tree = self._taken(obj, ())
        self._name_tensors()

    def _taken(self, value: Any, path: tuple[str, ...]) -> Any:
        if isinstance(value, Tensor):
            place: dict[str, Any] = {}
            self._places.append((value, place, ".".join(path) or "tensor"))
            return place
        if isinstance(value, (Mapping, list, tuple)):
            return self._container(value, path)
        if isinstance(value, np.generic) and not isinstance(value, str):
            return {"numpy": _number(value, path)}
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        raise TypeError(
            f"save: cannot save a {type(value).__name__} at '{'.'.join(path)}'. Files hold tensors, numbers, strings, "
            "None, and dicts, lists and tuples of them; nothing is pickled."
        )

    def _container(self, value: Any, path: tuple[str, ...]) -> Any:
        if id(value) in self._around:
            raise ValueError(f"save: what is at '{'.'.join(path)}' contains itself; a file holds no circle")
        if len(path) >= _DEEPEST:
            raise ValueError(f"save: '{'.'.join(path[:6])}...' is nested more than {_DEEPEST} levels deep")
        self._around.append(id(value))
        if isinstance(value, Mapping):
            made: Any = {"dict": [[_key(k), self._taken(v, (*path, str(k)))] for k, v in value.items()]}
        else:
            made = [self._taken(item, (*path, str(index))) for index, item in enumerate(value)]
            made = made if isinstance(value, list) else {"tuple": made}
        self._around.pop()
        return made

    def _name_tensors(self) -> None:
        tensors: dict[int, Tensor] = {}
        wanted: dict[int, str] = {}
        for tensor, _, name in self._places:  # one may be in the tree several times
            tensors.setdefault(id(tensor), tensor)
            wanted.setdefault(id(tensor), name)
        shown: dict[int, Tensor] = {}  # for a tensor that lies within another, that one
        for group in groups_that_share(list(tensors.values())):
            whole = _covering(group)
            shown.update({id(tensor): whole for tensor in group if tensor is not whole})
            tensors.setdefault(id(whole), whole)
            wanted.setdefault(id(whole), f"{wanted[id(group[0])]}.storage")
        names = {key: self._named(wanted[key], tensor) for key, tensor in tensors.items() if key not in shown}
        for tensor, place, _ in self._places:
            whole = shown.get(id(tensor), tensor)
            if whole is tensor:
                place["tensor"] = names[id(tensor)]
            else:
                begin = (tensor.data_ptr() - whole.data_ptr()) // tensor.element_size()
                place["view"] = [names[id(whole)], list(tensor.shape), list(tensor.stride()), begin]

    def _named(self, name: str, tensor: Tensor) -> str:
        name = name.encode(errors="backslashreplace").decode()
        while name in self.tensors or name == "__metadata__":  # {"a.b": x, "a": {"b": y}}
            name += "'"
        self.tensors[name] = tensor
        return name


def groups_that_share(tensors: list[Tensor]) -> list[list[Tensor]]:
    """Return those of different tensors that lie over one another in memory, with one dtype, in groups."""
    spans = sorted(
        (str(t.device), t.dtype.name, t.data_ptr(), t.data_ptr() + _reach(t) * t.element_size(), index)
        for index, t in enumerate(tensors)
        if t.numel()
    )
    groups: list[list[Tensor]] = []
    before: tuple[str, str] | None = None
    end = 0
    for device, dtype, start, stop, index in spans:
        if (device, dtype) == before and start < end:
            groups[-1].append(tensors[index])
        else:
            before, end = (device, dtype), 0
            groups.append([tensors[index]])
        end = max(end, stop)
    return [group for group in groups if len(group) > 1]


def _reach(tensor: Tensor) -> int:
    return 1 + sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.stride(), strict=True))


def _covering(group: list[Tensor]) -> Tensor:
    """Return the tensor of a group that covers all of it without holes, or a new one, of one dimension, that does."""
    first = group[0]
    start = first.data_ptr()
    reach = max((t.data_ptr() - start) // t.element_size() + _reach(t) for t in group)
    for tensor in group:
        if tensor.data_ptr() == start and tensor.numel() == reach and tensor.is_contiguous():
            return tensor
    backend = first.device.backend
    return wrap(backend.as_strided(first._array, (reach,), (1,), backend.offset(first._array)), first.device)


def _number(value: np.generic, path: tuple[str, ...]) -> list[Any]:
    name = value.dtype.name
    if name not in _NUMBERS:
        raise TypeError(f"save: cannot save a NumPy {name} at '{'.'.join(path)}'; make it a Python number or a tensor")
    return [name, value.item() if value.dtype.kind in "biuf" else float(value)]


def _key(key: Any) -> Any:
    if isinstance(key, (bool, int, float, str)):
        return key
    raise TypeError(f"save: keys of dicts must be strings or numbers, but one is a {type(key).__name__}")


# ---------------------------------------------------------------------------------------------------------- back


class Reader:
    """Puts a tree together again. ValueError, KeyError or TypeError where it is none."""

    def __init__(self, tensors: Mapping[str, Tensor]) -> None:
        self.tensors = tensors
        self._makers = {
            "tensor": lambda name: self.tensors[_text(name)],
            "view": self._view,
            "tuple": lambda items: tuple(map(self.made, _list(items))),
            "dict": self._dict,
            "numpy": _numpy_scalar,
        }

    def made(self, value: Any) -> Any:
        """Return what a value of the JSON stands for."""
        if isinstance(value, list):
            return [self.made(item) for item in value]
        if not isinstance(value, dict):
            return value
        ((kind, content),) = value.items()
        return self._makers[kind](content)

    def _dict(self, items: Any) -> dict[Any, Any]:
        made = {}
        for key, value in _list(items):
            if _key(key) in made:
                raise ValueError(f"the key {key!r} is there twice")
            made[key] = self.made(value)
        return made

    def _view(self, content: Any) -> Tensor:
        name, shape, strides, offset = content
        whole = self.tensors[_text(name)]
        try:
            return as_strided(whole.detach(), shape, strides, whole.storage_offset() + offset)
        except RuntimeError as error:
            raise ValueError(str(error)) from None


def _numpy_scalar(content: Any) -> np.generic:
    name, number = content
    dtype = _NUMBERS[_text(name)]
    if isinstance(number, bool) is not (dtype.kind == "b") or not isinstance(number, (int, float)):
        raise TypeError(f"{number!r} is no {name}")
    return dtype.type(number)


def _list(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"a {type(value).__name__} where a list is expected")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a {type(value).__name__} where a name is expected")
    return value


def moved(tensors: Mapping[str, Tensor], device: Device | str | None) -> dict[str, Tensor]:
    """Return tensors on a device."""
    return {name: tensor if device is None else tensor.to(device) for name, tensor in tensors.items()}
