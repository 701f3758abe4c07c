"""Groups of processes: made once, asked for rank and size, and through which every work goes to an engine."""

from __future__ import annotations

import atexit
import warnings
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import numpy as np

from ..capturing import running
from ..device import Device, cuda_is_available, emulating
from ..layouts import strided
from ..tensor import Tensor
from . import mpi, nccl
from .launch import Place, place
from .works import DEFAULT_TIMEOUT, Call, Lane, Work

_NOT_MADE = "Default process group has not been initialized, please make sure to call init_process_group."


class ProcessGroup:
    """Some of the processes in an order, with an engine for each kind of device.

    ``ranks`` are their numbers among all processes; a group's own rank is the place in that list.
    """

    def __init__(self, ranks: Sequence[int], engines: dict[str, Any], rank: int, timeout: float, name: str) -> None:
        self.ranks, self.engines, self.timeout, self.group_name = tuple(ranks), engines, timeout, name
        self._rank = rank
        self._lane = Lane(f"group {name}")
        self.checks = True  # whether ranks compare what they ask for before it is done, where an engine can

    def rank(self) -> int:
        """Return this process's place in the group."""
        return self._rank

    def size(self) -> int:
        """Return how many processes there are."""
        return len(self.ranks)

    def name(self) -> str:
        """Return the engines' name."""
        return backend_name(self.engines)

    def engine(self, who: str, device: Device) -> Any:
        """Return the engine for a device's tensors; RuntimeError where the group has none."""
        if device.axis is not None:
            raise RuntimeError(f"{who}: cannot be called within vmap: what is hidden there is one process's own")
        engine = self.engines.get(device.type)
        if engine is None:
            raise RuntimeError(
                f"{who}: the group's backend is {self.name()!r}, which has nothing for tensors on {device}; move the "
                f"tensor to {next(iter(self.engines))}, or call init_process_group with a backend for it"
            )
        return engine

    def device(self) -> str:
        """Return the kind of device that objects travel through."""
        return "cpu" if "cpu" in self.engines else "cuda"

    def begin(
        self,
        engine: Any,
        call: Call,
        action: Callable[[], Any],
        finish: Callable[[], Any] | None = None,
        wait: bool = True,
        compare: bool = True,
    ) -> Work:
        """Let the engine do an action, compared with what other ranks ask for; return the work, done where `wait`."""
        if isinstance(engine, nccl.NCCLEngine):
            work: Work = _OnStream(call, finish, engine, action)
        else:
            work = Work(call, finish)
            if compare and self.checks and engine.size > 1:
                action = _after(lambda: engine.agree(call), action)
            graph = running()
            if graph is not None and graph.device_type == "cpu":
                graph.host_call(id(work), action)  # at this place of every replay
                wait = True
            (self._lane.now if wait else self._lane.put)(work, action)
        if wait:
            work.wait()
        return work

    def begin_message(self, engine: Any, call: Call, action: Callable[[], Any], finish: Callable | None = None) -> Work:
        """Begin a send or a receive, which waits for its answer and not for its turn; return the work."""
        if isinstance(engine, nccl.NCCLEngine):
            return _OnStream(call, finish, engine, action)
        return _Message(call, finish, action())

    def twin(self) -> ProcessGroup:
        """Return a group of the same processes for works that need no comparing and mix with no others. All call it."""
        engines = {
            engine: engine.of(range(self.size()), self.timeout) if isinstance(engine, mpi.MPIEngine) else engine
            for engine in dict.fromkeys(self.engines.values())
        }
        made = ProcessGroup(
            self.ranks, {device: engines[engine] for device, engine in self.engines.items()}, self._rank, self.timeout,
            f"{self.group_name}, apart",
        )  # fmt: skip
        made.checks = False
        _World.groups = (*_World.groups, made)
        return made

    def close(self, closed: set[int] | None = None) -> None:
        """Let what goes on end, and give the engines back, but for those that are `closed`."""
        done = self._lane.close(self.timeout)
        closed = set() if closed is None else closed
        for engine in self.engines.values():
            if done and id(engine) not in closed:
                closed.add(id(engine))
                engine.close()

    def __repr__(self) -> str:
        return f"<ProcessGroup {self.group_name}: {self.name()}, rank {self._rank} of {self.size()}>"


