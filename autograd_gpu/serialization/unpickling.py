"""A reader of pickles that runs nothing: it builds plain values, and asks for what a file names by an allow-list.

Knows pickle's instructions and no tensor. What is not on the list is refused by name; what is no pickle is damage.
Memory grows no faster than the file is long: references are kept as such, and keys are plain values.
"""

from __future__ import annotations

import pickle
import pickletools
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any


class RefusedContent(pickle.UnpicklingError):
    """A file holds something else than what `load` builds; it is named."""


class Maker:
    """A name in a file that stands for something to be called; the call is ours."""

    def __init__(self, name: str, make: Callable[..., Any]) -> None:
        self.name, self.make = name, make

    def __repr__(self) -> str:
        return self.name


_CONSTANTS = {"NONE": None, "NEWTRUE": True, "NEWFALSE": False}
_VALUES = set(
    "INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT STRING BINSTRING SHORT_BINSTRING UNICODE "
    "BINUNICODE SHORT_BINUNICODE BINUNICODE8 BINBYTES SHORT_BINBYTES BINBYTES8 BYTEARRAY8".split()
)
_EMPTY: dict[str, Callable[[], Any]] = {
    "EMPTY_LIST": list, "EMPTY_TUPLE": tuple, "EMPTY_DICT": dict, "EMPTY_SET": set
}  # fmt: skip
_FEW = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_PLAIN = (str, int, float, complex, bytes, type(None))


def as_key(value: Any) -> Any:
    """Return a value that may be a key: plain, or a tuple of plain ones. A nested one could take forever to hash."""
    parts = value if type(value) is tuple else (value,)
    for part in parts:
        if not isinstance(part, _PLAIN) and type(part).__module__.partition(".")[0] != "autograd_gpu":
            raise TypeError(f"a {type(part).__name__} as a key")
    return value


class Unpickler:
    """Runs one pickle. `named` gives what a global name stands for, `persistent` what a persistent id does."""

    def __init__(self, named: Callable[[str], Any], persistent: Callable[[Any], Any]) -> None:
        self.named, self.persistent = named, persistent
        self.stack: list[Any] = []
        self.marks: list[int] = []
        self.memo: dict[int, Any] = {}

    def load(self, content: bytes) -> Any:
        """Return the value. RefusedContent, or one of Python's errors where the bytes are no pickle."""
        for opcode, argument, _ in pickletools.genops(content):
            name = opcode.name
            if name in _VALUES:
                self.stack.append(argument)
            elif name in _CONSTANTS:
                self.stack.append(_CONSTANTS[name])
            elif name in _EMPTY:
                self.stack.append(_EMPTY[name]())
            elif name in _FEW:
                self.stack[-_FEW[name] :] = [tuple(self._last(_FEW[name]))]
            elif (run := getattr(self, f"_{name.lower()}", None)) is not None:
                run(argument)
            else:
                raise RefusedContent(f"the pickle instruction {name}")
        return self.stack.pop()

    def _last(self, count: int) -> list[Any]:
        if len(self.stack) < count + (self.marks[-1] if self.marks else 0):
            raise ValueError("a value is missing on the stack")
        return self.stack[-count:]

    def _pop(self) -> Any:
        self._last(1)
        return self.stack.pop()

    def _since_mark(self) -> list[Any]:
        mark = self.marks.pop()
        values = self.stack[mark:]
        del self.stack[mark:]
        return values

    # Instructions, by their names in lower case.

    def _proto(self, version: int) -> None:
        if version > 5:
            raise ValueError(f"a pickle of protocol {version}")

    def _frame(self, length: int) -> None:
        """How much of the file a reader may fetch at once."""

    def _stop(self, _: None) -> None:
        if len(self.stack) != 1 or self.marks:
            raise ValueError("the pickle ends with values left over")

    def _mark(self, _: None) -> None:
        self.marks.append(len(self.stack))

    def _put(self, index: int) -> None:
        self.memo[index] = self._last(1)[0]

    _binput = _long_binput = _put

    def _memoize(self, _: None) -> None:
        self._put(len(self.memo))

    def _get(self, index: int) -> None:
        self.stack.append(self.memo[index])

    _binget = _long_binget = _get

    def _tuple(self, _: None) -> None:
        self.stack.append(tuple(self._since_mark()))

    def _list(self, _: None) -> None:
        self.stack.append(self._since_mark())

    def _dict(self, _: None) -> None:
        values = self._since_mark()
        self.stack.append({})
        self._set(values)

    def _frozenset(self, _: None) -> None:
        self.stack.append(frozenset(map(as_key, self._since_mark())))

    def _append(self, _: None) -> None:
        self._extend([self._pop()])

    def _appends(self, _: None) -> None:
        self._extend(self._since_mark())

    def _extend(self, values: list[Any]) -> None:
        (target,) = self._last(1)
        if type(target) is not list:
            raise TypeError(f"a {type(target).__name__} to append to")
        target.extend(values)

    def _additems(self, _: None) -> None:
        values = self._since_mark()
        (target,) = self._last(1)
        if type(target) is not set:
            raise TypeError(f"a {type(target).__name__} to add to")
        target.update(map(as_key, values))

    def _setitem(self, _: None) -> None:
        values = self._last(2)
        del self.stack[-2:]
        self._set(values)

    def _setitems(self, _: None) -> None:
        self._set(self._since_mark())

    def _set(self, values: list[Any]) -> None:
        (target,) = self._last(1)
        if type(target) not in (dict, OrderedDict, Counter) or len(values) % 2:
            raise TypeError(f"a {type(target).__name__} to set items of")
        for key, value in zip(values[::2], values[1::2], strict=True):
            target[as_key(key)] = value

    def _global(self, name: str) -> None:
        self.stack.append(self.named(".".join(name.split(" ", 1))))

    def _stack_global(self, _: None) -> None:
        module, name = self._last(2)
        del self.stack[-2:]
        self.stack.append(self.named(f"{module}.{name}" if type(module) is type(name) is str else repr(module)[:100]))

    def _reduce(self, _: None) -> None:
        maker, arguments = self._last(2)
        del self.stack[-2:]
        if not isinstance(maker, Maker) or type(arguments) is not tuple:
            raise TypeError(f"a call of a {type(maker).__name__}")
        self.stack.append(maker.make(*arguments))

    _newobj = _reduce

    def _build(self, _: None) -> None:
        target, state = self._last(2)
        self.stack.pop()
        if type(target) is not OrderedDict or type(state) is not dict or set(state) - {"_metadata"}:
            raise RefusedContent(f"attributes of a {type(target).__name__}")
        vars(target).update(state)

    def _binpersid(self, _: None) -> None:
        self.stack.append(self.persistent(self._pop()))
