"""Many tensors in one launch: the host's half of kernels/include/table.cuh. Knows addresses and sizes, no formula."""

from __future__ import annotations

import struct
from collections import OrderedDict
from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np

from autograd_gpu.arrays.cuda import driver
from autograd_gpu.arrays.cuda.launch import Kernel

THREADS = 256
CHUNK = 8192  # elements that a block works on
BY_VALUE = 3840  # bytes of a table that travel with a launch
WORD = 8

# What stands for a table in a kernel's format: by value, on the device, number of rows.
TABLE = f"{BY_VALUE}sPi"

Arrays = Sequence[Any]

_write = Kernel("optim.cu", "write_table", f"{BY_VALUE}sPii")


class Table:
    """A row for each tensor with the addresses of its arrays, one a column, in the way that kernels read it.

    The arrays of the first column say how many elements each tensor has; the arrays are C-contiguous. None stands for
    a column without arrays. `parameters` are a kernel's first ones, `blocks` the blocks that all tensors take.
    """

    def __init__(self, *columns: Arrays | None) -> None:
        pointer = driver.current().pointer
        sizes = [array.size for array in columns[0]]  # type: ignore[union-attr]
        rows, width = len(sizes), len(columns) + 2
        ends = list(accumulate([-(-size // CHUNK) for size in sizes], initial=0))
        blocks = ends.pop()
        words = [0] * (rows * width)
        for number, arrays in enumerate(columns):
            if arrays is not None:
                words[number::width] = map(pointer, arrays)
        words[width - 2 :: width], words[width - 1 :: width] = sizes, ends
        packed = struct.pack(f"{len(words)}q", *words)
        self.rows, self.blocks = rows, blocks
        if len(packed) <= BY_VALUE:
            self.parameters = (packed.ljust(BY_VALUE, b"\0"), None, rows)
        else:
            self.parameters = (bytes(BY_VALUE), _on_device(packed), rows)


# Tables that lie on the device, oldest first. While gradients keep their places, a training step has few.
_written: OrderedDict[bytes, Any] = OrderedDict()
MOST_WRITTEN = 32


def _on_device(packed: bytes) -> Any:
    """A table in device memory.

    A captured graph gets one of its own, which its replay writes: the others are dropped when they have grown old.
    """
    capturing = driver.current().capturing()
    table = None if capturing else _written.get(packed)
    if table is not None:
        _written.move_to_end(packed)
        return table
    table = driver.current().empty((len(packed) // WORD,), np.dtype(np.int64))
    for start in range(0, len(packed), BY_VALUE):
        piece = packed[start : start + BY_VALUE]
        _write(np.dtype(np.float32), 1, THREADS, piece.ljust(BY_VALUE, b"\0"), table, start // WORD, len(piece) // WORD)
    if not capturing:
        _written[packed] = table
        if len(_written) > MOST_WRITTEN:
            _written.popitem(last=False)
    return table
