"""``nn.utils.prune``, under PyTorch's name: weights taken out by a mask that is multiplied in before each forward.

A pruned weight lies under ``weight_orig``, a parameter, beside the buffer ``weight_mask``; ``weight`` is their product.
The method, a forward pre-hook, computes it; several of them on one weight are a PruningContainer.
"""

from __future__ import annotations

import numbers
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Any

from ...ops.creation import ones_like
from ...ops.pieces import cat
from ...ops.random import rand_like
from ...ops.sort import topk
from ...tensor import Tensor
from ..module import Module


class BasePruningMethod(ABC):
    """A way to choose what is pruned. A subclass gives ``compute_mask`` and says what it chooses from."""

    PRUNING_TYPE = "unstructured"  # single elements; "structured": slices; "global": of all parameters together
    _tensor_name: str

    def __call__(self, module: Module, inputs: Any) -> None:
        """Compute the weight before a forward."""
        setattr(module, self._tensor_name, self.apply_mask(module))

    @abstractmethod
    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Return 1 for what stays and 0 for what goes, where the default mask has not taken it already."""

    def apply_mask(self, module: Module) -> Tensor:
        """Return the weight of a module with what is pruned as 0."""
        name = self._tensor_name
        if name is None:
            raise AssertionError(f"Module {module} has to be pruned")
        return getattr(module, f"{name}_mask").to(dtype=getattr(module, f"{name}_orig").dtype) * getattr(
            module, f"{name}_orig"
        )

    @classmethod
    def apply(
        cls, module: Module, name: str, *args: Any, importance_scores: Tensor | None = None, **kwargs: Any
    ) -> BasePruningMethod:
        """Prune a tensor of a module, after what pruned it before; the scores stand for it where they are given."""
        before = [hook for hook in module._forward_pre_hooks.values() if _prunes(hook, name)]
        if len(before) > 1:
            raise AssertionError(f"Avoid adding multiple pruning hooks to the same tensor {name} of module {module}.")
        method: BasePruningMethod = cls(*args, **kwargs)
        method._tensor_name = name
        if before:
            container = PruningContainer()
            container._tensor_name = name
            for old in before[0] if isinstance(before[0], PruningContainer) else before:
                container.add_pruning_method(old)
            container.add_pruning_method(method)
            _drop_hook(module, before[0])
            method = container
        weight = getattr(module, name)
        scores = weight if importance_scores is None else importance_scores
        if scores.shape != weight.shape:
            raise AssertionError(
                f"importance_scores should have the same shape as parameter {name} of {module}, got {scores.shape} vs "
                f"{weight.shape}"
            )
        if before:
            mask = method.compute_mask(scores, getattr(module, f"{name}_mask").to(weight.dtype))
        else:
            mask = method.compute_mask(scores, ones_like(weight))
            module.register_parameter(f"{name}_orig", module._parameters.pop(name))
        module.register_buffer(f"{name}_mask", mask)
        setattr(module, name, method.apply_mask(module))
        module.register_forward_pre_hook(method)
        return method

    def prune(self, t: Tensor, default_mask: Tensor | None = None, importance_scores: Tensor | None = None) -> Tensor:
        """Return a tensor with what this method chooses as 0."""
        scores = t if importance_scores is None else importance_scores
        if scores.shape != t.shape:
            raise AssertionError("importance_scores should have the same shape as tensor t")
        return t * self.compute_mask(scores, ones_like(t) if default_mask is None else default_mask)

    def remove(self, module: Module) -> None:
        """Make what is pruned permanent: the weight is a parameter again, with zeros."""
        name = self._tensor_name
        weight = self.apply_mask(module)
        original = module._parameters.pop(f"{name}_orig")
        original.data = weight.data
        del module._buffers[f"{name}_mask"]
        if hasattr(module, name):
            delattr(module, name)
        setattr(module, name, original)


class PruningContainer(BasePruningMethod):
    """Several methods, each of which chooses from what those before it have left."""

    def __init__(self, *args: BasePruningMethod) -> None:
        self._pruning_methods: tuple[Any, ...] = ()
        if args:
            self._tensor_name = args[0]._tensor_name
        for method in args:
            self.add_pruning_method(method)

    def add_pruning_method(self, method: BasePruningMethod | None) -> None:
        """Add a method at the end."""
        if method is not None and not isinstance(method, BasePruningMethod):
            raise TypeError(f"{type(method)} is not a BasePruningMethod subclass")
        if method is not None and self._tensor_name != method._tensor_name:
            raise ValueError(
                "Can only add pruning methods acting on the parameter named "
                f"'{self._tensor_name}' to PruningContainer {self}. Found '{method._tensor_name}'"
            )
        self._pruning_methods = (*self._pruning_methods, method)

    def __len__(self) -> int:
        return len(self._pruning_methods)

    def __iter__(self) -> Any:
        return iter(self._pruning_methods)

    def __getitem__(self, index: int) -> BasePruningMethod:
        return self._pruning_methods[index]

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Return the default mask without what the last method takes from what it leaves."""
        method, mask = self._pruning_methods[-1], default_mask.to(t.dtype)
        if method.PRUNING_TYPE == "unstructured":
            chosen: Any = mask == 1
        elif method.PRUNING_TYPE == "structured":
            dim = method.dim % t.dim()
            others = [d for d in range(t.dim()) if d != dim]
            chosen = [slice(None)] * t.dim()
            chosen[dim] = mask.sum(others) != 0
            chosen = tuple(chosen)
        elif method.PRUNING_TYPE == "global":
            chosen = (slice(None),) * t.dim()
        else:
            raise ValueError(f"Unrecognized PRUNING_TYPE {method.PRUNING_TYPE}")
        new = mask.clone()
        new[chosen] = method.compute_mask(t[chosen], default_mask=mask[chosen]).to(new.dtype)
        return new


