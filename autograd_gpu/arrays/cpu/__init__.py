"""The CPU backend: every array function on NumPy. Knows dtypes and arrays; nothing of tensors or graphs."""

from numpy import ndarray as _ndarray

from ...settings import on_threads as _on_threads
from ..alike import check_all as _check_all
from .allocation import keep_freed_pages as _keep_freed_pages
from .attention import *
from .bag import *
from .blas_threads import set_blas_threads as _set_blas_threads
from .bounds import *
from .cast import *
from .columns import *
from .complex_numbers import *
from .conv import *
from .distribution import *
from .ctc import *
from .elementwise import *
from .fourier import *
from .grid import *
from .incomplete_gamma import *
from .index import *
from .linalg import *
from .linear import *
from .loss import *
from .matmul import *
from .memory import *
from .activation import *
from .norm import *
from .optim import *
from .pool import *
from .random import *
from .recurrent import *
from .reduce import *
from .resample import *
from .scan import *
from .shape import *
from .softmax import *
from .sort import *
from .special import *

# What is named here returns arrays anyway, and often takes no longer than asking would.
_check_all(globals(), _ndarray, but=("cast", "elementwise", "matmul", "memory"))
_on_threads.append(_set_blas_threads)
_keep_freed_pages()
