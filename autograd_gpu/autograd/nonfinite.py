"""Which operation, on which line, made the first NaN or infinity of a step: the step again, every result looked at."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from typing import Any

from ..op import interceptors
from ..tensor import Tensor
from ..user_line import line_of, user_line
from .anomaly import detect_anomaly


class Watch:
    """Within the block, the operations that first gave NaN, and infinity, where nothing they were given was so."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}
        self._inside = False

    def __enter__(self) -> Watch:
        interceptors.append(self)
        return self

    def __exit__(self, *exception: object) -> None:
        interceptors.remove(self)

    def apply(self, operation: Any, inputs: tuple, parameters: dict) -> Any:
        if self._inside:
            return NotImplemented
        self._inside = True
        try:
            result = operation.apply(*inputs, **parameters)
            for kind in ("nan", "inf"):
                if kind not in self.found and _has(kind, result) and not _has(kind, inputs):
                    self.found[kind] = f"{operation.__name__} at {line_of(user_line(2))}"
        finally:
            self._inside = False
        return result


def _has(kind: str, values: Any) -> bool:
    values = values if isinstance(values, tuple) else (values,)
    return any(_is(kind, value) for value in values if isinstance(value, Tensor) and value.dtype.is_inexact)


def _is(kind: str, value: Tensor) -> bool:
    value = value.detach()
    return bool((value.isnan() if kind == "nan" else value.isinf()).any())


def explanation(forward: Callable[[], Tensor], parameters: Iterable[tuple[str, Tensor]]) -> str:
    """Return where the first NaN or infinity of a loss, or of its gradients, comes from."""
    named = list(parameters)
    for name, parameter in named:
        for kind in ("nan", "inf"):
            if _is(kind, parameter):
                return f"The parameter '{name}' is {_word(kind)} before the step."
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # anomaly mode says that it is slow
        with Watch() as watch, detect_anomaly():
            try:
                loss = forward()
                if not watch.found:
                    for _, parameter in named:
                        parameter.grad = None
                    watch._inside = True  # a backward's own operations are anomaly mode's
                    loss.backward()
            except RuntimeError as error:
                return f"Its gradient: {' '.join(str(error).split())}"
    if watch.found:
        told = [f"the first {_word(kind)} by {watch.found[kind]}" for kind in ("inf", "nan") if kind in watch.found]
        return f"It was made so: {', '.join(told)}."
    for name, parameter in named:
        if parameter.grad is not None and (_is("nan", parameter.grad) or _is("inf", parameter.grad)):
            return f"The gradient of '{name}' is beyond its dtype."
    return "Taken again, the step is finite."


def _word(kind: str) -> str:
    return "NaN" if kind == "nan" else "infinity"
