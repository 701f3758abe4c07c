"""How the tests run: under the emulated GPU with the race checker on, each claim on both devices.

`AUTOGRAD_GPU_TEST_AGAINST=torch` runs the same claims on PyTorch (CPU only), to prove that the claims themselves are
right: a test that PyTorch fails is a wrong test, unless it is marked `ours`.
"""

import importlib
import os
import sys
from collections.abc import Iterator

import pytest

os.environ.setdefault("AUTOGRAD_GPU_EMULATE", "race")

AGAINST_TORCH = os.environ.get("AUTOGRAD_GPU_TEST_AGAINST") == "torch"
DEVICES = ["cpu"] if AGAINST_TORCH else ["cpu", "cuda"]


def stand_in_torch() -> None:
    """Makes `import autograd_gpu` give PyTorch, with the submodules that the tests name."""
    importlib.import_module("torch")
    for name, module in list(sys.modules.items()):
        if name == "torch" or name.startswith("torch."):
            sys.modules[name.replace("torch", "autograd_gpu", 1)] = module


if AGAINST_TORCH:
    stand_in_torch()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "ours: a claim that goes beyond PyTorch (deselected when run against PyTorch)")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not AGAINST_TORCH:
        return
    ours = [item for item in items if item.get_closest_marker("ours")]
    if ours:
        config.hook.pytest_deselected(items=ours)
        items[:] = [item for item in items if not item.get_closest_marker("ours")]


@pytest.fixture(params=DEVICES)
def device(request: pytest.FixtureRequest) -> str:
    """The name of each device in turn."""
    return request.param


@pytest.fixture(autouse=True)
def precision_is_a_tests_own() -> Iterator[None]:
    """What a test has set of float32's products holds for itself alone."""
    yield
    importlib.import_module("autograd_gpu").set_float32_matmul_precision("highest")


@pytest.fixture
def on_each_device(device: str) -> Iterator[str]:
    """Factories make their tensors on each device in turn, so a test body is written once, without naming any."""
    import autograd_gpu as torch

    torch.set_default_device(device)
    yield device
    torch.set_default_device("cpu")
