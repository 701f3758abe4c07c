"""What a step does to arrays, recorded as it runs: the kernels' launches on a tape, what NumPy computes as calls.

While a recording is on, the CPU's arrays are `Recording.backend`: every array function, with a note of what it did.
Functions of `LAUNCHES` do all their work by launches, among them BLAS's, or say that they do not; any other is called
again by the replay, and what it gives is copied to where its result lay. Each array that is made meanwhile lies in the
recording's own memory (`tape.Arena`), so that addresses hold. What an operation has computed on the host, a table of
positions, is written anew by the replay before it is first read. At the end launches are made fewer (`fused.py`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
from numpy.lib.array_utils import byte_bounds

from autograd_gpu import settings
from autograd_gpu.arrays import native
from autograd_gpu.arrays.cpu.memory import root
from autograd_gpu.arrays.native.fused import Fused, Part, fuse
from autograd_gpu.arrays.native.launch import Map
from autograd_gpu.arrays.native.tape import Arena, Tape, shadow

LAUNCHES = frozenset(
    "adam_step add_layer_norm add_rms_norm attention attention_backward avg_pool avg_pool_backward bag_dot bag_max "
    "bag_scatter bag_sum cast contiguous convolution convolution_transposed convolution_weight copy copy_into "
    "cross_entropy cross_entropy_backward cross_entropy_with_gradient dropout gather_rows gelu gelu_backward "
    "gelu_linear_backward layer_norm layer_norm_backward linear linear_gelu linear_parameters_backward log_softmax "
    "log_softmax_backward matmul max_pool max_pool_backward mean normal pow rms_norm rms_norm_backward scale_all "
    "sgd_step softmax softmax_backward sum uniform".split()
)
LOOKS = frozenset("as_strided expand offset owns storage synchronize".split())  # compute nothing
MOST_KEPT = 1 << 16  # bytes of a constant whose memory nothing else gets, so that it need be written once
READS = {"to_numpy": "reads values", "nonzero": "asks which elements are not zero"}  # what no replay can follow


class Recording:
    """The work of a step on arrays. Record within `with recording.on(): ...`, then `replay()`.

    `external` are the arrays from outside that it reads or writes, by the ids of what owns their memory; `bounds` the
    bytes that they show.
    """

    def __init__(self, on_read: Callable[[str], None]) -> None:
        """`on_read` is told of what no replay can follow."""
        self.on_read = on_read
        self.tape = Tape()
        self.arena = Arena(self.tape)
        self.calls: list[Call] = []
        self.fused: Fused | None = None
        self.external: dict[int, np.ndarray] = {}
        self.bounds: set[tuple[int, int]] = set()
        self._thread = self._paused = 0
        self._closed = 0  # launches up to here are in `calls`
        self.backend: Any = SimpleNamespace(**dict(_public(native, self._recorded)))

    @contextmanager
    def on(self) -> Iterator[None]:
        """Record what this thread computes with `backend`."""
        self._thread = threading.get_ident()
        self.tape.record(True)
        lives = []
        try:
            with self.arena.in_use():
                yield
        finally:
            self.tape.record(False)
            self._thread = 0
            self._close()
            lives = self.arena.lives()
        self._join()
        if settings.fuses():
            self._fuse(lives)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Within, what is computed is not recorded, and its arrays lie elsewhere."""
        self._paused += 1
        self.tape.record(False)
        try:
            with self.arena.not_in_use():
                yield
        finally:
            self._paused -= 1
            self.tape.record(not self._paused and bool(self._thread))

    def replay(self) -> None:
        """Do it all again, on the same memory."""
        for call in self.calls:
            call.run()

    def note(self, name: str, run: Callable[[], Any], touched: Iterable[np.ndarray] = ()) -> None:
        """Let the replay call `run` at this place, which reads or writes what is `touched`."""
        self._close()
        self.calls.append(Call(name, run, self._closed, [byte_bounds(x) for x in touched if x.size]))

    # ---- recording

    def _recorded(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        if name in LOOKS or name.startswith("_"):
            return function
        by_launches = name in LAUNCHES or function in _MAPS

        def call(*args: Any, **kwargs: Any) -> Any:
            if self._thread != threading.get_ident() or self._paused:
                return function(*args, **kwargs)
            if name in READS:
                self.on_read(READS[name])
            given = [x for x in _flat((*args, *kwargs.values())) if isinstance(x, np.ndarray)]
            for x in given:
                self.meet(x)
            if name == "empty":
                made = function(*args, **kwargs)
                self.arena.mark_computed(made)
                return made
            if by_launches:
                done, result = self._by_launches(function, args, kwargs)
                if done:
                    return result
            else:
                with self._untaped(), nullcontext() if given else self.arena.fresh():
                    result = function(*args, **kwargs)
            return self._by_call(name, function, args, kwargs, given, result)

        return call

    def _by_launches(self, function: Callable[..., Any], args: tuple, kwargs: dict) -> tuple[bool, Any]:
        """Run the function; whether all that it did is on the tape, and what it gave."""
        self._close()
        launches, left = len(self.tape), self.tape.left()
        result = function(*args, **kwargs)
        if self.tape.left() == left:
            worked = len(self.tape) > launches
            results = [x for x in _flat((result,)) if isinstance(x, np.ndarray)]
            if worked or not results or all(not x.size or self.arena.is_computed(x) for x in results):
                for x in results:
                    self.arena.mark_computed(x)
                return True, result
        # NumPy did part of it, or all: it becomes a call.
        self._closed = len(self.tape)
        return False, result

    @contextmanager
    def _untaped(self) -> Iterator[None]:
        """Within, launches are not recorded, though arrays lie in the arena."""
        self._paused += 1
        self.tape.record(False)
        try:
            yield
        finally:
            self._paused -= 1
            self.tape.record(True)

    def _by_call(
        self, name: str, function: Callable[..., Any], args: tuple, kwargs: dict, given: list, result: Any
    ) -> Any:
        """Let the replay call a function that has run."""
        results = [x for x in _flat((result,)) if isinstance(x, np.ndarray)]
        fresh = [not any(np.may_share_memory(x, other) for other in given) for x in results]
        if results and not any(fresh) and not _writes(name, kwargs):
            return result  # a view, or the very array
        if not given:  # numbers alone: always the same
            for x in results:
                self._constant(x)
            return result
        with self.arena.not_in_use():
            args, kwargs = self._shadowed(args), {key: self._shadowed(value) for key, value in kwargs.items()}
            places = [shadow(x) if is_fresh else None for x, is_fresh in zip(results, fresh, strict=True)]
        self.note(name, _again(function, args, kwargs, places), [*given, *results])
        for x in results:
            self.arena.mark_computed(x)
        return result

    def meet(self, x: np.ndarray) -> None:
        """Take note of what is read: memory from outside is kept alive, what the host has computed is kept by value."""
        if not x.size or self.arena.is_computed(x):
            return
        owner = root(x)
        if self.arena.holds(x):
            self._constant(owner)
        else:
            self.external[id(owner)] = owner
            self.bounds.add(byte_bounds(x))

    def is_external(self, x: np.ndarray) -> bool:
        """Whether the memory of an array from outside is read or written."""
        return id(root(x)) in self.external

    def _constant(self, x: np.ndarray) -> None:
        """The replay writes these values there before they are read."""
        if not x.size:
            return
        with self.arena.not_in_use():
            place = shadow(x)
            value = x.flat[0] if _is_uniform(x) else x.copy()
        self.note("constant", lambda: np.copyto(place, value), [x])
        self.arena.mark_computed(x)
        if x.nbytes <= MOST_KEPT:
            self.calls[-1].part = self.calls[-1].part._replace(is_constant=True)
            self.arena.keep(x)

    def _shadowed(self, value: Any) -> Any:
        """The same argument, with the recording's own arrays as views that do not hold them."""
        if isinstance(value, np.ndarray):
            return shadow(value) if self.arena.holds(value) else value
        if isinstance(value, (list, tuple)):
            return type(value)(self._shadowed(item) for item in value)
        return value

    def _close(self) -> None:
        """Put the launches since the last call among the calls."""
        first, last = self._closed, len(self.tape)
        if last > first:
            self._closed = last
            self.calls.append(Launched(self.tape, first, last))

    def _fuse(self, lives: list) -> None:
        """Replay fewer launches, which do the same."""
        outside = [byte_bounds(x) for x in self.external.values()]
        self.fused = fused = fuse(self.tape, [call.part for call in self.calls], lives, outside)
        self.calls = [
            self.calls[which] if isinstance(which, int) else Launched(fused.tape, *which) for which in fused.calls
        ]

    def _join(self) -> None:
        """Make one call of launches that follow each other."""
        joined: list[Call] = []
        for call in self.calls:
            before = joined[-1] if joined else None
            if isinstance(call, Launched) and isinstance(before, Launched) and before.last == call.first:
                joined[-1] = Launched(self.tape, before.first, call.last)
            else:
                joined.append(call)
        self.calls = joined


class Call:
    """What a replay does at one place."""

    def __init__(self, name: str, run: Callable[[], Any], at: int, touched: list[tuple[int, int]]) -> None:
        self.name, self.run = name, run
        self.part = Part(at, at, touched, name)


class Launched(Call):
    """Launches [first, last) of a tape."""

    def __init__(self, tape: Tape, first: int, last: int) -> None:
        super().__init__("launches", lambda: tape.run(first, last), first, [])
        self.first, self.last = first, last
        self.part = Part(first, last, [])


def _again(function: Callable[..., Any], args: tuple, kwargs: dict, places: list) -> Callable[[], None]:
    def call() -> None:
        results = function(*args, **kwargs)
        for place, x in zip(places, (x for x in _flat((results,)) if isinstance(x, np.ndarray)), strict=True):
            if place is not None:
                np.copyto(place, x)

    return call


def _flat(values: Iterable[Any]) -> Iterator[Any]:
    for value in values:
        if isinstance(value, (list, tuple)):
            yield from _flat(value)
        else:
            yield value


# Functions that write to an argument, whatever they return.
_IN_PLACE = frozenset(
    "adam_step copy_into cross_entropy_with_gradient dropout fill normal scale_all scatter_rows sgd_step "
    "uniform".split()
)


def _writes(name: str, kwargs: dict) -> bool:
    return name in _IN_PLACE or kwargs.get("out") is not None


def _is_uniform(x: np.ndarray) -> bool:
    first = x.flat[0]
    return bool((x == first).all())


_MAPS = {made.function for made in Map.all}


def _public(module: ModuleType, recorded: Callable[[str, Callable], Callable]) -> Iterator[tuple[str, Any]]:
    for name, value in vars(module).items():
        yield name, recorded(name, value) if callable(value) and not isinstance(value, type) else value
