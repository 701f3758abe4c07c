"""Which indices each rank reads, as PyTorch deals them out."""

import pytest
import torch

import autograd_gpu as ag


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("replicas", [1, 2, 3, 7])
@pytest.mark.parametrize("length", [0, 1, 2, 6, 7, 20])
def test_ranks_read_what_torchs_read(length, replicas, drop_last):
    for rank in range(replicas):
        ours, theirs = (
            library.utils.data.DistributedSampler(range(length), replicas, rank, shuffle=False, drop_last=drop_last)
            for library in (ag, torch)
        )
        if length == 0 and not drop_last:
            assert list(ours) == []
            continue
        if drop_last and length < replicas:
            assert list(ours) == []
            continue
        assert (list(ours), len(ours), ours.total_size) == (list(theirs), len(theirs), theirs.total_size)


def test_a_shuffled_epoch_is_dealt_out_once_and_goes_on_with_other_ranks():
    def samplers(count, state=None):
        made = [ag.utils.data.DistributedSampler(range(24), count, rank, seed=3) for rank in range(count)]
        for each in made:
            each.set_epoch(2)
            if state is not None:
                each.load_state_dict(state)
        return made

    four = samplers(4)
    read = [index for each in zip(*four) for index in each]
    assert sorted(read) == list(range(24)) != read
    four[0].advance(12)  # three of each
    three = samplers(3, four[0].state_dict())
    assert [index for each in zip(*three) for index in each] == read[12:]
    three[0].set_epoch(3)
    assert len(three[0]) == 8
    with pytest.raises(ValueError, match="had seed 3, this one has 0"):
        ag.utils.data.DistributedSampler(range(24), 3, 0).load_state_dict(three[0].state_dict())


def test_a_rank_that_is_none_is_refused_as_by_torch():
    for library in (ag, torch):
        with pytest.raises(ValueError, match="Invalid rank 3, rank should be in the interval"):
            library.utils.data.DistributedSampler(range(3), 3, 3)
