"""The CPU backend: every array function on NumPy. Knows dtypes and arrays; nothing of tensors or graphs."""

from .attention import *
from .bag import *
from .cast import *
from .columns import *
from .conv import *
from .distribution import *
from .ctc import *
from .elementwise import *
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
from .reduce import *
from .resample import *
from .scan import *
from .shape import *
from .softmax import *
from .special import *
