"""A module's tensors by name, and how they come back: all of them or none. Knows the tree's dictionaries, no layer."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ..modes import no_grad
from ..tensor import Tensor
from .parameter import Parameter

EXTRA_STATE = "_extra_state"  # PyTorch's key for it


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


def load(module: Any, state_dict: Mapping[str, Any], strict: bool, assign: bool) -> IncompatibleKeys:
    """Write a state dict into a module and those below it, when nothing about it is wrong."""
    if not isinstance(state_dict, Mapping):
        raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
    loading = _Loading(state_dict, assign)
    for prefix, part in module.named_modules(remove_duplicate=False):
        loading.plan(part, f"{prefix}." if prefix else "")
    unexpected = [key for key in state_dict if key not in loading.expected]
    if strict:
        if loading.missing:
            loading.errors.insert(0, f"Missing key(s) in state_dict: {_quoted(loading.missing)}. ")
        if unexpected:
            loading.errors.insert(0, f"Unexpected key(s) in state_dict: {_quoted(unexpected)}. ")
    if loading.errors:
        raise RuntimeError(
            f"Error(s) in loading state_dict for {type(module).__name__}:"
            + "".join(f"\n\t{error}" for error in loading.errors)
        )
    with no_grad():
        for write in loading.writes:
            write()
    return IncompatibleKeys(loading.missing, unexpected)


class _Loading:
    """What is to be written, and what is wrong, found before anything is written."""

    def __init__(self, state_dict: Mapping[str, Any], assign: bool) -> None:
        self.state_dict, self.assign = state_dict, assign
        # One that says nothing of versions may come from a time before a module had all its buffers.
        self.is_plain = getattr(state_dict, "_metadata", None) is None
        self.expected: set[str] = set()
        self.missing: list[str] = []
        self.errors: list[str] = []
        self.writes: list[Callable[[], object]] = []

    def plan(self, module: Any, prefix: str) -> None:
        """Compare one module's own tensors with the state dict."""
        self._plan_extra_state(module, prefix + EXTRA_STATE)
        for name, tensor in own_state(module).items():
            key = prefix + name
            self.expected.add(key)
            if key not in self.state_dict:
                if not (self.is_plain and name in module._younger_than_state_dicts):
                    self.missing.append(key)
                continue
            value = self.state_dict[key]
            if not isinstance(value, Tensor):
                self.errors.append(
                    f'While copying the parameter named "{key}", expected autograd_gpu.Tensor or Tensor-like object '
                    f"from checkpoint but received {type(value)}"
                )
            elif value.shape != tensor.shape:
                self.errors.append(
                    f"size mismatch for {key}: copying a param with shape {value.shape} from checkpoint, "
                    f"the shape in current model is {tensor.shape}."
                )
            else:
                self.writes.append(self._write(module, name, tensor, value))

    def _plan_extra_state(self, module: Any, key: str) -> None:
        base: Any = next(kind for kind in type(module).__mro__ if kind.__name__ == "Module")
        if type(module).set_extra_state is base.set_extra_state:
            return
        self.expected.add(key)
        if key in self.state_dict:
            self.writes.append(partial(module.set_extra_state, self.state_dict[key]))
        else:
            self.missing.append(key)

    def _write(self, module: Any, name: str, tensor: Tensor, value: Tensor) -> Callable[[], object]:
        if not self.assign:
            return partial(tensor.copy_, value)
        if name not in module._parameters:
            return partial(module._buffers.__setitem__, name, value)
        parameter = value if isinstance(value, Parameter) else Parameter(value, requires_grad=tensor.requires_grad)
        return partial(module._parameters.__setitem__, name, parameter)


def _quoted(keys: list[str]) -> str:
    return ", ".join(f'"{key}"' for key in keys)
