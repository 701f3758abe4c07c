"""Schedules against PyTorch's: rates and momenta over thirty steps, alone, together, resumed, at given epochs."""

import math

import pytest
import torch

import autograd_gpu as ag

LIBRARIES = (ag, torch)


def optimizer_of(library, kind="SGD"):
    """Two groups with rates of their own."""
    groups = [{"params": [library.nn.Parameter(library.zeros(1))]} for _ in range(2)]
    groups[1]["lr"] = 0.05
    settings = {"SGD": {"momentum": 0.9}, "AdamW": {}}[kind]
    return getattr(library.optim, kind)(groups, lr=0.4, **settings)


def settings_of(optimizer):
    return [(float(g["lr"]), g["momentum"] if "momentum" in g else g["betas"]) for g in optimizer.param_groups]


def course(library, make, steps=30, kind="SGD"):
    """The groups' settings before each step."""
    optimizer = optimizer_of(library, kind)
    schedule = make(library.optim.lr_scheduler, optimizer)
    seen = []
    for _ in range(steps):
        seen.append((settings_of(optimizer), [float(lr) for lr in schedule.get_last_lr()]))
        optimizer.step()
        schedule.step()
    return seen


def assert_alike(ours, theirs):
    for step, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
        for a, b in zip(flat(mine), flat(other), strict=True):
            assert a == pytest.approx(b, rel=1e-9, abs=1e-15), step


def flat(value):
    if isinstance(value, (list, tuple)):
        return [leaf for item in value for leaf in flat(item)]
    return [value]


class Halving:
    """A function of an epoch that is an object with a state."""

    def __init__(self, by):
        self.by = by

    def __call__(self, epoch):
        return self.by**epoch


SCHEDULES = {
    "Lambda": lambda s, o: s.LambdaLR(o, lambda epoch: 0.7**epoch),
    "Lambda each": lambda s, o: s.LambdaLR(o, [Halving(0.5), lambda epoch: 1 / (1 + epoch)]),
    "Multiplicative": lambda s, o: s.MultiplicativeLR(o, lambda epoch: 1 - 1 / (epoch + 2)),
    "Step": lambda s, o: s.StepLR(o, 2, gamma=0.3),
    "MultiStep": lambda s, o: s.MultiStepLR(o, [3, 1, 3, 17], gamma=0.3),
    "Exponential": lambda s, o: s.ExponentialLR(o, 0.8),
    "Constant": lambda s, o: s.ConstantLR(o, 0.3, 3),
    "Linear": lambda s, o: s.LinearLR(o, 0.2, 0.9, 4),
    "Linear down": lambda s, o: s.LinearLR(o, 1.0, 0.1, 20),
    "Polynomial": lambda s, o: s.PolynomialLR(o, 12, power=2.0),
    "Cosine": lambda s, o: s.CosineAnnealingLR(o, 7, eta_min=0.01),
    "Cosine past its end": lambda s, o: s.CosineAnnealingLR(o, 3),
    "Warm restarts": lambda s, o: s.CosineAnnealingWarmRestarts(o, 5, eta_min=0.01),
    "Warm restarts, longer": lambda s, o: s.CosineAnnealingWarmRestarts(o, 3, T_mult=2),
    "Cyclic": lambda s, o: s.CyclicLR(o, 0.01, 0.2, 4),
    "Cyclic halving": lambda s, o: s.CyclicLR(o, [0.01, 0.02], [0.2, 0.3], 4, 3, mode="triangular2"),
    "Cyclic range": lambda s, o: s.CyclicLR(o, 0.01, 0.2, 4, mode="exp_range", gamma=0.9, base_momentum=0.5),
    "Cyclic by a function": lambda s, o: s.CyclicLR(o, 0.01, 0.2, 4, scale_fn=lambda n: 1 / n, cycle_momentum=False),
    "Cyclic by steps": lambda s, o: s.CyclicLR(o, 0.01, 0.2, 4, scale_fn=Halving(0.9), scale_mode="iterations"),
    "One cycle": lambda s, o: s.OneCycleLR(o, 1.0, 40),
    "One cycle, each": lambda s, o: s.OneCycleLR(o, [1.0, 0.1], epochs=6, steps_per_epoch=5, anneal_strategy="linear"),
    "One cycle, three phases": lambda s, o: s.OneCycleLR(o, 1.0, 31, pct_start=0.4, three_phase=True, div_factor=10.0),
    "One cycle, no momentum": lambda s, o: s.OneCycleLR(o, 1.0, 30, cycle_momentum=False, final_div_factor=100.0),
    "Sequential": lambda s, o: s.SequentialLR(o, [s.LinearLR(o, 0.1, 1.0, 3), s.CosineAnnealingLR(o, 9)], [3]),
    "Sequential of three": lambda s, o: s.SequentialLR(
        o, [s.ConstantLR(o, 0.1, 3), s.ExponentialLR(o, 0.9), s.StepLR(o, 2)], [4, 9]
    ),
    "Sequential of sequential": lambda s, o: s.SequentialLR(
        o, [s.SequentialLR(o, [s.ConstantLR(o, 0.1, 9), s.ExponentialLR(o, 0.9)], [3]), s.StepLR(o, 2)], [8]
    ),
    "Sequential with restarts": lambda s, o: s.SequentialLR(
        o, [s.LinearLR(o, 0.1, 1.0, 4), s.CosineAnnealingWarmRestarts(o, 5)], [4]
    ),
    "Chained": lambda s, o: s.ChainedScheduler([s.ConstantLR(o, 0.1, 5), s.ExponentialLR(o, 0.9)]),
    "Chained of three": lambda s, o: s.ChainedScheduler(
        [s.LinearLR(o, 0.5, 1.0, 5), s.CosineAnnealingLR(o, 8), s.MultiplicativeLR(o, lambda epoch: 0.99)], o
    ),
}
# The others take no epoch, or find no rate of its own there.
OF_AN_EPOCH = [name for name in SCHEDULES if not name.startswith(("Multiplicative", "Sequential", "Chained"))]


