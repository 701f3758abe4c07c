"""DataLoader: batches of a dataset, in order, in this process or by workers, from any position on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any

import numpy as np

from ..device import cpu
from ..ops.creation import from_numpy, tensor
from ..ops.pieces import cat
from ..ops.random import default_generator, randint
from ..tensor import Tensor
from .dataset import Dataset, IterableDataset, TensorDataset
from .fetching import Ended, Fetcher
from .sampler import BatchSampler, RandomSampler, SequentialSampler
from .workers import Workers


def default_collate(batch: list[Any]) -> Any:
    """Return a list of samples as one: tensors and numbers stacked, dicts, tuples and lists member by member."""
    first = batch[0]
    if isinstance(first, Tensor):
        return cat([sample.unsqueeze(0) for sample in batch])
    if isinstance(first, (np.ndarray, np.generic)):
        return from_numpy(np.stack(batch))
    if isinstance(first, (bool, int, float)):
        return tensor(batch)
    if isinstance(first, (str, bytes)):
        return batch
    if isinstance(first, Mapping):
        return {key: default_collate([sample[key] for sample in batch]) for key in first}
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        return type(first)(*(default_collate(list(members)) for members in zip(*batch, strict=True)))
    if isinstance(first, (list, tuple)):
        if any(len(sample) != len(first) for sample in batch):
            raise RuntimeError("each element in list of batch should be of equal size")
        return [default_collate(list(members)) for members in zip(*batch, strict=True)]
    raise TypeError(
        "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; "
        f"found {type(first)}. Pass a collate_fn of your own."
    )


def default_convert(data: Any) -> Any:
    """Return a sample with its arrays as tensors: what a loader without batches makes of each."""
    if isinstance(data, np.ndarray) and data.dtype.kind in "SUO":
        return data
    if isinstance(data, (np.ndarray, np.generic)):
        return from_numpy(np.asarray(data))
    if isinstance(data, Mapping):
        return type(data)({key: default_convert(value) for key, value in data.items()})  # type: ignore[call-arg]
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*(default_convert(value) for value in data))
    if isinstance(data, (list, tuple)):
        return [default_convert(value) for value in data]
    return data


class DataLoader:
    """Iterates over batches of a dataset: ``for x, y in DataLoader(dataset, batch_size=32, shuffle=True)``.

    With ``num_workers`` processes make the batches, ``prefetch_factor`` of them ahead each; their order, and shuffles,
    do not depend on how many there are. Each worker's generators (Python's, NumPy's, ours) are seeded anew in each
    epoch; one that the dataset keeps is a copy, which draws the same in each worker and each epoch. ``state_dict`` says
    how far an epoch has come: a loader that loads it goes on there.
    """

    def __init__(
        self,
        dataset: Dataset,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[int] | None = None,
        batch_sampler: Iterable[list[int]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: Any = None,
        generator: Any = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
    ) -> None:
        _check_workers(num_workers, timeout, prefetch_factor, persistent_workers, multiprocessing_context)
        iterable = isinstance(dataset, IterableDataset)
        if iterable and (shuffle or sampler is not None or batch_sampler is not None):
            raise ValueError("DataLoader with IterableDataset: expected unspecified shuffle, sampler and batch_sampler")
        if sampler is not None and shuffle:
            raise ValueError("sampler option is mutually exclusive with shuffle")
        if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
            raise ValueError(
                "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and drop_last"
            )
        if batch_size is None and drop_last:
            raise ValueError("batch_size=None option disables auto-batching and is mutually exclusive with drop_last")
        if sampler is None and not iterable:
            sampler = RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)  # type: ignore[arg-type]
        if batch_sampler is None and batch_size is not None and sampler is not None:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.dataset = dataset
        self.batch_size = batch_size
        self.sampler = sampler
        self.batch_sampler = batch_sampler
        self.num_workers = num_workers
        self.drop_last = drop_last
        self.collate_fn = default_collate if collate_fn is None else collate_fn
        self.timeout, self.worker_init_fn, self.generator = timeout, worker_init_fn, generator
        self.multiprocessing_context = multiprocessing_context
        self.prefetch_factor = 2 if num_workers and prefetch_factor is None else prefetch_factor
        self.persistent_workers = persistent_workers
        self._workers: Workers | None = None  # those that persist
        self._place: Place | None = None  # in the last epoch that was begun
        self._resumed: dict[str, Any] | None = None

    def __iter__(self) -> Iterator[Any]:
        resumed, self._resumed = self._resumed, None
        epoch = Epoch(self, resumed)
        self._place = epoch.place
        return epoch

    def state_dict(self) -> dict[str, Any]:
        """Return how far the present epoch has come, and where its random numbers began: tensors and numbers."""
        place, now = self._place, self.stream().get_state()
        if self._resumed is not None:
            return dict(self._resumed)
        if place is None or place.is_over:
            return {"position": 0, "begin": None, "now": now}
        return {"position": place.position, "begin": place.begin, "now": now}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on, with the next ``iter()``, where ``state_dict`` was taken; the number of workers may be another."""
        self._resumed = {name: state_dict[name] for name in ("position", "begin", "now")}

    def stream(self) -> Any:
        """Return the generator that shuffles."""
        own = self.generator if self.generator is not None else getattr(self.sampler, "generator", None)
        return default_generator(cpu) if own is None else own

    def indices(self) -> Iterator[Any]:
        """Return what each batch, or each sample, is made from."""
        if isinstance(self.dataset, IterableDataset):
            return repeat(None)
        return iter(self.sampler if self.batch_sampler is None else self.batch_sampler)  # type: ignore[arg-type]

    def fetcher(self) -> Fetcher:
        """Return what makes batches."""
        batched = self.batch_sampler is not None or self.batch_size is not None
        gathers = type(self.dataset) is TensorDataset and self.collate_fn is default_collate
        return Fetcher(self.dataset, self.collate_fn if batched else None, self.batch_size, self.drop_last, gathers)

    def workers(self) -> Workers:
        """Return workers that are free: those that persist, or new ones."""
        if self._workers is not None and not self._workers.are_alive:
            self._workers = None
        if self._workers is not None and self._workers.is_free:
            return self._workers
        made = Workers(
            self.fetcher(), self.num_workers, self.worker_init_fn, self.timeout, self.multiprocessing_context
        )
        if self.persistent_workers and self._workers is None:
            self._workers = made
        return made

    def __len__(self) -> int:
        if isinstance(self.dataset, IterableDataset):
            samples = len(self.dataset)  # type: ignore[arg-type]
            if self.batch_size is None:
                return samples
            return samples // self.batch_size if self.drop_last else -(-samples // self.batch_size)
        return len(self.batch_sampler if self.batch_sampler is not None else self.sampler)  # type: ignore[arg-type]


