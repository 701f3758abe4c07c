"""What tensors that are not strided have in common: values with a graph, a size, and a refusal of all that needs an
array of every element.

So every operation on them is written in dense ones on indices and values, on any device, and is differentiated by
theirs: a gradient reaches the values, and the gradient of a sparse leaf is sparse, with the leaf's own indices.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

from ... import dtypes
from ...device import Device
from ...dtypes import DType
from ...layouts import NotStrided
from ...tensor import Size, Tensor, private_gradient
from ..integers import wrap_dim

_PACKAGE = str(Path(__file__).parents[2])


def _in(dtype: DType) -> Any:
    return lambda self: self.to(dtype)


class Sparse(Tensor):
    """Values, and where they are. A subclass says how that is named."""

    _value: Tensor  # (entries, *dense dimensions)
    _size: tuple[int, ...]

    def _with(self, values: Tensor) -> Any:
        """Return a tensor of other values at the same places."""
        raise NotImplementedError

    # ------------------------------------------------------------------------------------------ what it is

    @property
    def _array(self) -> Any:
        raise NotStrided(
            f"{_asked_for()}: not there for sparse tensors. Make it dense first, x.to_dense(), or work on x.values()",
            _without_arrays,
        )

    @property
    def device(self) -> Device:  # type: ignore[override]
        return self._value.device

    @property
    def dtype(self) -> DType:
        return self._value.dtype

    @property
    def shape(self) -> Size:
        return Size(self._size)

    def size(self, dim: Any = None) -> Any:
        """Return the shape, or the size along `dim`."""
        return self.shape if dim is None else self._size[wrap_dim(dim, len(self._size))]

    @property
    def ndim(self) -> int:
        return len(self._size)

    def dim(self) -> int:
        return len(self._size)

    ndimension = dim

    def numel(self) -> int:
        return math.prod(self._size)

    nelement = numel

    def is_contiguous(self, memory_format: Any = None) -> bool:
        return False

    def __len__(self) -> int:
        return self._size[0]

    # ------------------------------------------------------------------------------------------ its place in the graph

    @property
    def _edge(self) -> Any:  # type: ignore[override]
        return self._value._edge

    @property
    def requires_grad(self) -> bool:
        return self._value.requires_grad

    @requires_grad.setter
    def requires_grad(self, flag: bool) -> None:
        self._value.requires_grad_(flag)

    def requires_grad_(self, requires_grad: bool = True) -> Sparse:
        """Switch recording on or off for a leaf, in place."""
        self._value.requires_grad_(requires_grad)
        return self

    @property  # type: ignore[override]
    def grad(self) -> Sparse | None:
        """The gradient of a leaf: sparse, with its own indices."""
        found = self._value.grad
        return None if found is None else self._with(found)

    @grad.setter
    def grad(self, value: Sparse | None) -> None:
        if value is not None:
            raise NotImplementedError("grad: a sparse tensor's gradient can be set to None only")
        self._value.grad = None

    def detach(self) -> Sparse:
        return self._with(self._value.detach())

    def detach_(self) -> Sparse:
        """Take the tensor out of its graph, in place."""
        self._value = self._value.detach()
        return self

    @property
    def data(self) -> Tensor:
        """The same places, and values without history."""
        return self._with(self._value.data)

    @data.setter
    def data(self, value: Tensor) -> None:
        raise NotImplementedError("data: a sparse tensor keeps its places; make one of other values")

    # ------------------------------------------------------------------------------------------ the same entries

    def _private(self) -> Sparse:
        """Return the gradient with values that nothing else shares."""
        return self._with(private_gradient(self._value, is_ours=False))

    def _nnz(self) -> int:
        return self._value.shape[0]

    def neg(self) -> Any:
        return self._with(-self._value)

    __neg__ = neg

    def cuda(self, device: Any = None, non_blocking: Any = False, memory_format: Any = None) -> Any:
        """Return the tensor on a GPU."""
        return self.to("cuda" if device is None else device)

    def cpu(self, memory_format: Any = None) -> Any:
        """Return the tensor on the CPU."""
        return self.to("cpu")

    def numpy(self, *, force: bool = False) -> Any:
        """Raise TypeError: NumPy has no sparse arrays."""
        raise TypeError("can't convert Sparse layout tensor to numpy. Use Tensor.to_dense() first.")

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self.numpy()

    def __getitem__(self, index: Any) -> Any:
        raise NotImplementedError("getitem: not there for sparse tensors. Make it dense first, x.to_dense()[...].")

    half, bfloat16, float, double = map(_in, (dtypes.float16, dtypes.bfloat16, dtypes.float32, dtypes.float64))
    int, long, bool = map(_in, (dtypes.int32, dtypes.int64, dtypes.bool))

    def __deepcopy__(self, memo: dict) -> Any:
        return self.clone() if self._value.requires_grad else self.detach().clone()

    __hash__ = Tensor.__hash__


# ---------------------------------------------------------------------------------------------- how they show


_REFLECTED = {"add": "__radd__", "add_": "_add_to", "sub": "__rsub__", "mul": "__rmul__"}
_REFLECTED |= dict.fromkeys(("mm", "matmul"), "__rmatmul__")


def _without_arrays(name: str, first: Any, *args: Any, **kwargs: Any) -> Any:
    """Return what the function of that name gives of its arguments, by a method of the sparse one of them."""
    if isinstance(first, Sparse):
        method: Any = getattr(type(first), name, None)
        is_own = method is not None and method is not getattr(Tensor, name, None)
        return method(first, *args, **kwargs) if is_own else NotImplemented
    if name in _REFLECTED and args and isinstance(args[0], Sparse):
        method = getattr(type(args[0]), _REFLECTED[name], None)
        return NotImplemented if method is None else method(args[0], first, *args[1:], **kwargs)
    return NotImplemented


def _asked_for() -> str:
    """Return the name of what a program has called: the outermost of our functions that a module or Tensor has."""
    frame, found = sys._getframe(2), "this"
    while frame is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        name = frame.f_code.co_name
        if name == "function":  # one of many that are made alike, by a name
            name = frame.f_locals.get("name", name)
        if callable(frame.f_globals.get(name)) or hasattr(Tensor, name):
            found = name
        frame = frame.f_back  # type: ignore[assignment]
    return found.strip("_")


def shown(name: str, x: Tensor) -> str:
    """Return a part as it stands in what the whole prints as."""
    return f"{name}={repr(x.detach()).replace(chr(10), chr(10) + ' ' * (8 + len(name)))}"


def history(x: Sparse) -> str:
    if x._value.grad_fn is not None:
        return f", grad_fn=<{x._value.grad_fn.name()}>"  # type: ignore[attr-defined]
    return ", requires_grad=True" if x.requires_grad else ""
