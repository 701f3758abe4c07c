"""From indices to a batch, in whatever process. Knows datasets and collating; nothing of order."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any

from ..ops.creation import tensor
from .dataset import Dataset, IterableDataset


class Ended:
    """What comes instead of a batch once an IterableDataset is read."""


class Fetcher:
    """Makes a batch of a dataset's samples: of those at given indices, or of the next ones.

    `gathers` takes all rows of a TensorDataset at once.
    """

    def __init__(
        self,
        dataset: Dataset,
        collate: Callable[[list[Any]], Any] | None,
        batch_size: int | None,
        drop_last: bool,
        gathers: bool,
    ) -> None:
        self.dataset, self.collate = dataset, collate
        self.batch_size, self.drop_last, self.gathers = batch_size, drop_last, gathers
        self._samples: Iterator[Any] | None = None

    def begin(self) -> None:
        """Begin an epoch."""
        self._samples = iter(self.dataset) if isinstance(self.dataset, IterableDataset) else None

    def __call__(self, indices: Any) -> Any:
        """Return a batch, or `Ended`. A StopIteration of the program's own is no end: RuntimeError."""
        if self._samples is None:
            return self._made(self._at, indices)
        if self.batch_size is None:
            return next(self._samples, Ended)
        batch = list(islice(self._samples, self.batch_size))
        if not batch or (len(batch) < self.batch_size and self.drop_last):
            return Ended
        return self._made(self.collate, batch)

    def _at(self, indices: Any) -> Any:
        if self.collate is None:
            return self.dataset[indices]
        if self.gathers:
            return list(self.dataset[tensor(indices)])  # type: ignore[index]
        return self.collate([self.dataset[index] for index in indices])

    def _made(self, make: Any, of: Any) -> Any:
        try:
            return make(of)
        except StopIteration as error:
            raise RuntimeError("the dataset or collate_fn raised StopIteration, which would end the epoch") from error
