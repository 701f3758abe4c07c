"""The table of operations: a row per public function, with its meaning in NumPy and samples of its arguments.

Knows the families' names; the rows are in `op_rows/`, what is checked of each row in `op_checks`. There is
no way to skip a check: an operation that needs one needs a narrower domain in its row, or a fix there.
"""

from __future__ import annotations

import dataclasses

from .op_case import COMPLEXES, OpCase
from .op_rows.arrange import ARRANGED
from .op_rows.cast import CASTS, MOVES
from .op_rows.complex_numbers import COMPLEX
from .op_rows.elementwise import ELEMENTWISE
from .op_rows.fourier import FOURIER
from .op_rows.fused import FUSED
from .op_rows.index import INDEXING
from .op_rows.linalg import LINALG
from .op_rows.matmul import MATMULS
from .op_rows.nn import NN
from .op_rows.reduce import REDUCTIONS
from .op_rows.scan import SCANS
from .op_rows.scatter import SCATTERED, WRITES
from .op_rows.shape import SHAPES
from .op_rows.softmax import SOFTMAXES
from .op_rows.sort import SORT
from .op_rows.special import SPECIAL
from .op_rows.statistics import STATISTICAL

# Rows by names, that are checked with complex numbers as well: all that PyTorch has of them, but for special matrices.
OF_COMPLEX = frozenset(
    "add sub mul div pow neg addcmul where exp exp2 expm1 log log2 log10 log1p sqrt square sin cos tan asin acos atan "
    "sinh cosh asinh acosh atanh tanh eq ne logical_and logical_or logical_xor logical_not isnan isinf isfinite sinc "
    "positive isreal rsub addcdiv lerp sum mean prod any all std var std_mean var_mean norm nn.functional.linear mm "
    "bmm matmul mv dot vdot inner outer addmm addmv addr addbmm baddbmm einsum tensordot cumsum cumprod cat stack "
    "reshape transpose permute Tensor.expand flip roll masked_fill gather index_select index_add scatter scatter_add "
    "Tensor.__getitem__ tril triu diagonal diag trace unbind split linalg.vecdot linalg.cross linalg.vector_norm kron "
    "cumulative_trapezoid trapezoid diff Tensor.view Tensor.unfold Tensor.repeat clone squeeze unsqueeze movedim "
    "narrow select take_along_dim masked_select masked_scatter index_put index_copy index_fill nonzero count_nonzero "
    "dist vander meshgrid block_diag chunk hstack vstack rot90 broadcast_to flatten unflatten ones_like zeros_like "
    "full_like chain_matmul linalg.multi_dot linalg.vander".split()
)

_ALL_CASES = [
    *ELEMENTWISE,
    *COMPLEX,
    *FOURIER,
    *REDUCTIONS,
    *SCANS,
    *SORT,
    *SHAPES,
    *CASTS,
    *ARRANGED,
    *INDEXING,
    *SCATTERED,
    *WRITES,
    *MATMULS,
    *SOFTMAXES,
    *NN,
    *LINALG,
    *FUSED,
    *SPECIAL,
    *STATISTICAL,
    *MOVES,
]


def _with_complex(case: OpCase) -> OpCase:
    if case.name not in OF_COMPLEX or case.variant == "rounding_mode":
        return case
    return dataclasses.replace(case, dtypes=(*case.dtypes, *COMPLEXES))


CASES = [_with_complex(case) for case in _ALL_CASES]
