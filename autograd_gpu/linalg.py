"""`torch.linalg`: decompositions, solutions and norms of batches of matrices, by PyTorch's names."""

from .errors import LinAlgError as LinAlgError
from .ops.decompositions import cholesky as cholesky
from .ops.decompositions import cholesky_ex as cholesky_ex
from .ops.decompositions import eigh as eigh
from .ops.decompositions import eigvalsh as eigvalsh
from .ops.decompositions import qr as qr
from .ops.decompositions import svd as svd
from .ops.decompositions import svdvals as svdvals
from .ops.determinants import det as det
from .ops.determinants import slogdet as slogdet
from .ops.linalg import inv as inv
from .ops.linalg import inv_ex as inv_ex
from .ops.linalg import solve as solve
from .ops.linalg import solve_ex as solve_ex
from .ops.linalg import solve_triangular as solve_triangular
from .ops.linalg import tensorinv as tensorinv
from .ops.linalg import tensorsolve as tensorsolve
from .ops.pseudoinverse import lstsq as lstsq
from .ops.pseudoinverse import matrix_rank as matrix_rank
from .ops.pseudoinverse import pinv as pinv
