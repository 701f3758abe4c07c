"""An operation: forward on arrays, backward on tensors. The instance is the graph node and its context at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import get_ident
from types import ModuleType
from typing import Any

from . import dtypes
from .engine import modes, next_sequence
from .tensor import HookedNode, Tensor, edge_of, mark_inference, refresh_view, version_cell, wrap
from .user_line import line_of, user_line

_new = object.__new__
# Asked in turn for each operation's result before it is computed; NotImplemented leaves it to the next. Autocast is the
# first, what is in `duals` the last.
interceptors: list[Any] = []
duals: list[Any] = []  # the forward mode level in force, if any: it computes each operation with its tangents
on_out_of_memory: list[Callable] = []  # called with the error and the inputs, to add to what the error says
_FLOATING = frozenset(dtype.numpy for dtype in dtypes.FLOATS)


class Op(HookedNode):
    """Base of every operation.

    `forward(ctx, *inputs, **parameters)` gets arrays (and Python scalars) and returns an array, or a tuple of them.
    `keep(ctx, output, *inputs, **parameters)` gets tensors and saves what backward needs; it runs only when recorded.
    `backward(ctx, *gradients)` gets tensors and returns a gradient, or a tuple with one per input.
    """

    backend: ModuleType
    is_view = False  # the output shows the input's buffer
    is_linear = False  # in its one tensor: forward mode computes it on the tangent as on the value
    differentiable = True
    suffix = "Backward0"
    output_shape: tuple = ()  # of the output; of several outputs, a tuple of shapes
    where: tuple | None = None  # (code, instruction) of the user line that recorded the node
    freed = False
    _saved: tuple = ()
    _versions: tuple = ()

    def forward(ctx, *inputs: Any, **parameters: Any) -> Any:
        raise NotImplementedError

    def keep(ctx, output: Any, *inputs: Any, **parameters: Any) -> None:
        """Save nothing unless a subclass says so."""

    def backward(ctx, *gradients: Any) -> Any:
        raise NotImplementedError

    @classmethod
    def apply(cls, *inputs: Any, **parameters: Any) -> Any:
        """Compute the operation on tensors and record it when an input requires grad."""
        if interceptors:
            for interceptor in tuple(interceptors):
                result = interceptor.apply(cls, inputs, parameters)
                if result is not NotImplemented:
                    return result
        ctx = _new(cls)
        arrays: list[Any] = []
        edges: list[Any] = []
        device = None
        recorded = False
        for value in inputs:
            if isinstance(value, Tensor):
                arrays.append(value._array)
                if value._base is not None and value._base._epoch != value._epoch:
                    refresh_view(value)
                edge = value._edge
                edges.append(edge)
                if edge is not None:
                    recorded = True
                if value.device is not device:
                    if device is not None:
                        return cls.apply(*_brought_together(cls, inputs), **parameters)
                    device = value.device
            else:
                arrays.append(value)
                edges.append(None)
        ctx.backend = device._backend  # type: ignore[union-attr, assignment]
        try:
            result = ctx.forward(*arrays, **parameters) if parameters else ctx.forward(*arrays)
        except MemoryError as error:
            for explain in on_out_of_memory:
                explain(error, inputs)
            raise
        recorded = recorded and modes.grad and cls.differentiable
        if recorded:
            ctx.edges = tuple(edges)
            ctx.sequence = next_sequence()
            ctx.where = user_line(2)
        if type(result) is tuple:
            return ctx._finish_many(result, inputs, parameters, device, recorded)
        output = _new(Tensor)
        output._array = result
        output.device = device  # type: ignore[assignment]
        if cls.is_view:
            ctx._mark_view(output, inputs[0], parameters)
        if recorded:
            ctx.keep(output, *inputs, **parameters)
            ctx.output_shape = result.shape
            output._edge = (ctx, 0)
        elif modes.inference and not cls.is_view:
            mark_inference(output)
        return output

    def _finish_many(
        ctx, results: tuple, inputs: tuple, parameters: dict, device: Any, recorded: bool
    ) -> tuple[Tensor, ...]:
        outputs = tuple(wrap(array, device) for array in results)
        if ctx.is_view:
            for number, output in enumerate(outputs):
                ctx._mark_view(output, inputs[0], parameters, number)
        if recorded:
            ctx.outputs = len(outputs)
            for number, output in enumerate(outputs):
                if output._array.dtype in _FLOATING:
                    output._edge = (ctx, number)
            ctx.keep(outputs, *inputs, **parameters)
            ctx.output_shape = tuple(array.shape for array in results)
        elif modes.inference and not ctx.is_view:
            for output in outputs:
                mark_inference(output)
        return outputs

    def _mark_view(ctx, output: Tensor, source: Tensor, parameters: dict, number: int | None = None) -> None:
        output._cell = version_cell(source)
        output._inference = source._inference
        if output._inference:
            return
        base = source if source._base is None else source._base
        output._base = base
        output._epoch = base._epoch
        output._steps = (source._steps, type(ctx), parameters, number)
        if not modes.grad:
            output._made_in = "inference" if modes.inference else "no_grad"
        elif source._made_in is not None:
            output._made_in = source._made_in

    # ------------------------------------------------------------------------------------------ saving

    def save(ctx, *values: Any) -> None:
        """Keep tensors (or scalars, or None) for backward, each with the version that it has now.

        An output must be marked, ``ctx.save(ctx.own(y))``: it is kept as buffer and version, since it holds this node.
        """
        for value in values:
            if getattr(value, "_cell", None) is not None or _pack_hooks:
                ctx._save_with_versions(values)
                return
        ctx._saved = values  # every version is 0

    def _save_with_versions(ctx, values: tuple) -> None:
        kept: list[Any] = []
        versions: list[int] = []
        for value in values:
            version = 0
            if isinstance(value, Tensor):
                if value._inference:
                    raise RuntimeError(
                        "Inference tensors cannot be saved for backward. To work around you can make a clone to get a "
                        f"normal tensor and use it in autograd: x.clone(). (in {ctx.name()})"
                    )
                version = 0 if value._cell is None else value._cell.value
                if _pack_hooks:
                    value = _packed(value) or value
            kept.append(value)
            versions.append(version)
        ctx._saved = tuple(kept)
        ctx._versions = tuple(versions)

    def own(ctx, output: Tensor, number: int = 0) -> Any:
        """Mark one of this node's outputs for `save`."""
        return _Output(output, number)

    def own_saved(ctx, number: int) -> list[Any]:
        """Return what `save` kept of output `number`."""
        return [value for value in ctx._saved if type(value) is _Output and value.number == number]

    @property
    def saved(ctx) -> tuple:
        """What `save` kept. Raises when it was freed, or changed in place since."""
        if ctx.freed:
            raise RuntimeError(_freed_message(ctx))
        values = ctx._saved
        for value in values:
            if getattr(value, "_cell", None) is not None:
                return ctx._checked_values()
        return values  # nothing was shared or written since, and nothing is wrapped

    def _checked_values(ctx) -> tuple:
        values: list[Any] = []
        for number, value in enumerate(ctx._saved):
            if type(value) in _WRAPPED:
                value = value.unwrap(ctx)
            elif getattr(value, "_cell", None) is not None:
                version = ctx._versions[number] if ctx._versions else 0
                if value._cell.value != version:
                    raise RuntimeError(_modified_message(ctx, value, version))
            values.append(value)
        return tuple(values)

    def release(ctx) -> None:
        if ctx._saved:
            ctx._saved = ()
            ctx.freed = True
            ctx.freed_by = _backward_line[0]

    freed_by: tuple | None = None

    # ------------------------------------------------------------------------------------------ the node

    def run(ctx, gradients: list[Any]) -> Sequence[Any]:
        results = ctx.backward(*gradients)
        return results if type(results) is tuple else (results,)

    def name(ctx) -> str:
        """Return PyTorch's name for the node, such as ``MulBackward0``."""
        return type(ctx).__name__ + ctx.suffix

    @property
    def next_functions(ctx) -> tuple:
        """(node, output number) for every input; (None, 0) for one that requires no gradient."""
        return tuple((None, 0) if edge is None else edge for edge in ctx.edges)

    @property
    def metadata(ctx) -> dict:
        """A dict for the user's own notes on this node."""
        return ctx.__dict__.setdefault("_metadata", {})

    def __call__(ctx, *gradients: Any) -> Any:
        """Return the gradients of the inputs for gradients of the outputs: one, or a tuple of them."""
        if len(gradients) != ctx.outputs:
            raise TypeError(f"{ctx.name()}: expected {ctx.outputs} gradients, one per output, but got {len(gradients)}")
        results = tuple(ctx.run(list(gradients)))
        return results[0] if len(results) == 1 else results

    def __repr__(ctx) -> str:
        return f"<{ctx.name()} object at {id(ctx):#x}>"


