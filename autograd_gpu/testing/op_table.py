"""The table of operations: a row per public function, with its meaning in NumPy and samples of its arguments.

Knows the families' names; the rows are in the `op_rows_*` beside it, what is checked of each row in `op_checks`. There is
no way to skip a check: an operation that needs one needs a narrower domain in its row, or a fix there.
"""

from __future__ import annotations

from .op_rows_arrange import ARRANGED
from .op_rows_cast import CASTS, MOVES
from .op_rows_elementwise import ELEMENTWISE
from .op_rows_fused import FUSED
from .op_rows_index import INDEXING
from .op_rows_linalg import LINALG
from .op_rows_matmul import MATMULS
from .op_rows_nn import NN
from .op_rows_reduce import REDUCTIONS
from .op_rows_scan import SCANS
from .op_rows_scatter import SCATTERED, WRITES
from .op_rows_shape import SHAPES
from .op_rows_softmax import SOFTMAXES
from .op_rows_sorting import SORTING
from .op_rows_special import SPECIAL
from .op_rows_statistics import STATISTICAL

CASES = [
    *ELEMENTWISE,
    *REDUCTIONS,
    *SCANS,
    *SORTING,
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