@dataclass
class Place:
    """How many batches of an epoch were given, whether all, and the state of the generator that it began with."""

    begin: Tensor
    position: int = 0
    is_over: bool = False


class Epoch:
    """One way through a dataset. The random numbers of its order are drawn when it begins."""

    def __init__(self, loader: DataLoader, resumed: dict[str, Any] | None) -> None:
        stream = loader.stream()
        if resumed is not None and resumed["begin"] is not None:
            stream.set_state(resumed["begin"])
        elif resumed is not None:
            stream.set_state(resumed["now"])
        self.place = Place(stream.get_state())
        # Drawn without workers too, so that what follows does not depend on them.
        seed = int(randint(2**53, (1,), generator=stream, device=stream.device).item())
        indices = loader.indices()
        first = next(indices, Ended)  # a sampler draws its order now
        indices = iter(()) if first is Ended else chain([first], indices)
        if resumed is not None:
            stream.set_state(resumed["now"])
        self._batches = _by_workers(loader, indices, seed) if loader.num_workers else _here(loader, indices)
        self._skip(loader, indices, 0 if resumed is None else resumed["position"])

    def _skip(self, loader: DataLoader, indices: Iterator[Any], position: int) -> None:
        """Leave out what was read before: indices where there are any, else batches."""
        for _ in range(position):
            next(self._batches if isinstance(loader.dataset, IterableDataset) else indices, None)
        self.place.position = position

    def __iter__(self) -> Epoch:
        return self

    def __next__(self) -> Any:
        try:
            batch = next(self._batches)
        except StopIteration:
            self.place.is_over = True
            raise
        self.place.position += 1
        return batch


# Functions, whose generators hold no epoch: one that is left goes at once, and its workers with it.


def _here(loader: DataLoader, indices: Iterator[Any]) -> Iterator[Any]:
    fetch = loader.fetcher()
    fetch.begin()
    for index in indices:
        if (batch := fetch(index)) is Ended:
            return
        yield batch


def _by_workers(loader: DataLoader, indices: Iterator[Any], seed: int) -> Iterator[Any]:
    workers = loader.workers()
    try:
        yield from workers.batches(indices, seed, loader.prefetch_factor or 2)
    finally:
        if workers is not loader._workers:
            workers.close()


def _check_workers(count: int, timeout: float, prefetch: int | None, persistent: bool, context: Any) -> None:
    if not isinstance(count, int) or count < 0:
        raise ValueError(
            "num_workers option should be non-negative; use num_workers=0 to disable multiprocessing, but got "
            f"{count!r}"
        )
    if timeout < 0:
        raise ValueError("timeout option should be non-negative")
    if count == 0 and prefetch is not None:
        raise ValueError(
            "prefetch_factor option could only be specified in multiprocessing. let num_workers > 0 to enable "
            "multiprocessing, otherwise set prefetch_factor to None."
        )
    if count and prefetch is not None and prefetch < 1:
        raise ValueError("prefetch_factor option should be positive")
    if persistent and count == 0:
        raise ValueError("persistent_workers option needs num_workers > 0")
    if count == 0 and context is not None:
        raise ValueError(f"multiprocessing_context can only be used with num_workers > 0, but got {context!r}")
