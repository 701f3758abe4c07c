"""Batches made by workers: the same, in the same order; what goes wrong is told, and nothing is left behind."""

import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import autograd_gpu as torch
from autograd_gpu.data import DataLoader, Dataset, IterableDataset, TensorDataset, get_worker_info

pytestmark = pytest.mark.ours


class Rows(Dataset):
    """Sample i tells what made it."""

    def __init__(self, size=20, width=3):
        self.size, self.width = size, width

    def __getitem__(self, index):
        return {"index": index, "row": torch.full((self.width,), float(index)), "array": np.arange(2) + index}

    def __len__(self):
        return self.size


class Drawing(Dataset):
    """Sample i is what the three generators draw, and who draws."""

    def __getitem__(self, index):
        info = get_worker_info()
        drawn = [random.random(), float(np.random.rand()), torch.rand(()).item()]
        return [*drawn, -1.0 if info is None else float(info.id), 0.0 if info is None else float(info.seed % 2**20)]

    def __len__(self):
        return 8


class Shards(IterableDataset):
    """Each worker reads its part."""

    def __init__(self, size=10):
        self.size = size

    def __iter__(self):
        info = get_worker_info()
        first, step = (0, 1) if info is None else (info.id, info.num_workers)
        return iter(range(first, self.size, step))


class Failing(Dataset):
    """Sample 5 does what it is told."""

    def __init__(self, what):
        self.what = what

    def __getitem__(self, index):
        if index == 5:
            self.what()
        return index

    def __len__(self):
        return 12


class Odd(Exception):
    """Cannot be made of a text."""

    def __init__(self, number, reason):
        super().__init__(f"{reason} {number}")


def fail(error):
    def raises():
        raise error

    return raises


def told(batch):
    return batch["index"].tolist(), batch["row"].tolist(), batch["array"].tolist()


def no_children():
    for _ in range(100):
        if not multiprocessing.active_children():
            return True
        time.sleep(0.05)
    return False


@pytest.fixture(autouse=True)
def nothing_is_left():
    yield
    assert no_children()


@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("width", [3, 30000], ids=["through the pipe", "in shared memory"])
def test_batches_are_those_of_one_process_in_order(workers, width):
    def epochs(**options):
        torch.manual_seed(1)
        loader = DataLoader(Rows(11, width), 2, shuffle=True, **options)
        seen = [[told(batch) for batch in loader] for _ in range(2)]
        return seen, torch.rand(1).item()

    assert epochs(num_workers=workers) == epochs()


def test_batches_may_be_written_and_outlive_the_workers():
    kept = [batch["row"].mul_(2) for batch in DataLoader(Rows(6, 20000), 2, num_workers=2)]
    assert no_children() and [batch[0, 0].item() for batch in kept] == [0.0, 4.0, 8.0]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.bool, torch.int8, torch.float64], ids=str)
def test_dtypes_and_shapes_are_kept(dtype):
    data = TensorDataset(
        torch.arange(12).reshape(4, 3).to(dtype), torch.zeros(4, 0).to(dtype), torch.arange(4).to(dtype)
    )
    for ours, theirs in zip(DataLoader(data, 2, num_workers=2), DataLoader(data, 2), strict=True):
        for a, b in zip(ours, theirs, strict=True):
            assert a.dtype == b.dtype == dtype and a.shape == b.shape and a.tolist() == b.tolist()


def test_without_batching_samples_come_as_they_are():
    assert [sample["index"] for sample in DataLoader(Rows(5), None, num_workers=2)] == [0, 1, 2, 3, 4]


def test_an_iterable_dataset_is_shared_out_by_the_program():
    alone = [batch.tolist() for batch in DataLoader(Shards(7), 2)]
    assert alone == [[0, 1], [2, 3], [4, 5], [6]]
    shared = [batch.tolist() for batch in DataLoader(Shards(7), 2, num_workers=2)]
    assert shared == [[0, 2], [1, 3], [4, 6], [5]]
    assert [b.tolist() for b in DataLoader(Shards(7), 2, drop_last=True, num_workers=2)] == [[0, 2], [1, 3], [4, 6]]


