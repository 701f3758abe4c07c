"""``backward`` and ``grad``: what the user asks, checked and turned into one run of the engine."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ..autocasting import switch, switch_off
from ..engine import Edge, run_backward, run_node
from ..modes import modes
from ..ops.cast import cast
from ..saving import backward_line, pack_hooks_here, restore_pack_hooks
from ..tensor import AccumulateGrad, Tensor, accumulate, add_to_gradient, conjugated, private_gradient
from ..user_line import user_line
from ..views import edge_of
from .edge import GradientEdge, tensor_at
from .saved_memory import explain_out_of_memory

Tensors = Tensor | GradientEdge | Sequence[Tensor | GradientEdge]

_watchers: list[Callable[[tuple], bool | None]] = []  # called with each backward's roots before it runs; False: no more


def backward(
    tensors: Tensors,
    grad_tensors: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Tensors | None = None,
) -> None:
    """Add the gradients of `tensors` with respect to the graph's leaves (or only `inputs`) to their ``.grad``.

    Raises RuntimeError when a root has no graph, is not a scalar and has no `grad_tensors`, when the shapes differ,
    or when the saved values were freed by an earlier backward.
    """
    roots = _as_tuple(tensors, "backward", grad_tensors)
    gradients = _root_gradients(roots, grad_tensors, create_graph)
    keep_graph = create_graph if retain_graph is None else retain_graph
    if inputs is None:
        _run(roots, gradients, keep_graph, create_graph, None)
        return
    targets = _as_tuple(inputs, "backward", itertools.repeat(roots[0]))
    if not targets:
        raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    for target in targets:
        if not target.requires_grad:
            raise RuntimeError("One of the differentiated Tensors does not require grad")
    captured = _run(roots, gradients, keep_graph, create_graph, targets)
    done: set[int] = set()
    for target in targets:
        edge = edge_of(target)
        gradient = captured.get(edge)  # type: ignore[arg-type]
        if gradient is None or id(target) in done:
            continue
        done.add(id(target))
        _keep_gradient(target, gradient, create_graph)


def grad(
    outputs: Tensors,
    inputs: Tensors,
    grad_outputs: Tensor | Sequence[Tensor | None] | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Tensor | None, ...]:
    """Return the gradients of `outputs` with respect to `inputs`, one per input, without touching any ``.grad``.

    With `is_grads_batched`, `grad_outputs` have a leading batch dimension, and so do the results; one pass, under vmap.
    """
    if materialize_grads and allow_unused is False:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, but got: allow_unused=False."
        )
    allow_unused = bool(materialize_grads if allow_unused is None else allow_unused)
    roots = _as_tuple(outputs, "grad", grad_outputs)
    targets = _as_tuple(inputs, "grad", itertools.repeat(roots[0]))
    if not targets:
        raise RuntimeError("`inputs` argument to `grad()` cannot be empty.")
    keep_graph = create_graph if retain_graph is None else retain_graph
    for number, root in enumerate(roots):
        _check_is_recorded(root, number)
    for target in targets:
        if not target.requires_grad:
            raise RuntimeError("One of the differentiated Tensors does not require grad")
    if is_grads_batched:
        return _batched_grad(roots, targets, grad_outputs, keep_graph, create_graph, allow_unused, materialize_grads)
    gradients = _root_gradients(roots, grad_outputs, create_graph)
    captured = _run(roots, gradients, keep_graph, create_graph, targets)
    return tuple(
        _result(captured.get(edge_of(target)), target, index, allow_unused, materialize_grads, create_graph)  # type: ignore[arg-type]
        for index, target in enumerate(targets)
    )


def _batched_grad(
    roots: tuple, targets: tuple, grad_outputs: Any, keep_graph: bool, create_graph: bool, unused: bool, zeros: bool
) -> tuple[Tensor | None, ...]:
    from ..batching.vmap import vmap  # imported when asked for

    batch = _as_tuple(grad_outputs, "grad")
    given = [number for number, g in enumerate(batch) if g is not None]
    unused_places: list[int] = []

    def one(*rows: Tensor) -> tuple[Tensor, ...]:
        row: list[Tensor | None] = [None] * len(batch)
        for number, g in zip(given, rows):
            row[number] = g
        found = grad(roots, targets, row, keep_graph, create_graph, allow_unused=unused, materialize_grads=zeros)
        unused_places[:] = [place for place, gradient in enumerate(found) if gradient is None]
        return tuple(gradient for gradient in found if gradient is not None)

    columns = list(vmap(one)(*(batch[number] for number in given)))
    for place in unused_places:
        columns.insert(place, None)
    return tuple(columns)


def _result(
    gradient: Tensor | None, target: Tensor, index: int, allow_unused: bool, materialize: bool, create_graph: bool
) -> Tensor | None:
    if gradient is None:
        if not allow_unused:
            raise RuntimeError(
                f"The differentiated Tensor at index {index} appears to not have been used in the graph. "
                "Set allow_unused=True if this is the desired behavior."
            )
        return target.new_zeros(target.shape, requires_grad=create_graph) if materialize else None
    return conjugated(gradient)


def _keep_gradient(target: Tensor, gradient: Tensor, create_graph: bool) -> None:
    edge = edge_of(target)
    grad_mode, modes.grad = modes.grad, create_graph
    try:
        if edge is not None and isinstance(edge[0], AccumulateGrad):
            run_node(edge[0], [gradient])
        elif target._grad is None:
            gradient = conjugated(gradient)
            target._grad = gradient if create_graph else private_gradient(gradient, is_ours=False)
        else:
            target._grad = add_to_gradient(target._grad, conjugated(gradient))
    finally:
        modes.grad = grad_mode


def _run(
    roots: tuple, gradients: list, keep_graph: bool, create_graph: bool, targets: tuple | None
) -> dict[Edge, Tensor]:
    for watch in tuple(_watchers):
        if watch(roots) is False:
            _watchers.remove(watch)
    edges: list[Edge] = [edge_of(root) for root in roots]  # type: ignore[misc]
    starts = list(zip(edges, gradients))
    gradients.clear()
    grad_mode, modes.grad = modes.grad, create_graph and not modes.inference
    casting = switch_off()
    line, backward_line[0] = backward_line[0], user_line(2)
    packing = pack_hooks_here()
    outer, _nesting.roots = _nesting.roots, roots
    wanted = None if targets is None else [edge_of(t) for t in targets]
    _nesting.depth += 1
    waiting = _nesting.at_end
    try:
        if _nesting.depth > _DEEPEST:
            found = _on_a_fresh_stack(lambda: _run_quietly(starts, keep_graph, wanted))
        else:
            found = _run_quietly(starts, keep_graph, wanted)
        if _nesting.depth == 1 and waiting:
            _call_all(waiting)
        return found
    except MemoryError as error:
        explain_out_of_memory(error, roots)
        raise
    finally:
        _nesting.depth -= 1
        if _nesting.depth == 0:
            waiting.clear()
        _nesting.roots = outer
        modes.grad = grad_mode
        switch(casting)
        backward_line[0] = line
        restore_pack_hooks(packing)


def _run_quietly(starts: list, keep_graph: bool, targets: list | None) -> dict[Edge, Tensor]:
    with np.errstate(all="ignore"):  # on the CPU as on a GPU: infinities and NaN are values, not warnings
        return run_backward(starts, accumulate, keep_graph=keep_graph, targets=targets)


class _Nesting(threading.local):
    """How many backwards are running inside one another on this thread, and the innermost one's roots."""

    depth = 0
    roots: tuple = ()

    def __init__(self) -> None:
        self.at_end: list[Callable[[], None]] = []


