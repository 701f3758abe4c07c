"""Forward mode: dual tensors, which carry a tangent through every operation.

No operation has a second rule for it. The gradient that a backward gives, u -> u^T J, is linear in u, so its own
backward with the tangent t is J t (the "double backward trick": J. Townsend, "A new trick for calculating Jacobian
vector products", 2017), taken here operation by operation: nothing is kept from one to the next, and the tangents can
be differentiated in turn. Views take their tangent's view; a Function's own ``jvp`` is called.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ..autocasting import switched
from ..engine import Edge, Node, next_sequence, run_backward
from ..modes import duals, modes
from ..op import Op, interceptors
from ..ops.cast import cast, to_device
from ..ops.creation import zeros_like
from ..ops.inplace import copy_, zero_
from ..ops.shape import clone, permute
from ..tensor import Tensor, accumulate
from ..views import edge_of, replay

_NOWHERE: Edge = (Node(), 0)  # makes an operation recorded whose inputs require no gradient


class _Level:
    """What the operations do while forward mode is on."""

    def __init__(self) -> None:
        self.carriers: dict[int, weakref.ref[Any]] = {}  # of the tangents, which end with the level

    def carry(self, tensor: Tensor, tangent: Tensor | None) -> None:
        if tangent is not None:
            tensor._tangent = tangent
            carriers, key = self.carriers, id(tensor)
            carriers[key] = weakref.ref(tensor, lambda _: carriers.pop(key, None))

    def keep_tangent(self, copy: Tensor, x: Tensor) -> None:
        """Let a copy of x carry a copy of its tangent."""
        if x._tangent is not None:
            with _Suspended():
                self.carry(copy, x._tangent.clone())

    def end(self) -> None:
        for carrier in list(self.carriers.values()):
            tensor = carrier()
            if tensor is not None:
                tensor._tangent = None

    def apply(self, operation: type[Op], inputs: tuple, parameters: dict) -> Any:
        """Compute an operation and, where an input carries one, the tangents of its outputs."""
        if not duals:
            return NotImplemented
        with _Suspended():
            tangents = [value._tangent if isinstance(value, Tensor) else None for value in inputs]
            if not operation.differentiable or all(tangent is None for tangent in tangents):
                return _plainly(operation, inputs, parameters)
            if operation.is_linear:
                result = _plainly(operation, inputs, parameters)
                self._carry_all(result, operation.apply(tangents[0], *inputs[1:], **parameters))
                return result
            result, node = _recorded(operation, inputs, tangents, parameters)
            if node is None:  # no output that has derivatives
                return result
            outputs = result if isinstance(result, tuple) else (result,)
            edges = tuple(None if edge is _NOWHERE else edge for edge in node.edges)
            is_recorded = modes.grad and any(
                value is not None and edge_of(value) is not None for value in (*_tensors(inputs), *tangents)
            )
            node.edges = tuple(
                None if tangent is None else _NOWHERE for tangent in tangents
            )  # what `needs` is asked for
            pushed = _private(_pushed(node, outputs, tangents, is_recorded), tangents, is_recorded)
            node.edges = edges
            if not is_recorded:
                for output in outputs:
                    output._edge = None
            for number, (output, tangent) in enumerate(zip(outputs, pushed)):
                self.carry(output, tangent)
                for saved in node.own_saved(number):
                    self.carry(saved, tangent)
            return result

    def _carry_all(self, result: Any, tangents: Any) -> None:
        if isinstance(result, tuple):
            for output, tangent in zip(result, tangents):
                self.carry(output, tangent)
        else:
            self.carry(result, tangents)

    def apply_function(self, function: Any, ctx: Any, args: tuple, outputs: tuple) -> None:
        """Give the outputs of a user's Function the tangents that its ``jvp`` computes."""
        given = [value._tangent if isinstance(value, Tensor) else None for value in args]
        if all(tangent is None for tangent in given):
            return
        if ctx.materialize:
            given = [
                zeros_like(value.detach()) if tangent is None and _is_float(value) else tangent
                for value, tangent in zip(args, given)
            ]
        with _Suspended():
            found = function.jvp(ctx, *given)
        tangents = found if isinstance(found, tuple) else (found,)
        if len(tangents) != len(outputs):
            raise RuntimeError(
                f"Function's jvp returned an invalid number of forward gradients (expected {len(outputs)} but got "
                f"{len(tangents)}): {function.__name__}.jvp returns one tangent, or None, for each output."
            )
        for number, (output, tangent) in enumerate(zip(outputs, tangents)):
            if tangent is not None:
                tangent = _checked_tangent(output, tangent, f"{function.__name__}.jvp")
            for carrier in (output, *ctx.own_saved(number)):
                self.carry(carrier, tangent)

    def written(self, x: Tensor, result: Tensor) -> None:
        """Let x carry the tangent of what was just written into it; views share their base's."""
        with _Suspended():
            if result._tangent is None:
                if x._tangent is not None:
                    zero_(x._tangent)
                return
            root = x if x._base is None else x._base
            device = result._tangent.device
            if root._tangent is None or root._tangent.device is not device:  # under vmap the new one may be batched
                tangent = zeros_like(root.detach()) if root._tangent is None else root._tangent
                self.carry(root, to_device(tangent, device).clone())
            if root is not x:
                self.carry(x, replay(x._steps, root._tangent))  # type: ignore[arg-type]
            copy_(x._tangent, result._tangent)  # type: ignore[arg-type]


