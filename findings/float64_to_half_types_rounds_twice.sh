#!/usr/bin/env bash
# ml_dtypes 0.6.0 and torch 2.13.0 (CPU): float64 becomes bfloat16, and in torch float16 and float8 too, by way of float32, rounded twice.
#
# Expected: 1 + 2^-8 + 2^-40 lies above the middle between the bfloat16 neighbours 1 and 1.0078125, so the latter. Seen: 1, as
# float32 drops 2^-40 and the tie goes to even; int64 2^40 + 2^32 + 1 likewise. NumPy's own float16 is rounded once, torch's
# twice, so the two libraries disagree on the same array.
#
# Installs torch==2.13.0 numpy==2.4.6 ml_dtypes==0.6.0 in a temporary folder and exits with 0 while the behaviour is as said.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6 ml_dtypes==0.6.0
"$folder/venv/bin/python" - <<'PYTHON'
import ml_dtypes
import numpy as np
import torch

print("torch", torch.__version__, "numpy", np.__version__, "ml_dtypes", ml_dtypes.__version__)


def above_the_middle(bits):
    """A float64 just above the middle between 1 and its neighbour in a type with so many bits of fraction."""
    return np.array([1 + 2.0 ** -(bits + 1) + 2.0**-40])


for name, bits in (("bfloat16", 7), ("float16", 10), ("float8_e4m3fn", 3), ("float8_e5m2", 2)):
    x, right = above_the_middle(bits), 1 + 2.0**-bits
    of_numpy = float(x.astype(np.float16 if name == "float16" else getattr(ml_dtypes, name))[0])
    of_torch = torch.from_numpy(x).to(getattr(torch, name)).double().item()
    print(f"{name}: NumPy with ml_dtypes {of_numpy}, torch {of_torch}, rounded once {right}")
    assert of_torch == 1
    if name in ("bfloat16", "float16"):
        assert of_numpy == (1 if name == "bfloat16" else right)
whole = np.array([2**40 + 2**32 + 1])
assert int(whole.astype(ml_dtypes.bfloat16)[0]) == torch.from_numpy(whole).to(torch.bfloat16).long().item() == 2**40
PYTHON
