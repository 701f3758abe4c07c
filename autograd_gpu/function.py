"""The user's own operation: a forward on tensors and a backward on gradients."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any

from .dtypes import from_numpy
from .engine import next_sequence
from .modes import duals, modes
from .op import Op
from .ops.cast import cast, sum_to
from .ops.inplace import CopySlices, check_changeable, move_history
from .saving import SavedTensor
from .tensor import AccumulateGrad, Tensor, all_conjugated, bump_version, wrap
from .user_line import user_line
from .views import edge_of, refresh_view


class FunctionCtx(Op):
    """What `forward` and `backward` of a Function share; also the node of the graph."""

    materialize = True
    _to_save: tuple = ()
    _for_forward: tuple | None = None  # what jvp finds as saved_tensors
    _dirty: tuple = ()
    _non_differentiable: tuple = ()
    needs_input_grad: tuple[bool, ...] = ()
    _function: type[Function]
    _output_info: tuple = ()

    def save_for_backward(self, *tensors: Tensor | None) -> None:
        """Keep tensors (inputs, outputs or neither) for ``ctx.saved_tensors`` in backward."""
        for tensor in tensors:
            if tensor is not None and not isinstance(tensor, Tensor):
                raise TypeError(
                    f"save_for_backward can only save variables, but argument {len(self._to_save)} is of type "
                    f"{type(tensor).__name__}. Keep other values as attributes: ctx.value = value."
                )
        self._to_save = tensors

    def save_for_forward(self, *tensors: Tensor | None) -> None:
        """Keep tensors for ``ctx.saved_tensors`` in `jvp`, which runs at once."""
        self._for_forward = tensors

    @property
    def saved_tensors(self) -> tuple:
        return self.saved if self._for_forward is None else self._for_forward

    @property
    def _raw_saved_tensors(self) -> tuple[SavedTensor, ...]:
        """Where the tensors given to save_for_backward are kept."""
        return tuple(SavedTensor(position, self) for position in range(len(self._saved)))

    def mark_dirty(self, *tensors: Tensor) -> None:
        """Say which inputs forward changed in place. They must be returned."""
        for number, tensor in enumerate(tensors):
            if not isinstance(tensor, Tensor):
                raise RuntimeError(
                    f"mark_dirty can only accept variables, but argument {number} is of type {type(tensor).__name__}"
                )
        self._dirty = tensors

    def mark_non_differentiable(self, *tensors: Tensor) -> None:
        """Say which outputs have no gradient."""
        self._non_differentiable = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """Whether a missing output gradient reaches backward as zeros (the default) or as None."""
        self.materialize = value

    def backward(ctx, *gradients: Any) -> Any:
        function = ctx._function
        rule = function.backward
        if function.vjp is not Function.vjp:
            if rule is not Function.backward:
                raise RuntimeError(
                    "Implementing both 'backward' and 'vjp' for a custom Function is not allowed. You should only "
                    f"implement one of them. ({function.__name__})"
                )
            rule = function.vjp
        if ctx.materialize:
            gradients = tuple(
                _zeros(info) if gradient is None and info is not None else gradient
                for gradient, info in zip(gradients, ctx._output_info)
            )
        results = rule(ctx, *all_conjugated(gradients))
        results = results if isinstance(results, tuple) else tuple(results) if isinstance(results, list) else (results,)
        return ctx._checked(results)

    def _checked(ctx, results: tuple) -> tuple:
        """The gradients, one per input: the right number, and each of its input's shape, dtype and device."""
        name, count = ctx.name(), len(ctx.edges)
        if len(results) > count and all(extra is None for extra in results[count:]):
            results = results[:count]
        if len(results) != count:
            raise RuntimeError(
                f"function {name} returned an incorrect number of gradients (expected {count}, got {len(results)})"
            )
        checked: list[Tensor | None] = []
        for number, (gradient, edge, info) in enumerate(zip(results, ctx.edges, ctx._input_info)):
            if gradient is None or edge is None:
                checked.append(None)
                continue
            if not isinstance(gradient, Tensor):
                raise RuntimeError(
                    f"expected Variable or None (got {type(gradient).__name__}) as gradient {number} that function "
                    f"{name} returned"
                )
            shape, dtype, device = info
            if gradient.device.base is not device.base:
                raise RuntimeError(
                    f"Function {name} returned an invalid gradient at index {number} - expected device {device} but "
                    f"got {gradient.device}"
                )
            if gradient._array.shape != shape:
                if not _expands(shape, gradient._array.shape):
                    raise RuntimeError(
                        f"Function {name} returned an invalid gradient at index {number} - got {list(gradient.shape)} "
                        f"but expected shape compatible with {list(shape)}"
                    )
                gradient = sum_to(gradient, shape)
            checked.append(cast(gradient, from_numpy(dtype)))
        return all_conjugated(checked)

    _input_info: tuple = ()

    def name(ctx) -> str:
        return ctx._function.__name__ + "Backward"


