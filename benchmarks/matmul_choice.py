"""``python -m benchmarks.matmul_choice``: who multiplies faster on this GPU, our kernels or cuBLASLt, size by size.

Writes the table that `autograd_gpu.arrays.cuda.matmul_choice` reads, for this device, and keeps it with the results.
cuBLASLt counts only where its result agrees with ours. Needs a GPU and nvmath-python.
"""

from __future__ import annotations

import itertools
import json
import sys
from typing import Any

import autograd_gpu as ag
from autograd_gpu.arrays import cuda as kernels
from autograd_gpu.arrays.cuda import blas, driver
from autograd_gpu.arrays.cuda import matmul_choice as choice

from . import record
from .kernels import made
from .timing import seconds_each

SIZES = (64, 512, 2048, 8192)
DTYPES = ("float16", "bfloat16", "float32", "tf32", "float64")
NO_GPU = 2


def measure(sizes: tuple[int, ...], dtypes: tuple[str, ...], budget: float) -> list[record.Row]:
    """A row for each dtype and each combination of sizes, times in microseconds; cublaslt None where it is no
    choice."""
    rows = []
    for dtype in dtypes:
        ag.set_float32_matmul_precision("high" if dtype == "tf32" else "highest")
        try:
            rows += [measured(dtype, *mnk, budget) for mnk in itertools.product(sizes, repeat=3)]
        finally:
            ag.set_float32_matmul_precision("highest")
    return rows


def measured(dtype: str, m: int, n: int, k: int, budget: float) -> record.Row:
    name = "float32" if dtype == "tf32" else dtype
    x, y = made((m, k), name), made((k, n), name)

    def by(mode: str) -> Any:
        with choice.using(mode):
            return kernels.matmul(x, y)

    calls = {mode: lambda mode=mode: by(mode) for mode in (choice.OWN, choice.CUBLASLT)}
    alike = agree(by(choice.OWN), by(choice.CUBLASLT), dtype, k)
    times = seconds_each(calls if alike else {choice.OWN: calls[choice.OWN]}, budget, kernels.synchronize)
    row: record.Row = {"dtype": dtype, "m": m, "n": n, "k": k}
    return row | {mode: times[mode] * 1e6 if mode in times else None for mode in calls}


def agree(ours: Any, theirs: Any, dtype: str, k: int) -> bool:
    """Whether two sums of k products of normal values differ by no more than roundings of the dtype."""
    spacing = 2.0**-10 if dtype == "tf32" else ag.finfo(getattr(ag, dtype)).eps
    difference = kernels.sub(*(kernels.cast(z, kernels_float64) for z in (ours, theirs)))
    largest = float(kernels.to_numpy(kernels.amax(kernels.abs(difference), (0, 1), False)))
    return largest <= 8 * spacing * k**0.5


kernels_float64 = ag.float64.numpy


def main() -> int:
    try:
        device = driver.device_name()
        kernels.empty((1,), kernels_float64)
    except RuntimeError as error:
        print(f"matmul_choice: not measured. {error}")
        return NO_GPU
    if blas.bindings() is None:
        print("matmul_choice: nothing to choose from; for cuBLASLt, pip install 'nvmath-python[cu13]' (or [cu12])")
        return NO_GPU
    rows = measure(SIZES, DTYPES, 0.1)
    path = choice.path()
    try:
        tables = json.loads(path.read_text())
    except (OSError, ValueError):
        tables = {}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**tables, device: rows}, indent=1))
    record.show(f"Matrix products on {device}, microseconds", rows)
    print(f"kept in {path} and {record.keep('matmul_choice', rows)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
