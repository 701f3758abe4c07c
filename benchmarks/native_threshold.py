"""From how much work on a second thread pays, and giving up the interpreter's lock costs nothing to speak of.

python -m benchmarks.native_threshold        # needs an idle machine; SHARED_FROM and RELEASED_FROM in runtime.py
"""

from __future__ import annotations

import numpy as np

from autograd_gpu.arrays import native
from autograd_gpu.arrays.native import runtime

from . import record
from .timing import seconds_each

NEVER = 1 << 60
SIZES = [1 << n for n in range(10, 20)]
# What an element of each takes, in additions, is said where the functions are made.
FUNCTIONS = {"add": 1, "gelu": 16}


def measure(budget: float = 0.05) -> list[record.Row]:
    """Microseconds on the calling thread with the lock, without it, and shared out, by work."""
    library, rows = runtime.library(), []
    ways = {"alone": (NEVER, NEVER), "without the lock": (NEVER, 0), "shared": (0, 0)}
    for name, cost in FUNCTIONS.items():
        for size in SIZES:
            x = np.random.default_rng(0).standard_normal(size).astype(np.float32)
            calls = {}
            for way, thresholds in ways.items():

                def call(thresholds=thresholds, x=x, name=name):
                    library.host_set_thresholds(*map(runtime.ctypes.c_long, thresholds))
                    return native.add(x, x) if name == "add" else native.gelu(x, "none")

                calls[way] = call
            times = seconds_each(calls, budget)
            rows.append({"function": name, "work": size * cost, **{way: times[way] * 1e6 for way in ways}})
    library.host_set_thresholds(*map(runtime.ctypes.c_long, (runtime.SHARED_FROM, runtime.RELEASED_FROM)))
    return rows


if __name__ == "__main__":
    rows = measure()
    record.show(f"kernels on {runtime.library().host_threads()} threads, us", rows)
    record.keep("native_threshold", rows, threads=runtime.library().host_threads())
