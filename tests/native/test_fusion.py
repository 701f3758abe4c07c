"""Launches that became one kernel give the bits of those they were: drawn programs of elementwise operations, and each
way of going wrong planted and found."""

from contextlib import suppress

import ml_dtypes
import numpy as np
import pytest

import autograd_gpu as torch
from autograd_gpu.arrays.fusion import groups, text
from autograd_gpu.arrays.native import elementwise, runtime
from autograd_gpu.arrays.native.launch import Map
from autograd_gpu.arrays.sources import DTYPES as DTYPE_NAMES

try:
    runtime.library()
except runtime.Unusable as error:
    pytest.skip(f"nothing is compiled here: {error}", allow_module_level=True)

pytestmark = pytest.mark.ours
F = torch.nn.functional

ROWS, COLUMNS = 6, 40
REAL_ONE = [
    torch.abs, torch.neg, torch.exp, torch.tanh, torch.sigmoid, torch.sin, torch.sqrt, torch.square, torch.relu,
    torch.floor, torch.round, torch.sign, torch.erf, torch.log1p, torch.reciprocal, torch.isnan, torch.isfinite,
    torch.logical_not, F.gelu, F.silu, F.softplus, F.leaky_relu, lambda x: x.clamp(-0.5, 0.7),
    lambda x: x.clamp(max=0.1), lambda x: F.gelu(x, approximate="tanh"), lambda x: x * 0.3, lambda x: 2 - x,
    lambda x: x**3,
]  # fmt: skip
WHOLE_ONE = [torch.abs, torch.neg, torch.sign, torch.square, torch.relu, torch.bitwise_not, torch.logical_not,
             lambda x: x * 3, lambda x: x + 1, lambda x: x.clamp(-2, 5), lambda x: x // 3, lambda x: x % 5]  # fmt: skip
BOOL_ONE = [torch.logical_not, torch.bitwise_not]
REAL_TWO = [torch.add, torch.sub, torch.mul, torch.div, torch.maximum, torch.minimum, torch.atan2, torch.eq, torch.lt,
            torch.logical_or, torch.copysign, torch.fmod]  # fmt: skip
WHOLE_TWO = [torch.add, torch.sub, torch.mul, torch.maximum, torch.minimum, torch.eq, torch.ge, torch.bitwise_and,
             torch.bitwise_xor, torch.gcd]  # fmt: skip
BOOL_TWO = [torch.logical_and, torch.logical_or, torch.logical_xor, torch.bitwise_and, torch.eq, torch.ne]
DTYPES = ("float32", "float16", "bfloat16", "float64", "int64", "int8", "bool")


def leaves(random, dtype, device="cpu"):
    """Arrays of every layout that walks along (ROWS, COLUMNS)."""

    def values(*shape):
        if dtype == "bool":
            return torch.tensor(random.integers(0, 2, shape).astype(bool))
        if dtype.startswith("int"):
            return torch.tensor(random.integers(-9, 10, shape), dtype=getattr(torch, dtype))
        return torch.tensor(random.standard_normal(shape), dtype=getattr(torch, dtype))

    x, row, column, one = (values(*shape) for shape in ((ROWS, COLUMNS), (COLUMNS,), (ROWS, 1), ()))
    across, apart, y = values(COLUMNS, ROWS), values(ROWS, 2 * COLUMNS), values(ROWS, COLUMNS)
    x, row, column, one, across, apart, y = (z.to(device) for z in (x, row, column, one, across, apart, y))
    return [x, row, column, one, across.T, apart[:, ::2], y]


def kinds(x):
    """Functions of one and of two tensors like x."""
    if x.dtype.is_floating_point:
        return REAL_ONE, REAL_TWO
    return (BOOL_ONE, BOOL_TWO) if x.dtype == torch.bool else (WHOLE_ONE, WHOLE_TWO)


def program(seed, dtype, length=14):
    """A step of so many drawn operations over leaves: what it returns, some of what it made on the way included."""

    def step(*given):
        random = np.random.default_rng(seed)
        at_hand = list(given)
        fresh = []

        def drawn(like=None):
            fitting = [x for x in at_hand if like is None or x.dtype == like.dtype]
            return fitting[random.integers(len(fitting))] if random.random() < 0.4 else fitting[-1]

        for _ in range(length):
            x = drawn()
            ones, twos = kinds(x)
            way = random.random()
            if way < 0.4:
                y = ones[random.integers(len(ones))](x)
            elif way < 0.75:
                y = twos[random.integers(len(twos))](x, drawn(x))
            elif way < 0.85:
                condition = drawn()
                y = torch.where(condition if condition.dtype == torch.bool else condition > 0, x, drawn(x))
            elif way < 0.92:
                y = x.to(getattr(torch, random.choice(["float32", "float16", "int64", "bool", dtype])))
            elif fresh:
                y = fresh[random.integers(len(fresh))]
                y.mul_(y) if random.random() < 0.5 else y.copy_(x.expand(y.shape) if x.dim() <= y.dim() else y)
                continue
            else:
                continue
            at_hand.append(y)
            if y.shape == (ROWS, COLUMNS):
                fresh.append(y)
        returned = [at_hand[-1], *(x for x in at_hand[len(given) : -1] if random.random() < 0.2)]
        if random.random() < 0.5:
            summed = returned[0]
            returned.append(summed.sum() if random.random() < 0.5 else summed.sum(0) if summed.dim() else summed)
        return [x.clone() if x.dim() < 2 else x for x in returned]

    return step


def differences(seeds, dtype, device="cpu"):
    """Replays of how many programs differ from them, and how many launches became part of another."""
    wrong = fused = 0
    for seed in seeds:
        step = program(seed, dtype)
        captured = torch.capture(step)
        random = np.random.default_rng(seed + 1000)
        for _ in range(3):
            given = leaves(random, dtype, device)
            got = captured(*given)
        for a, b in zip(got, step(*given), strict=True):
            if not np.array_equal(a.cpu().numpy(), b.cpu().numpy(), equal_nan=a.dtype.is_floating_point):
                wrong += 1
                break
        for recorded in captured.recorded:
            fused += sum(len(work.names) - 1 for work in recorded.graph.work())
    return wrong, fused


@pytest.mark.parametrize("dtype", DTYPES)
def test_drawn_programs_keep_their_bits(dtype):
    wrong, fused = differences(range(3), dtype)
    assert wrong == 0
    assert fused > 3


@pytest.mark.parametrize("dtype", ["float32", "float16", "int64"])
def test_drawn_programs_keep_their_bits_on_a_gpu(dtype):
    wrong, fused = differences(range(2), dtype, "cuda")
    assert wrong == 0
    assert fused > 3


def of_kernels(names, operands, dtype):
    """The package's functions that a map of so many arrays computes for a dtype."""
    scalar, found = np.dtype(getattr(ml_dtypes, dtype, dtype)), []
    for made in Map.all:
        name = made.numpy.__name__
        is_of_arrays = set(made.operands) <= {"P", "PA"} and len(made.operands) == operands
        if is_of_arrays and name in names and dtype in DTYPE_NAMES[made.file] and scalar in made.dtypes:
            found.append(getattr(torch, name, None))
    return [function for function in dict.fromkeys(found) if function is not None]


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_function_keeps_its_bits(dtype):
    """Of one array and of two, all of those that read the same in kernels together."""
    ones, twos = (of_kernels(elementwise.__all__, operands, dtype) for operands in (1, 2))
    assert len(ones) > 5 and len(twos) > 8

    def step(x, y):
        x, found = torch.logical_not(x) if dtype == "bool" else x * 2, []
        for function, operands in [*((f, (x,)) for f in ones), *((f, (x, y)) for f in twos)]:
            with suppress(TypeError, RuntimeError):  # not of this dtype
                found.append(function(*operands))
        return found

    x, y, *_ = leaves(np.random.default_rng(0), dtype)
    assert sum(map(len, fused_launches(step, x, y))) > 16


def test_every_gradient_keeps_its_bits():
    functions = [f for f in of_kernels(elementwise.__all__, 1, "float32") if f is not torch.bitwise_not]
    activations = [F.elu, F.gelu, F.silu, F.mish, F.softplus, F.hardswish, F.leaky_relu, F.softsign, F.logsigmoid]
    x = torch.rand(6, 40).requires_grad_()

    def step():
        found = []
        for function in (*functions, *activations):
            y = function(x * 0.5)
            if y.dtype.is_floating_point:
                found += torch.autograd.grad(y, x, y.detach())
        return found

    assert sum(map(len, fused_launches(step))) > 100


def fused_launches(step, *given):
    """The operations of each kernel that a step's launches became, once they have given the step's own bits."""
    captured = torch.capture(step)
    for number in (2, 1, 0):  # a replay finds what another has left
        got = captured(*((~x if number else x) if x.dtype == torch.bool else x + number for x in given))
    wanted = step(*given)
    for a, b in zip(got, wanted, strict=True):
        np.testing.assert_array_equal(a.detach().cpu().numpy(), b.detach().cpu().numpy())
    (recorded,) = captured.recorded
    return [work.names for work in recorded.graph.work() if len(work.names) > 1]


def test_forward_and_backward_of_a_chain_are_one_kernel(device):
    x, b = (torch.randn(*shape, device=device, requires_grad=True) for shape in ((8, 512), (512,)))

    def step():
        x.grad = b.grad = None
        y = F.gelu((x + b) * 2).sum()
        y.backward()
        return y, x.grad, b.grad

    (names,) = fused_launches(step)
    assert [name for name in names if name not in ("rows_sum", "copy")] == [
        "add",
        "mul",
        "gelu",
        "gelu_backward",
        "mul",
    ]
    assert ("rows_sum" in names) == (device == "cpu")


def test_what_others_read_is_written_too(device):
    x, w = torch.randn(8, 8, device=device), torch.randn(8, 8, device=device)
    assert fused_launches(lambda x: [(y := x * 2) @ w, (y + 1).tanh()], x) == [["mul", "add", "tanh"]]


def test_a_sum_of_columns_joins_what_it_sums():
    x = torch.randn(32, 300, requires_grad=True)

    def step():
        x.grad = None
        y = x * 3
        y.sum(0).square().sum().backward()
        return [y.sum(0), x.grad]

    assert ["mul", "columns_sum"] in fused_launches(step)


def test_half_types_are_rounded_between_operations(device):
    x = torch.randn(16, 33, device=device).half()
    assert fused_launches(lambda x: [((x * 1.7).exp() + 0.1) / 3], x) == [["mul", "exp", "add", "div"]]


def test_long_chains_are_cut():
    def chain(x):
        for _ in range(100):
            x = x * 1.01 + 0.01
        return [x]

    assert [len(names) for names in fused_launches(chain, torch.randn(4, 4))] == [64, 64, 64, 8]


def test_nothing_is_fused_where_that_is_switched_off(monkeypatch):
    monkeypatch.setenv("AUTOGRAD_GPU_FUSE", "0")
    assert fused_launches(lambda x: [x * 2 + 1], torch.randn(4, 4)) == []


def test_what_does_not_compile_stays_as_it_is(monkeypatch):
    monkeypatch.setattr(text, "write", lambda plan, source: "no C++")
    assert fused_launches(lambda x: [x * 2.5 - 1], torch.randn(4, 4)) == []


# ---- ways of going wrong, planted


def a_reader_outside(x, w):
    y = x * 2
    return [(y + 1).tanh(), y @ w]


def a_write_between(x, w):
    h = x @ w
    a = h * 2
    del h
    return [a + w @ x]  # where h lay


def memory_of_another_layout_used_again(x, w):
    h = x @ w
    y = h.T * 2
    del h
    return [y + 1]


def readers_missed(monkeypatch):
    def connect(nodes, memory):
        connected(nodes, memory)
        for node in nodes:
            node.readers = {index for index in node.readers if nodes[index].what is not None}

    connected = groups.connect
    monkeypatch.setattr(groups, "connect", connect)


def writes_between_missed(monkeypatch):
    monkeypatch.setattr(groups, "_is_closed", lambda *_: True)
    monkeypatch.setattr(groups, "order", lambda part, found, nodes: _in_their_order(part, found))


def _in_their_order(part, found):
    members = {index: group for group in found for index in group.members}
    units = {id(members.get(node.index, node)): members.get(node.index, node) for node in reversed(part)}
    return list(units.values())[::-1]


def overlaps_missed(monkeypatch):
    monkeypatch.setattr(groups, "_overlap", lambda *_: False)


@pytest.mark.parametrize(
    ("step", "plant"),
    [
        (a_reader_outside, readers_missed),
        (a_write_between, writes_between_missed),
        (memory_of_another_layout_used_again, overlaps_missed),
    ],
)
def test_a_planted_fault_is_found(monkeypatch, step, plant):
    x, w = torch.randn(60, 60), torch.randn(60, 60)
    fused_launches(step, x, w)
    plant(monkeypatch)
    with pytest.raises(AssertionError):
        fused_launches(step, x, w)
