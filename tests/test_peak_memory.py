"""What an operation and its backward hold at once, beside PyTorch: the recorded table, a part of it measured."""

import json

import pytest

import autograd_gpu as torch
from benchmarks import peak_memory

pytestmark = pytest.mark.ours

TABLE = json.loads(peak_memory.RESULTS.read_text())
# Composed of more operations than PyTorch's own, or of more temporaries: the bound, in times PyTorch's.
MORE = {
    "median": 5.2, "sort": 2.2, "topk": 2.6, "unique": 2.2, "isin": 2.5, "searchsorted": 6.5, "gather": 5.8,
    "scatter_add": 3.2, "roll": 2.2, "pdist": 14, "huber_loss": 2.7, "bce_with_logits": 2.5, "multi_margin_loss": 4.3,
    "multilabel_margin_loss": 10, "dropout": 2.4, "conv2d": 2.9, "max_pool2d": 2.8, "adaptive_avg_pool2d": 4.3,
    "randperm": 7, "silu": 2.2, "attention": 2.2, "randn": 2.2,
}  # fmt: skip


def test_the_table_has_every_call():
    assert set(TABLE) == set(peak_memory.CALLS)


@pytest.mark.parametrize("name", sorted(TABLE))
def test_recorded_peaks_are_within_twice_pytorchs_or_listed(name):
    assert TABLE[name]["here"] <= MORE.get(name, 2) * TABLE[name]["pytorch"]


MEASURED = (
    "add exp sum softmax cumsum prod topk isin layer_norm cross_entropy pdist multilabel_margin_loss randn".split()
)


@pytest.mark.parametrize("name", MEASURED)
def test_peaks_stay(name):
    assert peak_memory.ours(name) <= MORE.get(name, 2) * TABLE[name]["pytorch"]


def test_a_long_draw_is_the_same_in_pieces_and_a_short_one_whether_made_ahead_or_not():
    from autograd_gpu.arrays.cpu import random

    torch.manual_seed(5)
    at_once = torch.rand(3 * random.PIECE + 5)
    torch.manual_seed(5)
    few = torch.cat([torch.rand(8) for _ in range(1000)])
    assert (few == at_once[:8000]).all()
    torch.manual_seed(5)
    assert (torch.rand(2 * random.PIECE) == at_once[: 2 * random.PIECE]).all()
