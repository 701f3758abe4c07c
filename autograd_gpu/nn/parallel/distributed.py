"""A module whose copies in several processes train as one: gradients become means over all while backward goes on."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ...autograd.backward import call_at_end, running_roots, watch_backwards
from ...dtypes import int32
from ...engine import Node
from ...modes import modes, no_grad
from ...ops.creation import tensor as made
from ...ops.pieces import cat
from ...processes.collectives import all_reduce, broadcast
from ...processes.group import ProcessGroup, default_group, group_of
from ...processes.objects import all_gather_object
from ...processes.reduction import ReduceOp
from ...tensor import Tensor
from ..module import Module
from .buckets import Bucket, laid_out

_WAY_OUT = (
    "Where a step uses other parameters than the last, pass find_unused_parameters=True; where not all are ever used, "
    "take the others out of the module, or set their requires_grad to False before it is wrapped."
)


class GradBucket:
    """What a communication hook is given: gradients in a flat tensor."""

    def __init__(self, bucket: Bucket, index: int, is_last: bool) -> None:
        self._bucket, self._index, self._is_last = bucket, index, is_last

    def buffer(self) -> Tensor:
        """Return the flat tensor."""
        return self._bucket.flat

    def index(self) -> int:
        """Return which bucket it is, in the order in which they are reduced."""
        return self._index

    def is_last(self) -> bool:
        """Return whether it is the last of a backward."""
        return self._is_last

    def gradients(self) -> list[Tensor]:
        """Return each parameter's part."""
        return list(self._bucket.views)

    def parameters(self) -> list[Tensor]:
        """Return the parameters."""
        return list(self._bucket.parameters)


class DistributedDataParallel(Module):
    """Runs ``module`` on this process's part of a batch, and makes each gradient the mean over all processes' parts.

    Every process wraps the same module: parameters and buffers begin as those of rank 0, and buffers are rank 0's again
    before each forward (``broadcast_buffers``). Gradients are views of buckets of about ``bucket_cap_mb`` megabytes,
    reduced as soon as they are whole while backward goes on. With ``find_unused_parameters`` a step may leave some out:
    one that no process has used keeps its gradient, others get the mean with zeros.
    """

    def __init__(
        self,
        module: Module,
        device_ids: Sequence[Any] | None = None,
        output_device: Any = None,
        dim: int = 0,
        broadcast_buffers: bool | None = None,
        init_sync: bool = True,
        process_group: ProcessGroup | None = None,
        bucket_cap_mb: float | None = None,
        find_unused_parameters: bool = False,
        check_reduction: bool = False,
        gradient_as_bucket_view: bool = True,
        static_graph: bool = False,
    ) -> None:
        super().__init__()
        if not isinstance(module, Module):
            raise TypeError(f"DistributedDataParallel: expected a Module, but got {type(module).__name__}")
        group = default_group() if process_group is None else group_of("DistributedDataParallel", process_group)
        if group is None:
            raise ValueError("DistributedDataParallel: this process is not in process_group")
        if device_ids is not None and len(device_ids) > 1:
            raise ValueError(
                f"device_ids can only be None or contain a single element, but got {list(device_ids)}: a process has "
                "one GPU"
            )
        if bucket_cap_mb is not None and bucket_cap_mb <= 0:
            raise ValueError(f"DistributedDataParallel: expected bucket_cap_mb to be positive, but got {bucket_cap_mb}")
        self.module, self.dim = module, dim
        self.process_group, self.device_ids, self.output_device = group, device_ids, output_device
        self.broadcast_buffers = broadcast_buffers is None or broadcast_buffers
        self.find_unused_parameters, self.static_graph = find_unused_parameters, static_graph
        self.gradient_as_bucket_view = gradient_as_bucket_view  # they always are
        self.require_backward_grad_sync = True
        named = [(name, p) for name, p in module.named_parameters() if p.requires_grad]
        if not named:
            raise RuntimeError(
                "DistributedDataParallel is not needed when a module doesn't have any parameter that requires a "
                "gradient."
            )
        _check_alike(module, group)
        if init_sync:
            with no_grad():
                _broadcast_all([*module.parameters(), *module.buffers()], group)
        limit = 25.0 if bucket_cap_mb is None else bucket_cap_mb
        self._reducer = Reducer(named, group, int(limit * 2**20), find_unused_parameters or static_graph)

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        """Return what the module gives for this process's part."""
        self._reducer.check_still(self.module)
        if self.broadcast_buffers and self.require_backward_grad_sync and self.process_group.size() > 1:
            with no_grad():
                _broadcast_all(list(self.module.buffers()), self._reducer.group)
        outputs = self.module(*inputs, **kwargs)
        if modes.grad:
            self._reducer.expect(self.require_backward_grad_sync)
        return outputs

    @contextmanager
    def no_sync(self) -> Iterator[None]:
        """Within, forwards are of backwards that keep gradients for this process, to be reduced with the next ones."""
        before, self.require_backward_grad_sync = self.require_backward_grad_sync, False
        try:
            yield
        finally:
            self.require_backward_grad_sync = before

    def register_comm_hook(self, state: Any, hook: Callable[[Any, GradBucket], Any]) -> None:
        """Let ``hook(state, bucket)`` reduce a bucket: what it returns has ``wait()``, after which the mean is in it.

        The hook either writes the mean into ``bucket.buffer()``, or its ``value()`` is the mean, alone or in a list.
        """
        if not callable(hook):
            raise TypeError("Communication hook must be callable.")
        if self._reducer.hook is not None:
            raise RuntimeError("register_comm_hook or register_builtin_comm_hook can only be called once.")
        self._reducer.hook = (hook, state)

    def __getstate__(self) -> dict:
        raise TypeError(
            "DistributedDataParallel: what belongs to one group of processes cannot be copied or pickled; take "
            "the wrapped module, .module"
        )


