"""The operations, one module per family, each the same name as its backends' modules and its kernels."""

from ..device import cpu

_ = cpu.backend  # read with the first operation, so that none has to ask
