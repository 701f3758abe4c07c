"""capture(step): calls that replay do what the step does, bit for bit; what has changed records anew or is refused."""

import copy
import ctypes
import gc
import pickle
import threading
import warnings

import numpy as np
import pytest

import autograd_gpu as torch
from autograd_gpu.steps import captured_step

pytestmark = pytest.mark.ours
F, nn = torch.nn.functional, torch.nn


class Training:
    """A small model whose steps need everything: dropout, norms, clipping, a schedule, weight decay."""

    def __init__(self, device, optimizer=torch.optim.AdamW, dropout=0.3, **settings):
        torch.manual_seed(0)
        layers = [nn.Linear(4, 8), nn.LayerNorm(8), nn.GELU(), nn.Dropout(dropout), nn.Linear(8, 3)]
        self.model = nn.Sequential(*layers).to(device)
        self.optimizer = optimizer(self.model.parameters(), lr=0.1, **settings)
        self.schedule = torch.optim.lr_scheduler.StepLR(self.optimizer, 1, gamma=0.5)
        self.device = device
        torch.manual_seed(1)

    def step(self, x, y):
        self.optimizer.zero_grad()
        loss = F.cross_entropy(self.model(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 0.5)
        self.optimizer.step()
        self.schedule.step()
        return loss

    def batch(self, number, rows=6):
        random = np.random.default_rng(number)
        x = torch.tensor(random.standard_normal((rows, 4)), dtype=torch.float32, device=self.device)
        return x, torch.tensor(random.integers(0, 3, rows), device=self.device)

    def state(self):
        tensors = [*self.model.parameters(), *(p.grad for p in self.model.parameters())]
        tensors += [value for state in self.optimizer.state.values() for value in state.values()]
        return [x.detach().cpu().numpy().copy() for x in tensors]


def both(device, **settings):
    eager, replayed = Training(device, **settings), Training(device, **settings)
    return eager, replayed, torch.capture(replayed.step)


def take(eager, replayed, step, batches):
    """Steps in turns, each with the same random numbers."""
    for number, batch in enumerate(batches):
        losses = []
        for run in (eager.step, step):
            torch.manual_seed(number)
            losses.append(run(*batch).item())
        assert losses[0] == losses[1]
    for a, b in zip(eager.state(), replayed.state(), strict=True):
        np.testing.assert_array_equal(a, b)


def recordings(step):
    return len(step.recorded)


@pytest.mark.parametrize(
    ("optimizer", "settings"),
    [
        (torch.optim.AdamW, {}),
        (torch.optim.Adam, {"amsgrad": True}),
        (torch.optim.SGD, {}),
        (torch.optim.SGD, {"momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    ],
    ids=["AdamW", "amsgrad", "SGD", "momentum"],
)
def test_captured_steps_are_the_steps(device, optimizer, settings):
    eager, replayed, step = both(device, optimizer=optimizer, **settings)
    take(eager, replayed, step, [eager.batch(number) for number in range(6)])
    assert recordings(step) == 1
    assert eager.schedule.last_epoch == replayed.schedule.last_epoch == 6


def test_a_last_smaller_batch_has_a_recording_of_its_own(device):
    eager, replayed, step = both(device)
    take(eager, replayed, step, [eager.batch(n, 4 if n % 3 == 2 else 6) for n in range(9)])
    assert recordings(step) == 2


def test_modes_settings_and_weights_record_anew(device):
    eager, replayed, step = both(device)
    take(eager, replayed, step, [eager.batch(n) for n in range(3)])
    changes = [
        ("mode", lambda t: t.model[3].eval()),
        ("back", lambda t: t.model.train()),
        ("settings", lambda t: t.optimizer.param_groups[0].update(weight_decay=0.3)),
        ("memory", lambda t: setattr(t.model[0].weight, "data", t.model[0].weight.data.clone())),
        ("requires_grad", lambda t: t.model[1].bias.requires_grad_(False)),
        ("state", lambda t: t.optimizer.load_state_dict(t.optimizer.state_dict())),
        ("hooks", lambda t: t.model[0].register_forward_hook(lambda module, args, y: y * 2)),
    ]
    for why, change in changes:
        before = len(step.recorded)
        for training in (eager, replayed):
            change(training)
            for parameter in training.model.parameters():
                parameter.grad = None
        for number in range(3):
            batch = eager.batch(10 + number)
            for run in (eager.step, step):
                torch.manual_seed(number)
                run(*batch)
        for a, b in zip(eager.model.parameters(), replayed.model.parameters(), strict=True):
            np.testing.assert_array_equal(a.detach().cpu().numpy(), b.detach().cpu().numpy(), err_msg=why)
        assert len(step.recorded) > before or why == "back", why


def test_gradients_accumulate_over_captured_calls(device):
    torch.manual_seed(0)
    weights = [torch.randn(4, 3, device=device).requires_grad_() for _ in range(2)]
    weights[1].data.copy_(weights[0].data)

    def gradient(weight):
        def step(x):
            loss = (x @ weight).square().mean()
            loss.backward()
            return loss

        return step

    eager, step = gradient(weights[0]), torch.capture(gradient(weights[1]))
    for number in range(9):
        x = torch.randn(5, 4, device=device)
        if number % 3 == 0:
            for weight in weights:
                weight.grad = None
        assert eager(x).item() == step(x).item()
        np.testing.assert_array_equal(weights[0].grad.cpu().numpy(), weights[1].grad.cpu().numpy())


def test_numbers_and_trees_are_arguments(device):
    @torch.capture
    def scaled(batch, factor, *, flip=False):
        x, y = batch["x"], batch["pair"][0]
        return {"sum": x + y * factor, "flip": -x if flip else x * 1, "number": factor}

    for factor in (2.0, 2.0, 2.0, 3.0, 3.0, 2.0):
        x, y = torch.randn(3, device=device), torch.randn(3, device=device)
        found = scaled({"x": x, "pair": (y, 1)}, factor)
        np.testing.assert_allclose(found["sum"].tolist(), (x + y * factor).tolist(), rtol=1e-6)
        assert found["number"] == factor
    assert recordings(scaled) == 2
    assert scaled({"x": x, "pair": (y, 1)}, 2.0, flip=True)["flip"].tolist() == (-x).tolist()


def test_a_number_or_tensor_that_the_step_names_is_looked_at_at_each_call(device):
    shift, offset = torch.ones(3, device=device), 1.0

    @torch.capture
    def step(x):
        return x + shift * offset

    x = torch.zeros(3, device=device)
    for _ in range(3):
        assert step(x).tolist() == [1.0] * 3
    shift = torch.full((3,), 5.0, device=device)
    assert step(x).tolist() == [5.0] * 3
    offset = 2.0
    assert step(x).tolist() == [10.0] * 3


def test_results_are_fresh_or_by_choice_the_same(device):
    fresh, static = torch.capture(lambda x: x * 2), torch.capture(lambda x: x * 2, static=True)
    x = torch.ones(3, device=device)
    for step in (fresh, static):
        for _ in range(3):
            first = step(x)
        second = step(x * 5)
        assert second.tolist() == [10.0] * 3
        assert first.tolist() == ([2.0] * 3 if step is fresh else [10.0] * 3)
        assert not first.requires_grad


@pytest.mark.parametrize("read", [lambda x: x.sum().item(), lambda x: bool(x.sum() > 0), lambda x: x.tolist()])
def test_a_step_that_reads_values_is_refused_with_its_line_once_the_step_is_through(read):
    weight = torch.zeros(3)

    def step(x):
        weight.add_(x)
        read(weight)  # the line

    captured = torch.capture(step)
    with pytest.raises(RuntimeError, match=r"the step .*reads .* at .*test_captured_step.py:\d+.*taken its step"):
        captured(torch.ones(3))
    assert weight.tolist() == [1.0] * 3
    with pytest.raises(RuntimeError, match="reads"):
        captured(torch.ones(3))
    assert weight.tolist() == [1.0] * 3


def test_what_depends_on_values_is_refused_at_the_recording():
    captured = torch.capture(lambda x: x[x > 0].sum())
    captured(torch.ones(3))
    with pytest.raises(RuntimeError, match="asks which elements"):
        captured(torch.ones(3))


def test_the_step_of_an_optimizer_that_counts_on_the_host_is_refused():
    weight = nn.Parameter(torch.ones(3))
    optimizer = torch.optim.RMSprop([weight])

    def step():
        weight.grad = torch.ones(3)
        optimizer.step()

    with pytest.raises(RuntimeError, match=r"capture.*reads"):
        torch.capture(step)()


def test_a_captured_step_within_a_capture_is_refused():
    inner = torch.capture(lambda x: x + 1)
    outer = torch.capture(lambda x: inner(x))
    outer(torch.ones(1))
    with pytest.raises(RuntimeError, match="within a capture"):
        outer(torch.ones(1))
    assert inner(torch.ones(1)).tolist() == [2.0]  # the failed recording has left nothing behind


def test_a_step_that_raises_leaves_no_recording_and_no_trace():
    fail = [False]

    def step(x):
        y = x * 2
        if fail[0]:
            raise KeyError("mine")
        return y

    captured = torch.capture(step)
    captured(torch.ones(2))
    fail[0] = True
    with pytest.raises(KeyError, match="mine"):
        captured(torch.ones(2))
    fail[0] = False
    assert [captured(torch.full((2,), float(n))).tolist()[0] for n in range(4)] == [0.0, 2.0, 4.0, 6.0]
    assert torch.device("cpu").backend.__name__.startswith("autograd_gpu.arrays")


def test_what_the_host_computes_within_a_step_is_in_the_replay():
    """Tables of positions and constants lie in memory that the step's later arrays are given again."""

    def step(x):
        total = torch.tensor([1.0, 2.0, 3.0]) * x
        for number in range(20):
            total = total + torch.tensor([float(number), 0.0, 1.0])
        return total + torch.arange(3) + F.interpolate(x.reshape(1, 1, 3), size=6, mode="linear").sum()

    captured = torch.capture(step)
    for number in range(5):
        x = torch.full((3,), float(number))
        assert captured(x).tolist() == step(x).tolist()


def test_a_constant_that_no_operation_reads_is_a_result_all_the_same():
    def step(x):
        constant = torch.tensor([1.0, 2.0, 3.0])
        others = [x * n for n in range(8)]
        return constant[1:], sum(others)

    captured = torch.capture(step)
    for _ in range(4):
        constant, total = captured(torch.ones(3))
        assert constant.tolist() == [2.0, 3.0] and total.tolist() == [28.0] * 3


def test_versions_count_what_a_replay_writes():
    weight = nn.Parameter(torch.ones(3))
    optimizer = torch.optim.SGD([weight], lr=0.1)

    @torch.capture
    def step():
        weight.grad = torch.ones(3)
        optimizer.step()

    for _ in range(3):
        step()
    y = (weight * weight).sum()
    step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward()


def test_memory_lives_as_long_as_a_result_or_the_step():
    step = torch.capture(lambda x: (x + 1).exp(), static=True)
    for _ in range(3):
        y = step(torch.zeros(1000))
    del step
    gc.collect()
    junk = [torch.full((1000,), 7.0) for _ in range(50)]
    assert y.tolist() == torch.ones(1000).exp().tolist() and len(junk) == 50


def test_threads_take_turns():
    step = torch.capture(lambda x: (x * 2).exp().log() + 1)
    for _ in range(2):
        step(torch.ones(64))
    wrong = []

    def work(number):
        for _ in range(50):
            y = step(torch.full((64,), float(number)))
            z = torch.full((64,), float(number)) * 3  # beside a recording of another thread, too
            if abs(y[0].item() - (2 * number + 1)) > 1e-5 or z[0].item() != number * 3:
                wrong.append(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_autocast_and_grad_mode_are_part_of_what_is_recorded():
    weight = torch.randn(4, 4)
    step = torch.capture(lambda x: x @ weight)
    x = torch.randn(2, 4)
    for _ in range(3):
        assert step(x).dtype == torch.float32
    with torch.autocast("cpu", dtype=torch.bfloat16):
        for _ in range(3):
            assert step(x).dtype == torch.bfloat16
    with torch.no_grad():
        step(x)
    assert recordings(step) == 3


def test_explain_says_what_was_recorded_and_why():
    step = torch.capture(lambda x: (x @ x).exp())
    for rows in (3, 3, 3, 4):
        step(torch.ones(rows, rows))
    text = torch.explain(step)
    assert "2 recordings" in text and "2 launches" in text and "MB kept" in text
    assert "none of these shapes" in text


def test_results_that_share_memory_share_it_after_a_replay(on_each_device):
    def step(x):
        y = x * 2
        return y, y[1:], y.t(), y, x + 1

    captured = torch.capture(step)
    for number in range(3):
        x = torch.ones(3, 4) * number
        y, rows, across, again, other = captured(x)
    assert again is y
    y[1, 2] = 7.0
    assert rows[0, 2].item() == across[2, 1].item() == 7.0
    for a, b in zip((y[0], other), (step(x)[0][0], step(x)[4]), strict=True):
        np.testing.assert_array_equal(a.cpu().numpy(), b.cpu().numpy())
    kept = captured(x)[0]
    captured(x * 0)
    assert kept[0, 0].item() == 4.0


def test_memory_report_says_what_recordings_keep(device):
    step = torch.capture(lambda x: (x * 2).exp())
    for _ in range(2):
        step(torch.ones(100, 10, device=device))
    (row,) = torch.memory_report(step).rows
    assert row.bytes >= 2 * 4000 and "test_captured_step.py" in row.line
    assert "recording of capture" in str(torch.memory_report(step))


def test_explain_shows_what_became_one_kernel(tmp_path):
    step = torch.capture(lambda x: [(x * 2 + 1).tanh(), x @ x])
    for _ in range(3):
        step(torch.ones(8, 8))
    explained = torch.explain(step)
    (work,) = explained.work
    assert [each.names for each in work] == [["mul", "add", "tanh"], ["product"]]
    assert work[0].before == 6 * 8 * 8 * 4 and work[0].after == 2 * 8 * 8 * 4
    assert "3 -> 1" in explained and "1.5 KB" in explained and "512 B" in explained
    assert "fillcolor=lightblue" in explained.dot and "product" in explained.dot
    explained.save(tmp_path / "step.dot")
    assert (tmp_path / "step.dot").read_text().startswith("digraph step")


def test_explain_and_capture_say_what_they_take():
    with pytest.raises(TypeError, match=r"explain.*capture.*function"):
        torch.explain(lambda: 1)
    with pytest.raises(TypeError, match="expected a function, but got int"):
        torch.capture(3)


def test_without_a_compiler_steps_run_as_ever(monkeypatch):
    monkeypatch.setattr(captured_step, "_has_tape", lambda: False)
    captured_step._say_that_nothing_is_recorded.cache_clear()
    step = torch.capture(lambda x: x + 1)
    step(torch.ones(2))
    with pytest.warns(UserWarning, match="nothing is compiled"):
        assert step(torch.ones(2)).tolist() == [2.0, 2.0]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert step(torch.ones(2)).tolist() == [2.0, 2.0]


# ---------------------------------------------------------------------------- what attackers found


def same(step, calls, eager=None):
    """Each call, (args, what is done before it), gives what the step itself gives."""
    eager = step if eager is None else eager
    captured = torch.capture(step)
    for args, before in calls:
        before()
        wanted = eager(*args)
        np.testing.assert_array_equal(captured(*args).tolist(), wanted.tolist())


def test_another_threads_steps_are_not_recorded():
    ours, theirs = nn.Parameter(torch.zeros(2)), nn.Parameter(torch.zeros(2))
    optimizers = [torch.optim.SGD([p], lr=1.0) for p in (ours, theirs)]
    schedule = torch.optim.lr_scheduler.StepLR(optimizers[1], 1, gamma=0.5)
    recording, done = threading.Event(), threading.Event()
    wait = [False]

    def step():
        if wait[0]:
            recording.set()
            done.wait(10)
        ours.grad = torch.ones(2)
        optimizers[0].step()

    def other():
        recording.wait(10)
        theirs.grad = torch.ones(2)
        optimizers[1].step()
        schedule.step()
        nn.Linear(2, 2)(torch.ones(2)).sum().item()
        done.set()

    theirs.grad = torch.zeros(2)
    optimizers[1].step()
    captured = torch.capture(step)
    captured()
    thread = threading.Thread(target=other)
    thread.start()
    wait[0] = True
    captured()
    thread.join()
    wait[0] = False
    for _ in range(3):
        captured()
    assert theirs.tolist() == [-1.0, -1.0] and schedule.last_epoch == 1
    assert ours.tolist() == [-5.0, -5.0]


def test_a_step_on_the_gpu_without_arguments_there_is_captured_there():
    weight = nn.Parameter(torch.zeros(2, device="cuda"))
    optimizer = torch.optim.SGD([weight], lr=1.0)
    weight.grad = torch.ones(2, device="cuda")
    step = torch.capture(lambda: optimizer.step())
    for count in range(1, 5):
        step()
        assert weight.tolist() == [-float(count)] * 2
    average = torch.full((2,), 2.0, device="cuda")

    @torch.no_grad()
    def double():
        average.mul_(2)

    captured = torch.capture(double)
    for count in range(1, 5):
        captured()
        assert average.tolist() == [2.0 * 2**count] * 2


def test_named_tensors_are_known_by_themselves_and_their_memory():
    held = {"x": torch.zeros(1)}
    step = torch.capture(lambda x: x + held["x"])
    for number in range(8):
        held["x"] = torch.full((1,), float(number))
        assert step(torch.ones(1)).tolist() == [number + 1.0]
    fixed = torch.ones(2)
    step = torch.capture(lambda: fixed * 2)
    for number in range(6):
        fixed.data = torch.full((2,), float(number))
        assert step().tolist() == [number * 2.0] * 2


def test_trees_of_other_structure_are_other_arguments():
    a, b, c = (torch.full((1,), float(n)) for n in (1, 2, 4))
    step = torch.capture(lambda x, y: sum(x) - sum(y))
    for _ in range(3):
        assert step([a, b], [c]).item() == -1
    assert step([a], [b, c]).item() == -5
    named = torch.capture(lambda x, y: x - y)
    for _ in range(3):
        named(x=a, y=b)
    assert named(y=a, x=b).item() == 1


def test_what_a_step_writes_to_its_arguments_is_there_and_one_tensor_twice_is_one():
    x = torch.zeros(3)
    step = torch.capture(lambda x: x.add_(1).sum())
    for count in range(1, 6):
        assert step(x).item() == 3 * count and x.tolist() == [float(count)] * 3

    def doubled(x, y):
        x.mul_(2)
        return x + y

    captured = torch.capture(doubled)
    for _ in range(4):
        a = torch.full((1,), 3.0)
        assert captured(a, a).tolist() == [12.0]


def test_a_step_that_changes_a_list_among_its_arguments_is_refused():
    kept = []
    step = torch.capture(lambda x, kept: kept.append(x * 2))
    step(torch.ones(1), kept)
    with pytest.raises(RuntimeError, match="changes what a list or dict"):
        step(torch.ones(1), kept)


def test_a_gradient_that_is_replaced_and_only_read_is_noticed():
    weight = nn.Parameter(torch.zeros(2))
    step = torch.capture(lambda: nn.utils.clip_grad_norm_([weight], 1.0))
    for _ in range(5):
        weight.grad = torch.full((2,), 3.0)
        step()
        assert weight.grad.norm().item() == pytest.approx(1, rel=1e-5)


def test_modules_that_change_their_parts_are_noticed():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 2), nn.ReLU())
    model.mask = torch.ones(2)
    model.numbers = [3.0]
    handles = [model[0].register_forward_hook(lambda module, args, y: y + 1)]

    class Outer(nn.Module):
        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, x):
            return self.model(x) * self.model.mask * self.model.numbers[0]

    outer = Outer()

    def replace_hook():
        handles.pop().remove()
        handles.append(model[0].register_forward_hook(lambda module, args, y: y + 2))

    changes = [
        lambda: None, lambda: None, lambda: None, lambda: model.__setitem__(1, nn.Identity()),
        lambda: setattr(model, "mask", torch.zeros(2)), lambda: setattr(model, "mask", torch.ones(2)),
        lambda: model.numbers.__setitem__(0, 5.0), lambda: model.append(nn.Linear(2, 2)), replace_hook,
    ]  # fmt: skip
    same(lambda x: outer(x), [((torch.ones(1, 2),), change) for change in changes])


def test_names_within_comprehensions_and_of_objects_are_looked_at():
    class Settings:
        k = 0.0

    settings, factor = Settings(), 1.0
    settings.k = 1.0
    step = torch.capture(lambda xs: sum([x * factor for x in xs]) * settings.k)
    xs = [torch.ones(1), torch.ones(1)]
    for _ in range(3):
        assert step(xs).item() == 2
    factor = 3.0
    assert step(xs).item() == 6
    settings.k = 2.0
    assert step(xs).item() == 12


def test_numbers_that_are_equal_and_not_the_same_are_other_arguments():
    step = torch.capture(lambda x, k: 1 / (x * k))
    for k, wanted in ((0.0, "inf"), (0.0, "inf"), (0.0, "inf"), (-0.0, "-inf"), (-0.0, "-inf")):
        assert str(step(torch.ones(1), k).item()) == wanted
    typed = torch.capture(lambda x, k: x * k)
    for k in (2.0, 2.0, 2.0, 2):
        wanted = torch.float32 if type(k) is float else torch.int64
        assert typed(torch.ones(1, dtype=torch.int64), k).dtype == wanted
    before = recordings(step)
    for _ in range(3):
        step(torch.ones(1), float("nan"))
    assert recordings(step) == before + 1


def test_a_rate_given_as_another_tensor_is_noticed():
    weight = nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([weight], lr=torch.tensor(1.0))

    def step():
        weight.grad = torch.ones(1)
        optimizer.step()

    captured = torch.capture(step)
    for _ in range(3):
        captured()
    optimizer.param_groups[0]["lr"] = torch.tensor(2.0)
    captured()
    assert weight.tolist() == [-5.0]


def test_static_results_may_be_the_next_arguments():
    step = torch.capture(lambda a, b: (b, a), static=True)
    a, b = torch.tensor([1.0]), torch.tensor([2.0])
    for number in range(6):
        a, b = step(a, b)
        assert (a.item(), b.item()) == ((2.0, 1.0) if number % 2 == 0 else (1.0, 2.0))


def test_arrays_are_refused_and_layouts_are_kept():
    step = torch.capture(lambda x: x.view(-1).sum())
    with pytest.raises(TypeError, match="an ndarray"):
        step(np.ones(2))
    for _ in range(3):
        step(torch.ones(2, 3))
    with pytest.raises(RuntimeError, match="view"):
        step(torch.ones(3, 2).t())


def test_a_captured_step_is_copied_and_pickled_as_its_step():
    step = torch.capture(torch.sin)
    step(torch.ones(1))
    for twin in (copy.deepcopy(step), pickle.loads(pickle.dumps(step))):
        for _ in range(3):
            assert twin(torch.ones(1)).tolist() == torch.ones(1).sin().tolist()


def test_state_dicts_go_in_and_out_between_replays():
    eager, replayed, step = both("cpu")
    take(eager, replayed, step, [eager.batch(n) for n in range(4)])
    saved = pickle.dumps([replayed.model.state_dict(), replayed.optimizer.state_dict()])
    take(eager, replayed, step, [eager.batch(n) for n in range(4, 6)])
    for training in (eager, replayed):
        model, optimizer = pickle.loads(saved)
        training.model.load_state_dict(model)
        training.optimizer.load_state_dict(optimizer)
    take(eager, replayed, step, [eager.batch(n) for n in range(6, 9)])


# ---------------------------------------------------------------------------- memory that is shared


def alike(step, arguments, calls=5):
    """A captured step of arguments that `arguments()` makes gives and writes what the step itself does."""
    ours, theirs = (torch.capture(step), arguments()), (step, arguments())
    for _ in range(calls):
        found, wanted = (run(*args) for run, args in (ours, theirs))
        np.testing.assert_array_equal(found.tolist(), wanted.tolist())
        for a, b in zip(ours[1], theirs[1], strict=True):
            np.testing.assert_array_equal(a.tolist(), b.tolist())
    return ours[0]


SHARING = {
    "a view": lambda a: (a, a.view(-1)),
    "overlapping slices": lambda a: (a[:4], a[1:5]),
    "the other way round": lambda a: (a[1:5], a[:4]),
    "every other": lambda a: (a[::2], a[1:4]),
    "another layout": lambda a: (a[:4].view(2, 2).t(), a[2:4]),
    "another dtype": lambda a: (a[:2], a[:2].view(torch.int32)),
}


@pytest.mark.parametrize("shared", SHARING.values(), ids=SHARING)
def test_arguments_that_share_memory_share_it_in_a_replay(device, shared):
    def step(a, b):
        a.add_(1)
        return (a * 2).sum() + b

    captured = alike(step, lambda: shared(torch.arange(6.0, device=device)))
    assert recordings(captured) == (shared is not SHARING["another dtype"])


def test_arguments_that_share_memory_otherwise_are_recorded_anew(device):
    def step(a, b):
        a.add_(1)
        return a * b

    captured = torch.capture(step)
    for low in (0, 0, 0, 1, 1, 2, 8, 8, 0):
        x, y = (torch.arange(12.0, device=device) for _ in range(2))
        assert captured(x[:4], x[low : low + 4]).tolist() == step(y[:4], y[low : low + 4]).tolist()
    for _ in range(2):
        assert captured(torch.zeros(4, device=device), torch.ones(4, device=device)).tolist() == [1.0] * 4
    assert recordings(captured) == 4


def test_arguments_may_share_memory_with_what_the_step_names(device):
    buffer, model = torch.zeros(3, device=device), nn.Linear(3, 1).to(device)
    held = {"deep": [torch.zeros(3, device=device)]}
    model.weight.data.zero_()

    def named(a):
        buffer.add_(1)
        return a * 2

    def deep(a):
        held["deep"][0].add_(1)
        return a * 2

    def weight(a):
        with torch.no_grad():
            model(a).sum()
            model.weight.add_(1)
        return a * 2

    for step, x in ((named, buffer), (deep, held["deep"][0]), (weight, model.weight.detach())):
        for argument in (x, x[..., 1:]) if step is not weight else (x,):
            captured = torch.capture(step)
            start = x.clone()
            for count in range(1, 5):
                assert captured(argument).tolist() == ((start[..., -argument.shape[-1] :] + count) * 2).tolist()
            assert "shares memory" in torch.explain(captured)
            for _ in range(3):  # others are recorded; that one still runs as ever
                assert captured(torch.ones_like(argument)).tolist() == torch.full_like(argument, 2.0).tolist()
            assert captured(argument).tolist() == ((start[..., -argument.shape[-1] :] + 8) * 2).tolist()
            assert recordings(captured) == 1


def test_memory_that_is_found_to_be_shared_too_late_is_said(device):
    buffer = torch.zeros(3, device=device)

    def count():
        buffer.add_(1)

    def step(a):
        count()
        return a * 2

    captured = torch.capture(step)
    assert captured(buffer).tolist() == [2.0] * 3
    with pytest.raises(RuntimeError, match=r"shares memory .* Pass a clone"):
        captured(buffer)
    assert captured(buffer).tolist() == [6.0] * 3
    assert captured(buffer.clone()).tolist() == [6.0] * 3


def test_a_leaf_and_its_values_may_be_two_arguments():
    def step(p, values):
        with torch.no_grad():
            p.add_(1)
        return values * 2

    def arguments():
        p = nn.Parameter(torch.zeros(2))
        return p, p.detach()

    alike(step, arguments)


# ---------------------------------------------------------------------------- values that leave a step


WAYS_OUT = {
    "asarray": lambda a: torch.tensor(np.asarray(a) * 2) + a,
    "float": lambda a: float(np.array(a.sum())) + a,
    "ufunc": lambda a: torch.tensor(np.add(np.ones(2, np.float32), a)) + a,
    "dlpack": lambda a: torch.tensor(np.from_dlpack(a) * 2) + a,
    "capsule": lambda a: torch.from_dlpack(a.__dlpack__()) + a,
    "__array__": lambda a: torch.tensor(a.__array__() * 2) + a,
    "interface": lambda a: a + a.__array_interface__["data"][0],
    "data_ptr": lambda a: ctypes.c_float.from_address(a.data_ptr()).value + a,
    "deepcopy": lambda a: copy.deepcopy(a) + a,
    "pickle": lambda a: pickle.loads(pickle.dumps(a)) + a,
}


@pytest.mark.parametrize("way", WAYS_OUT.values(), ids=WAYS_OUT)
def test_values_that_leave_a_step_are_refused_by_whatever_way(way):
    with pytest.raises(RuntimeError, match=r"the step .* a tensor.* at .*py:\d+"):
        torch.capture(way)(torch.ones(2))


def test_what_shows_no_values_is_no_read():
    captured = torch.capture(lambda a: a * 2 if a.is_set_to(a) and a.storage_offset() == 0 else a)
    for number in range(4):
        assert captured(torch.full((2,), float(number))).tolist() == [2.0 * number] * 2


def test_a_flipped_scalar_is_computed_by_each_replay(device):
    captured = torch.capture(lambda a: a.flip(()) * 2)
    for number in range(4):
        assert captured(torch.tensor(float(number), device=device)).item() == 2.0 * number
