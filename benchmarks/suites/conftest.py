"""Which library a process times: BENCHMARK_LIBRARY says its label, BENCHMARK_MODULE the module to import."""

from __future__ import annotations

import importlib
import json
import os
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any, NamedTuple

import pytest


class Library(NamedTuple):
    """What is timed in this process, and how."""

    label: str
    module: ModuleType
    captured: bool

    def prepared(self, make: Callable[[ModuleType], Callable[[], Any]]) -> Callable[[], Any]:
        """Return the call that `make` gives for the module, captured where that is asked for, and called before."""
        self.module.manual_seed(0)
        call = make(self.module)
        if self.captured:
            call = self.module.capture(call)
        for _ in range(3):
            call()
        return call


if before := os.environ.get("BENCHMARK_VERSION"):  # a checkout whose package is timed, by this version's suites
    sys.path.insert(0, before)
    importlib.import_module("autograd_gpu")
    sys.path.remove(before)

LABEL = os.environ.get("BENCHMARK_LIBRARY", "ours")
ONLY = json.loads(os.environ.get("BENCHMARK_ONLY", "[]"))  # names of works, or parts of them


@pytest.fixture(params=[LABEL])
def library(request: pytest.FixtureRequest) -> Library:
    """The library of this process; its label is a part of each test's name."""
    module = importlib.import_module(os.environ.get("BENCHMARK_MODULE", "autograd_gpu"))
    return Library(request.param, module, os.environ.get("BENCHMARK_CAPTURED") == "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if ONLY:
        items[:] = [item for item in items if any(part in item.callspec.params["work"] for part in ONLY)]