def _expands(shape: tuple[int, ...], larger: tuple[int, ...]) -> bool:
    return len(shape) <= len(larger) and all(a in (1, b) for a, b in zip(shape[::-1], larger[::-1]))


def _zeros(info: tuple) -> Tensor:
    shape, dtype, device = info
    return wrap(device.backend.full(shape, 0, dtype), device)


class Function:
    """Base of user operations: define static methods ``forward(ctx, ...)`` and ``backward(ctx, *grads)``, call
    ``apply``.

    With a ``setup_context(ctx, inputs, output)``, forward is written without ctx.
    """

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError("You must implement the forward function for custom autograd.Function.")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom autograd.Function to use it with "
            "backward mode AD."
        )

    vjp = backward

    @staticmethod
    def jvp(ctx: Any, *grad_inputs: Any) -> Any:
        """Return the tangents of the outputs, given those of the inputs. Needed in forward mode only."""
        raise NotImplementedError(
            "You must implement the jvp function for custom autograd.Function to use it with forward mode AD."
        )

    @staticmethod
    def vmap(info: Any, in_dims: tuple, *args: Any) -> tuple[Any, Any]:
        """Return (outputs, out_dims) for arguments whose dimension in_dims[i] is mapped, as `func.vmap` has it.

        `info` has the batch_size and the randomness. Without this rule vmap maps the operations of forward and
        backward.
        """
        raise NotImplementedError("You must implement the vmap staticmethod for it to be called.")

    generate_vmap_rule = False  # PyTorch's switch: here the operations are mapped either way

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise RuntimeError(
            "Legacy autograd function with non-static forward method is deprecated. Please use new-style autograd "
            f"function with static forward method: {type(self).__name__}.apply(...)"
        )

    setup_context: Callable | None = None

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run forward with nothing recorded, then record this function as one node."""
        if kwargs or (cls.setup_context is not None and inspect.unwrap(cls.forward).__defaults__):
            args = cls._positional(args, kwargs)
        if cls.vmap is not Function.vmap:
            for value in args:
                if isinstance(value, Tensor) and value.device.axis is not None:
                    from .batching.function_rule import mapped_by_rule  # vmap stands on operations and Functions

                    return mapped_by_rule(cls, args)
        ctx = FunctionCtx()
        ctx._function = cls
        tensors = [a for a in args if isinstance(a, Tensor)]
        ctx.needs_input_grad = tuple(isinstance(a, Tensor) and a.requires_grad for a in args)
        edges = tuple(edge_of(a) if isinstance(a, Tensor) else None for a in args)
        recorded = modes.grad and any(edge is not None for edge in edges)
        grad_mode, modes.grad = modes.grad, False
        levels, duals[:] = duals[:], ()  # forward's own operations carry no tangents: jvp says what they are
        try:
            if cls.setup_context is None:
                outputs = cls.forward(ctx, *args)
            else:
                outputs = cls.forward(*args)
                cls.setup_context(ctx, args, outputs)
        finally:
            modes.grad = grad_mode
            duals[:] = levels
        is_single = not isinstance(outputs, tuple)
        results = (outputs,) if is_single else outputs
        results = cls._record(ctx, args, tensors, edges, results, recorded)
        if duals:
            duals[-1].apply_function(cls, ctx, args, results)
        ctx._for_forward = None
        return results[0] if is_single else results

    @classmethod
    def _positional(cls, args: tuple, kwargs: dict[str, Any]) -> tuple:
        """The arguments in forward's order: each has its place among the gradients."""
        bound = inspect.signature(cls.forward).bind(*(() if cls.setup_context else (None,)), *args, **kwargs)
        if bound.kwargs:
            raise TypeError(
                f"{cls.__name__}.apply() got an unexpected keyword argument '{next(iter(bound.kwargs))}': forward's "
                "arguments have places among the gradients, which keyword-only ones have not"
            )
        bound.apply_defaults()
        return bound.args if cls.setup_context else bound.args[1:]

    @classmethod
    def _record(
        cls, ctx: FunctionCtx, args: tuple, tensors: list, edges: tuple, outputs: tuple, recorded: bool
    ) -> tuple:
        dirty = {id(t) for t in ctx._dirty}
        for tensor in ctx._dirty:
            if recorded and tensor._base is not None:
                check_changeable(tensor, cls.__name__)
                if len(outputs) > 1:
                    raise RuntimeError(
                        "If your Function modifies inplace an input that is a view of another Tensor, your Function "
                        f"cannot return more than one Tensor. Return one Tensor, or change a copy. ({cls.__name__})"
                    )
            if recorded and tensor._edge is not None and type(tensor._edge[0]) is AccumulateGrad:
                raise RuntimeError(
                    f"a leaf Variable that requires grad has been used in an in-place operation. ({cls.__name__})"
                )
            if not any(tensor is output for output in outputs):
                raise RuntimeError(
                    "Some elements marked as dirty during the forward method were not returned as output. The inputs "
                    f"that are modified inplace must all be outputs of the Function. ({cls.__name__})"
                )
        inputs = {id(t) for t in tensors}
        fresh = []
        for output in outputs:
            if isinstance(output, Tensor) and id(output) in inputs and id(output) not in dirty:
                alias = output.detach()  # an input returned as it is: a new tensor, so that the input keeps its history
                fresh.append(alias)
            else:
                fresh.append(output)
        for tensor in ctx._dirty:
            bump_version(tensor)
        if not recorded:
            return tuple(fresh)
        ctx.edges = edges
        ctx.sequence = next_sequence()
        ctx.where = user_line(2)
        ctx.outputs = len(fresh)
        ctx._input_info = tuple(_info(a) for a in args)
        ctx._output_info = tuple(_info(o) for o in fresh)
        shapes = tuple(() if info is None else info[0] for info in ctx._output_info)
        ctx.output_shape = shapes[0] if len(shapes) == 1 else shapes
        excluded = {id(t) for t in ctx._non_differentiable}
        numbers = {}
        for number, (output, original) in enumerate(zip(fresh, outputs)):
            if isinstance(output, Tensor):
                numbers[id(original)] = number
                if id(original) in excluded or not output.dtype.is_inexact:
                    continue
                if id(original) not in dirty:
                    output._edge = (ctx, number)
                elif output._base is None:
                    move_history(output, (ctx, number))
                else:  # the base's history is that of what was written to this part of it
                    written = output.detach()
                    written._edge = (ctx, number)
                    CopySlices.record(output._base, output._steps, written)
                    refresh_view(output)
        kept = []
        for tensor in ctx._to_save:
            is_output = tensor is not None and id(tensor) in numbers and id(tensor) not in inputs - dirty
            kept.append(ctx.own(tensor, numbers[id(tensor)]) if is_output and tensor._edge is not None else tensor)
        ctx.save(*kept)
        ctx._to_save = ctx._dirty = ctx._non_differentiable = ()
        return tuple(fresh)


def _info(value: Any) -> tuple | None:
    return (value._array.shape, value._array.dtype, value.device) if isinstance(value, Tensor) else None


def once_differentiable(backward: Callable) -> Callable:
    """Decorate a Function's backward that is not made of recorded operations: differentiating it again raises."""

    @functools.wraps(backward)
    def run(ctx: Any, *gradients: Any) -> Any:
        grad_mode, modes.grad = modes.grad, False
        try:
            results = backward(ctx, *gradients)
        finally:
            modes.grad = grad_mode
        if not grad_mode or not any(isinstance(g, Tensor) and g.requires_grad for g in gradients):
            return results
        results = results if isinstance(results, tuple) else (results,)
        return tuple(_Refuse.apply(r) if isinstance(r, Tensor) else r for r in results)

    return run


class _Refuse(Op):
    """Stands where a second derivative would start."""

    @classmethod
    def apply(cls, x: Tensor) -> Tensor:
        node, y = cls(), x.detach()
        node.sequence = next_sequence()
        node.where = user_line(2)
        y._edge = (node, 0)
        return y

    def backward(ctx, *gradients: Any) -> Any:
        raise RuntimeError("trying to differentiate twice a function that was marked with @once_differentiable")
