"""The gradient scaler: it grows, backs off, calls steps off, and does all of that in a captured step too."""

import math
import pickle

import numpy as np
import pytest

import autograd_gpu as torch
from autograd_gpu.amp import GradScaler, autocast

OPTIMIZERS = {
    "SGD": lambda p: torch.optim.SGD(p, lr=0.5),
    "momentum": lambda p: torch.optim.SGD(p, lr=0.5, momentum=0.9),
    "AdamW": lambda p: torch.optim.AdamW(p, lr=0.1),
    "RMSprop": lambda p: torch.optim.RMSprop(p, lr=0.1),
}


def parameter(device, values=(1.0, -2.0)):
    return torch.nn.Parameter(torch.tensor(list(values), device=device))


def scaler_for(device, **settings):
    return GradScaler(device, **({"init_scale": 8.0, "growth_interval": 2} | settings))


def stepped(scaler, optimizer, p, factor=1.0):
    """One step on a loss with gradient `factor` * p, and the update."""
    optimizer.zero_grad()
    scaler.scale((p * p * factor).sum() / 2).backward()
    scaler.step(optimizer)
    scaler.update()


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_scaled_steps_are_the_plain_steps(name, device):
    p, q = parameter(device), parameter(device)
    optimizer, plain, scaler = OPTIMIZERS[name]([p]), OPTIMIZERS[name]([q]), scaler_for(device)
    for _ in range(4):
        stepped(scaler, optimizer, p)
        plain.zero_grad()
        ((q * q).sum() / 2).backward()
        plain.step()
        assert p.tolist() == q.tolist()


def test_the_scale_grows_and_backs_off(device):
    p = parameter(device)
    optimizer, scaler = torch.optim.SGD([p], lr=0.01), scaler_for(device, growth_factor=4.0, backoff_factor=0.25)
    seen = []
    for factor in (1.0, 1.0, 1.0, math.inf, 1.0, math.nan, math.nan, 1.0, 1.0):
        stepped(scaler, optimizer, p, factor)
        seen.append((scaler.get_scale(), scaler.state_dict()["_growth_tracker"]))
    assert seen == [(8, 1), (32, 0), (32, 1), (8, 0), (8, 1), (2, 0), (0.5, 0), (0.5, 1), (2, 0)]


def test_the_scale_does_not_grow_beyond_the_finite(device):
    p = parameter(device, (1e-30,))
    optimizer, scaler = torch.optim.SGD([p], lr=0.0), scaler_for(device, init_scale=2.0**127, growth_interval=1)
    stepped(scaler, optimizer, p)
    assert scaler.get_scale() == 2.0**127


@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_step_with_infinities_changes_nothing(name, bad, device):
    p, q = parameter(device), parameter(device)
    optimizer, scaler = OPTIMIZERS[name]([p, q]), scaler_for(device)
    stepped(scaler, optimizer, p)
    stepped(scaler, optimizer, q)
    before = [p.tolist(), q.tolist()]
    optimizer.zero_grad()
    scaler.scale((p * p).sum() + q[0] * bad).backward()  # one element of one of two parameters
    scaler.step(optimizer)
    assert [p.tolist(), q.tolist()] == before
    assert all(float(state.get("step", 1)) == 1 for state in optimizer.state.values())


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_unscaled_gradients_can_be_clipped(name, device):
    p, q = parameter(device, (3.0, 4.0)), parameter(device, (3.0, 4.0))
    optimizer, plain, scaler = OPTIMIZERS[name]([p]), OPTIMIZERS[name]([q]), scaler_for(device)
    scaler.scale((p * p).sum() / 2).backward()
    assert p.grad.tolist() == [24, 32]
    scaler.unscale_(optimizer)
    assert p.grad.tolist() == [3, 4]
    ((q * q).sum() / 2).backward()
    for x in (p, q):
        torch.nn.utils.clip_grad_norm_([x], 1.0)
    scaler.step(optimizer)
    plain.step()
    assert p.tolist() == q.tolist()
    scaler.update()
    assert scaler.state_dict()["_growth_tracker"] == 1


def test_several_optimizers_share_a_scale(device):
    p, q = parameter(device), parameter(device)
    first, second = torch.optim.SGD([p], lr=0.5), torch.optim.RMSprop([q], lr=0.5)
    scaler = scaler_for(device)
    losses = scaler.scale([(p * p).sum() / 2, q[0] * math.inf])
    assert type(losses) is list
    for loss in losses:
        loss.backward()
    scaler.step(first)
    scaler.step(second)
    scaler.update()
    assert p.tolist() == [0.5, -1]
    assert q.tolist() == [1, -2]
    assert scaler.get_scale() == 4


