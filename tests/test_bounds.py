"""Indices and divisors out of bounds: refused with PyTorch's words, on a GPU when it is next waited for, naming the
line."""

import inspect

import pytest

import autograd_gpu as torch

F = torch.nn.functional


@pytest.mark.parametrize("index", [-4, 3])
@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda x, i: x[i], IndexError),
        (lambda x, i: x.index_put((i,), torch.tensor(0.0, device=x.device)), IndexError),
        (lambda x, i: x.index_select(0, i), IndexError),
        (lambda x, i: x.take(i), IndexError),
        (lambda x, i: x.put(i, torch.zeros(1, device=x.device)), IndexError),
        (lambda x, i: x.index_add(0, i, torch.ones(1, device=x.device)), IndexError),
        (lambda x, i: x.index_copy(0, i, torch.ones(1, device=x.device)), IndexError),
        (lambda x, i: x.index_fill(0, i, 1.0), IndexError),
        (lambda x, i: x.gather(0, i), RuntimeError),
        (lambda x, i: x.scatter(0, i, 1.0), RuntimeError),
        (lambda x, i: x.scatter_add(0, i, torch.ones(1, device=x.device)), RuntimeError),
        (lambda x, i: x.scatter_reduce(0, i, torch.ones(1, device=x.device), "amax"), RuntimeError),
        (lambda x, i: F.embedding(i, x.unsqueeze(1)), IndexError),
        (lambda x, i: F.cross_entropy(x.unsqueeze(0), i), IndexError),
        (lambda x, i: F.nll_loss(x.unsqueeze(0), i), IndexError),
        (lambda x, i: F.multi_margin_loss(x.unsqueeze(0), i), RuntimeError),
    ],
)
def test_an_index_out_of_bounds_is_refused(call, error, index, device):
    x, i = torch.arange(3.0, device=device), torch.tensor([index], device=device)
    with pytest.raises(error, match="out of"):
        call(x, i).tolist()


@pytest.mark.parametrize("call", [lambda x, i: x.index_select(0, i), lambda x, i: x.gather(0, i),
                                  lambda x, i: x.index_add(0, i, x[:1])])  # fmt: skip
def test_minus_one_is_no_index_where_pytorch_takes_none_from_the_end(call, device):
    with pytest.raises((IndexError, RuntimeError), match="-1"):
        call(torch.arange(3.0, device=device), torch.tensor([-1], device=device)).tolist()


def test_each_of_several_indices_is_held_to_its_own_dimension(device):
    x = torch.arange(9, device=device).reshape(3, 3)
    with pytest.raises(IndexError, match="index 3 is out of bounds for dimension 1 with size 3"):
        x[[0], [3]].tolist()
    with pytest.raises(IndexError, match="index -4 is out of bounds for dimension 0 with size 3"):
        x[[-4, 0], [0, 0]].tolist()
    assert x[[-3, 2], [0, -1]].tolist() == [0, 8]


@pytest.mark.parametrize("divide", [lambda x, y: x // y, lambda x, y: x % y, torch.fmod,
                                    lambda x, y: torch.div(x, y, rounding_mode="trunc")])  # fmt: skip
def test_integers_over_zero_are_refused(divide, device):
    x = torch.tensor([5, 7], device=device)
    for zero in (0, torch.tensor([1, 0], device=device)):
        with pytest.raises(RuntimeError, match="ZeroDivisionError"):
            divide(x, zero).tolist()


def test_bags_start_one_after_the_other_and_within_the_input(device):
    rows, index = torch.ones(3, 2, device=device), torch.tensor([0, 1], device=device)
    for offsets, words in (([1], "has to be 0"), ([0, 3], "can not be greater"), ([0, 2, 1], "cannot start before")):
        with pytest.raises(RuntimeError, match=words):
            F.embedding_bag(index, rows, torch.tensor(offsets, device=device)).tolist()


def test_ctc_loss_refuses_a_target_beyond_the_classes(device):
    x = torch.zeros(3, 1, 2, device=device)
    with pytest.raises(RuntimeError, match="target 5 is out of bounds for 2 classes"):
        F.ctc_loss(x, torch.tensor([[5]], device=device), [3], [1]).item()


@pytest.mark.ours
class TestAGpuIsNotWaitedFor:
    @pytest.fixture
    def refusals(self, monkeypatch):
        from autograd_gpu.arrays.cuda import driver

        refusals = driver.current().refusals
        monkeypatch.setattr(refusals, "_at_once", False)
        return refusals

    def test_the_next_wait_raises_and_names_the_line(self, refusals):
        x, i = torch.arange(3.0, device="cuda"), torch.tensor([1, 7], device="cuda")
        line = inspect.currentframe().f_lineno + 1
        y = x.index_select(0, i)
        z = (x + 1).exp()
        with pytest.raises(IndexError, match=rf"index 7 of dimension 0 with size 3 \(asked for at {__file__}:{line}\)"):
            z.tolist()
        assert y.tolist() == [1, 0]  # what was wrong counted as 0, and is said once

    def test_waiting_for_the_device_or_a_stream_raises_too(self, refusals):
        x, i = torch.arange(3.0, device="cuda"), torch.tensor([-9], device="cuda")
        for wait in (torch.cuda.synchronize, torch.cuda.current_stream().synchronize):
            x.gather(0, i)
            with pytest.raises(RuntimeError, match="index -9 is out of bounds"):
                wait()
            wait()

    def test_the_first_wrong_one_is_told(self, refusals):
        x = torch.arange(3.0, device="cuda")
        x.index_select(0, torch.tensor([4], device="cuda"))
        x.index_select(0, torch.tensor([5], device="cuda"))
        with pytest.raises(IndexError, match="index 4"):
            torch.cuda.synchronize()

    def test_a_replayed_graph_tells_what_its_indices_hold_now(self):
        x, i = torch.arange(3.0, device="cuda"), torch.tensor([2], device="cuda")
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            y = x.index_select(0, i)
        graph.replay()
        assert y.tolist() == [2]
        i.fill_(3)
        with pytest.raises(IndexError, match="index 3 of dimension 0"):
            graph.replay()
            torch.cuda.synchronize()
        i.fill_(1)
        graph.replay()
        assert y.tolist() == [1]
