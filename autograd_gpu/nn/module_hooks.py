"""Hooks around a module's forward: its own, and those that are called for every module. Knows their order."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator
from functools import partial
from types import SimpleNamespace
from typing import Any

from ..engine import RemovableHandle, add_hook
from ..tensor import Tensor
from .backward_hooks import BackwardHooks

# The tables of a module, attributes under PyTorch's names; those that end in with_kwargs and always_called mark hooks
# of the others.
HOOK_TABLES = (
    "_forward_pre_hooks", "_forward_pre_hooks_with_kwargs", "_forward_hooks", "_forward_hooks_with_kwargs",
    "_forward_hooks_always_called", "_backward_pre_hooks", "_backward_hooks", "_state_dict_hooks",
    "_state_dict_pre_hooks", "_load_state_dict_pre_hooks", "_load_state_dict_post_hooks",
)  # fmt: skip
# The same tables for all modules.
EVERYWHERE: Any = SimpleNamespace(_is_full_backward_hook=None, **{name: OrderedDict() for name in HOOK_TABLES})
everywhere: list[Any] = []  # holds EVERYWHERE from the first hook of all modules on: what a call looks at
REGISTRATION: dict[str, OrderedDict[int, Callable]] = {
    kind: OrderedDict() for kind in ("parameter", "buffer", "module")
}  # called with (module, name, what is registered)


class HandleOfSeveral(RemovableHandle):
    """Removes a hook and what stands about it in other tables."""

    def __init__(self, table: dict[int, Callable], others: tuple[dict[int, Any], ...] = ()) -> None:
        super().__init__(table)
        self.others = others

    def remove(self) -> None:
        for table in (self.table, *self.others):
            table.pop(self.id, None)


def add(
    hooks: Any, kind: str, hook: Callable, *, prepend: bool = False, with_kwargs: bool = False, always: bool = False
) -> RemovableHandle:
    """Put a hook in a table of `hooks`, at the end or at the beginning, and note how it wants to be called."""
    table = getattr(hooks, kind)
    noted = []
    if with_kwargs:
        noted.append(getattr(hooks, f"{kind}_with_kwargs"))
    if always:
        noted.append(hooks._forward_hooks_always_called)
    handle = HandleOfSeveral(table, tuple(noted))
    table[handle.id] = hook
    for other in noted:
        other[handle.id] = True
    if prepend:
        table.move_to_end(handle.id, last=False)
    return handle


def is_full(hooks: Any, full: bool) -> None:
    """Refuse backward hooks of the old kind beside those of the new."""
    if hooks._is_full_backward_hook is not None and hooks._is_full_backward_hook is not full:
        which = "single Module" if hooks is not EVERYWHERE else "global Module"
        raise RuntimeError(
            f"Cannot use both regular backward hooks and full backward hooks on a {which}. Please use only one of them."
        )
    hooks._is_full_backward_hook = full


def call_with_hooks(module: Any, args: tuple, kwargs: dict) -> Any:
    """Call a module's forward with the hooks of all modules and then its own around it."""
    call = _Call(module, args, kwargs)
    try:
        return call.run()
    except Exception:
        call.run_always()
        raise


