"""L-BFGS. Knows all parameters as one vector, the pairs that its curvature is made of, and when to stop."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any

from ..modes import enable_grad, no_grad
from ..ops.pieces import cat
from ..tensor import Tensor
from .line_search import Point, strong_wolfe
from .optimizer import Optimizer, check_not_negative


class LBFGS(Optimizer):
    """Quasi-Newton with the last ``history_size`` changes of gradient in place of a Hessian (Liu & Nocedal 1989).

    ``step(closure)`` makes up to ``max_iter`` iterations, each of which evaluates the closure at least once; it ends
    early after ``max_eval`` evaluations (by default 1.25 * max_iter), or when the gradient's largest element is at most
    ``tolerance_grad``, or when parameters or loss change by no more than ``tolerance_change``. ``line_search_fn`` is
    None (steps of ``lr``) or "strong_wolfe". One parameter group only.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float | Tensor = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        check_not_negative("learning rate", lr)
        defaults = {
            "lr": lr,
            "max_iter": max_iter,
            "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "history_size": history_size,
            "line_search_fn": line_search_fn,
        }
        super().__init__(params, defaults)
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")
        self._params: list[Tensor] = self.param_groups[0]["params"]

    @no_grad()
    def step(self, closure: Callable[[], Any]) -> Any:
        """Go down from here; ``closure`` clears the gradients, computes the loss, goes backward and returns the loss.

        The loss before the first iteration is returned.
        """
        evaluate = enable_grad()(closure)
        group, state = self.param_groups[0], self.state[self._params[0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)
        first_loss = evaluate()
        state["func_evals"] += 1
        loss, gradient, evaluations = float(first_loss), self._gradient(), 1
        if _largest(gradient) <= group["tolerance_grad"]:
            return first_loss

        for iteration in range(1, group["max_iter"] + 1):
            state["n_iter"] += 1
            direction = self._direction(gradient, state, group)
            before = loss
            state["prev_flat_grad"], state["prev_loss"] = gradient.clone(), loss
            rate = float(group["lr"])
            t = min(1.0, 1.0 / gradient.abs().sum().item()) * rate if state["n_iter"] == 1 else rate
            slope = gradient.dot(direction).item()
            if slope > -group["tolerance_change"]:
                break
            used = 0
            if group["line_search_fn"] is None:
                self._move(direction, t)
                if iteration != group["max_iter"]:  # the last one's loss would only be known, not used
                    loss, gradient, used = float(evaluate()), self._gradient(), 1
            elif group["line_search_fn"] == "strong_wolfe":
                start, most_steps = Point(0.0, loss, gradient, slope), group["max_eval"] - evaluations
                found, used = self._search(evaluate, start, t, direction, group["tolerance_change"], most_steps)
                t, loss, gradient = found.t, found.loss, found.gradient
                self._move(direction, t)
            else:
                raise RuntimeError("only 'strong_wolfe' is supported")
            state["d"], state["t"] = direction, t
            evaluations += used
            state["func_evals"] += used
            if (
                evaluations >= group["max_eval"]
                or _largest(gradient) <= group["tolerance_grad"]
                or _largest(direction * t) <= group["tolerance_change"]
                or abs(loss - before) < group["tolerance_change"]
            ):
                break
        return first_loss

    def _direction(self, gradient: Tensor, state: dict[str, Any], group: dict[str, Any]) -> Tensor:
        """Return -H g by the two-loop recursion (Nocedal & Wright 2006, algorithm 7.4)."""
        if state["n_iter"] == 1:
            state.update(old_dirs=[], old_stps=[], ro=[], H_diag=1.0)
            return -gradient
        y, s = gradient - state["prev_flat_grad"], state["d"] * state["t"]
        changes, steps, inverses = state["old_dirs"], state["old_stps"], state["ro"]
        curvature = y.dot(s).item()
        if curvature > 1e-10:
            if len(changes) == group["history_size"]:
                for oldest in (changes, steps, inverses):
                    oldest.pop(0)
            changes.append(y)
            steps.append(s)
            inverses.append(1.0 / curvature)
            state["H_diag"] = curvature / y.dot(y).item()
        q = -gradient
        weights = []
        for y, s, inverse in zip(reversed(changes), reversed(steps), reversed(inverses), strict=True):
            weights.append(s.dot(q).item() * inverse)
            q.sub_(y, alpha=weights[-1])
        r = q * state["H_diag"]
        for y, s, inverse, weight in zip(changes, steps, inverses, reversed(weights), strict=True):
            r.add_(s, alpha=weight - y.dot(r).item() * inverse)
        return r

    def _search(
        self,
        evaluate: Callable[[], Any],
        start: Point,
        t: float,
        direction: Tensor,
        tolerance_change: float,
        most_steps: int,
    ) -> tuple[Point, int]:
        """Look along a direction, and come back to where it began."""
        values = [parameter.clone() for parameter in self._params]

        def at(t: float) -> Point:
            self._move(direction, t)
            loss, gradient = float(evaluate()), self._gradient()
            for parameter, value in zip(self._params, values, strict=True):
                parameter.copy_(value)
            return Point(t, loss, gradient, gradient.dot(direction).item())

        return strong_wolfe(at, start, t, _largest(direction), tolerance_change, most_steps)

    def _gradient(self) -> Tensor:
        """Return all gradients as one vector; zeros where there is none."""
        return cat(
            [(p.new_zeros(p.numel()) if p.grad is None else p.grad.to_dense().reshape(-1)) for p in self._params]
        )

    def _move(self, direction: Tensor, t: float) -> None:
        start = 0
        for parameter in self._params:
            stop = start + parameter.numel()
            parameter.add_(direction[start:stop].reshape(parameter.shape), alpha=t)
            start = stop

    def _loaded(self, parameter: Tensor, key: str, value: Any, position: int) -> Any:
        """Return a copy: the state is of all parameters together, none of it has the first one's shape."""
        return deepcopy(value)


def _largest(x: Tensor) -> float:
    return x.abs().max().item()
