"""``capture(step)``: a step that is recorded by its second call and replayed by those that follow."""

from __future__ import annotations

import functools
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CellType, FunctionType
from typing import Any

from ..arrays.native import runtime
from ..autocasting import switches
from ..batching.pytree import flatten
from ..capturing import readers, running
from ..device import Device, cpu
from ..modes import modes
from ..tensor import Tensor, wrap
from ..user_line import line_of, user_line
from .device_graph import DeviceGraph
from .host_graph import HostGraph
from .noticed import Noticing

_NUMBERS = (bool, int, float, str)
_EMPTY = CellType()
MOST = 16  # recordings that a step keeps: of shapes, modes, settings


def capture(step: Callable[..., Any] | None = None, *, static: bool = False) -> Any:
    """Return `step` as a callable that records its work once and then replays it without Python per operation.

        @autograd_gpu.capture
        def step(inputs, targets):
            loss = cross_entropy(model(inputs), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

    The first call runs as ever: it makes what is made once, such as an optimizer's state. The second is recorded, on
    the CPU as a list of launches and calls of BLAS over kept memory, on a GPU as a CUDA graph. Later ones copy their
    tensors to where the recording reads them, replay, and return what the step would: the same bits, in gradients,
    parameters, states and random numbers too.

    Arguments are tensors, numbers and trees of them (dicts, lists, tuples). A change of a shape, dtype, device, number,
    grad mode, autocast, of a module's training mode or hooks, of a parameter's memory or requires_grad, of an
    optimizer's settings or state records anew; `explain(step)` says which. Learning rates are read at every call.
    Results require no grad; they are fresh, or with `static` the same tensors at every call.

    A step whose Python depends on values (`item()`, `if tensor`, `nonzero`) cannot be replayed: RuntimeError names the
    line, once the step is through. So does the first step of an optimizer without device numbers (all but SGD, Adam
    and AdamW). Without a compiler the CPU has nothing to record, and a captured step runs as ever, with a warning.
    """
    if step is None:
        return functools.partial(capture, static=static)
    return CapturedStep(step, static)


def explain(step: CapturedStep) -> str:
    """Return what a captured step has recorded, a line a recording, and why the last one was made."""
    if not isinstance(step, CapturedStep):
        raise TypeError(f"explain(): expected what capture() returned, but got {type(step).__name__}")
    return step.explain()


