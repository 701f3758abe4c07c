"""What goes wrong in silence, looked for in each row of the op table: numbers that overflow or vanish on the way, sums
that lose digits, derivatives of second order that disagree, operands that are not alike, memory that is shared.

Knows the public interface only, so it runs on any device. Every check takes a case, raises AssertionError with the call
that failed, and returns nothing. A row that cannot hold one is in OPTED_OUT with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import ml_dtypes
import numpy as np

import autograd_gpu as ag

from .op_case import Call, Draw, OpCase
from .op_checks import apply, arrays_in, describe, is_floating, replaced, tensors_of, to_numpy

# A few roundings, relative to the largest number of a result.
HALF_TOLERANCE = {"float16": 8e-3, "bfloat16": 6e-2}
LONG = {"cpu": 5_000_000, "cuda": 131_072}

Change = Callable[[np.ndarray], np.ndarray]


def changed(sample: Call, change: Change) -> Call:
    """The sample with its floating point arrays changed."""

    def make(array: np.ndarray) -> np.ndarray:
        if not is_floating(array):
            return array
        with np.errstate(all="ignore"):
            return np.asarray(change(array))

    return Call(
        tuple(replaced(value, make) for value in sample.args),
        {name: replaced(value, make) for name, value in sample.kwargs.items()},
    )


# ---------------------------------------------------------------------------------------------- half types round once


def check_halves(case: OpCase, device: str) -> None:
    """In 16 bits, values of 300, 1e4 and 1e-4 give what float32 gives, rounded once."""
    for dtype in set(HALF_TOLERANCE) & set(case.dtypes):
        for sample in case.samples(Draw(dtype)):
            for scale in (300.0, 1e4, 1e-4):
                scaled = changed(sample, lambda x, scale=scale: _scaled(x, scale))  # type: ignore[misc]
                _rounds_once(case, scaled, device, dtype, f"of about {scale:g}")


def _scaled(x: np.ndarray, scale: float) -> np.ndarray:
    limit = float(ml_dtypes.finfo(x.dtype).max)
    return np.clip(x.astype(np.float64) * scale, -limit, limit).astype(x.dtype)


def _rounds_once(case: OpCase, sample: Call, device: str, dtype: str, what: str) -> None:
    raised = changed(sample, lambda x: x.astype(np.float32))
    expected = outcome(case, raised, device)
    found = outcome(case, sample, device)
    if expected is None or found is None:
        assert (found is None) >= (expected is None), f"{describe(case, sample)} {what}: {dtype} alone is computed"
        return
    for name, value in expected.items():
        if name not in found:
            continue
        with np.errstate(over="ignore", invalid="ignore"):
            rounded = value.astype(found[name].dtype)
        close_to_largest(found[name], rounded, HALF_TOLERANCE[dtype], f"{describe(case, sample)} {what}: {name}")


def outcome(case: OpCase, sample: Call, device: str, positive: bool = False) -> dict[str, np.ndarray] | None:
    """Results and gradients by name, for directions that are exact in every dtype; None where the call is refused."""
    tensors = tensors_of(sample, device)
    leaves = [tensor.requires_grad_() for tensor in tensors if case.order and tensor.dtype.is_floating_point]
    try:
        outputs = apply(case, sample, tensors)
    except (RuntimeError, ValueError, IndexError, TypeError):
        return None
    found = {f"result {number}": to_numpy(output) for number, output in enumerate(outputs)}
    recorded = [output for output in outputs if output.requires_grad]
    if leaves and recorded:
        gradients = ag.autograd.grad(recorded, leaves, directions(recorded, positive), allow_unused=True)
        found |= {f"gradient {n}": to_numpy(g) for n, g in enumerate(gradients) if g is not None}
    return found


def directions(tensors: list[ag.Tensor], positive: bool = False) -> list[ag.Tensor]:
    rng = np.random.default_rng(3)
    choices = (1.0,) if positive else (0.5, 1.0, -1.0, 2.0)
    return [ag.tensor(rng.choice(choices, tuple(t.shape)), dtype=t.dtype, device=t.device) for t in tensors]


def close_to_largest(found: np.ndarray, expected: np.ndarray, tolerance: float, what: str, floor: float = 0.0) -> None:
    """Equal within tolerance * the largest finite |expected|, or floor; NaN equals NaN, an infinity itself."""
    a, b = (np.asarray(side).astype(np.float64) for side in (found, expected))
    assert a.shape == b.shape, f"{what}: shape {a.shape}, expected {b.shape}"
    if a.size == 0:
        return
    with np.errstate(all="ignore"):
        finite = np.abs(b[np.isfinite(b)])
        room = max(tolerance * (finite.max() if finite.size else 0.0), floor) + _least(found.dtype)
        close = (a == b) | (np.isnan(a) & np.isnan(b)) | (np.abs(a - b) <= room)
    if not close.all():
        place = tuple(int(index) for index in np.argwhere(~close)[0])
        raise AssertionError(f"{what}: at {place} {a[place]!r}, expected {b[place]!r} within {room:g}")


def _least(dtype: np.dtype) -> float:
    """Two of the smallest numbers there are."""
    return 2 * float(ml_dtypes.finfo(dtype).smallest_subnormal) if is_floating(np.empty(0, dtype)) else 0.0


# ---------------------------------------------------------------------------------------------- long sums


def lengthened(case: OpCase, sample: Call, size: int) -> Iterator[Call]:
    """The sample with its first array repeated to `size` elements along its first dimension, and along its last, and
    with it every array of that extent there. Where results grow as a product of extents there is none."""
    arrays = arrays_in(sample)
    if not arrays or not arrays[0].ndim or not arrays[0].size:
        return
    for from_end in {-arrays[0].ndim, -1}:
        short = _repeated(sample, from_end, 8)
        found = outcome(case, short, "cpu")
        if found is not None and max(a.size for a in found.values()) <= 2 * sum(a.size for a in arrays_in(short)):
            yield _repeated(sample, from_end, max(1, size // arrays[0].size))


def _repeated(sample: Call, from_end: int, times: int) -> Call:
    first = arrays_in(sample)[0]
    extent, leading = first.shape[from_end], -from_end == first.ndim

    def repeat(array: np.ndarray) -> np.ndarray:
        place = 0 if leading else array.ndim + from_end
        if not 0 <= place < array.ndim or array.shape[place] != extent:
            return array
        return np.tile(array, [times if d == place else 1 for d in range(array.ndim)])

    return Call(
        tuple(replaced(value, repeat) for value in sample.args),
        {name: replaced(value, repeat) for name, value in sample.kwargs.items()},
    )


def check_long_sums(case: OpCase, device: str) -> None:
    """Sums of millions of float32 of one sign are float64's within 1e-5, in every order of axes, backward too."""
    size = LONG[device]
    for sample in case.samples(Draw(float_of(case)))[:2]:
        positive = changed(sample, lambda x: np.abs(x) + np.asarray(0.1, x.dtype))
        if not any(sums(case, shorter) for shorter in lengthened(case, positive, 200)):
            continue
        for long in lengthened(case, positive, size):
            found = outcome(case, long, device, positive=True)
            if found is None:
                continue
            expected = outcome(case, changed(long, lambda x: x.astype(np.float64)), device, positive=True)
            assert expected is not None, f"{describe(case, long)}: float32 alone is computed"
            for name, value in expected.items():
                close_to_largest(found[name], value, 1e-5, f"{describe(case, long)}: {name}")


