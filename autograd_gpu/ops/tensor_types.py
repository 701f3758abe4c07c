"""PyTorch's older names for a dtype on a device: ``FloatTensor(3, 4)``, ``isinstance(x, LongTensor)``, ``x.new(3)``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .. import dtypes
from ..device import Device, resolve
from ..dtypes import DType
from ..tensor import Size, Tensor
from .creation import empty, tensor
from .public import public

NAMES = {
    "FloatTensor": dtypes.float32, "DoubleTensor": dtypes.float64, "HalfTensor": dtypes.float16,
    "BFloat16Tensor": dtypes.bfloat16, "LongTensor": dtypes.int64, "IntTensor": dtypes.int32,
    "ShortTensor": dtypes.int16, "CharTensor": dtypes.int8, "ByteTensor": dtypes.uint8, "BoolTensor": dtypes.bool,
}  # fmt: skip


class TensorType(type):
    """The kind of FloatTensor and its like: called it makes a tensor, and `isinstance` asks for dtype and device."""

    dtype: DType
    on: str

    def __call__(cls, *data: Any, device: Any = None) -> Tensor:
        return made(data, cls.dtype, Device(cls.on) if device is None else device, str(cls))

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, Tensor) and instance.dtype is cls.dtype and instance.device.type == cls.on

    def __str__(cls) -> str:
        return f"torch.{'cuda.' if cls.on == 'cuda' else ''}{cls.__name__}"

    __repr__ = __str__


def made(data: tuple, dtype: DType, device: Any, name: str) -> Tensor:
    """Return what a type makes of its arguments: sizes, nothing at all, numbers in a sequence, or a tensor of its own
    kind."""
    if len(data) == 1 and isinstance(data[0], Tensor):
        if data[0].dtype is not dtype:
            raise TypeError(f"expected {name} (got {data[0].type()}). Cast it: x.type({name}).")
        return data[0].detach()
    if len(data) == 1 and not isinstance(data[0], (Size, int)) and not hasattr(data[0], "__index__"):
        if isinstance(data[0], (float, complex)):
            raise TypeError(f"new(): data must be a sequence (got {type(data[0]).__name__})")
        return tensor(data[0], dtype=dtype, device=device)
    sizes = tuple(data[0]) if len(data) == 1 and isinstance(data[0], Size) else data or (0,)
    return empty(sizes, dtype=dtype, device=device)


def _types(on: str) -> dict[str, TensorType]:
    return {
        name: TensorType(name, (), {"dtype": dtype, "on": on, "is_cuda": on == "cuda", "__module__": "torch"})
        for name, dtype in NAMES.items()
    }


CPU_TYPES, CUDA_TYPES = _types("cpu"), _types("cuda")
globals().update(CPU_TYPES)

if TYPE_CHECKING:

    def __getattr__(name: str) -> Any: ...


def set_default_tensor_type(t: Any) -> None:
    """Make a type's dtype the default, and its device: ``set_default_tensor_type(torch.DoubleTensor)`` or its name."""
    from ..device import set_default_device

    named = {str(kind): kind for kind in (*CPU_TYPES.values(), *CUDA_TYPES.values())}
    kind = named.get(t) if isinstance(t, str) else t
    if not isinstance(kind, TensorType):
        raise TypeError(f"invalid type object: {t!r} is no tensor type such as torch.FloatTensor")
    if not kind.dtype.is_floating_point:
        raise TypeError(f"only floating-point types are supported as the default type, but got {kind}")
    dtypes.set_default_dtype(kind.dtype)
    set_default_device(None if kind.on == "cpu" else "cuda")


@public(function=False)
def new(self: Tensor, *data: Any, device: Any = None) -> Tensor:
    """Return a tensor of this one's dtype and device: of sizes, not filled, or of the numbers in a sequence."""
    return made(data, self.dtype, self.device if device is None else resolve(device), self.type())
