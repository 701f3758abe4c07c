"""Which samples of an epoch each of several processes reads. Knows ranks and indices; never sees a sample."""

from __future__ import annotations

from collections.abc import Iterator, Sized
from typing import Any

from ..ops.random import Generator, randperm
from .sampler import Sampler


class DistributedSampler(Sampler[int]):
    """Every rank's share of the indices: the rank-th of every num_replicas, in an order that all ranks have alike.

    Call ``set_epoch`` before each epoch, or every epoch has the order of the first. So that all shares are of one
    length the first indices come again at the end, or with ``drop_last`` the last are left out. An epoch goes on where
    it was left, also with another number of ranks: ``advance(n)`` says that all together have read n more samples, and
    ``state_dict`` keeps it.
    """

    def __init__(
        self,
        dataset: Sized,
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
    ) -> None:
        if num_replicas is None or rank is None:
            from ..processes.group import get_rank, get_world_size  # read where there are several processes alone

            num_replicas = get_world_size() if num_replicas is None else num_replicas
            rank = get_rank() if rank is None else rank
        if not 0 <= rank < num_replicas:
            raise ValueError(f"Invalid rank {rank}, rank should be in the interval [0, {num_replicas - 1}]")
        self.dataset, self.num_replicas, self.rank = dataset, num_replicas, rank
        self.shuffle, self.seed, self.drop_last = shuffle, seed, drop_last
        self.epoch = self.done = 0  # done: samples of this epoch that all ranks together have read

    @property
    def num_samples(self) -> int:
        """How many indices of the epoch this rank has still to read."""
        left = max(0, len(self.dataset) - self.done)
        return left // self.num_replicas if self.drop_last else -(-left // self.num_replicas)

    @property
    def total_size(self) -> int:
        """How many indices all ranks have still to read."""
        return self.num_samples * self.num_replicas

    def __iter__(self) -> Iterator[int]:
        count = len(self.dataset)
        if self.shuffle:
            order = randperm(count, generator=Generator("cpu").manual_seed(self.seed + self.epoch)).tolist()
        else:
            order = list(range(count))
        left = order[self.done :][: self.total_size]
        while len(left) < self.total_size:
            left += order[: self.total_size - len(left)]
        return iter(left[self.rank :: self.num_replicas])

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Begin an epoch: its number decides the order. Where it goes on with the epoch at hand nothing is lost."""
        if epoch != self.epoch:
            self.done = 0
        self.epoch = epoch

    def advance(self, count: int) -> None:
        """All ranks together have read so many samples more: what is begun anew begins behind them."""
        if count < 0:
            raise ValueError(f"DistributedSampler.advance: expected a number of samples, but got {count}")
        self.done += count

    def state_dict(self) -> dict[str, Any]:
        """Return the epoch and how much of it has been read."""
        return {"epoch": self.epoch, "done": self.done, "seed": self.seed}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on where a sampler was, with whatever number of ranks."""
        if state_dict["seed"] != self.seed:
            raise ValueError(
                f"DistributedSampler: the saved one had seed {state_dict['seed']}, this one has {self.seed}: other "
                "orders"
            )
        self.epoch, self.done = state_dict["epoch"], state_dict["done"]