class View(Op):
    """An operation whose output shows its input's buffer: writes to either are seen in both."""

    is_view = True
    is_linear = True


# -------------------------------------------------------------------------------------------------- saved values

# (thread, pack, unpack) of every saved_tensors_hooks in force on any thread: saving first asks whether it is empty.
_pack_hooks: list[tuple[int, Callable, Callable]] = []
_backward_line: list[tuple | None] = [None]  # the user line of the backward now running


class _Output:
    """A saved output: buffer, device, version cell and output number; becomes a tensor of its node when read."""

    __slots__ = ("array", "device", "cell", "version", "number", "packed", "_tangent", "__weakref__")
    _cell = True  # as on a tensor that was shared: `saved` looks closer

    def __init__(self, output: Tensor, number: int) -> None:
        self.device, self.number, self._tangent = output.device, number, output._tangent
        self.cell = version_cell(output)
        self.version = self.cell.value
        self.packed = _packed(output) if _pack_hooks else None
        self.array = output._array if self.packed is None else None

    def unwrap(self, node: Op) -> Tensor:
        if self.packed is not None:
            tensor = self.packed.unwrap(node)
        elif self.cell.value != self.version:
            raise RuntimeError(_modified_message(node, self, self.version))
        else:
            tensor = wrap(self.array, self.device)
            tensor._cell = self.cell
        tensor._edge = (node, self.number)
        if duals:
            duals[-1].carry(tensor, self._tangent)
        return tensor


