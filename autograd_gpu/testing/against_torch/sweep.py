"""Makes drawn calls in both libraries and gathers what differs. Imports PyTorch when it is called."""

from __future__ import annotations

import functools
import inspect
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import autograd_gpu as ag

from .calls import Drawn, draw
from .compare import Difference, differences
from .known import Known, explained
from .outcome import Outcome, TooSlow, run


@dataclass(frozen=True)
class Finding:
    """A call on which the libraries part, with where our function is declared."""

    function: str
    call: str
    difference: Difference
    declared: str

    def __str__(self) -> str:
        return (
            f"{self.function} ({self.declared}) {self.difference.kind}\n    {self.call}\n"
            f"    ours:   {self.difference.ours}\n    theirs: {self.difference.theirs}"
        )


def sweep(seed: int, calls: int, only: str = "", verbose: bool = False) -> tuple[list[Finding], list[Known]]:
    """Draw and make that many calls; the differences that nothing explains, and what explains the others."""
    import torch

    torch.set_num_threads(1)
    torch.broadcast_shapes((1,), (1,))  # what it imports late: a call that takes too long would stop half-way through
    rng = random.Random(seed)
    found: list[Finding] = []
    reasons: list[Known] = []
    for _ in range(calls):
        drawn = draw(torch, rng, only)
        second, tangents = rng.random() < 0.5, rng.random() < 0.4
        if verbose:
            print(drawn, flush=True)
        for difference in compare(torch, drawn, second, tangents):
            known = explained(str(drawn), difference)
            if known:
                reasons.append(known)
            else:
                found.append(Finding(drawn.name, str(drawn), difference, declared(drawn)))
    return found, reasons


def compare(torch: Any, drawn: Drawn, second: bool = True, tangents: bool = True) -> list[Difference]:
    try:
        theirs = run(torch, drawn, second, tangents)
    except TooSlow:
        return []
    try:
        ours = run(ag, drawn, second, tangents)
    except TooSlow:
        return [Difference("too slow", "more than ten seconds", "")]

    @functools.cache
    def truth() -> Outcome:
        torch.set_default_dtype(torch.float64)  # what integers give
        try:
            return run(torch, in_float64(drawn), second, tangents)
        finally:
            torch.set_default_dtype(torch.float32)

    found = differences(ours, theirs, truth, values=not drawn.random)
    if found and ours.raised and theirs.raised and names_another_fault(torch, drawn, ours, theirs):
        return [replace(found[0], kind="result: another fault of the call is named")]
    return found


def names_another_fault(torch: Any, drawn: Drawn, ours: Outcome, theirs: Outcome) -> bool:
    """Whether a call is wrong in two ways, of which the libraries name one each: with that mended which one of them
    names, it says what the other does."""

    def same(one: Outcome, other: Outcome) -> bool:
        return one.raised is not None and not differences(one, other, lambda: other)

    return any(
        same(ours, run(torch, variant, False, False)) or same(run(ag, variant, False, False), theirs)
        for variant in mended(drawn)
    )


def mended(drawn: Drawn) -> Iterator[Drawn]:
    """The call without what may be one of its faults: a dtype, a history, an `out`, an argument that is unknown."""

    def without(pattern: str, put: str = "") -> Drawn:
        setup = tuple(re.sub(pattern, put, line) for line in drawn.setup)
        return replace(drawn, setup=setup, expression=re.sub(pattern, put, drawn.expression))

    for pattern, put in (
        (r"\.requires_grad_\(\)", ""),
        (r"T\.(bool|u?int8|int16|int32)\b", "T.float32"),
        (r"T\.(bool|u?int\d+)\b", "T.float32"),
        (r"T\.(float16|bfloat16)\b", "T.float32"),
        (r"T\.\w*(int|float)\d+\b|T\.bool\b", "T.float32"),
        (r", out=T\.\w+\(.*?\)(?=[,)])", ""),
        (r", foo=1", ""),
    ):
        variant = without(pattern, put)
        if variant != drawn:
            yield variant


def in_float64(drawn: Drawn) -> Drawn:
    """The call of the same numbers, which have been rounded to their dtypes, in float64."""
    halves = r"T\.(float32|float16|bfloat16)\b"
    setup = tuple(re.sub(rf"dtype={halves}\)", r"dtype=T.\1).double()", line) for line in drawn.setup)
    return replace(drawn, setup=setup, expression=re.sub(halves, "T.float64", drawn.expression))


def declared(drawn: Drawn) -> str:
    """The file and line of our function that the call names."""
    expression = drawn.expression
    match = re.match(r"T\.([\w.]+)\(", expression)
    path = match[1] if match else None
    if path is None:
        method = re.search(r"\.(\w+)\(", expression.replace(".clone()", "").replace(".detach()", ""))
        path = f"Tensor.{method[1]}" if method else "Tensor"
    try:
        function: Any = ag
        for part in path.split("."):
            function = getattr(function, part)
        function = inspect.unwrap(function)
        for cell in getattr(function, "__closure__", None) or ():
            if inspect.isfunction(cell.cell_contents):
                function = cell.cell_contents
                break
        code = function.__code__
        return f"{Path(code.co_filename).relative_to(Path(ag.__file__).parent.parent)}:{code.co_firstlineno}"
    except (AttributeError, ValueError):
        return path
