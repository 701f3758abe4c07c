"""Hooks on a module's backward: a node before its inputs and one after its outputs, where the gradients pass."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

from ..function import Function
from ..modes import modes
from ..ops.creation import zeros
from ..tensor import Tensor


class _Boundary(Function):
    """y = x for several tensors at once, so that their gradients arrive together."""

    @staticmethod
    def forward(ctx: Any, *tensors: Tensor) -> tuple[Tensor, ...]:
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(*(tensor for tensor in tensors if not tensor.requires_grad))
        return tensors

    @staticmethod
    def backward(ctx: Any, *gradients: Any) -> Any:
        return gradients


def _spread(gradients: tuple, places: list[int], count: int) -> tuple:
    """`count` entries: the gradients in their places, None for what is no tensor."""
    spread: list[Any] = [None] * count
    for place, gradient in zip(places, gradients):
        spread[place] = gradient
    return tuple(spread)


class BackwardHooks:
    """One call of a module: its inputs and outputs pass through boundaries whose nodes call the hooks."""

    def __init__(self, module: Any, hooks: list[Callable], pre_hooks: list[Callable]) -> None:
        self.module, self.hooks, self.pre_hooks = module, hooks, pre_hooks
        self.gradients_out: tuple | None = None
        self.number_of_inputs = 0
        self.has_input_boundary = False

    def enter(self, args: tuple) -> tuple:
        """Return the arguments with the tensors among them taken through a boundary."""
        self.number_of_inputs = len(args)
        return self._bounded(args, self._set_input_hooks)

    def leave(self, output: Any) -> Any:
        """Return the output, its tensors taken through a boundary."""
        if not isinstance(output, (Tensor, tuple)):
            warnings.warn(
                "For backward hooks to be called, module output should be a Tensor or a tuple of Tensors but received "
                f"{type(output)}",
                stacklevel=4,
            )
            return output
        outputs = output if isinstance(output, tuple) else (output,)
        bounded = self._bounded(outputs, self._set_output_hooks)
        if not isinstance(output, tuple):
            return bounded[0]
        return type(output)(*bounded) if hasattr(output, "_fields") else bounded

    def _bounded(self, values: tuple, set_hooks: Callable) -> tuple:
        places = [place for place, value in enumerate(values) if isinstance(value, Tensor)]
        if not modes.grad or not any(values[place].requires_grad for place in places):
            return values
        through = _Boundary.apply(*(values[place] for place in places))
        node = next(tensor.grad_fn for tensor in through if tensor.grad_fn is not None)
        set_hooks(node, places, values)
        changed = list(values)
        for place, tensor in zip(places, through):
            changed[place] = tensor
        return tuple(changed)

    def _set_input_hooks(self, node: Any, places: list[int], values: tuple) -> None:
        self.has_input_boundary = True
        count = len(values)
        kinds = [(values[place].shape, values[place].dtype, values[place].device) for place in places]

        def run(grad_inputs: tuple, _: tuple) -> tuple | None:
            if self.gradients_out is None:
                return None  # it came past the output, as in a double backward or from a loss inside the module
            grad_inputs = tuple(
                zeros(shape, dtype=dtype, device=device) if gradient is None else gradient
                for gradient, (shape, dtype, device) in zip(grad_inputs, kinds)
            )
            replaced = self._call_hooks(_spread(grad_inputs, places, count))
            self.gradients_out = None
            return None if replaced is None else tuple(replaced[place] for place in places)

        node.register_hook(run)

    def _set_output_hooks(self, node: Any, places: list[int], values: tuple) -> None:
        count = len(values)

        def run(grad_outputs: tuple) -> tuple | None:
            gradients = _spread(grad_outputs, places, count)
            for hook in self.pre_hooks:
                replaced = hook(self.module, gradients)
                if replaced is not None:
                    gradients = replaced if isinstance(replaced, tuple) else (replaced,)
            self.gradients_out = gradients
            if not self.has_input_boundary:  # nobody asks for the inputs' gradients
                if self._call_hooks((None,) * self.number_of_inputs) is not None:
                    raise RuntimeError(
                        "Backward hook for Modules where no input requires gradient should always return None or None "
                        "for all gradients."
                    )
                self.gradients_out = None
            return tuple(gradients[place] for place in places)

        node.register_prehook(run)

    def _call_hooks(self, grad_inputs: tuple) -> tuple | None:
        """Return what the hooks make of the inputs' gradients; None when none of them changed anything."""
        changed = None
        for hook in self.hooks:
            replaced = hook(self.module, grad_inputs, self.gradients_out)
            if replaced is None:
                continue
            replaced = replaced if isinstance(replaced, tuple) else (replaced,)
            if len(replaced) != len(grad_inputs):
                raise RuntimeError(
                    "Backward hook returned an invalid number of grad_input, "
                    f"got {len(replaced)}, but expected {len(grad_inputs)}"
                )
            if all(gradient is None for gradient in replaced) and all(gradient is None for gradient in grad_inputs):
                continue
            changed = grad_inputs = replaced
        return changed
