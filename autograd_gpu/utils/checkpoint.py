"""Checkpointing: memory for time. Backward computes again what forward did not keep.

Without re-entrance (the default choice for new code) the saved-tensor hooks put a placeholder wherever an operation in
the function saves a value; the first placeholder that backward reads runs the function again. With re-entrance the
function is one node whose backward runs a graph of its own (Chen et al. 2016, "Training deep nets with sublinear
memory cost").
"""

from __future__ import annotations

import contextlib
import warnings
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..autocasting import switched, switches
from ..autograd.backward import backward
from ..autograd.graph import saved_tensors_hooks
from ..device import Device
from ..function import Function
from ..modes import enable_grad, modes
from ..op import Op
from ..ops.random import default_generator, generators_in_use
from ..tensor import Tensor
from ..user_line import line_of, user_line
from .selective import CheckpointPolicy, SelectiveCheckpointContext, create_selective_checkpoint_contexts

__all__ = [
    "CheckpointError", "CheckpointPolicy", "SelectiveCheckpointContext", "checkpoint", "checkpoint_sequential",
    "create_selective_checkpoint_contexts", "get_device_states", "noop_context_fn", "set_checkpoint_debug_enabled",
    "set_checkpoint_early_stop", "set_device_states",
]  # fmt: skip

Contexts = tuple[contextlib.AbstractContextManager, contextlib.AbstractContextManager]


class CheckpointError(RuntimeError):
    """The function did not compute the second time what it computed the first time."""


def noop_context_fn() -> Contexts:
    """Return two contexts that do nothing: the default `context_fn`."""
    return contextlib.nullcontext(), contextlib.nullcontext()


def _on_gpus(args: Any) -> Iterator[Device]:
    """Yield the GPUs of the tensors in nested arguments."""
    if isinstance(args, Tensor) and args.device.type == "cuda":
        yield args.device
    elif isinstance(args, dict):
        yield from _on_gpus(list(args.values()))
    elif isinstance(args, (list, tuple)):
        for arg in args:
            yield from _on_gpus(arg)


def get_device_states(*args: Any) -> tuple[list[Device], list[Tensor]]:
    """Return the GPUs of the tensors among the arguments, and the states of their generators."""
    devices = list(dict.fromkeys(_on_gpus(args)))
    return devices, [default_generator(device).get_state() for device in devices]


def set_device_states(devices: Sequence[Device], states: Sequence[Tensor], *, device_type: str | None = None) -> None:
    """Give the generators of GPUs the states that `get_device_states` returned."""
    for device, state in zip(devices, states):
        default_generator(device).set_state(state)


def checkpoint(
    function: Callable,
    *args: Any,
    use_reentrant: bool | None = None,
    context_fn: Callable[[], Contexts] = noop_context_fn,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    preserve_rng_state: bool = True,
    **kwargs: Any,
) -> Any:
    """Return function(*args, **kwargs) without keeping what it saves for backward; backward runs it again.

    `use_reentrant` should be passed: False allows nesting, keyword arguments and ``autograd.grad``; True (what None
    means, with a warning) needs an argument that requires grad. With `preserve_rng_state` the second run draws the
    same random numbers. `context_fn` gives one context for each run. With `determinism_check` "default" a second run
    that saves other shapes, dtypes or devices raises CheckpointError; "none" trusts it. With `early_stop` the second
    run ends as soon as all that is needed is there. `debug` adds the line of every saved value to that error.
    """
    if use_reentrant is None:
        warnings.warn(
            "checkpoint: the use_reentrant parameter should be passed explicitly. use_reentrant=False is recommended; "
            "without it, use_reentrant=True is taken.",
            stacklevel=2,
        )
        use_reentrant = True
    if use_reentrant:
        if kwargs:
            raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
        if context_fn is not noop_context_fn or debug:
            raise ValueError("Passing `context_fn` or `debug` is only supported when use_reentrant=False.")
        return _Reentrant.apply(function, preserve_rng_state, *args)
    if determinism_check not in ("default", "none"):
        raise ValueError(f"determinism_check should be one of ['default', 'none'], but got {determinism_check}")
    first, second = context_fn()
    if not modes.grad:
        with first:
            return function(*args, **kwargs)
    if _early_stop is not None:
        early_stop = _early_stop
    if _debug is not None:
        debug = _debug
    run = _Run(function, args, kwargs, second, preserve_rng_state, early_stop, determinism_check == "default", debug)
    with run.recording(), first:
        outputs = function(*args, **kwargs)
    run.finished = True
    return outputs