def running_roots() -> tuple:
    """Return the roots of the backward that is running on this thread: one and the same tuple for one backward."""
    return _nesting.roots


def watch_backwards(watch: Callable[[tuple], bool | None]) -> None:
    """Call `watch` with the roots of each backward before it runs, until it returns False."""
    _watchers.append(watch)


def call_at_end(callback: Callable[[], None]) -> None:
    """Call `callback` when the outermost backward that is running on this thread has ended well."""
    if not _nesting.depth:
        raise RuntimeError("call_at_end: no backward is running on this thread")
    _nesting.at_end.append(callback)


def _call_all(callbacks: list[Callable[[], None]]) -> None:
    while callbacks:
        callbacks.pop(0)()


_nesting = _Nesting()
_DEEPEST = 40  # then a backward inside a backward goes on in a thread of its own, whose stack is empty


def _on_a_fresh_stack(function: Callable[[], Any]) -> Any:
    """Return function(), called on a new thread with this thread's modes; what it raises is raised here."""
    outcome: list[Any] = [None, None]
    here = (modes.grad, modes.inference, _nesting.roots, _nesting.at_end, 1)

    def run() -> None:
        modes.grad, modes.inference, _nesting.roots, _nesting.at_end, _nesting.depth = here
        try:
            outcome[0] = function()
        except BaseException as error:  # handed to the waiting thread
            outcome[1] = error

    thread = threading.Thread(target=run, name="backward")
    thread.start()
    thread.join()
    if outcome[1] is not None:
        raise outcome[1]
    return outcome[0]


