"""Rows of the op table: activations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import references as ref
from ..op_case import NAN, Call, Draw, OpCase, call, in_place

Array = Any


def activation(name: str, reference: Any, kinks: Sequence[float], *numbers: float, variant: str = "") -> OpCase:
    """Smooth points a quarter off the multiples of a half; edges at the kinks themselves, far out and at NaN."""
    return OpCase(
        f"nn.functional.{name}",
        reference,
        lambda t: [call(t.apart(4, 5), *numbers), call(t(2, 3), *numbers)],
        lambda t: [
            call(t(0, 3), *numbers),
            call(t.of(*kinks, 30.0, -30.0, NAN), *numbers),
            call(t(), *numbers),
        ],
        tolerance=4,
        variant=variant,
    )


def elu(x: Array, alpha: float = 1.0) -> Array:
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0)))


def selu(x: Array) -> Array:
    """Klambauer, Unterthiner, Mayr & Hochreiter 2017, section 2."""
    return 1.0507009873554805 * elu(x, 1.6732632423543772)


def celu(x: Array, alpha: float = 1.0) -> Array:
    return np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0) / alpha))


def leaky_relu(x: Array, slope: float = 0.01) -> Array:
    return np.where(x > 0, x, slope * x)


def softplus(x: Array, beta: float = 1.0, threshold: float = 20.0) -> Array:
    return np.where(beta * x > threshold, x, np.logaddexp(0, beta * x) / beta)


def logsigmoid(x: Array) -> Array:
    return -np.logaddexp(0, -x)


def shrunk(x: Array, lambd: float) -> Array:
    return np.sign(x) * np.maximum(np.abs(x) - lambd, 0)


def prelu(x: Array, weight: Array) -> Array:
    if weight.size > 1:
        weight = weight.reshape(-1, *(1,) * (x.ndim - 2)) if x.ndim > 1 else weight
    return np.where(x > 0, x, x * weight.reshape(()) if x.ndim == 0 else x * weight)


def glu(x: Array, dim: int = -1) -> Array:
    a, b = np.split(x, 2, dim)
    return a * ref.sigmoid(b)


def rrelu(x: Array, lower: float, upper: float, training: bool) -> Array:
    slope = ref.uniform(x.shape, 0) * (upper - lower) + lower if training else (lower + upper) / 2
    return np.where(x > 0, x, x * slope)


def threshold(x: Array, threshold: float, value: float) -> Array:
    return np.where(x <= threshold, value, x)


def written(name: str, reference: Any, *numbers: float) -> OpCase:
    return in_place(
        f"nn.functional.{name}",
        reference,
        lambda t: [call(t.apart(4, 5), *numbers)],
        lambda t: [call(t(0, 3), *numbers), call(t(), *numbers)],
        tolerance=4,
    )


def gumbel(logits: Array, tau: float = 1.0, hard: bool = False) -> Array:
    noise = -np.log(-np.log1p(-ref.uniform(logits.shape, 0)))
    y = ref.softmax((logits + noise) / tau, -1)
    return np.eye(y.shape[-1])[y.argmax(-1)] if hard else y


def softmin_samples(t: Draw) -> list[Call]:
    return [call(t(3, 5), dim=-1), call(t(2, 3, 4), dim=1), call(t(5), dim=0)]


ACTIVATIONS = [
    *(
        OpCase(
            "nn.functional.gelu",
            ref.gelu,
            lambda t, form=form: [call(t(3, 5), approximate=form), call(t.of(-6.0, -4.0, 4.0, 6.0), approximate=form)],
            lambda t, form=form: [
                # At minus infinity the formula is zero times infinity, and PyTorch's own two code paths disagree.
                call(t.of(0.0, -0.0, 20.0, -20.0, NAN), approximate=form),
                call(t(0, 3), approximate=form),
                call(t(), approximate=form),
            ],
            variant=form,
        )
        for form in ("none", "tanh")
    ),
    activation("relu", lambda x: np.where(x < 0, 0, x), [0.0]),
    activation("relu6", lambda x: np.clip(x, 0, 6), [0.0, 6.0]),
    activation("hardtanh", np.clip, [-1.0, 2.0], -1.0, 2.0),
    activation("leaky_relu", leaky_relu, [0.0], 0.2),
    activation("elu", elu, [0.0], 1.5),
    activation("selu", selu, [0.0]),
    activation("celu", celu, [0.0], 1.5),
    activation("silu", lambda x: x * ref.sigmoid(x), [0.0]),
    activation("mish", lambda x: x * np.tanh(softplus(x)), [0.0]),
    activation("softplus", softplus, [0.0], 2.0, 8.0),
    activation("logsigmoid", logsigmoid, [0.0]),
    activation("softsign", lambda x: x / (1 + np.abs(x)), [0.0]),
    activation("threshold", threshold, [0.5], 0.5, 2.0),
    activation("hardsigmoid", lambda x: np.clip(x / 6 + 0.5, 0, 1), [-3.0, 3.0]),
    activation("hardswish", lambda x: x * np.clip(x / 6 + 0.5, 0, 1), [-3.0, 3.0]),
    activation("hardshrink", lambda x, lambd: np.where(np.abs(x) <= lambd, 0, x), [-1.0, 1.0], 1.0),
    activation("softshrink", shrunk, [-1.0, 1.0], 1.0),
    activation("tanhshrink", lambda x: x - np.tanh(x), [0.0]),
    OpCase(
        "nn.functional.prelu",
        prelu,
        lambda t: [call(t.apart(2, 3, 4), t(3)), call(t.apart(2, 3), t(1)), call(t.apart(4), t(1))],
        lambda t: [call(t(0, 3), t(3)), call(t.of(0.0, -0.0, NAN), t(1)), call(t(), t(1))],
    ),
    OpCase(
        "nn.functional.rrelu",
        rrelu,
        lambda t: [call(t.apart(3, 4), 0.1, 0.3, True), call(t.apart(3, 4), 0.1, 0.3, False)],
        lambda t: [call(t(0, 3), 0.1, 0.3, True), call(t(2), 0.2, 0.2, True)],
        random=True,
    ),
    OpCase(
        "nn.functional.glu",
        glu,
        lambda t: [call(t(3, 4)), call(t(4, 3, 2), 0)],
        lambda t: [call(t(0, 4)), call(t(2) * t.of(40.0))],
        tolerance=2,
    ),
    OpCase(
        "nn.functional.softmin",
        lambda x, dim: ref.softmax(-x, dim),
        softmin_samples,
        lambda t: [call(t(0, 3), dim=1), call(t(2, 3) * t.of(1000.0), dim=1)],
    ),
    OpCase(
        "nn.functional.gumbel_softmax",
        gumbel,
        lambda t: [call(t(3, 4)), call(t(2, 3), tau=0.5)],
        lambda t: [call(t(0, 3)), call(t(3, 4), hard=True)],
        random=True,
        tolerance=8,
    ),
    written("relu_", lambda x: np.maximum(x, 0)),
    written("hardtanh_", np.clip, -1.0, 2.0),
    written("leaky_relu_", leaky_relu, 0.2),
    written("elu_", elu, 1.5),
    written("selu_", selu),
    written("celu_", celu, 1.5),
    written("threshold_", threshold, 0.5, 2.0),
    written("rrelu_", lambda x, lower, upper: rrelu(x, lower, upper, False), 0.1, 0.3),
]
