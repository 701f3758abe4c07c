"""What a recording has met, and whether it is still as it was: tensors, modules, optimizers."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ..capturing import noticing
from ..device import Device
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


def _hooks(tensor: Tensor) -> list[Callable]:
    node = None if tensor._edge is None else tensor._edge[0]
    if not isinstance(node, AccumulateGrad):
        return []
    hooks = list(node.post_accumulate.values())
    if node.hooks is not None:
        hooks += [*node.hooks.before.values(), *node.hooks.after.values()]
        hooks += [hook for of_output in node.hooks.tensor.values() for hook in of_output.values()]
    return hooks


class Same:
    """A value as it was: equal to what is the same number, the same tensor with the same memory, the same object, or a
    list or dict of such."""

    __slots__ = ("value", "array", "parts")

    def __init__(self, value: Any) -> None:
        self.value, self.array = value, value._array if isinstance(value, Tensor) else None
        self.parts = _parts(value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and self.is_now(other.value)

    __hash__ = None  # type: ignore[assignment]

    def is_now(self, value: Any) -> bool:
        """Whether it is still what it was."""
        if type(self.value) in _NUMBERS:
            return value is self.value or (type(value) is type(self.value) and repr(value) == repr(self.value))
        if self.parts is not None and type(value) is type(self.value):
            now = _children(value)
            return len(now) == len(self.parts) and all(map(Same.is_now, self.parts, now))
        return value is self.value and (self.array is None or value._array is self.array)


_NUMBERS = frozenset((bool, int, float, complex, str, bytes, type(None)))
_TREES = frozenset((list, tuple, dict, OrderedDict))


def _children(tree: Any) -> list[Any]:
    return [*tree, *tree.values()] if isinstance(tree, dict) else list(tree)


def _parts(value: Any) -> list[Same] | None:
    return [Same(child) for child in _children(value)] if type(value) in _TREES else None


def settings_of(owner: Any) -> dict[str, Any]:
    """Return what a replay takes for granted of a module or an optimizer: all but the numbers that it reads anew."""
    if not isinstance(owner, Optimizer):
        return vars(owner)
    groups = [
        {name: value for name, value in group.items() if name != "lr" or isinstance(value, Tensor)}
        for group in owner.param_groups
    ]
    return {"groups": groups, "state": [list(state.values()) for state in owner.state.values()]}


class NoticedOwner:
    """A module that was called, or an optimizer that took a step."""

    def __init__(self, owner: Any) -> None:
        self.owner, self.settings = owner, Same(settings_of(owner))

    def differs(self) -> str | None:
        """Return what is not as it was, or None."""
        if self.settings.is_now(settings_of(self.owner)):
            return None
        return f"the mode, settings, parts or state of {type(self.owner).__name__} changed"


class Noticing:
    """What a graph meets while it is recorded. One of op.py's interceptors meanwhile, which leaves each operation to
    the others."""

    def __init__(self) -> None:
        super().__init__()
        self.tensors: dict[int, NoticedTensor] = {}
        self.owners: dict[int, NoticedOwner] = {}
        self.devices: set[Device] = set()
        self.thread = 0

    @contextmanager
    def noticing(self) -> Iterator[None]:
        self.thread = threading.get_ident()
        interceptors.insert(0, self)
        noticing.append(self)
        try:
            yield
        finally:
            noticing.remove(self)
            interceptors.remove(self)
        for noticed in self.tensors.values():
            noticed.finish(self.is_read)

    def apply(self, operation: type, inputs: tuple, parameters: dict) -> Any:
        for value in inputs:
            if isinstance(value, Tensor):
                self.see(value)
        return NotImplemented

    def see(self, tensor: Tensor) -> None:
        """Take note of where a tensor is, and of a leaf."""
        if threading.get_ident() != self.thread:
            return
        self.devices.add(tensor.device)
        if id(tensor) in self.tensors or tensor._edge is None or tensor._base is not None:
            return
        if isinstance(tensor._edge[0], AccumulateGrad):
            self.tensors[id(tensor)] = NoticedTensor(tensor)

    def notice(self, owner: Any) -> None:
        if threading.get_ident() == self.thread and id(owner) not in self.owners:
            self.owners[id(owner)] = NoticedOwner(owner)

    def is_read(self, tensor: Tensor) -> bool:
        """Whether the step has read a gradient from before it."""
        return id(tensor) in self.tensors

    def differs(self) -> str | None:
        """Return why a replay would not do what the step does now; None where it would."""
        every: list[NoticedTensor | NoticedOwner] = [*self.tensors.values(), *self.owners.values()]
        for noticed in every:
            if (why := noticed.differs()) is not None:
                return why
        return None

    def restore(self) -> None:
        """Do what a replay does not: hang on tensors the gradients that it has computed, count the writes."""
        for noticed in self.tensors.values():
            noticed.restore()
