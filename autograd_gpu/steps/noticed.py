"""What a recording has met, and whether it is still as it was: tensors, modules, optimizers."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ..nn.module import Module
from ..op import interceptors
from ..optim.optimizer import Optimizer
from ..tensor import AccumulateGrad, Tensor, version_cell


class NoticedTensor:
    """A tensor from outside the step, a weight mostly, with its gradient and version before and after."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor, self.array, self.requires_grad = tensor, tensor._array, tensor.requires_grad
        self.grad_before = tensor._grad
        self.version_before = tensor._version
        self.hooks = _hooks(tensor)

    def finish(self, is_read: Callable[[Tensor], bool]) -> None:
        """The recording ends; `is_read` says whether it has read a tensor from before."""
        tensor, before = self.tensor, self.grad_before
        self.grad_after = tensor._grad
        self.writes = tensor._version - self.version_before
        # A gradient that the step forgets unread may be any the next time. Without one, nobody knows whether it would.
        self.grad_is_free = before is not None and self.grad_after is not before and not is_read(before)

    def differs(self) -> str | None:
        """Return what is not as it was, or None."""
        tensor = self.tensor
        if tensor._array is not self.array:
            return "a tensor's memory was replaced"
        if tensor.requires_grad != self.requires_grad:
            return "requires_grad of a tensor changed"
        if not self.grad_is_free and tensor._grad is not self.grad_before:
            return "a gradient is there that was not, or is gone" if self.grad_before is None else "a gradient changed"
        if _hooks(tensor) != self.hooks:
            return "hooks of a tensor changed"
        return None

    def restore(self) -> None:
        """What the step does to a tensor besides its values."""
        if self.tensor._grad is not self.grad_after:
            self.tensor._grad = self.grad_after
        if self.writes:
            version_cell(self.tensor).value += self.writes


def _hooks(tensor: Tensor) -> tuple[int, int] | None:
    node = None if tensor._edge is None else tensor._edge[0]
    if not isinstance(node, AccumulateGrad):
        return None
    hooks = 0 if node.hooks is None else len(node.hooks.tensor) + len(node.hooks.before) + len(node.hooks.after)
    return hooks, len(node.post_accumulate)


def settings_of(owner: Any) -> Any:
    """Return what a replay takes for granted of a module or an optimizer."""
    if isinstance(owner, Module):
        hooks = (owner._forward_hooks, owner._forward_pre_hooks, owner._backward_hooks, owner._backward_pre_hooks)
        return {name: value for name, value in vars(owner).items() if _is_plain(value)}, tuple(map(len, hooks))
    if isinstance(owner, Optimizer):
        groups = [
            {name: value for name, value in group.items() if name not in ("params", "lr") and _is_plain(value)}
            for group in owner.param_groups
        ]
        return groups, [len(group["params"]) for group in owner.param_groups]
    return None


def arrays_of(owner: Any) -> list[Any]:
    """Return the memory of an optimizer's state, or of a module's parameters and buffers."""
    held = owner.state.values() if isinstance(owner, Optimizer) else (owner._parameters, owner._buffers)
    return [value._array for tensors in held for value in tensors.values() if isinstance(value, Tensor)]


def _is_plain(value: Any) -> bool:
    return isinstance(value, (bool, int, float, str, tuple, type(None)))


class NoticedOwner:
    """A module that was called, or an optimizer that took a step."""

    def __init__(self, owner: Module | Optimizer) -> None:
        self.owner, self.settings, self.arrays = owner, settings_of(owner), arrays_of(owner)

    def differs(self) -> str | None:
        """Return what is not as it was, or None."""
        name = type(self.owner).__name__
        if settings_of(self.owner) != self.settings:
            return f"the mode, hooks or settings of {name} changed"
        arrays = arrays_of(self.owner)
        if len(arrays) != len(self.arrays) or any(a is not b for a, b in zip(arrays, self.arrays)):
            return f"a parameter, buffer or state of {name} was replaced"
        return None


class Noticing:
    """What a graph meets while it is recorded. One of op.py's interceptors meanwhile, which leaves each operation to
    the others."""

    def __init__(self) -> None:
        super().__init__()
        self.tensors: dict[int, NoticedTensor] = {}
        self.owners: dict[int, NoticedOwner] = {}
        self._thread = 0

    @contextmanager
    def noticing(self) -> Iterator[None]:
        self._thread = threading.get_ident()
        interceptors.insert(0, self)
        try:
            yield
        finally:
            interceptors.remove(self)
        for noticed in self.tensors.values():
            noticed.finish(self.is_read)

    def apply(self, operation: type, inputs: tuple, parameters: dict) -> Any:
        if threading.get_ident() == self._thread:
            for value in inputs:
                if isinstance(value, Tensor) and id(value) not in self.tensors:
                    self.see(value)
        return NotImplemented

    def see(self, tensor: Tensor) -> None:
        """Take note of a leaf."""
        if tensor.requires_grad and tensor._base is None and isinstance(tensor._edge[0], AccumulateGrad):  # type: ignore[index]
            self.tensors[id(tensor)] = NoticedTensor(tensor)

    def notice(self, owner: Any) -> None:
        if id(owner) not in self.owners:
            self.owners[id(owner)] = NoticedOwner(owner)
            for group in owner.param_groups if isinstance(owner, Optimizer) else ():
                for parameter in group["params"]:
                    if id(parameter) not in self.tensors:
                        self.see(parameter)

    def is_read(self, tensor: Tensor) -> bool:
        """Whether the step has read a gradient from before it."""
        return id(tensor) in self.tensors

    def differs(self) -> str | None:
        """Return why a replay would not do what the step does now; None where it would."""
        for noticed in (*self.tensors.values(), *self.owners.values()):
            if (why := noticed.differs()) is not None:
                return why
        return None

    def restore(self) -> None:
        """Do what a replay does not: hang on tensors the gradients that it has computed, count the writes."""
        for noticed in self.tensors.values():
            noticed.restore()