@pytest.mark.parametrize("name", SCHEDULES)
@pytest.mark.parametrize("kind", ["SGD", "AdamW"])
def test_the_same_course(name, kind):
    assert_alike(*(course(library, SCHEDULES[name], kind=kind) for library in LIBRARIES))


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_rate_that_is_a_tensor(name):
    def make(schedulers, optimizer):
        library = ag if isinstance(optimizer, ag.optim.Optimizer) else torch
        for group in optimizer.param_groups:
            group["lr"] = library.tensor(group["lr"], dtype=library.float64)
        return SCHEDULES[name](schedulers, optimizer)

    assert_alike(*(course(library, make) for library in LIBRARIES))


@pytest.mark.parametrize("name", OF_AN_EPOCH)
def test_given_epochs(name):
    seen = []
    for library in LIBRARIES:
        optimizer = optimizer_of(library)
        schedule = SCHEDULES[name](library.optim.lr_scheduler, optimizer)
        rates = []
        for epoch in (4, 2, 11, 0):
            schedule.step(epoch)
            rates.append(settings_of(optimizer))
        seen.append(rates)
    assert_alike(*seen)


RESUMED = [name for name in SCHEDULES if not name.startswith(("Sequential", "Chained"))]


@pytest.mark.parametrize("name", RESUMED)
def test_a_new_schedule_takes_up_at_an_epoch(name):
    seen = []
    for library in LIBRARIES:
        optimizer = optimizer_of(library)
        make, schedulers = SCHEDULES[name], library.optim.lr_scheduler
        first = make(schedulers, optimizer)
        for _ in range(6):
            optimizer.step()
            first.step()

        class Later:
            """The schedulers with last_epoch given."""

            def __getattr__(self, kind, schedulers=schedulers):
                return lambda *args, **kwargs: getattr(schedulers, kind)(*args, **kwargs, last_epoch=6)

        schedule = make(Later(), optimizer)
        rates = [settings_of(optimizer)]
        for _ in range(8):
            optimizer.step()
            schedule.step()
            rates.append(settings_of(optimizer))
        seen.append(rates)
    assert_alike(*seen)


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_state_dict_goes_on(name):
    whole = course(ag, SCHEDULES[name], 14)
    first = optimizer_of(ag)
    schedule = SCHEDULES[name](ag.optim.lr_scheduler, first)
    for _ in range(7):
        first.step()
        schedule.step()
    second = optimizer_of(ag)
    resumed = SCHEDULES[name](ag.optim.lr_scheduler, second)
    second.load_state_dict(first.state_dict())
    resumed.load_state_dict(schedule.state_dict())
    seen = []
    for _ in range(7):
        seen.append((settings_of(second), resumed.get_last_lr()))
        second.step()
        resumed.step()
    assert_alike(seen, whole[7:])


