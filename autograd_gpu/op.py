"""An operation: forward on arrays, backward on tensors. The instance is the graph node and its context at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

from . import dtypes
from .engine import next_sequence
from .modes import modes
from .saving import SavingNode
from .tensor import Tensor, all_conjugated, mark_inference, version_cell, wrap
from .user_line import user_line
from .views import refresh_view

_new = object.__new__
# Asked in turn for each operation's result before it is computed; NotImplemented leaves it to the next. Autocast is the
# first, what is in `duals` the last.
interceptors: list[Any] = []
on_out_of_memory: list[Callable] = []  # called with the error and the inputs, to add to what the error says
_INEXACT = frozenset(dtype.numpy for dtype in dtypes.ALL if dtype.is_inexact)


class Op(SavingNode):
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
            if cls.keep is not _keep_nothing:
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
                if output._array.dtype in _INEXACT:
                    output._edge = (ctx, number)
            ctx.keep(outputs, *inputs, **parameters)
            ctx.output_shape = tuple(array.shape for array in results)
        elif modes.inference and not ctx.is_view:
            for output in outputs:
                mark_inference(output)
        return outputs

    def _mark_view(ctx, output: Tensor, source: Tensor, parameters: dict, number: int | None = None) -> None:
        output._cell = source._cell or version_cell(source)
        if source._inference:
            output._inference = True
            return
        base = source if source._base is None else source._base
        output._base = base
        if base._epoch:
            output._epoch = base._epoch
        output._steps = (source._steps, type(ctx), parameters, number)
        if not modes.grad:
            output._made_in = "inference" if modes.inference else "no_grad"
        elif source._made_in is not None:
            output._made_in = source._made_in

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
        results = all_conjugated(ctx.run(list(all_conjugated(gradients))))
        return results[0] if len(results) == 1 else results

    def __repr__(ctx) -> str:
        return f"<{ctx.name()} object at {id(ctx):#x}>"


_keep_nothing = Op.keep


class View(Op):
    """An operation whose output shows its input's buffer: writes to either are seen in both."""

    is_view = True
    is_linear = True


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
