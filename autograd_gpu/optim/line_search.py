"""A step length that meets the strong Wolfe conditions: less far than the slope promises is enough, and the slope is
flat.

Nocedal & Wright 2006, algorithms 3.5 (bracket) and 3.6 (zoom), with the safeguards of Schmidt's minFunc.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

from ..tensor import Tensor

SUFFICIENT_DECREASE, CURVATURE = 1e-4, 0.9


class Point(NamedTuple):
    """A place on the line: how far, the loss there, its gradient, and the gradient's part along the line."""

    t: float
    loss: float
    gradient: Tensor
    slope: float


def strong_wolfe(
    at: Callable[[float], Point], start: Point, t: float, reach: float, tolerance_change: float, most_steps: int
) -> tuple[Point, int]:
    """Return a point on the line and how many were looked at: no more than `most_steps` after the first, at `t`.

    `reach` is the largest element of the direction.
    """

    def descends(point: Point) -> bool:
        return point.loss <= start.loss + SUFFICIENT_DECREASE * point.t * start.slope

    def is_flat(point: Point) -> bool:
        return abs(point.slope) <= -CURVATURE * start.slope

    # Go on until an interval is known to hold what is looked for.
    before, point = start, at(t)
    evaluations, steps = 1, 0
    while steps < most_steps:
        if not descends(point) or (steps > 1 and point.loss >= before.loss):
            break
        if is_flat(point):
            return point, evaluations
        if point.slope >= 0:
            break
        bounds = point.t + 0.01 * (point.t - before.t), point.t * 10
        before, point = point, at(cubic_minimum(before, point, bounds))
        evaluations += 1
        steps += 1
    else:
        before = start

    # Narrow it down; `low` is the better end.
    low, high = (before, point) if before.loss <= point.loss else (point, before)
    stuck = False
    while steps < most_steps and abs(high.t - low.t) * reach >= tolerance_change:
        left, right = min(low.t, high.t), max(low.t, high.t)
        t = cubic_minimum(low, high, (left, right))
        margin = 0.1 * (right - left)
        if min(right - t, t - left) < margin:  # so near to an end that little would be gained
            if stuck or not left < t < right:
                t = right - margin if right - t < t - left else left + margin
                stuck = False
            else:
                stuck = True
        else:
            stuck = False
        point = at(t)
        evaluations += 1
        steps += 1
        if not descends(point) or point.loss >= low.loss:
            low, high = (low, point) if low.loss <= point.loss else (point, low)
        else:
            if is_flat(point):
                return point, evaluations
            if point.slope * (high.t - low.t) >= 0:
                high = low
            low = point
    return low, evaluations


def cubic_minimum(one: Point, other: Point, bounds: tuple[float, float]) -> float:
    """Return where the cubic through two points with their slopes is least, within bounds (Nocedal & Wright 3.59)."""
    least, most = bounds
    (left, right) = (one, other) if one.t <= other.t else (other, one)
    d1 = left.slope + right.slope - 3 * (left.loss - right.loss) / (left.t - right.t)
    square = d1 * d1 - left.slope * right.slope
    if square < 0:
        return (least + most) / 2
    d2 = math.sqrt(square)
    t = right.t - (right.t - left.t) * ((right.slope + d2 - d1) / (right.slope - left.slope + 2 * d2))
    return min(max(t, least), most)
