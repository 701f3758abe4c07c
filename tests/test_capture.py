"""Captured training steps: a replay does what the step does, on the same memory, with what the host changed since."""

import gc

import numpy as np
import pytest

import autograd_gpu as torch

pytestmark = pytest.mark.ours
F = torch.nn.functional


class Training:
    """A small model whose steps need everything: dropout, norms, clipping, a schedule, weight decay."""

    def __init__(self, optimizer=torch.optim.AdamW, **settings):
        torch.manual_seed(0)
        nn = torch.nn
        layers = [nn.Linear(4, 8), nn.LayerNorm(8), nn.GELU(), nn.Dropout(0.3), nn.Linear(8, 3)]
        self.model = nn.Sequential(*layers).to("cuda")
        self.optimizer = optimizer(self.model.parameters(), lr=0.1, **settings)
        self.schedule = torch.optim.lr_scheduler.StepLR(self.optimizer, 1, gamma=0.5)
        self.x = torch.zeros(6, 4, device="cuda")
        self.y = torch.zeros(6, dtype=torch.int64, device="cuda")

    def step(self):
        self.optimizer.zero_grad()
        loss = F.cross_entropy(self.model(self.x), self.y)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), 0.5)
        self.optimizer.step()
        return loss

    def load(self, number):
        random = np.random.default_rng(number)
        self.x.copy_(torch.tensor(random.standard_normal((6, 4)), dtype=torch.float32, device="cuda"))
        self.y.copy_(torch.tensor(random.integers(0, 3, 6), device="cuda"))

    def weights(self):
        return [p.detach().cpu().numpy().copy() for p in self.model.parameters()]


def captured(training):
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        loss = training.step()
    return graph, loss


