"""Derivatives as functions of functions: grad, vjp, jvp, Jacobians and Hessians, of any order and under vmap.

Each call tracks its own inputs by nodes of its own, so that one transform within another never mixes up theirs. What
comes back is part of a graph only when something outside the call is being differentiated.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

from .. import autograd
from ..autograd import forward_ad
from ..batching.batched_array import Axis
from ..batching.level import Enter, Leave, TakeIn, with_axis
from ..batching.pytree import flatten, map_leaves
from ..batching.vmap import vmap
from ..device import in_level
from ..engine import Node, next_sequence
from ..modes import duals, enable_grad, modes
from ..op import Op
from ..ops.cast import cast, to_device
from ..ops.creation import eye, zeros_like
from ..ops.pieces import split
from ..ops.shape import movedim, reshape
from ..tensor import AccumulateGrad, Tensor, check_can_require_grad
from ..views import edge_of
from .captured import Guarded


class TrackedInput(Op):
    """y = x, as an input of one transform."""

    is_open = True  # its transform is at work: to those within, a variable outside of them

    def backward(ctx, gy: Tensor) -> Tensor:
        return gy


class _Tracked:
    """The inputs of one transform: what the function is given, and what to differentiate with respect to."""

    def __init__(self, tensors: Sequence[Any], name: str, is_outside_recorded: bool) -> None:
        self.given: list[Tensor] = []
        self.targets: list[Tensor] = []
        self.nodes: set[Node] = set()
        for x in tensors:
            if not isinstance(x, Tensor):
                raise ValueError(
                    f"{name}: expected Tensors (in trees of dicts, lists and tuples), but got {type(x).__name__}"
                )
            check_can_require_grad(x._array)
            x = to_device(x, in_level(x.device))  # within vmap each example has a gradient of its own
            node = TrackedInput()
            node.edges = (edge_of(x) if is_outside_recorded else None,)
            node.sequence = next_sequence()
            self.nodes.add(node)
            # Two tensors: the function may write to its own in place, and so move its history.
            for tensors_of_kind in (self.given, self.targets):
                tracked = _without_history(x)
                tracked._edge = (node, 0)
                tensors_of_kind.append(tracked)

    def reaches_outside(self, tensors: Sequence[Tensor]) -> bool:
        """Whether the tensors depend on anything that requires grad besides these inputs."""
        stack = [edge[0] for edge in map(edge_of, tensors) if edge is not None]
        visited = set(stack)
        while stack:
            node = stack.pop()
            following = [edge[0] for edge in node.edges if edge is not None]
            if node in self.nodes:
                if following:
                    return True
            elif isinstance(node, AccumulateGrad) or (
                isinstance(node, TrackedInput) and node.is_open and not following
            ):
                return True
            else:
                fresh = [n for n in following if n not in visited]
                visited.update(fresh)
                stack.extend(fresh)
        return False

    def close(self) -> None:
        """End the transform's work: its inputs are variables to nobody any more."""
        for node in self.nodes:
            node.is_open = False  # type: ignore[attr-defined]

    def cut(self, tensor: Any, is_outside_recorded: bool) -> Any:
        """Return a result for the world outside, where these inputs are no variables."""
        if not isinstance(tensor, Tensor) or edge_of(tensor) is None:
            return tensor
        return tensor if is_outside_recorded and self.reaches_outside([tensor]) else _without_history(tensor)

    def pull(
        self, outputs: Sequence[Tensor], cotangents: Sequence[Tensor], create_graph: bool, keep: bool
    ) -> list[Tensor]:
        """Return the gradients of the inputs, zeros where the outputs do not depend on one."""
        live = [(y, gy) for y, gy in zip(outputs, cotangents) if edge_of(y) is not None]
        if not live:
            return [zeros_like(x) for x in self.targets]
        found = autograd.grad(
            [y for y, _ in live],
            self.targets,
            [gy for _, gy in live],
            keep or create_graph,
            create_graph,
            allow_unused=True,
        )
        return [zeros_like(x) if g is None else g for g, x in zip(found, self.targets)]


def _without_history(x: Tensor) -> Tensor:
    """Return x detached, but with the tangent that it carries in forward mode."""
    y = x.detach()
    if duals:
        duals[-1].carry(y, x._tangent)
    return y


def _results(output: Any, name: str, has_aux: bool) -> tuple[Any, Any]:
    if not has_aux:
        return output, None
    if not (isinstance(output, tuple) and len(output) == 2):
        raise RuntimeError(
            f"{name}: output of function f should be a tuple (output, aux) if has_aux is True, got {type(output)}"
        )
    return output


