"""Functions of the program that run before and after an optimizer's step, and as its state is taken or given."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import wraps
from types import MappingProxyType
from typing import Any

from ..engine import RemovableHandle, add_hook

NONE: Mapping[int, Callable] = MappingProxyType({})  # until there is one
_PRE_HOOKS_OF_ALL: OrderedDict[int, Callable] = OrderedDict()
_POST_HOOKS_OF_ALL: OrderedDict[int, Callable] = OrderedDict()


def register_optimizer_step_pre_hook(hook: Callable) -> RemovableHandle:
    """Call ``hook(optimizer, args, kwargs)`` before each step of every optimizer, before the optimizer's own hooks."""
    return add_hook(_PRE_HOOKS_OF_ALL, hook)


def register_optimizer_step_post_hook(hook: Callable) -> RemovableHandle:
    """Call ``hook(optimizer, args, kwargs)`` after each step of every optimizer, after the optimizer's own hooks."""
    return add_hook(_POST_HOOKS_OF_ALL, hook)


class OptimizerHooks:
    """What registers them. A subclass's own ``step`` runs with them as the base class's does.

    The tables have PyTorch's names: optimizers outside this package that wrap another make them themselves.
    """

    _in_step = False  # a step that calls the base class's has run them already
    _optimizer_step_pre_hooks: Mapping[int, Callable] = NONE
    _optimizer_step_post_hooks: Mapping[int, Callable] = NONE
    _optimizer_state_dict_pre_hooks: Mapping[int, Callable] = NONE
    _optimizer_state_dict_post_hooks: Mapping[int, Callable] = NONE
    _optimizer_load_state_dict_pre_hooks: Mapping[int, Callable] = NONE
    _optimizer_load_state_dict_post_hooks: Mapping[int, Callable] = NONE

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "step" in cls.__dict__:
            cls.step = with_hooks(cls.__dict__["step"])  # type: ignore[attr-defined]

    def _patch_step_function(self) -> None:
        """Do nothing: a class's step runs its hooks from the start. PyTorch's wrapping optimizers call this."""

    def register_step_pre_hook(self, hook: Callable) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` before each step; a pair that it returns replaces the arguments."""
        return _add(self, "step_pre", hook)

    def register_step_post_hook(self, hook: Callable) -> RemovableHandle:
        """Call ``hook(optimizer, args, kwargs)`` after each step."""
        return _add(self, "step_post", hook)

    def register_state_dict_pre_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer)`` before the state is taken."""
        return _add(self, "state_dict_pre", hook, prepend)

    def register_state_dict_post_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer, state_dict)`` on a state that was taken; what it returns, unless None, replaces it."""
        return _add(self, "state_dict_post", hook, prepend)

    def register_load_state_dict_pre_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer, state_dict)`` on a state to be given; what it returns, unless None, replaces it."""
        return _add(self, "load_state_dict_pre", hook, prepend)

    def register_load_state_dict_post_hook(self, hook: Callable, prepend: bool = False) -> RemovableHandle:
        """Call ``hook(optimizer)`` after a state was given."""
        return _add(self, "load_state_dict_post", hook, prepend)


def with_hooks(step: Callable) -> Callable:
    """Return a step that runs the optimizer's hooks around it."""

    @wraps(step)
    def run(self: OptimizerHooks, *args: Any, **kwargs: Any) -> Any:
        if self._in_step or not (
            self._optimizer_step_pre_hooks or self._optimizer_step_post_hooks or _PRE_HOOKS_OF_ALL or _POST_HOOKS_OF_ALL
        ):
            return step(self, *args, **kwargs)
        everything = (self, *args)
        for hook in (*_PRE_HOOKS_OF_ALL.values(), *self._optimizer_step_pre_hooks.values()):
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
        for hook in (*self._optimizer_step_post_hooks.values(), *_POST_HOOKS_OF_ALL.values()):
            hook(self, everything, kwargs)
        return result

    return run


def passed_through(hooks: Mapping[int, Callable], optimizer: Any, state_dict: dict[str, Any]) -> dict[str, Any]:
    """Return a state as hooks leave it."""
    for hook in list(hooks.values()):
        changed = hook(optimizer, state_dict)
        state_dict = state_dict if changed is None else changed
    return state_dict


def _add(optimizer: OptimizerHooks, kind: str, hook: Callable, prepend: bool = False) -> RemovableHandle:
    table = vars(optimizer).setdefault(f"_optimizer_{kind}_hooks", OrderedDict())
    handle = add_hook(table, hook)
    if prepend:
        table.move_to_end(handle.id, last=False)
    return handle
