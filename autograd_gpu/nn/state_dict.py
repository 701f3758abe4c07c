"""A module's tensors by name, and how they come back: all of them or none. Knows the tree's dictionaries, no layer."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ..modes import no_grad
from ..tensor import Tensor
from .parameter import Parameter

EXTRA_STATE = "_extra_state"  # PyTorch's key for it
PLAN = "planned_writes"  # in the metadata that a module is given while nothing is to be written yet
HOME = __name__.rpartition(".")[0] + ".module"  # where Module is


class IncompatibleKeys(namedtuple("IncompatibleKeys", ["missing_keys", "unexpected_keys"])):
    """What ``load_state_dict(strict=False)`` did not find a place or a value for."""

    __slots__ = ()

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return super().__repr__()

    __str__ = __repr__


def own_state(module: Any) -> dict[str, Tensor]:
    """Return a module's own parameters and persistent buffers, without those of the modules below it."""
    members = {**module._parameters, **module._buffers}
    return {
        name: tensor
        for name, tensor in members.items()
        if tensor is not None and name not in module._non_persistent_buffers_set
    }


def take(module: Any, destination: Any, prefix: str, keep_vars: bool) -> Any:
    """Return the tensors of a module and of those below it by name, as its hooks leave them."""
    if destination is None:
        destination = OrderedDict()
        destination._metadata = OrderedDict()
    metadata = {"version": module._version}
    if hasattr(destination, "_metadata"):
        destination._metadata[prefix[:-1]] = metadata
    for hook in tuple(module._state_dict_pre_hooks.values()):
        hook(module, prefix, keep_vars)
    module._save_to_state_dict(destination, prefix, keep_vars)
    for name, part in module._modules.items():
        if part is not None:
            part.state_dict(destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
    for hook, may_replace in tuple(module._state_dict_hooks.values()):
        changed = hook(module, destination, prefix, metadata)
        if changed is not None and not may_replace:
            raise RuntimeError("state_dict post-hook must return None")
        destination = destination if changed is None else changed
    return destination


def load(module: Any, state_dict: Mapping[str, Any], strict: bool, assign: bool) -> IncompatibleKeys:
    """Write a state dict into a module and those below it, when nothing about it is wrong."""
    if not isinstance(state_dict, Mapping):
        raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
    loading = _Loading(state_dict, assign)
    loading.plan(module, OrderedDict(state_dict), "")
    if loading.after and not loading.errors:  # these look at what was loaded, and may say that a key need not be there
        loading.write()
        for part, hook in loading.after:
            if hook(part, loading.keys) is not None:
                raise RuntimeError("Hooks registered with ``register_load_state_dict_post_hook`` return None")
    if strict:
        if loading.keys.missing_keys:
            loading.errors.insert(0, f"Missing key(s) in state_dict: {_quoted(loading.keys.missing_keys)}. ")
        if loading.keys.unexpected_keys:
            loading.errors.insert(0, f"Unexpected key(s) in state_dict: {_quoted(loading.keys.unexpected_keys)}. ")
    if loading.errors:
        raise RuntimeError(
            f"Error(s) in loading state_dict for {type(module).__name__}:"
            + "".join(f"\n\t{error}" for error in loading.errors)
        )
    loading.write()
    return loading.keys


class _Loading:
    """What is to be written, and what is wrong, found before anything is written."""

    def __init__(self, state_dict: Mapping[str, Any], assign: bool) -> None:
        self.metadata, self.assign = getattr(state_dict, "_metadata", None) or {}, assign
        self.keys = IncompatibleKeys([], [])
        self.errors: list[str] = []
        self.writes: list[Callable[[], object]] = []
        self.after: list[tuple[Any, Callable]] = []

    def plan(self, module: Any, state_dict: dict[str, Any], prefix: str) -> None:
        """Let a module and those below it look for their own tensors."""
        metadata = dict(self.metadata.get(prefix[:-1], {}), assign_to_params_buffers=self.assign)
        if is_default(module, "_load_from_state_dict"):  # one of its own may look at the module after it
            metadata[PLAN] = self.writes
        module._load_from_state_dict(state_dict, prefix, metadata, True, *self.keys, self.errors)
        for name, part in module._modules.items():
            if part is not None:
                below = f"{prefix}{name}."
                self.plan(part, {key: value for key, value in state_dict.items() if key.startswith(below)}, below)
        self.after += [(module, hook) for hook in module._load_state_dict_post_hooks.values()]

    def write(self) -> None:
        writes, self.writes = self.writes, []
        with no_grad():
            for write in writes:
                write()


def load_own(
    module: Any,
    state_dict: dict[str, Any],
    prefix: str,
    metadata: dict[str, Any],
    strict: bool,
    missing: list[str],
    unexpected: list[str],
    errors: list[str],
) -> None:
    """Find a module's own tensors in a state dict, note what is wrong, and write them, or add that to the plan."""
    for hook in tuple(module._load_state_dict_pre_hooks.values()):
        hook(state_dict, prefix, metadata, strict, missing, unexpected, errors)
    own, extra = own_state(module), prefix + EXTRA_STATE
    version = metadata.get("version")
    writes: list[Callable[[], object]] = []
    for name, tensor in own.items():
        key = prefix + name
        if key not in state_dict:
            # One that says nothing of versions may come from a time before a module had all its buffers.
            younger = name in module._younger_than_state_dicts and (version is None or version < module._version)
            if strict and not younger:
                missing.append(key)
            continue
        value = state_dict[key]
        if not isinstance(value, Tensor):
            errors.append(
                f'While copying the parameter named "{key}", expected autograd_gpu.Tensor or Tensor-like object '
                f"from checkpoint but received {type(value)}"
            )
        elif value.shape != tensor.shape:
            errors.append(
                f"size mismatch for {key}: copying a param with shape {value.shape} from checkpoint, "
                f"the shape in current model is {tensor.shape}."
            )
        else:
            writes.append(_write(module, name, tensor, value, metadata.get("assign_to_params_buffers", False)))
    takes_extra = not is_default(module, "set_extra_state")
    if takes_extra and extra in state_dict:
        writes.append(partial(module.set_extra_state, state_dict[extra]))
    elif takes_extra and strict:
        missing.append(extra)
    elif strict and extra in state_dict:
        unexpected.append(extra)
    if strict:
        for key in state_dict:
            name, dot, _ = key.removeprefix(prefix).partition(".")
            if key.startswith(prefix) and key != extra and name not in (module._modules if dot else own):
                unexpected.append(key)
    if PLAN in metadata:
        metadata[PLAN].extend(writes)
        return
    with no_grad():
        for write in writes:
            write()


def is_default(module: Any, method: str) -> bool:
    """Return whether a module's class has the method from Module itself."""
    base: Any = next(kind for kind in type(module).__mro__ if kind.__name__ == "Module" and kind.__module__ == HOME)
    return getattr(type(module), method) is getattr(base, method)


def _write(module: Any, name: str, tensor: Tensor, value: Tensor, assign: bool) -> Callable[[], object]:
    if not assign:
        return partial(tensor.copy_, value)
    if name not in module._parameters:
        return partial(module._buffers.__setitem__, name, value)
    parameter = value if isinstance(value, Parameter) else Parameter(value, requires_grad=tensor.requires_grad)
    return partial(module._parameters.__setitem__, name, parameter)


def _quoted(keys: list[str]) -> str:
    return ", ".join(f'"{key}"' for key in keys)
