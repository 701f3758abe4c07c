"""How long a call takes. Competitors are timed in turns, so that a change of clock or of load meets all of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

Call = Callable[[], object]


def seconds_each(calls: dict[str, Call], budget: float = 0.5, synchronize: Call | None = None) -> dict[str, float]:
    """The median over rounds of each call's mean time; every round times all calls. `budget` seconds for each call."""
    loops = {name: _loops_for(call, budget / 10, synchronize) for name, call in calls.items()}
    times: dict[str, list[float]] = {name: [] for name in calls}
    started = time.perf_counter()
    while time.perf_counter() - started < budget * len(calls) or len(times[next(iter(calls))]) < 3:
        for name, call in calls.items():
            times[name].append(_mean_time(call, loops[name], synchronize))
    return {name: median(values) for name, values in times.items()}


def _loops_for(call: Call, target: float, synchronize: Call | None) -> int:
    """How many calls take about `target` seconds; also warms up."""
    loops = 1
    while (taken := _mean_time(call, loops, synchronize) * loops) < target / 4 and loops < 1 << 20:
        loops *= 4
    return max(1, round(loops * target / max(taken, 1e-9)))


def _mean_time(call: Call, loops: int, synchronize: Call | None) -> float:
    if synchronize is not None:
        synchronize()
    started = time.perf_counter()
    for _ in range(loops):
        call()
    if synchronize is not None:
        synchronize()
    return (time.perf_counter() - started) / loops
