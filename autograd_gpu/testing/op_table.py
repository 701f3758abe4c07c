"""The table of operations: a row per public function, with its meaning in NumPy and samples of its arguments.

Knows the families' names; the rows are in `op_rows/`, what is checked of each row in `op_checks`. There is
no way to skip a check: an operation that needs one needs a narrower domain in its row, or a fix there.
"""

from __future__ import annotations

from .op_rows.arrange import ARRANGED
from .op_rows.cast import CASTS, MOVES
from .op_rows.elementwise import ELEMENTWISE
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

CASES = [
    *ELEMENTWISE,
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
