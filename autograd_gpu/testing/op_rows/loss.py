"""Rows of the op table: losses of elements, of classes and of distances. Their references give the losses unreduced."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from ..op_case import Call, Draw, OpCase, Samples, call
from .distance import distance

Array = Any


def reduced(reference: Callable[..., Array]) -> Callable[..., Array]:
    """The losses of a reference, reduced as asked."""

    def loss(*args: Any, reduction: str = "mean", **kwargs: Any) -> Array:
        losses = np.asarray(reference(*args, **kwargs))
        return losses if reduction == "none" else losses.mean() if reduction == "mean" else losses.sum()

    return loss


def loss(name: str, reference: Callable[..., Array], samples: Samples, edges: Samples, **options: Any) -> OpCase:
    """Every sample with each of the reductions."""

    def every_reduction(t: Draw) -> list[Call]:
        return [Call(args, {**kwargs, "reduction": how}) for args, kwargs in samples(t) for how in HOW]

    return OpCase(
        f"nn.functional.{name}",
        reduced(reference),
        every_reduction,
        edges,
        **{"tolerance": 4, **options},
    )


HOW = ("mean", "sum", "none")


def pair(t: Draw, *shape: int) -> tuple[Array, Array]:
    """Two arrays whose differences lie off the multiples of a half."""
    return t.apart(*shape), t.of(*np.zeros(shape).ravel()).reshape(shape)


def signs(t: Draw, *shape: int) -> Array:
    return np.where(t.mask(*shape), 1, -1)


# ---------------------------------------------------------------------------------------------- of elements


def weighted(losses: Array, weight: Array | None) -> Array:
    """Scaled so that the mean is over the sum of the weights."""
    return losses if weight is None else losses * weight


def huber(x: Array, y: Array, delta: float = 1.0, weight: Array = None) -> Array:
    d = np.abs(x - y)
    return weighted(np.where(d <= delta, d * d / 2, delta * (d - delta / 2)), weight)


def smooth_l1(x: Array, y: Array, beta: float = 1.0) -> Array:
    d = np.abs(x - y)
    return d if beta == 0 else np.where(d < beta, d * d / (2 * beta), d - beta / 2)


def binary_cross_entropy(x: Array, y: Array, weight: Array = None) -> Array:
    log_x, log_rest = np.maximum(np.log(x), -100), np.maximum(np.log(1 - x), -100)
    return weighted(-(y * log_x + (1 - y) * log_rest), weight)


def with_logits(x: Array, y: Array, weight: Array = None, pos_weight: float | Array = 1.0) -> Array:
    return weighted(pos_weight * y * np.logaddexp(0, -x) + (1 - y) * np.logaddexp(0, x), weight)


def kl_div(x: Array, y: Array, log_target: bool = False) -> Array:
    return np.exp(y) * (y - x) if log_target else np.where(y > 0, y * np.log(np.where(y > 0, y, 1)), 0) - y * x


def poisson(x: Array, y: Array, log_input: bool = True, full: bool = False, eps: float = 1e-8) -> Array:
    losses = np.exp(x) - y * x if log_input else x - y * np.log(x + eps)
    many = np.where(y > 1, y, 1)
    return losses + np.where((y > 1) & full, many * np.log(many) - many + np.log(2 * np.pi * many) / 2, 0)


def gaussian(x: Array, y: Array, var: Array, full: bool = False, eps: float = 1e-6) -> Array:
    var = np.maximum(var[..., None] if var.ndim < x.ndim else var, eps)
    return (np.log(var) + (x - y) ** 2 / var) / 2 + full * np.log(2 * np.pi) / 2


def mean_over_weights(x: Array, y: Array, power: int, weight: Array = None, reduction: str = "mean") -> Array:
    losses = np.abs(x - y) ** power * (1 if weight is None else weight)
    if reduction == "mean":
        return losses.sum() / (losses.size if weight is None else weight.sum())
    return losses if reduction == "none" else losses.sum()


def difference_loss(name: str, power: int) -> OpCase:
    return OpCase(
        f"nn.functional.{name}",
        lambda x, y, **options: mean_over_weights(x, y, power, **options),
        lambda t: [
            *(call(*pair(t, 3, 4), reduction=how) for how in HOW),
            call(*pair(t, 3, 4), weight=t.between(0.5, 2, 3, 4)),
            call(t.apart(3, 1), t.of(0.0, 0.0), reduction="none"),
        ],
        lambda t: [call(t(0, 3), t(0, 3), reduction="sum"), call(t(0), t(0)), call(t.of(1.0, 2.0), t.of(1.0, 0.0))],
        tolerance=8,
    )


ELEMENTWISE = [
    difference_loss("mse_loss", 2),
    difference_loss("l1_loss", 1),
    loss(
        "huber_loss",
        huber,
        lambda t: [call(*pair(t, 3, 4)), call(*pair(t, 3, 4), delta=1.5, weight=t.between(0.5, 2, 3, 4))],
        lambda t: [call(t(0), t(0)), call(t.of(1.0, 0.0, 9.0), t.of(0.0, 0.0, 0.0))],
        tolerance=8,
    ),
    loss(
        "smooth_l1_loss",
        smooth_l1,
        lambda t: [call(*pair(t, 3, 4)), call(*pair(t, 3, 4), beta=1.5), call(*pair(t, 2, 2), beta=0.0)],
        lambda t: [call(t(0), t(0)), call(t.of(1.0, 0.0, 9.0), t.of(0.0, 0.0, 0.0))],
        tolerance=8,
    ),
    loss(
        "binary_cross_entropy",
        binary_cross_entropy,
        lambda t: [
            call(t.between(0.1, 0.9, 3, 4), t.between(0, 1, 3, 4)),
        ],
        lambda t: [call(t(0), t(0)), call(t.of(0.0, 1.0, 0.5), t.of(0.0, 1.0, 0.5)), call(t.of(1.0), t.of(0.0))],
        tolerance=8,
    ),
    loss(
        "binary_cross_entropy_with_logits",
        with_logits,
        lambda t: [
            call(t(3, 4), t.between(0, 1, 3, 4)),
        ],
        lambda t: [call(t(0), t(0)), call(t.of(90.0, -90.0, 0.0), t.of(0.0, 1.0, 1.0))],
        tolerance=8,
    ),
    loss(
        "binary_cross_entropy",
        binary_cross_entropy,
        lambda t: [call(t.between(0.1, 0.9, 3, 4), t.between(0, 1, 3, 4), weight=t.between(0.5, 2, 4))],
        lambda t: [call(t(0), t(0), weight=t(1))],
        tolerance=8,
        variant="weighted",
    ),
    loss(
        "binary_cross_entropy_with_logits",
        with_logits,
        lambda t: [call(t(3, 4), t.between(0, 1, 3, 4), weight=t.between(0.5, 2, 4), pos_weight=t.between(0.5, 2, 4))],
        lambda t: [call(t(0), t(0), pos_weight=t(1))],
        tolerance=8,
        variant="weighted",
    ),
    loss(
        "kl_div",
        kl_div,
        lambda t: [
            call(t(3, 4), t.between(0.1, 0.9, 3, 4)),
            call(t(3, 4), t(3, 4), log_target=True),
        ],
        lambda t: [call(t(0), t(0))],
        tolerance=8,
    ),
    loss(
        "kl_div",
        kl_div,
        lambda t: [call(t(3), t.between(0.1, 0.9, 3))],
        lambda t: [call(t(0), t(0)), call(t.of(-1.0, -2.0), t.of(0.0, 1.0))],
        tolerance=8,
        variant="of nothing",
    ),
    OpCase(
        "nn.functional.kl_div",
        lambda x, y, reduction: kl_div(x, y).sum() / x.shape[0],
        lambda t: [call(t(3, 4), t.between(0.1, 0.9, 3, 4), reduction="batchmean")],
        lambda t: [call(t(2, 0), t(2, 0), reduction="batchmean")],
        tolerance=8,
        variant="batchmean",
    ),
    loss(
        "poisson_nll_loss",
        poisson,
        lambda t: [
            call(t(3, 4), t.between(0, 0.9, 3, 4)),
            call(t(3, 4), t.between(2, 6, 3, 4), full=True),
            call(t.between(0.5, 3, 3, 4), t.between(0, 6, 3, 4), log_input=False),
        ],
        lambda t: [call(t(0), t(0))],
        tolerance=16,
    ),
    loss(
        "poisson_nll_loss",
        poisson,
        lambda t: [call(t(3), t.between(2, 6, 3), full=True)],
        lambda t: [call(t(0), t(0)), call(t.of(0.0, 0.0), t.of(0.0, 1.0), full=True)],
        tolerance=16,
        variant="of nothing",
    ),
    loss(
        "gaussian_nll_loss",
        gaussian,
        lambda t: [
            call(t(3, 4), t(3, 4), t.between(0.5, 2, 3, 4)),
            call(t(3, 4), t(3, 4), t.between(0.5, 2, 3), full=True),
        ],
        lambda t: [call(t(0, 2), t(0, 2), t(0, 2))],
        tolerance=16,
    ),
    loss(
        "soft_margin_loss",
        lambda x, y: np.logaddexp(0, -x * y),
        lambda t: [call(t(3, 4), signs(t, 3, 4))],
        lambda t: [call(t(0), t.mask(0) * 1), call(t.of(0.0), np.array([1]))],
    ),
    loss(
        "soft_margin_loss",
        lambda x, y: np.logaddexp(0, -x * y),
        lambda t: [call(t(3), signs(t, 3))],
        lambda t: [call(t(0), t.mask(0) * 1), call(t.of(90.0, -90.0, 0.0), np.array([1, 1, -1]))],
        variant="far out",
    ),
]

# ---------------------------------------------------------------------------------------------- of distances


def triplet(a: Array, p: Array, n: Array, margin: float = 1.0, swap: bool = False, **how: Any) -> Array:
    far = distance(a, n, **how)
    far = np.minimum(far, distance(p, n, **how)) if swap else far
    return np.maximum(margin + distance(a, p, **how) - far, 0)


def ranking(x: Array, other: Array, y: Array, margin: float = 0.0) -> Array:
    return np.maximum(margin - y * (x - other), 0)


def cosine_embedding(x: Array, other: Array, y: Array, margin: float = 0.0) -> Array:
    cosine = (x * other).sum(-1) / np.sqrt(((x**2).sum(-1) + 1e-12) * ((other**2).sum(-1) + 1e-12))
    return np.where(y == 1, 1 - cosine, np.maximum(cosine - margin, 0))


def multi_margin(x: Array, target: Array, p: int = 1, margin: float = 1.0, weight: Array = None) -> Array:
    if x.ndim == 1:
        return multi_margin(x[None], target.reshape(1), p, margin, weight)[0]
    losses = []
    for row, y in zip(x, target):
        wrong = np.maximum(margin - row[y] + np.delete(row, y), 0) ** p
        losses.append(wrong.sum() / len(row) * (1 if weight is None else weight[y]))
    return np.array(losses, np.float64)


def multilabel_margin(x: Array, target: Array) -> Array:
    if x.ndim == 1:
        return multilabel_margin(x[None], target[None])[0]
    losses = []
    for row, listed in zip(x, target):
        ends = np.flatnonzero(listed < 0)
        right = listed[: ends[0]] if len(ends) else listed
        wrong = np.setdiff1d(np.arange(len(row)), right)
        losses.append(np.maximum(1 - row[right][:, None] + row[wrong], 0).sum() / len(row))
    return np.array(losses, np.float64)


def apart_triplets(t: Draw) -> list[Call]:
    x, y, z = t(3, 4), t(3, 4), t(3, 4)
    return [call(x, y, z, margin=9.0), call(x, y, z, margin=9.0, swap=True)]


MARGINS = [
    loss(
        "hinge_embedding_loss",
        lambda x, y, margin=1.0: np.where(y == 1, x, np.maximum(margin - x, 0)),
        lambda t: [call(t.apart(3, 4), signs(t, 3, 4)), call(t.apart(3, 4), signs(t, 3, 4), margin=2.0)],
        lambda t: [call(t(0), t.mask(0) * 1), call(t.of(1.0, 1.0), np.array([1, -1]))],
    ),
    loss(
        "margin_ranking_loss",
        ranking,
        lambda t: [call(*pair(t, 3, 4), signs(t, 3, 4)), call(*pair(t, 3, 4), signs(t, 3, 4), margin=1.0)],
        lambda t: [call(t(0), t(0), t.mask(0) * 1)],
    ),
    loss(
        "cosine_embedding_loss",
        cosine_embedding,
        lambda t: [call(t(3, 4), t(3, 4), np.array([1, -1, -1])), call(t(4), t(4), np.array(1), margin=0.2)],
        lambda t: [call(t(0, 2), t(0, 2), t.mask(0) * 1), call(t(2, 3) * 0, t(2, 3), np.array([1, -1]))],
        tolerance=16,
    ),
    loss("triplet_margin_loss", triplet, apart_triplets, lambda t: [call(t(0, 2), t(0, 2), t(0, 2))], tolerance=16),
    loss(
        "triplet_margin_with_distance_loss",
        triplet,
        apart_triplets,
        lambda t: [call(t(0, 2), t(0, 2), t(0, 2))],
        tolerance=16,
    ),
    loss(
        "multi_margin_loss",
        multi_margin,
        lambda t: [
            call(t(3, 4), t.index(4, 3)),
            call(t(3, 4), t.index(4, 3), p=2, margin=0.5),
            call(t(4), np.array(2)),
        ],
        lambda t: [call(t(0, 3), t.index(3, 0), reduction="none"), call(t.of(1.0, 0.0, 1.0), np.array(0))],
        tolerance=8,
    ),
    loss(
        "multi_margin_loss",
        multi_margin,
        lambda t: [call(t(3, 4), t.index(4, 3), p=2, weight=t.between(0.5, 2, 4))],
        lambda t: [call(t(0, 3), t.index(3, 0), weight=t(3), reduction="none")],
        tolerance=8,
        variant="weighted",
    ),
    loss(
        "multilabel_margin_loss",
        multilabel_margin,
        lambda t: [call(t(2, 4), np.array([[3, 0, -1, 1], [2, 1, 0, 3]])), call(t(3), np.array([1, -1, -1]))],
        lambda t: [call(t(0, 3), t.index(3, 0, 3), reduction="none"), call(t(2, 3), np.full((2, 3), -1))],
        tolerance=8,
    ),
    loss(
        "multilabel_soft_margin_loss",
        lambda x, y, weight=None: weighted(with_logits(x, y), weight).mean(-1),
        lambda t: [
            call(t(3, 4), t.mask(3, 4) * 1),
            call(t(3, 4), t.between(0, 1, 3, 4), weight=t.between(0.5, 2, 4)),
        ],
        lambda t: [call(t(0, 3), t(0, 3)), call(t.of(90.0, -90.0), np.array([0, 1]))],
        tolerance=8,
    ),
]

# ---------------------------------------------------------------------------------------------- of classes


def nll(x: Array, target: Array, weight: Array = None, ignore_index: int = -100, reduction: str = "mean") -> Array:
    x, target = (x, target) if x.ndim > 1 else (x[None], target.reshape(1))
    kept = target != ignore_index
    y = np.where(kept, target, 0)
    weights = kept * (np.ones(x.shape[1]) if weight is None else weight)[y]
    losses = -np.take_along_axis(x, np.expand_dims(y, 1), 1).squeeze(1) * weights
    return losses if reduction == "none" else losses.sum() / (weights.sum() if reduction == "mean" else 1)


CLASSES = [
    OpCase(
        "nn.functional.nll_loss",
        nll,
        lambda t: [
            call(t(4, 5), t.index(5, 4)),
            call(t(2, 5, 3), t.index(5, 2, 3), reduction="none"),
            call(t(4, 5), np.array([1, -100, 4, 0])),
            call(t(4, 5), np.array([1, 2, 4, 0]), ignore_index=2, reduction="sum"),
        ],
        lambda t: [call(t(0, 5), t.index(5, 0), reduction="sum"), call(t(2, 3), np.array([-100, -100]))],
        tolerance=4,
    ),
    OpCase(
        "nn.functional.nll_loss",
        nll,
        lambda t: [call(t(4, 5), np.array([1, -100, 4, 0]), weight=t.between(0.5, 2, 5))],
        lambda t: [call(t(0, 5), t.index(5, 0), weight=t(5), reduction="sum")],
        tolerance=4,
        variant="weighted",
    ),
]

# ---------------------------------------------------------------------------------------------- of alignments


def ctc(
    x: Array,
    targets: Array,
    lengths: tuple[int, ...],
    target_lengths: tuple[int, ...],
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Array:
    """By its definition: every path through the classes that collapses to the target (Graves et al. 2006, section
    3.1)."""
    if x.ndim == 2:
        return ctc(x[:, None], targets, lengths, target_lengths, blank, reduction, zero_infinity).reshape(())
    starts = np.cumsum([0, *target_lengths])
    losses = np.zeros(x.shape[1])
    for n, (steps, count) in enumerate(zip(lengths, target_lengths)):
        target = targets[starts[n] : starts[n + 1]] if targets.ndim == 1 else targets[n, :count]
        total = 0.0
        for path in itertools.product(range(x.shape[2]), repeat=steps):
            labels = [c for c, _ in itertools.groupby(path) if c != blank]
            if labels == list(target):
                total += np.exp(sum(x[t, n, c] for t, c in enumerate(path)))
        losses[n] = -np.log(total) if total or not zero_infinity else 0
    if reduction == "mean":
        return (losses / np.maximum(target_lengths, 1)).mean()
    return losses if reduction == "none" else losses.sum()


ALIGNMENTS = [
    OpCase(
        "nn.functional.ctc_loss",
        ctc,
        lambda t: [
            call(t(4, 2, 3), np.array([[1, 2], [2, 2]]), (4, 4), (2, 2)),
            call(t(4, 2, 3), np.array([1, 2, 2]), (4, 3), (1, 2), reduction="sum"),
            call(t(4, 2, 3), np.array([[0, 1], [1, 0]]), (3, 4), (2, 1), blank=2, reduction="none"),
            call(t(4, 3), np.array([1, 2]), (4,), (2,)),
        ],
        lambda t: [
            call(t(3, 2, 3), np.array([[1, 1, 1], [2, 1, 1]]), (3, 3), (3, 2), zero_infinity=True, reduction="none"),
            call(t(3, 2, 3), np.zeros((2, 0), np.int64), (3, 0), (0, 0), reduction="sum"),
            call(t(3, 2, 3) * 20, np.array([[1, 2], [2, 1]]), (3, 2), (2, 2)),
        ],
        tolerance=32,
    )
]

LOSSES = [*ELEMENTWISE, *MARGINS, *CLASSES, *ALIGNMENTS]