def checkpoint_sequential(
    functions: Any, segments: int, input: Any, use_reentrant: bool | None = None, **kwargs: Any
) -> Any:
    """Return `functions`, a Sequential or a list, applied in turn to input, in `segments` checkpoints.

    The last segment is not checkpointed: its values are needed at once.
    """
    preserve = kwargs.pop("preserve_rng_state", True)
    if kwargs:
        raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
    steps = list(functions.children()) if hasattr(functions, "children") else list(functions)

    def run(start: int, stop: int) -> Callable:
        def forward(value: Any) -> Any:
            for step in steps[start:stop]:
                value = step(value)
            return value

        return forward

    size = len(steps) // segments
    start = 0
    for _ in range(segments - 1):
        input = checkpoint(run(start, start + size), input, use_reentrant=use_reentrant, preserve_rng_state=preserve)
        start += size
    return run(start, len(steps))(input)


_early_stop: bool | None = None


@contextlib.contextmanager
def set_checkpoint_early_stop(enable: bool) -> Iterator[None]:
    """Within this context, decide for every checkpoint whether its second run ends early."""
    global _early_stop
    before, _early_stop = _early_stop, enable
    try:
        yield
    finally:
        _early_stop = before


_debug: bool | None = None


@contextlib.contextmanager
def set_checkpoint_debug_enabled(enabled: bool | None) -> Iterator[None]:
    """Within this context, decide for every checkpoint whether its errors name lines; None leaves it to `debug`."""
    global _debug
    before, _debug = _debug, enabled
    try:
        yield
    finally:
        _debug = before


# ------------------------------------------------------------------------------------------------ without re-entrance


class _Placeholder:
    """What a node keeps in place of a saved value: the value's number in its run."""

    __slots__ = ("run", "number", "__weakref__")

    def __init__(self, run: _Run, number: int) -> None:
        self.run, self.number = run, number


class _Enough(Exception):
    """Everything that backward may ask for has been computed again."""


class _Inputs(Op):
    """Keeps a run's tensor arguments as operations do: with their versions, and through an outer checkpoint's hooks."""

    def name(ctx) -> str:
        return "CheckpointBackward"


class _Run:
    """One checkpointed call: how to do it again, and what it saved."""

    def __init__(
        self,
        function: Callable,
        args: tuple,
        kwargs: dict,
        context: contextlib.AbstractContextManager,
        preserve_rng_state: bool,
        early_stop: bool,
        check: bool,
        debug: bool,
    ) -> None:
        self.function, self.context = function, context
        self.early_stop, self.check, self.debug = early_stop, check, debug
        given = (*args, *kwargs.values())
        self.names = tuple(kwargs)
        self.others = [None if isinstance(value, Tensor) else value for value in given]
        self.places = [place for place, value in enumerate(given) if isinstance(value, Tensor)]
        self.inputs = _Inputs()
        self.inputs.where = user_line(3)
        self.inputs.save(*(given[place] for place in self.places))
        self.requires_grad = [given[place].requires_grad for place in self.places]
        self.random = _random_states(given) if preserve_rng_state else {}
        self.autocast = switches()
        self.placeholders: list[weakref.ref[_Placeholder]] = []
        self.saved: list[tuple[dict, tuple | None]] = []  # what each value was, and the user line that saved it
        self.values: dict[int, Tensor] = {}  # computed again and not yet read
        self.finished = False

    def recording(self) -> saved_tensors_hooks:
        return saved_tensors_hooks(self._pack, _read)

    def _pack(self, value: Tensor) -> _Placeholder:
        placeholder = _Placeholder(self, len(self.placeholders))
        self.placeholders.append(weakref.ref(placeholder))
        self.saved.append((_metadata(value), user_line(2) if self.debug else None))
        return placeholder

    def value_of(self, placeholder: _Placeholder) -> Tensor:
        if placeholder.number not in self.values:
            if not self.finished:
                raise CheckpointError(
                    "checkpoint: backward was called inside the checkpointed function, which has not finished yet. "
                    "Call it outside, or pass use_reentrant=True."
                )
            self.run_again()
        return self.values.pop(placeholder.number)

    def run_again(self) -> None:
        """Fill `values` by a second run of the function on detached inputs."""
        again: list[dict] = []
        values: dict[int, Tensor] = {}

        def pack(value: Tensor) -> Tensor:
            number = len(again)
            again.append(_metadata(value))
            if number < len(self.placeholders) and self.placeholders[number]() is not None:
                values[number] = value
            if self.early_stop and len(again) == len(self.placeholders):
                raise _Enough
            return value

        given = self._given()
        positional = len(given) - len(self.names)
        with (
            saved_tensors_hooks(pack, lambda value: value),
            contextlib.suppress(_Enough),
            _random_numbers(self.random),
            enable_grad(),
            switched(self.autocast),
            self.context,
        ):
            self.function(*given[:positional], **dict(zip(self.names, given[positional:])))
        self._compare(again)
        self.values = values

    def _given(self) -> list:
        given = list(self.others)
        for place, value, requires_grad in zip(self.places, self.inputs.saved, self.requires_grad):
            given[place] = value.detach().requires_grad_(requires_grad)
        return given

    def _compare(self, again: list[dict]) -> None:
        if len(again) != len(self.saved):
            raise CheckpointError(
                "checkpoint: A different number of tensors was saved during the original forward and recomputation.\n"
                f"Number of tensors saved during forward: {len(self.saved)}\n"
                f"Number of tensors saved during recomputation: {len(again)}.\n{self._hint()}"
            )
        if not self.check:
            return
        differing = [
            f"tensor at position {position}{self._line(line)}:\nsaved metadata: {before}\nrecomputed metadata: {now}"
            for position, ((before, line), now) in enumerate(zip(self.saved, again))
            if before != now
        ]
        if differing:
            raise CheckpointError(
                "checkpoint: Recomputed values for the following tensors have different metadata than during the "
                "forward pass.\n" + "\n".join(differing) + f"\n{self._hint()}"
            )

    def _line(self, line: tuple | None) -> str:
        return f" (saved at {line_of(line)})" if self.debug else ""

    def _hint(self) -> str:
        hint = f"The checkpoint was made at {line_of(self.inputs.where)}; its function must do the same each time."
        return hint if self.debug else hint + " Pass debug=True to see the line of each saved tensor."


