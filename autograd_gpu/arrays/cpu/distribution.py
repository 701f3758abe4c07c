"""Numbers of discrete distributions out of uniform ones, by inversion: no draw is rejected, so a seed gives the same
numbers on every device. Everything is float64."""

from __future__ import annotations

import numpy as np

from .quiet import quiet
from .special import lgamma

__all__ = ["binomial_from", "poisson_from"]


@quiet
def poisson_from(u, rate):
    """Numbers of the Poisson distribution, one from each u of [0, 1)."""
    mode = np.floor(rate)
    weight = np.exp(_times_log(mode, rate) - rate - lgamma(mode + 1))
    return _from_mode(u, mode, weight, lambda k: rate / (k + 1), lambda k: k / rate)


@quiet
def binomial_from(u, count, probability):
    """Numbers of successes in `count` trials, one from each u of [0, 1)."""
    failure = 1 - probability
    mode = np.minimum(np.floor((count + 1) * probability), count)
    choices = lgamma(count + 1) - lgamma(mode + 1) - lgamma(count - mode + 1)
    weight = np.exp(choices + _times_log(mode, probability) + _times_log(count - mode, failure))
    odds = probability / failure
    return _from_mode(u, mode, weight, lambda k: (count - k) * odds / (k + 1), lambda k: k / ((count - k + 1) * odds))


def _times_log(x, y):
    return np.where(x == 0, 0.0, x * np.log(y))


def _from_mode(u, mode, weight, growth, decline):
    """Inversion in the order mode, mode + 1, mode - 1, mode + 2, ... (Kemp & Kemp 1991): as many steps as the
    distribution is wide, however far from 0 it lies. What rounding leaves over is the mode's.

    growth(k) is the weight of k + 1 in weights of k, decline(k) that of k - 1.
    """
    result, left = mode.copy(), u - weight
    above, below, above_weight, below_weight = mode.copy(), mode.copy(), weight.copy(), weight.copy()
    while True:
        is_open = (left >= 0) & (above_weight + below_weight > 1e-18)
        if not is_open.any():
            return np.where(left >= 0, mode, result)
        above_weight *= growth(above)
        above += 1
        left -= above_weight
        result = np.where(is_open, above, result)
        is_open &= left >= 0
        below_weight *= np.where(below > 0, decline(below), 0.0)
        below -= 1
        left = np.where(is_open, left - below_weight, left)
        result = np.where(is_open & (left < 0), below, result)
