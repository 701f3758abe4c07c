"""Optimiser steps of the emulated GPU against the CPU's: every setting and dtype, over many tensors at once."""

import numpy as np
import pytest
from on_device import FLOATS, assert_near, double, normal

from autograd_gpu.arrays.cpu import optim as cpu
from autograd_gpu.arrays.cuda import driver, execution, tables
from autograd_gpu.arrays.cuda import optim as cuda
from autograd_gpu.arrays.cuda.memory import from_numpy, to_numpy

# Nothing, one, less than a pack, odd, a whole part, more than one part.
SIZES = [37, 0, 1, 3, tables.CHUNK, 5, 2 * tables.CHUNK + 13]
MANY = [1 + number % 7 for number in range(300)]
LR = np.array(0.01)


def columns(sizes, dtype, count, positive=()):
    """`count` lists of arrays of the given sizes; those of the columns in `positive` hold no negative number."""
    made = [[normal(size, dtype, seed * 1000 + n) for n, size in enumerate(sizes)] for seed in range(count)]
    return [[np.abs(x) for x in column] if number in positive else column for number, column in enumerate(made)]


def on_the_device(arrays):
    return None if arrays is None else [from_numpy(x) for x in arrays]


def run_both(name, here, *parameters, **settings):
    """Run a step on copies on either side; return the device's columns and the CPU's."""
    there = [on_the_device(column) for column in here]
    sent = [from_numpy(x) if isinstance(x, np.ndarray) else x for x in parameters]
    arrays = {key: from_numpy(x) if isinstance(x, np.ndarray) else x for key, x in settings.items()}
    getattr(cpu, name)(*here, *parameters, **settings)
    getattr(cuda, name)(*there, *sent, **arrays)
    return there, here


def assert_columns_near(found, expected, dtype):
    for mine, theirs in zip(found, expected, strict=True):
        for x, y in zip(mine or (), theirs or (), strict=True):
            assert_near(to_numpy(x), y, dtype, scale=2)


SGD = {"momentum": 0.9, "dampening": 0.1, "weight_decay": 0.05, "nesterov": False, "maximize": False, "first": False}


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(
    "changes", [{}, {"nesterov": True}, {"first": True}, {"maximize": True, "weight_decay": 0.0}], ids=str
)
def test_sgd(dtype, changes):
    settings = SGD | changes | {"scale": None, "found_inf": None}
    assert_columns_near(*run_both("sgd_step", columns(SIZES, dtype, 3), LR, **settings), dtype)


@pytest.mark.parametrize("dtype", FLOATS)
def test_sgd_without_momentum(dtype):
    here = [*columns(SIZES, dtype, 2), None]
    settings = SGD | {"momentum": 0.0, "scale": np.array(0.25), "found_inf": np.array(0, np.float32)}
    assert_columns_near(*run_both("sgd_step", here, LR, **settings), dtype)


