"""Whether a tensor that is about to be written lies in one memory with what is read: PyTorch's rule for refusing it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..tensor import Tensor
from .strided import extent, strides_of

# They have read all of their operands before they write, in PyTorch too.
_READ_BEFORE = frozenset(
    "tril triu sum mean nanmean prod amax amin argmax argmin any all var std norm logsumexp diag quantile nanquantile "
    "matmul mm bmm mv dot vdot inner addmm_ addmv addmv_ addbmm_ baddbmm_ inverse cholesky cholesky_solve "
    "cholesky_inverse masked_fill_ matrix_power searchsorted bucketize histc multinomial nonzero masked_scatter_ "
    "index_fill_ ldexp_".split()
)


def check_overlap(x: Tensor, sources: Iterable[Any], name: str) -> bool:
    """Raise when x, about to be written, lies partly over one of the sources. Return whether it may lie over one.

    Of tensors with holes it is not known, nor in PyTorch: those have to be read before x is written.
    """
    is_possible = False
    for source in sources:
        if isinstance(source, (list, tuple)):
            is_possible |= check_overlap(x, source, name)
        elif isinstance(source, Tensor) and source is not x and x._cell is not None and source._cell is x._cell:
            found = _overlap(x, source)
            if found == "partial" and name not in _READ_BEFORE:
                raise RuntimeError(
                    "unsupported operation: some elements of the input tensor and the written-to tensor refer to a "
                    f"single memory location. Please clone() the tensor before performing the operation. ({name})"
                )
            is_possible |= found in ("partial", "unknown")
    return is_possible


def _overlap(x: Tensor, y: Tensor) -> str:
    """Return "none", "same", "partial" or "unknown" for two tensors in one buffer."""
    a, b = x._array, y._array
    if not a.size or not b.size or x.device.axis is not None or y.device.axis is not None:
        return "none"
    if x._inference and x.device.backend.storage(a)[0] != y.device.backend.storage(b)[0]:
        return "none"  # one version cell serves all that is made in inference mode
    (begin, end), (start, stop) = (_reach(tensor) for tensor in (x, y))
    if end <= start or stop <= begin:
        return "none"
    if begin == start and a.shape == b.shape and strides_of(a) == strides_of(b) and a.dtype == b.dtype:
        return "same"
    return "partial" if _is_dense(a) and _is_dense(b) else "unknown"


def _reach(x: Tensor) -> tuple[int, int]:
    """Return where in its buffer, in bytes, x begins and ends."""
    array = x._array
    begin = x.device.backend.offset(array)
    return begin * array.itemsize, (begin + extent(array.shape, strides_of(array))) * array.itemsize


def _is_dense(array: Any) -> bool:
    """Whether the elements fill their place without holes, each its own, in whatever order of dimensions."""
    expected = 1
    for step, n in sorted((step, n) for step, n in zip(strides_of(array), array.shape) if n != 1):
        if step != expected:
            return False
        expected *= n
    return True
