"""Functions of the program that run before and after an optimizer's step, and as its state is taken or given."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import wraps
from typing import Any

from ..engine import RemovableHandle, add_hook

_PRE_HOOKS_OF_ALL: OrderedDict[int, Callable] = OrderedDict()
_POST_HOOKS_OF_ALL: OrderedDict[int, Callable] = OrderedDict()


def register_optimizer_step_pre_hook(hook: Callable) -> RemovableHandle:
    """Call ``hook(optimizer, args, kwargs)`` before each step of every optimizer, before the optimizer's own hooks."""
    return add_hook(_PRE_HOOKS_OF_ALL, hook)


def register_optimizer_step_post_hook(hook: Callable) -> RemovableHandle:
    """Call ``hook(optimizer, args, kwargs)`` after each step of every optimizer, after the optimizer's own hooks."""
    return add_hook(_POST_HOOKS_OF_ALL, hook)


class OptimizerHooks:
    """What registers them. A subclass's own ``step`` runs with them as the base class's does."""

    _in_step = False  # a step that calls the base class's has run them already

    def __init__(self) -> None:
        self._step_pre_hooks: OrderedDict[int, Callable] = OrderedDict()
        self._step_post_hooks: OrderedDict[int, Callable] = OrderedDict()
        self._state_dict_pre_hooks: OrderedDict[int, Callable] = OrderedDict()
        self._state_dict_post_hooks: OrderedDict[int, Callable] = OrderedDict()
        self._load_state_dict_pre_hooks: OrderedDict[int, Callable] = OrderedDict()
        self._load_state_dict_post_hooks: OrderedDict[int, Callable] = OrderedDict()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "step" in cls.__dict__:
            cls.step = with_hooks(cls.__dict__["step"])  # type: ignore[attr-defined]

    def register_step_pre_hook(self, hook: Callable) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` before each step; a pair that it returns replaces the arguments."""
        return add_hook(self._step_pre_hooks, hook)

    def register_step_post_hook(self, hook: Callable) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` after each step."""
        return add_hook(self._step_post_hooks, hook)

    def register_state_dict_pre_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer)`` before the state is taken."""
        return _add(self._state_dict_pre_hooks, hook, prepend)

    def register_state_dict_post_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer, state_dict)`` on a state that was taken; what it returns, unless None, replaces it."""
        return _add(self._state_dict_post_hooks, hook, prepend)

    def register_load_state_dict_pre_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer, state_dict)`` on a state to be given; what it returns, unless None, replaces it."""
        return _add(self._load_state_dict_pre_hooks, hook, prepend)

    def register_load_state_dict_post_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer)`` after a state was given."""
        return _add(self._load_state_dict_post_hooks, hook, prepend)


def with_hooks(step: Callable) -> Callable:
    """Return a step that runs the optimizer's hooks around it."""

    @wraps(step)
    def run(self: OptimizerHooks, *args: Any, **kwargs: Any) -> Any:
        if self._in_step or not (
            self._step_pre_hooks or self._step_post_hooks or _PRE_HOOKS_OF_ALL or _POST_HOOKS_OF_ALL
        ):
            return step(self, *args, **kwargs)
        everything = (self, *args)
        for hook in (*_PRE_HOOKS_OF_ALL.values(), *self._step_pre_hooks.values()):
            changed = hook(self, everything, kwargs)
            if changed is not None:
                if not isinstance(changed, tuple) or len(changed) != 2:
                    raise RuntimeError(
                        f"{step} must return None or a tuple of (new_args, new_kwargs), but got {changed}."
                    )
                everything, kwargs = changed
        self._in_step = True
        try:
            result = step(*everything, **kwargs)
        finally:
            del self._in_step
        for hook in (*self._step_post_hooks.values(), *_POST_HOOKS_OF_ALL.values()):
            hook(self, everything, kwargs)
        return result

    return run


def passed_through(hooks: OrderedDict[int, Callable], optimizer: Any, state_dict: dict[str, Any]) -> dict[str, Any]:
    """Return a state as hooks leave it."""
    for hook in list(hooks.values()):
        changed = hook(optimizer, state_dict)
        state_dict = state_dict if changed is None else changed
    return state_dict


def _add(table: OrderedDict[int, Callable], hook: Callable, prepend: bool) -> RemovableHandle:
    handle = add_hook(table, hook)
    if prepend:
        table.move_to_end(handle.id, last=False)
    return handle
