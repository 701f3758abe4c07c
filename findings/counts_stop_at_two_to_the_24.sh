#!/usr/bin/env bash
# torch 2.13.0 and jax 0.10.2 (CPU): bincount with float32 weights, and in jax every histogram, cannot count beyond 16,777,216.
#
# Expected: 20,000,000 values in one bin are 20,000,000, as np.bincount (float64), np.histogram (int64) and torch.histc
# give. Seen: the bins are float32 and one is added at a time, and 16777216 + 1 is 16777216 in float32. jnp.histogram counts
# so even where no weights are given.
#
# Installs torch==2.13.0 numpy==2.4.6 jax==0.10.2 jaxlib==0.10.2 in a temporary folder and exits with 0 while the behaviour is as said.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6 jax==0.10.2 jaxlib==0.10.2
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import jax
import jax.numpy as jnp
import numpy as np
import torch

print("torch", torch.__version__, "numpy", np.__version__, "jax", jax.__version__)
n, most = 20_000_000, 16_777_216
zeros = np.zeros(n, np.int32)
found = {
    "torch.bincount": torch.bincount(torch.from_numpy(zeros), weights=torch.ones(n)).item(),
    "jnp.bincount": float(jnp.bincount(zeros, weights=jnp.ones(n), length=1)[0]),
    "jnp.histogram": float(jnp.histogram(jnp.zeros(n), bins=1, range=(-1, 1))[0][0]),
}
right = {
    "np.bincount": float(np.bincount(zeros, weights=np.ones(n, np.float32))[0]),
    "np.histogram": float(np.histogram(zeros, bins=1, range=(-1, 1))[0][0]),
    "torch.histc": torch.histc(torch.zeros(n), bins=1, min=-1, max=1).item(),
}
for name, count in (found | right).items():
    print(f"{name:15} {count:,.0f}")
assert set(found.values()) == {most} and set(right.values()) == {n}
PYTHON
