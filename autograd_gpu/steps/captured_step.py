"""``capture(step)``: a step that is recorded by its second call and replayed by those that follow."""

from __future__ import annotations

import functools
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import zip_longest
from types import CellType, CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

from ..arrays.native import runtime
from ..autocasting import switches
from ..autograd.anomaly import is_anomaly_enabled
from ..batching.pytree import flatten
from ..capturing import readers, running
from ..device import cpu
from ..dtypes import get_default_dtype
from ..modes import modes
from ..nn.module import Module
from ..optim.optimizer import Optimizer
from ..tensor import Tensor, version_cell, wrap
from ..user_line import line_of, user_line
from .device_graph import DeviceGraph
from .explanation import Explanation
from .host_graph import HostGraph
from .noticed import Noticing, Same
from .sharing import Range, Ranges, lie_alike, memory_range, overlapping, shared_places

_NUMBERS = (bool, int, float, complex, str)
_EMPTY = CellType()
_SHARES = "an argument shares memory with what the step has besides its arguments"
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


def explain(step: CapturedStep) -> Explanation:
    """Return what a captured step has recorded, which of it became which kernel, and why the last recording was made.

    ``print(explain(step))`` shows a table, ``explain(step).save("step.svg")`` a picture.
    """
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
        self.why = self.as_ever = ""
        self._warm: list[Tensor] | None = None  # the leaves that the first call met, what held them, where it worked
        self._owners: list[Any] = []
        self._devices: set[Any] = set()
        self._unrecordable = ""
        self._lock = threading.RLock()
        function = getattr(step, "__func__", step)
        self._function = function if isinstance(function, FunctionType) else None
        self._names = set() if self._function is None else _names(function.__code__)

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
        for leaf in leaves:
            if isinstance(leaf, np.ndarray):
                raise TypeError(
                    f"{self._name()}: expected tensors and numbers, but got an ndarray. Use torch.from_numpy."
                )
        if self._warm is None:
            return self._warm_up(args, kwargs)
        shared = overlapping(leaves)
        if shared and not lie_alike(leaves, shared):
            return self._run_as_ever(args, kwargs, "arguments share memory that requires grad or is of two dtypes")
        surroundings = self._surroundings()
        described = _described(leaves, shared)
        key = [_conditions(), *map(Same, surroundings), _structure((args, kwargs)), *described]
        why = "there was none of these shapes, numbers and modes"
        for recorded in self.recorded:
            if recorded.key == key:
                differs = recorded.graph.differs()
                if differs is None:
                    if recorded.shows_other_memory(leaves):
                        return self._run_as_ever(args, kwargs, _SHARES)
                    return recorded.replay(leaves)
                why = differs
        besides: list[Range] = []
        if self._device(leaves) is not cpu or _has_tape():
            besides = [memory_range(x) for x in _tensors([*surroundings, *self._warm, *self._owners])]
            ranges = Ranges(besides)
            if any(ranges.meet(leaf) for leaf in leaves if isinstance(leaf, Tensor) and not leaf.requires_grad):
                return self._run_as_ever(args, kwargs, _SHARES)
        self.why = why
        return self._record(key, leaves, shared, besides, rebuild)

    def _run_as_ever(self, args: tuple, kwargs: dict, why: str) -> Any:
        """A call that no recording is right for."""
        self.as_ever = why
        return self.step(*args, **kwargs)

    def _device(self, leaves: list) -> Any:
        devices = self._devices | {leaf.device for leaf in leaves if isinstance(leaf, Tensor)}
        return next((device for device in devices if device is not cpu), cpu)

    def _warm_up(self, args: tuple, kwargs: dict) -> Any:
        met = Noticing()
        with met.noticing(), self._reads_told():
            result = self.step(*args, **kwargs)
        self._warm = [noticed.tensor for noticed in met.tensors.values()]
        self._owners = [noticed.owner for noticed in met.owners.values()]
        self._devices = met.devices | {x.device for x in flatten(result)[0] if isinstance(x, Tensor)}
        self._raise_if_it_reads()
        return result

    def _record(self, key: list, leaves: list, shared: dict, besides: list, rebuild: Callable[[list], Any]) -> Any:
        device = self._device(leaves)
        if device is cpu and not _has_tape():
            _say_that_nothing_is_recorded()
            args, kwargs = rebuild(leaves)
            return self.step(*args, **kwargs)
        graph = HostGraph(self._read) if device is cpu else DeviceGraph()
        # The same tensor twice is so in the recording, too.
        made: dict[int, Any] = {id(leaves[n]): place for n, place in shared_places(leaves, shared).items()}
        for leaf in leaves:
            if id(leaf) not in made:
                made[id(leaf)] = _place(leaf)
        places = [made[id(leaf)] for leaf in leaves]
        args, kwargs = rebuild(places)
        with graph.capture():
            for tensor in self._warm or ():
                graph.see(tensor)
            result = self.step(*args, **kwargs)
            for leaf in flatten(result)[0]:
                graph.give(leaf)
        if any(a is not b for a, b in zip_longest(flatten((args, kwargs))[0], places)):
            self._unrecordable = (
                f"{self._name()}: the step changes what a list or dict among its arguments holds, which a replay does "
                "not. Return the new values."
            )
        if device is cpu and graph.devices - {cpu}:
            self._unrecordable = f"{self._name()}: the step works on a GPU that its first call did not work on."
        self._raise_if_it_reads()
        recorded = _Recorded(key, graph, places, result, self.static, besides)
        del self.recorded[: max(0, len(self.recorded) + 1 - MOST)]
        self.recorded.append(recorded)
        returned = recorded.first(leaves)
        if recorded.shows_other_memory(leaves):
            raise RuntimeError(
                f"{self._name()}: {_SHARES}, which was found too late: this call has worked on a copy of the argument. "
                "Pass a clone, or name the tensor in the step itself. From now on such calls run as ever."
            )
        return returned

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

    def __reduce__(self) -> tuple:
        return CapturedStep, (self.step, self.static)

    def _surroundings(self) -> list:
        """What the step names and does not get: of its closure, its module, its object, and what they are asked for."""
        step, names = self._function, self._names
        if step is None:
            return []
        own = getattr(self.step, "__self__", None)
        named = [cell.cell_contents for cell in step.__closure__ or () if cell != _EMPTY]
        named += [step.__globals__[name] for name in names if name in step.__globals__]
        named.append(own)
        found = []
        for x in named:
            if isinstance(x, (ModuleType, FunctionType, type, Module, Optimizer)):
                continue  # those of the model are noticed when they are called
            inner = getattr(x, "__dict__", None)
            if isinstance(x, (Tensor, *_NUMBERS, list, tuple, dict)):
                found.append(x)
            elif isinstance(inner, dict):
                found += [inner[name] for name in names if name in inner and not callable(inner[name])]
        return found

    def _name(self) -> str:
        return f"capture({getattr(self.step, '__qualname__', type(self.step).__name__)})"

    @property
    def kept_memory(self) -> list[tuple[int, int, str, str]]:
        """What each recording keeps, for memory_report: bytes, buffers, what it is, and where the step is written."""
        code = getattr(self._function, "__code__", None)
        where = "" if code is None else f"{code.co_filename}:{code.co_firstlineno}"
        name = f"a recording of {self._name()}"
        return [(recorded.nbytes, 1 + len(recorded.places), name, where) for recorded in self.recorded]

    def explain(self) -> Explanation:
        return Explanation(self._name(), [recorded.graph for recorded in self.recorded], self.why, self.as_ever)


