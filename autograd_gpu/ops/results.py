"""The named tuples of operations with several results. They print as PyTorch's return types do."""

from __future__ import annotations

import collections
from typing import Any


def return_type(name: str, fields: str) -> type:
    """Return a named tuple that prints as PyTorch's return types do."""

    def represent(self: Any) -> str:
        values = ",\n".join(f"{field}={value!r}" for field, value in zip(self._fields, self))
        return f"torch.return_types.{name}(\n{values})"

    return type(name, (collections.namedtuple(name, fields),), {"__slots__": (), "__repr__": represent})


max_result, min_result, sort_result, topk_result, cummax_result, cummin_result = (
    return_type(name, "values indices") for name in ("max", "min", "sort", "topk", "cummax", "cummin")
)
kthvalue_result, median_result, nanmedian_result, mode_result = (
    return_type(name, "values indices") for name in ("kthvalue", "median", "nanmedian", "mode")
)
aminmax_result = return_type("aminmax", "min max")
histogram_result = return_type("histogram", "hist bin_edges")
frexp_result = return_type("frexp", "mantissa exponent")

# Those of torch.linalg bear their functions' names; the older functions beside them have some of their own.
cholesky_ex_result = return_type("linalg_cholesky_ex", "L info")
eigh_result = return_type("linalg_eigh", "eigenvalues eigenvectors")
inv_ex_result = return_type("linalg_inv_ex", "inverse info")
linalg_qr_result, qr_result = (return_type(name, "Q R") for name in ("linalg_qr", "qr"))
linalg_slogdet_result, slogdet_result = (return_type(name, "sign logabsdet") for name in ("linalg_slogdet", "slogdet"))
linalg_svd_result, svd_result = return_type("linalg_svd", "U S Vh"), return_type("svd", "U S V")
lstsq_result = return_type("linalg_lstsq", "solution residuals rank singular_values")
solve_ex_result = return_type("linalg_solve_ex", "result info")
triangular_solve_result = return_type("triangular_solve", "solution cloned_coefficient")
