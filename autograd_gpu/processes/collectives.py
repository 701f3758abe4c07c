"""What processes do together with tensors: sums, copies, exchanges. Knows tensors and groups; engines see flat arrays.

A collective counts as a write to what it writes, so that a saved tensor raises in backward. Memory that is laid out
otherwise than row by row, or on a device that the engine does not reach, goes through a copy.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import numpy as np

from ..autocasting import switched
from ..device import cpu
from ..modes import no_grad
from ..tensor import Tensor, bump_version, wrap
from .group import ProcessGroup, check_tensor, default_group, group_of, peer
from .mpi import MPIEngine
from .nccl import NCCLEngine
from .reduction import ReduceOp, check_op, for_host, plain_op, widened
from .works import Call, Work

Group = Any


class Flat:
    """A tensor's elements in a row where an engine reaches them: its own memory where that is so, else a copy."""

    def __init__(self, tensor: Tensor, engine: Any, widen: bool = False) -> None:
        self.tensor = tensor
        array, backend = tensor._array, tensor.device.backend
        if widen and widened(tensor.dtype) is not tensor.dtype:
            array = backend.cast(array, np.dtype(np.float32))
        if tensor.device.type == "cuda" and isinstance(engine, MPIEngine):
            array = backend.to_numpy(array)
            self.is_own = False
        else:
            array = backend.contiguous(array)
            self.is_own = array is tensor._array
        self.array = array.reshape(-1)
        self._host = isinstance(engine, MPIEngine)

    def put_back(self, array: Any = None) -> None:
        """Write what the engine has left, or another array of as many elements, into the tensor."""
        if array is None:
            if self.is_own:
                return
            array = self.array
        tensor = self.tensor
        made = wrap(array.reshape(tensor._array.shape), cpu if self._host else tensor.device)
        with no_grad(), switched():
            tensor.data.copy_(made)


def _begin(
    group: ProcessGroup,
    engine: Any,
    call: Call,
    action: Callable[[], Any],
    written: Sequence[Tensor],
    finish: Callable[[], Any] | None,
    async_op: bool,
    compare: bool = True,
) -> Work | None:
    for tensor in written:
        bump_version(tensor)
    work = group.begin(engine, call, action, finish, not async_op, compare)
    return work if async_op else None


def _of(tensor: Tensor) -> str:
    return f"{tensor.dtype}, {tensor.numel()} elements"


# ----------------------------------------------------------------------------------------------------------- sums


def all_reduce(tensor: Tensor, op: Any = ReduceOp.SUM, group: Group = None, async_op: bool = False) -> Work | None:
    """Make ``tensor`` the sum (or what ``op`` says) of every rank's, in place. Half types are added in float32."""
    if (found := group_of("all_reduce", group)) is None:
        return None
    tensor = check_tensor("all_reduce", "tensor", tensor)
    op = check_op("all_reduce", op, tensor.dtype)
    engine = found.engine("all_reduce", tensor.device)
    call = Call("all_reduce", f"{_of(tensor)}, {op.name}")
    return _reduced(found, engine, call, tensor, op, async_op, engine.all_reduce)


def reduce(
    tensor: Tensor,
    dst: int | None = None,
    op: Any = ReduceOp.SUM,
    group: Group = None,
    async_op: bool = False,
    group_dst: int | None = None,
) -> Work | None:
    """Make rank ``dst``'s tensor the sum (or what ``op`` says) of every rank's. The others keep theirs."""
    if (found := group_of("reduce", group)) is None:
        return None
    tensor = check_tensor("reduce", "tensor", tensor)
    op = check_op("reduce", op, tensor.dtype)
    root = peer("reduce", "dst", found, dst, group_dst)
    engine = found.engine("reduce", tensor.device)
    call = Call("reduce", f"{_of(tensor)}, {op.name}, to rank {root}")
    if found.rank() == root:
        return _reduced(found, engine, call, tensor, op, async_op, lambda c, a, o: engine.reduce(c, a, o, root))
    flat = Flat(tensor, engine, widen=True)
    array, plain = flat.array, plain_op(op, tensor.dtype)
    if isinstance(engine, MPIEngine):
        array, _ = for_host(array, plain)
    elif _takes_nan(engine, tensor, op):
        return _begin_nan(
            found, engine, call, tensor, op, async_op, lambda c, a, o: engine.reduce(c, a, o, root), False
        )
    return _begin(found, engine, call, lambda: engine.reduce(call, array, plain, root), (), None, async_op)


