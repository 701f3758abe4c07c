"""Which does a matrix product on this GPU, our kernels or cuBLASLt. Knows measurements; multiplies nothing.

`python -m benchmarks.matmul_choice` measures both over a range of sizes, checks that they agree, and writes
`matmul_choice.json` into the cache folder: {device: [{dtype, m, n, k, own, cublaslt}]}, times in microseconds, null
where there is none. The nearest measured size decides. Without a table for the device our own kernels do everything.
AUTOGRAD_GPU_MATMUL=own or =cublaslt decides without looking.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from autograd_gpu.arrays.cuda import compile, driver

OWN, CUBLASLT, MEASURED = "own", "cublaslt", "measured"
Row = dict[str, Any]

_mode: str | None = None  # None: not looked up yet
_rows: list[Row] = []


def path() -> Path:
    return compile.cache_folder() / "matmul_choice.json"


def mode() -> str:
    """own, cublaslt, or measured: that the table decides. Cheap, for every product asks."""
    return _mode or look_up()


def is_cublaslt(dtype: str, m: int, n: int, k: int) -> bool:
    """Whether cuBLASLt does the product; dtype is "tf32" for float32 that may be rounded to it."""
    if _mode == CUBLASLT:
        return True
    row = nearest(_rows, dtype, m, n, k)
    return row is not None and row["cublaslt"] is not None and row["cublaslt"] < row["own"]


def nearest(rows: list[Row], dtype: str, m: int, n: int, k: int) -> Row | None:
    """The row of the dtype whose sizes differ by the least factors; None when there is none."""

    def distance(row: Row) -> float:
        return sum(abs(math.log2(row[name] / size)) for name, size in (("m", m), ("n", n), ("k", k)))

    return min((row for row in rows if row["dtype"] == dtype), key=distance, default=None)


def look_up() -> str:
    """Read the environment and the table for this device, anew, and return the mode that they ask for."""
    global _mode, _rows
    _rows = []
    asked = os.environ.get("AUTOGRAD_GPU_MATMUL", MEASURED)
    if asked not in (OWN, CUBLASLT, MEASURED):
        raise ValueError(f"AUTOGRAD_GPU_MATMUL: expected {OWN}, {CUBLASLT} or {MEASURED}, got {asked!r}")
    if asked == MEASURED:
        with contextlib.suppress(OSError, ValueError):  # no table, or one that cannot be read: nothing was measured
            _rows = json.loads(path().read_text()).get(driver.device_name(), [])
        asked = MEASURED if _rows else OWN
    _mode = asked
    return asked


@contextlib.contextmanager
def using(asked: str) -> Iterator[None]:
    """Let `own` or `cublaslt` do every product for a while, to measure it."""
    global _mode
    before, _mode = _mode, asked
    try:
        yield
    finally:
        _mode = before
