"""The CPU by kernels compiled for this processor: kernels/*.cu, a block of one thread, blocks dealt out to threads.

What has no kernel here is the NumPy backend's, function by function and dtype by dtype: all of them where there is
nothing to compile with (`runtime.describe` says why).
"""

import contextlib as _contextlib

from autograd_gpu.arrays.cpu import *

from ..alike import check_all as _check_all
from .runtime import Unusable as _Unusable
from .runtime import library as _library

with _contextlib.suppress(_Unusable):
    _library()
    from .activation import *
    from .attention import *
    from .bag import *
    from .cast import *
    from .columns import *
    from .conv import *
    from .elementwise import *
    from .grid import *
    from .incomplete_gamma import *
    from .index import *
    from .linear import *
    from .loss import *
    from .matmul import *
    from .memory import *
    from .norm import *
    from .optim import *
    from .pool import *
    from .random import *
    from .recurrent import *
    from .reduce import *
    from .resample import *
    from .softmax import *
    from .special import *

_own = {name: value for name, value in globals().items() if str(getattr(value, "__module__", "")).startswith(__name__)}
_check_all(_own)  # NumPy's have been checked
globals().update(_own)
