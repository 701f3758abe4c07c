"""Which GPUs there are, and what is asked of them as a whole. Imports CuPy only for a GPU asked for."""

from __future__ import annotations

import importlib
from collections.abc import Iterable
from typing import Any, NamedTuple

from ..device import Device, cuda_is_available, emulating, resolve
from ..ops.random import default_generator
from ..tensor import Tensor

is_available = cuda_is_available


def device_count() -> int:
    """Return how many GPUs there are."""
    return Device("cuda").backend.device_count() if is_available() else 0


def current_device() -> int:
    """Return the index of the GPU that ``device="cuda"`` means."""
    return Device("cuda").backend.current_device()


def get_device_name(device: Device | str | int | None = None) -> str:
    """Return the name of the GPU."""
    return Device("cuda").backend.device_name()


def synchronize(device: Device | str | int | None = None) -> None:
    """Wait until the GPU has done everything that was asked of it."""
    Device("cuda").backend.synchronize()


def manual_seed(seed: int) -> None:
    """Seed the GPU's default generator, where there is a GPU."""
    if is_available():
        default_generator(resolve("cuda")).manual_seed(int(seed))


manual_seed_all = manual_seed


def seed() -> None:
    """Seed the GPU's default generator with a number that nobody knows, where there is a GPU."""
    if is_available():
        default_generator(resolve("cuda")).seed()


seed_all = seed


def initial_seed() -> int:
    """Return the number that the GPU's default generator was seeded with."""
    return default_generator(resolve("cuda")).initial_seed()


def get_rng_state(device: Device | str | int = "cuda") -> Tensor:
    """Return the state of the GPU's default generator."""
    return default_generator(resolve(device)).get_state()


def get_rng_state_all() -> list[Tensor]:
    """Return the state of each GPU's default generator."""
    return [get_rng_state()] if is_available() else []


def set_rng_state(new_state: Tensor, device: Device | str | int = "cuda") -> None:
    """Set the state of the GPU's default generator, where there is a GPU."""
    if is_available():
        default_generator(resolve(device)).set_state(new_state)


def set_rng_state_all(new_states: Iterable[Tensor]) -> None:
    """Set the state of each GPU's default generator."""
    for state in new_states:
        set_rng_state(state)


def is_initialized() -> bool:
    """Return whether there is a GPU: what it needs is made when first asked for."""
    return is_available()


def init() -> None:
    """Find the GPU; DeviceUnavailable where there is none."""
    current_device()


def set_device(device: Device | str | int) -> None:
    """Choose the GPU of this process, of which there is one: RuntimeError for another, which CUDA_VISIBLE_DEVICES
    chooses."""
    index = device if isinstance(device, int) else Device(device).index
    if index is not None and index >= 0:
        resolve(Device("cuda", index))


class device:
    """A block in which "cuda" means a given GPU: the one that there is, or none at all for None and -1."""

    def __init__(self, device: Device | str | int | None) -> None:
        self.given = device

    def __enter__(self) -> None:
        if self.given is not None and is_available():
            set_device(self.given)

    def __exit__(self, *exception: object) -> None:
        pass


class device_of(device):
    """A block in which "cuda" means the GPU of a tensor; nothing for one on the CPU."""

    def __init__(self, obj: Any) -> None:
        super().__init__(obj.device if obj.is_cuda else None)


class DeviceProperties(NamedTuple):
    """What a GPU is."""

    name: str
    major: int
    minor: int
    total_memory: int
    multi_processor_count: int


def get_device_properties(device: Device | str | int | None = None) -> DeviceProperties:
    """Return what the GPU is. The emulated one is an sm_80 without memory of its own."""
    name = get_device_name(device)
    if emulating():
        return DeviceProperties(name, 8, 0, 0, 1)
    found = importlib.import_module("cupy").cuda.runtime.getDeviceProperties(current_device())
    return DeviceProperties(name, found["major"], found["minor"], found["totalGlobalMem"], found["multiProcessorCount"])


def get_device_capability(device: Device | str | int | None = None) -> tuple[int, int]:
    """Return the GPU's architecture: (9, 0) for sm_90."""
    properties = get_device_properties(device)
    return properties.major, properties.minor


def get_arch_list() -> list[str]:
    """Return the architectures that kernels are compiled for: the GPU's own, when first launched."""
    return ["sm_{}{}".format(*get_device_capability())] if is_available() else []


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """Return whether there is a GPU: every kernel takes bfloat16."""
    return is_available()


# ---------------------------------------------------------------------------------------------- memory


def _pool() -> Any:
    """CuPy's pool; None without a GPU, and for the emulated one, whose buffers are this process's own memory."""
    return importlib.import_module("cupy").get_default_memory_pool() if is_available() and not emulating() else None


def empty_cache() -> None:
    """Give the memory that is kept for the next tensors back to the driver."""
    if (pool := _pool()) is not None:
        pool.free_all_blocks()


def memory_allocated(device: Device | str | int | None = None) -> int:
    """Return the bytes of the GPU's memory that are in use; 0 without a GPU and for the emulated one."""
    pool = _pool()
    return 0 if pool is None else pool.used_bytes()


def memory_reserved(device: Device | str | int | None = None) -> int:
    """Return the bytes of the GPU's memory that this process holds, in use or not."""
    pool = _pool()
    return 0 if pool is None else pool.total_bytes()


def max_memory_reserved(device: Device | str | int | None = None) -> int:
    """Return `memory_reserved`, which grows with the most that was ever in use, until `empty_cache`."""
    return memory_reserved(device)


max_memory_allocated = max_memory_cached = max_memory_reserved
memory_cached = memory_reserved


def reset_peak_memory_stats(device: Device | str | int | None = None) -> None:
    """Give back what is not in use, so that the peak counts from here."""
    empty_cache()


reset_max_memory_allocated = reset_max_memory_cached = reset_peak_memory_stats


def mem_get_info(device: Device | str | int | None = None) -> tuple[int, int]:
    """Return the bytes of the GPU's memory that are free and that there are."""
    current_device()
    return (0, 0) if emulating() else importlib.import_module("cupy").cuda.runtime.memGetInfo()


def ipc_collect() -> None:
    """Do nothing: no memory is shared with other processes."""
