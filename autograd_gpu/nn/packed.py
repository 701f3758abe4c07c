"""A recurrent network over a packed sequence: runs of steps that the same sequences have, one after another."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from ..ops.pieces import cat, stack
from ..tensor import Tensor
from . import functional as F
from .utils.rnn import PackedSequence


def run_packed(network: Any, packed: PackedSequence, hx: Any) -> tuple[PackedSequence, Any]:
    """Return the outputs, packed, and the last state of each layer and direction, in the order of the batch."""
    data, batch_sizes, order, back = packed
    counts = batch_sizes.tolist()
    given = None if hx is None else tuple(hx) if isinstance(hx, (tuple, list)) else (hx,)
    like = data.unsqueeze(0)[:, : counts[0]]
    if given is None:
        states = network._start(like)
    else:
        states = network._checked(like, given)
        if order is not None:
            states = tuple(state.index_select(1, order) for state in states)
    finals: list[tuple[Tensor, ...]] = []
    for layer in range(network.num_layers):
        outputs = []
        for direction, suffix in enumerate(network._suffixes(layer)):
            start = tuple(state[len(finals)] for state in states)
            output, final = _direction(network, data, counts, start, suffix, direction == 1)
            outputs.append(output)
            finals.append(final)
        data = outputs[0] if len(outputs) == 1 else cat(outputs, -1)
        if network.dropout and layer < network.num_layers - 1:
            data = F.dropout(data, network.dropout, network.training)
    last = tuple(stack(list(column)) for column in zip(*finals))
    if back is not None:
        last = tuple(state.index_select(1, back) for state in last)
    return PackedSequence(data, batch_sizes, order, back), last if len(last) == 2 else last[0]


def _direction(
    network: Any, data: Tensor, counts: list[int], start: tuple[Tensor, ...], suffix: str, is_reversed: bool
) -> tuple[Tensor, tuple[Tensor, ...]]:
    """One layer in one direction over packed rows. A sequence that ends leaves the batch with its last state; going
    backward, it joins with its first."""
    runs, row = [], 0
    for count, alike in groupby(counts):
        length = len(list(alike))
        runs.append((row, length, count))
        row += length * count
    outputs: list[Tensor] = []
    ended: list[tuple[Tensor, ...]] = []
    state = tuple(one[:0] for one in start) if is_reversed else start
    for row, length, count in reversed(runs) if is_reversed else runs:
        present = state[0].shape[0]
        if count < present:
            ended.append(tuple(one[count:] for one in state))
            state = tuple(one[:count] for one in state)
        elif count > present:
            state = tuple(cat([one, first[present:count]]) for one, first in zip(state, start))
        steps = data[row : row + length * count].reshape(length, count, -1)
        output, state = network._run(steps, state, suffix, is_reversed=is_reversed)
        outputs.append(output.reshape(length * count, -1))
    final = tuple(cat(list(parts)) for parts in zip(state, *reversed(ended))) if ended else state
    return cat(outputs[::-1] if is_reversed else outputs), final