def _tensors_of(output: Any, name: str) -> tuple[list[Tensor], Callable]:
    leaves, rebuild = flatten(output)
    for leaf in leaves:
        if not isinstance(leaf, Tensor):
            raise RuntimeError(f"{name}: expected f to return only tensors, got unsupported type {type(leaf)}")
    return leaves, rebuild


def _chosen(args: tuple, argnums: int | tuple[int, ...], name: str) -> tuple[Any, Callable[[Any], tuple]]:
    """Return the arguments to differentiate with respect to, and a function that puts others in their places."""
    numbers = (argnums,) if isinstance(argnums, int) else tuple(argnums)
    for number in numbers:
        if not isinstance(number, int) or not -len(args) <= number < len(args):
            raise RuntimeError(f"Got argnum={number}, but only {len(args)} positional inputs ({name})")
    places = [number % len(args) for number in numbers]
    if len(set(places)) < len(places):
        raise RuntimeError(f"argnums elements must be unique, got {argnums}")

    def with_others(chosen: Any) -> tuple:
        filled = list(args)
        for place, value in zip(places, (chosen,) if isinstance(argnums, int) else chosen):
            filled[place] = value
        return tuple(filled)

    return args[argnums] if isinstance(argnums, int) else tuple(args[place] for place in places), with_others


# ---------------------------------------------------------------------------------------------- reverse mode


