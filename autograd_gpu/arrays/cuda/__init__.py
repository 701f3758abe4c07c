"""The CUDA backend: every array function on our own kernels. Knows dtypes and arrays; nothing of tensors or graphs.

Importing it asks for no GPU: the driver is found, or DeviceUnavailable raised, when the first array is made.
"""

from ..alike import check_all as _check_all
from .attention import *
from .bag import *
from .bounds import *
from .cast import *
from .columns import *
from .complex_numbers import *
from .conv import *
from .ctc import *
from .driver import current_device as current_device
from .driver import device_count as device_count
from .driver import device_name as device_name
from .distribution import *
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

_check_all(globals())