class _Call:
    """One call of a module."""

    def __init__(self, module: Any, args: tuple, kwargs: dict) -> None:
        self.module, self.args, self.kwargs = module, args, kwargs
        self.tables = (EVERYWHERE, module)
        self.output: Any = None
        self.called: set[int] = set()

    def hooks(self, kind: str) -> Iterator[tuple[int, Callable, Any]]:
        """Yield the hooks of a kind, by their number and with the tables that they are in."""
        for hooks in self.tables:
            for key, hook in tuple(getattr(hooks, kind).items()):
                yield key, hook, hooks

    def backward_hooks(self, full: bool) -> list[Callable]:
        """Return the backward hooks of the new kind or of the old."""
        found = self.hooks("_backward_hooks")
        return [hook for _, hook, hooks in found if hooks._is_full_backward_hook is full]

    def run(self) -> Any:
        """Call everything in its order and return the output."""
        for key, hook, hooks in self.hooks("_forward_pre_hooks"):
            self._before(hook, key in hooks._forward_pre_hooks_with_kwargs)
        boundary = None
        full, before = self.backward_hooks(True), [hook for _, hook, _ in self.hooks("_backward_pre_hooks")]
        if full or before:
            boundary = BackwardHooks(self.module, full, before)
            self.args = boundary.enter(self.args)
        self.output = self.module.forward(*self.args, **self.kwargs)
        for key, hook, hooks in self.hooks("_forward_hooks"):
            self.called.add(key)
            self._after(hook, key in hooks._forward_hooks_with_kwargs)
        output = self.output if boundary is None else boundary.leave(self.output)
        if old := self.backward_hooks(False):
            _hook_last_node(self.module, output, old)
        return output

    def _before(self, hook: Callable, with_kwargs: bool) -> None:
        changed = hook(self.module, self.args, *((self.kwargs,) if with_kwargs else ()))
        if changed is None:
            return
        if not with_kwargs:
            self.args = changed if isinstance(changed, tuple) else (changed,)
        elif isinstance(changed, tuple) and len(changed) == 2:
            self.args, self.kwargs = changed
        else:
            raise RuntimeError(
                f"forward pre-hook must return None or a tuple of (new_args, new_kwargs), but got {changed}."
            )

    def _after(self, hook: Callable, with_kwargs: bool) -> None:
        changed = hook(self.module, self.args, *((self.kwargs,) if with_kwargs else ()), self.output)
        self.output = self.output if changed is None else changed

    def run_always(self) -> None:
        """After an error: the hooks that are called nevertheless and have not been."""
        for key, hook, hooks in self.hooks("_forward_hooks"):
            if key not in hooks._forward_hooks_always_called or key in self.called:
                continue
            try:
                self._after(hook, key in hooks._forward_hooks_with_kwargs)
            except Exception as error:
                which = "global module" if hooks is EVERYWHERE else "module"
                warnings.warn(
                    f"{which} forward hook with ``always_call=True`` raised an exception that was silenced as another "
                    f"error was raised in forward: {error}",
                    stacklevel=4,
                )


def _hook_last_node(module: Any, output: Any, hooks: list[Callable]) -> None:
    """Call old backward hooks with what the last node of a module's output gives and is given."""
    while not isinstance(output, Tensor):
        if isinstance(output, dict):
            output = next(value for value in output.values() if isinstance(value, Tensor))
        else:
            output = output[0]
    node: Any = output.grad_fn
    if node is not None:
        for hook in hooks:
            node.register_hook(partial(hook, module))


def _everywhere(kind: str, hook: Callable, **how: Any) -> RemovableHandle:
    everywhere[:] = [EVERYWHERE]
    return add(EVERYWHERE, kind, hook, **how)


def register_module_forward_pre_hook(hook: Callable) -> RemovableHandle:
    """Call ``hook(module, args)`` before the forward of every module, before the module's own."""
    return _everywhere("_forward_pre_hooks", hook)


def register_module_forward_hook(
    hook: Callable, *, with_kwargs: bool = False, always_call: bool = False
) -> RemovableHandle:
    """Call ``hook(module, args, output)`` after the forward of every module, before the module's own."""
    return _everywhere("_forward_hooks", hook, with_kwargs=with_kwargs, always=always_call)


def register_module_backward_hook(hook: Callable) -> RemovableHandle:
    """Call ``hook(module, grad_input, grad_output)`` of the last node of every module's output."""
    is_full(EVERYWHERE, False)
    return _everywhere("_backward_hooks", hook)


def register_module_full_backward_pre_hook(hook: Callable) -> RemovableHandle:
    """Call ``hook(module, grad_output)`` before backward goes through any module."""
    return _everywhere("_backward_pre_hooks", hook)


def register_module_full_backward_hook(hook: Callable) -> RemovableHandle:
    """Call ``hook(module, grad_input, grad_output)`` when backward has gone through any module."""
    is_full(EVERYWHERE, True)
    return _everywhere("_backward_hooks", hook)


def register_module_parameter_registration_hook(hook: Callable) -> RemovableHandle:
    """Call ``hook(module, name, parameter)`` when a module registers a parameter; what it returns takes its place."""
    return add_hook(REGISTRATION["parameter"], hook)


def register_module_buffer_registration_hook(hook: Callable) -> RemovableHandle:
    """Call ``hook(module, name, buffer)`` when a module registers a buffer; what it returns takes its place."""
    return add_hook(REGISTRATION["buffer"], hook)


def register_module_module_registration_hook(hook: Callable) -> RemovableHandle:
    """Call ``hook(module, name, submodule)`` when a module registers another; what it returns takes its place."""
    return add_hook(REGISTRATION["module"], hook)


def registered(kind: str, module: Any, name: str, value: Any) -> Any:
    """Return what is to be registered, as the hooks of all modules leave it."""
    for hook in tuple(REGISTRATION[kind].values()):
        changed = hook(module, name, value)
        value = value if changed is None else changed
    return value