class _OnStream(Work):
    """A work that goes on on a stream; waiting lets the current stream wait."""

    def __init__(self, call: Call, finish: Callable[[], Any] | None, engine: Any, action: Callable[[], Any]) -> None:
        super().__init__(call, finish)
        self._engine, self._action = engine, action  # which holds the arrays
        self._end: Any = None
        self.run(self._put)
        if self._error is not None:
            raise self._error

    def _put(self) -> int | None:
        found: list[int | None] = []
        self._end = self._engine.put(self.call, lambda: found.append(self._action()))
        return found[0]

    def wait(self, timeout: timedelta | None = None) -> bool:
        self._engine.join(self._end)
        return super().wait()

    def is_completed(self) -> bool:
        return bool(self._end.done)


class _Message(Work):
    """A work that an engine goes on with while it is asked for it."""

    def __init__(self, call: Call, finish: Callable[[], Any] | None, message: mpi.Message) -> None:
        super().__init__(call, finish)
        self._message = message

    def wait(self, timeout: timedelta | None = None) -> bool:
        if not self._done.is_set():
            self.run(self._message.wait)
        return super().wait()

    def is_completed(self) -> bool:
        return self._done.is_set() or self._message.done()


def _after(first: Callable[[], Any], then: Callable[[], Any]) -> Callable[[], Any]:
    def both() -> Any:
        first()
        return then()

    return both


def backend_name(engines: dict[str, Any]) -> str:
    """Return the name of a group's engines as PyTorch writes it: "mpi", "nccl" or "cpu:mpi,cuda:nccl"."""
    names = {engine.name for engine in engines.values()}
    if len(names) == 1:
        return names.pop()
    return ",".join(f"{device}:{engine.name}" for device, engine in engines.items())


# ------------------------------------------------------------------------------------------------- the default group


class _World:
    default: ProcessGroup | None = None
    groups: tuple[ProcessGroup, ...] = ()
    made = 0


class group:
    """Names of groups: ``group.WORLD`` is that of all processes."""

    WORLD: ProcessGroup | None = None


class GroupMember:
    """What `new_group` gives to processes that are not in the group."""

    WORLD: ProcessGroup | None = None
    NON_GROUP_MEMBER = -100


def is_initialized() -> bool:
    """Return whether `init_process_group` was called, and no `destroy_process_group` since."""
    return _World.default is not None


def default_group() -> ProcessGroup:
    """Return the group of all processes; ValueError where none has been made."""
    if _World.default is None:
        raise ValueError(_NOT_MADE)
    return _World.default


def group_of(who: str, given: Any) -> ProcessGroup | None:
    """Return the group that a function was given, or that of all; None, and a warning, for one that we are not in."""
    if given is None:
        return default_group()
    if given == GroupMember.NON_GROUP_MEMBER:
        warnings.warn(f"Running {who} on a rank that does not belong to the given group.", stacklevel=3)
        return None
    if not isinstance(given, ProcessGroup):
        raise TypeError(f"{who}: expected group to be a ProcessGroup or None, but got {type(given).__name__}")
    if given not in _World.groups:
        raise ValueError(f"{who}: the group {given.group_name} has been destroyed")
    return given


