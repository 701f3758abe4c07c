"""``torch.random``: the default generator's state, and blocks after which it goes on as if they had not been."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

from .device import Device, cuda_is_available, resolve
from .ops.random import default_generator as _default_generator_of
from .ops.random import get_rng_state, initial_seed, manual_seed, seed, set_rng_state

__all__ = ["default_generator", "fork_rng", "get_rng_state", "initial_seed", "manual_seed", "seed", "set_rng_state"]

default_generator = _default_generator_of(Device("cpu"))


@contextlib.contextmanager
def fork_rng(
    devices: Iterable[Any] | None = None,
    enabled: bool = True,
    _caller: str = "fork_rng",
    _devices_kw: str = "devices",
    device_type: str = "cuda",
) -> Iterator[None]:
    """After the block, the generators of the CPU and of `devices` (the GPU, by default) are as they were before."""
    if not enabled:
        yield
        return
    wanted = (
        [resolve(device_type)] if devices is None and cuda_is_available() else [resolve(one) for one in devices or ()]
    )
    generators = [default_generator, *map(_default_generator_of, wanted)]
    states = [generator.get_state() for generator in generators]
    try:
        yield
    finally:
        for generator, state in zip(generators, states):
            generator.set_state(state)
