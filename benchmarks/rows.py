"""A row of the op table as a call that can be timed, in this library or in PyTorch."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

import autograd_gpu
from autograd_gpu.testing.op_case import Draw, OpCase
from autograd_gpu.testing.op_checks import is_floating, on_a_copy, replaced


def call_of(library: ModuleType, case: OpCase) -> Callable[[], Any] | None:
    """Return the row's first sample as a call, forward and backward; None where the library has not what it takes."""
    function: Any = library
    try:
        for part in case.name.split("."):
            function = getattr(function, part)
        function = on_a_copy(function) if case.writes else function
        dtype = "float32" if "float32" in case.dtypes else case.dtypes[0]
        sample = case.samples(Draw(dtype))[0]
        leaves: list[Any] = []

        def tensor(array: np.ndarray) -> Any:
            made = library.from_numpy(np.array(array))
            if case.order and is_floating(array):
                leaves.append(made.requires_grad_())
            return made

        args = [_own(library, replaced(value, tensor)) for value in sample.args]
        kwargs = {name: _own(library, replaced(value, tensor)) for name, value in sample.kwargs.items()}
        if case.before is not None:
            args[0] = case.before(args[0])

        def call() -> Any:
            results = function(*args, **kwargs)
            outputs = [y for y in (results if isinstance(results, tuple) else (results,)) if _has_gradient(library, y)]
            if outputs:
                library.autograd.grad(outputs, leaves, [library.ones_like(y) for y in outputs], allow_unused=True)

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            call()
    except (AttributeError, NotImplementedError, RuntimeError, TypeError, ValueError, IndexError):
        return None
    return call


def _own(library: ModuleType, value: Any) -> Any:
    """A dtype or a device of ours as the library's."""
    if isinstance(value, autograd_gpu.dtype):
        return getattr(library, str(value).removeprefix("torch."))
    return library.device(str(value)) if isinstance(value, autograd_gpu.device) else value


def _has_gradient(library: ModuleType, value: Any) -> bool:
    return isinstance(value, library.Tensor) and value.requires_grad and not value.is_complex()
