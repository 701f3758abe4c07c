"""The named tuples of operations with several results. They print as PyTorch's return types do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

if TYPE_CHECKING:
    from ..tensor import Tensor

Fields = TypeVar("Fields", bound=tuple)


def return_type(name: str, fields: type[Fields]) -> type[Fields]:
    """Return a named tuple that prints as PyTorch's return types do."""

    def represent(self: Any) -> str:
        values = ",\n".join(f"{field}={value!r}" for field, value in zip(self._fields, self))
        return f"torch.return_types.{name}(\n{values})"

    def reduce(self: Any) -> tuple:
        return _again, (name, tuple(self))

    _BY_NAME[name] = type(name, (fields,), {"__slots__": (), "__repr__": represent, "__reduce__": reduce})
    return _BY_NAME[name]


_BY_NAME: dict[str, type] = {}


def _again(name: str, values: tuple) -> tuple:
    return _BY_NAME[name](*values)


class ValuesIndices(NamedTuple):
    values: Tensor
    indices: Tensor


class MinMax(NamedTuple):
    min: Tensor
    max: Tensor


class Histogram(NamedTuple):
    hist: Tensor
    bin_edges: Tensor


class MantissaExponent(NamedTuple):
    mantissa: Tensor
    exponent: Tensor


class FactorInfo(NamedTuple):
    L: Tensor
    info: Tensor


class Eigen(NamedTuple):
    eigenvalues: Tensor
    eigenvectors: Tensor


class InverseInfo(NamedTuple):
    inverse: Tensor
    info: Tensor


class QR(NamedTuple):
    Q: Tensor
    R: Tensor


class SignLogabsdet(NamedTuple):
    sign: Tensor
    logabsdet: Tensor


class USVh(NamedTuple):
    U: Tensor
    S: Tensor
    Vh: Tensor


class USV(NamedTuple):
    U: Tensor
    S: Tensor
    V: Tensor


class LeastSquares(NamedTuple):
    solution: Tensor
    residuals: Tensor
    rank: Tensor
    singular_values: Tensor


class ResultInfo(NamedTuple):
    result: Tensor
    info: Tensor


class TriangularSolution(NamedTuple):
    solution: Tensor
    cloned_coefficient: Tensor


max_result, min_result, sort_result, topk_result, cummax_result, cummin_result = (
    return_type(name, ValuesIndices) for name in ("max", "min", "sort", "topk", "cummax", "cummin")
)
kthvalue_result, median_result, nanmedian_result, mode_result = (
    return_type(name, ValuesIndices) for name in ("kthvalue", "median", "nanmedian", "mode")
)
aminmax_result = return_type("aminmax", MinMax)
histogram_result = return_type("histogram", Histogram)
frexp_result = return_type("frexp", MantissaExponent)

# Those of torch.linalg bear their functions' names; the older functions beside them have some of their own.
cholesky_ex_result = return_type("linalg_cholesky_ex", FactorInfo)
eigh_result = return_type("linalg_eigh", Eigen)
inv_ex_result = return_type("linalg_inv_ex", InverseInfo)
linalg_qr_result, qr_result = (return_type(name, QR) for name in ("linalg_qr", "qr"))
linalg_slogdet_result, slogdet_result = (return_type(name, SignLogabsdet) for name in ("linalg_slogdet", "slogdet"))
linalg_svd_result, svd_result = return_type("linalg_svd", USVh), return_type("svd", USV)
lstsq_result = return_type("linalg_lstsq", LeastSquares)
solve_ex_result = return_type("linalg_solve_ex", ResultInfo)
triangular_solve_result = return_type("triangular_solve", TriangularSolution)