def sums(case: OpCase, sample: Call) -> bool:
    """Whether something smaller than the largest argument comes of it, forward or backward."""
    found = outcome(case, sample, "cpu")
    largest = max(array.size for array in arrays_in(sample))
    return found is not None and any(array.size * 10 <= largest for array in found.values())


# ---------------------------------------------------------------------------------------------- both modes


def check_modes_agree(case: OpCase, device: str) -> None:
    """Reverse over reverse, forward over reverse and reverse over forward give one H v, at zeros and ties too."""
    if case.order < 2:
        return
    for sample in case.samples(Draw("float64")):
        for what, change in POINTS.items():
            moved = changed(sample, change)
            found = {name: mode(case, moved, device) for name, mode in MODES.items()}
            expected = found["reverse over reverse"]
            for name, products in found.items():
                assert (products is None) == (expected is None), f"{describe(case, moved)} at {what}: {name} is refused"
                for number, (a, b) in enumerate(zip(products or (), expected or ())):
                    close_to_largest(a, b, 1e-9, f"{describe(case, moved)} at {what}: {name}, H v of leaf {number}")


POINTS: dict[str, Change] = {
    "smooth points": lambda x: x,
    "whole numbers and ties": np.round,
    "zeros": np.zeros_like,
}


def _leaves(case: OpCase, sample: Call, device: str) -> tuple[list[ag.Tensor], list[ag.Tensor]]:
    tensors = tensors_of(sample, device)
    return tensors, [t for t in tensors if t.dtype.is_floating_point]