class _Suspended:
    """Forward mode off on the inside: tangents carry no tangents. So is autocast, as in backward."""

    def __enter__(self) -> None:
        self.levels = duals[:]
        duals.clear()
        self.without_autocast = switched()
        self.without_autocast.__enter__()

    def __exit__(self, *exception: object) -> None:
        self.without_autocast.__exit__()
        duals[:] = self.levels


def _plainly(operation: type[Op], inputs: tuple, parameters: dict) -> Any:
    return Op.apply.__func__(operation, *inputs, **parameters)  # type: ignore[attr-defined]


def _recorded(operation: type[Op], inputs: tuple, tangents: list, parameters: dict) -> tuple[Any, Op | None]:
    """Return the operation's result and its node, recorded whether or not gradients are wanted."""
    lent = []
    for value, tangent in zip(inputs, tangents):
        if tangent is not None and edge_of(value) is None:
            value._edge = _NOWHERE
            lent.append(value)
    grad_mode, modes.grad = modes.grad, True
    try:
        result = _plainly(operation, inputs, parameters)
    finally:
        modes.grad = grad_mode
        for value in lent:
            value._edge = None
    outputs = result if isinstance(result, tuple) else (result,)
    return result, next((y._edge[0] for y in outputs if y._edge is not None), None)


def _pushed(
    node: Op, outputs: Sequence[Tensor], tangents: Sequence[Tensor | None], is_recorded: bool
) -> list[Tensor | None]:
    """Return J t for each output of the node: the backward of its backward, with t."""
    grad_mode, modes.grad = modes.grad, True
    quiet = np.errstate(all="ignore")  # as in backward: infinities and NaN are values
    quiet.__enter__()
    try:
        variables = [zeros_like(output.detach()) if _is_float(output) else None for output in outputs]
        targets = [None if u is None else _variable() for u in variables]
        for u, edge in zip(variables, targets):
            if u is not None:
                u._edge = edge
        rows = node.run(list(variables))
        starts = [
            (edge_of(row), cast(tangent, row.dtype))
            for row, tangent in zip(rows, tangents)
            if tangent is not None and row is not None and edge_of(row) is not None
        ]
        modes.grad = is_recorded
        wanted = [edge for edge in targets if edge is not None]
        found = run_backward(starts, accumulate, keep_graph=True, targets=wanted)  # type: ignore[arg-type]
    finally:
        quiet.__exit__(None, None, None)
        modes.grad = grad_mode
    return [None if edge is None else found.get(edge) for edge in targets]


def _private(pushed: list[Tensor | None], given: list, is_recorded: bool) -> list[Tensor | None]:
    """Return the tangents in memory of their own, laid out as results are: to write to one changes no other."""
    others = {id(tangent._array) for tangent in given if tangent is not None}
    grad_mode, modes.grad = modes.grad, is_recorded
    try:
        for number, tangent in enumerate(pushed):
            if tangent is None:
                continue
            array = tangent._array
            if id(array) in others or not tangent.is_contiguous() or not tangent.device.backend.owns(array):
                pushed[number] = tangent = clone(tangent)
            others.add(id(tangent._array))
    finally:
        modes.grad = grad_mode
    return pushed