ADAM = {"beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "weight_decay": 0.1, "decoupled": True, "maximize": False}


def adam_columns(sizes, dtype, count=0.0, amsgrad=False):
    made = columns(sizes, dtype, 5, positive=(3, 4))
    steps = [np.array(count + number % 2, np.float32) for number in range(len(sizes))]
    return [*made[:4], made[4] if amsgrad else None, steps]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("count", [0.0, 999.0])
@pytest.mark.parametrize("amsgrad", [False, True])
def test_adam(dtype, count, amsgrad):
    here = adam_columns(SIZES, dtype, count, amsgrad)
    settings = ADAM | {"decoupled": not amsgrad, "scale": None, "found_inf": None}
    found, expected = run_both("adam_step", here, LR, **settings)
    assert_columns_near(found[:5], expected[:5], dtype)
    assert [to_numpy(step) for step in found[5]] == [count + 1 + number % 2 for number in range(len(SIZES))]


def test_adam_scales_and_turns_gradients_as_it_reads_them():
    settings = ADAM | {"decoupled": False, "maximize": True, "scale": np.array(0.5), "found_inf": None}
    assert_columns_near(*run_both("adam_step", adam_columns([70], "float32"), LR, **settings), "float32")


@pytest.mark.parametrize("name", ["sgd_step", "adam_step"])
def test_nothing_happens_when_a_gradient_has_overflowed(name):
    made, settings = (columns([40], "float32", 3), SGD) if name == "sgd_step" else (adam_columns([40], "float32"), ADAM)
    before = [None if column is None else [x.copy() for x in column] for column in made]
    for columns_after in run_both(name, made, LR, **settings, scale=None, found_inf=np.array(1, np.float32)):
        for after, kept in zip(columns_after, before, strict=True):
            for x, y in zip(after or (), kept or (), strict=True):
                np.testing.assert_array_equal(x if type(x) is np.ndarray else to_numpy(x), y)


def views(column, offset):
    """The same values on the device, each `offset` elements into its buffer."""
    return [from_numpy(np.concatenate([np.zeros(offset, x.dtype), x]))[offset:] for x in column]


@pytest.mark.parametrize("dtype", ["bfloat16", "float32"])
def test_views_that_are_not_aligned(dtype):
    here = columns([37, 100], dtype, 3)
    there = [views(column, offset) for column, offset in zip(here, (1, 2, 0), strict=True)]
    settings = SGD | {"scale": None, "found_inf": None}
    cpu.sgd_step(*here, LR, **settings)
    cuda.sgd_step(*there, from_numpy(LR), **settings)
    assert_columns_near(there, here, dtype)


def test_arrays_of_another_layout_are_updated_in_their_place():
    base, gradient = from_numpy(np.zeros((3, 5), np.float32)), from_numpy(np.ones((5, 3), np.float32))
    cuda.sgd_step([base.T], [gradient], None, from_numpy(LR), 0.0, 0.0, 0.0, False, False, False, None, None)
    np.testing.assert_array_equal(to_numpy(base), np.full((3, 5), np.float32(-LR)))
    cuda.scale_all([base.T], from_numpy(np.array(2.0)))
    np.testing.assert_array_equal(to_numpy(base), np.full((3, 5), np.float32(-LR) * 2))


# ------------------------------------------------------------------------------------------------ norm and scale


def gradients_of_every_dtype(sizes):
    return [normal(size, dtype, n) for n, size in enumerate(sizes) for dtype in FLOATS]


@pytest.mark.parametrize("sizes", [SIZES, MANY], ids=["large and small", "many"])
def test_the_norm_of_all_gradients(sizes):
    here = gradients_of_every_dtype(sizes)
    expected = np.sqrt(sum((double(x) ** 2).sum() for x in here))
    found = [to_numpy(cuda.norm_of_all([from_numpy(x) for x in here])) for _ in range(2)]
    assert found[0] == found[1] and found[0].shape == ()
    np.testing.assert_allclose(found[0], expected, rtol=1e-6)
    np.testing.assert_allclose(cpu.norm_of_all(here), expected, rtol=1e-6)


def test_the_norm_of_nothing_is_zero():
    assert to_numpy(cuda.norm_of_all([from_numpy(np.zeros(0, np.float32))])) == 0
    assert cpu.norm_of_all([np.zeros(0, np.float32)]) == 0


@pytest.mark.parametrize("factor", [0.5, 1.0, np.nan])
def test_all_gradients_are_scaled(factor):
    here = gradients_of_every_dtype([5, 64, 0])
    there = [from_numpy(x) for x in here]
    cuda.scale_all(there, from_numpy(np.array(factor)))
    for x, y in zip(there, here, strict=True):
        np.testing.assert_array_equal(double(to_numpy(x)), double((double(y) * factor).astype(y.dtype)))
    cpu.scale_all(here, np.array(factor))
    for x, y in zip(there, here, strict=True):
        np.testing.assert_array_equal(double(to_numpy(x)), double(y))


# ------------------------------------------------------------------------------------------------ tables


@pytest.fixture
def launched(monkeypatch):
    """The names of the kernels launched, in order, from a time without tables on the device."""
    tables._written.clear()
    names = []
    launch = execution.EmulatedDriver.launch

    def noted(gpu, function, *arguments):
        names.append(function.name)
        launch(gpu, function, *arguments)

    monkeypatch.setattr(execution.EmulatedDriver, "launch", noted)
    return names


def step_all(there, lr=None):
    cuda.sgd_step(*there, from_numpy(LR) if lr is None else lr, **SGD, scale=None, found_inf=None)


def test_a_small_table_travels_with_the_launch(launched):
    step_all([on_the_device(column) for column in columns([5] * 90, "float32", 3)])
    assert launched == ["sgd_step"]


def test_a_large_table_is_written_once_while_its_arrays_keep_their_places(launched):
    here = columns(MANY, "float32", 3)
    there = [on_the_device(column) for column in here]
    for _ in range(2):
        step_all(there)
        cpu.sgd_step(*here, LR, **SGD, scale=None, found_inf=None)
    words = len(MANY) * 5
    assert launched == ["write_table"] * -(-words * 8 // tables.BY_VALUE) + ["sgd_step"] * 2
    assert_columns_near(there, here, "float32")


def test_a_captured_step_has_a_table_of_its_own(launched):
    here = columns(MANY, "float32", 3)
    there, lr, streams = [on_the_device(column) for column in here], from_numpy(LR), driver.current().streams
    step_all(there, lr)
    kept = dict(tables._written)
    pool = streams.pool()
    streams.begin_capture(pool)
    step_all(there, lr)
    graph = streams.end_capture()
    assert launched[len(launched) // 2 :] == launched[: len(launched) // 2]
    assert dict(tables._written) == kept
    tables._written.clear()
    streams.replay(graph)
    for _ in range(2):
        cpu.sgd_step(*here, LR, **SGD, scale=None, found_inf=None)
    assert_columns_near(there, here, "float32")


def test_old_tables_are_dropped(launched, monkeypatch):
    monkeypatch.setattr(tables, "MOST_WRITTEN", 2)
    models = [[on_the_device(column) for column in columns([1] * 100, "float16", 3)] for _ in range(3)]
    for model in (*models, models[1], models[0]):  # the first one's table is gone, the second one's is there
        step_all(model)
    assert launched == [
        *["write_table", "write_table", "sgd_step"] * 3,
        "sgd_step",
        "write_table",
        "write_table",
        "sgd_step",
    ]
    assert len(tables._written) == 2
