"""Parts of a network as two captured graphs each, forward and backward, among parts that run as ever."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from ..autograd import grad
from ..function import Function
from ..modes import enable_grad
from ..ops.creation import zeros_like
from ..tensor import Tensor
from .capture import CUDAGraph, graph, graph_pool_handle

Callables = Callable[..., Any] | tuple[Callable[..., Any], ...]


def make_graphed_callables(
    callables: Callables,
    sample_args: Any,
    num_warmup_iters: int = 3,
    allow_unused_input: bool = False,
    pool: Any = None,
) -> Any:
    """Return callables (functions or modules) whose forward and backward are replays of captured graphs.

    sample_args
        For each callable a tuple of tensors, of the shapes and with the requires_grad that every call will have.
        Results are tensors of the same memory at each call: clone what is to outlive the next one.

    Several callables are called in the given order, and their backwards in the opposite one. A module's forward is
    replaced and the module returned; in the other mode (train or eval) it runs as before.
    """
    given = callables if isinstance(callables, tuple) else (callables,)
    is_single = given is not callables
    samples = (tuple(sample_args),) if is_single else tuple(map(tuple, sample_args))
    for sample in samples:
        if not all(isinstance(x, Tensor) and x.is_cuda for x in sample):
            raise TypeError(
                "make_graphed_callables: expected tuples of CUDA tensors as sample_args. Other arguments cannot change "
                "from one replay to the next: bind them, as in lambda x: model(x, 3)."
            )
    pool = graph_pool_handle() if pool is None else pool
    parts = [_Part(function, sample) for function, sample in zip(given, samples, strict=True)]
    for part in parts:
        part.warm_up(num_warmup_iters, allow_unused_input)
    for part in parts:
        part.capture_forward(pool)
    for part in reversed(parts):
        part.capture_backward(pool, allow_unused_input)
    graphed = tuple(part.graphed() for part in parts)
    return graphed[0] if is_single else graphed


class _Part:
    """One callable, and the tensors that its graphs read and write."""

    def __init__(self, function: Callable[..., Any], sample: tuple[Tensor, ...]) -> None:
        self.function, self.sample = function, sample
        parameters = getattr(function, "parameters", None)
        self.inputs = (*sample, *(() if parameters is None else parameters()))
        self.wanted = [x for x in self.inputs if x.requires_grad]
        self.forward, self.backward = CUDAGraph(), CUDAGraph()
        self.outputs: tuple[Tensor, ...] = ()
        self.is_tuple = False

    def _run(self) -> tuple[Tensor, ...]:
        with enable_grad():
            outputs = self.function(*self.sample)
        self.is_tuple = isinstance(outputs, tuple)
        return outputs if isinstance(outputs, tuple) else (outputs,)

    def _gradients(
        self, outputs: Sequence[Tensor], directions: Sequence[Tensor], allow_unused: bool
    ) -> tuple[Tensor | None, ...]:
        roots = [y for y in outputs if y.requires_grad]
        if not roots or not self.wanted:
            return (None,) * len(self.wanted)
        return grad(roots, self.wanted, directions, allow_unused=allow_unused)

    def warm_up(self, times: int, allow_unused: bool) -> None:
        for _ in range(times):
            outputs = self._run()
            self._gradients(outputs, [zeros_like(y) for y in outputs if y.requires_grad], allow_unused)

    def capture_forward(self, pool: Any) -> None:
        with graph(self.forward, pool=pool):
            self.outputs = self._run()

    def capture_backward(self, pool: Any, allow_unused: bool) -> None:
        self.directions = [zeros_like(y.detach()) if y.requires_grad else None for y in self.outputs]
        directions = [direction for direction in self.directions if direction is not None]
        with graph(self.backward, pool=pool):
            found = iter(self._gradients(self.outputs, directions, allow_unused))
        self.gradients = tuple(next(found) if x.requires_grad else None for x in self.inputs)

    def graphed(self) -> Callable[..., Any]:
        part = self

        class Graphed(Function):
            """Copies in, replays, hands out."""

            @staticmethod
            def forward(ctx: Any, *inputs: Tensor) -> tuple[Tensor, ...]:
                for place, x in zip(part.sample, inputs):
                    if place is not x:
                        place.data.copy_(x)
                part.forward.replay()
                return tuple(y.detach() for y in part.outputs)

            @staticmethod
            def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
                for place, gradient in zip(part.directions, gradients, strict=True):
                    if place is not None:
                        place.copy_(gradient)
                part.backward.replay()
                return tuple(None if g is None else g.clone() for g in part.gradients)

        def call(*args: Tensor) -> Any:
            results = Graphed.apply(*args, *part.inputs[len(part.sample) :])
            return results if part.is_tuple else results[0]

        module: Any = self.function
        if not hasattr(module, "parameters"):
            return call
        eager, captured_mode = module.forward, module.training
        module.forward = lambda *args: call(*args) if module.training == captured_mode else eager(*args)
        return module
