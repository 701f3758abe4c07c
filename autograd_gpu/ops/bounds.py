"""Indices, targets and divisors that must lie between bounds, and what is raised when one does not.

On the CPU at once; on a GPU, which is not waited for, by the next call that waits, with the line that asked.
"""

from __future__ import annotations

from ..device import cpu
from ..dtypes import int32
from ..op import Op
from ..tensor import Tensor
from ..user_line import line_of, user_line

ZERO_DIVISION = (
    "ZeroDivisionError: integer division by zero. Divide floats, or put other numbers in place of the zeros."
)


class CheckedIndex(Op):
    """y = index, counted from the front where it is negative; what is outside [low, high), and not `ignored`, is
    refused."""

    differentiable = False

    def forward(ctx, index, low, high, ignored, refuse):
        return ctx.backend.checked_index(index, low, high, ignored, refuse)


class Refusal:
    """Makes the exception for a wrong number. `message` has a place for it, {index}."""

    __slots__ = ("error", "message", "where")

    def __init__(self, error: type[Exception], message: str, like: Tensor) -> None:
        self.error, self.message = error, message
        self.where = None if like.device is cpu else user_line(2)

    def __call__(self, number: int) -> Exception:
        line = "" if self.where is None else f" (asked for at {line_of(self.where)})"
        return self.error(self.message.replace("{index}", str(number)) + line)


def in_range(
    index: Tensor,
    high: int,
    message: str,
    error: type[Exception] = IndexError,
    *,
    low: int = 0,
    ignored: int | None = None,
) -> Tensor:
    """Return an int64 index whose numbers lie in [low, high) or are `ignored`, negative ones counted from the end.

    Else `error` of `message`, in which {index} stands for the number.
    """
    return CheckedIndex.apply(index, low=low, high=high, ignored=ignored, refuse=Refusal(error, message, index))


def refuse_zeros(divisor: Tensor) -> None:
    """Raise PyTorch's error when an integer divisor is 0."""
    divisor.device.backend.refuse_zeros(divisor._array, Refusal(RuntimeError, ZERO_DIVISION, divisor))


def refuse_unless(holds: Tensor, message: str) -> None:
    """Raise RuntimeError with `message` when an element of a bool tensor is False."""
    array = holds.device.backend.cast(holds._array, int32.numpy)
    holds.device.backend.refuse_zeros(array, Refusal(RuntimeError, message, holds))