class CapturedStep:
    """What `capture` returns. Calls take turns where several threads make them."""

    def __init__(self, step: Callable[..., Any], static: bool = False) -> None:
        if not callable(step):
            raise TypeError(f"capture(): expected a function, but got {type(step).__name__}")
        functools.update_wrapper(self, step, updated=())
        self.step, self.static = step, static
        self.recorded: list[_Recorded] = []
        self.why = ""
        self._warm: list[Tensor] | None = None  # what the first call met
        self._unrecordable = ""
        self._lock = threading.RLock()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if running() is not None:
            raise RuntimeError(
                f"{self._name()}: a captured step within a capture. Capture the outer step alone: it records what "
                "the inner one does."
            )
        with self._lock:
            return self._call(args, kwargs)

    def _call(self, args: tuple, kwargs: dict) -> Any:
        if self._unrecordable:
            raise RuntimeError(self._unrecordable)
        leaves, rebuild = flatten((args, kwargs))
        key = (_conditions(), self._surroundings(), *map(_described, leaves))
        device = self._device(leaves)
        if self._warm is None:
            return self._warm_up(args, kwargs)
        why = "there was none of these shapes, numbers and modes"
        for recorded in self.recorded:
            if recorded.key == key:
                differs = recorded.graph.differs()
                if differs is None:
                    return recorded.replay(leaves)
                why = differs
        self.why = why
        return self._record(key, leaves, rebuild, device)

    def _warm_up(self, args: tuple, kwargs: dict) -> Any:
        met = Noticing()
        with met.noticing(), self._reads_told():
            result = self.step(*args, **kwargs)
        self._warm = [noticed.tensor for noticed in met.tensors.values()]
        self._raise_if_it_reads()
        return result

    def _record(self, key: tuple, leaves: list, rebuild: Callable[[list], Any], device: Device) -> Any:
        if device is cpu and not _has_tape():
            _say_that_nothing_is_recorded()
            args, kwargs = rebuild(leaves)
            return self.step(*args, **kwargs)
        graph = HostGraph(self._read) if device is cpu else DeviceGraph()
        places = [_place(leaf) for leaf in leaves]
        for tensor in self._warm or ():
            graph.see(tensor)
        args, kwargs = rebuild(places)
        with graph.capture():
            result = self.step(*args, **kwargs)
            for leaf in flatten(result)[0]:
                graph.give(leaf)
        self._raise_if_it_reads()
        recorded = _Recorded(key, graph, places, result, self.static)
        del self.recorded[: max(0, len(self.recorded) + 1 - MOST)]
        self.recorded.append(recorded)
        return recorded.first(leaves)

    # ---- reading values

    def _read(self, what: str) -> None:
        if not self._unrecordable:
            self._unrecordable = (
                f"{self._name()}: the step {what} at {line_of(user_line(3))}, so that a replay could not do what it "
                "does. Return the tensor and read it outside of the step, or choose by torch.where."
            )

    @contextmanager
    def _reads_told(self) -> Iterator[None]:
        thread = threading.get_ident()

        def read(what: str) -> None:
            if threading.get_ident() == thread:
                self._read(what)

        readers.append(read)
        try:
            yield
        finally:
            readers.remove(read)

    def _raise_if_it_reads(self) -> None:
        if self._unrecordable:
            raise RuntimeError(self._unrecordable + " This call has taken its step as ever.")

    # ---- where

    def _device(self, leaves: list) -> Device:
        """The device that the step works on: that of its arguments and of what the first call met."""
        devices = {leaf.device for leaf in (*leaves, *(self._warm or ())) if isinstance(leaf, Tensor)}
        accelerated = [device for device in devices if device is not cpu]
        return accelerated[0] if accelerated else cpu

    def _surroundings(self) -> tuple:
        """The tensors and numbers that the step names and does not get: of its closure, its module, its object."""
        step = getattr(self.step, "__func__", self.step)
        if not isinstance(step, FunctionType):
            return ()
        own = getattr(self.step, "__self__", None)
        named = [cell.cell_contents for cell in step.__closure__ or () if cell != _EMPTY]
        for names in (step.__globals__, getattr(own, "__dict__", {})):
            named += [names[name] for name in step.__code__.co_names if name in names]
        return tuple(id(x) if isinstance(x, Tensor) else x for x in named if isinstance(x, (Tensor, *_NUMBERS)))

    def _name(self) -> str:
        return f"capture({getattr(self.step, '__qualname__', type(self.step).__name__)})"

    def explain(self) -> str:
        lines = [f"{self._name()}: {len(self.recorded)} recordings"]
        lines += [f"  {recorded.graph.describe()}" for recorded in self.recorded]
        if self.why:
            lines.append(f"  the last was made since {self.why}")
        return "\n".join(lines)


class _Recorded:
    """One recording: what it holds for, where its arguments go, what it returns."""

    def __init__(self, key: tuple, graph: Any, places: list, result: Any, static: bool) -> None:
        self.key, self.graph, self.places, self.static = key, graph, places, static
        results, self._rebuild = flatten(result)
        outside = {id(noticed.tensor) for noticed in graph.tensors.values()}
        # What was there before the step is returned as it is.
        self._results = [
            (x.detach(), True) if isinstance(x, Tensor) and id(x) not in outside else (x, False) for x in results
        ]

    def first(self, leaves: list) -> Any:
        """The result of the call that was recorded."""
        if not self.graph.ran:
            return self.replay(leaves)
        return self._returned()

    def replay(self, leaves: list) -> Any:
        for place, leaf in zip(self.places, leaves):
            if place is not leaf and isinstance(place, Tensor):
                place.device.backend.copy_into(place._array, leaf._array)
        self.graph.replay()
        return self._returned()

    def _returned(self) -> Any:
        if self.static:
            return self._rebuild([x for x, _ in self._results])
        return self._rebuild([_copy(x) if is_made else x for x, is_made in self._results])


def _copy(x: Tensor) -> Tensor:
    return wrap(x.device.backend.copy(x._array), x.device)


def _place(leaf: Any) -> Any:
    """Where a replay finds an argument: of its own for a tensor of values, the tensor itself for one to derive by."""
    if not isinstance(leaf, Tensor) or leaf.requires_grad:
        return leaf
    return _copy(leaf.detach())


def _described(leaf: Any) -> Any:
    if not isinstance(leaf, Tensor):
        return type(leaf), leaf
    if leaf.requires_grad:
        return Tensor, id(leaf)
    return Tensor, leaf._array.shape, leaf._array.dtype, leaf.device


def _conditions() -> tuple:
    """What operations of this thread depend on besides their arguments."""
    return modes.grad, modes.inference, switches()


@functools.cache
def _has_tape() -> bool:
    try:
        runtime.library()
    except runtime.Unusable:
        return False
    return True


@functools.cache
def _say_that_nothing_is_recorded() -> None:
    warnings.warn(
        "capture(): nothing is compiled for this processor (`autograd-gpu info` says why), so that steps on the CPU "
        "run as ever.",
        stacklevel=5,
    )
