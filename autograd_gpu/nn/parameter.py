"""Parameter: a leaf tensor that a Module registers when it is assigned as an attribute. Knows nothing of modules."""

from __future__ import annotations

from typing import Any

from ..device import cpu
from ..modes import is_inference_mode_enabled
from ..tensor import AccumulateGrad, Tensor, check_can_require_grad, version_cell


class Parameter(Tensor):
    """A tensor to be trained. It shares memory with ``data`` and is a leaf, whatever ``data`` was computed from."""

    def __new__(cls, data: Tensor | None = None, requires_grad: bool = True) -> Parameter:
        parameter = object.__new__(cls)
        if data is None:
            parameter._array, parameter.device = cpu.backend.empty((0,), "float32"), cpu
        elif isinstance(data, Tensor):
            parameter._array, parameter.device = data._array, data.device
            parameter._cell = version_cell(data)
        else:
            raise TypeError(f"Parameter: expected a tensor, but got {type(data).__name__}. Wrap it: tensor(data).")
        if requires_grad:
            check_can_require_grad(parameter._array)
            if is_inference_mode_enabled():
                parameter._inert_flag = True  # models can be built inside inference_mode; nothing is recorded there
            else:
                parameter._edge = (AccumulateGrad(parameter), 0)
        return parameter

    def __init__(self, data: Tensor | None = None, requires_grad: bool = True) -> None:
        """``__new__`` has done it; Tensor's own ``__init__`` would read ``data`` as numbers."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Parameter:
        if id(self) not in memo:
            memo[id(self)] = type(self)(self.data.clone(), self.requires_grad)
        return memo[id(self)]

    def __repr__(self, **options: Any) -> str:
        return f"Parameter containing:\n{super().__repr__(**options)}"
