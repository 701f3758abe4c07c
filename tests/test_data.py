"""Datasets, samplers and batches."""

from collections import namedtuple

import numpy as np
import pytest

import autograd_gpu as torch
from autograd_gpu.data import (
    BatchSampler,
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    Subset,
    TensorDataset,
    default_collate,
    random_split,
)

pytestmark = pytest.mark.ours


class Squares(Dataset):
    def __init__(self, size):
        self.size = size

    def __getitem__(self, index):
        return {"n": index, "square": torch.tensor(float(index * index))}

    def __len__(self):
        return self.size


class Count(IterableDataset):
    def __iter__(self):
        return iter(range(5))

    def __len__(self):
        return 5


def test_a_tensor_dataset_gives_rows():
    x, y = torch.arange(6).reshape(3, 2), torch.arange(3)
    dataset = TensorDataset(x, y)
    assert len(dataset) == 3
    assert [part.tolist() for part in dataset[1]] == [[2, 3], 1]
    with pytest.raises(AssertionError, match="Size mismatch"):
        TensorDataset(x, torch.arange(4))


def test_batches_come_in_order_and_the_last_may_be_short():
    loader = DataLoader(TensorDataset(torch.arange(5), torch.arange(5) * 10), batch_size=2)
    assert [[part.tolist() for part in batch] for batch in loader] == [
        [[0, 1], [0, 10]],
        [[2, 3], [20, 30]],
        [[4], [40]],
    ]
    assert len(loader) == 3


def test_the_last_short_batch_can_be_dropped():
    loader = DataLoader(TensorDataset(torch.arange(5)), batch_size=2, drop_last=True)
    assert len(loader) == len(list(loader)) == 2


def test_shuffling_visits_everything_once_and_differs_between_epochs():
    torch.manual_seed(0)
    loader = DataLoader(TensorDataset(torch.arange(50)), batch_size=50, shuffle=True)
    first, second = (next(iter(loader))[0].tolist() for _ in range(2))
    assert sorted(first) == sorted(second) == list(range(50))
    assert first != second and first != list(range(50))


def test_shuffling_follows_the_seed():
    def epoch(**options):
        return [batch[0].tolist() for batch in DataLoader(TensorDataset(torch.arange(20)), 5, True, **options)]

    torch.manual_seed(3)
    first = epoch()
    torch.manual_seed(3)
    assert epoch() == first
    own = [epoch(generator=torch.Generator().manual_seed(3)) for _ in range(2)]
    assert own[0] == own[1]


def test_dicts_are_collated_member_by_member():
    batch = next(iter(DataLoader(Squares(4), batch_size=3)))
    assert batch["n"].tolist() == [0, 1, 2] and batch["square"].tolist() == [0.0, 1.0, 4.0]
    assert batch["n"].dtype == torch.int64 and batch["square"].dtype == torch.float32


def test_collating_keeps_structure():
    point = namedtuple("Point", "x y")
    collated = default_collate([point(1, "a"), point(2, "b")])
    assert isinstance(collated, point) and collated.x.tolist() == [1, 2] and collated.y == ["a", "b"]
    arrays = default_collate([np.zeros(2, np.float32), np.ones(2, np.float32)])
    assert arrays.tolist() == [[0, 0], [1, 1]]
    nested = default_collate([[1.0, (2, torch.ones(1))], [3.0, (4, torch.ones(1))]])
    assert nested[0].tolist() == [1.0, 3.0] and nested[1][1].shape == (2, 1)
    with pytest.raises(TypeError, match="collate_fn"):
        default_collate([object()])
    with pytest.raises(RuntimeError, match="equal size"):
        default_collate([[1], [1, 2]])


def test_a_collate_function_of_the_users_own():
    assert list(DataLoader(Squares(4), batch_size=2, collate_fn=len)) == [2, 2]


def test_no_batching():
    samples = list(DataLoader(Squares(3), batch_size=None))
    assert [sample["n"] for sample in samples] == [0, 1, 2]


def test_an_iterable_dataset_is_read_through():
    assert [batch.tolist() for batch in DataLoader(Count(), batch_size=2)] == [[0, 1], [2, 3], [4]]
    assert (
        len(list(DataLoader(Count(), batch_size=2, drop_last=True))) == len(DataLoader(Count(), 2, drop_last=True)) == 2
    )
    with pytest.raises(ValueError, match="IterableDataset"):
        DataLoader(Count(), shuffle=True)


def test_samplers():
    data = range(5)
    assert list(SequentialSampler(data)) == [0, 1, 2, 3, 4]
    assert sorted(RandomSampler(data)) == [0, 1, 2, 3, 4]
    drawn = list(RandomSampler(data, replacement=True, num_samples=40))
    assert len(drawn) == 40 and set(drawn) <= set(data)
    assert len(list(RandomSampler(data, num_samples=12))) == 12
    assert list(BatchSampler(SequentialSampler(data), 2, False)) == [[0, 1], [2, 3], [4]]
    assert list(DataLoader(Squares(9), batch_sampler=[[1, 2], [3]], collate_fn=lambda b: [s["n"] for s in b])) == [
        [1, 2],
        [3],
    ]


@pytest.mark.parametrize(
    "options, message",
    [
        ({"sampler": [0], "shuffle": True}, "mutually exclusive"),
        ({"batch_sampler": [[0]], "batch_size": 2}, "mutually exclusive"),
        ({"batch_size": None, "drop_last": True}, "mutually exclusive"),
        ({"batch_size": 0}, "positive integer"),
    ],
)
def test_contradictory_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        DataLoader(Squares(3), **options)


def test_subsets_and_concatenations():
    assert Subset(Squares(9), [8, 2])[0]["n"] == 8
    both = Squares(2) + Squares(3)
    assert isinstance(both, ConcatDataset) and len(both) == 5
    assert [both[i]["n"] for i in range(5)] == [0, 1, 0, 1, 2] and both[-1]["n"] == 2
    with pytest.raises(ValueError, match="dataset length"):
        both[5]


def test_random_split_is_a_partition():
    parts = random_split(Squares(10), [7, 3])
    assert [len(part) for part in parts] == [7, 3]
    assert sorted(sample["n"] for part in parts for sample in (part[i] for i in range(len(part)))) == list(range(10))
    assert [len(part) for part in random_split(Squares(10), [0.5, 0.25, 0.25])] == [6, 2, 2]
    with pytest.raises(ValueError, match="Sum of input lengths"):
        random_split(Squares(10), [7, 4])


@pytest.mark.ours
def test_indices_are_drawn_on_the_host_whatever_the_default_device(on_each_device):
    data = torch.utils.data
    torch.manual_seed(0)
    dataset = data.TensorDataset(torch.arange(6))
    parts = data.random_split(dataset, [4, 2], generator=torch.Generator(device="cpu").manual_seed(1))
    shuffled = data.DataLoader(parts[0], batch_size=2, shuffle=True)
    seen = sorted(value for (batch,) in shuffled for value in batch.tolist())
    assert seen == sorted(int(parts[0][i][0]) for i in range(4))
