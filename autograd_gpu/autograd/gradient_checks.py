"""Gradients by finite differences against gradients by autograd. Knows the public interface only, so any device works.

The numerical Jacobian is a central difference in the inputs' own precision (float64 for a verdict worth having); the
analytical one is read off backward, one output element at a time. `fast_mode` compares a random projection instead.
A complex number counts as its two parts here, as values, as gradients and as tangents.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..batching.vmap import vmap
from ..dtypes import complex128, float64
from ..ops.complex_numbers import view_as_real
from ..ops.creation import ones_like, tensor, zeros_like
from ..ops.pieces import stack
from ..tensor import Tensor
from . import forward_ad
from .backward import grad

Function = Callable[..., Any]


class GradcheckError(RuntimeError):
    """The gradients of a function are wrong; the message says where first."""


def gradcheck(
    func: Function,
    inputs: Tensor | Sequence[Any],
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Return whether `func`'s gradients for those `inputs` that require grad agree with central differences.

    An entry is right when |analytical - numerical| <= atol + rtol * |numerical|. Backward is also run twice and must
    repeat itself within `nondet_tol`. Raises GradcheckError at the first wrong entry, unless `raise_exception` is off.

    `check_forward_ad` compares the Jacobian's columns, by dual tensors; `check_undefined_grad` holds that an output
    without a gradient counts as one with zeros; the batched checks hold several gradients (tangents) at once to one by
    one. `masked` is about sparse tensors, of which there are none: it changes nothing.
    """
    if check_batched_forward_grad and not check_forward_ad:
        raise ValueError("Setting check_batched_forward_grad=True requires check_forward_ad to be True")
    if not (check_forward_ad or check_backward_ad):
        raise ValueError("Expected at least one of check_forward_ad and check_backward_ad to be True")
    check = _Check(func, _as_inputs(inputs), eps, atol, rtol)
    try:
        if check_forward_ad:
            (check.pushed_projections if fast_mode else check.tangents)(check_batched_forward_grad)
        if not check_backward_ad:
            return True
        (check.projections if fast_mode else check.jacobians)(nondet_tol)
        if check_undefined_grad:
            check.undefined_gradients()
        if check_grad_dtypes:
            check.gradient_dtypes()
        if check_batched_grad:
            check.batched_gradients()
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    func: Function,
    inputs: Tensor | Sequence[Any],
    grad_outputs: Tensor | Sequence[Tensor] | None = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Return whether the gradients of `func`'s gradients, in its inputs and in `grad_outputs`, are right.

    `grad_outputs` are random when not given, and with `gen_non_contig_grad_outputs` every second element of a larger
    tensor. `check_fwd_over_rev` pushes tangents through the gradients. The other options are gradcheck's.
    """
    inputs = _as_inputs(inputs)
    outputs = [output for output in _as_tuple(func(*inputs)) if output.requires_grad]
    if grad_outputs is None:
        random = np.random.default_rng(0)
        given = tuple(_like(output, random.standard_normal(_shape(output))) for output in outputs)
        if gen_non_contig_grad_outputs:
            given = tuple(stack([g, g], -1)[..., 0] for g in given)
        given = tuple(g.requires_grad_() for g in given)
    else:
        given = _as_tuple(grad_outputs)

    def gradients(*arguments: Any) -> tuple[Tensor, ...]:
        values, directions = arguments[: len(inputs)], arguments[len(inputs) :]
        # Nodes of this call only: a fresh view of each input keeps leaves of other calls out of the graph.
        values = tuple(value.view_as(value) if _is_active(value) else value for value in values)
        results = [output for output in _as_tuple(func(*values)) if output.requires_grad]
        active = [value for value in values if _is_active(value)]
        found = grad(results, active, list(directions), create_graph=True, allow_unused=True)
        return tuple(gradient for gradient in found if gradient is not None)

    return gradcheck(
        gradients,
        (*inputs, *given),
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
        nondet_tol=nondet_tol,
        check_undefined_grad=check_undefined_grad,
        check_grad_dtypes=check_grad_dtypes,
        check_batched_grad=check_batched_grad,
        check_forward_ad=check_fwd_over_rev,
        check_backward_ad=check_rev_over_rev,
        fast_mode=fast_mode,
    )


class _Check:
    """One function at one point."""

    def __init__(self, func: Function, inputs: tuple[Any, ...], eps: float, atol: float, rtol: float) -> None:
        self.func, self.inputs, self.eps, self.atol, self.rtol = func, inputs, eps, atol, rtol
        self.active = [position for position, value in enumerate(inputs) if _is_active(value)]
        self.outputs = [output for output in _as_tuple(func(*inputs)) if output.dtype.is_inexact]

    def jacobians(self, nondet_tol: float) -> None:
        """Compare every entry of every Jacobian."""
        numerical = [self._numerical_jacobians(position) for position in self.active]
        for number, output in enumerate(self.outputs):
            analytical = self._analytical_jacobians(output)
            for position, expected, found in zip(self.active, numerical, analytical, strict=True):
                self._compare(number, position, expected[number], found)
            again = self._analytical_jacobians(output)
            for position, first, second in zip(self.active, analytical, again, strict=True):
                if first.size and not np.abs(first - second).max() <= nondet_tol:
                    raise GradcheckError(
                        "Backward is not reentrant, i.e., running backward with same input and grad_output multiple "
                        f"times gives different values, for output {number} and input {position}: they differ by up to "
                        f"{np.abs(first - second).max():g}. The tolerance for nondeterminism was {nondet_tol}."
                    )

    def projections(self, nondet_tol: float) -> None:
        """Compare v' J u for a random u and v per input and output: a wrong entry shows with probability one."""
        random = np.random.default_rng(0)
        for position in self.active:
            u = random.standard_normal(_shape(self.inputs[position]))
            slopes = self._difference(position, u)
            for number, output in enumerate(self.outputs):
                v = random.standard_normal(_shape(output))
                expected = float((slopes[number] * v).sum())
                found, again = (
                    float((self._gradients(output, v)[self.active.index(position)] * u).sum()) for _ in range(2)
                )
                if not abs(found - expected) <= self.atol + self.rtol * abs(expected):
                    raise GradcheckError(
                        f"Jacobian mismatch for output {number} with respect to input {position}, in the projection "
                        f"on random directions: numerical {expected!r}, analytical {found!r}. "
                        "Without fast_mode the entry is named."
                    )
                if not abs(found - again) <= nondet_tol:
                    raise GradcheckError(
                        f"Backward is not reentrant: output {number} and input {position} gave {found!r}, then "
                        f"{again!r}. The tolerance for nondeterminism was {nondet_tol}."
                    )

    def tangents(self, batched: bool) -> None:
        """Compare every column of every Jacobian in forward mode; with `batched`, also all columns under vmap."""
        for position in self.active:
            numerical = self._numerical_jacobians(position)
            found = [np.zeros_like(jacobian) for jacobian in numerical]
            for element, direction in enumerate(_basis(_shape(self.inputs[position]))):
                for number, tangent in enumerate(self._pushed(position, _like(self.inputs[position], direction))):
                    if tangent is not None:
                        found[number][:, element] = _values(tangent).reshape(-1)
            for number, expected in enumerate(numerical):
                self._compare(number, position, expected, found[number], "in forward mode ")
            if batched and self.inputs[position].numel():
                basis = _like(self.inputs[position], np.stack(list(_basis(_shape(self.inputs[position])))))
                together = vmap(lambda direction, place=position: self._all_pushed(place, direction))(basis)
                for number, columns in enumerate(together):
                    rows = _values(columns).reshape(len(basis), -1)
                    self._compare(number, position, numerical[number], rows.T, "in forward mode under vmap ")

    def pushed_projections(self, batched: bool) -> None:
        """Compare J u for a random u per input; with `batched`, also u and 2 u together under vmap."""
        random = np.random.default_rng(0)
        for position in self.active:
            u = random.standard_normal(_shape(self.inputs[position]))
            slopes = self._difference(position, u)
            found = self._all_pushed(position, _like(self.inputs[position], u))
            pairs = list(zip(slopes, map(_values, found), strict=True))
            if batched:
                both = _like(self.inputs[position], np.stack([u, 2 * u]))
                together = vmap(lambda direction, place=position: self._all_pushed(place, direction))(both)
                pairs += [(2 * slope, _values(tangent)[1]) for slope, tangent in zip(slopes, together, strict=True)]
            for number, (expected, tangent) in enumerate(pairs):
                if not (np.abs(tangent - expected) <= self.atol + self.rtol * np.abs(expected)).all():
                    raise GradcheckError(
                        f"Jacobian mismatch in forward mode for output {number % len(slopes)} with respect to input "
                        f"{position}, in a random direction: numerical\n{expected}\nanalytical\n{tangent}\n"
                        "Without fast_mode the entry is named."
                    )

    def _pushed(self, position: int, direction: Tensor) -> list[Tensor | None]:
        """The outputs' tangents when one input moves in a direction."""
        with forward_ad.dual_level():
            given = list(self.inputs)
            given[position] = forward_ad.make_dual(given[position], direction)
            results = [y for y in _as_tuple(self.func(*given)) if y.dtype.is_inexact]
            return [forward_ad.unpack_dual(result).tangent for result in results]

    def _all_pushed(self, position: int, direction: Tensor) -> tuple[Tensor, ...]:
        pushed = self._pushed(position, direction)
        return tuple(
            zeros_like(output) if tangent is None else tangent
            for output, tangent in zip(self.outputs, pushed, strict=True)
        )

    def undefined_gradients(self) -> None:
        """An output without a gradient must count as one whose gradient is zero."""
        outputs = self._differentiable_outputs()
        if len(outputs) < 2:
            return
        random = np.random.default_rng(0)
        for number, output in enumerate(outputs):
            direction = _like(output, random.standard_normal(_shape(output)))
            # By position: two outputs may be one tensor.
            others = [direction if at == number else zeros_like(other) for at, other in enumerate(outputs)]
            alone = grad(output, self._active_inputs(), direction, retain_graph=True, allow_unused=True)
            beside = grad(outputs, self._active_inputs(), others, retain_graph=True, allow_unused=True)
            for position, undefined, zeros in zip(self.active, alone, beside, strict=True):
                first, second = (np.zeros(1) if g is None else _values(g) for g in (undefined, zeros))
                if not np.allclose(first, second, rtol=self.rtol, atol=self.atol):
                    raise GradcheckError(
                        f"Expected undefined output gradients to be treated as zeros: the gradient of input {position} "
                        f"from output {number} alone differs from that with zeros for the other outputs."
                    )

    def gradient_dtypes(self) -> None:
        """Each gradient must have its input's dtype."""
        for output in self._differentiable_outputs():
            found = grad(output, self._active_inputs(), ones_like(output), retain_graph=True, allow_unused=True)
            for position, gradient in zip(self.active, found, strict=True):
                if gradient is not None and gradient.dtype != self.inputs[position].dtype:
                    raise GradcheckError(
                        f"the gradient of input {position} is {gradient.dtype}, the input {self.inputs[position].dtype}"
                    )

    def batched_gradients(self) -> None:
        """Two gradients in one batch must give what each gives alone."""
        random = np.random.default_rng(0)
        for number, output in enumerate(self._differentiable_outputs()):
            pair = [random.standard_normal(_shape(output)) for _ in range(2)]
            alone = [self._gradients(output, v) for v in pair]
            together = grad(
                output,
                self._active_inputs(),
                _like(output, np.stack(pair)),
                retain_graph=True,
                allow_unused=True,
                is_grads_batched=True,
            )
            for slot, position in enumerate(self.active):
                for row, separate in enumerate(alone):
                    gradients = together[slot]
                    batched = 0.0 if gradients is None else _values(gradients)[row]
                    if not np.allclose(batched, separate[slot], rtol=self.rtol, atol=self.atol):
                        raise GradcheckError(
                            f"the batched gradient of output {number} in input {position} differs from row {row} alone"
                        )

    def _compare(
        self, number: int, position: int, numerical: np.ndarray, analytical: np.ndarray, mode: str = ""
    ) -> None:
        difference = np.abs(analytical - numerical)
        # Written so that a NaN on either side is wrong.
        wrong = ~(difference <= self.atol + self.rtol * np.abs(numerical))
        if not wrong.any():
            return
        row, column = np.argwhere(wrong)[0]
        output, value = self.outputs[number], self.inputs[position]
        at_output = _place(row, _shape(output))
        at_input = _place(column, _shape(value))
        raise GradcheckError(
            f"Jacobian mismatch {mode}for output {number} with respect to input {position}: {wrong.sum()} of "
            f"{wrong.size} entries are wrong, the first d output{at_output} / d input{at_input}: "
            f"numerical {float(numerical[row, column])!r}, analytical {float(analytical[row, column])!r} "
            f"(allowed: atol {self.atol:g} + rtol {self.rtol:g} of the numerical).\n"
            f"numerical:\n{numerical}\nanalytical:\n{analytical}"
        )

    def _analytical_jacobians(self, output: Tensor) -> list[np.ndarray]:
        """(output elements, input elements), for each active input."""
        rows = [np.zeros((_size(output), _size(self.inputs[position]))) for position in self.active]
        if output.requires_grad:
            for element, direction in enumerate(_basis(_shape(output))):
                for jacobian, gradient in zip(rows, self._gradients(output, direction), strict=True):
                    jacobian[element] = gradient.reshape(-1)
        return rows

    def _gradients(self, output: Tensor, direction: np.ndarray) -> list[np.ndarray]:
        if not output.requires_grad:
            return [np.zeros(_shape(self.inputs[position])) for position in self.active]
        found = grad(output, self._active_inputs(), _like(output, direction), retain_graph=True, allow_unused=True)
        return [
            np.zeros(_shape(self.inputs[position])) if gradient is None else _values(gradient)
            for position, gradient in zip(self.active, found, strict=True)
        ]

    def _numerical_jacobians(self, position: int) -> list[np.ndarray]:
        """(output elements, input elements), for each output, by moving one input element at a time."""
        size = _size(self.inputs[position])
        jacobians = [np.zeros((_size(output), size)) for output in self.outputs]
        for element, direction in enumerate(_basis(_shape(self.inputs[position]))):
            for jacobian, slope in zip(jacobians, self._difference(position, direction), strict=True):
                jacobian[:, element] = slope.reshape(-1)
        return jacobians

    def _difference(self, position: int, direction: np.ndarray) -> list[np.ndarray]:
        """(f(x + eps u) - f(x - eps u)) / (2 eps), for each output."""
        value = self.inputs[position]
        centre = _values(value)
        sides = []
        for step in (self.eps, -self.eps):
            moved = list(self.inputs)
            moved[position] = _like(value, centre + step * direction).requires_grad_()
            results = _as_tuple(self.func(*moved))
            sides.append([_values(result) for result in results if result.dtype.is_inexact])
        return [(above - below) / (2 * self.eps) for above, below in zip(*sides, strict=True)]

    def _active_inputs(self) -> list[Tensor]:
        return [self.inputs[position] for position in self.active]

    def _differentiable_outputs(self) -> list[Tensor]:
        return [output for output in self.outputs if output.requires_grad]


