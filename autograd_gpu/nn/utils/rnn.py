"""Sequences of different lengths: padded to one tensor, or packed, step after step, without padding."""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Iterable, Sequence
from typing import Any

from ...ops.creation import arange, tensor
from ...ops.pieces import cat
from ...ops.sort import sort
from ...tensor import Tensor

_Fields = namedtuple("_Fields", ["data", "batch_sizes", "sorted_indices", "unsorted_indices"])


class PackedSequence(_Fields):
    """Steps of several sequences, the longest first: of step t, `data` has `batch_sizes[t]` rows, those of step t + 1
    behind them. `sorted_indices` says where each sequence stood before sorting."""

    __slots__ = ()

    def __new__(
        cls,
        data: Tensor,
        batch_sizes: Tensor | None = None,
        sorted_indices: Tensor | None = None,
        unsorted_indices: Tensor | None = None,
    ) -> PackedSequence:
        if batch_sizes is None:
            raise ValueError("PackedSequence: expected batch_sizes, a tensor of how many sequences each step has")
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """Return it with `data` moved or cast, and the indices on the same device."""
        data = self.data.to(*args, **kwargs)
        if data is self.data:
            return self
        orders = [None if one is None else one.to(data.device) for one in (self.sorted_indices, self.unsorted_indices)]
        return type(self)(data, self.batch_sizes, *orders)

    def cpu(self) -> PackedSequence:
        """Return it on the CPU."""
        return self.to("cpu")

    def cuda(self) -> PackedSequence:
        """Return it on the GPU."""
        return self.to("cuda")

    def double(self) -> PackedSequence:
        """Return it in float64."""
        return type(self)(self.data.double(), *self[1:])

    def float(self) -> PackedSequence:
        """Return it in float32."""
        return type(self)(self.data.float(), *self[1:])

    @property
    def is_cuda(self) -> bool:
        """Whether it is on a GPU."""
        return self.data.is_cuda

    def is_pinned(self) -> bool:
        """Return False: no memory is page-locked."""
        return False


def invert_permutation(permutation: Tensor | None) -> Tensor | None:
    """Return the order that undoes an order."""
    if permutation is None:
        return None
    count = arange(permutation.numel(), device=permutation.device)
    return count.new_zeros(count.shape).index_copy(0, permutation, count)


def pack_padded_sequence(
    input: Tensor, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Pack (length, batch, ...), or (batch, length, ...) with batch_first, whose sequences end at `lengths`.

    With enforce_sorted they must come longest first; without, they are sorted, and `pad_packed_sequence` sorts back.
    """
    given = lengths if isinstance(lengths, Tensor) else tensor([int(one) for one in lengths])
    if given.is_cuda:
        raise RuntimeError("'lengths' argument should be a 1D CPU int64 tensor, but got 1D cuda Long tensor")
    order = None
    if not enforce_sorted:
        given, order = sort(given, descending=True)
        order = order.to(input.device)
        input = input.index_select(0 if batch_first else 1, order)
    sizes = given.tolist()
    steps = input.transpose(0, 1) if batch_first else input
    if len(sizes) != steps.shape[1]:
        raise RuntimeError(
            f"Expected `len(lengths)` to be equal to batch_size, but got {len(sizes)} (batch_size={steps.shape[1]})."
        )
    if not sizes or min(sizes) <= 0:
        raise RuntimeError(
            "Length of all samples has to be greater than 0, but found an element in 'lengths' that is <= 0"
        )
    if sizes != sorted(sizes, reverse=True):
        raise RuntimeError(
            "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You can pass "
            "`enforce_sorted=False` to pack_padded_sequence and/or pack_sequence to sidestep this requirement if you "
            "do not need ONNX exportability."
        )
    if sizes[0] > steps.shape[0]:
        raise RuntimeError(f"Expected a length of at most {steps.shape[0]}, but got {sizes[0]}")
    counts = [sum(size > step for size in sizes) for step in range(sizes[0])]
    data = cat([steps[step, :count] for step, count in enumerate(counts)])
    return PackedSequence(data, tensor(counts, device="cpu"), order)


def pad_packed_sequence(
    sequence: PackedSequence,
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Return what was packed, padded to the longest or to total_length, and the lengths."""
    counts = sequence.batch_sizes.tolist()
    longest, data = len(counts), sequence.data
    if total_length is not None and total_length < longest:
        raise ValueError(
            "Expected total_length to be at least the length of the longest sequence in input, but got "
            f"total_length={total_length} and max sequence length being {longest}"
        )
    lengths = [sum(count > number for count in counts) for number in range(counts[0])]
    starts = [sum(counts[:step]) for step in range(longest)]
    sequences = [data[tensor(starts[:length], device=data.device) + number] for number, length in enumerate(lengths)]
    padded = pad_sequence(sequences, batch_first, padding_value)
    if total_length is not None and total_length > longest:
        shape = list(padded.shape)
        shape[1 if batch_first else 0] = total_length - longest
        padded = cat([padded, padded.new_full(shape, padding_value)], 1 if batch_first else 0)
    sizes = tensor(lengths, device="cpu")
    if sequence.unsorted_indices is None:
        return padded, sizes
    back = sequence.unsorted_indices
    return padded.index_select(0 if batch_first else 1, back), sizes[back.cpu()]


def pad_sequence(
    sequences: Tensor | Sequence[Tensor],
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Tensor:
    """Return tensors (length, ...) as one, (longest, batch, ...) or with batch_first (batch, longest, ...)."""
    if padding_side not in ("left", "right"):
        raise ValueError(f"padding_side should be 'left' or 'right', but got {padding_side!r}")
    if not isinstance(sequences, Iterable):
        raise RuntimeError(
            f"pad_sequence: Expected iterable for input sequences, but got arg of type: {type(sequences)}"
        )
    given = list(sequences)
    longest = max(one.shape[0] for one in given)
    rows = []
    for one in given:
        if one.shape[0] < longest:
            rest = one.new_full((longest - one.shape[0], *one.shape[1:]), padding_value)
            one = cat([one, rest] if padding_side == "right" else [rest, one])
        rows.append(one.unsqueeze(0 if batch_first else 1))
    return cat(rows, 0 if batch_first else 1)


def unpad_sequence(padded_sequences: Tensor, lengths: Tensor, batch_first: bool = False) -> list[Tensor]:
    """Return the tensors that `pad_sequence` was given."""
    rows = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    return [row[: int(length)] for row, length in zip(rows, lengths.tolist())]


def pack_sequence(sequences: Sequence[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Pack tensors (length, ...)."""
    lengths = tensor([one.shape[0] for one in sequences], device="cpu")
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """Return the tensors that `pack_sequence` was given."""
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
