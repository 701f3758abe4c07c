"""``autograd_gpu.utils.data``: PyTorch's name for ``autograd_gpu.data``."""

from ..data import *  # noqa: F403
from ..data import __all__ as __all__
