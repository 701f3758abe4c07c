"""Matrix products by the BLAS that NumPy has loaded, called without NumPy and shared out to the kernels' threads."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

from autograd_gpu.arrays import cpu
from autograd_gpu.arrays.cpu.blas_threads import blas_function
from autograd_gpu.arrays.native.runtime import library, signature

__all__ = ["matmul"]


def _take_blas() -> bool:
    """Whether products are ours to share out: BLAS's functions are handed over where all are there."""
    products = [blas_function(name, wide=True) for name in ("cblas_sgemm", "cblas_dgemm")]
    names = ("openblas_set_num_threads", "openblas_get_num_threads", "openblas_set_threads_callback_function")
    threads = [blas_function(name) for name in names]
    if None in products or None in threads:
        return False
    addresses = [
        [ctypes.cast(function, ctypes.c_void_p) for function in functions] for functions in (products, threads)
    ]
    library().host_blas(*addresses[0])
    library().host_work_for_blas(*addresses[1])
    return True


_is_ours = _take_blas()


def product_function(numpy_function: Callable[..., Any], with_bias: bool) -> Callable[..., Any]:
    """The function by BLAS itself; NumPy's for what BLAS does not take as it lies, and long sums."""
    if not _is_ours:
        return numpy_function
    name, said = numpy_function.__name__.encode(), signature(numpy_function)
    return library().host_product(with_bias, name, said, ctypes.py_object(numpy_function))


matmul = product_function(cpu.matmul, False)
