"""Host time of one kernel launch in our own code: the driver is a stub, so what is timed is everything before it."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd_gpu.arrays.cuda import driver
from autograd_gpu.arrays.cuda.launch import Kernel

from . import record
from .timing import seconds_each

ARGUMENTS = {1: "P", 4: "PPiq", 8: "PPPPiiqf", 16: "PPPPPPPPiiiiqqff"}


class StubDriver:
    """Accepts every launch and does nothing."""

    def context(self) -> int:
        return 0

    def load(self, file: str, dtype: str) -> StubDriver:
        return self

    def function(self, name: str, format: str) -> None:
        return None

    def pointer(self, array: Any) -> int:
        return 0

    def launch(self, function: Any, grid: Any, block: Any, packed: bytes, shared_mem: int) -> None:
        return None


def measure(budget: float = 0.4) -> list[record.Row]:
    """Microseconds by number of arguments; the budget is 1 us for 8."""
    real, driver._current = driver._current, StubDriver()
    registered = len(Kernel.all)
    try:
        rows = []
        for count, format in ARGUMENTS.items():
            kernel = Kernel("softmax.cu", "stub", format)
            values = [1.0 if letter in "fd" else 1 for letter in format]
            dtype = np.dtype(np.float32)

            def launch(kernel: Kernel = kernel, values: list[Any] = values, dtype: np.dtype = dtype) -> None:
                kernel(dtype, 16, 128, *values)

            rows.append(
                {"arguments": count, "format": format, "us": seconds_each({"ours": launch}, budget)["ours"] * 1e6}
            )
        return rows
    finally:
        driver._current = real
        del Kernel.all[registered:]


def main() -> None:
    rows = measure()
    record.show("Host time of a launch before the driver", rows)
    print(f"kept in {record.keep('launch_cost', rows)}")


if __name__ == "__main__":
    main()