def init_process_group(
    backend: str | None = None,
    init_method: str | None = None,
    timeout: timedelta | None = None,
    world_size: int = -1,
    rank: int = -1,
    store: Any = None,
    group_name: str = "",
    pg_options: Any = None,
    device_id: Any = None,
) -> None:
    """Join the processes that were started together: by ``mpiexec``, Slurm, or torchrun's variables.

    ``backend`` is "mpi" for tensors on the CPU (those on a GPU then go by way of the host), "nccl" for tensors on GPUs,
    or "cpu:mpi,cuda:nccl"; by default what there is. A collective that others do not answer within ``timeout`` (30
    minutes by default) raises DistBackendError, and an error that nobody catches ends all processes. Alone, a process
    is a world of one. With "nccl" processes find the first at MASTER_ADDR and MASTER_PORT, at
    ``init_method="tcp://HOST:PORT"``, or by MPI.
    """
    if _World.default is not None:
        raise ValueError("trying to initialize the default process group twice!")
    if store is not None:
        raise NotImplementedError("init_process_group: stores are not supported; processes meet by MPI or by NCCL")
    seconds = _seconds("init_process_group", timeout)
    names = _backends(backend)
    found = _place(world_size, rank)
    engines: dict[str, Any] = {}
    if "mpi" in names.values():
        by_mpi = mpi.world(seconds)
        if rank != -1 and rank != by_mpi.rank:
            raise ValueError(f"init_process_group: rank={rank}, but MPI says that this is rank {by_mpi.rank}")
        found = Place(by_mpi.rank, by_mpi.size, found.local_rank, "MPI")
        engines |= {device: by_mpi for device, name in names.items() if name == "mpi"}
    if "nccl" in names.values():
        engines["cuda"] = _first_nccl(found, seconds, init_method, engines.get("cpu"))
    made = ProcessGroup(range(found.size), engines, found.rank, seconds, group_name or "default_pg")
    _World.default = group.WORLD = GroupMember.WORLD = made
    _World.groups = (made,)
    atexit.register(_at_exit)


def _first_nccl(found: Place, seconds: float, init_method: str | None, by_mpi: Any) -> nccl.NCCLEngine:
    if found.size == 1:
        identity = nccl.load().get_unique_id()
    elif by_mpi is not None or (found.launcher in ("MPI", "Open MPI") and init_method in (None, "env://")):
        by_mpi = by_mpi or mpi.world(seconds)
        told = np.zeros(nccl.UNIQUE_ID_BYTES, np.uint8)
        if found.rank == 0:
            told[:] = np.frombuffer(nccl.load().get_unique_id(), np.uint8)
        by_mpi.broadcast(Call("init_process_group", "NCCL's unique id"), told, 0)
        identity = told.tobytes()
    else:
        with nccl.rendezvous(_address(init_method)) as identity:
            return nccl.NCCLEngine(identity, found.rank, found.size, seconds)
    return nccl.NCCLEngine(identity, found.rank, found.size, seconds)


def _address(init_method: str | None) -> tuple[str, int] | None:
    if init_method in (None, "env://"):
        return None
    parts = urlsplit(init_method)
    if parts.scheme != "tcp" or not parts.hostname or not parts.port:
        raise ValueError(
            f"init_process_group: expected init_method to be 'env://' or 'tcp://HOST:PORT', but got {init_method!r}"
        )
    return parts.hostname, parts.port


def _place(size: int, rank: int) -> Place:
    if (size == -1) != (rank == -1):
        raise ValueError("init_process_group: give both rank and world_size, or neither")
    if size == -1:
        return place()
    if not 0 <= rank < size:
        raise ValueError(f"init_process_group: expected rank to be from 0 to world_size - 1, but got {rank} of {size}")
    return Place(rank, size, place().local_rank, "world_size")