@pytest.mark.parametrize(
    ("optimizer", "settings"),
    [
        (torch.optim.AdamW, {}),
        (torch.optim.Adam, {"amsgrad": True}),
        (torch.optim.SGD, {}),
        (torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
    ],
)
def test_replays_are_the_steps(optimizer, settings):
    """Losses and weights agree to the last bit: inputs, random numbers and the schedule's rates reach the graph."""
    eager, replayed = Training(optimizer, **settings), Training(optimizer, **settings)
    torch.manual_seed(1)
    losses = []
    for number in range(5):
        eager.load(number)
        losses.append(eager.step().item())
        eager.schedule.step()
    torch.manual_seed(1)
    found, graph = [], None
    for number in range(5):
        replayed.load(number)
        if number < 2:
            loss = replayed.step()
        else:
            if graph is None:
                graph, loss = captured(replayed)
            graph.replay()
        found.append(loss.item())
        replayed.schedule.step()
    assert found == losses
    for a, b in zip(eager.weights(), replayed.weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_nothing_runs_during_the_capture():
    training = Training()
    training.load(0)
    training.step()
    before = training.weights()
    captured(training)
    for a, b in zip(before, training.weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_seed_set_after_the_capture_is_the_replays():
    x = torch.ones(64, device="cuda")
    F.dropout(x, 0.5)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        y = F.dropout(x, 0.5)
    seen = []
    for seed in (3, 4, 3):
        torch.manual_seed(seed)
        graph.replay()
        seen.append(y.tolist())
    assert seen[0] == seen[2] != seen[1]
    torch.manual_seed(4)
    assert F.dropout(x, 0.5).tolist() == seen[1]


def test_the_graph_keeps_its_memory():
    x = torch.arange(4.0, device="cuda")
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        y = (x * 2 + 1).exp().log()  # the values in between belong to nobody but the graph
    gc.collect()
    for factor in (1.0, 3.0):
        x.copy_(torch.arange(4.0, device="cuda") * factor)
        torch.ones(1000, device="cuda").sum()
        graph.replay()
        assert y.tolist() == pytest.approx([2 * factor * i + 1 for i in range(4)])


@pytest.mark.parametrize(
    "read",
    [
        lambda x: x.sum().item(),
        lambda x: x.cpu(),
        lambda x: torch.tensor([1.0, 2.0], device="cuda") + x[:2],
        lambda x: x[x > 1],
        lambda x: torch.cuda.synchronize(),
        lambda x: torch.linalg.inv(x[:4].reshape(2, 2)),
    ],
    ids=["item", "cpu", "a constant", "a mask as index", "synchronize", "linalg"],
)
def test_what_a_graph_cannot_hold_is_refused_and_the_capture_ends(read):
    x = torch.arange(4.0, device="cuda")
    graph = torch.cuda.CUDAGraph()
    with pytest.raises(RuntimeError, match="operation not permitted when stream is capturing"), torch.cuda.graph(graph):
        read(x)
    assert not torch.cuda.is_current_stream_capturing()
    assert (x * 2).tolist() == [0, 2, 4, 6]  # what comes after runs as ever
    with pytest.raises(RuntimeError, match="without a preceding successful capture"):
        graph.replay()
    with torch.cuda.graph(graph):
        y = x + 1
    graph.replay()
    assert y.tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize(("optimizer", "settings"), [(torch.optim.AdamW, {}), (torch.optim.SGD, {"momentum": 0.9})])
def test_a_first_step_cannot_be_captured(optimizer, settings):
    with pytest.raises(RuntimeError, match="Take a step before the capture"):
        captured(Training(optimizer, **settings))


def test_an_optimizer_that_counts_on_the_host_cannot_be_captured():
    training = Training(torch.optim.RMSprop)
    training.step()
    with pytest.raises(RuntimeError, match=r"CUDA graph capture of step\(\) .* RMSprop"):
        captured(training)


def test_captures_do_not_nest():
    outer, inner = torch.cuda.CUDAGraph(), torch.cuda.CUDAGraph()
    with pytest.raises(RuntimeError, match="a capture is under way"), torch.cuda.graph(outer):
        inner.capture_begin()


def test_a_graph_is_captured_once_unless_reset():
    x = torch.ones(2, device="cuda")
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        x * 2
    with pytest.raises(RuntimeError, match="already owns a captured graph"), torch.cuda.graph(graph):
        x * 3
    graph.reset()
    with torch.cuda.graph(graph):
        y = x * 3
    graph.replay()
    assert y.tolist() == [3, 3]


def test_the_default_stream_cannot_be_captured():
    with pytest.raises(RuntimeError, match="non-default stream"):
        torch.cuda.CUDAGraph().capture_begin()


def test_pytorchs_warm_up_on_a_side_stream():
    training = Training()
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        assert torch.cuda.current_stream() == side
        training.step()
    torch.cuda.current_stream().wait_stream(side)
    assert torch.cuda.current_stream() == torch.cuda.default_stream() != side
    graph, loss = captured(training)
    graph.replay()
    assert loss.item() > 0


def test_events_tell_the_time_between_them():
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    start.record()
    torch.ones(10, device="cuda").exp()
    end.record()
    end.synchronize()
    assert end.query()
    assert start.elapsed_time(end) > 0
    with pytest.raises(ValueError, match="enable_timing=True"):
        start.elapsed_time(torch.cuda.Event())


def test_a_captured_step_is_the_step():
    def made():
        torch.manual_seed(0)
        model = torch.nn.Linear(3, 1).to("cuda")
        optimizer = torch.optim.AdamW(model.parameters(), lr=0.1)

        def step(x):
            optimizer.zero_grad()
            loss = (model(x) ** 2).mean()
            loss.backward()
            optimizer.step()
            return loss

        return step

    inputs = [torch.tensor([[float(n), 1.0, -1.0]], device="cuda") for n in range(5)]
    eager, captured_step = made(), torch.capture(made())
    assert [eager(x).item() for x in inputs] == [captured_step(x).item() for x in inputs]

    eager, captured_step = made(), made()  # a step may also take nothing
    without = torch.capture(lambda: captured_step(inputs[1]))
    assert [eager(inputs[1]).item() for _ in range(5)] == [without().item() for _ in range(5)]


def test_graphed_callables_among_eager_ones():
    torch.manual_seed(0)
    first, second = torch.nn.Linear(3, 4).to("cuda"), torch.nn.Linear(4, 2).to("cuda")

    def trained(first, middle, second):
        losses = []
        parameters = [*first.parameters(), *second.parameters()]
        for number in range(3):
            x = torch.tensor([[float(number), 1.0, -1.0]], device="cuda")
            loss = (second(middle(first(x))) ** 2).sum()
            gradients = torch.autograd.grad(loss, parameters)
            losses.append([loss.item(), *(g.tolist() for g in gradients)])
        return losses

    def middle(x):
        return x.tanh() * x

    expected = trained(first, middle, second)
    samples = (
        (torch.zeros(1, 3, device="cuda"),),
        (torch.zeros(1, 4, device="cuda", requires_grad=True),),
        (torch.zeros(1, 4, device="cuda", requires_grad=True),),
    )
    graphed = torch.cuda.make_graphed_callables((first, middle, second), samples)
    assert graphed[0] is first
    assert trained(*graphed) == expected
    first.eval()  # in the other mode the module's own forward runs
    assert trained(*graphed) == expected


def test_graphed_callables_take_cuda_tensors():
    with pytest.raises(TypeError, match="expected tuples of CUDA tensors"):
        torch.cuda.make_graphed_callables(lambda x: x, (torch.ones(1),))