def _reduced(
    group: ProcessGroup, engine: Any, call: Call, tensor: Tensor, op: ReduceOp, async_op: bool, reduction: Callable
) -> Work | None:
    """Reduce a tensor by one of an engine's functions and write the result to it."""
    if _takes_nan(engine, tensor, op):
        return _begin_nan(group, engine, call, tensor, op, async_op, reduction, True)
    flat = Flat(tensor, engine, widen=True)
    if not isinstance(engine, MPIEngine):
        array = flat.array

        def finish() -> None:
            flat.put_back()
            _divided(tensor, op, group.size())

        return _begin(
            group, engine, call, lambda: reduction(call, array, plain_op(op, tensor.dtype)), (tensor,), finish, async_op
        )
    if op is ReduceOp.AVG or _for_host_changes(flat.array, op):
        return _begin(group, engine, call, *_on_host(group, call, flat, tensor, op, reduction), async_op)
    array = flat.array
    return _begin(group, engine, call, lambda: reduction(call, array, op), (tensor,), flat.put_back, async_op)


def _for_host_changes(array: np.ndarray, op: ReduceOp) -> bool:
    return for_host(array[:0], op)[0].dtype != array.dtype


def _on_host(
    group: ProcessGroup, call: Call, flat: Flat, tensor: Tensor, op: ReduceOp, reduction: Callable
) -> tuple[Callable, tuple, Callable]:
    size = group.size()

    def action() -> None:
        plain = plain_op(op, tensor.dtype)
        array, back = for_host(flat.array, plain)
        reduction(call, array, plain)
        if op is ReduceOp.AVG:
            np.divide(array, size, out=array)
        if array is not flat.array:
            flat.array[...] = back(array)

    return action, (tensor,), flat.put_back


def _divided(tensor: Tensor, op: ReduceOp, size: int) -> None:
    if op is ReduceOp.AVG:
        with no_grad(), switched():
            tensor.data.div_(size)


def _takes_nan(engine: Any, tensor: Tensor, op: ReduceOp) -> bool:
    """Whether an engine's own comparison would leave NaN to chance."""
    return isinstance(engine, NCCLEngine) and op in (ReduceOp.MAX, ReduceOp.MIN) and tensor.is_floating_point()


def _begin_nan(
    group: ProcessGroup, engine: Any, call: Call, tensor: Tensor, op: ReduceOp, async_op: bool, reduction: Callable,
    is_root: bool,
) -> Work | None:  # fmt: skip
    """The largest of floats on a device: NaN travels beside them, as a number for each element."""
    with no_grad(), switched():
        is_nan = tensor.detach().isnan()
        flags, values = is_nan.to(tensor.dtype), tensor.detach().masked_fill(is_nan, 0.0)
    flat, marked = Flat(values, engine, widen=True), Flat(flags, engine, widen=True)

    def action() -> None:
        reduction(call, flat.array, op)
        reduction(call, marked.array, ReduceOp.MAX)

    def finish() -> None:
        if is_root:
            flat.put_back()
            marked.put_back()
            with no_grad(), switched():
                tensor.data.copy_(values.masked_fill(flags != 0, float("nan")))

    return _begin(group, engine, call, action, (tensor,) if is_root else (), finish, async_op)


