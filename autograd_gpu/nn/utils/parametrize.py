"""``nn.utils.parametrize``, under PyTorch's name: a module's tensor that is computed from others each time it is read.

A parametrized module gets a class of its own, in which the tensor's name is a property; what it is computed from lies
in ``module.parametrizations``. A parametrization is a module: ``forward`` computes the tensor, ``right_inverse``, where
it has one, what forward would compute it from.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from ...modes import no_grad
from ...tensor import Tensor
from ..container import ModuleDict, ModuleList
from ..module import Module
from ..parameter import Parameter

_cache: dict[tuple[int, str], Tensor] = {}
_cached_depth = [0]


@contextmanager
def cached() -> Iterator[None]:
    """Compute each parametrized tensor once within the block: for models that read one several times."""
    _cached_depth[0] += 1
    try:
        yield
    finally:
        _cached_depth[0] -= 1
        if not _cached_depth[0]:
            _cache.clear()


class ParametrizationList(ModuleList):
    """The parametrizations of one tensor, applied in order to ``original``, or to ``original0``, ``original1``, ..."""

    def __init__(self, modules: Sequence[Module], original: Tensor, unsafe: bool = False) -> None:
        if len(modules) == 0:
            raise ValueError("ParametrizationList requires one or more modules.")
        super().__init__(modules)
        self.unsafe = unsafe
        shape, dtype = original.shape, original.dtype
        new = self._first_original(original)
        if not isinstance(new, (Tensor, list, tuple)):
            raise ValueError(
                "'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). "
                f"Got {type(new).__name__}"
            )
        self.is_tensor = isinstance(new, Tensor)
        self.ntensors = 1 if self.is_tensor else len(new)
        if isinstance(new, Tensor):
            _check_same(
                "dtype", "right_inverse(original)", new.dtype, original.dtype, "'right_inverse' outputs one tensor"
            )
            _replace(original, new)  # the very parameter that an optimizer may hold
            _register(self, "original", original)
        else:
            for number, part in enumerate(new):
                if not isinstance(part, Tensor):
                    raise ValueError(
                        "'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). "
                        f"Got element {number} of the sequence with type {type(part).__name__}."
                    )
                part = part.detach().clone()
                is_parameter = isinstance(original, Parameter)
                _register(self, f"original{number}", Parameter(part, original.requires_grad) if is_parameter else part)
        if not unsafe:
            _check_kept(self(), shape, dtype)

    def forward(self) -> Tensor:
        """Compute the tensor."""
        first, *rest = self
        x = first(*self._originals())
        for parametrization in rest:
            x = parametrization(x)
        return x

    @no_grad()
    def right_inverse(self, value: Tensor) -> None:
        """Make the originals those of a value, so that the tensor becomes it."""
        for parametrization in self:
            if not hasattr(parametrization, "right_inverse"):
                raise RuntimeError(
                    f"parametrization {type(parametrization).__name__} does not implement right_inverse."
                )
        new = value
        for parametrization in reversed(list(self)):
            new = parametrization.right_inverse(new)
        for original, part in zip(self._originals(), [new] if self.is_tensor else new, strict=True):
            _replace(original, part)

    def _originals(self) -> list[Tensor]:
        names = ["original"] if self.is_tensor else [f"original{number}" for number in range(self.ntensors)]
        return [getattr(self, name) for name in names]

    @no_grad()
    def _first_original(self, value: Tensor) -> Any:
        """Return what a tensor is computed from at first: itself where a parametrization has no way back."""
        for parametrization in reversed(list(self)):
            if hasattr(parametrization, "right_inverse"):
                with suppress(NotImplementedError):
                    value = parametrization.right_inverse(value)
        return value


def register_parametrization(
    module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> Module:
    """Have a parameter or buffer of a module computed by a parametrization, after those it has; return the module.

    It must keep shape and dtype, which is tried out here unless ``unsafe``. An optimizer that holds the parameter goes
    on with it, unless the parametrization computes from several tensors: those are new parameters.
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        if not unsafe:
            value = getattr(module, tensor_name)
            _check_kept(parametrization(value), value.shape, value.dtype)
        module.parametrizations[tensor_name].append(parametrization)
        module.parametrizations[tensor_name].unsafe |= unsafe
    elif tensor_name in module._buffers or tensor_name in module._parameters:
        parametrizations = ParametrizationList([parametrization], getattr(module, tensor_name), unsafe)
        delattr(module, tensor_name)
        if not is_parametrized(module):
            module.__class__ = type(f"Parametrized{type(module).__name__}", (type(module),), {})
            module.parametrizations = ModuleDict()
        setattr(type(module), tensor_name, _parametrized(tensor_name))
        module.parametrizations[tensor_name] = parametrizations
    else:
        raise ValueError(
            f"Module '{module}' does not have a parameter, a buffer, or a parametrized element with name "
            f"'{tensor_name}'"
        )
    return module


