"""Programs in the manner of those that people write for PyTorch give the same numbers here."""

import inspect

import pytest
import torch
from conftest import assert_same
from written_programs import images, learning, text
from written_programs.numbers_given import Numbers

import autograd_gpu as ag

PROGRAMS = {
    f"{module.__name__.rpartition('.')[2]}.{name}": function
    for module in (text, images, learning)
    for name, function in inspect.getmembers(module, inspect.isfunction)
    if function.__module__ == module.__name__
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_program(name):
    ours, theirs = (PROGRAMS[name](library, Numbers(library)) for library in (ag, torch))
    assert_same(ours, theirs, name, 1e-4)
