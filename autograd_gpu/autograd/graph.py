"""Hooks on what the graph keeps: saved tensors packed elsewhere, and one hook over several gradients.

The names under which PyTorch has them, and ours for looking at a graph, are all here.
"""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ..engine import Node, RemovableHandle
from ..ops.inplace import before_write
from ..saving import pack_hooks
from ..tensor import Tensor, version_cell, wrap
from ..user_line import line_of
from ..views import edge_of
from .backward import running_roots
from .drawing import draw_graph
from .edge import GradientEdge, get_gradient_edge
from .retention import detect_retention
from .saved_memory import memory_report, nodes_behind


class saved_tensors_hooks:
    """Within this context and on this thread, what operations save goes through `pack_hook`, and through `unpack_hook`
    when backward reads it."""

    def __init__(self, pack_hook: Callable[[Tensor], Any], unpack_hook: Callable[[Any], Tensor]) -> None:
        self.pack_hook, self.unpack_hook = pack_hook, unpack_hook
        self._entries: list[tuple] = []

    def __enter__(self) -> None:
        if _disabled.messages:
            raise RuntimeError(_disabled.messages[-1])
        entry = (threading.get_ident(), self.pack_hook, self.unpack_hook)
        self._entries.append(entry)
        pack_hooks.append(entry)

    def __exit__(self, *exception: object) -> None:
        _remove_last(self._entries.pop())


def _remove_last(entry: tuple) -> None:
    for position in range(len(pack_hooks) - 1, -1, -1):  # other threads' entries may lie above ours
        if pack_hooks[position] is entry:
            del pack_hooks[position]
            return


class _Disabled(threading.local):
    def __init__(self) -> None:
        self.messages: list[str] = []


_disabled = _Disabled()


class disable_saved_tensors_hooks:
    """Within this context, `saved_tensors_hooks` raises with the given message."""

    def __init__(self, error_message: str) -> None:
        self.message = error_message

    def __enter__(self) -> None:
        if any(thread == threading.get_ident() for thread, _, _ in pack_hooks):
            raise RuntimeError(self.message)
        _disabled.messages.append(self.message)

    def __exit__(self, *exception: object) -> None:
        _disabled.messages.pop()


class save_on_cpu(saved_tensors_hooks):
    """Keep saved tensors in host memory until backward needs them."""

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        def pack(tensor: Tensor) -> Any:
            return tensor.device, tensor.detach().to("cpu", copy=True)

        def unpack(packed: Any) -> Tensor:
            device, tensor = packed
            return tensor.to(device)

        super().__init__(pack, unpack)


def register_multi_grad_hook(tensors: Sequence[Tensor], fn: Callable, *, mode: str = "all") -> Any:
    """Call `fn` once per backward: with all gradients when the last has come ("all"), or with the first ("any").

    In mode "all", fn gets a list with None for each tensor that this backward does not reach.
    """
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    nodes = [weakref.ref(edge[0]) for tensor in tensors if (edge := edge_of(tensor)) is not None]
    runs: dict[int, _GradientsOfOneRun] = {}  # by thread: backwards on several threads do not mix
    lock = threading.Lock()

    def make(position: int) -> Callable:
        def hook(gradient: Tensor) -> None:
            roots = running_roots()
            with lock:
                run = runs.get(threading.get_ident())
                if run is None or run.roots is not roots:
                    run = runs[threading.get_ident()] = _GradientsOfOneRun(roots, nodes)
                run.gradients[position] = gradient
                run.missing -= 1
                is_turn = run.missing == 0 if mode == "all" else run.missing == run.expected - 1
                if run.missing == 0:
                    del runs[threading.get_ident()]
            if is_turn:
                fn(run.gradients if mode == "all" else gradient)

        return hook

    handles = [tensor.register_hook(make(i)) for i, tensor in enumerate(tensors)]
    return _Handles(handles)


class _GradientsOfOneRun:
    """What has come of one backward, and how many of the tensors' gradients are still to come."""

    def __init__(self, roots: tuple, nodes: list[weakref.ref[Node]]) -> None:
        self.roots = roots
        reached = set(nodes_behind(roots))
        self.gradients: list[Tensor | None] = [None] * len(nodes)
        self.expected = self.missing = sum(node() in reached for node in nodes)


class _Handles:
    def __init__(self, handles: list[RemovableHandle]) -> None:
        self.handles = handles

    def remove(self) -> None:
        """Remove the hook from every tensor."""
        for handle in self.handles:
            handle.remove()

    def __enter__(self) -> _Handles:
        return self

    def __exit__(self, *exception: object) -> None:
        self.remove()


def increment_version(tensor: Tensor | Sequence[Tensor]) -> None:
    """Count a write to a tensor's buffer that was made behind the library's back."""
    from ..tensor import bump_version

    for one in (tensor,) if isinstance(tensor, Tensor) else tensor:
        bump_version(one)


# --------------------------------------------------------------------------------------------- writes to saved values


class _Kept:
    """A saved value: the tensor itself until somebody writes to its memory, from then on a copy made just before."""

    def __init__(self, tensor: Tensor) -> None:
        self.tensor, self.cell = tensor, version_cell(tensor)
        self.version = self.cell.value


class _Copies:
    """What the operations saved within one `allow_mutation_on_saved_tensors`, by the version cell of their memory."""

    def __init__(self) -> None:
        self.kept: dict[int, list[weakref.ref[_Kept]]] = {}
        self.is_active = True

    def pack(self, tensor: Tensor) -> _Kept:
        kept = _Kept(tensor)
        self.kept.setdefault(id(kept.cell), []).append(weakref.ref(kept))
        return kept

    def unpack(self, kept: _Kept) -> Tensor:
        if not self.is_active:
            raise AssertionError(
                "Trying to backward outside of the 'allow_mutation_on_saved_tensors' context in which the graph was "
                "originally recorded."
            )
        if kept.tensor._cell is kept.cell and kept.cell.value != kept.version:
            raise RuntimeError(
                "one of the variables needed for gradient computation has been modified by an inplace operation that "
                f"allow_mutation_on_saved_tensors does not see, at {line_of(kept.cell.where)}"
            )
        return kept.tensor

    def before_write(self, x: Tensor) -> None:
        """Copy what was saved of x's memory."""
        for reference in self.kept.pop(id(x._cell), ()):
            kept = reference()
            if kept is not None and kept.cell is x._cell:  # else the cell that had this id is gone
                kept.tensor = wrap(kept.tensor.device.backend.copy(kept.tensor._array), kept.tensor.device)


@contextlib.contextmanager
def allow_mutation_on_saved_tensors() -> Iterator[None]:
    """Within this context saved values may be written in place: what backward needs is copied just before the write.

    Backward has to run within it too. RuntimeError when the contexts are nested.
    """
    if any(isinstance(getattr(watch, "__self__", None), _Copies) for watch in before_write):
        raise RuntimeError("allow_mutation_on_saved_tensors contexts cannot be nested")
    copies = _Copies()
    before_write.append(copies.before_write)
    try:
        with saved_tensors_hooks(copies.pack, copies.unpack):
            yield
    finally:
        before_write.remove(copies.before_write)
        copies.is_active = False
        copies.kept.clear()


__all__ = [
    "GradientEdge", "Node", "allow_mutation_on_saved_tensors", "detect_retention", "disable_saved_tensors_hooks",
    "draw_graph", "get_gradient_edge", "increment_version", "memory_report", "register_multi_grad_hook", "save_on_cpu",
    "saved_tensors_hooks",
]  # fmt: skip