class Identity(BasePruningMethod):
    """Prunes nothing, and leaves the module as if it did."""

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Return the default mask."""
        return default_mask


class RandomUnstructured(BasePruningMethod):
    """Takes elements by chance."""

    def __init__(self, amount: float) -> None:
        _check_amount(amount)
        self.amount = amount

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Return a mask without an amount of the elements."""
        return _without_lowest(rand_like(t), self.amount, default_mask)


class L1Unstructured(BasePruningMethod):
    """Takes the elements that are smallest in size."""

    def __init__(self, amount: float) -> None:
        _check_amount(amount)
        self.amount = amount

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Return a mask without an amount of the elements."""
        return _without_lowest(t.abs(), self.amount, default_mask)


class _Structured(BasePruningMethod):
    PRUNING_TYPE = "structured"

    def __init__(self, amount: float, dim: int) -> None:
        _check_amount(amount)
        self.amount, self.dim = amount, dim

    def scores(self, t: Tensor) -> Tensor:
        """Return a number for each slice."""
        raise NotImplementedError

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Return a mask without an amount of the slices along a dimension."""
        if t.dim() <= 1:
            raise ValueError(
                "Structured pruning can only be applied to multidimensional tensors. Found tensor of shape "
                f"{t.shape} with {t.dim()} dims"
            )
        if self.dim >= t.dim():
            raise IndexError(f"Invalid index {self.dim} for tensor of size {t.shape}")
        size = t.shape[self.dim]
        count = _count(self.amount, size)
        if not count:
            return default_mask
        kept = topk(self.scores(t), size - count)[1]
        mask = ones_like(t).zero_()
        mask.index_fill_(self.dim, kept, 1.0)
        return mask * default_mask.to(mask.dtype)


class RandomStructured(_Structured):
    """Takes slices along a dimension by chance."""

    def __init__(self, amount: float, dim: int = -1) -> None:
        super().__init__(amount, dim)

    def scores(self, t: Tensor) -> Tensor:
        """Return a random number for each slice."""
        return rand_like(t.new_empty(t.shape[self.dim]))


class LnStructured(_Structured):
    """Takes the slices along a dimension whose norm is smallest."""

    def __init__(self, amount: float, n: Any, dim: int = -1) -> None:
        super().__init__(amount, dim)
        self.n = n

    def scores(self, t: Tensor) -> Tensor:
        """Return the norm of each slice."""
        return t.norm(p=self.n, dim=[d for d in range(t.dim()) if d != self.dim % t.dim()])