class _Recorded:
    """One recording: what it holds for, where its arguments go, what it returns."""

    def __init__(self, key: list, graph: Any, places: list, result: Any, static: bool, besides: list) -> None:
        self.key, self.graph, self.places = key, graph, places
        results, self._rebuild = flatten(result)
        own = Ranges(memory_range(x) for x in results if isinstance(x, Tensor)) if static else Ranges([])
        self._besides = Ranges([*besides, *(each for each in graph.besides() if not own.hold(each))])
        outside = {id(noticed.tensor) for noticed in graph.tensors.values()}
        inside = {id(place) for place in places}
        # What was there before the step is returned as it is; what shows an argument's place is copied in any case.
        shown = {id(x): x.detach() for x in results if isinstance(x, Tensor) and id(x) not in outside}
        self._results = [(shown.get(id(x), x), id(x) in shown and (not static or id(x) in inside)) for x in results]
        copied = {id(x): _memory(x) for x, is_copied in self._results if is_copied}
        self._shared = {memory for memory, times in Counter(copied.values()).items() if times > 1}
        self._written = [n for n, place in enumerate(places) if isinstance(place, Tensor) and place._version]

    def first(self, leaves: list) -> Any:
        """The result of the call that was recorded."""
        return self._returned(leaves) if self.graph.ran else self.replay(leaves)

    def shows_other_memory(self, leaves: list) -> bool:
        """Whether an argument shows memory that the step reads or writes by other names, too."""
        return any(
            place is not leaf and isinstance(leaf, Tensor) and self._besides.meet(leaf)
            for place, leaf in zip(self.places, leaves)
        )

    def replay(self, leaves: list) -> Any:
        for place, leaf in zip(self.places, leaves):
            if place is not leaf and isinstance(place, Tensor):
                place.device.backend.copy_into(place._array, leaf._array)
        self.graph.replay()
        return self._returned(leaves)

    def _returned(self, leaves: list) -> Any:
        """The results, once what the step writes to its arguments is written there."""
        for number in self._written:
            leaf, place = leaves[number], self.places[number]
            if leaf is not place:
                leaf.device.backend.copy_into(leaf._array, place._array)
                version_cell(leaf).value += 1
        made: dict[int, Tensor] = {}
        bases: dict[tuple, Tensor] = {}
        for x, is_copied in self._results:
            if is_copied and id(x) not in made:
                made[id(x)] = self._copied(x, bases)
        return self._rebuild([made.get(id(x), x) for x, _ in self._results])

    def _copied(self, x: Tensor, bases: dict[tuple, Tensor]) -> Tensor:
        """A copy; of results that share memory, views of a copy that they share."""
        memory, backend = _memory(x), x.device.backend
        if memory not in self._shared:
            return wrap(backend.copy(x._array), x.device)
        if memory not in bases:
            whole = backend.as_strided(x._array, (memory[2] // x.element_size(),), (1,), 0)
            bases[memory] = wrap(backend.copy(whole), x.device)
        return bases[memory].as_strided(tuple(x.shape), x.stride(), backend.offset(x._array))

    @property
    def nbytes(self) -> int:
        """What it keeps: its memory, and the places of the arguments."""
        own = {id(x): x.nbytes for x in self.places if isinstance(x, Tensor) and not x.requires_grad}
        return self.graph.nbytes() + sum(own.values())


def _memory(x: Tensor) -> tuple:
    """Whose memory a tensor shows, where, of how many bytes, and as what."""
    return (x.device, *x.device.backend.storage(x._array), x.dtype)


def _place(leaf: Any) -> Any:
    """Where a replay finds an argument: of its own for a tensor of values, the tensor itself for one to derive by."""
    if not isinstance(leaf, Tensor) or leaf.requires_grad:
        return leaf
    order = sorted(range(leaf.dim()), key=lambda d: -leaf.stride(d))
    place = leaf.detach().permute(order).clone().permute(sorted(order, key=order.__getitem__))
    return wrap(place._array, leaf.device)


def _described(leaves: list, shared: dict) -> list:
    """What a recording takes for granted of its arguments: of tensors how they lie, and which are one or share memory;
    numbers."""
    first: dict[int, int] = {}
    found: list[Any] = []
    for number, leaf in enumerate(leaves):
        if isinstance(leaf, Tensor) and not leaf.requires_grad:
            array = leaf._array
            same = first.setdefault(id(leaf), number)
            lies: tuple = (array.shape, array.strides, array.dtype, leaf.device, same)
            if same in shared:
                leader, (_, low, high) = shared[same]
                lies += (leader, high - low, memory_range(leaf)[1] - low)
            found.append(lies)
        else:
            found.append(Same(leaf))
    return found


def _tensors(values: Iterable[Any]) -> Iterator[Tensor]:
    """Those in lists, dicts, modules and optimizers, and their gradients."""
    for value in values:
        if isinstance(value, Tensor):
            yield value
            if value._grad is not None:
                yield value._grad
        elif isinstance(value, Module):
            yield from _tensors([*value.parameters(), *value.buffers()])
        elif isinstance(value, Optimizer):
            yield from _tensors([*value.state.values(), *(group["params"] for group in value.param_groups)])
        elif isinstance(value, dict):
            yield from _tensors(value.values())
        elif isinstance(value, (list, tuple)):
            yield from _tensors(value)


def _structure(tree: Any) -> Any:
    """The lists, tuples and dicts that hold the arguments."""
    if isinstance(tree, dict):
        return type(tree), tuple(tree), tuple(map(_structure, tree.values()))
    return (type(tree), *map(_structure, tree)) if isinstance(tree, (list, tuple)) else None


def _names(code: CodeType) -> set[str]:
    """The names that a function's code asks for, comprehensions and inner functions included."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= _names(constant)
    return names


def _conditions() -> tuple:
    """What operations of this thread depend on besides their arguments."""
    return modes.grad, modes.inference, switches(), get_default_dtype(), is_anomaly_enabled()


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
