"""What a tensor says of itself, and what PyTorch's methods for streams are to it.

Nothing here computes on a device; `apply_` and its kin call Python once per element, on the CPU.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import dtypes
from ..device import cpu as CPU
from ..device import cuda_is_available
from ..dtypes import DType
from ..tensor import Tensor
from .cast import Number, cast
from .complex_numbers import conj
from .inplace import copy_, fill_
from .public import public
from .shape import expand, transpose
from .strided import as_strided, storage_offset

# ---------------------------------------------------------------------------------------------- of matrices


@public(function=False, method=False, attribute=True, name="H")
def conjugate_transposed(self: Tensor) -> Tensor:
    """The matrix transposed and conjugated."""
    if self.ndim not in (0, 2):
        hint = " For batches of matrices, consider using tensor.mH" if self.ndim > 2 else ""
        raise RuntimeError(f"tensor.H is only supported on matrices (2-D tensors). Got {self.ndim}-D tensor.{hint}")
    return conj(transpose(self, 0, 1) if self.ndim else self)


@public(function=False, method=False, attribute=True, name="mH")
def batch_conjugate_transposed(self: Tensor) -> Tensor:
    """The tensor with its last two dimensions swapped, and conjugated."""
    if self.ndim < 2:
        raise RuntimeError(f"tensor.mH is only supported on matrices or batches of matrices. Got {self.ndim}-D tensor.")
    return conj(transpose(self, -2, -1))


# ---------------------------------------------------------------------------------------------- kinds


@public
def is_signed(input: Tensor) -> bool:
    """Return whether the dtype has negative numbers."""
    return input._array.dtype.kind not in "ub"


@public
def is_nonzero(input: Tensor) -> bool:
    """Return whether the only element is not zero. Synchronises."""
    return bool(input)


@public(method=False)
def is_floating_point(input: Tensor) -> bool:
    """Return whether input has a floating point dtype."""
    return input.is_floating_point()


@public(method=False)
def is_complex(input: Tensor) -> bool:
    """Return whether input has a complex dtype."""
    return input.dtype.is_complex


@public(method=False)
def numel(input: Tensor) -> int:
    """Return the number of elements."""
    return input.numel()


@public
def is_same_size(self: Tensor, other: Tensor) -> bool:
    """Return whether the shapes are equal."""
    return self._array.shape == other._array.shape


@public(
    function=False,
    method=False,
    attribute=True,
    also="is_sparse_csr is_quantized is_meta is_nested is_mkldnn is_mps is_xpu is_mtia is_maia is_xla is_vulkan is_ipu",
)
def is_sparse(self: Tensor) -> bool:
    """False: every tensor here is dense, on the CPU or a GPU."""
    return False


@public(function=False)
def to_dense(self: Tensor, dtype: DType | None = None, *, masked_grad: bool | None = None) -> Tensor:
    """Return the tensor, which is dense, in the dtype."""
    return self if dtype is None else cast(self, dtype)


@public(function=False)
def sparse_dim(self: Tensor) -> int:
    """Return 0: every tensor here is dense."""
    return 0


@public(function=False)
def dense_dim(self: Tensor) -> int:
    """Return the number of dimensions: every tensor here is dense."""
    return self.ndim


def _of_a_sparse_tensor(name: str, layout: str) -> None:
    """Declare a method that raises, as PyTorch's does of a dense tensor."""

    def method(self: Tensor) -> Any:
        raise RuntimeError(f"{name} expected {layout} tensor layout but got Strided")

    method.__name__, method.__doc__ = name, "Raise RuntimeError: every tensor here is dense."
    public(function=False)(method)


for _name in ("coalesce", "is_coalesced", "indices"):
    _of_a_sparse_tensor(_name, "sparse coordinate")
for _name in ("crow_indices", "col_indices"):
    _of_a_sparse_tensor(_name, "sparse row compressed")
for _name in ("row_indices", "ccol_indices"):
    _of_a_sparse_tensor(_name, "sparse column compressed")
_of_a_sparse_tensor("values", "sparse")

_TYPE_NAMES = {
    dtypes.float32: "FloatTensor", dtypes.float64: "DoubleTensor", dtypes.float16: "HalfTensor",
    dtypes.bfloat16: "BFloat16Tensor", dtypes.int64: "LongTensor", dtypes.int32: "IntTensor",
    dtypes.int16: "ShortTensor", dtypes.int8: "CharTensor", dtypes.uint8: "ByteTensor", dtypes.bool: "BoolTensor",
    dtypes.complex64: "ComplexFloatTensor", dtypes.complex128: "ComplexDoubleTensor",
}  # fmt: skip