def grad_and_value(func: Callable, argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Callable:
    """Return a function that computes (gradient, value) of a scalar `func`; with aux, (gradient, (value, aux))."""

    @functools.wraps(func)
    def compute(*args: Any, **kwargs: Any) -> Any:
        is_recorded = modes.grad
        chosen, with_others = _chosen(args, argnums, "grad")
        leaves, rebuild = flatten(chosen)
        tracked = _Tracked(leaves, "grad", is_recorded)
        with enable_grad():
            with Guarded(func):
                value, aux = _results(func(*with_others(rebuild(tracked.given)), **kwargs), "grad", has_aux)
            if not isinstance(value, Tensor):
                raise RuntimeError(
                    f"grad_and_value(f)(*args): Expected f(*args) to return a Tensor, got {type(value)}. "
                    "Return other results as aux, with has_aux=True."
                )
            if value.ndim:
                raise RuntimeError(
                    f"grad_and_value(f)(*args): Expected f(*args) to return a scalar Tensor, got tensor with "
                    f"{value.ndim} dims. Maybe you wanted to use the vjp or jacrev APIs instead?"
                )
            create_graph = is_recorded and tracked.reaches_outside([value])
            seed = value.new_ones(())
            keep = create_graph or aux is not None  # aux may be differentiated too
            gradients = tracked.pull([value], [seed], create_graph, keep)
        tracked.close()
        gradients = [tracked.cut(g, is_recorded) for g in gradients]
        value, aux = map_leaves(lambda leaf: tracked.cut(leaf, is_recorded), (value, aux))
        return rebuild(gradients), (value, aux) if has_aux else value

    return compute


def grad(func: Callable, argnums: int | tuple[int, ...] = 0, has_aux: bool = False) -> Callable:
    """Return a function that computes the gradient of a scalar `func`; with aux, (gradient, aux)."""
    both = grad_and_value(func, argnums, has_aux)

    @functools.wraps(func)
    def compute(*args: Any, **kwargs: Any) -> Any:
        gradient, value = both(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return compute


def vjp(func: Callable, *primals: Any, has_aux: bool = False) -> tuple:
    """Return (func(*primals), pull), and aux: ``pull(cotangents)`` gives the tuple of v^T J for each of the primals."""
    is_recorded = modes.grad
    leaves, rebuild = flatten(primals)
    tracked = _Tracked(leaves, "vjp", is_recorded)
    with enable_grad(), Guarded(func):
        output, aux = _results(func(*rebuild(tracked.given)), "vjp", has_aux)
    outputs, rebuild_output = _tensors_of(output, "vjp")
    is_outside = tracked.reaches_outside(outputs)
    tracked.close()

    def pull(cotangents: Any, retain_graph: bool = True, create_graph: bool | None = None) -> Any:
        given = flatten(cotangents)[0]
        if len(given) != len(outputs):
            raise RuntimeError(
                "Expected pytree structure of cotangents to be the same as pytree structure of outputs to the "
                f"function: {len(outputs)} tensors, but got {len(given)}"
            )
        wants_graph = modes.grad and (is_outside or any(g.requires_grad for g in given))
        with enable_grad():
            found = tracked.pull(outputs, given, wants_graph if create_graph is None else create_graph, retain_graph)
        return rebuild([tracked.cut(g, wants_graph) for g in found])

    result = rebuild_output([tracked.cut(y, is_recorded) for y in outputs])
    return (result, pull, map_leaves(lambda leaf: tracked.cut(leaf, is_recorded), aux)) if has_aux else (result, pull)


def jacrev(
    func: Callable, argnums: int | tuple[int, ...] = 0, *, has_aux: bool = False, chunk_size: int | None = None
) -> Callable:
    """Return a function that computes the Jacobian, (*output.shape, *input.shape), all rows in one vmapped vjp."""

    @functools.wraps(func)
    def compute(*args: Any, **kwargs: Any) -> Any:
        chosen, with_others = _chosen(args, argnums, "jacrev")
        output, pull, *aux = vjp(lambda inputs: func(*with_others(inputs), **kwargs), chosen, has_aux=has_aux)
        outputs, rebuild_output = _tensors_of(output, "jacrev")
        inputs, rebuild_input = flatten(chosen)
        rows = vmap(lambda *vectors: tuple(flatten(pull(rebuild_output(list(vectors))))[0]), chunk_size=chunk_size)
        columns = [split(column, _counts(outputs)) for column in rows(*_basis(outputs))]
        blocks = [
            rebuild_input([reshape(column[i], (*y.shape, *x.shape)) for column, x in zip(columns, inputs)])
            for i, y in enumerate(outputs)
        ]
        jacobian = rebuild_output(blocks)
        return (jacobian, *aux) if has_aux else jacobian

    return compute


def _counts(tensors: Sequence[Tensor]) -> list[int]:
    return [math.prod(x.shape) for x in tensors]


def _basis(tensors: Sequence[Tensor]) -> list[Tensor]:
    """Return the standard basis of the tensors taken as one vector: the part of each, (sum of sizes, *shape)."""
    counts = _counts(tensors)
    parts = split(eye(sum(counts), device=tensors[0].device), counts, 1)
    return [reshape(cast(part, x.dtype), (sum(counts), *x.shape)) for part, x in zip(parts, tensors)]


# ---------------------------------------------------------------------------------------------- forward mode


def _pushed(func: Callable, primals: tuple, tangents: list[Tensor], name: str, has_aux: bool) -> tuple:
    """Return func's outputs, their tangents, the way back to a tree, and aux: by dual tensors, or else by two pulls.

    One level of dual tensors is in force at a time, so that a transform within another takes two reverse passes, as
    does a Function without a jvp of its own.
    """
    leaves, rebuild = flatten(primals)
    if not duals:
        try:
            return _pushed_along(func, leaves, rebuild, tangents, name, has_aux)
        except NotImplementedError:
            pass
    push = _Push(func, primals, name, has_aux)
    outputs = [push.cut(y) for y in push.outputs]
    return outputs, push(tangents), push.rebuild_output, map_leaves(push.cut, push.aux)


def _pushed_along(
    func: Callable, leaves: list, rebuild: Callable, tangents: list[Tensor], name: str, has_aux: bool
) -> tuple:
    with forward_ad.dual_level():
        given = [_dual(x, tangent, name) for x, tangent in zip(leaves, tangents)]
        with Guarded(func, leaves):
            output, aux = _results(func(*rebuild(given)), name, has_aux)
        results, rebuild_output = _tensors_of(output, name)
        pushed = [y._tangent for y in results]
    return results, pushed, rebuild_output, aux


def _dual(x: Any, tangent: Tensor, name: str) -> Tensor:
    if not isinstance(x, Tensor):
        raise ValueError(f"{name}: expected Tensors (in trees of dicts, lists and tuples), but got {type(x).__name__}")
    check_can_require_grad(x._array)
    return forward_ad.make_dual(to_device(x, in_level(x.device)), tangent)


class _Push:
    """J v for any v, of a function run once. u -> u^T J is linear in u, so that its own vjp with v is J v."""

    def __init__(self, func: Callable, primals: tuple, name: str, has_aux: bool) -> None:
        self.is_recorded = modes.grad
        leaves, rebuild = flatten(primals)
        self.inputs = _Tracked(leaves, name, self.is_recorded)
        with enable_grad():
            with Guarded(func):
                output, self.aux = _results(func(*rebuild(self.inputs.given)), name, has_aux)
            self.outputs, self.rebuild_output = _tensors_of(output, name)
            self.duals = _Tracked([zeros_like(y) for y in self.outputs], name, False)
            self.rows = self.inputs.pull(self.outputs, self.duals.given, True, True)
        self.duals.nodes |= self.inputs.nodes  # both are this transform's own variables
        self.duals.close()

    def __call__(self, tangents: Sequence[Tensor]) -> list[Tensor]:
        wants_graph = self.is_recorded and (
            self.inputs.reaches_outside(self.outputs) or any(t.requires_grad for t in tangents)
        )
        with enable_grad():
            products = self.duals.pull(self.rows, tangents, wants_graph, True)
        return [self.cut(y) for y in products]

    def cut(self, tensor: Any) -> Any:
        return self.duals.cut(tensor, self.is_recorded)


def jvp(func: Callable, primals: tuple, tangents: tuple, *, strict: bool = False, has_aux: bool = False) -> tuple:
    """Return (func(*primals), J v), and aux, for the tangents v, which are trees like the primals."""
    if not isinstance(primals, tuple):
        raise RuntimeError("jvp(f, primals, tangents): Expected primals to be a tuple, valid to call f(*primals) with.")
    given, leaves = flatten(tangents)[0], flatten(primals)[0]
    if not isinstance(tangents, tuple) or len(given) != len(leaves):
        raise RuntimeError(
            "jvp(f, primals, tangents): Expected primals and tangents to have the same python structure. For "
            f"example, if primals is a tuple of {len(leaves)} tensors, tangents also must be."
        )
    for tangent, x in zip(given, leaves):
        if tangent.shape != x.shape:
            raise RuntimeError(
                "Trying to set a forward gradient that has a different size than that of the original Tensor, this "
                f"is not supported. Tensor is of size {list(x.shape)} while the given forward gradient is of size "
                f"{list(tangent.shape)}. (jvp)"
            )
    outputs, pushed, rebuild_output, aux = _pushed(func, primals, given, "jvp", has_aux)
    if strict and any(tangent is None for tangent in pushed):
        raise RuntimeError(
            "jvp(f, primals, tangents, strict=True): The output of f is independent of the inputs. This is not allowed "
            "with strict=True."
        )
    products = [zeros_like(y) if tangent is None else tangent for y, tangent in zip(outputs, pushed)]
    output, product = rebuild_output(outputs), rebuild_output(products)
    return (output, product, aux) if has_aux else (output, product)


def jacfwd(
    func: Callable, argnums: int | tuple[int, ...] = 0, has_aux: bool = False, *, randomness: str = "error"
) -> Callable:
    """Return a function that computes the Jacobian, (*output.shape, *input.shape), all columns in one vmapped jvp."""

    @functools.wraps(func)
    def compute(*args: Any, **kwargs: Any) -> Any:
        chosen, with_others = _chosen(args, argnums, "jacfwd")
        inputs, rebuild_input = flatten(chosen)
        axis = Axis(sum(_counts(inputs)), randomness)
        outputs, pushed, rebuild_output, aux = _pushed(
            lambda inputs: func(*with_others(inputs), **kwargs),
            (chosen,),
            [Enter.apply(vector, axis, 0) for vector in _basis(inputs)],
            "jacfwd",
            has_aux,
        )
        blocks = []
        for y, tangent in zip(outputs, pushed):
            tangent = zeros_like(y) if tangent is None else tangent
            columns = Leave.apply(TakeIn.apply(tangent, with_axis(tangent.device, axis)), axis, 0)
            pieces = split(columns, _counts(inputs))
            parts = [reshape(movedim(piece, 0, -1), (*y.shape, *x.shape)) for piece, x in zip(pieces, inputs)]
            blocks.append(rebuild_input(parts))
        jacobian = rebuild_output(blocks)
        return (jacobian, aux) if has_aux else jacobian

    return compute


def hessian(func: Callable, argnums: int | tuple[int, ...] = 0) -> Callable:
    """Return a function that computes the second derivatives of `func`, (*output.shape, *input.shape, *input.shape)."""
    return jacfwd(jacrev(func, argnums), argnums)


def linearize(func: Callable, *primals: Any) -> tuple[Any, Callable]:
    """Return func(*primals) and a function of tangents, (*v) -> J v, which runs none of `func` again."""
    push = _Push(func, primals, "linearize", False)
    leaves, _ = flatten(primals)

    def along(*tangents: Any) -> Any:
        given = flatten(tangents)[0]
        shapes = [[getattr(x, "shape", None) for x in found] for found in (given, leaves)]
        if shapes[0] != shapes[1]:
            raise RuntimeError(
                f"linearize: expected tangents of the primals' structure and shapes {shapes[1]}, but got {shapes[0]}"
            )
        return push.rebuild_output(push(given))

    return push.rebuild_output([push.cut(y) for y in push.outputs]), along
