"""Optimizer: parameter groups, per-parameter state and their state dict. Knows no update rule."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from copy import deepcopy
from itertools import chain
from typing import Any

from ..capturing import met, noticing, running
from ..device import Device
from ..dtypes import float32, float64
from ..layouts import strided
from ..modes import enable_grad, no_grad
from ..tensor import Tensor
from .hooks import OptimizerHooks, passed_through, with_hooks
from .hooks import register_optimizer_step_post_hook as register_optimizer_step_post_hook
from .hooks import register_optimizer_step_pre_hook as register_optimizer_step_pre_hook


class _RequiredParameter:
    """The default of a setting that every group has to give."""

    def __repr__(self) -> str:
        return "<required parameter>"


required = _RequiredParameter()


class Optimizer(OptimizerHooks):
    """Base class of optimizers. A subclass gives the defaults of a group and ``_update_group``, or ``step`` of its own.

    ``params`` is what ``model.parameters()`` or ``model.named_parameters()`` returns, or dicts like
    ``{"params": [...], "lr": 0.1}``, which become the groups.
    """

    numbers: tuple[str, ...] = ("step",)  # the entries of a parameter's state that are numbers: float32 ()

    def __init__(self, params: Iterable[Tensor] | Iterable[dict[str, Any]], defaults: dict[str, Any]) -> None:
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, but got a Tensor"
            )
        self.defaults = defaults
        self.state: defaultdict[Tensor, dict[str, Any]] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        groups: list[Any] = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        for group in groups if isinstance(groups[0], dict) else [{"params": groups}]:
            self.add_param_group(group)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters with settings of their own, such as layers that were frozen until now."""
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        params = param_group["params"]
        if isinstance(params, set):
            raise TypeError(
                "optimizer parameters need to be organized in ordered collections, but the ordering of tensors in sets "
                "will change between runs. Please use a list instead."
            )
        listed = [params] if isinstance(params, Tensor) else list(params)
        names = [entry[0] for entry in listed if isinstance(entry, tuple)]
        parameters = [entry[1] if isinstance(entry, tuple) else entry for entry in listed]
        self._check_new(parameters, names)
        param_group["params"] = parameters
        if names:
            param_group["param_names"] = names
        for name, default in self.defaults.items():
            if default is required and name not in param_group:
                raise ValueError(f"parameter group didn't specify a value of required optimization parameter {name}")
            param_group.setdefault(name, default)
        self.param_groups.append(param_group)

    def _check_new(self, parameters: list[Any], names: list[str]) -> None:
        """Raise what PyTorch raises when a group is not one of leaves that no other group has, all named or none."""
        if names and len(names) != len(parameters):
            raise ValueError("all optimizer params should be with/without names. Some param names are missing")
        for parameter in parameters:
            if not isinstance(parameter, Tensor):
                raise TypeError(
                    f"optimizer can only optimize Tensors, but one of the params is {type(parameter).__name__}"
                )
            if not (parameter.is_leaf or parameter.retains_grad):
                raise ValueError("can't optimize a non-leaf Tensor")
        if any(("param_names" in group) != bool(names) for group in self.param_groups):
            raise ValueError(
                "all optimizer param groups should be with/without names. cannot add param group "
                f"{'with' if names else 'without'} names to the optimizer"
            )
        ours = {id(parameter) for parameter in parameters}
        if len(ours) != len(parameters):
            raise ValueError("optimizer contains a parameter group with duplicate parameters; list each one once")
        if any(id(parameter) in ours for parameter in self._parameters()):
            raise ValueError("some parameters appear in more than one parameter group")

    def _parameters(self) -> Iterable[Tensor]:
        return chain.from_iterable(group["params"] for group in self.param_groups)

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget every parameter's gradient, or fill it with zeros."""
        for parameter in self._parameters():
            if set_to_none:
                parameter.grad = None
            elif parameter.grad is not None:
                parameter.grad.detach_().zero_()

    @with_hooks
    def step(self, closure: Callable[[], Any] | None = None, *, scale: Tensor | None = None) -> Any:
        """Update every parameter that has a gradient; ``closure`` recomputes the loss, which is returned.

        ``scale`` is a tensor of one element on the parameters' device that gradients are multiplied by as they are
        read, such as a clip coefficient: one pass less over the gradients than scaling them first. ``grad_scale`` and
        ``found_inf``, where a gradient scaler has set them on the optimizer, divide the gradients and call the step
        off.
        """
        if noticing:
            met(self, self._parameters())
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        with no_grad():
            for index, group in enumerate(self.param_groups):
                if sparse := [p for p in group["params"] if p._grad is not None and p._grad.layout is not strided]:
                    group = self._change_sparse_ones(sparse, group, scale)
                self._update_group(index, group, scale)
        return loss

    def _change_sparse_ones(self, parameters: list[Tensor], group: dict[str, Any], scale: Tensor | None) -> dict:
        """Change the parameters whose gradients are sparse; return the group without them."""
        if scale is not None or getattr(self, "grad_scale", None) is not None:
            raise NotImplementedError(f"{type(self).__name__}: sparse gradients cannot be scaled within a step")
        for parameter in parameters:
            gradient: Any = parameter._grad
            self._change_sparse(parameter, -gradient if group.get("maximize") else gradient, group)
        done = set(map(id, parameters))
        return {**group, "params": [p for p in group["params"] if id(p) not in done]}

    def _change_sparse(self, parameter: Tensor, gradient: Any, group: dict[str, Any]) -> None:
        """Change a parameter in place by its sparse gradient."""
        raise RuntimeError(f"{type(self).__name__} does not support sparse gradients" + self._instead_of_sparse)

    _instead_of_sparse = ""

    def _update_group(self, index: int, group: dict[str, Any], scale: Tensor | None) -> None:
        """Change a group's parameters in place."""
        raise NotImplementedError

    def _refuse_in_capture(self, parameter: Tensor, reason: str) -> None:
        graph = running()
        if graph is not None and parameter.device.type == graph.device_type:
            raise RuntimeError(
                f"Attempting CUDA graph capture of step() for an instance of {type(self).__name__}, {reason}"
            )

    def _factors(self, scale: Tensor | None, device: Device) -> tuple[Tensor | None, Tensor | None]:
        """Return what gradients are multiplied by, float64 (), and where not 0 call the step off, float32 ()."""
        grad_scale, found_inf = getattr(self, "grad_scale", None), getattr(self, "found_inf", None)
        if grad_scale is not None:
            scale = grad_scale.reciprocal() if scale is None else scale / grad_scale
        return (
            None if scale is None else scale.detach().to(device, float64).reshape(()),
            None if found_inf is None else found_inf.to(device, float32).reshape(()),
        )

    def state_dict(self) -> dict[str, Any]:
        """Return the state and the groups, with parameters named by their position."""
        for hook in list(self._optimizer_state_dict_pre_hooks.values()):
            hook(self)
        position = {id(parameter): index for index, parameter in enumerate(self._parameters())}
        state_dict = {
            "state": {position.get(id(owner), owner): state for owner, state in self.state.items()},
            "param_groups": [
                {**group, "params": [position[id(parameter)] for parameter in group["params"]]}
                for group in self.param_groups
            ],
        }
        return passed_through(self._optimizer_state_dict_post_hooks, self, state_dict)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a state: settings of the groups, and each parameter's state, copied to the parameter's device."""
        state_dict = passed_through(self._optimizer_load_state_dict_pre_hooks, self, dict(state_dict))
        saved_groups = state_dict["param_groups"]
        if len(saved_groups) != len(self.param_groups):
            raise ValueError("loaded state dict has a different number of parameter groups")
        if [len(group["params"]) for group in saved_groups] != [len(group["params"]) for group in self.param_groups]:
            raise ValueError(
                "loaded state dict contains a parameter group that doesn't match the size of optimizer's group"
            )
        positions = chain.from_iterable(group["params"] for group in saved_groups)
        parameters = dict(zip(positions, self._parameters(), strict=True))
        self.state = defaultdict(dict)
        for position, values in state_dict["state"].items():
            if position not in parameters:  # what a program keeps there that is of no parameter
                self.state[position] = deepcopy(values)
                continue
            parameter = parameters[position]
            for key, value in values.items():
                self.state[parameter][key] = self._loaded(parameter, key, value, position)
        for group, saved in zip(self.param_groups, saved_groups, strict=True):
            group.update({key: deepcopy(value) for key, value in saved.items() if key != "params"})
        for hook in list(self._optimizer_load_state_dict_post_hooks.values()):
            hook(self)

    def _loaded(self, parameter: Tensor, key: str, value: Any, position: int) -> Any:
        """Return a copy of a loaded value where it belongs: tensors by their parameter, in its dtype."""
        if not isinstance(value, Tensor):
            return deepcopy(value)
        if key in self.numbers:
            return value.to(device=self._number_device(parameter), dtype=float32).reshape(()).clone()
        if value.shape != parameter.shape:
            raise ValueError(
                f"loaded state dict has {key} of shape {tuple(value.shape)} for parameter {position}, "
                f"whose shape is {tuple(parameter.shape)}"
            )
        dtype = parameter.dtype if value.dtype.is_floating_point else value.dtype
        return value.to(device=parameter.device, dtype=dtype).clone()

    def _number_device(self, parameter: Tensor) -> Device | str:
        """Return where the numbers of a parameter's state live."""
        return "cpu"

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for index, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {index}")
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key != "params"]
        return "\n".join([*lines, ")"])


def check_not_negative(name: str, value: float | Tensor) -> None:
    """Raise PyTorch's ValueError when a setting is below zero."""
    if not value >= 0.0:
        raise ValueError(f"Invalid {name}: {value}")


def check_betas(betas: tuple[float, float]) -> None:
    """Raise PyTorch's ValueError when a decay rate of a moment is not in [0, 1)."""
    for index, beta in enumerate(betas):
        if not 0.0 <= beta < 1.0:
            raise ValueError(f"Invalid beta parameter at index {index}: {beta}")


def check_implementation(foreach: bool | None, fused: bool | None, differentiable: bool) -> None:
    """Check the arguments with which PyTorch chooses among its implementations of a step; here there is one."""
    if foreach and fused:
        raise RuntimeError("`fused` and `foreach` cannot be `True` together.")
    if differentiable:
        raise NotImplementedError(
            "differentiable=True is not supported: a step writes in place and is not recorded. To differentiate "
            "through an update, write it with operations, as in p = p - lr * autograd.grad(loss, p, "
            "create_graph=True)[0]."
        )
