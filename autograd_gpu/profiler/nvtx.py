"""``emit_nvtx``: every operation and every node of backward as a range that NVIDIA's profilers show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..autograd.around import stand_around, stand_aside
from ..cuda import nvtx
from ..op import Op
from .collecting import Noted
from .events import name_of
from .record import nvtx_ranges


class emit_nvtx:
    """Within this context, operations push NVTX ranges, by PyTorch's names and the sequence numbers of their nodes."""

    def __init__(self, enabled: bool = True, record_shapes: bool = False) -> None:
        if record_shapes:
            raise NotImplementedError("emit_nvtx: record_shapes=True is not supported; leave it out.")
        self.enabled = enabled

    def __enter__(self) -> emit_nvtx:
        if self.enabled:
            nvtx.ranges()  # says here what is missing
            stand_around("apply", _in_a_range)
            stand_around("run", _node_in_a_range)
            nvtx_ranges.append(nvtx)
        return self

    def __exit__(self, *exception: object) -> None:
        if self.enabled:
            stand_aside("apply", _in_a_range)
            stand_aside("run", _node_in_a_range)
            nvtx_ranges.remove(nvtx)


def _in_a_range(plain: Callable) -> Callable:
    def apply(cls: type[Op], *inputs: Any, **parameters: Any) -> Any:
        nvtx.range_push(name_of(Noted(cls, 0, 0, 0, kind=parameters.get("kind"))))
        try:
            return plain(cls, *inputs, **parameters)
        finally:
            nvtx.range_pop()

    return apply


def _node_in_a_range(plain: Callable) -> Callable:
    def run(node: Op, gradients: list[Any]) -> Any:
        nvtx.range_push(f"{node.name()}, seq = {node.sequence}")
        try:
            return plain(node, gradients)
        finally:
            nvtx.range_pop()

    return run