def _total(case: OpCase, sample: Call, tensors: list[ag.Tensor]) -> ag.Tensor | None:
    outputs = [o for o in apply(case, sample, tensors) if o.dtype.is_floating_point]
    if not outputs:
        return None
    weighted = [(o * d).sum() for o, d in zip(outputs, directions(outputs))]
    total = weighted[0]
    for term in weighted[1:]:
        total = total + term
    return total


def _zeros_for_none(gradients: Any, leaves: list[ag.Tensor]) -> list[ag.Tensor]:
    return [ag.zeros_like(leaf) if g is None else g for g, leaf in zip(gradients, leaves)]


def _reverse_over_reverse(case: OpCase, sample: Call, device: str) -> list[np.ndarray] | None:
    tensors, leaves = _leaves(case, sample, device)
    for leaf in leaves:
        leaf.requires_grad_()
    try:
        total = _total(case, sample, tensors)
    except (RuntimeError, ValueError):
        return None
    if total is None or not total.requires_grad:
        return None
    first = ag.autograd.grad(total, leaves, create_graph=True, allow_unused=True)
    pairs = [(g, d) for g, d in zip(first, directions(leaves)) if g is not None and g.requires_grad]
    if not pairs:
        return [np.zeros(tuple(leaf.shape)) for leaf in leaves]
    second = ag.autograd.grad([g for g, _ in pairs], leaves, [d for _, d in pairs], allow_unused=True)
    return [to_numpy(g) for g in _zeros_for_none(second, leaves)]


def _forward_over_reverse(case: OpCase, sample: Call, device: str) -> list[np.ndarray] | None:
    forward = ag.autograd.forward_ad
    tensors, leaves = _leaves(case, sample, device)
    with forward.dual_level():
        duals = iter([forward.make_dual(leaf.requires_grad_(), d) for leaf, d in zip(leaves, directions(leaves))])
        tensors = [next(duals) if t.dtype.is_floating_point else t for t in tensors]
        floating = [t for t in tensors if t.dtype.is_floating_point]
        try:
            total = _total(case, sample, tensors)
        except (RuntimeError, ValueError):
            return None
        if total is None or not total.requires_grad:
            return None
        first = ag.autograd.grad(total, floating, create_graph=True, allow_unused=True)
        tangents = [None if g is None else forward.unpack_dual(g).tangent for g in first]
        return [to_numpy(t) for t in _zeros_for_none(tangents, leaves)]