def _laid_out_like(tangent: Tensor, tensor: Tensor) -> Tensor:
    """Return the tangent, copied where its dimensions lie in memory in another order than the tensor's: it takes part
    in the same views."""
    if tangent.stride() == tensor.stride() or tangent.device.axis is not None or tensor.device.axis is not None:
        return tangent
    steps = tensor.stride()
    order = sorted(range(tensor.ndim), key=lambda d: -steps[d])
    back = sorted(range(tensor.ndim), key=order.__getitem__)
    return permute(clone(permute(tangent, order)), back)


def _variable() -> Edge:
    node = Node()
    node.sequence = next_sequence()
    return node, 0


def _tensors(values: tuple) -> list[Tensor]:
    return [value for value in values if isinstance(value, Tensor)]


def _is_float(value: Any) -> bool:
    return isinstance(value, Tensor) and value.dtype.is_inexact


def _checked_tangent(tensor: Tensor, tangent: Tensor, name: str) -> Tensor:
    """Return the tangent, in the tensor's dtype."""
    if tangent._array.shape != tensor._array.shape:
        raise RuntimeError(
            "Trying to set a forward gradient that has a different size than that of the original Tensor, this is not "
            f"supported. Tensor is of size {list(tensor.shape)} while the given forward gradient is of size "
            f"{list(tangent.shape)}. ({name})"
        )
    if tangent.device.base is not tensor.device.base:
        raise RuntimeError(
            f"Trying to set a forward gradient on {tangent.device} for a tensor on {tensor.device}. ({name})"
        )
    return cast(tangent, tensor.dtype)


# ---------------------------------------------------------------------------------------------- what users call


class UnpackedDualTensor(NamedTuple):
    """A dual tensor's parts; `tangent` is None for a tensor that carries none."""

    primal: Tensor
    tangent: Tensor | None


def enter_dual_level() -> int:
    """Switch forward mode on; returns the level's number, always 0: levels are not nested, as in PyTorch."""
    if duals:
        raise RuntimeError("Nested forward mode AD is not supported at the moment")
    duals.append(_Level())
    interceptors.append(duals[-1])
    return 0


def exit_dual_level(*, level: int | None = None) -> None:
    """Switch forward mode off; every tangent made within is gone."""
    if not duals:
        raise RuntimeError("Trying to exit a forward AD level that was not entered: enter_dual_level() comes first.")
    if level not in (None, 0):
        raise RuntimeError("Trying to exit a forward AD level that was not the last one that was created.")
    level_in_force = duals.pop()
    interceptors.remove(level_in_force)
    level_in_force.end()


class dual_level:
    """Forward mode as a context: ``with dual_level(): x = make_dual(p, t); ...; unpack_dual(y).tangent``."""

    def __enter__(self) -> int:
        return enter_dual_level()

    def __exit__(self, *exception: object) -> None:
        exit_dual_level()


def make_dual(tensor: Tensor, tangent: Tensor, *, level: int | None = None) -> Tensor:
    """Return a view of `tensor` that carries `tangent`, of the same shape and on the same device."""
    if not duals:
        raise RuntimeError(
            "Trying to create a dual Tensor for forward AD but no level exists, make sure to enter_dual_level() first."
        )
    for value, name in ((tensor, "primal"), (tangent, "tangent")):
        if not _is_float(value):
            kind = value.dtype if isinstance(value, Tensor) else type(value).__name__
            raise ValueError(f"Expected {name} to be floating point or complex, but got: {kind}")
    with _Suspended():
        tangent = _laid_out_like(_checked_tangent(tensor, tangent, "make_dual"), tensor)
        dual = tensor.view_as(tensor)
    duals[0].carry(dual, tangent)
    return dual


def unpack_dual(tensor: Tensor, *, level: int | None = None) -> UnpackedDualTensor:
    """Return (primal, tangent) of a dual tensor, the primal as a view without tangent; tangent None where none is
    carried."""
    if not duals:
        return UnpackedDualTensor(tensor, None)
    with _Suspended():
        return UnpackedDualTensor(tensor.view_as(tensor), tensor._tangent)