def reduce_scatter_tensor(
    output: Tensor, input: Tensor, op: Any = ReduceOp.SUM, group: Group = None, async_op: bool = False
) -> Work | None:
    """Add every rank's ``input`` and give each rank its part of the sum, as many elements as ``output`` has."""
    if (found := group_of("reduce_scatter_tensor", group)) is None:
        return None
    output, input = (
        check_tensor("reduce_scatter_tensor", "output", output),
        check_tensor("reduce_scatter_tensor", "input", input),
    )
    _check_parts("reduce_scatter_tensor", "input", input, "output", output, found.size())
    op = check_op("reduce_scatter_tensor", op, input.dtype)
    engine = found.engine("reduce_scatter_tensor", input.device)
    call = Call("reduce_scatter", f"{_of(output)}, {op.name}")
    if _takes_nan(engine, input, op):
        raise NotImplementedError("reduce_scatter_tensor: NCCL leaves NaN to chance in MAX and MIN; use all_reduce")
    source = Flat(input, engine, widen=True)
    target = Flat(output, engine, widen=True)
    if not isinstance(engine, MPIEngine):

        def finish() -> None:
            target.put_back()
            _divided(output, op, found.size())

        return _begin(
            found, engine, call,
            lambda: engine.reduce_scatter(call, target.array, source.array, plain_op(op, input.dtype)), (output,),
            finish, async_op,
        )  # fmt: skip

    def action() -> None:
        plain = plain_op(op, input.dtype)
        array, back = for_host(source.array, plain)
        out = np.empty(target.array.size, array.dtype)
        engine.reduce_scatter(call, out, array, plain)
        target.array[...] = back(out if op is not ReduceOp.AVG else out / out.dtype.type(found.size()))

    return _begin(found, engine, call, action, (output,), target.put_back, async_op)


def reduce_scatter(
    output: Tensor, input_list: Sequence[Tensor], op: Any = ReduceOp.SUM, group: Group = None, async_op: bool = False
) -> Work | None:
    """Add every rank's ``input_list``, tensor by tensor, and give each rank the sum at its own place."""
    if (found := group_of("reduce_scatter", group)) is None:
        return None
    output = check_tensor("reduce_scatter", "output", output)
    inputs = _listed("reduce_scatter", "input_list", input_list, found.size(), output)
    return reduce_scatter_tensor(output, _joined(inputs), op, group, async_op)


# --------------------------------------------------------------------------------------------------------- copies


def broadcast(
    tensor: Tensor, src: int | None = None, group: Group = None, async_op: bool = False, group_src: int | None = None
) -> Work | None:
    """Make every rank's tensor that of rank ``src``, in place."""
    if (found := group_of("broadcast", group)) is None:
        return None
    tensor = check_tensor("broadcast", "tensor", tensor)
    root = peer("broadcast", "src", found, src, group_src)
    engine = found.engine("broadcast", tensor.device)
    call = Call("broadcast", f"{_of(tensor)}, from rank {root}")
    flat = Flat(tensor, engine)
    is_written = found.rank() != root
    return _begin(
        found, engine, call, lambda: engine.broadcast(call, flat.array, root),
        (tensor,) if is_written else (), flat.put_back if is_written else None, async_op,
    )  # fmt: skip


def all_gather_into_tensor(
    output_tensor: Tensor, input_tensor: Tensor, group: Group = None, async_op: bool = False
) -> Work | None:
    """Put every rank's ``input_tensor`` one after another into ``output_tensor``, which has as many elements as all."""
    if (found := group_of("all_gather_into_tensor", group)) is None:
        return None
    who = "all_gather_into_tensor"
    output, input = check_tensor(who, "output_tensor", output_tensor), check_tensor(who, "input_tensor", input_tensor)
    _check_parts(who, "output_tensor", output, "input_tensor", input, found.size())
    engine = found.engine(who, input.device)
    call = Call("all_gather", _of(input))
    source, target = Flat(input, engine), Flat(output, engine)
    array = _apart(source, target)
    return _begin(
        found, engine, call, lambda: engine.all_gather(call, target.array, array), (output,), target.put_back, async_op
    )


