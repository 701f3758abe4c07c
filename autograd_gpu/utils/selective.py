"""Selective checkpointing: which operations of a checkpointed function are kept and which are computed again.

An operation is a subclass of `Op`, the type of its node: ``type(y.grad_fn)``. What is kept of one is its output and
what its forward noted for backward; in the second run that is recalled in the place of computing.
"""

from __future__ import annotations

import collections
import enum
import functools
from collections.abc import Callable, Sequence
from threading import get_ident
from typing import Any

from ..autocasting import switched, switches
from ..modes import duals, no_grad
from ..op import Op, interceptors
from ..ops.nn.dropout import Dropout
from ..tensor import Tensor


class CheckpointPolicy(enum.Enum):
    """What becomes of an operation's output: saved, or computed again.

    To offload is to compute again, outside compilers.
    """

    MUST_SAVE = 0
    PREFER_SAVE = 1
    MUST_RECOMPUTE = 2
    PREFER_RECOMPUTE = 3
    MUST_CPU_OFFLOAD = 4
    PREFER_CPU_OFFLOAD = 5


class SelectiveCheckpointContext:
    """What a policy is told besides the operation and its arguments. `is_recompute` is always False."""

    def __init__(self, *, is_recompute: bool, op_output: Any = None) -> None:
        self.is_recompute, self.op_output = is_recompute, op_output


def create_selective_checkpoint_contexts(
    policy_fn_or_list: Callable | list[type[Op]], allow_cache_entry_mutation: bool = False
) -> tuple[_FirstRun, _SecondRun]:
    """Return the two contexts that `checkpoint(..., use_reentrant=False, context_fn=...)` wants.

    Pass a list of operations whose outputs are saved, or ``policy(context, operation, *inputs, **parameters)`` which
    returns a `CheckpointPolicy` (or whether to save). RuntimeError in backward when a saved output was written in
    place, unless `allow_cache_entry_mutation`, and when backward runs a second time.
    """
    if isinstance(policy_fn_or_list, list):
        for operation in policy_fn_or_list:
            if not (isinstance(operation, type) and issubclass(operation, Op)):
                raise ValueError(
                    f"Expected op in `op_list` to be an operation, as type(y.grad_fn) gives it, but got: {operation} "
                    f"of type {type(operation)}."
                )
        saved = tuple(policy_fn_or_list)
        policy: Callable = lambda context, operation, *inputs, **parameters: operation in saved  # noqa: E731
    elif callable(policy_fn_or_list):
        policy = policy_fn_or_list
    else:
        raise TypeError("policy_fn_or_list must be either a function or a list of ops.")
    kept: dict[type[Op], list] = collections.defaultdict(list)
    return _FirstRun(policy, kept), _SecondRun(kept, allow_cache_entry_mutation)


class _Run:
    """Stands in the place of `Op.apply` within the block, on one thread."""

    def __init__(self, kept: dict[type[Op], list]) -> None:
        self.kept = kept  # by operation, in the order of the calls: a _Kept, or None for what is computed again

    def __enter__(self) -> None:
        if duals:
            raise RuntimeError("selective checkpoints are not nested, and do not go together with forward mode")
        self.thread = get_ident()
        # A weight's cast that is there already would be missing in one run, or in the other.
        self.without_cache = switched(switches()._replace(caches=False))
        self.without_cache.__enter__()
        duals.append(self)
        interceptors.append(self)

    def __exit__(self, *exception: object) -> None:
        duals.clear()
        interceptors.remove(self)
        self.without_cache.__exit__()

    def apply(self, operation: type[Op], inputs: tuple, parameters: dict) -> Any:
        """Compute an operation with nothing in its place, or recall it."""
        if not duals:
            return NotImplemented
        duals.clear()
        try:
            if get_ident() != self.thread or operation.is_view:
                return _compute(operation, inputs, parameters)
            return self.compute(operation, inputs, parameters)
        finally:
            duals.append(self)

    def compute(self, operation: type[Op], inputs: tuple, parameters: dict) -> Any:
        raise NotImplementedError

    def carry(self, *unused: Any) -> None:
        """Do nothing, as the rest of what a forward mode level is asked for: here are no tangents."""

    keep_tangent = written = apply_function = carry


