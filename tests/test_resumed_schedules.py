"""A schedule that is loaded goes on as the one that was saved, in whatever order things were made and loaded."""

import copy
import itertools
from itertools import chain

import pytest

import autograd_gpu as torch
from autograd_gpu.optim import lr_scheduler as schedules
from autograd_gpu.optim.swa_utils import SWALR

pytestmark = pytest.mark.ours

MADE = {
    "linear": lambda o: schedules.LinearLR(o, 0.1, 1.0, 5),
    "lambda": lambda o: schedules.LambdaLR(o, lambda epoch: 0.5**epoch),
    "multiplicative": lambda o: schedules.MultiplicativeLR(o, lambda epoch: 0.5),
    "step": lambda o: schedules.StepLR(o, 2),
    "multistep": lambda o: schedules.MultiStepLR(o, [1, 3]),
    "constant": lambda o: schedules.ConstantLR(o, 0.1, 3),
    "exponential": lambda o: schedules.ExponentialLR(o, 0.5),
    "polynomial": lambda o: schedules.PolynomialLR(o, 6, 2),
    "cosine": lambda o: schedules.CosineAnnealingLR(o, 6),
    "restarts": lambda o: schedules.CosineAnnealingWarmRestarts(o, 3),
    "cyclic": lambda o: schedules.CyclicLR(o, 0.1, 1.0, 3),
    "one cycle": lambda o: schedules.OneCycleLR(o, 1.0, 12),
    "averaged": lambda o: SWALR(o, 0.05, 4),
    "plateau": lambda o: schedules.ReduceLROnPlateau(o, patience=0),
    "chained": lambda o: schedules.ChainedScheduler([schedules.LinearLR(o, 0.1, 1.0, 5), schedules.StepLR(o, 2)]),
    "sequential": lambda o: schedules.SequentialLR(
        o, [schedules.LinearLR(o, 0.1, 1.0, 2), schedules.ExponentialLR(o, 0.5)], [2]
    ),
}  # fmt: skip


def optimizer(**options):
    return torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0, momentum=0.9, **options)


def step(schedule):
    schedule.step(1.0) if isinstance(schedule, schedules.ReduceLROnPlateau) else schedule.step()


def told(of):
    return of.param_groups[0]["lr"], of.param_groups[0]["momentum"]


@pytest.mark.parametrize("name", MADE)
def test_the_rate_of_a_loaded_schedule_is_that_of_the_saved_one(name):
    for taken in (0, 1, 3, 4):
        whole = optimizer()
        schedule = MADE[name](whole)
        for _ in range(taken):
            step(schedule)
        saved = copy.deepcopy((whole.state_dict(), schedule.state_dict()))
        expected = [told(whole)]
        for _ in range(4):
            step(schedule)
            expected.append(told(whole))
        for order in itertools.permutations(["make", "optimizer", "schedule"]):
            if order.index("make") > order.index("schedule"):
                continue
            resumed, again = optimizer(), None
            optimizer_state, schedule_state = copy.deepcopy(saved)
            for what in order:
                if what == "make":
                    again = MADE[name](resumed)
                elif what == "optimizer":
                    resumed.load_state_dict(optimizer_state)
                else:
                    again.load_state_dict(schedule_state)
            seen = [told(resumed)]
            for _ in range(4):
                step(again)
                seen.append(told(resumed))
            assert list(chain(*seen)) == pytest.approx(list(chain(*expected))), (taken, order)


def test_a_rate_that_is_a_tensor_is_written_in_place():
    whole = optimizer()
    schedule = schedules.LinearLR(whole, 0.1, 1.0, 5)
    step(schedule)
    rate = torch.tensor(1.0)
    resumed = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=rate)
    again = schedules.LinearLR(resumed, 0.1, 1.0, 5)
    again.load_state_dict(schedule.state_dict())
    assert resumed.param_groups[0]["lr"] is rate and rate.item() == pytest.approx(0.28)


def test_a_state_of_another_number_of_groups_is_refused():
    two = torch.optim.SGD([{"params": [torch.zeros(1, requires_grad=True)]} for _ in range(2)], lr=1.0)
    with pytest.raises(ValueError, match=r"rates for 2 parameter groups.* has 1"):
        schedules.StepLR(optimizer(), 2).load_state_dict(schedules.StepLR(two, 2).state_dict())


@pytest.mark.parametrize("mode, worse, better", [("min", -0.9, -1.1), ("max", -1.1, -0.9)])
def test_a_plateau_below_zero_is_one(mode, worse, better):
    def rate(*measures):
        of = optimizer()
        schedule = schedules.ReduceLROnPlateau(of, mode, patience=0)
        for measure in measures:
            schedule.step(measure)
        return of.param_groups[0]["lr"]

    assert rate(-1.0, -1.0) == rate(-1.0, worse) == pytest.approx(0.1)
    assert rate(-1.0, better) == 1.0
    slightly = -1.0 + 1e-5 * (better + 1.0)  # within the threshold
    assert rate(-1.0, slightly) == pytest.approx(0.1)
