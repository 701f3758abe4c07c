"""What a profile writes down, and where it stands to see it: around operations, nodes of backward, steps, batches.

It stands there only while it collects: nothing is asked of anybody when no profile is on. What is written down is a
tuple for each call; names, shares and nesting are worked out afterwards (`events.py`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from threading import get_ident
from time import perf_counter_ns as now
from typing import Any, NamedTuple

from ..autograd.around import stand_around, stand_aside
from ..autograd.backward import _watchers
from ..autograd.saved_memory import memory_report
from ..capturing import running
from ..op import Op
from ..tensor import AccumulateGrad, Tensor
from ..user_line import user_frames


class Noted(NamedTuple):
    """One call. `what` is a name, or the class of an operation, which `kind` tells from others of its class."""

    what: Any
    start: int  # nanoseconds
    end: int
    thread: int
    sequence: int = 0  # of the node that the call recorded, or that ran
    kind: str | None = None
    role: str = "cpu_op"  # or "user_annotation", "backward", "instant"
    details: Details | None = None


class Details(NamedTuple):
    """What is written down of a call only where it was asked for."""

    shapes: tuple = ()
    bytes: int = 0
    device: str = "cpu"
    lines: tuple = ()  # (code, instruction) from the innermost of the user's frames outwards
    marks: tuple | None = None  # two events of the GPU's stream
    report: Any = None  # what a graph kept as its backward began


class Wanted(NamedTuple):
    """What a profile writes down beside times."""

    shapes: bool = False
    memory: bool = False
    lines: bool = False
    gpu: bool = False

    def any(self) -> bool:
        """Whether there is anything."""
        return any(self)


class Collector:
    """Writes down what is called between `begin` and `end`, on any thread."""

    def __init__(self, wanted: Wanted) -> None:
        self.wanted = wanted
        self.noted: list[tuple] = []
        self.began = self.ended = 0
        self._undo: list[Callable[[], None]] = []

    def begin(self) -> None:
        """Stand around what is to be seen."""
        if collectors:
            raise RuntimeError("profile: another profile is at work already. Stop it first: leave its `with` block.")
        for method, wrapper in (("apply", self._operation), ("run", self._node)):
            stand_around(method, wrapper)
            self._undo.append(partial(stand_aside, method, wrapper))
        self._replace(AccumulateGrad, "run", self._accumulation(AccumulateGrad.run))
        for name in [name for name in vars(Tensor) if name.endswith("_") and not name.startswith("_")]:
            method = getattr(Tensor, name)  # read now, if it was not yet
            if callable(method):
                self._replace(Tensor, name, self._named(f"aten::{name}", method))
        self._stand_around_what_programs_call()
        if self.wanted.memory:
            _watchers.append(self._report)
            self._undo.append(lambda: _watchers.remove(self._report))
        collectors.append(self)
        self._undo.append(lambda: collectors.remove(self))
        self.began = now()

    def end(self) -> None:
        """Leave everything as it was."""
        self.ended = now()
        while self._undo:
            self._undo.pop()()

    def note(self, what: str, start: int, role: str, details: Details | None = None) -> None:
        """Write down a call that is over."""
        self.noted.append((what, start, now(), get_ident(), 0, None, role, details))

    # -------------------------------------------------------------------------------------- where it stands

    def _replace(self, owner: Any, name: str, replacement: Any) -> None:
        own = vars(owner)[name]
        setattr(owner, name, replacement)
        self._undo.append(lambda: setattr(owner, name, own))

    def _stand_around_what_programs_call(self) -> None:
        """Steps, batches and replays, of what the program has loaded: nothing is loaded for it."""
        optimizers = _loaded("optim.optimizer")
        if optimizers is not None:
            base = optimizers.Optimizer
            self._replace(base, "zero_grad", self._named("Optimizer.zero_grad#{}.zero_grad", base.zero_grad))
            for kind in [base, *_below(base)]:
                if "step" in vars(kind):
                    self._replace(kind, "step", self._named("Optimizer.step#{}.step", vars(kind)["step"]))
        loading = _loaded("data.loader")
        if loading is not None:
            name = "enumerate(DataLoader)#{}.__next__"
            self._replace(loading.Epoch, "__next__", self._named(name, loading.Epoch.__next__))
        steps = _loaded("steps.captured_step")
        if steps is not None:
            kind = steps.CapturedStep
            self._replace(kind, "__call__", self._named("captured_step", kind.__call__))

    def _operation(self, plain: Callable) -> Callable:
        if self.wanted.any():
            return self._operation_in_detail(plain)
        record = self.noted.append

        def apply(cls: type[Op], *inputs: Any, **parameters: Any) -> Any:
            start = now()
            result = None
            try:
                result = plain(cls, *inputs, **parameters)
            finally:
                end = now()
                edge = result._edge if type(result) is Tensor else None
                sequence = 0 if edge is None else edge[0].sequence
                kind = parameters.get("kind") if parameters else None
                record((cls, start, end, get_ident(), sequence, kind, "cpu_op", None))
            return result

        return apply

    def _operation_in_detail(self, plain: Callable) -> Callable:
        record, wanted = self.noted.append, self.wanted

        def apply(cls: type[Op], *inputs: Any, **parameters: Any) -> Any:
            result = None
            shapes = tuple(_shape(value) for value in inputs) if wanted.shapes else ()
            lines = user_frames(1, FRAMES) if wanted.lines else ()
            marks = _marks(inputs) if wanted.gpu else None
            start = now()
            try:
                result = plain(cls, *inputs, **parameters)
            finally:
                end = now()
                if marks is not None:
                    marks[1].record()
                outputs = result if isinstance(result, tuple) else (result,)
                edge = outputs[0]._edge if type(outputs[0]) is Tensor else None
                size = _size(outputs) if wanted.memory and not cls.is_view else 0
                device = outputs[0].device.type if isinstance(outputs[0], Tensor) else "cpu"
                details = Details(shapes, size, device, lines, marks)
                sequence = 0 if edge is None else edge[0].sequence
                record((cls, start, end, get_ident(), sequence, parameters.get("kind"), "cpu_op", details))
            return result

        return apply

    def _node(self, plain: Callable) -> Callable:
        record, wants_lines = self.noted.append, self.wanted.lines

        def run(node: Op, gradients: list[Any]) -> Any:
            start = now()
            try:
                return plain(node, gradients)
            finally:
                end = now()
                where = node.where if wants_lines else None
                details = None if where is None else Details(lines=(where,))
                record((node.name(), start, end, get_ident(), node.sequence, None, "backward", details))

        return run

    def _accumulation(self, plain: Callable) -> Callable:
        record = self.noted.append

        def run(node: AccumulateGrad, gradients: list[Any]) -> Any:
            start = now()
            try:
                return plain(node, gradients)
            finally:
                record((node.name(), start, now(), get_ident(), node.sequence, None, "backward", None))

        return run

    def _named(self, name: str, plain: Callable) -> Callable:
        """A method whose calls are noted by a name, in which {} is the class of what it is called on."""
        record, has_class = self.noted.append, "{}" in name
        role = "cpu_op" if name.startswith("aten::") else "user_annotation"

        def method(self: Any, *args: Any, **kwargs: Any) -> Any:
            start = now()
            try:
                return plain(self, *args, **kwargs)
            finally:
                full = name.format(type(self).__name__) if has_class else name
                record((full, start, now(), get_ident(), 0, None, role, None))

        method.__name__ = method.__qualname__ = getattr(plain, "__name__", name)
        method.__doc__ = plain.__doc__
        method.__wrapped__ = plain  # type: ignore[attr-defined]
        return method

    def _report(self, roots: tuple) -> None:
        start = now()
        report = memory_report(*roots)
        self.note("autograd_gpu::memory_report", start, "instant", Details(report=report))


collectors: list[Collector] = []  # those at work
FRAMES = 32  # of a program's that are written down of a call


def _shape(value: Any) -> tuple:
    return tuple(value._array.shape) if isinstance(value, Tensor) else ()


def _size(outputs: tuple) -> int:
    return sum(x._array.size * x.dtype.itemsize for x in outputs if isinstance(x, Tensor))


def _marks(inputs: tuple) -> tuple | None:
    """Two events around what an operation launches, the first of them recorded, where it is on a GPU."""
    if not any(isinstance(x, Tensor) and x.device.type == "cuda" for x in inputs) or running() is not None:
        return None
    from ..cuda.streams import Event

    marks = Event(enable_timing=True), Event(enable_timing=True)
    marks[0].record()
    return marks


def _loaded(name: str) -> Any:
    """A module of this package that somebody has loaded, or None."""
    return sys.modules.get(f"{__package__.partition('.')[0]}.{name}")


def _below(kind: type) -> list[type]:
    """All classes derived from one."""
    below: list[type] = kind.__subclasses__()
    return below + [each for child in below for each in _below(child)]
