"""The CUDA backend: every array function on our own kernels. Knows dtypes and arrays; nothing of tensors or graphs.

Importing it asks for no GPU: the driver is found, or DeviceUnavailable raised, when the first array is made.
"""

from .cast import *
from .driver import current_device as current_device
from .elementwise import *
from .memory import *
from .reduce import *
from .shape import *