def _reverse_over_forward(case: OpCase, sample: Call, device: str) -> list[np.ndarray] | None:
    forward = ag.autograd.forward_ad
    tensors, leaves = _leaves(case, sample, device)
    with forward.dual_level():
        duals = iter([forward.make_dual(leaf.requires_grad_(), d) for leaf, d in zip(leaves, directions(leaves))])
        tensors = [next(duals) if t.dtype.is_floating_point else t for t in tensors]
        try:
            total = _total(case, sample, tensors)
        except (RuntimeError, ValueError):
            return None
        if total is None or not total.requires_grad:
            return None
        tangent = forward.unpack_dual(total).tangent
        if tangent is None or not tangent.requires_grad:
            return [np.zeros(tuple(leaf.shape)) for leaf in leaves]
        gradients = ag.autograd.grad(tangent, leaves, allow_unused=True)
        return [to_numpy(g) for g in _zeros_for_none(gradients, leaves)]


MODES = {
    "reverse over reverse": _reverse_over_reverse,
    "forward over reverse": _forward_over_reverse,
    "reverse over forward": _reverse_over_forward,
}


# ---------------------------------------------------------------------------------------------- edges


def check_edges(case: OpCase, device: str) -> None:
    """At zeros, ties and an infinity float32 finds what float64 finds, to second order; there, and at the largest and
    smallest normal numbers, a GPU finds what the CPU does."""
    limits = np.finfo(np.float32)
    edges = {"0": 0.0, "ties": 1.0, "infinity": np.inf, "-infinity": -np.inf}
    if device != "cpu":
        # A 64th of the largest: what overflows does so whatever the order of a sum.
        edges |= {"the largest numbers": float(limits.max) / 64, "the smallest normal number": float(limits.tiny)}
    for sample in case.samples(Draw(float_of(case)))[:1]:
        for what, edge in edges.items():
            moved = changed(sample, lambda x, edge=edge: _put(x, edge, everywhere=np.isfinite(edge)))  # type: ignore[misc]
            found = to_second_order(case, moved, device)
            raised = changed(moved, lambda x: x.astype(np.float64)) if device == "cpu" else moved
            expected = to_second_order(case, raised, "cpu")
            name = f"{describe(case, moved)} at {what}"
            assert (found is None) == (expected is None), f"{name}: refused by one of the two"
            for part, value in (expected or {}).items():
                with np.errstate(all="ignore"):
                    is_wider = value.dtype == np.float64 and float_of(case) == "float32"
                    rounded = value.astype(np.float32) if is_wider else value
                close_to_largest((found or {})[part], rounded, 1e-3, f"{name}: {part}", floor=1e-5)


def float_of(case: OpCase) -> str:
    """Return the dtype of floats that a row is looked at in: float32, unless it has float64 alone."""
    return "float32" if "float32" in case.dtypes else "float64"