class Reducer:
    """The gradients of one wrapped module: hooks that say when each is there, and buckets that are reduced in order."""

    def __init__(
        self, named: Sequence[tuple[str, Tensor]], group: ProcessGroup, most_bytes: int, finds_unused: bool
    ) -> None:
        self.names, self.parameters = [name for name, _ in named], [p for _, p in named]
        self.group, self.finds_unused = group.twin(), finds_unused
        self.buckets = laid_out(self.parameters, most_bytes)
        self.hook: tuple[Callable, Any] | None = None
        self._slots = {place: (bucket, slot) for bucket in self.buckets for slot, place in enumerate(bucket.places)}
        self._ids = tuple(map(id, self.parameters))
        self._syncs = False  # as the last forward was asked
        self._is_running = False  # a backward is, which has called for its end
        self._next = 0  # bucket to be reduced
        self._unused: set[int] = set()  # what the backward that runs does not come to
        self._used: set[int] = set()  # what has had a gradient since the last reduction
        self._handles = [
            parameter.register_post_accumulate_grad_hook(_Arrived(self, place))
            for place, parameter in enumerate(self.parameters)
        ]
        if finds_unused or group.size() > 1:
            watch_backwards(_Watch(self))

    def check_still(self, module: Module) -> None:
        """Raise where the module has other parameters that require a gradient than when it was wrapped."""
        now = [p for p in module.parameters() if p.requires_grad]
        if tuple(map(id, now)) == self._ids:
            return
        before, names = set(self._ids), {id(p): name for name, p in module.named_parameters()}
        more = [names[id(p)] for p in now if id(p) not in before]
        ids = set(map(id, now))
        gone = [name for name, p in zip(self.names, self.parameters) if id(p) not in ids]
        raise RuntimeError(
            f"DistributedDataParallel (rank {self.group.rank()}): the module's parameters are not those that were "
            f"wrapped: {', '.join(more) or 'none'} would never be reduced, {', '.join(gone) or 'none'} would be waited "
            "for. Freeze, unfreeze and replace parameters before wrapping, or wrap anew"
        )

    def expect(self, syncs: bool) -> None:
        """A forward is over: its backward is to be reduced, or not."""
        self._syncs = syncs

    def look_ahead(self, roots: tuple) -> None:
        """A backward from these roots begins: let each gradient be taken right after the last node that adds to it.

        By themselves leaves, older than all that is computed from them, have their turn when all else is done.
        """
        ends = {p._edge[0]: place for place, p in enumerate(self.parameters) if p._edge is not None}
        stack = [root._edge[0] for root in roots if root._edge is not None]
        seen = set(stack)
        last: dict[Node, float] = {}  # the oldest of those that use a leaf: backward comes to it last
        while stack:
            node = stack.pop()
            for edge in node.edges:
                if edge is None:
                    continue
                to = edge[0]
                if to in ends:
                    last[to] = min(last.get(to, node.sequence), node.sequence)
                elif to not in seen:
                    seen.add(to)
                    stack.append(to)
        for order, (leaf, sequence) in enumerate(last.items()):
            leaf.sequence = sequence - (order + 1) / (len(last) + 1)  # type: ignore[assignment]
        self._unused = set(ends.values()) - {ends[leaf] for leaf in last} if self.finds_unused and last else set()

    def arrived(self, place: int) -> None:
        """A parameter has its gradient."""
        self._used.add(place)
        if not self._syncs:
            return
        if not self._is_running:
            self._is_running = True
            self._next = 0
            for bucket in self.buckets:
                bucket.begin()
            call_at_end(self._finish)
            for unused in self._unused:
                bucket, slot = self._slots[unused]
                bucket.take(slot)
        bucket, slot = self._slots[place]
        if slot not in bucket.missing and place not in self._unused:
            self._is_running = False
            raise RuntimeError(
                f"DistributedDataParallel (rank {self.group.rank()}): Expected to mark a variable ready only once, but "
                f"'{self.names[place]}' got a second gradient in one backward, after the first was handed over. It is "
                "used within a checkpoint or a backward that runs inside this one; use no_sync() there"
            )
        bucket.take(slot)
        while self._next < len(self.buckets) and not self.buckets[self._next].missing:
            self._reduce(self.buckets[self._next])
            self._next += 1

    def _reduce(self, bucket: Bucket) -> None:
        if self.hook is not None:
            hook, state = self.hook
            bucket.work = hook(state, GradBucket(bucket, self._next, self._next == len(self.buckets) - 1))
        elif self.group.size() > 1:
            bucket.work = all_reduce(bucket.flat, ReduceOp.AVG, self.group, async_op=True)

    def _finish(self) -> None:
        """Backward is over: everything has to be there; then gradients are the means."""
        self._is_running = False
        missing = [self.names[bucket.places[slot]] for bucket in self.buckets for slot in sorted(bucket.missing)]
        if missing:
            raise RuntimeError(
                f"DistributedDataParallel (rank {self.group.rank()}): Expected to have finished reduction in this "
                f"backward, but {len(missing)} of {len(self.parameters)} parameters got no gradient: "
                f"{', '.join(missing[:5])}{', ...' if len(missing) > 5 else ''}. {_WAY_OUT}"
            )
        for bucket in self.buckets:
            if bucket.work is None:  # one process: its gradients are the means
                continue
            bucket.work.wait()
            value = bucket.work.value() if self.hook is not None and hasattr(bucket.work, "value") else None
            value = value[0] if isinstance(value, (list, tuple)) else value
            if isinstance(value, Tensor) and value is not bucket.flat:
                with no_grad():
                    bucket.flat.copy_(value)
        if self.finds_unused:
            self._give_to_unused()
        self._used.clear()

    def _give_to_unused(self) -> None:
        """One that another rank has used gets the mean with zeros; one that nobody has keeps what it has."""
        counts = made([place in self._used for place in range(len(self.parameters))], dtype=int32)
        counts = counts.to(self.group.device())
        all_reduce(counts, ReduceOp.SUM, self.group)
        for place, count in enumerate(counts.tolist()):
            if count:
                bucket, slot = self._slots[place]
                self.parameters[place]._grad = bucket.views[slot]


