"""Random tensors. A generator's state lives on its device; the same seed gives the same numbers on each."""

from __future__ import annotations

import math
import os
from typing import Any

from .. import dtypes
from ..device import Device, in_level, resolve
from ..device import cpu as CPU
from ..dtypes import DType
from ..layouts import MemoryFormat, check_memory_format
from ..tensor import Tensor, wrap
from .bounds import refuse_unless
from .complex_numbers import view_as_complex
from .integers import as_integer, as_new_sizes
from .public import public


class Generator:
    """A stream of random numbers: Philox-4x32-10 with a seed as key and a counter that every draw moves on."""

    def __init__(self, device: Any = "cpu") -> None:
        self.device = resolve(device)
        self._seed = 0
        self._state: Any = None

    @property
    def state(self) -> Any:
        """The device array [seed, offset]."""
        if self._state is None:
            self._state = self.device.backend.random_state(self._seed)
        return self._state

    def manual_seed(self, seed: int) -> Generator:
        """Start the stream of `seed`."""
        self._seed = int(seed) % 2**64
        if self._state is not None:
            self._write(self.device.backend.random_state(self._seed))
        return self

    def _write(self, state: Any) -> None:
        """Write the state where it always lies: captured graphs draw from there."""
        if self._state is None:
            self._state = state
        else:
            self.device.backend.copy_into(self._state, state)

    def seed(self) -> int:
        """Start the stream of a seed drawn from the operating system, and return it."""
        seed = int.from_bytes(os.urandom(8), "little") % 2**63
        self.manual_seed(seed)
        return seed

    def initial_seed(self) -> int:
        return self._seed

    def get_state(self) -> Tensor:
        """Return the state as an int64 tensor [seed, offset] on the CPU. Synchronises."""
        return wrap(self.device.backend.to_numpy(self.state), CPU)

    def set_state(self, state: Tensor) -> None:
        """Go on from a state that `get_state` gave."""
        if state._array.shape != (2,) or state.dtype is not dtypes.int64:
            raise TypeError(
                f"set_state: expected an int64 tensor of shape [2] from get_state(), but got {state.dtype} of shape "
                f"{list(state.shape)}"
            )
        host = state.device.backend.to_numpy(state._array)
        self._seed = int(host.view("uint64")[0])
        self._write(self.device.backend.from_numpy(host))

    def __reduce__(self) -> tuple:
        return _restored, (str(self.device), self.get_state())


def _restored(device: str, state: Tensor) -> Generator:
    generator = Generator(device)
    generator.set_state(state)
    return generator


_defaults: dict[Device, Generator] = {}
_seed = [0]


def default_generator(device: Device) -> Generator:
    """Return the generator that functions on `device` draw from when none is given."""
    device = device.base
    generator = _defaults.get(device)
    if generator is None:
        generator = _defaults[device] = Generator(device).manual_seed(_seed[0])
    return generator


def generators_in_use() -> tuple[Device, ...]:
    """Return the devices whose default generators something has drawn from."""
    return tuple(_defaults)


@public(method=False)
def manual_seed(seed: int) -> Generator:
    """Seed the default generators of all devices, and return the CPU's."""
    _seed[0] = int(seed) % 2**64
    for generator in _defaults.values():
        generator.manual_seed(seed)
    return default_generator(CPU)


@public(method=False)
def seed() -> int:
    """Seed the default generators from the operating system, and return the seed."""
    value = int.from_bytes(os.urandom(8), "little") % 2**63
    manual_seed(value)
    return value


@public(method=False)
def initial_seed() -> int:
    """Return the seed of the default generators."""
    return _seed[0]


@public(method=False)
def get_rng_state() -> Tensor:
    """Return the state of the CPU's default generator."""
    return default_generator(CPU).get_state()


@public(method=False)
def set_rng_state(new_state: Tensor) -> None:
    """Go on from a state that `get_rng_state` gave."""
    default_generator(CPU).set_state(new_state)


