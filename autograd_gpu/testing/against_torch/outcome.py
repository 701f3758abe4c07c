"""What a call did in one library: its result, gradients, second derivatives, tangents, what it shares; or what it
raised.

Knows no library: it is handed one, and whatever it finds is NumPy arrays, names and plain numbers afterwards.
"""

from __future__ import annotations

import operator
import random
import signal
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .calls import Drawn

SECONDS = 10  # for one call in one library


@dataclass(frozen=True)
class Raised:
    """An exception, by its type and message."""

    type: type
    message: str


@dataclass(frozen=True)
class Leaf:
    """A tensor as it was: dtype by name, shape, values (float64 or whole), whether it required grad."""

    dtype: str
    shape: tuple[int, ...]
    requires_grad: bool
    values: np.ndarray


@dataclass
class Outcome:
    """What each phase of a call gave, by the phase's name; the first that raises ends them."""

    phases: dict[str, Any] = field(default_factory=dict)

    @property
    def raised(self) -> Raised | None:
        found = self.phases.get("result")
        return found if isinstance(found, Raised) else None


class TooSlow(BaseException):
    """The call took longer than SECONDS."""


def run(library: Any, drawn: Drawn, second: bool = True, tangents: bool = True) -> Outcome:
    """The call's outcome in a library that is spelled like PyTorch."""
    outcome = Outcome()
    names: dict[str, Any] = {"T": library, "np": np, "inf": np.inf, "nan": np.nan, "operator": operator}
    with warnings.catch_warnings(), np.errstate(all="ignore"), limited():
        warnings.simplefilter("ignore")
        library.manual_seed(0)
        try:
            exec("\n".join(drawn.setup), names)
        except Exception as error:
            outcome.phases["result"] = _raised(error)
            return outcome
        _phases(library, drawn, names, outcome, second, tangents)
    return outcome


def _phases(library: Any, drawn: Drawn, names: dict, outcome: Outcome, second: bool, tangents: bool) -> None:
    phases = outcome.phases
    try:
        result = eval(drawn.expression, names)
        shown = result
        if drawn.case is not None and drawn.case.after is not None and not drawn.name.endswith("_"):
            shown = drawn.case.after(*(result if isinstance(result, (tuple, list)) else (result,)))
        phases["result"] = snapshot(library, shown)
    except Exception as error:
        phases["result"] = _raised(error)
        return
    inputs = [names[name] for name in drawn.inputs]
    phases["inputs afterwards"] = snapshot(library, inputs)
    outputs = [t for t in tensors_in(library, shown) if t.requires_grad and t.dtype.is_floating_point]
    leaves = [names[name] for name in drawn.leaves]
    if outputs and leaves:
        phases["gradients"], gradients = _gradients(library, outputs, leaves, create_graph=second)
        twice = [g for g in gradients if g is not None and g.requires_grad]
        if second and twice:
            second_ones, _ = _gradients(library, twice, leaves, create_graph=False)
            phases["second derivatives"] = zeros_as_none(second_ones)
        else:
            phases["second derivatives"] = [None] * len(leaves)
    if tangents and leaves:
        phases["tangents"] = _tangents(library, drawn)
    for place, tensor in enumerate(tensors_in(library, result)):
        phases[f"sharing of result {place}"] = _after_writing(library, tensor, inputs)