def all_gather(
    tensor_list: Sequence[Tensor], tensor: Tensor, group: Group = None, async_op: bool = False
) -> Work | None:
    """Fill ``tensor_list`` with every rank's ``tensor``."""
    if (found := group_of("all_gather", group)) is None:
        return None
    tensor = check_tensor("all_gather", "tensor", tensor)
    outputs = _listed("all_gather", "tensor_list", tensor_list, found.size(), tensor)
    engine = found.engine("all_gather", tensor.device)
    call = Call("all_gather", _of(tensor))
    source = Flat(tensor, engine)
    out = _room(engine, tensor, found.size())
    return _begin(
        found, engine, call, lambda: engine.all_gather(call, out, source.array), outputs,
        lambda: _dealt(out, outputs, engine), async_op,
    )  # fmt: skip


def gather(
    tensor: Tensor,
    gather_list: Sequence[Tensor] | None = None,
    dst: int | None = None,
    group: Group = None,
    async_op: bool = False,
    group_dst: int | None = None,
) -> Work | None:
    """Fill rank ``dst``'s ``gather_list`` with every rank's ``tensor``."""
    if (found := group_of("gather", group)) is None:
        return None
    tensor = check_tensor("gather", "tensor", tensor)
    root = peer("gather", "dst", found, dst, group_dst)
    outputs = _at_root("gather", "gather_list", gather_list, found, root, tensor)
    engine = found.engine("gather", tensor.device)
    call = Call("gather", f"{_of(tensor)}, to rank {root}")
    source = Flat(tensor, engine)
    out = None if outputs is None else _room(engine, tensor, found.size())
    finish = None if outputs is None else lambda: _dealt(out, outputs, engine)
    return _begin(
        found, engine, call, lambda: engine.gather(call, out, source.array, root), outputs or (), finish, async_op
    )


