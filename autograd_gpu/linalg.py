"""`torch.linalg`: decompositions, solutions and norms of batches of matrices, by PyTorch's names."""

from typing import TYPE_CHECKING

from .errors import LinAlgError
from .ops.arguments import front as _front
from .ops.arguments import fronts as _fronts
from .ops.linalg.decompositions import cholesky, cholesky_ex, eigh, eigvalsh, qr, svd, svdvals
from .ops.linalg.determinants import det, slogdet
from .ops.linalg.matrix_norm import cond, matrix_norm, norm, vector_norm
from .ops.linalg.products import linalg_cross as cross
from .ops.linalg.products import linalg_diagonal as diagonal
from .ops.linalg.products import matrix_exp, matrix_power, multi_dot, vander, vecdot
from .ops.linalg.pseudoinverse import lstsq, matrix_rank, pinv
from .ops.linalg.systems import inv, inv_ex, solve, solve_ex, solve_triangular, tensorinv, tensorsolve
from .ops.matmul import matmul
from .ops.out import accepting_out as _accepting_out

__all__ = [
    "LinAlgError", "cholesky", "cholesky_ex", "cond", "cross", "det", "diagonal", "eigh", "eigvalsh", "inv", "inv_ex",
    "lstsq", "matmul", "matrix_exp", "matrix_norm", "matrix_power", "matrix_rank", "multi_dot", "norm", "pinv", "qr",
    "slogdet",
    "solve", "solve_ex", "solve_triangular", "svd", "svdvals", "tensorinv", "tensorsolve", "vander", "vecdot",
    "vector_norm",
]  # fmt: skip

_NO_OUT = ("LinAlgError", "diagonal", "lstsq", "matrix_exp")
if not TYPE_CHECKING:
    __getattr__ = _fronts(
        [name for name in __all__ if name != "LinAlgError"],
        globals(),
        lambda name, function: (_front if name in _NO_OUT else _accepting_out)(function, f"linalg_{name}"),
    )
