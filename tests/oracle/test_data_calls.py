"""Data, sizes, indices and numbers as users hand them over: both libraries give the same, or refuse with the same type.

A line of `data_calls.py` is what to run first, parts separated by ";;", and an expression last.
"""

from typing import Any

import data_calls
import numpy as np
import pytest
import torch
from conftest import assert_same

import autograd_gpu as ag

DEVICES = ["cpu", "cuda"]


def outcome(library: Any, line: str) -> Any:
    *statements, expression = line.split(";;")
    names = {"torch": library, "F": library.nn.functional, "nn": library.nn, "np": np}
    try:
        for statement in statements:
            exec(statement.strip(), names)
        result = eval(expression.strip(), names)
        return result.cpu() if isinstance(result, ag.Tensor) else result
    except Exception as error:
        return error


def same(ours: Any, theirs: Any, line: str) -> None:
    if isinstance(theirs, Exception):
        assert isinstance(ours, Exception), f"{line}: {theirs!r} expected, but got {ours}"
        assert type(ours) is type(theirs), f"{line}: {ours!r} for {theirs!r}"
        return
    assert not isinstance(ours, Exception), f"{line}: {ours!r}"
    if isinstance(theirs, np.ndarray):
        assert type(ours) is np.ndarray and ours.dtype == theirs.dtype, line
        np.testing.assert_array_equal(ours, theirs, line)
    else:
        assert_same(ours, theirs, line)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("section", sorted(data_calls.SECTIONS))
def test_the_same_or_refused_alike(section, device):
    wrong = []
    ag.set_default_device(device)
    try:
        for line in data_calls.SECTIONS[section].strip().splitlines():
            ours = outcome(ag, line)
            if device == "cuda" and "np." in line and isinstance(ours, Exception) and "cuda" in str(ours):
                continue  # a host's array beside a device's tensor
            try:
                same(ours, outcome(torch, line), line)
            except AssertionError as error:
                wrong.append(str(error))
    finally:
        ag.set_default_device("cpu")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("line", data_calls.DIFFERENCES)
def test_differences_are_differences_still(line):
    with pytest.raises((AssertionError, RuntimeError)):
        same(outcome(ag, line), outcome(torch, line), line)