def _put(x: np.ndarray, edge: float, everywhere: bool) -> np.ndarray:
    y = np.array(x)
    if everywhere:
        y[...] = edge
    elif y.size:
        y.reshape(-1)[y.size // 2] = edge
    return y


def to_second_order(case: OpCase, sample: Call, device: str) -> dict[str, np.ndarray] | None:
    """Results, gradients and second derivatives by name; None where the call is refused."""
    tensors, leaves = _leaves(case, sample, device)
    if case.order:
        for leaf in leaves:
            leaf.requires_grad_()
    try:
        outputs = apply(case, sample, tensors)
    except (RuntimeError, ValueError, IndexError):
        return None
    found = {f"result {n}": to_numpy(output) for n, output in enumerate(outputs)}
    for order in range(1, case.order + 1):
        outputs = [o for o in outputs if o is not None and o.requires_grad]
        if not outputs or not leaves:
            break
        try:
            gradients = ag.autograd.grad(outputs, leaves, directions(outputs), create_graph=True, allow_unused=True)
        except ag.linalg.LinAlgError:  # a derivative that decomposes what is not finite
            return None
        outputs = [gradient for gradient in gradients if gradient is not None]
        found |= {f"derivative {order} by {n}": to_numpy(g) for n, g in enumerate(gradients) if g is not None}
    return found


# ---------------------------------------------------------------------------------------------- unlike operands


def check_unlike_operands(case: OpCase, device: str) -> None:
    """An operand of another dtype is promoted or refused, one on another device refused, none taken as it lies."""
    other = "cuda" if device == "cpu" else "cpu"
    for sample in case.samples(Draw(float_of(case))):
        places = [place for place, array in enumerate(arrays_in(sample)) if is_floating(array)]
        if len(places) < 2:
            continue
        for place in places[1:]:
            _promoted_or_refused(case, sample, device, place)
            tensors = tensors_of(sample, device)
            tensors[place] = tensors[place].to(other)
            if tensors[place].dim() and any(t.dim() for n, t in enumerate(tensors) if n != place):
                try:
                    apply(case, sample, tensors)
                except (RuntimeError, NotImplementedError):
                    continue
                raise AssertionError(
                    f"{describe(case, sample)}: takes array {place} from {other}, the others on {device}"
                )


def _promoted_or_refused(case: OpCase, sample: Call, device: str, place: int) -> None:
    tensors = tensors_of(sample, device)
    tensors[place] = tensors[place].double() + 1e-9
    alike = [t.double() if t.dtype.is_floating_point else t for t in tensors]
    try:
        outputs = apply(case, sample, tensors)
    except (RuntimeError, ValueError, NotImplementedError):
        return
    expected = apply(case, sample, alike)
    for number, (a, b) in enumerate(zip(outputs, expected)):
        what = f"{describe(case, sample)} with array {place} in float64: result {number}"
        close_to_largest(to_numpy(a), to_numpy(b).astype(to_numpy(a).dtype), 1e-5, what)


# ---------------------------------------------------------------------------------------------- memory


def check_sharing(case: OpCase, device: str) -> None:
    """After op(x), writing to a result, an input, a gradient or a tangent changes nothing else, views of it aside."""
    for sample in case.samples(Draw(float_of(case)))[:2]:
        tensors = tensors_of(sample, device)
        with ag.no_grad():
            outputs = list(apply(case, sample, tensors))
        _separate(case, sample, {"result": outputs, "input": tensors})
        _gradients_are_separate(case, sample, device)
        _tangents_are_separate(case, sample, device)


def _separate(case: OpCase, sample: Call, groups: dict[str, list[ag.Tensor]]) -> None:
    """No tensor's memory is seen to change by a write to another, unless one is a view of the other, or it itself."""
    named = [(f"{group} {n}", t) for group, tensors in groups.items() for n, t in enumerate(tensors) if t.numel()]
    for name, written in named:
        before = [to_numpy(t).copy() for _, t in named]
        with ag.no_grad():
            target = written.detach()
            kept = target.clone()
            try:
                target.copy_(~kept if kept.dtype == ag.bool else kept + 1)
            except RuntimeError:  # stride 0: a view
                continue
        for (other, tensor), value in zip(named, before):
            if tensor is written or _base(tensor) is _base(written):
                continue
            same = np.array_equal(to_numpy(tensor), value, equal_nan=is_floating(value))
            assert same, f"{describe(case, sample)}: writing to {name} changes {other}"
        with ag.no_grad():
            target.copy_(kept)


def _base(tensor: ag.Tensor) -> ag.Tensor:
    return tensor if tensor._base is None else tensor._base


def _gradients_are_separate(case: OpCase, sample: Call, device: str) -> None:
    tensors = tensors_of(sample, device)
    leaves = [t.requires_grad_() for t in tensors if case.order and t.dtype.is_floating_point]
    outputs = [o for o in apply(case, sample, tensors) if o.requires_grad]
    if not leaves or not outputs:
        return
    given = directions(outputs)
    ag.autograd.backward(outputs, given)
    gradients = [leaf.grad for leaf in leaves if leaf.grad is not None]
    _separate(case, sample, {"gradient": gradients, "given gradient": given, "input": [t.detach() for t in leaves]})


def _tangents_are_separate(case: OpCase, sample: Call, device: str) -> None:
    forward = ag.autograd.forward_ad
    tensors, leaves = _leaves(case, sample, device)
    if not case.order or not leaves:
        return
    given = directions(leaves)
    with forward.dual_level():
        duals = iter([forward.make_dual(leaf, d) for leaf, d in zip(leaves, given)])
        made = [next(duals) if t.dtype.is_floating_point else t for t in tensors]
        outputs = apply(case, sample, made)
        tangents = [
            forward.unpack_dual(o).tangent
            for o in outputs
            if o.dtype.is_floating_point and not any(_base(o) is _base(m) for m in made)
        ]
    _separate(case, sample, {"tangent": [t for t in tangents if t is not None], "given tangent": given})


CHECKS = {
    "halves": check_halves,
    "long sums": check_long_sums,
    "modes": check_modes_agree,
    "edges": check_edges,
    "unlike operands": check_unlike_operands,
    "sharing": check_sharing,
}

_KINK = "a norm has a kink at 0, and no second derivative there"
_BY_ZERO = "0 divided by 0: there is no derivative to agree on"
_NOT_UNIQUE = "factors of a singular matrix are not unique"
_COPIES = "it copies, and a copy moves between devices"
_UNSAFE = "its pieces are views that do not say so: that is what is unsafe"
_OF_RESULT = "its slope is written in its result, which has been rounded by then, as in PyTorch"
_BETWEEN_PRODUCTS = "what goes from one product into the next is of the half type, as in PyTorch"

# A row's id, and why a check does not hold for it. Tests hold each list to a twentieth of the rows.
OPTED_OUT: dict[str, dict[str, str]] = {
    "modes": {
        **dict.fromkeys(
            "norm nn.functional.normalize nn.functional.pdist linalg.vector_norm linalg.matrix_norm linalg.norm dist "
            "renorm".split(),
            _KINK,
        ),
        **dict.fromkeys(("div[rounding_mode]", "fmod", "remainder", "copysign"), _BY_ZERO),
        "nn.functional.binary_cross_entropy": "at 0 and 1 its slope is held back, by an end that has no slope itself",
        "nn.functional.binary_cross_entropy[weighted]": "at 0 and 1 its slope is held back, by an end without a slope",
    },
    "edges": {
        **dict.fromkeys("linalg.qr qr linalg.eigh linalg.svd svd".split(), _NOT_UNIQUE),
        **dict.fromkeys(
            "linalg.slogdet slogdet logdet linalg.cond".split(), "whether a matrix is singular is a matter of rounding"
        ),
    },
    "unlike operands": dict.fromkeys(
        "slice_scatter select_scatter diagonal_scatter Tensor.copy_ Tensor.__setitem__".split(), _COPIES
    ),
    "sharing": dict.fromkeys("unsafe_split unsafe_split_with_sizes unsafe_chunk".split(), _UNSAFE),
    "halves": {
        **dict.fromkeys("sigmoid softmax nn.functional.softmax nn.functional.gumbel_softmax".split(), _OF_RESULT),
        **dict.fromkeys(
            "einsum chain_matmul linalg.multi_dot nn.functional.feed_forward nn.functional.linear_cross_entropy "
            "nn.functional.multi_head_attention_forward".split(),
            _BETWEEN_PRODUCTS,
        ),
    },
    "long sums": {},
}

# Rows of which a check still finds something wrong: they are expected to fail, and leave this list once mended.
STILL_WRONG: dict[str, set[str]] = {
    # On a GPU alone, against the CPU.
    "edges": set(
        "Tensor.int cov index_reduce[prod] linalg.vander nn.functional.add_layer_norm "
        "nn.functional.batch_norm nn.functional.bilinear nn.functional.binary_cross_entropy "
        "nn.functional.binary_cross_entropy[weighted] nn.functional.cosine_similarity nn.functional.ctc_loss "
        "nn.functional.group_norm nn.functional.instance_norm nn.functional.layer_norm "
        "nn.functional.scaled_dot_product_attention prod "
        "scatter_reduce[prod] std std_mean vander var var_mean".split()
    ),
}