def remove_parametrizations(module: Module, tensor_name: str, leave_parametrized: bool = True) -> Module:
    """Make a tensor an ordinary one again: with the value that was computed last, or else its original's."""
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"Module {module} does not have a parametrization on {tensor_name}")
    parametrizations = module.parametrizations[tensor_name]
    if parametrizations.is_tensor:
        tensor = parametrizations.original
        if leave_parametrized:
            with no_grad():
                _replace(tensor, getattr(module, tensor_name))
    elif leave_parametrized:
        value = getattr(module, tensor_name)
        tensor = Parameter(value.detach()) if value.requires_grad else value
    else:
        raise ValueError(
            "Cannot leave unparametrized (`leave_parametrized=False`) a tensor that is parametrized in terms of a "
            "sequence of tensors."
        )
    delattr(type(module), tensor_name)
    del module.parametrizations[tensor_name]
    _register(module, tensor_name, tensor)
    if not is_parametrized(module):
        delattr(module, "parametrizations")
        module.__class__ = type(module).__bases__[0]
    return module


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether a module has parametrizations, or one on that name."""
    parametrizations = getattr(module, "parametrizations", None)
    if not isinstance(parametrizations, ModuleDict):
        return False
    return len(parametrizations) > 0 if tensor_name is None else tensor_name in parametrizations


def _parametrized(tensor_name: str) -> property:
    """The property that stands for a tensor: reading computes it, writing goes to what it is computed from."""

    def read(module: Module) -> Tensor:
        parametrizations = module.parametrizations[tensor_name]
        if not _cached_depth[0]:
            return parametrizations()
        key = id(module), tensor_name
        if key not in _cache:
            _cache[key] = parametrizations()
        return _cache[key]

    def write(module: Module, value: Tensor) -> None:
        module.parametrizations[tensor_name].right_inverse(value)

    return property(read, write)


def _register(module: Module, name: str, tensor: Tensor) -> None:
    if isinstance(tensor, Parameter):
        module.register_parameter(name, tensor)
    else:
        module.register_buffer(name, tensor)


def _replace(tensor: Tensor, value: Tensor) -> None:
    """Give a tensor another's values, in memory of its own; it stays the same object."""
    if value is not tensor:
        tensor.data = value.detach().clone()


def _check_kept(value: Any, shape: Any, dtype: Any) -> None:
    if not isinstance(value, Tensor):
        raise ValueError(f"A parametrization must return a tensor. Got {type(value).__name__}.")
    what = "parametrization(tensor)"
    _check_same("dtype", what, value.dtype, dtype, "registering a parametrization, unless `unsafe` flag is enabled")
    _check_same("shape", what, value.shape, shape, "registering a parametrization, unless `unsafe` flag is enabled")


def _check_same(kind: str, what: str, found: Any, expected: Any, when: str) -> None:
    if found != expected:
        raise ValueError(f"{what} may not change the {kind} when {when}: {found}, where the tensor has {expected}.")
