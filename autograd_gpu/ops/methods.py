"""The one place that hangs methods and operators on Tensor."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from .. import dtypes
from ..dtypes import DType
from ..printing import represent
from ..tensor import AccumulateGrad, Tensor, edge_of
from . import (  # fmt: skip
    arrange,
    cast,
    closeness,
    conversion,
    creation,
    diagonals,
    distributions,
    elementwise,
    elementwise_composed,
    index,
    inplace,
    inplace_views,
    matmul,
    pieces,
    properties,
    quantile,
    random,
    reduce,
    renorm,
    repetition,
    scan,
    scatter,
    shape,
    sorting,
    special,
    statistics,
    strided,
    unary,
)
from .linalg import decompositions, determinants, matrix_norm, products, pseudoinverse  # fmt: skip
from .linalg import systems as linalg
from .nn import activation as nonlinearity
from .nn import fused_activation as activation  # fmt: skip
from .nn import softmax

# ---------------------------------------------------------------------------------------------- functions as methods

_METHODS: dict[Any, str] = {
    elementwise: "add addcmul atan2 bitwise_and bitwise_or bitwise_xor clamp copysign div eq floor_divide fmod ge gt le "
    "logical_and logical_or logical_xor lt maximum minimum mul ne neg pow remainder sub",
    unary: "abs acos acosh asin asinh atan atanh bitwise_not ceil cos cosh erf erfc exp exp2 expm1 floor isfinite isinf "
    "isnan log log10 log1p log2 logical_not reciprocal round rsqrt sign sin sinh sqrt square tan trunc",
    activation: "relu sigmoid tanh",
    reduce: "all amax amin any argmax argmin argsort cumsum logsumexp max mean min norm prod sort std sum topk var",
    shape: "broadcast_to clone contiguous expand expand_as flatten flip movedim narrow narrow_copy permute ravel reshape "
    "select squeeze swapaxes swapdims t transpose unflatten unsqueeze",
    pieces: "chunk split unbind unsafe_chunk unsafe_split unsafe_split_with_sizes",
    repetition: "repeat repeat_interleave tile",
    diagonals: "diag diag_embed diagflat diagonal trace",
    matmul: "addbmm addmm addmv addr baddbmm bmm dot inner matmul mm mv outer vdot",
    decompositions: "cholesky_inverse cholesky_solve",
    determinants: "det logdet",
    linalg: "inverse triangular_solve",
    matrix_norm: "dist",
    nonlinearity: "hardshrink prelu",
    products: "cross kron matrix_exp matrix_power",
    pseudoinverse: "pinverse",
    softmax: "log_softmax softmax",
    index: "gather index_select masked_fill masked_select nonzero scatter scatter_add",
    creation: "tril triu",
    conversion: "cpu cuda item numpy to tolist type_as",
    random: "bernoulli multinomial",
    closeness: "allclose equal isclose",
    elementwise_composed: "addcdiv bitwise_left_shift bitwise_right_shift clamp_max clamp_min deg2rad float_power fmax "
    "fmin frac gcd heaviside hypot isneginf isposinf isreal lcm ldexp lerp logaddexp logaddexp2 logit nan_to_num positive "
    "rad2deg signbit sinc xlogy",
    scan: "cummax cummin cumprod diff logcumsumexp",
    sorting: "kthvalue median mode msort nanmedian unique unique_consecutive",
    properties: "apply_ conj conj_physical fill_diagonal_ is_conj is_neg is_nonzero is_pinned is_shared is_signed map2_ map_ "
    "record_stream resolve_conj resolve_neg type",
    inplace_views: "as_strided_ resize_ resize_as_ set_ squeeze_ swapaxes_ swapdims_ t_ transpose_ unsqueeze_",
    strided: "as_strided as_strided_scatter data_ptr is_set_to new_empty_strided storage_offset",
    special: "digamma erfinv frexp i0 igamma igammac lgamma mvlgamma nextafter",
    statistics: "aminmax bincount corrcoef count_nonzero cov histc histogram nanmean nansum",
    quantile: "nanquantile quantile",
    renorm: "renorm",
    distributions: "cauchy_ exponential_ geometric_ log_normal_",
    arrange: "adjoint diagonal_scatter dsplit fliplr flipud hsplit roll rot90 select_scatter slice_scatter split_with_sizes "
    "sum_to_size tensor_split unfold vsplit",
    scatter: "argwhere index_add index_copy index_fill index_put index_reduce masked_scatter nonzero_static put "
    "scatter_reduce take take_along_dim",
}
_ALIASES = {
    "absolute": "abs", "arccos": "acos", "arccosh": "acosh", "arcsin": "asin", "arcsinh": "asinh", "arctan": "atan",
    "arctan2": "atan2", "arctanh": "atanh", "clip": "clamp", "divide": "div", "true_divide": "div", "multiply": "mul",
    "subtract": "sub", "negative": "neg", "greater": "gt", "greater_equal": "ge", "less": "lt", "less_equal": "le",
    "not_equal": "ne", "ger": "outer", "fix": "trunc", "sgn": "sign", "moveaxis": "movedim", "ndimension": "dim",
}  # fmt: skip

for _module, _names in _METHODS.items():
    for _name in _names.split():
        setattr(Tensor, _name, getattr(_module, _name))
Tensor.polygamma = special.polygamma_of  # type: ignore[attr-defined]
for _name in ("cholesky", "qr", "slogdet", "svd"):  # not what torch.linalg has under these names
    setattr(Tensor, _name, getattr(determinants if _name == "slogdet" else decompositions, f"torch_{_name}"))
for _alias, _name in _ALIASES.items():
    setattr(Tensor, _alias, getattr(Tensor, _name))

# The in-place forms; those with a kernel name write straight into the buffer when nothing is recorded.
_WITH_KERNEL = (
    "abs acos acosh asin asinh atan atan2 atanh ceil copysign cos cosh digamma div erf erfc erfinv exp exp2 expm1 floor "
    "fmod i0 lgamma log log10 log1p log2 mul neg nextafter pow reciprocal relu remainder round rsqrt sigmoid sign sin sinh "
    "sqrt square tan tanh trunc"
)
for _name in _WITH_KERNEL.split():
    setattr(Tensor, _name + "_", inplace.inplace(_name + "_", getattr(Tensor, _name), _name))
for _name in (
    "clamp bitwise_and bitwise_not bitwise_or bitwise_xor eq floor_divide ge gt le logical_and logical_not logical_or "
    "logical_xor lt ne addcmul addbmm addmm addmv addr baddbmm cumsum masked_fill scatter scatter_add tril triu "
    "addcdiv bitwise_left_shift bitwise_right_shift clamp_max clamp_min cumprod deg2rad float_power frac gcd "
    "heaviside hypot igamma igammac index_add index_copy index_fill index_put index_reduce lcm ldexp lerp logit "
    "masked_scatter mvlgamma nan_to_num polygamma put rad2deg renorm scatter_reduce sinc xlogy"
).split():
    setattr(Tensor, _name + "_", inplace.inplace(_name + "_", getattr(Tensor, _name)))
_add_, _sub_ = (inplace.inplace(name + "_", getattr(Tensor, name), name) for name in ("add", "sub"))
Tensor.add_, Tensor.sub_ = _add_, _sub_  # type: ignore[attr-defined]
for _alias in "arccos arccosh arcsin arcsinh arctan arctan2 arctanh fix sgn".split():
    setattr(Tensor, _alias + "_", getattr(Tensor, _ALIASES[_alias] + "_"))
for _alias, _name in (
    ("absolute_", "abs_"),
    ("greater_", "gt_"),
    ("greater_equal_", "ge_"),
    ("less_", "lt_"),
    ("less_equal_", "le_"),
    ("not_equal_", "ne_"),
    ("true_divide_", "div_"),
    ("clip_", "clamp_"),
    ("divide_", "div_"),
    ("multiply_", "mul_"),
    ("subtract_", "sub_"),
    ("negative_", "neg_"),
):
    setattr(Tensor, _alias, getattr(Tensor, _name))
for _function in (inplace.copy_, inplace.fill_, inplace.zero_, inplace.detach_):
    setattr(Tensor, _function.__name__, _function)

# ---------------------------------------------------------------------------------------------- operators


def _operator(function: Callable, reflected: bool = False) -> Callable:
    if reflected:

        def operator(self: Tensor, other: Any) -> Any:
            return function(other, self) if cast.is_scalar(other) or isinstance(other, Tensor) else NotImplemented
    else:

        def operator(self: Tensor, other: Any) -> Any:
            if isinstance(other, Tensor) or cast.is_scalar(other):
                return function(self, other)
            return NotImplemented

    return operator


def _arithmetic(function: Callable, operation: type) -> Callable:
    """An operator that goes straight to its operation when nothing needs promoting: the shortest way for the host."""
    apply = operation.apply  # type: ignore[attr-defined]

    def operator(self: Tensor, other: Any) -> Any:
        if isinstance(other, Tensor):
            a, b = self._array, other._array
            dtype = a.dtype
            if dtype is b.dtype and dtype.kind == "f" and a.shape == b.shape and self.device is other.device:
                return apply(self, other)
        elif other.__class__ is float:
            if self._array.dtype.kind == "f":
                return apply(self, other)
        elif not cast.is_scalar(other):
            return NotImplemented
        return function(self, other)

    return operator


_OPERATORS = {
    "add": elementwise.add, "sub": elementwise.sub, "mul": elementwise.mul, "truediv": elementwise.div,
    "floordiv": elementwise.floor_divide, "mod": elementwise.remainder, "pow": elementwise.pow,
    "and": elementwise.bitwise_and, "or": elementwise.bitwise_or, "xor": elementwise.bitwise_xor,
    "lshift": elementwise_composed.bitwise_left_shift, "rshift": elementwise_composed.bitwise_right_shift,
}  # fmt: skip
_STRAIGHT = {"add": elementwise.Add, "sub": elementwise.Sub, "mul": elementwise.Mul, "truediv": elementwise.Div}
_INPLACE_OPERATORS = {
    "add": "add_", "sub": "sub_", "mul": "mul_", "truediv": "div_", "floordiv": "floor_divide_", "mod": "remainder_",
    "pow": "pow_", "and": "bitwise_and_", "or": "bitwise_or_", "xor": "bitwise_xor_", "lshift": "bitwise_left_shift_",
    "rshift": "bitwise_right_shift_",
}  # fmt: skip
for _name, _function in _OPERATORS.items():
    _straight = _STRAIGHT.get(_name)
    setattr(Tensor, f"__{_name}__", _arithmetic(_function, _straight) if _straight else _operator(_function))
    setattr(Tensor, f"__r{_name}__", _operator(_function, reflected=True))
for _name, _method in _INPLACE_OPERATORS.items():
    setattr(Tensor, f"__i{_name}__", _operator(getattr(Tensor, _method)))
for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    setattr(Tensor, f"__{_name}__", _operator(getattr(elementwise, _name)))
Tensor.__matmul__ = matmul.matmul  # type: ignore[attr-defined]
Tensor.__rmatmul__ = lambda self, other: matmul.matmul(other, self)  # type: ignore[attr-defined]
Tensor.__neg__ = elementwise.neg  # type: ignore[attr-defined]
Tensor.__pos__ = lambda self: self  # type: ignore[attr-defined]
Tensor.__abs__ = unary.abs  # type: ignore[attr-defined]
Tensor.__invert__ = unary.bitwise_not  # type: ignore[attr-defined]
Tensor.__getitem__ = index.getitem  # type: ignore[attr-defined]
Tensor.__setitem__ = index.setitem  # type: ignore[attr-defined]
Tensor.__repr__ = represent  # type: ignore[method-assign]

# ---------------------------------------------------------------------------------------------- transposes as attributes


def _transposed(self: Tensor) -> Tensor:
    """The tensor with its dimensions reversed."""
    return shape.permute(self, *range(self.ndim - 1, -1, -1))


def _matrix_transposed(self: Tensor) -> Tensor:
    """The tensor with its last two dimensions swapped."""
    if self.ndim < 2:
        raise RuntimeError(f"tensor.mT is only supported on matrices or batches of matrices. Got {self.ndim}-D tensor.")
    return shape.transpose(self, -2, -1)


Tensor.T = property(_transposed)  # type: ignore[attr-defined]
Tensor.mT = property(_matrix_transposed)  # type: ignore[attr-defined]

# ---------------------------------------------------------------------------------------------- what Python and NumPy ask


def _only(self: Tensor) -> Any:
    if self._array.size != 1:
        raise ValueError("only one element tensors can be converted to Python scalars")
    return conversion.item(self)


def _as_array(self: Tensor, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
    array = conversion.numpy(self)
    return array if dtype is None else array.astype(dtype, copy=False)


def _bool(self: Tensor) -> bool:
    if self._array.size != 1:
        if self._array.size == 0:
            raise RuntimeError("Boolean value of Tensor with no values is ambiguous")
        raise RuntimeError(
            "Boolean value of Tensor with more than one value is ambiguous. Use .any() or .all(), or compare shapes."
        )
    return bool(conversion.item(self))


def _index(self: Tensor) -> int:
    if self._array.size != 1 or self._array.dtype.kind not in "iub":
        raise TypeError("only integer tensors of a single element can be converted to an index")
    return int(conversion.item(self))


def _len(self: Tensor) -> int:
    if self.ndim == 0:
        raise TypeError("len() of a 0-d tensor")
    return self._array.shape[0]


def _iterate(self: Tensor) -> Iterator[Tensor]:
    if self.ndim == 0:
        raise TypeError("iteration over a 0-d tensor")
    return iter(pieces.unbind(self))


def _contains(self: Tensor, element: Any) -> bool:
    return bool((self == element).any())


def _format(self: Tensor, spec: str) -> str:
    if self.ndim == 0:
        return format(conversion.item(self), spec)
    return format(str(self), spec)


Tensor.__array__ = _as_array  # type: ignore[attr-defined]
Tensor.__bool__ = _bool  # type: ignore[attr-defined]
Tensor.__float__ = lambda self: float(_only(self))  # type: ignore[attr-defined]
Tensor.__int__ = lambda self: int(_only(self))  # type: ignore[attr-defined]
Tensor.__complex__ = lambda self: complex(_only(self))  # type: ignore[attr-defined]
Tensor.__index__ = _index  # type: ignore[attr-defined]
Tensor.__len__ = _len  # type: ignore[attr-defined]
Tensor.__iter__ = _iterate  # type: ignore[attr-defined]
Tensor.__contains__ = _contains  # type: ignore[attr-defined]
Tensor.__format__ = _format  # type: ignore[method-assign]

# ---------------------------------------------------------------------------------------------- dtypes by name


def _caster(dtype: DType) -> Callable[[Tensor], Tensor]:
    def convert(self: Tensor) -> Tensor:
        return cast.cast(self, dtype)

    convert.__doc__ = f"Return the tensor in {dtype.name}."
    return convert


for _name, _dtype in {
    "float": dtypes.float32, "double": dtypes.float64, "half": dtypes.float16, "bfloat16": dtypes.bfloat16,
    "long": dtypes.int64, "int": dtypes.int32, "short": dtypes.int16, "char": dtypes.int8, "byte": dtypes.uint8,
    "bool": dtypes.bool,
}.items():  # fmt: skip
    setattr(Tensor, _name, _caster(_dtype))


# ---------------------------------------------------------------------------------------------- new tensors alike


def _like(function: Callable) -> Callable:
    def new(self: Tensor, *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False) -> Tensor:
        return function(*size, dtype=dtype or self.dtype, device=device or self.device, requires_grad=requires_grad)

    new.__doc__ = f"`{function.__name__}` with this tensor's dtype and device."
    return new


for _function in (creation.zeros, creation.ones, creation.empty, creation.full, creation.tensor):
    setattr(Tensor, f"new_{_function.__name__}", _like(_function))

# ---------------------------------------------------------------------------------------------- filling and copying


def normal_(self: Tensor, mean: float = 0, std: float = 1, *, generator: Any = None) -> Tensor:
    """Fill with normal numbers of the given mean and standard deviation."""
    drawn = random.randn(self.shape, generator=generator, dtype=self.dtype, device=self.device)
    return inplace.copy_(self, drawn * std + mean)


def uniform_(self: Tensor, from_: float = 0, to: float = 1, *, generator: Any = None, **bounds: float) -> Tensor:
    """Fill with uniform numbers from [from, to)."""
    low = bounds.get("from", from_)
    drawn = random.rand(self.shape, generator=generator, dtype=self.dtype, device=self.device)
    return inplace.copy_(self, drawn * (to - low) + low)


def bernoulli_(self: Tensor, p: float = 0.5, *, generator: Any = None) -> Tensor:
    """Fill with 1 with probability p, else 0."""
    drawn = random.rand(self.shape, generator=generator, device=self.device)
    return inplace.copy_(self, drawn < p)


def random_(self: Tensor, from_: int = 0, to: int | None = None, *, generator: Any = None) -> Tensor:
    """Fill with integers from [from, to); ``random_(to)`` starts at 0."""
    low, high = (0, from_) if to is None else (from_, to)
    return inplace.copy_(self, random.randint(low, high, self.shape, generator=generator, device=self.device))


Tensor.normal_, Tensor.uniform_, Tensor.bernoulli_, Tensor.random_ = normal_, uniform_, bernoulli_, random_  # type: ignore[attr-defined]


def _deepcopy(self: Tensor, memo: dict) -> Tensor:
    if not self.is_leaf:
        raise RuntimeError(
            "Only Tensors created explicitly by the user (graph leaves) support the deepcopy protocol at the moment. "
            "Use x.detach().clone() to copy the values, or x.clone() to keep the history."
        )
    duplicate = type(self).__new__(type(self))
    duplicate._array = self.device.backend.copy(self._array)
    duplicate.device = self.device
    memo[id(self)] = duplicate
    if edge_of(self) is not None:
        duplicate._edge = (AccumulateGrad(duplicate), 0)
    if self._grad is not None:
        duplicate._grad = copy.deepcopy(self._grad.detach(), memo)
    return duplicate


def _view_as(self: Tensor, other: Tensor) -> Tensor:
    """Return the tensor viewed in the shape of other."""
    return shape.view(self, other.shape)


def _reshape_as(self: Tensor, other: Tensor) -> Tensor:
    """Return the tensor in the shape of other."""
    return shape.reshape(self, other.shape)


def _masked_fill_where(self: Tensor, condition: Tensor, other: Any) -> Tensor:
    """Return this tensor's elements where the condition holds, other's elsewhere."""
    return elementwise.where(condition, self, other)


def _view(self: Tensor, *size: Any) -> Tensor:
    """Return the same elements in another shape, or the same bytes as another dtype of the same size."""
    if len(size) == 1 and isinstance(size[0], DType):
        return strided.view_as_dtype(self, size[0])
    return shape.view(self, *size)


def _is_same_size(self: Tensor, other: Tensor) -> bool:
    """Return whether the shapes are equal."""
    return self._array.shape == other._array.shape


Tensor.__deepcopy__ = _deepcopy  # type: ignore[attr-defined]
Tensor.view, Tensor.view_as, Tensor.reshape_as = _view, _view_as, _reshape_as  # type: ignore[attr-defined]
Tensor.where = _masked_fill_where  # type: ignore[attr-defined]
Tensor.is_same_size = _is_same_size  # type: ignore[attr-defined]