def test_calls_out_of_order(device):
    p = parameter(device)
    optimizer, scaler = torch.optim.SGD([p], lr=0.1), scaler_for(device)
    for call in (lambda: scaler.unscale_(optimizer), lambda: scaler.step(optimizer), scaler.update):
        with pytest.raises(AssertionError, match="_scale is None"):
            call()
    scaler.scale((p * p).sum()).backward()
    with pytest.raises(AssertionError, match="No inf checks were recorded prior to update"):
        scaler.update()
    with pytest.raises(RuntimeError, match="Closure use is not currently supported"):
        scaler.step(optimizer, closure=lambda: None)
    scaler.unscale_(optimizer)
    with pytest.raises(RuntimeError, match=r"unscale_\(\) has already been called"):
        scaler.unscale_(optimizer)
    scaler.step(optimizer)
    with pytest.raises(RuntimeError, match=r"unscale_\(\) is being called after step"):
        scaler.unscale_(optimizer)
    with pytest.raises(RuntimeError, match=r"step\(\) has already been called since the last update"):
        scaler.step(optimizer)
    scaler.update()
    optimizer.zero_grad()
    with pytest.raises(AssertionError, match="No inf checks were recorded for this optimizer"):
        scaler.step(optimizer)


def test_float16_gradients_are_not_unscaled(device):
    p = torch.nn.Parameter(torch.ones(2, dtype=torch.float16, device=device))
    optimizer, scaler = torch.optim.SGD([p], lr=0.1), scaler_for(device)
    scaler.scale((p * p).sum()).backward()
    with pytest.raises(ValueError, match="Attempting to unscale FP16 gradients"):
        scaler.unscale_(optimizer)


def test_the_scale_can_be_set(device):
    p = parameter(device)
    optimizer, scaler = torch.optim.SGD([p], lr=0.1), scaler_for(device)
    stepped(scaler, optimizer, p)
    scaler.update(3.0)
    assert scaler.get_scale() == 3
    new = torch.tensor(5.0, device=device)
    scaler.update(new)
    new.fill_(7.0)
    assert scaler.get_scale() == 5
    with pytest.raises(AssertionError, match="new_scale should be a float or a 1-element"):
        scaler.update(torch.ones(2, device=device))


def test_states_go_from_one_scaler_to_another(device):
    p = parameter(device)
    optimizer, scaler = torch.optim.SGD([p], lr=0.1), scaler_for(device)
    for _ in range(3):
        stepped(scaler, optimizer, p)
    state = scaler.state_dict()
    assert state == {
        "scale": 16.0, "growth_factor": 2.0, "backoff_factor": 0.5, "growth_interval": 2, "_growth_tracker": 1,
    }  # fmt: skip
    fresh, used = GradScaler(device), GradScaler(device)
    used.scale(torch.ones((), device=device))
    for other in (fresh, used):
        other.load_state_dict(state)
        stepped(other, optimizer, p)
        assert other.get_scale() == 32
    with pytest.raises(RuntimeError, match="source state dict is empty"):
        scaler.load_state_dict({})


def test_a_scaler_can_be_pickled_between_steps(device):
    p = parameter(device)
    optimizer, scaler = torch.optim.SGD([p], lr=0.1), scaler_for(device)
    for _ in range(3):
        stepped(scaler, optimizer, p)
    again = pickle.loads(pickle.dumps(scaler))
    assert again.state_dict() == scaler.state_dict()
    stepped(again, optimizer, p)
    assert again.get_scale() == 32
    again.unscale_(optimizer)
    with pytest.raises(AssertionError, match="may only be pickled at the beginning of an iteration"):
        pickle.dumps(again)


def test_a_gradient_penalty(device):
    """Gradients of scaled losses are unscaled by hand, and differentiated again."""
    w, x = torch.nn.Parameter(torch.ones(3, 3, device=device)), torch.ones(2, 3, device=device)
    optimizer, scaler = torch.optim.SGD([w], lr=1.0), scaler_for(device)
    with autocast(device):
        loss = (x @ w).square().mean()
    (gradient,) = torch.autograd.grad(scaler.scale(loss), [w], create_graph=True)
    with autocast(device):
        loss = loss + (gradient / scaler.get_scale()).pow(2).sum()
    scaler.scale(loss).backward()
    scaler.step(optimizer)
    np.testing.assert_allclose(w.tolist(), 1 - penalised_slope(), rtol=0.02)


def penalised_slope(h=1e-4):
    def loss(w):
        y = np.ones((2, 3)) @ w
        gradient = np.ones((3, 2)) @ (2 * y / y.size)
        return (y**2).mean() + (gradient**2).sum()

    w = np.ones((3, 3))
    slope = np.zeros_like(w)
    for place in np.ndindex(w.shape):
        step = np.zeros_like(w)
        step[place] = h
        slope[place] = (loss(w + step) - loss(w - step)) / (2 * h)
    return slope


