"""Hooks on what the graph keeps: saved tensors packed elsewhere, and one hook over several gradients.

The names under which PyTorch has them, and ours for looking at a graph, are all here.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from ..engine import Node, RemovableHandle
from ..op import _pack_hooks
from ..saved_memory import memory_report
from ..tensor import Tensor
from .drawing import draw_graph
from .retention import detect_retention


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
        _pack_hooks.append(entry)

    def __exit__(self, *exception: object) -> None:
        _remove_last(self._entries.pop())


def _remove_last(entry: tuple) -> None:
    for position in range(len(_pack_hooks) - 1, -1, -1):  # other threads' entries may lie above ours
        if _pack_hooks[position] is entry:
            del _pack_hooks[position]
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
        if any(thread == threading.get_ident() for thread, _, _ in _pack_hooks):
            raise RuntimeError(self.message)
        _disabled.messages.append(self.message)

    def __exit__(self, *exception: object) -> None:
        _disabled.messages.pop()


class save_on_cpu(saved_tensors_hooks):
    """Keep saved tensors in host memory until backward needs them."""

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        def pack(tensor: Tensor) -> Any:
            return tensor.device, tensor.detach().to("cpu", copy=True)  # type: ignore[attr-defined]

        def unpack(packed: Any) -> Tensor:
            device, tensor = packed
            return tensor.to(device)

        super().__init__(pack, unpack)


def register_multi_grad_hook(tensors: Sequence[Tensor], fn: Callable, *, mode: str = "all") -> Any:
    """Call `fn` once per backward: with all gradients when the last has come ("all"), or with the first ("any")."""
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    lock = threading.Lock()
    collected: dict[int, Tensor] = {}
    expected = len(tensors)

    def make(position: int) -> Callable:
        def hook(gradient: Tensor) -> None:
            with lock:
                collected[position] = gradient
                is_turn = len(collected) == (expected if mode == "all" else 1)
                gradients = [collected.get(i) for i in range(expected)] if is_turn else None
                if mode == "all" and is_turn:
                    collected.clear()
            if is_turn:
                fn(gradients if mode == "all" else gradient)

        return hook

    handles = [tensor.register_hook(make(i)) for i, tensor in enumerate(tensors)]
    return _Handles(handles)


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


__all__ = [
    "Node", "detect_retention", "disable_saved_tensors_hooks", "draw_graph", "increment_version", "memory_report",
    "register_multi_grad_hook", "save_on_cpu", "saved_tensors_hooks",
]  # fmt: skip
