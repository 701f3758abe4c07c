"""A scale for losses, so that float16 gradients neither vanish nor overflow. Keeps it, and what it learns of a step, on
the device: the host waits for nothing, and a captured step adapts its scale when it is replayed."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Iterable
from enum import Enum
from typing import Any

from ..autocasting import switched
from ..device import Device, cuda_is_available
from ..dtypes import float16, float32, float64, int32
from ..modes import no_grad
from ..ops.creation import full
from ..ops.elementwise import where
from ..ops.optim import norm_of_all, scale_all
from ..ops.unary import isfinite, logical_not
from ..tensor import Tensor


class _Stage(Enum):
    """What has happened to an optimizer's gradients since the last update."""

    READY = 0
    UNSCALED = 1
    STEPPED = 2


class _Progress:
    """Of one optimizer since the last update."""

    def __init__(self) -> None:
        self.stage = _Stage.READY
        self.found_inf: dict[Device, Tensor] = {}  # float32 (), not 0 where a gradient is infinite or NaN


class GradScaler:
    """Multiplies losses by a scale that grows while gradients stay finite and shrinks when they do not.

        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()

    Without infinities for `growth_interval` steps the scale grows by `growth_factor`; a step that has some changes no
    parameter, and shrinks it by `backoff_factor` (Micikevicius et al. 2018, section 3.2). SGD, Adam and AdamW divide
    gradients by the scale and skip the step in their kernels; for other optimizers gradients are divided first, and the
    host looks once whether to step. With `enabled` False everything passes through.
    """

    def __init__(
        self,
        device: str = "cuda",
        init_scale: float = 65536.0,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        if enabled and device == "cuda" and not cuda_is_available():
            warnings.warn("GradScaler is enabled, but CUDA is not available.  Disabling.", stacklevel=2)
            enabled = False
        if enabled and growth_factor <= 1.0:
            raise AssertionError("The growth factor must be > 1.0.")
        if enabled and backoff_factor >= 1.0:
            raise AssertionError("The backoff factor must be < 1.0.")
        self._device, self._enabled = device, enabled
        self._init_scale, self._init_growth_tracker = init_scale, 0
        self._growth_factor, self._backoff_factor, self._growth_interval = (
            growth_factor,
            backoff_factor,
            growth_interval,
        )
        self._scale: Tensor | None = None  # float32 (), made on the device of the first loss
        self._growth_tracker: Tensor | None = None  # int32 (): steps without infinities in a row
        self._progress: defaultdict[int, _Progress] = defaultdict(_Progress)

    # -------------------------------------------------------------------------------------------- the training loop

    def scale(self, outputs: Any) -> Any:
        """Return a loss, or an iterable of losses, times the scale."""
        if not self._enabled:
            return outputs
        if isinstance(outputs, Tensor):
            if self._scale is None:
                self._scale = full((), self._init_scale, dtype=float32, device=outputs.device)
                self._growth_tracker = full((), self._init_growth_tracker, dtype=int32, device=outputs.device)
            return outputs * self._scale.to(outputs.device)
        if isinstance(outputs, Iterable):
            scaled = map(self.scale, outputs)
            return type(outputs)(scaled) if isinstance(outputs, (list, tuple)) else scaled
        raise ValueError("outputs must be a Tensor or an iterable of Tensors")

    def unscale_(self, optimizer: Any) -> None:
        """Divide the gradients of an optimizer's parameters by the scale in place, as clipping needs; once per step.

        RuntimeError for a second call, or after `step`; ValueError for float16 gradients, which would underflow.
        """
        if not self._enabled:
            return
        scale, _ = self._state("unscale_")
        progress = self._progress[id(optimizer)]
        if progress.stage is _Stage.UNSCALED:
            raise RuntimeError("unscale_() has already been called on this optimizer since the last update().")
        if progress.stage is _Stage.STEPPED:
            raise RuntimeError("unscale_() is being called after step().")
        gradients = _gradients(optimizer)
        if any(gradient._array.dtype == float16.numpy for alike in gradients.values() for gradient in alike):
            raise ValueError("Attempting to unscale FP16 gradients.")
        progress.found_inf = _found_inf(optimizer, gradients)
        with no_grad(), switched():
            inverse = scale.to(float64).reciprocal().to(float32).to(float64)
            for device, alike in gradients.items():
                scale_all(alike, inverse.to(device))
        progress.stage = _Stage.UNSCALED

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """Take the optimizer's step with unscaled gradients, unless one of them is infinite or NaN.

        Returns what ``optimizer.step(*args, **kwargs)`` does. RuntimeError for a closure, and for a second call before
        `update`; AssertionError when no loss has been scaled or no parameter has a gradient.
        """
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if "closure" in kwargs:
            raise RuntimeError("Closure use is not currently supported if GradScaler is enabled.")
        scale, _ = self._state("step")
        progress = self._progress[id(optimizer)]
        if progress.stage is _Stage.STEPPED:
            raise RuntimeError("step() has already been called since the last update().")
        is_fused = getattr(optimizer, "_step_supports_amp_scaling", False)
        if progress.stage is _Stage.READY and is_fused:
            progress.found_inf = _found_inf(optimizer, _gradients(optimizer))
        elif progress.stage is _Stage.READY:
            self.unscale_(optimizer)
        if not progress.found_inf:
            raise AssertionError("No inf checks were recorded for this optimizer.")
        found_inf = _together(progress.found_inf.values(), scale.device)
        result = None
        if is_fused:
            optimizer.grad_scale = scale if progress.stage is _Stage.READY else None
            optimizer.found_inf = found_inf
            try:
                result = optimizer.step(*args, **kwargs)
            finally:
                del optimizer.grad_scale, optimizer.found_inf
        elif not found_inf.item():
            result = optimizer.step(*args, **kwargs)
        progress.stage = _Stage.STEPPED
        return result

    def update(self, new_scale: float | Tensor | None = None) -> None:
        """Adapt the scale to what the steps since the last update have found, or set it to `new_scale`."""
        if not self._enabled:
            return
        scale, tracker = self._state("update")
        if isinstance(new_scale, Tensor):
            if new_scale.device.type != self._device or new_scale.numel() != 1 or new_scale.requires_grad:
                raise AssertionError(
                    "new_scale should be a float or a 1-element torch.cuda.FloatTensor or torch.FloatTensor with "
                    "requires_grad=False."
                )
            scale.copy_(new_scale.reshape(()))
        elif new_scale is not None:
            scale.fill_(new_scale)
        else:
            found = [found_inf for progress in self._progress.values() for found_inf in progress.found_inf.values()]
            if not found:
                raise AssertionError("No inf checks were recorded prior to update.")
            self._adapt(scale, tracker, _together(found, scale.device) != 0)
        self._progress.clear()

    def _adapt(self, scale: Tensor, tracker: Tensor, is_bad: Any) -> None:
        with no_grad(), switched():
            count = tracker + 1
            is_due = count == self._growth_interval
            grown = scale * self._growth_factor
            grown = where(is_due & isfinite(grown), grown, scale)
            scale.copy_(where(is_bad, scale * self._backoff_factor, grown))
            tracker.copy_(where(is_bad | is_due, 0, count))

    def _state(self, caller: str) -> tuple[Tensor, Tensor]:
        if self._scale is None or self._growth_tracker is None:
            raise AssertionError(
                f"Attempted {caller} but _scale is None.  This may indicate your script did not use scaler.scale(loss "
                "or outputs) earlier in the iteration."
            )
        return self._scale, self._growth_tracker

    # ------------------------------------------------------------------------------------------------- its settings

    def is_enabled(self) -> bool:
        """Return whether losses are scaled."""
        return self._enabled

    def get_scale(self) -> float:
        """Return the scale, 1.0 when disabled. Waits for the device."""
        if not self._enabled:
            return 1.0
        return self._init_scale if self._scale is None else self._scale.item()

    def get_growth_factor(self) -> float:
        """Return what the scale is multiplied by when it grows."""
        return self._growth_factor

    def set_growth_factor(self, new_factor: float) -> None:
        """Set what the scale is multiplied by when it grows."""
        self._growth_factor = new_factor

    def get_backoff_factor(self) -> float:
        """Return what the scale is multiplied by after infinities."""
        return self._backoff_factor

    def set_backoff_factor(self, new_factor: float) -> None:
        """Set what the scale is multiplied by after infinities."""
        self._backoff_factor = new_factor

    def get_growth_interval(self) -> int:
        """Return after how many steps without infinities the scale grows."""
        return self._growth_interval

    def set_growth_interval(self, new_interval: int) -> None:
        """Set after how many steps without infinities the scale grows."""
        self._growth_interval = new_interval

    def _get_growth_tracker(self) -> int:
        if not self._enabled:
            return 0
        return self._init_growth_tracker if self._growth_tracker is None else self._growth_tracker.item()

    def state_dict(self) -> dict[str, Any]:
        """Return scale, settings and the count of steps without infinities; an empty dict when disabled."""
        if not self._enabled:
            return {}
        return {
            "scale": self.get_scale(),
            "growth_factor": self._growth_factor,
            "backoff_factor": self._backoff_factor,
            "growth_interval": self._growth_interval,
            "_growth_tracker": self._get_growth_tracker(),
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` gave; nothing happens when disabled. RuntimeError for an empty one."""
        if not self._enabled:
            return
        if not state_dict:
            raise RuntimeError(
                "The source state dict is empty, possibly because it was saved from a disabled instance of GradScaler."
            )
        self._init_scale, self._init_growth_tracker = state_dict["scale"], state_dict["_growth_tracker"]
        if self._scale is not None and self._growth_tracker is not None:
            self._scale.fill_(self._init_scale)
            self._growth_tracker.fill_(self._init_growth_tracker)
        self._growth_factor = state_dict["growth_factor"]
        self._backoff_factor = state_dict["backoff_factor"]
        self._growth_interval = state_dict["growth_interval"]

    def __getstate__(self) -> dict[str, Any]:
        if self._progress:
            raise AssertionError(
                "A GradScaler instance may only be pickled at the beginning of an iteration, or at the end after "
                "scaler.update()."
            )
        numbers = {"_init_scale": self.get_scale(), "_init_growth_tracker": self._get_growth_tracker()}
        return self.__dict__ | numbers | {"_scale": None, "_growth_tracker": None}  # made anew with the first loss


def _gradients(optimizer: Any) -> dict[Device, list[Tensor]]:
    """The gradients of an optimizer's parameters by device, or what it has of them where it deals them out."""
    if hasattr(optimizer, "gradients_to_scale"):
        return optimizer.gradients_to_scale()
    found: dict[Device, list[Tensor]] = defaultdict(list)
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            if parameter.grad is not None:
                found[parameter.grad.device].append(parameter.grad)
    return found


def _found_inf(optimizer: Any, gradients: dict[Device, list[Tensor]]) -> dict[Device, Tensor]:
    """Whether any is infinite or NaN, float32 (): then so is the norm of all, one reading of them in one launch.

    Of an optimizer that is dealt out over processes: whether any is on any of them.
    """
    with no_grad(), switched():
        found = {device: logical_not(isfinite(norm_of_all(alike))).to(float32) for device, alike in gradients.items()}
    return optimizer.found_anywhere(found) if hasattr(optimizer, "found_anywhere") else found


def _together(found: Iterable[Tensor], device: Device) -> Tensor:
    """The sum of what several devices or optimizers have found."""
    with no_grad(), switched():
        first, *rest = (each.to(device) for each in found)
        for each in rest:
            first = first + each
        return first
