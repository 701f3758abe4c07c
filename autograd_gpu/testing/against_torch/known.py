"""Differences that are known, each with its reason, which docs/differences.md gives too."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .compare import Difference


@dataclass(frozen=True)
class Known:
    """A kind of difference: what it looks like, and words of docs/differences.md where its reason stands."""

    reason: str
    documented: str
    kind: str = ".*"
    theirs: str = ""
    ours: str = ""
    call: str = ""

    def explains(self, call: str, difference: Difference) -> bool:
        return bool(
            re.fullmatch(self.kind, difference.kind)
            and re.search(self.theirs, difference.theirs)
            and re.search(self.ours, difference.ours)
            and re.search(self.call, call)
        )


KNOWN = [
    Known("rounded once, where PyTorch rounds in between", "rounded once", kind=".*nearer to PyTorch's float64"),
    Known(
        "a kernel for a dtype that PyTorch's CPU has none for",
        "dtypes that PyTorch's CPU has no kernel for",
        kind=".*is given, PyTorch raises",
        theirs=r"not implemented for|not supported for|\"\w+\" not implemented",
    ),
    Known(
        "a dtype is refused by the name of the operation, not of a kernel",
        "by the operation's name",
        kind=".*exception type",
        theirs=r"not implemented for '",
        ours="not implemented|loating|only support|bool tensor|nteger|can't be cast",
    ),
    Known(
        "a derivative that PyTorch has not",
        "derivatives that PyTorch has not",
        kind="(gradients|second derivatives|tangents): is given, PyTorch raises",
        theirs=r"derivative for .* is not implemented|not differentiable|does not support|not implemented|forward AD",
    ),
]


def explained(call: str, difference: Difference) -> Known | None:
    return next((known for known in KNOWN if known.explains(call, difference)), None)