class _Packed:
    """A saved value that went through the user's pack hook, and where its gradient goes. Versions end at the hook."""

    __slots__ = ("value", "unpack", "edge", "dtype")
    _cell = True

    def __init__(self, value: Any, unpack: Callable, like: Tensor) -> None:
        self.value, self.unpack, self.edge, self.dtype = value, unpack, edge_of(like), like._array.dtype

    def unwrap(self, node: Op) -> Tensor:
        value = self.unpack(self.value)
        if not isinstance(value, Tensor):
            raise TypeError(
                "Output of saved tensor unpack_hook expected to be a Tensor but got result of type "
                f"{type(value).__name__}. (a value saved by {node.name()} at {line_of(node.where)})"
            )
        if value._array.dtype != self.dtype:  # kept in fewer bits, and computed with in its own
            value = value.detach().to(dtypes.from_numpy(self.dtype))
        tensor = wrap(value._array, value.device)
        tensor._edge = self.edge
        return tensor


_WRAPPED = (_Output, _Packed)


def pack_hooks_here() -> list[tuple]:
    """Return this thread's entries among the hooks in force."""
    here = get_ident()
    return [entry for entry in tuple(_pack_hooks) if entry[0] == here] if _pack_hooks else []


def restore_pack_hooks(before: list[tuple]) -> None:
    """Drop the hooks that were put in force on this thread since, as by a backward that did not take them back."""
    for entry in pack_hooks_here():
        if not any(entry is old for old in before):
            _pack_hooks.remove(entry)


def _packed(value: Tensor) -> _Packed | None:
    """Return what this thread's innermost pack hook makes of a value; None when this thread has no hook."""
    here = get_ident()
    pair = next(((pack, unpack) for thread, pack, unpack in reversed(tuple(_pack_hooks)) if thread == here), None)
    if pair is None:
        return None
    return packed_by(*pair, value)


def packed_by(pack: Callable, unpack: Callable, value: Tensor) -> _Packed:
    """Return what a pair of hooks makes of a value that is saved."""
    shown = value.detach()
    version = version_cell(shown).value
    grad_mode, modes.grad = modes.grad, False
    try:
        packed = pack(shown)
    finally:
        modes.grad = grad_mode
    if version_cell(shown).value != version:
        raise RuntimeError(
            "A saved tensor pack hook is modifying its input in place. Tensors provided as input to pack hook can not "
            "be modified by in-place operations as this can lead to unexpected side-effects. Return a changed copy."
        )
    return _Packed(packed, unpack, value)


# -------------------------------------------------------------------------------------------------- messages


def _freed_message(node: Op) -> str:
    return (
        "Trying to backward through the graph a second time (or directly access saved tensors after they have already "
        "been freed). Saved intermediate values of the graph are freed when you call .backward() or autograd.grad(). "
        "Specify retain_graph=True if you need to backward through the graph a second time or if you need to access "
        f"saved tensors after calling backward. ({node.name()} was recorded at {line_of(node.where)}; its values were "
        f"freed by the backward at {line_of(node.freed_by)}.)"
    )


def _modified_message(node: Op, value: Any, version: int) -> str:
    if isinstance(value, Tensor):
        array, cell = value._array, value._cell
        made_by, number = value.grad_fn, value.output_nr
    else:
        array, cell, made_by, number = value.array, value.cell, node, value.number
    assert cell is not None
    kind = f"{dtypes.SCALAR_TYPES[array.dtype.name]}Tensor"
    origin = "" if made_by is None else f", which is output {number} of {made_by.name()},"  # type: ignore[attr-defined]
    return (
        "one of the variables needed for gradient computation has been modified by an inplace operation: "
        f"[torch.{kind} {list(array.shape)}]{origin} is at version {cell.value}; expected version {version} "
        f"instead. It was saved by {node.name()} at {line_of(node.where)} and changed in place at "
        f"{line_of(cell.where)}. Change a copy instead: x = x + y, or x.clone()."
    )


def _brought_together(operation: type, inputs: tuple) -> list:
    """The inputs on one device: vmap levels take in what comes from outside them, real devices do not."""
    level = next((v.device for v in inputs if isinstance(v, Tensor) and v.device.axis is not None), None)
    together = None if level is None else level.bring_together(inputs)  # type: ignore[attr-defined]
    if together is None:
        raise RuntimeError(_mixed_devices(operation, inputs))
    return together


def _mixed_devices(operation: type, inputs: tuple) -> str:
    devices = sorted({str(value.device) for value in inputs if isinstance(value, Tensor)}, reverse=True)
    return (
        "Expected all tensors to be on the same device, but found at least two devices, "
        f'{" and ".join(devices)}! ({operation.__name__.lower()}: move one with .to("{devices[0]}").)'
    )