def _root_gradients(roots: tuple, given: Any, create_graph: bool) -> list[Tensor]:
    if given is None:
        given = (None,) * len(roots)
    elif isinstance(given, Tensor):
        given = (given,)
    if len(given) != len(roots):
        raise RuntimeError(
            f"backward: got {len(roots)} tensors and {len(given)} gradients; expected one gradient (or None) per "
            "tensor."
        )
    gradients = []
    for number, (root, gradient) in enumerate(zip(roots, given)):
        _check_is_recorded(root, number)
        if gradient is None:
            if root._array.size != 1:
                raise RuntimeError(
                    "grad can be implicitly created only for scalar outputs, but this one has shape "
                    f"{list(root.shape)}. Reduce it, for example with .sum(), or pass a gradient of that shape."
                )
            if root._array.dtype.kind == "c":
                raise RuntimeError(
                    f"grad can be implicitly created only for real scalar outputs but got {root.dtype}. Take a real "
                    "number of it, for example .abs() or .real, or pass a gradient."
                )
            gradient = root.new_ones(root.shape)
        else:
            _check_root_gradient(root, gradient, number)
            gradient = cast(gradient, root.dtype)
            if root._array.dtype.kind == "c":
                gradient = gradient.conj()
        gradients.append(gradient)
    return gradients


def _check_is_recorded(root: Tensor, number: int) -> None:
    if not root.requires_grad or edge_of(root) is None:
        raise RuntimeError(
            f"element {number} of tensors does not require grad and does not have a grad_fn. Was it computed under "
            "no_grad(), from detach(), or from tensors made without requires_grad=True?"
        )


def _check_root_gradient(root: Tensor, gradient: Any, number: int) -> None:
    if not isinstance(gradient, Tensor):
        raise TypeError(f"gradients can be either Tensors or None, but got {type(gradient).__name__}")
    if gradient._array.shape != root._array.shape:
        raise RuntimeError(
            f"Mismatch in shape: grad_output[{number}] has a shape of {gradient.shape} and output[{number}] has a "
            f"shape of {root.shape}."
        )
    if gradient.device.base is not root.device.base:
        raise RuntimeError(
            f"grad_output[{number}] is on {gradient.device} and output[{number}] on {root.device}. "
            f'Move it with .to("{root.device}").'
        )
    dtype = gradient.dtype
    if dtype is root.dtype:
        return
    if dtype.is_complex and not root.dtype.is_complex:
        raise RuntimeError(
            f"For complex Tensors, both grad_output and output are required to have the same dtype. Mismatch in dtype: "
            f"grad_output[{number}] has a dtype of {dtype} and output[{number}] has a dtype of {root.dtype}."
        )
    if not dtype.is_inexact:
        raise RuntimeError(f"grad_output[{number}] has dtype {dtype}; expected {root.dtype}.")


def _as_tuple(tensors: Any, operation: str, alike: Any = None) -> tuple:
    """Return the tensors as a tuple; what stands for one, `alike` in dtype, where a place in the graph was given."""
    result = (tensors,) if isinstance(tensors, (Tensor, GradientEdge)) else tuple(tensors)
    if GradientEdge in map(type, result):
        several = (alike,) if alike is None or isinstance(alike, Tensor) else alike
        result = tuple(
            tensor_at(tensor, one) if isinstance(tensor, GradientEdge) else tensor
            for tensor, one in zip(result, itertools.chain(several, itertools.repeat(None)))
        )
    for tensor in result:
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(f"{operation}: expected Tensors, but got {type(tensor).__name__}")
    return result


def _backward_method(
    self: Tensor,
    gradient: Tensor | None = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    inputs: Tensors | None = None,
) -> None:
    """Add the gradients of this tensor with respect to the graph's leaves to their ``.grad``; see autograd.backward."""
    backward(self, gradient, retain_graph, create_graph, inputs)


Tensor.backward = _backward_method  # type: ignore[method-assign, assignment]
