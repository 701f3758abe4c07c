"""The places of values in a sorted sequence, by binary search of all at once."""

from __future__ import annotations

from .. import dtypes
from ..tensor import Tensor
from .bounds import in_range
from .cast import Number, cast, is_scalar
from .creation import arange, tensor
from .elementwise import where
from .index import gather
from .public import public
from .shape import reshape


@public(method=False, out=True)
def searchsorted(
    sorted_sequence: Tensor,
    input: Tensor | Number,
    *,
    out_int32: bool = False,
    right: bool = False,
    side: str | None = None,
    sorter: Tensor | None = None,
) -> Tensor:
    """Return where along the last dimension each input would go so that the sequence stays sorted.

    Before equal elements, or after them with ``right=True`` or ``side="right"``. All leading dimensions agree, or the
    sequence is a vector. `sorter` is the order that sorts the sequence, if it is not sorted itself.
    """
    if side not in (None, "left", "right"):
        raise RuntimeError(f"torch.searchsorted(): side can only be 'left' or 'right' but got {side}")
    if side == "left" and right:
        raise RuntimeError(
            "torch.searchsorted(): side and right can't be set to opposites, got side of left while right was True"
        )
    sequence = sorted_sequence.detach()
    if sorter is not None:
        message = "torch.searchsorted(): sorter index out of range: {index}"
        sequence = gather(sequence, -1, in_range(sorter, sequence._array.shape[-1], message, RuntimeError))
    values = tensor(input, device=sequence.device) if is_scalar(input) else input.detach()  # type: ignore[union-attr]
    dtype = dtypes.promote_types(values.dtype, sequence.dtype)
    sequence, values = cast(sequence, dtype), cast(values, dtype)
    if sequence.ndim == 0 or (values.ndim == 0 and sequence.ndim > 1):
        raise RuntimeError(
            "torch.searchsorted(): input value can be a scalar only when boundaries tensor dimension is 1, but we got "
            f"boundaries tensor dim({sequence.ndim}) and input value's dim({values.ndim}) numel({values._array.size})"
        )
    if sequence.ndim > 1 and sequence._array.shape[:-1] != values._array.shape[:-1]:
        raise RuntimeError(
            "torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 dimensions of boundaries "
            f"tensor and input value tensor must match, but we got boundaries tensor {list(sequence.shape)} and input "
            f"value tensor {list(values.shape)}"
        )
    flat = values if sequence.ndim > 1 else reshape(values, (values._array.size,))
    place = reshape(_place(sequence, flat, right or side == "right"), values._array.shape)
    return cast(place, dtypes.int32) if out_int32 else place


def _place(sequence: Tensor, values: Tensor, after_equals: bool) -> Tensor:
    """Binary search of all values at once: `low` is where the answer begins, and a round halves what is left."""
    size = sequence._array.shape[-1]
    low = arange(1, device=values.device).expand(values.shape) * 0
    high = low + size
    for _ in range(size.bit_length()):
        middle = (low + high) // 2
        there = gather(sequence, -1, middle.clamp(max=size - 1))
        goes_left = (there > values) if after_equals else (there >= values)  # NaN goes to the end
        is_open = low < high
        low = where(is_open & ~goes_left, middle + 1, low)
        high = where(is_open & goes_left, middle, high)
    return low


@public(method=False, out=True)
def bucketize(input: Tensor | Number, boundaries: Tensor, *, out_int32: bool = False, right: bool = False) -> Tensor:
    """Return which of the buckets between the sorted boundaries (a vector) each input falls into."""
    if boundaries.ndim != 1:
        raise RuntimeError(f"bucketize: boundaries tensor must be 1 dimension, but got dim({boundaries.ndim})")
    return searchsorted(boundaries, input, out_int32=out_int32, right=right)