def _as_inputs(inputs: Tensor | Sequence[Any]) -> tuple[Any, ...]:
    values = _as_tuple(inputs)
    active = [value for value in values if _is_active(value)]
    if not active:
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, but none of them have requires_grad=True."
        )
    if any(value.dtype not in (float64, complex128) for value in active):
        warnings.warn(
            "gradcheck: an input that requires gradient is not of dtype float64 or complex128; differences in less "
            "precision are mostly noise. Use x.double().",
            stacklevel=3,
        )
    return values


def _as_tuple(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (tuple, list)) else (value,)


def _is_active(value: Any) -> bool:
    return isinstance(value, Tensor) and value.requires_grad


def _values(tensor: Tensor) -> np.ndarray:
    x = tensor.detach()
    return (view_as_real(x) if x.is_complex() else x).double().cpu().numpy()


def _like(like: Tensor, values: np.ndarray) -> Tensor:
    """Return a new leaf with these values and the tensor's dtype and device."""
    if like.is_complex():
        values = values[..., 0] + 1j * values[..., 1]
    return tensor(values, dtype=like.dtype, device=like.device)


def _shape(tensor: Tensor) -> tuple[int, ...]:
    """The shape of what `_values` returns."""
    return (*tensor.shape, 2) if tensor.is_complex() else tuple(tensor.shape)


def _size(tensor: Tensor) -> int:
    return math.prod(_shape(tensor))


def _basis(shape: tuple[int, ...]) -> Iterator[np.ndarray]:
    """The arrays of this shape that are one in one place."""
    for element in range(int(np.prod(shape))):
        direction = np.zeros(shape)
        direction.reshape(-1)[element] = 1
        yield direction


def _place(element: int, shape: tuple[int, ...]) -> str:
    return str([int(index) for index in np.unravel_index(element, tuple(shape))]) if len(shape) else ""
