#!/usr/bin/env bash
# torch 2.13.0 (CPU) and jax 0.10.2 (CPU): the second derivative of sinc near 0 is NaN, 0 or 201 instead of -pi^2/3.
#
# Expected: sinc is even and smooth, sinc''(x) = -pi^2/3 + O(x^2) = -3.2899 about 0. Seen in float64: torch NaN at 0 and 0 at
# 1e-9; jax right at 0, but 201 at 1e-9, where differences of nearly equal terms are divided by x. At 1e-3 both are right.
#
# Installs torch==2.13.0 jax==0.10.2 jaxlib==0.10.2 in a temporary folder and exits with 0 while the behaviour is as said.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 jax==0.10.2 jaxlib==0.10.2
"$folder/venv/bin/python" - <<'PYTHON'
import math

import jax
import torch

jax.config.update("jax_enable_x64", True)
print("torch", torch.__version__, "jax", jax.__version__, "expected", -(math.pi**2) / 3)
second = jax.grad(jax.grad(jax.numpy.sinc))
found = {}
for place in (0.0, 1e-9, 1e-3):
    x = torch.tensor(place, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(torch.sinc(x), x, create_graph=True)
    (curvature,) = torch.autograd.grad(slope, x)
    found[place] = curvature.item(), float(second(place))
    print(f"at {place}: torch, jax", *found[place])
assert math.isnan(found[0.0][0]) and abs(found[0.0][1] + 3.2899) < 1e-3
assert found[1e-9][0] == 0 and abs(found[1e-9][1]) > 100
assert all(abs(value + 3.2898) < 1e-3 for value in found[1e-3])
PYTHON