def test_generators_are_seeded_for_each_worker_and_each_epoch():
    torch.manual_seed(3)
    for options in ({}, {"persistent_workers": True}):
        loader = DataLoader(Drawing(), 2, num_workers=2, **options)
        first, second = (torch.cat([torch.stack(batch, 1) for batch in loader]) for _ in range(2))
        for column in range(3):
            drawn = [*first[:, column].tolist(), *second[:, column].tolist()]
            assert len(set(drawn)) == len(drawn)
        assert first[:, 3].tolist() == [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0, 1.0]
        assert first[2, 4].item() == first[0, 4].item() + 1 and first[0, 4].item() != second[0, 4].item()
        loader = None
    assert no_children()


def test_the_same_seed_draws_the_same():
    def drawn():
        torch.manual_seed(5)
        return [torch.stack(batch).tolist() for batch in DataLoader(Drawing(), 2, num_workers=2)]

    assert drawn() == drawn()


def test_each_worker_is_begun_once(tmp_path):
    def begin(number):
        assert get_worker_info().id == number and torch.get_num_threads() == 1
        (tmp_path / f"{number}-{os.getpid()}").touch()

    loader = DataLoader(Rows(6), 2, num_workers=2, worker_init_fn=begin, persistent_workers=True)
    for _ in range(3):
        assert len(list(loader)) == 3
    assert sorted(path.name[0] for path in tmp_path.iterdir()) == ["0", "1"]
    loader = None
    assert no_children()
    for _ in range(2):
        list(DataLoader(Rows(6), 2, num_workers=2, worker_init_fn=begin))
    assert len(list(tmp_path.iterdir())) == 6


def test_an_epoch_may_be_left_and_two_may_go_on_at_once():
    loader = DataLoader(Rows(12), 2, num_workers=2, persistent_workers=True)
    for batch in loader:
        assert batch["index"].tolist() == [0, 1]
        break
    assert [b["index"].tolist()[0] for b in loader] == [0, 2, 4, 6, 8, 10]
    pairs = [(a["index"].tolist(), b["index"].tolist()) for a, b in zip(loader, loader, strict=True)]
    assert len(pairs) == 6 and all(a == b for a, b in pairs)


def test_other_ways_to_start_processes():
    for context in ("spawn", multiprocessing.get_context("forkserver")):
        loader = DataLoader(Rows(4, 20000), 2, num_workers=1, multiprocessing_context=context)
        assert [batch["index"].tolist() for batch in loader] == [[0, 1], [2, 3]]


# ------------------------------------------------------------------------------------------------ what goes wrong


@pytest.mark.parametrize(
    "error, kind",
    [(ValueError("no picture"), ValueError), (KeyError("x"), KeyError), (Odd(3, "odd"), RuntimeError),
     (StopIteration(), RuntimeError), (SystemExit(3), RuntimeError)],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)  # fmt: skip
def test_a_workers_error_is_raised_with_its_traceback(error, kind):
    loader = DataLoader(Failing(fail(error)), 2, num_workers=2)
    seen = []
    with pytest.raises(kind) as caught:
        seen += [batch.tolist() for batch in loader]
    text = str(caught.value)
    assert "in DataLoader worker process 0" in text and "Original Traceback" in text and "in raises" in text
    assert no_children()


def test_a_stop_iteration_never_ends_an_epoch():
    for dataset, collate in ((Failing(fail(StopIteration())), None), (Rows(4), lambda batch: next(iter(())))):
        with pytest.raises(RuntimeError, match="StopIteration"):
            list(DataLoader(dataset, 2, collate_fn=collate))


def test_a_worker_that_fails_to_begin_says_so():
    with pytest.raises(ZeroDivisionError, match="worker process"):
        list(DataLoader(Rows(4), 2, num_workers=2, worker_init_fn=lambda number: 1 / 0))


def test_what_cannot_be_sent_says_so():
    with pytest.raises((RuntimeError, AttributeError, TypeError), match="worker process 0"):
        list(DataLoader(Rows(4), 2, num_workers=1, collate_fn=lambda batch: lambda: batch))


def test_a_worker_that_is_killed_is_told():
    with pytest.raises(RuntimeError, match=r"worker 0 \(pid \d+\) exited unexpectedly: killed by SIGKILL"):
        list(DataLoader(Failing(lambda: os.kill(os.getpid(), signal.SIGKILL)), 2, num_workers=2))
    with pytest.raises(RuntimeError, match="exited unexpectedly: exit code 7"):
        list(DataLoader(Failing(lambda: os._exit(7)), 2, num_workers=2))


