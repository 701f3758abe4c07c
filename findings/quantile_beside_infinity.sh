#!/usr/bin/env bash
# NumPy 2.4.6: np.quantile([1, 2, inf], 0.5) is NaN, np.median is 2; in torch 2.13.0 and jax 0.10.2 (CPU) the largest, q = 1, is NaN.
#
# Expected: a quantile that falls on an element is that element: 2 in the middle, inf at the end. Seen: the interpolation
# multiplies an infinite difference by a weight of 0. So one overflowed value among the data makes even the middle NaN in NumPy,
# and q = 1 is not the maximum in torch and jax.
#
# Installs numpy==2.4.6 torch==2.13.0 jax==0.10.2 jaxlib==0.10.2 in a temporary folder and exits with 0 while the behaviour is as said.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet numpy==2.4.6 torch==2.13.0 jax==0.10.2 jaxlib==0.10.2
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import jax
import numpy as np
import torch

print("numpy", np.__version__, "torch", torch.__version__, "jax", jax.__version__)
data, places = np.array([1, 2, np.inf], np.float32), np.array([0, 0.5, 1], np.float32)
found = {
    "numpy": [float(np.quantile(data.astype(float), q)) for q in (0, 0.5, 1)],
    "torch": torch.quantile(torch.from_numpy(data), torch.from_numpy(places)).tolist(),
    "jax": jax.numpy.quantile(data, places).tolist(),
}
for library, values in found.items():
    print(library, *values)
assert str(found["numpy"]) == "[1.0, nan, inf]" and np.median(data) == 2
assert str(found["torch"]) == str(found["jax"]) == "[1.0, 2.0, nan]"
PYTHON