@pytest.mark.parametrize("name", [name for name in RESUMED if not name.startswith(("One", "Cyclic"))])
def test_pytorchs_state_is_understood(name):
    optimizers = [optimizer_of(library) for library in LIBRARIES]
    schedules = [
        SCHEDULES[name](library.optim.lr_scheduler, o) for library, o in zip(LIBRARIES, optimizers, strict=True)
    ]
    for _ in range(5):
        optimizers[1].step()
        schedules[1].step()
    schedules[0].load_state_dict(schedules[1].state_dict())
    for mine, theirs in zip(optimizers[0].param_groups, optimizers[1].param_groups, strict=True):
        mine["lr"] = theirs["lr"]
    seen = [[], []]
    for _ in range(6):
        for number in range(2):
            optimizers[number].step()
            schedules[number].step()
            seen[number].append(settings_of(optimizers[number]))
    assert_alike(*seen)


def test_a_schedule_of_ones_own():
    def of(library):
        class Root(library.optim.lr_scheduler.LRScheduler):
            def get_lr(self):
                return [base / math.sqrt(1 + self.last_epoch) for base in self.base_lrs]

        return course(library, lambda s, o: Root(o))

    assert_alike(*(of(library) for library in LIBRARIES))


# ------------------------------------------------------------------------------------------------ plateau


PLATEAUS = {
    "defaults": {"patience": 1},
    "max": {"mode": "max", "patience": 0, "factor": 0.5, "min_lr": [0.1, 0.001]},
    "absolute": {"threshold_mode": "abs", "threshold": 0.1, "patience": 1, "cooldown": 2},
    "absolute max": {"mode": "max", "threshold_mode": "abs", "threshold": 0.1, "patience": 2},
    "eps": {"patience": 0, "eps": 0.01, "threshold": 0.2},
}
MEASURES = [3.0, 2.0, 2.0, 1.99999, 2.5, 1.0, 1.0, 0.95, 1.2, 1.3, math.nan, 0.1, 0.2, 0.3, 0.2, 5.0, 6.0, 6.0, 6.0]


@pytest.mark.parametrize("name", PLATEAUS)
def test_plateaus(name):
    seen = []
    for library in LIBRARIES:
        optimizer = optimizer_of(library)
        schedule = library.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **PLATEAUS[name])
        rates = []
        for measure in MEASURES:
            schedule.step(library.tensor(measure))
            rates.append((settings_of(optimizer), schedule.get_last_lr(), schedule.num_bad_epochs, schedule.best))
        seen.append(rates)
    assert_alike(*seen)


def test_a_plateau_goes_on_from_pytorchs_state():
    optimizers = [optimizer_of(library) for library in LIBRARIES]
    ours, theirs = (
        library.optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=2)
        for library, optimizer in zip(LIBRARIES, optimizers, strict=True)
    )
    theirs.step(1.0)
    theirs.step(2.0)
    ours.load_state_dict(theirs.state_dict())
    for schedule in (ours, theirs):
        schedule.step(2.0)
        schedule.step(2.0)
    assert settings_of(optimizers[0]) == settings_of(optimizers[1])