def test_a_worker_that_takes_too_long_is_told():
    with pytest.raises(RuntimeError, match=r"timed out after 0\.5 seconds"):
        list(DataLoader(Failing(lambda: time.sleep(60)), 2, num_workers=2, timeout=0.5))


def test_workers_end_with_the_program_however_it_ends(tmp_path):
    script = """
import os, signal, sys, time
from autograd_gpu.data import DataLoader, Dataset
class Pids(Dataset):
    def __getitem__(self, index): return os.getpid()
    def __len__(self): return 100
batches = iter(DataLoader(Pids(), 1, num_workers=2, persistent_workers=True))
print(*{next(batches).item() for _ in range(4)}, flush=True)
{"exit": lambda: None, "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
 "interrupt": lambda: os.killpg(0, signal.SIGINT) or time.sleep(60)}[sys.argv[1]]()
"""
    for how in ("exit", "kill", "interrupt"):
        ended = subprocess.run(
            [sys.executable, "-c", script, how], capture_output=True, text=True, timeout=120, start_new_session=True
        )
        pids = [int(pid) for pid in ended.stdout.split()]
        assert len(pids) == 2, ended.stderr
        assert ended.stderr == "" or how == "interrupt"
        assert ended.stderr.count("Traceback") <= (how == "interrupt"), ended.stderr
        for _ in range(100):
            if not any(os.path.exists(f"/proc/{pid}") for pid in pids):
                break
            time.sleep(0.1)
        assert not any(os.path.exists(f"/proc/{pid}") for pid in pids), how


@pytest.mark.parametrize(
    "options, message",
    [
        ({"num_workers": -1}, "non-negative"),
        ({"num_workers": 1.5}, "non-negative"),
        ({"timeout": -1}, "timeout option"),
        ({"prefetch_factor": 2}, "prefetch_factor"),
        ({"num_workers": 1, "prefetch_factor": 0}, "positive"),
        ({"persistent_workers": True}, "persistent_workers"),
        ({"multiprocessing_context": "fork"}, "multiprocessing_context"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        DataLoader(Rows(), **options)


# -------------------------------------------------------------------------------------------------------- going on


@pytest.mark.parametrize("before, after", [(0, 0), (0, 2), (2, 0), (2, 3)])
@pytest.mark.parametrize("own", [False, True], ids=["default generator", "own generator"])
def test_an_epoch_is_gone_on_with_whatever_the_number_of_workers(before, after, own, tmp_path):
    def make(workers):
        generator = torch.Generator().manual_seed(9) if own else None
        return DataLoader(Rows(13), 2, shuffle=True, num_workers=workers, generator=generator)

    def rest(loader):
        return [[told(batch) for batch in loader] for _ in range(2)] + ([] if own else [torch.rand(1).item()])

    torch.manual_seed(2)
    whole = make(before)
    list(whole)
    epoch = iter(whole)
    for _ in range(3):
        next(epoch)
        torch.rand(5)  # what a step draws
    torch.save(whole.state_dict(), tmp_path / "state")
    expected = [told(batch) for batch in epoch], rest(whole)
    torch.manual_seed(77)
    resumed = make(after)
    resumed.load_state_dict(torch.load(tmp_path / "state"))
    again = [told(batch) for batch in resumed], rest(resumed)
    assert again == expected


def test_between_epochs_the_next_one_is_gone_on_with():
    def make():
        return DataLoader(Rows(6), 2, shuffle=True, generator=torch.Generator().manual_seed(4))

    whole, resumed = make(), make()
    assert whole.state_dict()["position"] == 0
    list(whole)
    resumed.load_state_dict(whole.state_dict())
    assert resumed.state_dict()["position"] == 0
    assert [told(batch) for batch in resumed] == [told(batch) for batch in whole]


def test_an_iterable_dataset_is_read_up_to_where_it_was():
    whole = DataLoader(Shards(9), 2)
    epoch = iter(whole)
    next(epoch), next(epoch)
    resumed = DataLoader(Shards(9), 2)
    resumed.load_state_dict(whole.state_dict())
    assert [batch.tolist() for batch in resumed] == [[4, 5], [6, 7], [8]]