def directions(library: Any, tensors: list[Any]) -> list[Any]:
    """The same small numbers for tensors of the same shapes in either library, exact in every dtype."""
    rng = random.Random(1)
    found = []
    for tensor in tensors:
        count = int(np.prod(tuple(tensor.shape), dtype=np.int64))
        values = [rng.choice((0.5, 1.0, -1.0, 2.0, 0.25)) for _ in range(min(count, 97))]
        values = (values * (count // max(1, len(values)) + 1))[:count]
        found.append(library.tensor(values, dtype=tensor.dtype).reshape(tuple(tensor.shape)))
    return found


def _gradients(library: Any, outputs: list, leaves: list, create_graph: bool) -> tuple[Any, list]:
    try:
        found = library.autograd.grad(
            outputs,
            leaves,
            directions(library, outputs),
            allow_unused=True,
            retain_graph=True,
            create_graph=create_graph,
        )
        return [None if g is None else snapshot(library, g.detach()) for g in found], list(found)
    except Exception as error:
        return _raised(error), []


def zeros_as_none(found: Any) -> Any:
    """Whether a derivative of zero is recorded is nobody's business; nor is one that has all but vanished."""
    if not isinstance(found, list):
        return found
    return [
        None if leaf is None or not (abs(leaf.values) > 1e-30).any() | np.isnan(leaf.values).any() else leaf
        for leaf in found
    ]


def _tangents(library: Any, drawn: Drawn) -> Any:
    """Results' tangents for a tangent at each leaf, by dual tensors."""
    forward = library.autograd.forward_ad
    names: dict[str, Any] = {"T": library, "np": np, "inf": np.inf, "nan": np.nan, "operator": operator}
    try:
        library.manual_seed(0)
        exec("\n".join(line.replace(".requires_grad_()", "") for line in drawn.setup), names)
        with forward.dual_level():
            for name in drawn.leaves:
                value = names[name].clone()  # a value of stride 0 would want such a tangent
                names[name] = forward.make_dual(value, directions(library, [value])[0])
            result = eval(drawn.expression, names)
            if drawn.case is not None and drawn.case.after is not None:
                result = drawn.case.after(*(result if isinstance(result, (tuple, list)) else (result,)))
            found = [forward.unpack_dual(t).tangent for t in tensors_in(library, result) if t.dtype.is_floating_point]
            # No tangent is a tangent of zero.
            return [None if t is None or not bool((t != 0).any()) else snapshot(library, t) for t in found]
    except Exception as error:
        return _raised(error)


def _after_writing(library: Any, tensor: Any, inputs: list) -> Any:
    """What the inputs are after a write to the result: other numbers where they share memory."""
    if tensor.numel() == 0 or any(tensor is given for given in inputs):
        return None
    try:
        with library.no_grad():
            tensor.detach().copy_(tensor.detach() == 0)
    except Exception:
        return "cannot be written"
    return snapshot(library, [given.detach() for given in inputs])


def snapshot(library: Any, value: Any) -> Any:
    """The value with what it is of a library replaced by what it says."""
    if isinstance(value, library.Tensor):
        plain = value.detach()
        if hasattr(value, "_is_zerotensor") and value._is_zerotensor():  # PyTorch's zeros that take no memory
            plain = library.zeros(tuple(value.shape), dtype=value.dtype)
        values = plain.double().numpy() if value.dtype.is_floating_point else plain.numpy()
        return Leaf(_name(value.dtype), tuple(value.shape), bool(value.requires_grad), np.array(values))
    if isinstance(value, library.Size):
        return ("Size", *value)
    if isinstance(value, (list, tuple)):
        return [snapshot(library, item) for item in value]
    if isinstance(value, np.ndarray):
        return Leaf(value.dtype.name, value.shape, False, value)
    if isinstance(value, library.dtype):
        return _name(value)
    if isinstance(value, (int, float, str, bool, bytes)) or value is None:
        return value
    return type(value).__name__


def _name(dtype: Any) -> str:
    return str(dtype).rpartition(".")[2]


def tensors_in(library: Any, value: Any) -> list[Any]:
    if isinstance(value, library.Tensor):
        return [value]
    if isinstance(value, (list, tuple)):
        return [tensor for item in value for tensor in tensors_in(library, item)]
    return []


def _raised(error: BaseException) -> Raised:
    return Raised(type(error), str(error))


@contextmanager
def limited() -> Iterator[None]:
    """Raises TooSlow in here after SECONDS."""

    def stop(*_: Any) -> None:
        raise TooSlow

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(SECONDS)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