class _FirstRun(_Run):
    """Computes, and keeps what the policy wants."""

    def __init__(self, policy: Callable, kept: dict[type[Op], list]) -> None:
        super().__init__(kept)
        self.policy = policy

    def compute(self, operation: type[Op], inputs: tuple, parameters: dict) -> Any:
        result = _compute(_noting(operation), inputs, parameters)  # type: ignore[arg-type]
        notes = _passed.pop()
        context = SelectiveCheckpointContext(is_recompute=False, op_output=result)
        decision = self.policy(context, operation, *inputs, **parameters)
        is_saved = decision in (True, CheckpointPolicy.MUST_SAVE, CheckpointPolicy.PREFER_SAVE)
        outputs = result if isinstance(result, tuple) else (result,)
        edge = next((output._edge for output in outputs if output._edge is not None), None)
        if edge is not None:
            edge[0].__class__ = operation
        self.kept[operation].append(_Kept(outputs, notes) if is_saved and edge is not None else None)
        return result


class _SecondRun(_Run):
    """Recalls what the first run kept, and computes the rest again."""

    def __init__(self, kept: dict[type[Op], list], allow_mutation: bool) -> None:
        super().__init__(kept)
        self.allow_mutation = allow_mutation

    def __enter__(self) -> None:
        super().__enter__()
        self.calls: collections.Counter[type[Op]] = collections.Counter()

    def compute(self, operation: type[Op], inputs: tuple, parameters: dict) -> Any:
        call, entries = self.calls[operation], self.kept[operation]
        self.calls[operation] += 1
        if call >= len(entries):
            raise RuntimeError(
                f"{operation.__name__} invocation index {call} encountered during backward but not found in storage. "
                "The checkpointed function must do the same each time."
            )
        entry = entries[call]
        if entry is None:
            return _compute(operation, inputs, parameters)
        if entry is _CONSUMED:
            raise RuntimeError(
                "Trying to backward an extra time. You are only allowed to backward once on any region computed under "
                "selective activation checkpoint."
            )
        entries[call] = _CONSUMED
        if issubclass(operation, Dropout):  # those after it, computed again, want the numbers behind the ones it draws
            with no_grad():
                _compute(operation, inputs, parameters)
        _passed.append(entry.recall(self.allow_mutation))
        return _compute(_recalling(operation), inputs, parameters)  # type: ignore[arg-type]


def _compute(operation: type[Op], inputs: tuple, parameters: dict) -> Any:
    return Op.apply.__func__(operation, *inputs, **parameters)  # type: ignore[attr-defined]


_CONSUMED = object()
_passed: list[Any] = []  # between a forward below and the run that it is part of


class _Kept:
    """An operation's outputs, and what its forward noted on the node."""

    def __init__(self, outputs: Sequence[Tensor], notes: dict) -> None:
        self.outputs = [output.detach() for output in outputs]
        self.versions = [output._version for output in self.outputs]
        self.notes = notes

    def recall(self, allow_mutation: bool) -> tuple[Any, dict]:
        if not allow_mutation and [output._version for output in self.outputs] != self.versions:
            raise RuntimeError("Tensor cached during selective activation checkpoint has been mutated")
        arrays = tuple(output._array for output in self.outputs)
        return arrays if len(arrays) > 1 else arrays[0], self.notes


@functools.cache
def _noting(operation: type[Op]) -> type[Op]:
    """Return the operation with a forward that passes on what it noted, of which `keep` may take away."""

    def forward(ctx: Op, *arrays: Any, **parameters: Any) -> Any:
        result = operation.forward(ctx, *arrays, **parameters)
        _passed.append({name: value for name, value in vars(ctx).items() if name != "backend"})
        return result

    return _with_forward(operation, forward)


@functools.cache
def _recalling(operation: type[Op]) -> type[Op]:
    """Return the operation with a forward that recalls."""

    def forward(ctx: Op, *arrays: Any, **parameters: Any) -> Any:
        result, notes = _passed.pop()
        vars(ctx).update(notes)
        return result

    return _with_forward(operation, forward)


def _with_forward(operation: type[Op], forward: Callable) -> type[Op]:
    return type(operation.__name__, (operation,), {"forward": forward, "__module__": __name__})
