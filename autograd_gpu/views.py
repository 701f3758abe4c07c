"""A view's history: the steps from its base, taken once more when the base has another history since.

Knows how tensors are linked, and makes none: a step is an operation, which the view carries with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .engine import Edge, hooks_of
from .modes import modes

if TYPE_CHECKING:
    from .tensor import Tensor


def edge_of(tensor: Tensor) -> Edge | None:
    """Return where the tensor's gradient goes. A view made before its base was rewritten gets its new history here."""
    base = tensor._base
    if base is not None and base._epoch != tensor._epoch:
        refresh_view(tensor)
    return tensor._edge


def refresh_view(view: Tensor) -> None:
    """Give a view the history that its base has now, by taking the steps from the base once more."""
    base = view._base
    assert base is not None
    way_back = next((way for epoch, way in base._layouts if view._epoch < epoch), None)
    if way_back is not None:
        view._epoch = base._layouts[-1][0]
        first = way_back(view)
        if first is None:  # the base shows other memory now, and the view has another base
            refresh_view(view)
            return
        view._steps = _after(first, view._steps)
    if edge_of(base) is None:
        view._epoch = base._epoch
        return
    if view._made_in is not None or multiple_view_step(view._steps) is not None:
        if modes.grad:  # where nothing is recorded, a history is not needed
            raise RuntimeError(_stale_message(view))
        return
    view._epoch = base._epoch
    grad_mode, modes.grad = modes.grad, True
    try:
        take_edge(view, replay(view._steps, base)._edge)
    finally:
        modes.grad = grad_mode


def take_edge(x: Tensor, edge: Edge | None) -> None:
    """Let x's gradient go elsewhere, and what keeps it in ``.grad`` go along."""
    if x._retains_grad and x._edge is not None:
        keep = hooks_of(x._edge[0]).retain.pop(x._edge[1], None)
        if keep is not None and edge is not None:
            hooks_of(edge[0]).retain[edge[1]] = keep
    x._edge = edge


def _after(first: tuple, steps: tuple | None) -> tuple:
    """Return the steps with another one before them."""
    path = (None, *first)
    for step in steps_in_order(steps):
        path = (path, *step)
    return path


def _stale_message(view: Tensor) -> str:
    if view._made_in is not None:
        where = "in normal mode" if view._made_in == "inference" else "with grad mode enabled"
        return (
            f"A view was created in {view._made_in} mode and its base or another view of its base has been modified "
            f"inplace {where}. Given that this use case is ambiguous and error-prone, it is forbidden. You can clarify "
            f"your code by moving both the view and the inplace either both inside the {view._made_in} block or both "
            "outside."
        )
    operation, number = multiple_view_step(view._steps)  # type: ignore[misc]
    return (
        f"Output {number} of {operation.__name__} is a view and its base or another view of its base has been modified "
        "inplace. This view is the output of a function that returns multiple views. Such functions do not allow the "
        "output views to be modified inplace. You should replace the inplace operation by an out-of-place one."
    )


def multiple_view_step(steps: tuple | None) -> tuple | None:
    """Return (operation, output number) of the step, if any, that returned several views at once, as split does."""
    return next(((operation, number) for operation, _, number in steps_in_order(steps) if number is not None), None)


def steps_in_order(steps: tuple | None) -> list[tuple]:
    """Return (operation, parameters, output number or None) from the base to the view, first step first."""
    path = []
    while steps is not None:
        path.append(steps[1:])
        steps = steps[0]
    return path[::-1]


def replay(steps: tuple | None, tensor: Tensor) -> Tensor:
    """Return the view of `tensor` that the steps lead to."""
    for operation, parameters, number in steps_in_order(steps):
        result = operation.apply(tensor, **parameters)
        tensor = result if number is None else result[number]
    return tensor