# ------------------------------------------------------------------------------------------------ mistakes


def of_another(library):
    return library.optim.SGD([library.nn.Parameter(library.zeros(1))], lr=0.1)


MISTAKES = {
    "no optimizer": lambda s, o, m: s.StepLR(3, 1),
    "no optimizer, cyclic": lambda s, o, m: s.CyclicLR(3, 0.1, 0.2),
    "no optimizer, plateau": lambda s, o, m: s.ReduceLROnPlateau(3),
    "functions": lambda s, o, m: s.LambdaLR(o, [abs]),
    "no function": lambda s, o, m: s.MultiplicativeLR(o, [abs, 3]),
    "constant": lambda s, o, m: s.ConstantLR(o, 1.5),
    "linear start": lambda s, o, m: s.LinearLR(o, 0.0),
    "linear end": lambda s, o, m: s.LinearLR(o, 0.5, 1.5),
    "restarts": lambda s, o, m: s.CosineAnnealingWarmRestarts(o, 0),
    "restarts factor": lambda s, o, m: s.CosineAnnealingWarmRestarts(o, 1, 0),
    "restarts epoch": lambda s, o, m: s.CosineAnnealingWarmRestarts(o, 1).step(-1),
    "cyclic mode": lambda s, o, m: s.CyclicLR(o, 0.1, 0.2, mode="square"),
    "cyclic rates": lambda s, o, m: s.CyclicLR(o, [0.1], 0.2),
    "cyclic momentum": lambda s, o, m: s.CyclicLR(m.optim.Adagrad(o.param_groups[0]["params"]), 0.1, 0.2),
    "one cycle steps": lambda s, o, m: s.OneCycleLR(o, 0.1),
    "one cycle no steps": lambda s, o, m: s.OneCycleLR(o, 0.1, 0),
    "one cycle epochs": lambda s, o, m: s.OneCycleLR(o, 0.1, epochs=0, steps_per_epoch=3),
    "one cycle batches": lambda s, o, m: s.OneCycleLR(o, 0.1, epochs=3, steps_per_epoch=-1),
    "one cycle part": lambda s, o, m: s.OneCycleLR(o, 0.1, 5, pct_start=1.5),
    "one cycle way": lambda s, o, m: s.OneCycleLR(o, 0.1, 5, anneal_strategy="jump"),
    "one cycle end": lambda s, o, m: [schedule.step() for schedule in [s.OneCycleLR(o, 0.1, 3)] for _ in range(9)],
    "plateau factor": lambda s, o, m: s.ReduceLROnPlateau(o, factor=1.0),
    "plateau rates": lambda s, o, m: s.ReduceLROnPlateau(o, min_lr=[0.1]),
    "plateau mode": lambda s, o, m: s.ReduceLROnPlateau(o, "least"),
    "plateau threshold": lambda s, o, m: s.ReduceLROnPlateau(o, threshold_mode="both"),
    "chained nothing": lambda s, o, m: s.ChainedScheduler([]),
    "chained plateau": lambda s, o, m: s.ChainedScheduler([s.ReduceLROnPlateau(o)]),
    "chained strangers": lambda s, o, m: s.ChainedScheduler([s.StepLR(o, 1), s.StepLR(of_another(m), 1)]),
    "sequential nothing": lambda s, o, m: s.SequentialLR(o, [], []),
    "sequential milestones": lambda s, o, m: s.SequentialLR(o, [s.StepLR(o, 1)], [1]),
    "sequential strangers": lambda s, o, m: s.SequentialLR(o, [s.StepLR(of_another(m), 1)], []),
    "resumed": lambda s, o, m: s.StepLR(o, 1, last_epoch=3),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes(name):
    messages = []
    for library in LIBRARIES:
        with pytest.raises((ValueError, TypeError, KeyError)) as caught:
            MISTAKES[name](library.optim.lr_scheduler, optimizer_of(library), library)
        messages.append((caught.type, str(caught.value).split(" expects ")[0][:40]))
    assert messages[0] == messages[1]