def scatter(
    tensor: Tensor,
    scatter_list: Sequence[Tensor] | None = None,
    src: int | None = None,
    group: Group = None,
    async_op: bool = False,
    group_src: int | None = None,
) -> Work | None:
    """Make each rank's ``tensor`` that of rank ``src``'s ``scatter_list`` at its place."""
    if (found := group_of("scatter", group)) is None:
        return None
    tensor = check_tensor("scatter", "tensor", tensor)
    root = peer("scatter", "src", found, src, group_src)
    inputs = _at_root("scatter", "scatter_list", scatter_list, found, root, tensor)
    engine = found.engine("scatter", tensor.device)
    call = Call("scatter", f"{_of(tensor)}, from rank {root}")
    target = Flat(tensor, engine)
    source = None if inputs is None else Flat(_joined(inputs), engine).array
    return _begin(
        found, engine, call, lambda: engine.scatter(call, target.array, source, root), (tensor,), target.put_back,
        async_op,
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------------ exchanges


def all_to_all_single(
    output: Tensor,
    input: Tensor,
    output_split_sizes: Sequence[int] | None = None,
    input_split_sizes: Sequence[int] | None = None,
    group: Group = None,
    async_op: bool = False,
) -> Work | None:
    """Send a part of ``input`` to each rank and put what comes one after another into ``output``.

    Parts are cut along the first dimension, equal or by the sizes.
    """
    who = "all_to_all_single"
    if (found := group_of(who, group)) is None:
        return None
    output, input = check_tensor(who, "output", output), check_tensor(who, "input", input)
    if output.dtype is not input.dtype or output.device is not input.device:
        raise ValueError(
            f"{who}: expected output and input of one dtype on one device, but got {output.dtype} on {output.device} "
            f"and {input.dtype} on {input.device}"
        )
    received = _splits(who, "output_split_sizes", output_split_sizes, output, found.size())
    sent = _splits(who, "input_split_sizes", input_split_sizes, input, found.size())
    engine = found.engine(who, input.device)
    call = Call("all_to_all", str(input.dtype))
    source, target = Flat(input, engine), Flat(output, engine)
    array = _apart(source, target)

    def action() -> None:
        if isinstance(engine, MPIEngine) and (output_split_sizes or input_split_sizes) is not None:
            _check_exchange(engine, call, received, sent)
        engine.all_to_all(call, target.array, array, received, sent)

    return _begin(found, engine, call, action, (output,), target.put_back, async_op)


def all_to_all(
    output_tensor_list: Sequence[Tensor], input_tensor_list: Sequence[Tensor], group: Group = None,
    async_op: bool = False,
) -> Work | None:  # fmt: skip
    """Send the tensor at each rank's place to it, and fill ``output_tensor_list`` with what comes."""
    if (found := group_of("all_to_all", group)) is None:
        return None
    outputs = _listed("all_to_all", "output_tensor_list", output_tensor_list, found.size(), same_size=False)
    inputs = _listed("all_to_all", "input_tensor_list", input_tensor_list, found.size(), outputs[0], same_size=False)
    engine = found.engine("all_to_all", inputs[0].device)
    call = Call("all_to_all", str(inputs[0].dtype))
    source = Flat(_joined(inputs), engine)
    received, sent = [t.numel() for t in outputs], [t.numel() for t in inputs]
    out = _room(engine, inputs[0], 1, sum(received))

    def action() -> None:
        if isinstance(engine, MPIEngine):
            _check_exchange(engine, call, received, sent)
        engine.all_to_all(call, out, source.array, received, sent)

    return _begin(found, engine, call, action, outputs, lambda: _dealt(out, outputs, engine), async_op)


def _check_exchange(engine: MPIEngine, call: Call, received: Sequence[int], sent: Sequence[int]) -> None:
    """Raise on every rank where somebody expects other sizes than are sent."""
    coming = np.zeros(engine.size, np.int64)
    engine.all_to_all(call, coming, np.array(sent, np.int64), [1] * engine.size, [1] * engine.size)
    wrong = np.flatnonzero(coming != np.array(received, np.int64))
    worst = np.array([0 if not wrong.size else engine.rank + 1], np.int64)
    engine.all_reduce(call, worst, ReduceOp.MAX)
    if worst[0]:
        said = (
            f"this rank expects {received[wrong[0]]} elements of rank {wrong[0]}, which sends {coming[wrong[0]]}"
            if wrong.size
            else f"rank {worst[0] - 1} expects others"
        )
        raise ValueError(f"{call.name}: the sizes that ranks send and expect differ: {said}")


def send(
    tensor: Tensor, dst: int | None = None, group: Group = None, tag: int = 0, group_dst: int | None = None
) -> None:
    """Send a tensor to rank ``dst``, which calls `recv`; return when it is on its way."""
    work = isend(tensor, dst, group, tag, group_dst)
    if work is not None:
        work.wait()


def isend(
    tensor: Tensor, dst: int | None = None, group: Group = None, tag: int = 0, group_dst: int | None = None
) -> Work | None:
    """Begin to send a tensor to rank ``dst``."""
    if (found := group_of("isend", group)) is None:
        return None
    tensor = check_tensor("send", "tensor", tensor)
    to = _other("send", "dst", found, dst, group_dst)
    engine = found.engine("send", tensor.device)
    call = Call("send", f"{_of(tensor)}, to rank {to}")
    array = Flat(tensor, engine).array
    return found.begin_message(engine, call, lambda: engine.send(call, array, to, tag))


def recv(
    tensor: Tensor, src: int | None = None, group: Group = None, tag: int = 0, group_src: int | None = None
) -> int:
    """Receive a tensor of rank ``src``, or of any, in place; return which it was, -1 outside the group."""
    work = irecv(tensor, src, group, tag, group_src)
    if work is None:
        return -1
    work.wait()
    return (default_group() if group is None else group).ranks[work.source_rank()]


def irecv(
    tensor: Tensor, src: int | None = None, group: Group = None, tag: int = 0, group_src: int | None = None
) -> Work | None:
    """Begin to receive a tensor of rank ``src``, or of any."""
    if (found := group_of("irecv", group)) is None:
        return None
    tensor = check_tensor("recv", "tensor", tensor)
    source = None if src is None and group_src is None else _other("recv", "src", found, src, group_src)
    engine = found.engine("recv", tensor.device)
    call = Call("recv", f"{_of(tensor)}, from {'any rank' if source is None else f'rank {source}'}")
    flat = Flat(tensor, engine)
    bump_version(tensor)
    return found.begin_message(engine, call, lambda: engine.receive(call, flat.array, source, tag), flat.put_back)


def _other(who: str, word: str, group: ProcessGroup, everywhere: int | None, within: int | None) -> int:
    if everywhere is None and within is None:
        raise ValueError(f"{who}: expected {word}, the rank at the other end")
    found = peer(who, word, group, everywhere, within)
    if found == group.rank():
        raise ValueError(f"Invalid {'destination' if word == 'dst' else 'source'} rank: {word} is this rank itself")
    return found


class P2POp:
    """A send or a receive for `batch_isend_irecv`."""

    def __init__(
        self, op: Callable, tensor: Tensor, peer: int | None = None, group: Group = None, tag: int = 0,
        group_peer: int | None = None,
    ) -> None:  # fmt: skip
        if op not in (isend, irecv):
            raise ValueError("Invalid ``op``. Expected ``op`` to be of type ``isend`` or ``irecv``.")
        self.op, self.tensor, self.peer, self.group, self.tag, self.group_peer = (
            op,
            tensor,
            peer,
            group,
            tag,
            group_peer,
        )


def batch_isend_irecv(p2p_op_list: Sequence[P2POp]) -> list[Work]:
    """Begin several sends and receives at once; return their works."""
    if not p2p_op_list or not all(isinstance(each, P2POp) for each in p2p_op_list):
        raise ValueError("batch_isend_irecv: expected a list of P2POp, which holds at least one")
    engines = {id(engine): engine for engine in map(_engine_of, p2p_op_list) if engine is not None}
    with contextlib.ExitStack() as stack:
        for engine in engines.values():
            stack.enter_context(engine.together())
        works = [each.op(each.tensor, each.peer, each.group, each.tag, each.group_peer) for each in p2p_op_list]
    return [work for work in works if work is not None]


def _engine_of(each: P2POp) -> Any:
    found = group_of("batch_isend_irecv", each.group)
    return None if found is None else found.engine("batch_isend_irecv", each.tensor.device)


def barrier(
    group: Group = None, async_op: bool = False, device_ids: Any = None, timeout: timedelta | None = None
) -> Work | None:
    """Wait until every rank is here."""
    if (found := group_of("barrier", group)) is None:
        return None
    call = Call("barrier")
    engine = next(iter(found.engines.values()))
    if isinstance(engine, MPIEngine):
        return _begin(found, engine, call, lambda: engine.barrier(call), (), None, async_op)
    from ..device import Device

    backend = Device("cuda").backend
    one = backend.full((1,), 1, np.dtype(np.float32))
    finish = None if async_op else backend.synchronize
    return _begin(found, engine, call, lambda: engine.all_reduce(call, one, ReduceOp.SUM), (), finish, async_op)


def monitored_barrier(group: Group = None, timeout: timedelta | None = None, wait_all_ranks: bool = False) -> None:
    """Wait until every rank is here; DistBackendError names what did not come within the group's timeout."""
    barrier(group)


# ------------------------------------------------------------------------------------------- arguments and memory


def _check_parts(who: str, whole_name: str, whole: Tensor, part_name: str, part: Tensor, size: int) -> None:
    if whole.dtype is not part.dtype or whole.device is not part.device:
        raise TypeError(
            f"{who}: expected {whole_name} and {part_name} of one dtype on one device, but got {whole.dtype} on "
            f"{whole.device} and {part.dtype} on {part.device}"
        )
    if whole.numel() != part.numel() * size:
        raise ValueError(
            f"{who}: {whole_name} must have {size} times the elements of {part_name}, one part for each rank, but got "
            f"shapes {tuple(whole.shape)} and {tuple(part.shape)}"
        )


def _listed(
    who: str, word: str, given: Any, size: int, like: Tensor | None = None, same_size: bool = True
) -> list[Tensor]:
    if not isinstance(given, (list, tuple)) or not all(isinstance(each, Tensor) for each in given):
        raise TypeError(
            f"Invalid function argument. Expected parameter `{word}` of type List[torch.Tensor], but got "
            f"{type(given).__name__} ({who})"
        )
    if len(given) != size:
        raise ValueError(f"{who}: expected {word} to have one tensor for each of {size} ranks, but got {len(given)}")
    like = given[0] if like is None else like
    for place, each in enumerate(given):
        check_tensor(who, f"{word}[{place}]", each)
        if each.dtype is not like.dtype or each.device is not like.device:
            raise TypeError(
                f"{who}: expected {like.dtype} on {like.device}, but {word}[{place}] is {each.dtype} on {each.device}"
            )
        if same_size and each.numel() != like.numel():
            raise ValueError(
                f"{who}: tensors must be of one size, but {word}[{place}] has shape {tuple(each.shape)}, not "
                f"{tuple(like.shape)}; use all_to_all for others"
            )
    return list(given)


_ROOT = {"gather": "destination", "scatter": "source"}


def _at_root(who: str, word: str, given: Any, group: ProcessGroup, root: int, like: Tensor) -> list[Tensor] | None:
    if group.rank() != root:
        if given:
            raise ValueError(f"Argument ``{word}`` must NOT be specified on non-{_ROOT[who]} ranks.")
        return None
    if not given:
        raise ValueError(f"Argument ``{word}`` must be specified on {_ROOT[who]} rank.")
    return _listed(who, word, given, group.size(), like)


def _splits(who: str, word: str, given: Sequence[int] | None, tensor: Tensor, size: int) -> list[int]:
    """How many elements each rank has of a tensor that is cut along its first dimension."""
    if tensor.dim() == 0:
        raise ValueError(f"{who}: expected tensors of one dimension or more, but got one of none")
    rows = tensor.shape[0]
    per_row = tensor.numel() // rows if rows else 0
    if given is None or len(given) == 0:
        if rows % size:
            raise ValueError(f"{who}: Tensor's dim 0 does not divide equally across group size: {rows} by {size} ranks")
        return [rows // size * per_row] * size
    if len(given) != size or sum(given) != rows or min(given) < 0:
        raise ValueError(
            f"{who}: Split sizes doesn't match total dim 0 size: expected {word} to be {size} numbers whose sum is "
            f"{rows}, but got {list(given)}"
        )
    return [n * per_row for n in given]


def _joined(tensors: Sequence[Tensor]) -> Tensor:
    from ..ops.pieces import cat

    with no_grad(), switched():
        return cat([tensor.detach().reshape(-1) for tensor in tensors])


def _apart(source: Flat, target: Flat) -> Any:
    """What is read, where it does not lie in what is written: no engine reads what it writes."""
    backend = source.tensor.device.backend
    if (
        source.is_own
        and target.is_own
        and backend.storage(source.tensor._array) == backend.storage(target.tensor._array)
    ):
        return source.array.copy() if source._host else backend.copy(source.array)
    return source.array


def _room(engine: Any, like: Tensor, times: int, count: int | None = None) -> Any:
    """An array for what comes of every rank."""
    count = like.numel() * times if count is None else count
    dtype = like._array.dtype
    return np.empty(count, dtype) if isinstance(engine, MPIEngine) else like.device.backend.empty((count,), dtype)


def _dealt(array: Any, tensors: Sequence[Tensor], engine: Any) -> None:
    """Write parts of an array into tensors, one after another."""
    start = 0
    with no_grad(), switched():
        for tensor in tensors:
            part = array[start : start + tensor.numel()].reshape(tensor._array.shape)
            tensor.data.copy_(wrap(part, cpu if isinstance(engine, MPIEngine) else tensor.device))
            start += tensor.numel()