class _Watch:
    """Tells a reducer of each outermost backward that begins, as long as the reducer lives."""

    def __init__(self, reducer: Reducer) -> None:
        self._reducer = weakref.ref(reducer)

    def __call__(self, roots: tuple) -> bool:
        reducer = self._reducer()
        if reducer is not None and reducer._syncs and not running_roots():
            reducer.look_ahead(roots)
        return reducer is not None


class _Arrived:
    """The hook of one parameter."""

    def __init__(self, reducer: Reducer, place: int) -> None:
        self._reducer, self._place = weakref.ref(reducer), place

    def __call__(self, parameter: Tensor) -> None:
        reducer = self._reducer()
        if reducer is not None:
            reducer.arrived(self._place)


# ------------------------------------------------------------------------------------------------- what begins alike


def _check_alike(module: Module, group: ProcessGroup) -> None:
    """Raise on every rank where a rank has other parameters or buffers than rank 0."""
    mine = [
        [kind, name, str(t.dtype), list(t.shape), bool(t.requires_grad), t.device.type]
        for kind, named in (("parameter", module.named_parameters()), ("buffer", module.named_buffers()))
        for name, t in named
    ]
    if group.size() == 1:
        return
    told: list[Any] = [None] * group.size()
    all_gather_object(told, mine, group)
    for rank, theirs in enumerate(told):
        for first, other in zip(told[0], theirs):
            if first != other:
                raise RuntimeError(
                    f"DistributedDataParallel: rank {rank} has {_said(other)} where rank 0 has {_said(first)}; every "
                    "rank wraps the same module, made in the same order"
                )
        if len(theirs) != len(told[0]):
            longer, rank_of = (theirs, rank) if len(theirs) > len(told[0]) else (told[0], 0)
            extra = longer[min(len(theirs), len(told[0]))]
            raise RuntimeError(
                f"DistributedDataParallel: rank {rank} has {len(theirs)} parameters and buffers, rank 0 "
                f"{len(told[0])}: rank {rank_of} alone has {_said(extra)}"
            )


def _said(entry: list) -> str:
    kind, name, dtype, shape, requires_grad, device = entry
    gradient = f", requires_grad={requires_grad}" if kind == "parameter" else ""
    return f"{kind} '{name}' ({dtype}, {tuple(shape)}{gradient}, {device})"


def _broadcast_all(tensors: list[Tensor], group: ProcessGroup) -> None:
    """Make tensors those of rank 0, by one collective for each dtype and device."""
    alike: dict[Any, list[Tensor]] = {}
    for tensor in tensors:
        alike.setdefault((tensor.dtype, tensor.device), []).append(tensor)
    for some in alike.values():
        flat = cat([tensor.detach().reshape(-1) for tensor in some])
        broadcast(flat, group=group, group_src=0)
        if group.rank() == 0:
            continue
        start = 0
        for tensor in some:
            tensor.detach().copy_(flat[start : start + tensor.numel()].view(tensor.shape))
            start += tensor.numel()
