"""Modules as functions of their parameters and buffers; several modules' state as one. Knows names, no derivatives."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from ..nn.module import Module
from ..ops.pieces import stack
from ..tensor import Tensor

State = dict[str, Tensor]


def functional_call(
    module: Module,
    parameter_and_buffer_dicts: State | Sequence[State],
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """Return ``module(*args, **kwargs)`` computed with the given parameters and buffers in place of its own.

    What is not named keeps its value, names that the module lacks are ignored; `strict` refuses both. With
    `tie_weights`, a tensor that the module holds under several names is replaced under all of them. A plain attribute
    that is a tensor can be named too.
    """
    state = _merged(parameter_and_buffer_dicts)
    slots = _slots(module)
    slots |= _attributes(module, [name for name in state if name not in slots])
    if strict:
        _check_names(module, state, slots)
    state = {name: tensor for name, tensor in state.items() if name in slots}
    if tie_weights:
        state = _with_tied(state, slots)
    arguments = () if args is None else args if isinstance(args, tuple) else (args,)
    with _replaced(slots, state):
        return module(*arguments, **(kwargs or {}))


def _merged(dicts: State | Sequence[State]) -> State:
    if isinstance(dicts, dict):
        return dicts
    if not isinstance(dicts, Sequence) or not all(isinstance(d, dict) for d in dicts):
        raise ValueError(
            f"Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts, but got {type(dicts)}"
        )
    merged: State = {}
    for part in dicts:
        repeated = [name for name in part if name in merged]
        if repeated:
            raise ValueError(f"{repeated} appeared in multiple dictionaries; behavior of functional call is ambiguous")
        merged.update(part)
    return merged


def _slots(module: Module) -> dict[str, tuple[dict, str]]:
    """Return, for each dotted name, the dictionary that holds the tensor and its key there."""
    slots = {}
    for prefix, owner in module.named_modules(remove_duplicate=False):
        for members in (owner._parameters, owner._buffers):
            for key, tensor in members.items():
                if tensor is not None:
                    slots[f"{prefix}.{key}" if prefix else key] = (members, key)
    return slots


def _attributes(module: Module, names: Sequence[str]) -> dict[str, tuple[dict, str]]:
    """Return the slots of those names that are plain attributes, tensors which are no buffers."""
    slots = {}
    owners = dict(module.named_modules(remove_duplicate=False))
    for name in names:
        prefix, _, key = name.rpartition(".")
        members = vars(owners[prefix]) if prefix in owners else {}
        if isinstance(members.get(key), Tensor):
            slots[name] = (members, key)
    return slots


def _check_names(module: Module, state: State, slots: dict[str, tuple[dict, str]]) -> None:
    problems = [
        f"\n\t{what} key(s): {', '.join(map(repr, names))}."
        for what, names in (
            ("Unexpected", [name for name in state if name not in slots]),
            ("Missing", [name for name in slots if name not in state]),
        )
        if names
    ]
    if problems:
        raise RuntimeError(f"Error(s) in reparametrizing for {type(module).__name__}:" + "".join(problems))


def _with_tied(state: State, slots: dict[str, tuple[dict, str]]) -> State:
    names: dict[int, list[str]] = {}
    for name, (members, key) in slots.items():
        names.setdefault(id(members[key]), []).append(name)
    tied = dict(state)
    for group in names.values():
        given = [name for name in group if name in state]
        if any(state[name] is not state[given[0]] for name in given):
            raise ValueError(
                f"functional_call got multiple values for keys {given}, which are tied. Consider tie_weights=False"
            )
        if given:
            tied.update((name, state[given[0]]) for name in group)
    return tied


@contextlib.contextmanager
def _replaced(slots: dict[str, tuple[dict, str]], state: State) -> Iterator[None]:
    """Put the tensors of `state` in their slots, and afterwards the module's own back."""
    own = [(members, key, members[key]) for name in state for members, key in [slots[name]]]
    try:
        for name, tensor in state.items():
            members, key = slots[name]
            members[key] = tensor
        yield
    finally:
        for members, key, tensor in own:
            members[key] = tensor


def stack_module_state(models: Sequence[Module]) -> tuple[State, State]:
    """Return (parameters, buffers) of modules of one class, each stacked along a new first dimension: for an ensemble.

    The stacked parameters are new leaves.
    """
    if len(models) == 0:
        raise RuntimeError("stack_module_state: Expected at least one model, got 0.")
    first = models[0]
    if any(model.training != first.training for model in models):
        raise RuntimeError("stack_module_state: Expected all models to have the same training/eval mode.")
    if any(type(model) is not type(first) for model in models):
        raise RuntimeError("stack_module_state: Expected all models to be of the same class.")
    parameters = [dict(model.named_parameters()) for model in models]
    buffers = [dict(model.named_buffers()) for model in models]
    return (
        {name: _stacked([own[name] for own in parameters], name) for name in parameters[0]},
        {name: _stacked([own[name] for own in buffers], name) for name in buffers[0]},
    )


def _stacked(tensors: list[Tensor], name: str) -> Tensor:
    wants = {tensor.requires_grad for tensor in tensors}
    if len(wants) > 1:
        raise RuntimeError(f"Expected {name} from each model to have the same .requires_grad")
    return stack([tensor.detach() for tensor in tensors]).requires_grad_(wants.pop())
