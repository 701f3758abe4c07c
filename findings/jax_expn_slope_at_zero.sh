#!/usr/bin/env bash
# jax 0.10.2 (CPU): the slope of scipy.special.expn(n, x) at x = 0 is that of another n: -1/(n - 1) instead of -1/(n - 2).
#
# Expected: E_n'(x) = -E_(n-1)(x) (DLMF 8.19.13) and E_n(0) = 1/(n - 1), so E_3'(0) = -1, as the slope at 1e-6 confirms.
# Seen: -0.5 for n = 3, -1/3 for n = 4.
#
# Installs jax==0.10.2 jaxlib==0.10.2 in a temporary folder and exits with 0 while the behaviour is as said.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet jax==0.10.2 jaxlib==0.10.2
"$folder/venv/bin/python" - <<'PYTHON'
import jax

print("jax", jax.__version__)
for n in (3, 4, 5):
    slope = jax.grad(lambda x: jax.scipy.special.expn(n, x))
    at_zero, beside = float(slope(0.0)), float(slope(1e-6))
    print(f"n = {n}: at 0 {at_zero:.5f}, at 1e-6 {beside:.5f}, expected {-1 / (n - 2):.5f}")
    assert abs(at_zero + 1 / (n - 1)) < 1e-5 and abs(beside + 1 / (n - 2)) < 1e-3
PYTHON
