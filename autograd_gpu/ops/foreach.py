"""``torch._foreach_*``: an operation on each tensor of a list. Optimisers outside this package are written with them.

One operation a tensor: the step of an optimiser here is one launch over all parameters already (`optim/fused.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..tensor import Tensor
from .cast import is_scalar

_UNARY = (
    "abs acos asin atan ceil cos cosh erf erfc exp expm1 floor frac lgamma log log10 log1p log2 neg reciprocal round "
    "rsqrt sigmoid sign sin sinh sqrt tan tanh trunc"
).split()
_BINARY = "add sub mul div pow clamp_max clamp_min maximum minimum".split()
_TERNARY = "addcdiv addcmul lerp".split()
_METHOD = {"maximum": "clamp_min", "minimum": "clamp_max"}  # that take a number or a tensor

FOREACH: dict[str, Callable[..., Any]] = {}


def _one_each(given: Any, count: int, name: str) -> Sequence[Any]:
    """Return an argument for each tensor of a list: its own, or the same number or tensor for all."""
    if isinstance(given, Tensor) or is_scalar(given):
        return [given] * count
    if len(given) != count:
        kind = "Tensor lists" if given and isinstance(given[0], Tensor) else "Tensor list and scalar list"
        raise RuntimeError(f"{name}: {kind} must have the same number of tensors, got {count} and {len(given)}")
    return list(given)


def _declare(name: str, function: Callable[..., Any]) -> None:
    function.__name__ = function.__qualname__ = f"_foreach_{name}"
    function.__doc__ = f"`{name}` on each tensor of a list."
    FOREACH[function.__name__] = function


def _both(name: str, make: Callable[[str], Callable[..., list[Tensor]]]) -> None:
    """Declare a function, and the one that writes in place."""
    _declare(name, make(name))
    _declare(f"{name}_", make(f"{name}_"))


def _unary(name: str) -> Callable[..., list[Tensor]]:
    def each(self: Sequence[Tensor]) -> list[Tensor]:
        return [getattr(x, name)() for x in self]

    return each


def _binary(name: str) -> Callable[..., list[Tensor]]:
    bare = name.rstrip("_")
    method = _METHOD.get(bare, bare) + name[len(bare) :]

    def each(self: Any, other: Any = None, *, alpha: Any = 1, **named: Any) -> list[Tensor]:
        other = next(iter(named.values())) if named else other  # scalar=, scalars=, exponent=
        if is_scalar(self):  # the power of a number by each tensor
            return [self**y for y in other]
        others = _one_each(other, len(self), f"_foreach_{name}")
        if alpha == 1:
            return [getattr(x, method)(y) for x, y in zip(self, others)]
        return [getattr(x, method)(y, alpha=alpha) for x, y in zip(self, others)]

    return each


def _ternary(name: str) -> Callable[..., list[Tensor]]:
    def each(self: Sequence[Tensor], tensor1: Any, tensor2: Any, value: Any = 1) -> list[Tensor]:
        what = f"_foreach_{name}"
        firsts, seconds = _one_each(tensor1, len(self), what), _one_each(tensor2, len(self), what)
        values = _one_each(value.tolist() if isinstance(value, Tensor) else value, len(self), what)
        return [getattr(x, name)(y, z, value=v) for x, y, z, v in zip(self, firsts, seconds, values)]

    def lerp(self: Sequence[Tensor], tensors1: Any, weight: Any = None, *, weights: Any = None) -> list[Tensor]:
        ends = _one_each(tensors1, len(self), f"_foreach_{name}")
        given = _one_each(weight if weights is None else weights, len(self), f"_foreach_{name}")
        return [getattr(x, name)(y, w) for x, y, w in zip(self, ends, given)]

    return lerp if name.startswith("lerp") else each


for _name in _UNARY:
    _both(_name, _unary)
for _name in _BINARY:
    _both(_name, _binary)
for _name in _TERNARY:
    _both(_name, _ternary)


def _norm(self: Sequence[Tensor], ord: Any = 2, dtype: Any = None) -> list[Tensor]:
    return [x.norm(ord, dtype=dtype) if dtype is not None else x.norm(ord) for x in self]


def _max(self: Sequence[Tensor]) -> list[Tensor]:
    return [x.max() for x in self]


def _clone(self: Sequence[Tensor], *, memory_format: Any = None) -> list[Tensor]:
    return [x.clone(memory_format=memory_format) for x in self]


def _copy_(self: Sequence[Tensor], src: Sequence[Tensor], non_blocking: bool = False) -> list[Tensor]:
    return [x.copy_(y) for x, y in zip(self, _one_each(src, len(self), "_foreach_copy_"))]


def _zero_(self: Sequence[Tensor]) -> list[Tensor]:
    return [x.zero_() for x in self]


for _name, _function in (("norm", _norm), ("max", _max), ("clone", _clone), ("copy_", _copy_), ("zero_", _zero_)):
    _declare(_name, _function)

globals().update(FOREACH)

if TYPE_CHECKING:

    def __getattr__(name: str) -> Any: ...