class CustomFromMask(BasePruningMethod):
    """Takes what a mask has as 0."""

    PRUNING_TYPE = "global"

    def __init__(self, mask: Tensor) -> None:
        self.mask = mask

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Return the product of the two masks."""
        if default_mask.shape != self.mask.shape:
            raise AssertionError(
                f"default_mask shape {default_mask.shape} must match self.mask shape {self.mask.shape}"
            )
        return default_mask * self.mask.to(dtype=default_mask.dtype)


def _check_amount(amount: Any) -> None:
    is_number, is_count = isinstance(amount, numbers.Real), isinstance(amount, numbers.Integral)
    if not is_number:
        raise TypeError(f"Invalid type for amount: {amount}. Must be int or float.")
    if amount < 0 or (not is_count and amount > 1):
        raise ValueError(f"amount={amount} should either be a float in the range [0, 1] or a non-negative integer")


def _count(amount: Any, size: int) -> int:
    """Return how many of `size` are taken: a number of them, or a share."""
    is_count = isinstance(amount, numbers.Integral)
    if not is_count:
        return round(amount * size)
    if amount > size:
        raise ValueError(f"amount={amount} should be smaller than the number of parameters to prune={size}")
    return int(amount)


def _without_lowest(scores: Tensor, amount: Any, default_mask: Tensor) -> Tensor:
    count = _count(amount, scores.numel())
    mask = default_mask.clone()
    if count:
        mask.view(-1)[topk(scores.reshape(-1), count, largest=False)[1]] = 0
    return mask


def _prunes(hook: Any, name: str) -> bool:
    return isinstance(hook, BasePruningMethod) and hook._tensor_name == name


def _drop_hook(module: Module, hook: Any) -> None:
    for key, value in list(module._forward_pre_hooks.items()):
        if value is hook:
            del module._forward_pre_hooks[key]


def identity(module: Module, name: str) -> Module:
    """Let a tensor of a module be as if pruned, with a mask of ones."""
    Identity.apply(module, name)
    return module


def random_unstructured(module: Module, name: str, amount: float) -> Module:
    """Take an amount, a share or a number, of the elements by chance."""
    RandomUnstructured.apply(module, name, amount)
    return module


def l1_unstructured(module: Module, name: str, amount: float, importance_scores: Tensor | None = None) -> Module:
    """Take an amount, a share or a number, of the elements: those smallest in size."""
    L1Unstructured.apply(module, name, amount=amount, importance_scores=importance_scores)
    return module


def random_structured(module: Module, name: str, amount: float, dim: int) -> Module:
    """Take an amount, a share or a number, of the slices along a dimension by chance."""
    RandomStructured.apply(module, name, amount, dim)
    return module


def ln_structured(
    module: Module, name: str, amount: float, n: Any, dim: int, importance_scores: Tensor | None = None
) -> Module:
    """Take an amount, a share or a number, of the slices along a dimension: those of the smallest n-norm."""
    LnStructured.apply(module, name, amount, n, dim, importance_scores=importance_scores)
    return module


def custom_from_mask(module: Module, name: str, mask: Tensor) -> Module:
    """Take what a mask has as 0."""
    CustomFromMask.apply(module, name, mask)
    return module


def global_unstructured(
    parameters: Iterable[tuple[Module, str]],
    pruning_method: type[BasePruningMethod],
    importance_scores: dict[tuple[Module, str], Tensor] | None = None,
    **kwargs: Any,
) -> None:
    """Take elements of several modules' tensors, chosen among all of them together."""
    if not isinstance(parameters, Iterable):
        raise TypeError("global_unstructured(): parameters is not an Iterable")
    parameters = list(parameters)
    importance_scores = {} if importance_scores is None else importance_scores
    if not isinstance(importance_scores, dict):
        raise TypeError("global_unstructured(): importance_scores must be of type dict")
    tensors = [getattr(module, name) for module, name in parameters]
    scores = [importance_scores.get(pair, tensor) for pair, tensor in zip(parameters, tensors)]
    masks = [getattr(module, f"{name}_mask", ones_like(tensor)) for (module, name), tensor in zip(parameters, tensors)]
    container = PruningContainer()
    container._tensor_name = "temp"
    method = pruning_method(**kwargs)
    method._tensor_name = "temp"
    container.add_pruning_method(method)
    if method.PRUNING_TYPE != "unstructured":
        raise TypeError(
            f'Only "unstructured" PRUNING_TYPE supported for the `pruning_method`. Found method {pruning_method} of '
            f"type {method.PRUNING_TYPE}"
        )
    mask = container.compute_mask(cat([s.reshape(-1) for s in scores]), cat([m.reshape(-1) for m in masks]))
    for (module, name), tensor, part in zip(parameters, tensors, mask.split([tensor.numel() for tensor in tensors])):
        custom_from_mask(module, name, part.view(tensor.shape))


def remove(module: Module, name: str) -> Module:
    """Make the pruning of a tensor permanent: it is a parameter again, with zeros."""
    for key, hook in list(module._forward_pre_hooks.items()):
        if _prunes(hook, name):
            hook.remove(module)
            del module._forward_pre_hooks[key]
            return module
    raise ValueError(f"Parameter '{name}' of module {module} has to be pruned before pruning can be removed")


def is_pruned(module: Module) -> bool:
    """Return whether a module, or one below it, has a pruned tensor."""
    return any(
        isinstance(hook, BasePruningMethod)
        for _, part in module.named_modules()
        for hook in part._forward_pre_hooks.values()
    )


__all__ = [
    "BasePruningMethod", "CustomFromMask", "Identity", "L1Unstructured", "LnStructured", "PruningContainer",
    "RandomStructured", "RandomUnstructured", "custom_from_mask", "global_unstructured", "identity", "is_pruned",
    "l1_unstructured", "ln_structured", "random_structured", "random_unstructured", "remove",
]  # fmt: skip
