"""An optimizer whose state is dealt out over processes: each keeps, and computes, its part of every parameter.

Parameters lie in buckets, each cut into as many equal parts as there are processes, wherever that falls: a part is
pieces of parameters. What is kept is so the same on all to a few numbers, whatever the sizes of the parameters are. It
holds for optimizers whose rule looks at one element at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import numpy as np

from ..device import Device
from ..dtypes import float32
from ..modes import enable_grad, no_grad
from ..ops.creation import from_numpy, zeros
from ..ops.optim import norm_of_all, scale_all
from ..ops.pieces import cat
from ..processes.collectives import all_gather_into_tensor, all_reduce, reduce_scatter_tensor
from ..processes.group import ProcessGroup, default_group
from ..processes.objects import gather_object
from ..processes.reduction import ReduceOp
from ..tensor import Tensor
from .adadelta import Adadelta
from .adagrad import Adagrad
from .adam import Adam, AdamW
from .adamax import Adamax
from .asgd import ASGD
from .nadam import NAdam
from .optimizer import Optimizer
from .radam import RAdam
from .rmsprop import RMSprop
from .rprop import Rprop
from .sgd import SGD

ELEMENTWISE = (ASGD, Adadelta, Adagrad, Adam, AdamW, Adamax, NAdam, RAdam, RMSprop, Rprop, SGD)
BUCKET_BYTES = 25 << 20


class Piece(NamedTuple):
    """A part of a parameter: its elements from `start` to `stop` in a row, and a leaf that shows them."""

    place: int  # among all parameters
    start: int
    stop: int
    leaf: Tensor


class Shard:
    """A bucket of parameters of one group, dtype and device, and this process's part of it."""

    def __init__(self, parameters: list[tuple[int, Tensor]], rank: int, size: int) -> None:
        self.parameters = parameters
        self.count = sum(parameter.numel() for _, parameter in parameters)
        self.part = -(-self.count // size)
        self.size = size
        first, last = rank * self.part, (rank + 1) * self.part
        self.pieces: list[Piece] = []
        begin = 0
        for place, parameter in parameters:
            start, stop = max(first - begin, 0), min(last - begin, parameter.numel())
            if start < stop:
                with no_grad():
                    leaf = parameter.data.view(-1)[start:stop].detach()
                self.pieces.append(Piece(place, start, stop, leaf))
            begin += parameter.numel()
        self.gradient: Tensor | None = None  # this process's part of the mean, in stage 2
        self.missing: set[int] = set()

    def padded(self, tensors: list[Tensor], count: int) -> Tensor:
        """Return tensors one after another, and zeros up to a count."""
        like = self.parameters[0][1]
        parts = [tensor.reshape(-1) for tensor in tensors]
        have = sum(part.numel() for part in parts)
        return cat([*parts, zeros(count - have, dtype=like.dtype, device=like.device)])

    def collect(self, group: ProcessGroup) -> None:
        """Make every parameter what the processes have made of its pieces."""
        mine = self.padded([piece.leaf for piece in self.pieces], self.part)
        whole = self.padded([], self.part * self.size)
        all_gather_into_tensor(whole, mine, group)
        begin = 0
        for _, parameter in self.parameters:
            parameter.copy_(whole[begin : begin + parameter.numel()].view(parameter.shape))
            begin += parameter.numel()

    def reduce(self, group: ProcessGroup) -> None:
        """Take this process's part of the mean of all gradients, and let go of the rest."""
        given = [
            zeros(p.shape, dtype=p.dtype, device=p.device) if p.grad is None else p.grad for _, p in self.parameters
        ]
        mine = self.padded([], self.part)
        reduce_scatter_tensor(mine, self.padded(given, self.part * self.size), ReduceOp.AVG, group)
        self.gradient = mine if self.gradient is None else self.gradient + mine
        for _, parameter in self.parameters:
            parameter._grad = None


class ZeroRedundancyOptimizer(Optimizer):
    """Takes the steps of ``optimizer_class(params, **defaults)`` with its state dealt out over a group of processes.

    Stage 1, on gradients that are the same everywhere, as DistributedDataParallel leaves them: each process updates
    its part, then all get all. In stage 2 the model is not wrapped: ``step`` itself takes the mean of the gradients, of
    which a process gets its part alone and keeps nothing else; ``reduce_gradients`` does so before, to clip or to
    accumulate. Rajbhandari, Rasley, Ruwase & He 2020.

    ``state_dict`` is that of the plain optimizer, on the rank to which ``consolidate_state_dict``, called by all, has
    brought it; ``load_state_dict`` takes it on any number of ranks. ``sharded_state_dict`` is one rank's part.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        optimizer_class: type[Optimizer],
        process_group: ProcessGroup | None = None,
        parameters_as_bucket_view: bool = False,
        overlap_with_ddp: bool = False,
        stage: int = 1,
        **defaults: Any,
    ) -> None:
        if not (isinstance(optimizer_class, type) and issubclass(optimizer_class, Optimizer)):
            raise TypeError(f"ZeroRedundancyOptimizer: expected an Optimizer's class, but got {optimizer_class!r}")
        if optimizer_class not in ELEMENTWISE:
            raise NotImplementedError(
                f"ZeroRedundancyOptimizer: {optimizer_class.__name__} looks at more than one element at a time, and "
                f"parts of a parameter would not do; use one of {', '.join(each.__name__ for each in ELEMENTWISE)}"
            )
        if overlap_with_ddp:
            raise NotImplementedError("ZeroRedundancyOptimizer: overlap_with_ddp is not supported; leave it out")
        if stage not in (1, 2):
            raise ValueError(f"ZeroRedundancyOptimizer: expected stage to be 1 or 2, but got {stage!r}")
        self.group = default_group() if process_group is None else process_group
        self.stage, self._class, self._given = stage, optimizer_class, defaults
        self._shards: list[list[Shard]] = []  # of each group
        self.optim: Optimizer | None = None  # over this process's pieces
        self._whole: dict[str, Any] | None = None
        super().__init__(params, dict(defaults))
        self._make_local()

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters with settings of their own. Not possible once the state is dealt out."""
        if self.optim is not None:
            raise NotImplementedError("ZeroRedundancyOptimizer: add all parameter groups when it is made")
        super().add_param_group(param_group)

    def _make_local(self) -> None:
        place = 0
        groups = []
        for group in self.param_groups:
            buckets: dict[Any, list[list[tuple[int, Tensor]]]] = {}
            for parameter in group["params"]:
                if not parameter.is_contiguous():
                    raise ValueError(
                        f"ZeroRedundancyOptimizer: parameter {place} does not lie row by row (strides "
                        f"{parameter.stride()}); make it contiguous first"
                    )
                opened = buckets.setdefault((parameter.dtype, parameter.device), [[]])
                if opened[-1] and sum(p.nbytes for _, p in opened[-1]) + parameter.nbytes > BUCKET_BYTES:
                    opened.append([])
                opened[-1].append((place, parameter))
                place += 1
            ranks = self.group.rank(), self.group.size()
            self._shards.append([Shard(each, *ranks) for alike in buckets.values() for each in alike])
            leaves = [piece.leaf for shard in self._shards[-1] for piece in shard.pieces]
            settings = {key: value for key, value in group.items() if key not in ("params", "param_names")}
            groups.append({"params": leaves, **settings})
        self.optim = self._class(groups, **self._given)
        for ours, theirs in zip(self.param_groups, self.optim.param_groups):
            for key, value in theirs.items():  # the class's own defaults
                ours.setdefault(key, value)
        self._step_supports_amp_scaling = getattr(self.optim, "_step_supports_amp_scaling", False)
        self.numbers = self.optim.numbers

    # ------------------------------------------------------------------------------------------------------ a step

    def step(self, closure: Callable[[], Any] | None = None, *, scale: Tensor | None = None) -> Any:
        """Update every parameter that has a gradient; every process of the group calls it."""
        assert self.optim is not None
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        self._whole = None
        with no_grad():
            if self.stage == 2:
                self.reduce_gradients()
            self._hand_over_gradients()
            for ours, theirs in zip(self.param_groups, self.optim.param_groups):  # a schedule's new rate, at once
                theirs.update({key: value for key, value in ours.items() if key not in ("params", "param_names")})
            passed = [name for name in ("grad_scale", "found_inf") if hasattr(self, name)]
            for name in passed:
                setattr(self.optim, name, getattr(self, name))
            try:
                self.optim.step(**({} if scale is None else {"scale": scale}))
            finally:
                for name in passed:
                    delattr(self.optim, name)
            for shard in self._all_shards():
                shard.collect(self.group)
                shard.gradient = None
        return loss

    def _all_shards(self) -> list[Shard]:
        return [shard for shards in self._shards for shard in shards]

    def _hand_over_gradients(self) -> None:
        for shard in self._all_shards():
            parameters = dict(shard.parameters)
            begin = 0
            for piece in shard.pieces:
                count = piece.stop - piece.start
                if self.stage == 2:
                    piece.leaf._grad = None if shard.gradient is None else shard.gradient[begin : begin + count]
                else:
                    gradient = parameters[piece.place].grad
                    piece.leaf._grad = None if gradient is None else gradient.reshape(-1)[piece.start : piece.stop]
                begin += count

    def reduce_gradients(self) -> None:
        """Stage 2: take the mean of the gradients there are, keep this process's part, and let go of the rest."""
        if self.stage != 2:
            raise RuntimeError("reduce_gradients: in stage 1 DistributedDataParallel does so; make it with stage=2")
        with no_grad():
            for shard in self._all_shards():
                counts = [p.grad is not None for _, p in shard.parameters]
                if any(counts) or shard.gradient is None:
                    shard.reduce(self.group)

    def clip_grad_norm_(self, max_norm: float) -> Tensor:
        """Scale the gradients down to a length of all of them together; return what it was. Every process calls it."""
        with no_grad():
            if self.stage == 2:
                self.reduce_gradients()
            self._hand_over_gradients()
            gradients: dict[Device, list[Tensor]] = {}
            for shard in self._all_shards():
                for piece in shard.pieces:
                    if piece.leaf.grad is not None:
                        gradients.setdefault(piece.leaf.device, []).append(piece.leaf.grad)
            device = self._all_shards()[0].parameters[0][1].device
            squared = sum(
                (norm_of_all(alike).square().to(device) for alike in gradients.values()), zeros((), device=device)
            )
            total = squared.to(float32).reshape(1)
            all_reduce(total, ReduceOp.SUM, self.group)  # in stage 1 too each process has looked at its part
            norm = total.sqrt().reshape(())
            factor = (max_norm / (norm + 1e-6)).clamp(max=1.0)
            if self.stage == 1:
                for parameter in self._parameters():
                    if parameter.grad is not None:
                        parameter.grad.mul_(factor.to(parameter.grad.dtype))
            else:
                for alike_device, alike in gradients.items():
                    scale_all(alike, factor.double().to(alike_device))
        return norm

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget every parameter's gradient, and this process's part of the means."""
        super().zero_grad(set_to_none)
        for shard in self._all_shards():
            shard.gradient = None

    # ------------------------------------------------------------------------------------ what a gradient scaler asks

    def gradients_to_scale(self) -> dict[Device, list[Tensor]]:
        """Return the gradients that this process has by device: in stage 2 its part of the means, else all."""
        found: dict[Device, list[Tensor]] = {}
        if self.stage == 1:
            given = [parameter.grad for parameter in self._parameters()]
        else:
            with no_grad():
                self.reduce_gradients()
            given = [shard.gradient for shard in self._all_shards()]
        for gradient in given:
            if gradient is not None:
                found.setdefault(gradient.device, []).append(gradient)
        return found

    def found_anywhere(self, found: dict[Device, Tensor]) -> dict[Device, Tensor]:
        """Return what was found on this process's devices, or on another process's: not 0 where any is not finite."""
        device = self._all_shards()[0].parameters[0][1].device
        with no_grad():
            total = sum((flag.to(device) for flag in found.values()), zeros((), device=device)).reshape(1)
            all_reduce(total, ReduceOp.SUM, self.group)
        return {device: total.reshape(())}

    # --------------------------------------------------------------------------------------------------- checkpoints

    def sharded_state_dict(self) -> dict[str, Any]:
        """Return this process's part of the state, for `load_sharded_state_dicts` on any number of processes."""
        assert self.optim is not None
        pieces = []
        for shard in self._all_shards():
            for piece in shard.pieces:
                state = self.optim.state.get(piece.leaf)
                if state:
                    pieces.append(
                        {"place": piece.place, "start": piece.start, "stop": piece.stop, "state": dict(state)}
                    )
        return {"pieces": pieces, "param_groups": self._plain_groups()}

    def load_sharded_state_dicts(self, parts: Iterable[dict[str, Any]]) -> None:
        """Take over the parts that all processes of a run, however many, have saved."""
        listed = list(parts)
        self.load_state_dict(self._put_together([piece for part in listed for piece in part["pieces"]], listed[0]))

    def consolidate_state_dict(self, to: int = 0) -> None:
        """Bring the state to rank ``to``, whose `state_dict` then gives it. Every process of the group calls it."""
        mine = self.sharded_state_dict()
        for piece in mine["pieces"]:
            piece["state"] = {
                key: value.cpu().numpy() if isinstance(value, Tensor) else value
                for key, value in piece["state"].items()
            }
        is_there = self.group.rank() == to
        told: list[Any] | None = [None] * self.group.size() if is_there else None
        gather_object(mine["pieces"], told, group=self.group, group_dst=to)
        if told is not None:
            self._whole = self._put_together([piece for pieces in told for piece in pieces], mine)

    def _plain_groups(self) -> list[dict[str, Any]]:
        position = {id(parameter): index for index, parameter in enumerate(self._parameters())}
        return [{**group, "params": [position[id(p)] for p in group["params"]]} for group in self.param_groups]

    def _put_together(self, pieces: list[dict[str, Any]], like: dict[str, Any]) -> dict[str, Any]:
        parameters = list(self._parameters())
        state: dict[int, dict[str, Any]] = {}
        for piece in pieces:
            place, start, stop = (int(piece[key]) for key in ("place", "start", "stop"))
            whole = state.setdefault(place, {})
            for key, value in piece["state"].items():
                if isinstance(value, np.ndarray):
                    value = from_numpy(value.copy())
                if not isinstance(value, Tensor) or key in self.numbers or value.numel() != stop - start:
                    whole[key] = value
                    continue
                if key not in whole:
                    whole[key] = zeros(parameters[place].shape, dtype=value.dtype)
                with no_grad():
                    whole[key].view(-1)[start:stop].copy_(value.reshape(-1))
        return {"state": dict(sorted(state.items())), "param_groups": like["param_groups"]}

    def state_dict(self) -> dict[str, Any]:
        """Return the whole state, as the plain optimizer's, on the rank that has it."""
        if self._whole is None:
            raise RuntimeError(
                "Optimizer state has not been consolidated on this rank. Please call `consolidate_state_dict(to="
                f"{self.group.rank()})` on all ranks beforehand if you meant to save the global state."
            )
        return self._whole

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over the state of a plain optimizer, or of one like this on any number of ranks: this process's part."""
        assert self.optim is not None
        parameters = list(self._parameters())
        order: dict[int, int] = {}  # of a piece's leaf in the local optimizer
        for number, leaf in enumerate(self.optim._parameters()):
            order[id(leaf)] = number
        state: dict[int, dict[str, Any]] = {}
        for shard in self._all_shards():
            for piece in shard.pieces:
                saved = state_dict["state"].get(piece.place)
                if saved is None:
                    continue
                shape = parameters[piece.place].shape
                state[order[id(piece.leaf)]] = {
                    key: value.reshape(-1)[piece.start : piece.stop]
                    if isinstance(value, Tensor) and key not in self.numbers and value.shape == shape
                    else value
                    for key, value in saved.items()
                }
        if len(state_dict["param_groups"]) != len(self.param_groups):
            raise ValueError("loaded state dict has a different number of parameter groups")
        for group, saved in zip(self.param_groups, state_dict["param_groups"]):
            if len(saved["params"]) != len(group["params"]):
                raise ValueError(
                    "loaded state dict contains a parameter group that doesn't match the size of optimizer's group"
                )
            group.update({key: value for key, value in saved.items() if key not in ("params", "param_names")})
        groups = [
            {**{key: value for key, value in ours.items() if key not in ("params", "param_names")},
             "params": [order[id(leaf)] for leaf in theirs["params"]]}
            for ours, theirs in zip(self.param_groups, self.optim.param_groups)
        ]  # fmt: skip
        self.optim.load_state_dict({"state": state, "param_groups": groups})
        self._whole = None
