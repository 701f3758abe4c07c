"""Calling CUDA backend functions on NumPy arrays, and how near their results must come in each dtype."""

import ml_dtypes
import numpy as np

from autograd_gpu.arrays.cuda.memory import from_numpy, to_numpy

FLOATS = ["float16", "bfloat16", "float32", "float64"]

# The spacing of each dtype's numbers just above 1.
SPACING = {"float16": 2**-10, "bfloat16": 2**-7, "float32": 2**-23, "float64": 2**-52}


def normal(shape, dtype, seed=0, scale=1.0):
    """Normal numbers as they are in `dtype`."""
    return (np.random.default_rng(seed).standard_normal(shape) * scale).astype(dtype_of(dtype))


def dtype_of(name):
    return np.dtype(getattr(ml_dtypes, name, None) or name)


def double(x):
    """What `x` holds, in float64, for a reference."""
    return np.asarray(x).astype(np.float64)


def run(function, *arguments):
    """`function` of the arguments, arrays among them sent to the device; its results as NumPy arrays."""
    result = function(*(from_numpy(x) if isinstance(x, np.ndarray) else x for x in arguments))
    if isinstance(result, tuple):
        return tuple(None if x is None else to_numpy(x) for x in result)
    return to_numpy(result)


def assert_near(actual, expected, dtype, spacings=4, scale=1.0):
    """Each value within `spacings` of the dtype's spacings of the expected one, or of `scale` where it is less."""
    tolerance = spacings * SPACING[str(dtype)]
    np.testing.assert_allclose(double(actual), double(expected), rtol=tolerance, atol=tolerance * scale)
