"""Parameter and Buffer: tensors that a Module registers when they are assigned as attributes. Know nothing of
modules."""

from __future__ import annotations

from typing import Any

from ..device import cpu, resolve
from ..dtypes import DType, get_default_dtype
from ..modes import is_inference_mode_enabled
from ..tensor import AccumulateGrad, Tensor, check_can_require_grad, version_cell, wrap


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


class Buffer(Tensor):
    """A tensor that belongs to a module's state and is not trained. It shares memory with ``data``."""

    persistent: bool

    def __new__(cls, data: Tensor | None = None, *, persistent: bool = True) -> Buffer:
        buffer = object.__new__(cls)
        if data is None:
            buffer._array, buffer.device = cpu.backend.empty((0,), "float32"), cpu
        else:
            buffer._array, buffer.device, buffer._cell = data._array, data.device, version_cell(data)
        buffer.persistent = persistent
        return buffer

    def __init__(self, data: Tensor | None = None, *, persistent: bool = True) -> None:
        """``__new__`` has done it."""


class _Uninitialized:
    """What has no size yet: a lazy layer gives it one by `materialize`."""

    _becomes: type[Tensor]

    def materialize(self: Any, shape: Any, device: Any = None, dtype: DType | None = None) -> None:
        """Become a parameter, or a buffer, of that shape, not filled."""
        place = self.device if device is None else resolve(device)
        dtype = dtype or self.dtype
        self._array, self.device = place.backend.empty(tuple(shape), dtype.numpy), place
        self.__class__ = self._becomes

    @property
    def shape(self) -> Any:
        raise RuntimeError(
            "Can't access the shape of an uninitialized parameter or buffer. This error usually happens in "
            "`load_state_dict` when trying to load an uninitialized parameter into an initialized one. Call `forward` "
            "to initialize the parameters before accessing their attributes."
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class UninitializedParameter(_Uninitialized, Parameter):  # type: ignore[misc]
    """A parameter without a size yet."""

    _becomes = Parameter

    def __new__(
        cls, requires_grad: bool = True, device: Any = None, dtype: DType | None = None
    ) -> UninitializedParameter:
        place = resolve(device)
        data = wrap(place.backend.empty((0,), (dtype or get_default_dtype()).numpy), place)
        return super().__new__(cls, data, requires_grad)  # type: ignore[return-value]

    def __init__(self, requires_grad: bool = True, device: Any = None, dtype: DType | None = None) -> None:
        """``__new__`` has done it."""


class UninitializedBuffer(_Uninitialized, Tensor):
    """A buffer without a size yet."""

    _becomes = Tensor

    def __new__(
        cls, requires_grad: bool = False, device: Any = None, dtype: DType | None = None, persistent: bool = True
    ) -> UninitializedBuffer:
        buffer = object.__new__(cls)
        buffer.device = resolve(device)
        buffer._array = buffer.device.backend.empty((0,), (dtype or get_default_dtype()).numpy)
        return buffer

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """``__new__`` has done it."""
