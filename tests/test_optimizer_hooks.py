"""Hooks of optimizers, names of parameters, and groups that stay the program's."""

import pytest

import autograd_gpu as torch
from autograd_gpu import nn, optim


def one(lr=0.5):
    parameter = nn.Parameter(torch.zeros(1))
    parameter.grad = torch.ones(1)
    return parameter, optim.SGD([parameter], lr=lr)


def test_hooks_run_around_a_step():
    parameter, optimizer = one()
    seen = []
    before = optimizer.register_step_pre_hook(lambda o, args, kwargs: seen.append(("before", o, parameter.item())))
    optimizer.register_step_post_hook(lambda o, args, kwargs: seen.append(("after", o, parameter.item())))
    optimizer.step()
    assert seen == [("before", optimizer, 0.0), ("after", optimizer, -0.5)]
    before.remove()
    optimizer.step()
    assert [what for what, *_ in seen] == ["before", "after", "after"]


def test_a_hook_may_change_the_arguments():
    _, optimizer = one()
    with optimizer.register_step_pre_hook(lambda o, args, kwargs: (args, {"closure": lambda: 7})):
        assert optimizer.step() == 7
    refused = pytest.raises(RuntimeError, match="must return None or a tuple")
    with optimizer.register_step_pre_hook(lambda o, args, kwargs: 3), refused:
        optimizer.step()
    assert optimizer.step() is None


def test_a_step_of_ones_own_runs_them_once():
    class Sign(optim.Optimizer):
        def __init__(self, params):
            super().__init__(params, {"lr": 1.0})

        def step(self, closure=None):
            with torch.no_grad():
                for group in self.param_groups:
                    for parameter in group["params"]:
                        parameter.sub_(parameter.grad.sign(), alpha=group["lr"])

    parameter, _ = one()
    optimizer, seen = Sign([parameter]), []
    optimizer.register_step_post_hook(lambda o, args, kwargs: seen.append(args))
    optimizer.step()
    assert parameter.item() == -1.0 and seen == [(optimizer,)]


@pytest.mark.ours
def test_a_step_that_calls_the_base_class_s_runs_them_once():
    class Twice(optim.SGD):
        def step(self, closure=None):
            super().step()
            super().step(closure)

    parameter, _ = one()
    optimizer, seen = Twice([parameter], lr=1.0), []
    optimizer.register_step_pre_hook(lambda o, args, kwargs: seen.append(parameter.item()))
    optimizer.step()
    assert parameter.item() == -2.0 and seen == [0.0]


def test_hooks_of_state_dicts():
    _, optimizer = one()
    calls = []
    optimizer.register_state_dict_pre_hook(lambda o: calls.append("taken"))
    optimizer.register_state_dict_post_hook(lambda o, state: {**state, "note": 1})
    optimizer.register_state_dict_post_hook(lambda o, state: state.update(first=True), prepend=True)
    state = optimizer.state_dict()
    assert state["note"] == 1 and state["first"] and calls == ["taken"]

    def faster(o, state):
        groups = [{**group, "lr": group["lr"] * 2} for group in state["param_groups"]]
        return {**state, "param_groups": groups}

    optimizer.register_load_state_dict_pre_hook(faster)
    optimizer.register_load_state_dict_post_hook(lambda o: calls.append(o.param_groups[0]["lr"]))
    optimizer.load_state_dict(state)
    assert calls == ["taken", 1.0] and state["param_groups"][0]["lr"] == 0.5


def test_parameters_may_come_with_their_names():
    model = nn.Linear(2, 1)
    optimizer = optim.AdamW(model.named_parameters())
    assert optimizer.param_groups[0]["param_names"] == ["weight", "bias"]
    assert optimizer.param_groups[0]["params"][0] is model.weight
    assert optimizer.state_dict()["param_groups"][0]["param_names"] == ["weight", "bias"]
    with pytest.raises(ValueError, match="cannot add param group without names"):
        optimizer.add_param_group({"params": nn.Parameter(torch.ones(1))})
    with pytest.raises(ValueError, match="Some param names are missing"):
        optim.SGD([("weight", model.weight), model.bias])


def test_a_group_stays_the_program_s():
    parameter = nn.Parameter(torch.zeros(1))
    group = {"params": [parameter]}
    optimizer = optim.SGD([group], lr=1.0)
    assert optimizer.param_groups[0] is group and group["momentum"] == 0
    group["lr"] = 0.25
    parameter.grad = torch.ones(1)
    optimizer.step()
    assert parameter.item() == -0.25


def test_state_that_is_of_no_parameter_is_kept():
    _, first = one()
    first.state["seen"] = {"tokens": 12}
    state = first.state_dict()
    assert state["state"]["seen"] == {"tokens": 12}
    _, second = one()
    second.load_state_dict(state)
    assert second.state["seen"] == {"tokens": 12}