def _backends(backend: str | None) -> dict[str, str]:
    """The engine's name for each kind of device."""
    if backend is None:
        on_gpu = cuda_is_available() and not emulating() and nccl.is_available()
        if not on_gpu or place().launcher not in ("MPI", "Open MPI"):
            return {"cuda": "nccl"} if on_gpu else {"cpu": "mpi", "cuda": "mpi"}
        return {"cpu": "mpi", "cuda": "nccl"}
    if not isinstance(backend, str):
        raise TypeError(f"init_process_group: expected backend to be a string, but got {type(backend).__name__}")
    text = backend.lower()
    if text == "mpi":
        return {"cpu": "mpi", "cuda": "mpi"}
    if text == "nccl":
        return {"cuda": "nccl"}
    named = dict(part.partition(":")[::2] for part in text.split(","))
    if (
        set(named) <= {"cpu", "cuda"}
        and named.get("cpu", "mpi") == "mpi"
        and named.get("cuda") in (None, "mpi", "nccl")
    ):
        return named
    raise ValueError(
        f"init_process_group: Invalid backend: {backend!r}. Expected 'mpi' (tensors on the CPU), 'nccl' (on GPUs) or "
        "'cpu:mpi,cuda:nccl'; gloo and others are not here"
    )


def _seconds(who: str, timeout: Any) -> float:
    if timeout is None:
        return DEFAULT_TIMEOUT.total_seconds()
    if not isinstance(timeout, timedelta):
        raise TypeError(f"{who}: Expected timeout argument to be of type datetime.timedelta, got timeout={timeout!r}")
    if timeout <= timedelta(0):
        raise ValueError(f"{who}: expected timeout to be more than nothing, but got {timeout}")
    return timeout.total_seconds()


def destroy_process_group(group: Any = None) -> None:
    """End a group, or with None all of them. Called by itself at the end of the program."""
    if group is None and _World.default is None:
        raise AssertionError("Process group cannot be None: none has been made")
    if group is not None and group not in _World.groups:
        raise ValueError("Invalid process group specified")
    if group is not None and group is not _World.default:
        group.close()
        _World.groups = tuple(each for each in _World.groups if each is not group)
        return
    closed: set[int] = set()
    for each in reversed(_World.groups):
        each.close(closed)
    _World.default, _World.groups = None, ()
    globals()["group"].WORLD = GroupMember.WORLD = None


def _at_exit() -> None:
    if _World.default is not None:
        destroy_process_group()


def new_group(
    ranks: Sequence[int] | None = None,
    timeout: timedelta | None = None,
    backend: str | None = None,
    pg_options: Any = None,
    use_local_synchronization: bool = False,
    group_desc: str | None = None,
    device_id: Any = None,
    sort_ranks: bool = True,
) -> Any:
    """Return a group of some of the processes, by default of all. Every process calls it, in the same order.

    A process that is not in the group gets ``GroupMember.NON_GROUP_MEMBER``.
    """
    world = default_group()
    chosen = list(range(world.size())) if ranks is None else list(ranks)
    if sort_ranks:
        chosen.sort()
    if (
        not chosen
        or len(set(chosen)) != len(chosen)
        or not all(isinstance(rank, int) and 0 <= rank < world.size() for rank in chosen)
    ):
        raise ValueError(
            f"new_group: expected ranks to be different numbers from 0 to {world.size() - 1}, but got {chosen}"
        )
    if backend is not None and not set(_backends(backend).values()) <= {e.name for e in world.engines.values()}:
        raise ValueError(f"new_group: the processes were joined by {world.name()!r}, not by {backend!r}")
    seconds = world.timeout if timeout is None else _seconds("new_group", timeout)
    _World.made += 1
    call = Call("new_group", f"ranks {chosen}")
    made = {
        engine: _engine_of(world, engine, call, chosen, seconds) for engine in dict.fromkeys(world.engines.values())
    }
    engines = {device: made[engine] for device, engine in world.engines.items()}
    if world.rank() not in chosen:
        return GroupMember.NON_GROUP_MEMBER
    made_group = ProcessGroup(
        chosen, engines, chosen.index(world.rank()), seconds, group_desc or f"group {_World.made} of {chosen}"
    )
    _World.groups = (*_World.groups, made_group)
    return made_group


