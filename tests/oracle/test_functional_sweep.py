"""nn.functional against PyTorch's: names, signatures, and values and gradients over many combinations of arguments."""

import ast
import inspect
import re

import numpy as np
import pytest
import torch
import torch.nn.functional as theirs
from conftest import assert_same, flattened, gradients
from functional_calls import CALLS

import autograd_gpu as ag
from autograd_gpu.nn import functional as ours

LIBRARIES = (ag, torch)

# ---------------------------------------------------------------------------------------------- names

NOT_THERE = {
    "grouped_mm": "products of a list of matrices, a kernel for float8 experts",
    "scaled_grouped_mm": "float8",
    "scaled_mm": "float8",
    "native_channel_shuffle": "channel_shuffle under a name that is to go",
}
# What the module imports or keeps for itself.
NO_FUNCTIONS = {
    "Callable", "DType", "Optional", "ScalingType", "SwizzleType", "Tensor", "assert_int_or_pair", "boolean_dispatch",
    "handle_torch_function", "has_torch_function", "has_torch_function_unary", "has_torch_function_variadic",
}  # fmt: skip
OUR_OWN = {"add_layer_norm", "add_rms_norm", "feed_forward"}  # fused forms that PyTorch has not


def test_which_names_are_not_there():
    public = {name for name in dir(theirs) if not name.startswith("_") and callable(getattr(theirs, name))}
    assert public - set(ours.__all__) - NO_FUNCTIONS == set(NOT_THERE)
    assert set(ours.__all__) - public == OUR_OWN


# ---------------------------------------------------------------------------------------------- signatures

SHARED = sorted(set(ours.__all__) - OUR_OWN)


def arguments(signature: inspect.Signature) -> list[tuple]:
    return [(p.name, p.default, p.kind is p.KEYWORD_ONLY) for p in signature.parameters.values()]


def documented(function) -> list[tuple]:
    """The arguments of a built-in, from the first line of what it says of itself."""
    text = re.search(r"\w+\(((?:[^()]|\([^()]*\))*)\)", function.__doc__)[1]
    tree = ast.parse(f"def f({text.rstrip().rstrip(',')}): pass").body[0].args
    names = [*tree.posonlyargs, *tree.args]
    given = [inspect.Parameter.empty] * (len(names) - len(tree.defaults)) + [ast.literal_eval(d) for d in tree.defaults]
    return [
        *((a.arg, d, False) for a, d in zip(names, given, strict=True)),
        *((a.arg, ast.literal_eval(d), True) for a, d in zip(tree.kwonlyargs, tree.kw_defaults, strict=True)),
    ]


# PyTorch says nothing of these, or something else than what it takes.
UNDOCUMENTED = {
    "conv_tbc": [("input", None), ("weight", None), ("bias", None), ("pad", 0)],
    "rrelu_": [("input", None), ("lower", 1 / 8), ("upper", 1 / 3), ("training", False)],
    "scaled_dot_product_attention": [
        ("query", None), ("key", None), ("value", None), ("attn_mask", None), ("dropout_p", 0.0), ("is_causal", False),
        ("scale", None), ("enable_gqa", False),
    ],
}  # fmt: skip


@pytest.mark.parametrize("name", SHARED)
def test_arguments_and_defaults(name):
    function = getattr(theirs, name)
    found = arguments(inspect.signature(getattr(ours, name)))
    if name in UNDOCUMENTED:
        empty = inspect.Parameter.empty
        assert [(n, None if d is empty else d) for n, d, _ in found] == UNDOCUMENTED[name]
        return
    try:
        expected = arguments(inspect.signature(function))
    except ValueError:
        expected = documented(function)
    if [argument[0] for argument in expected] == ["args", "kwargs"]:  # one of two functions, by return_indices
        expected = arguments(inspect.signature(getattr(theirs, f"{name}_with_indices")))
    assert found == expected


# ---------------------------------------------------------------------------------------------- values and gradients


def run(library, call):
    """What a call gives, and the gradients of its leaves, as it makes them from the same numbers in each library."""
    random = np.random.default_rng(7)
    leaves = []

    def numbers(values, grad):
        tensor = library.tensor(np.asarray(values).tolist(), dtype=library.float64, requires_grad=grad)
        if grad:
            leaves.append(tensor)
        return tensor.reshape(np.shape(values))

    def whole(values):
        return library.tensor(np.asarray(values).tolist()).reshape(np.shape(values))

    names = {
        "F": library.nn.functional,
        "T": library,
        "n": lambda *shape: numbers(random.standard_normal(shape), True),
        "c": lambda *shape: numbers(random.standard_normal(shape), False),
        "u": lambda *shape: numbers(random.uniform(0.05, 0.95, shape), True),
        "d": lambda *shape: numbers(random.uniform(0.05, 0.95, shape), False),
        "k": lambda below, *shape: whole(random.integers(0, below, shape)),
        "s": lambda *shape: whole(np.where(random.random(shape) < 0.5, 1, -1)),
        "m": lambda *shape: whole(random.random(shape) < 0.7),
    }
    outputs = eval(call, names)
    return outputs, gradients(library, outputs, leaves)


def calls_of(name):
    return [call for call in CALLS if re.match(rf"F\.{name}\(", call)]


NOT_SWEPT = {
    "gumbel_softmax": "its random numbers are its own; the table has it",
    "linear_cross_entropy": "tests of its own",
}
LOOSER = {"hardsigmoid": 1e-7}  # its slope, 1/6, is rounded to float32 in float64 too


def test_every_function_is_swept():
    assert {name for name in SHARED if not calls_of(name)} == set(NOT_SWEPT)


@pytest.mark.parametrize("name", [name for name in SHARED if name not in NOT_SWEPT])
def test_values_and_gradients(name):
    for call in calls_of(name):
        expected, slopes = run(torch, call)
        found, own_slopes = run(ag, call)
        tolerance = LOOSER.get(name)
        assert_same(found, expected, call, tolerance)
        if any(isinstance(value, torch.Tensor) and value.requires_grad for value in flattened(expected)):
            for number, (mine, other) in enumerate(zip(own_slopes, slopes, strict=True)):
                assert (mine is None) == (other is None), f"{call}: whether leaf {number} has a gradient"
                if mine is not None:
                    assert_same(mine.detach(), other.detach(), f"{call}: gradient of leaf {number}", tolerance)
