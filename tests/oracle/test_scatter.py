"""scatter with its options against PyTorch."""

import numpy as np
import pytest
import torch
from conftest import assert_same

import autograd_gpu as ag

INDEX = [[1, 0], [3, 2]]


@pytest.mark.parametrize(
    "options", [{"value": 2.0}, {"src": 3.0}, {"src": 3.0, "reduce": "add"}, {"value": 3.0, "reduce": "multiply"}]
)
def test_numbers(options):
    x = np.random.default_rng(0).standard_normal((3, 4))
    results = []
    for library in (ag, torch):
        given = dict(options)
        if "src" in given:  # PyTorch takes a number in the place of src, not under its name
            result = library.scatter(library.tensor(x), 1, library.tensor(INDEX), given.pop("src"), **given)
        else:
            result = library.scatter(library.tensor(x), 1, library.tensor(INDEX), **given)
        results.append([result])
    assert_same(*results, str(options))


@pytest.mark.parametrize("reduce", [None, "add", "multiply"])
def test_tensors(reduce):
    random = np.random.default_rng(0)
    x, src = random.standard_normal((3, 4)), random.standard_normal((2, 2))
    options = {} if reduce is None else {"reduce": reduce}
    results = [
        [library.tensor(x).scatter(1, library.tensor(INDEX), library.tensor(src), **options)] for library in (ag, torch)
    ]
    assert_same(*results, str(reduce))


def test_other_reductions_are_refused():
    for library in (ag, torch):
        with pytest.raises(RuntimeError, match="reduce argument must be either add or multiply"):
            library.ones(3).scatter(0, library.tensor([0]), library.ones(1), reduce="mean")


@pytest.mark.parametrize("name", ["scatter", "scatter_add"])
def test_a_source_larger_than_the_index_gives_its_beginning(name):
    """Values alone: PyTorch's backward refuses such a source."""
    random = np.random.default_rng(0)
    x, src = random.standard_normal((3, 4)), random.standard_normal((3, 4))
    results = [
        [getattr(library, name)(library.tensor(x), 1, library.tensor(INDEX), library.tensor(src))]
        for library in (ag, torch)
    ]
    assert_same(*results, name)