def _draw(function: str, size: tuple, dtype: DType | None, device: Any, generator: Generator | None) -> Tensor:
    place = in_level(resolve(device))
    dtype = dtypes.get_default_dtype() if dtype is None else dtype
    if dtype.is_complex:  # both parts drawn alike; of the normal distribution the number has the variance 1
        parts = _draw(function, (*size, 2), dtype.to_real(), device, generator)
        return view_as_complex(parts * math.sqrt(0.5) if function == "normal" else parts).detach()
    if not dtype.is_floating_point:
        kind = f"\"{function}_kernel_{place.type}\" not implemented for '{dtypes.SCALAR_TYPES[dtype.name]}'"
        raise NotImplementedError(
            f"{kind}: expected a floating point dtype, but got {dtype}. Use randint for integers."
        )
    generator = _checked(generator, place)
    return wrap(getattr(place.backend, function)(generator.state, size, dtype.numpy), place)


def _checked(generator: Generator | None, device: Device) -> Generator:
    if generator is None:
        return default_generator(device)
    if generator.device is not device.base:
        raise RuntimeError(f"Expected a '{device}' device type for generator but found '{generator.device}'")
    return generator


@public(method=False, out=True)
def rand(
    *size: Any,
    generator: Generator | None = None,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return numbers from the uniform distribution on [0, 1)."""
    return _with_grad(_draw("uniform", as_new_sizes(size), dtype, device, generator), requires_grad)


@public(method=False, out=True)
def randn(
    *size: Any,
    generator: Generator | None = None,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return numbers from the normal distribution with mean 0 and variance 1 (Box & Muller 1958)."""
    return _with_grad(_draw("normal", as_new_sizes(size), dtype, device, generator), requires_grad)


@public(method=False)
def rand_like(
    input: Tensor,
    *,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: MemoryFormat | None = None,
) -> Tensor:
    """Return `rand` with the shape, dtype and device of input."""
    check_memory_format(memory_format, "rand_like")
    return rand(input.shape, dtype=dtype or input.dtype, device=device or input.device, requires_grad=requires_grad)


@public(method=False)
def randn_like(
    input: Tensor,
    *,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: MemoryFormat | None = None,
) -> Tensor:
    """Return `randn` with the shape, dtype and device of input."""
    check_memory_format(memory_format, "randn_like")
    return randn(input.shape, dtype=dtype or input.dtype, device=device or input.device, requires_grad=requires_grad)


@public(method=False, out=True)
def randint(
    low: int = 0,
    high: Any = None,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return integers from [low, high); ``randint(high, size)`` starts at 0."""
    if size is None:
        low, high, size = 0, low, high
    low, high, dtype = as_integer(low, "low"), as_integer(high, "high"), dtype or dtypes.int64
    if high <= low:
        raise RuntimeError(f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}")
    if not dtypes.holds(low, dtype) or not dtypes.holds(high - 1, dtype):
        raise RuntimeError(f"from={low} or to - 1={high - 1} is out of bounds for {dtype}")
    unit = _draw("uniform", as_new_sizes((size,)), dtypes.float64, device, generator)
    return (unit * float(high - low)).floor().to(dtypes.int64).add(low).to(dtype)


@public(method=False)
def randint_like(
    input: Tensor,
    low: int,
    high: Any = None,
    *,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return `randint` with the shape, dtype and device of input; ``randint_like(input, high)`` starts at 0."""
    low, high = (0, low) if high is None else (low, high)
    y = randint(low, high, input.shape, dtype=dtype or input.dtype, device=device or input.device)
    return _with_grad(y, requires_grad)


@public(method=False, out=True)
def randperm(
    n: int,
    *,
    generator: Generator | None = None,
    dtype: DType | None = None,
    device: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return a random order of the integers from 0 to n - 1."""
    keys = _draw("uniform", as_new_sizes((n,)), dtypes.float64, device, generator)
    return keys.argsort().to(dtype or dtypes.int64)


@public(method=False)
def normal(mean: Any, std: Any = 1.0, size: Any = None, *, generator: Generator | None = None, **kwargs: Any) -> Tensor:
    """Return normal numbers with the given mean and standard deviation, numbers (with `size`) or tensors."""
    check_deviation(std)
    if size is None:
        template = mean + std if isinstance(mean, Tensor) or isinstance(std, Tensor) else None
        if template is None:
            raise TypeError("normal(): with a number for mean and std, pass size=(...)")
        size, kwargs = template.shape, {"dtype": template.dtype, "device": template.device}
    return randn(*size, generator=generator, **kwargs) * std + mean


def check_deviation(std: Any) -> None:
    """Raise PyTorch's errors when a standard deviation, or an element of a tensor of them, is negative or NaN."""
    if isinstance(std, Tensor):
        refuse_unless(std.detach() >= 0, "normal expects all elements of std >= 0.0")
    elif not std >= 0:
        raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")


@public
def bernoulli(input: Tensor, p: float | None = None, *, generator: Generator | None = None) -> Tensor:
    """Return 1 with the probability that input gives (or everywhere `p`), else 0, in input's dtype."""
    unit = _draw("uniform", tuple(input.shape), dtypes.float32, input.device, generator)
    if p is None and not input.is_floating_point():
        kind = (
            f"\"bernoulli_tensor_{input.device.type}_p_\" not implemented for '{dtypes.SCALAR_TYPES[input.dtype.name]}'"
        )
        raise NotImplementedError(f"{kind}: expected probabilities")
    return (unit < checked_probability(input.detach() if p is None else p)).to(input.dtype)


def checked_probability(p: Any) -> Any:
    """Return a probability, a number or a tensor of them. RuntimeError when one is outside [0, 1] or NaN."""
    if isinstance(p, Tensor):
        refuse_unless((p >= 0) & (p <= 1), "Expected p_in >= 0 && p_in <= 1 to be true, but got false: a probability")
    elif not 0 <= p <= 1:
        raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p}")
    return p


_WRONG_WEIGHTS = (
    "invalid multinomial distribution (encountering probability entry < 0, infinity or NaN): probability tensor "
    "contains either `inf`, `nan` or element < 0"
)


@public(out=True)
def multinomial(
    input: Tensor, num_samples: int, replacement: bool = False, *, generator: Generator | None = None
) -> Tensor:
    """Return `num_samples` indices per row (or of the vector), each with the probability of its non-negative weight."""
    if input.ndim not in (1, 2):
        raise RuntimeError(f"prob_dist must be 1 or 2 dim, but it has {input.ndim} dimensions")
    if not input.is_floating_point():
        kind = dtypes.SCALAR_TYPES[input.dtype.name]
        raise RuntimeError(f"multinomial only supports floating-point dtypes for input, got: {kind}. Use x.float().")
    if as_integer(num_samples, "num_samples") <= 0:
        raise RuntimeError("cannot sample n_sample <= 0 samples")
    weights = input.detach().to(dtypes.float64)
    rows = weights.reshape(-1, weights.shape[-1])
    refuse_unless((rows >= 0) & (rows < math.inf), _WRONG_WEIGHTS)
    refuse_unless(rows.sum(-1) != 0, "invalid multinomial distribution (sum of probabilities <= 0)")
    if not replacement:
        if num_samples > rows.shape[1]:
            raise RuntimeError("cannot sample n_sample > prob_dist.size(-1) samples without replacement")
        # The exponential race: the smallest -log(u) / w come first (Efraimidis & Spirakis 2006).
        unit = _draw("uniform", tuple(rows.shape), dtypes.float64, input.device, generator)
        race = -(1.0 - unit).log() / rows
        picked = race.argsort(-1).narrow(1, 0, num_samples)
    else:
        cumulative = rows.cumsum(-1)
        unit = _draw("uniform", (rows.shape[0], num_samples), dtypes.float64, input.device, generator)
        mark = (unit * cumulative[:, -1:]).unsqueeze(-1)
        picked = (mark >= cumulative.unsqueeze(1)).sum(-1)
    return picked.reshape(*input.shape[:-1], num_samples)


def _with_grad(tensor: Tensor, requires_grad: bool) -> Tensor:
    from .creation import with_grad

    return with_grad(tensor, requires_grad)
