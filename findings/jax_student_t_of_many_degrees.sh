#!/usr/bin/env bash
# jax 0.10.2 (CPU): scipy.stats.t.logpdf of float32 is wrong from a thousand degrees of freedom on, and -0.5 at 1e7.
#
# Expected: with many degrees of freedom the density of Student's t at 1 tends to the normal's, log p = -1.4189 (SciPy gives
# that at each). Seen: the normaliser is a difference of large log-gammas: -1.4180 at 1e4, -1.5000 at 1e6, -0.5 at 1e7.
#
# Installs jax==0.10.2 jaxlib==0.10.2 scipy==1.17.1 in a temporary folder and exits with 0 while the behaviour is as said.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet jax==0.10.2 jaxlib==0.10.2 scipy==1.17.1
"$folder/venv/bin/python" - <<'PYTHON'
import jax
import numpy as np
import scipy.stats

t = jax.scipy.stats.t
print("jax", jax.__version__)
error = {}
for degrees in (1e2, 1e3, 1e4, 1e5, 1e6, 1e7):
    found, right = float(t.logpdf(np.float32(1), np.float32(degrees))), scipy.stats.t.logpdf(1, degrees)
    error[degrees] = abs(found - right)
    print(f"{degrees:g} degrees of freedom: {found:.6f}, SciPy {right:.6f}")
assert error[1e2] < 1e-4 and error[1e3] > 1e-4 and error[1e6] > 0.05 and error[1e7] > 0.9
PYTHON