@public(function=False)
def type(self: Tensor, dtype: DType | str | None = None, non_blocking: bool = False) -> Any:
    """Return PyTorch's name for the kind of tensor, "torch.FloatTensor"; with `dtype`, the tensor in that dtype.

    `dtype` may be such a name; "torch.cuda.FloatTensor" also moves to the GPU. ValueError for other strings.
    """
    if dtype is None:
        return f"torch.{'cuda.' if self.is_cuda else ''}{_TYPE_NAMES[self.dtype]}"
    if isinstance(dtype, DType):
        return cast(self, dtype)
    dtype = str(dtype)  # also of torch.FloatTensor itself
    for found, name in _TYPE_NAMES.items():
        if dtype == f"torch.{name}":
            return cast(self.cpu(), found)
        if dtype == f"torch.cuda.{name}":
            return cast(self.cuda(), found)
    raise ValueError(f"invalid type: {dtype!r}")


@public(method=False)
def typename(obj: Any) -> str:
    """Return a tensor's type as `Tensor.type` has it; of anything else, its class's name with its module's."""
    if isinstance(obj, Tensor):
        return type(obj)
    name = getattr(obj, "__qualname__", None) or getattr(obj, "__name__", None) or obj.__class__.__qualname__
    module = getattr(obj, "__module__", None) or ""
    return f"{module}.{name}" if module not in ("", "builtins") else name


# ---------------------------------------------------------------------------------------------- memory


@public(function=False)
def is_pinned(self: Tensor, device: Any = None) -> bool:
    """Return False: host memory here is never page-locked."""
    return False


@public(function=False)
def pin_memory(self: Tensor, device: Any = None) -> Tensor:
    """Return the tensor as it is: copies to the GPU start from any memory. RuntimeError where there is no GPU."""
    if not cuda_is_available():
        raise RuntimeError("Cannot access accelerator device when none is available.")
    return self


@public(function=False)
def is_shared(self: Tensor) -> bool:
    """Return whether other processes can see the memory: of a GPU's they could, of ours on the CPU they cannot."""
    return self.is_cuda


@public(function=False)
def record_stream(self: Tensor, stream: Any) -> None:
    """Do nothing: a buffer is given back to the pool of the one stream that all kernels are launched on."""


# ---------------------------------------------------------------------------------------------- writes


@public(function=False)
def fill_diagonal_(self: Tensor, fill_value: Number, wrap: bool = False) -> Tensor:
    """Write a value to the main diagonal. With `wrap`, it goes on below a gap of a row in a tall matrix."""
    shape, stride = self._array.shape, self.stride()
    if len(shape) < 2:
        raise RuntimeError("dimensions must larger than 1")
    if len(shape) > 2 and len(set(shape)) > 1:
        raise RuntimeError("all dimensions of input must be of equal length")
    step, offset = sum(stride), storage_offset(self)
    if not (wrap and len(shape) == 2 and shape[0] > shape[1]):
        return _filled(self, fill_value, (min(shape),), (step,), offset)
    height, width = shape  # a tall matrix as blocks of width + 1 rows, each with a diagonal and a row left out
    blocks, next_block = (height + 1) // (width + 1), (width + 1) * stride[0]
    _filled(self, fill_value, (blocks, width), (next_block, step), offset)
    rest = max(height - blocks * (width + 1), 0)
    return _filled(self, fill_value, (rest,), (step,), offset + blocks * next_block) if rest else self


def _filled(x: Tensor, value: Number, *place: Any) -> Tensor:
    fill_(as_strided(x, *place), value)
    return x


def _call_per_element(name: str, function: Callable, tensors: tuple[Tensor, ...]) -> Tensor:
    first = tensors[0]
    for tensor in tensors:
        if tensor.requires_grad:
            raise RuntimeError(
                f"Can't call {name}() on Variable that requires grad. Use var.detach().{name}() instead."
            )
        if tensor.device is not CPU:
            raise TypeError(f"{name} is only implemented on CPU tensors, but got one on {tensor.device}")
        if tensor.dtype is not first.dtype:
            raise TypeError(f"{name}: expected {type(first)} for 'other' (got {type(tensor)})")
    if not first._array.size:
        return first
    lists = [expand(tensor, first._array.shape)._array.reshape(-1).tolist() for tensor in tensors]
    results = np.array([function(*row) for row in zip(*lists)])
    return copy_(first, first.new_tensor(results).reshape(first.shape))


@public(function=False)
def apply_(self: Tensor, callable: Callable[[Any], Any]) -> Tensor:
    """Replace each element x by callable(x), a Python call each. On the CPU only."""
    return _call_per_element("apply_", callable, (self,))


@public(function=False)
def map_(self: Tensor, tensor: Tensor, callable: Callable[[Any, Any], Any]) -> Tensor:
    """Replace each element x by callable(x, y), y the element of `tensor`, broadcast. On the CPU only."""
    return _call_per_element("map_", callable, (self, tensor))


@public(function=False)
def map2_(self: Tensor, x: Tensor, y: Tensor, callable: Callable[[Any, Any, Any], Any]) -> Tensor:
    """Replace each element by callable(element, one of x, one of y), broadcast. On the CPU only."""
    return _call_per_element("map2_", callable, (self, x, y))