def _engine_of(world: ProcessGroup, engine: Any, call: Call, ranks: list[int], seconds: float) -> Any:
    """An engine like one of all processes for some of them; None for those that are not among them."""
    if isinstance(engine, nccl.NCCLEngine):
        return _nccl_of(world, engine, ranks, seconds)
    engine.agree(call)
    return engine.of(ranks, seconds)


def _nccl_of(world: ProcessGroup, engine: nccl.NCCLEngine, ranks: list[int], seconds: float) -> Any:
    backend = Device("cuda").backend
    told = np.zeros(nccl.UNIQUE_ID_BYTES, np.uint8)
    if world.rank() == ranks[0]:
        told[:] = np.frombuffer(engine.unique_id(), np.uint8)
    array = backend.from_numpy(told)
    call = Call("new_group", "NCCL's unique id")
    world.begin(engine, call, lambda: engine.broadcast(call, array, ranks[0]))
    identity = backend.to_numpy(array).tobytes()
    return nccl.NCCLEngine(identity, ranks.index(world.rank()), len(ranks), seconds) if world.rank() in ranks else None


# ----------------------------------------------------------------------------------------------------- what is asked


def get_rank(group: Any = None) -> int:
    """Return this process's rank in a group, by default in that of all; -1 where it is not in it."""
    if group == GroupMember.NON_GROUP_MEMBER:
        return -1
    return (default_group() if group is None else group).rank()


def get_world_size(group: Any = None) -> int:
    """Return how many processes a group has; -1 where this one is not in it."""
    if group == GroupMember.NON_GROUP_MEMBER:
        return -1
    return (default_group() if group is None else group).size()


def get_backend(group: Any = None) -> str:
    """Return the name of a group's backend."""
    if group == GroupMember.NON_GROUP_MEMBER:
        raise ValueError("Invalid process group specified")
    return (default_group() if group is None else group).name()


def get_process_group_ranks(group: Any = None) -> list[int]:
    """Return the ranks, among all processes, of a group's processes."""
    return list((default_group() if group is None else group).ranks)


def get_global_rank(group: ProcessGroup, group_rank: int) -> int:
    """Return the rank among all processes of a group's rank."""
    if not 0 <= group_rank < group.size():
        raise ValueError(f"Group rank {group_rank} is not part of group {group}")
    return group.ranks[group_rank]


def get_group_rank(group: ProcessGroup, global_rank: int) -> int:
    """Return the rank in a group of a rank among all processes."""
    if global_rank not in group.ranks:
        raise ValueError(f"Global rank {global_rank} is not part of group {group}")
    return group.ranks.index(global_rank)


def get_node_local_rank(fallback_rank: int | None = None) -> int:
    """Return this process's rank among those of its machine, as who started it says."""
    found = place()
    if not found.launcher:
        if fallback_rank is None:
            raise RuntimeError("LOCAL_RANK is not in the environment. Consider passing fallback_rank")
        return int(fallback_rank)
    return found.local_rank


def peer(who: str, word: str, group: ProcessGroup, everywhere: int | None, within: int | None) -> int:
    """Return the group's rank that is meant by one among all processes, or by one of the group."""
    if everywhere is not None and within is not None:
        raise ValueError(f"{who}: Can't specify both group_{word} and {word}")
    if within is None:
        return get_group_rank(group, 0 if everywhere is None else everywhere)
    if not 0 <= within < group.size():
        raise ValueError(f"{who}: expected group_{word} to be from 0 to {group.size() - 1}, but got {within}")
    return within


def check_tensor(who: str, word: str, given: Any) -> Tensor:
    """Return a tensor that was given; TypeError for anything else."""
    if not isinstance(given, Tensor):
        raise TypeError(
            f"Invalid function argument. Expected parameter `{word}` of type torch.Tensor, but got "
            f"{type(given).__name__} ({who})"
        )
    if given.layout is not strided:
        raise NotImplementedError(f"{who}: {word} is sparse, which no engine takes; make it dense with .to_dense()")
    return given