def _read(placeholder: _Placeholder) -> Tensor:
    return placeholder.run.value_of(placeholder)


def _metadata(value: Tensor) -> dict:
    return {"shape": value.shape, "dtype": value.dtype, "device": value.device}


# --------------------------------------------------------------------------------------------------- with re-entrance


class _Reentrant(Function):
    """The whole function as one node, whose backward runs it again and runs a backward inside."""

    @staticmethod
    def forward(ctx: Any, function: Callable, preserve_rng_state: bool, *args: Any) -> Any:
        if not any(isinstance(value, Tensor) and value.requires_grad for value in args):
            warnings.warn("None of the inputs have requires_grad=True. Gradients will be None", stacklevel=4)
        ctx.function = function
        ctx.random = _random_states(args) if preserve_rng_state else {}
        ctx.autocast = switches()
        ctx.others = [None if isinstance(value, Tensor) else value for value in args]
        ctx.places = [place for place, value in enumerate(args) if isinstance(value, Tensor)]
        ctx.save_for_backward(*(args[place] for place in ctx.places))
        return function(*args)

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> tuple:
        if ctx.wanted is not None:
            raise RuntimeError(
                "When use_reentrant=True, checkpoint is incompatible with .grad() or passing an `inputs` parameter to "
                ".backward(). To resolve this error, you can either set use_reentrant=False, or call .backward() "
                "without passing the `inputs` argument."
            )
        given = list(ctx.others)
        for place, value in zip(ctx.places, ctx.saved_tensors):
            given[place] = value.detach().requires_grad_(value.requires_grad)
        with _random_numbers(ctx.random), enable_grad(), switched(ctx.autocast):
            outputs = ctx.function(*given)
        outputs = (outputs,) if isinstance(outputs, Tensor) else outputs
        roots = [
            (output, gradient)
            for output, gradient in zip(outputs, gradients)
            if isinstance(output, Tensor) and output.requires_grad
        ]
        if not roots:
            raise RuntimeError("none of output has requires_grad=True, this checkpoint() is not necessary")
        backward([output for output, _ in roots], [gradient for _, gradient in roots])
        return (None, None, *(value.grad if isinstance(value, Tensor) else None for value in given))


# ------------------------------------------------------------------------------------------------------ random numbers


def _random_states(given: Sequence[Any]) -> dict[Device, Any]:
    """The state of every default generator in use, and of those of the arguments' devices. Stays on each device."""
    devices = {value.device for value in given if isinstance(value, Tensor)} | set(generators_in_use())
    return {device: device.backend.copy(default_generator(device).state) for device in devices}


@contextlib.contextmanager
def _random_numbers(states: dict[Device, Any]) -> Iterator[None]:
    """Draw from `states` within the block, and go on afterwards as if nothing had been drawn."""
    now = _random_states(()) if states else {}
    for device, state in states.items():
        device.backend.copy_into(default_generator(device).state, state)
    try:
        yield
    finally:
        for device in states:
            device.backend.copy_into(default_generator(device).state, now[device])