def test_settings(device):
    scaler = GradScaler(device)
    assert (scaler.get_scale(), scaler.get_growth_factor()) == (65536, 2)
    assert (scaler.get_backoff_factor(), scaler.get_growth_interval()) == (0.5, 2000)
    scaler.set_growth_factor(3.0)
    scaler.set_backoff_factor(0.1)
    scaler.set_growth_interval(7)
    assert (scaler.get_growth_factor(), scaler.get_backoff_factor(), scaler.get_growth_interval()) == (3, 0.1, 7)
    with pytest.raises(AssertionError, match=r"growth factor must be > 1\.0"):
        GradScaler(device, growth_factor=1.0)
    with pytest.raises(AssertionError, match=r"backoff factor must be < 1\.0"):
        GradScaler(device, backoff_factor=1.0)


def test_disabled_everything_passes_through(device):
    p = parameter(device)
    optimizer, scaler = torch.optim.SGD([p], lr=0.5), GradScaler(device, enabled=False)
    loss = (p * p).sum() / 2
    assert scaler.scale(loss) is loss
    loss.backward()
    scaler.unscale_(optimizer)
    scaler.step(optimizer)
    scaler.update()
    scaler.load_state_dict({})
    assert p.tolist() == [0.5, -1]
    assert (scaler.is_enabled(), scaler.get_scale(), scaler.state_dict()) == (False, 1, {})


# ------------------------------------------------------------------------------------------------ captured steps


class Training:
    """A step with float16 products, a scale that grows and backs off, and clipping."""

    def __init__(self, clips):
        torch.manual_seed(0)
        nn = torch.nn
        self.model = nn.Sequential(nn.Linear(4, 8), nn.LayerNorm(8), nn.GELU(), nn.Linear(8, 3)).to("cuda")
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=0.1)
        self.scaler = GradScaler("cuda", init_scale=1024.0, growth_interval=2)
        self.clips = clips
        self.x = torch.zeros(6, 4, device="cuda")
        self.y = torch.zeros(6, dtype=torch.int64, device="cuda")

    def step(self):
        self.optimizer.zero_grad()
        with autocast("cuda"):
            loss = torch.nn.functional.cross_entropy(self.model(self.x), self.y)
        self.scaler.scale(loss).backward()
        if self.clips:
            self.scaler.unscale_(self.optimizer)
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), 0.5)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        return loss

    def load(self, number):
        random = np.random.default_rng(number)
        x = random.standard_normal((6, 4)) * (1e6 if number == 4 else 1)  # infinite in float16
        self.x.copy_(torch.tensor(x, dtype=torch.float32, device="cuda"))
        self.y.copy_(torch.tensor(random.integers(0, 3, 6), device="cuda"))

    def state(self, loss):
        return [loss.item(), self.scaler.state_dict(), *(p.tolist() for p in self.model.parameters())]


@pytest.mark.ours
@pytest.mark.parametrize("clips", [False, True])
def test_a_captured_step_is_the_eager_step_to_the_last_bit(clips):
    eager, replayed = Training(clips), Training(clips)
    graph, scales = None, []
    for number in range(7):
        eager.load(number)
        expected = eager.state(eager.step())
        replayed.load(number)
        if number < 2:
            loss = replayed.step()
        else:
            if graph is None:
                graph = torch.cuda.CUDAGraph()
                with torch.cuda.graph(graph):
                    loss = replayed.step()
            graph.replay()
        np.testing.assert_equal(replayed.state(loss), expected)  # where the loss is NaN, it is in both
        scales.append(replayed.scaler.get_scale())
    assert scales == [1024, 2048, 2048, 4096, 2048, 2048, 4096]


@pytest.mark.ours
def test_a_graph_does_not_read_casts_from_before_it():
    w, x = torch.ones(2, 2, device="cuda", requires_grad=True), torch.ones(2, 2, device="cuda")
    graph = torch.cuda.CUDAGraph()
    with autocast("cuda"):
        x @ w
        with torch.cuda.graph(graph):
            y = x @ w
    with torch.no_grad():
        w.fill_(3.0)
    graph.replay()
    assert y.tolist() == [[6, 6], [6, 6]]


@pytest.mark.parametrize("bad", [math.inf, math.nan])
def test_a_skipped_step_is_nobodys_first(bad, device):
    """The first step of momentum takes the gradient undamped; so does that behind steps that were none."""

    def trained(gradients):
        p = parameter(device)
        optimizer = torch.optim.SGD([p], lr=0.1, momentum=0.9, dampening=0.5)
        scaler = GradScaler(device, init_scale=4.0)
        for gradient in gradients:
            stepped(scaler, optimizer, p, gradient)
        return p.tolist()

    assert trained([bad, bad, 1.0, 2.0]) == trained([1.0, 2.0])
