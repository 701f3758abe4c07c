"""Autocast's interceptor: casts an operation's operands and lets it compute. Keeps casts of weights for reuse."""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

from ..autocasting import CASTABLE, caster, switches
from ..capturing import Graph, running
from ..dtypes import DType, float32
from ..modes import modes
from ..op import Op
from ..ops.cast import cast
from ..tensor import Tensor
from .policies import FLOAT32, LOWER


class _Kept(NamedTuple):
    """A cast of a weight, and of what: it serves while the weight is the same buffer at the same version."""

    weight: Tensor  # held, so that its id stays its own
    array: Any
    version: int
    graph: Graph | None  # a replay computes the casts of its own capture anew, and no others
    result: Tensor


class _Thread(threading.local):
    def __init__(self) -> None:
        self.casts: dict[tuple[int, DType], _Kept] = {}


_thread = _Thread()


class Caster:
    """Asked before an operation is computed."""

    def apply(self, operation: type[Op], inputs: tuple, parameters: dict[str, Any]) -> Any:
        """Return the operation on operands in the dtype of its list; NotImplemented where nothing is to be cast."""
        if operation in LOWER:
            is_lower = True
        elif operation in FLOAT32:
            is_lower = False
        else:
            return NotImplemented
        now = switches()
        kind = next(value.device.type for value in inputs if isinstance(value, Tensor))
        if kind not in now.enabled:
            return NotImplemented
        dtype = now.dtypes[kind] if is_lower else float32
        operands = tuple(
            _operand(value, dtype, now.caches)
            if isinstance(value, Tensor) and value._array.dtype in CASTABLE and value._array.dtype != dtype.numpy
            else value
            for value in inputs
        )
        changed = any(a is not b for a, b in zip(operands, inputs, strict=True))
        if parameters.get("dtype") in CASTABLE and parameters["dtype"] != float32.numpy:  # of a sum or a loss
            parameters, changed = parameters | {"dtype": float32.numpy}, True
        # Asked again, about these operands, it finds nothing to cast: then other interceptors have their turn.
        return operation.apply(*operands, **parameters) if changed else NotImplemented


def _operand(x: Tensor, dtype: DType, caches: bool) -> Tensor:
    """Return x in another dtype: a leaf that requires grad, so probably a weight, is cast once for several uses."""
    if not (caches and x.requires_grad and x.is_leaf and x._base is None and dtype is not float32 and modes.grad):
        return cast(x, dtype)
    key, graph = (id(x), dtype), running()
    kept = _thread.casts.get(key)
    if kept is None or kept.array is not x._array or kept.version != x._version or kept.graph is not graph:
        kept = _thread.casts[key] = _Kept(x, x._array, x._version, graph, cast(x, dtype))
    return kept.result


def clear_autocast_cache() -> None:
    """Forget this thread's casts of weights."""
    _thread.casts.clear()


caster.append(Caster())
