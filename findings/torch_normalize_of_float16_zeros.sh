#!/usr/bin/env bash
# torch 2.13.0 (CPU): normalize and cosine_similarity of a float16 vector of zeros are NaN, and 0 for a long one: eps is 0 there.
#
# Expected: eps is there so that zeros stay zeros, as in float32. Seen: 1e-12 and 1e-8 are 0 in float16, so 0 / 0; and a vector of
# 70,000 times 300, whose norm of 79,373 float16 does not hold, becomes all zeros instead of 0.0038 each.
#
# Installs torch==2.13.0 numpy==2.4.6 in a temporary folder and exits with 0 while the behaviour is as said.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import torch
from torch.nn.functional import cosine_similarity, normalize

print("torch", torch.__version__)
for dtype in (torch.float16, torch.float32):
    zeros, long = torch.zeros(3, dtype=dtype), torch.full((70_000,), 300.0, dtype=dtype)
    found = normalize(zeros, dim=0)[0].item(), cosine_similarity(zeros, zeros, dim=0).item(), normalize(long, dim=0)[0].item()
    print(dtype, "normalize, cosine_similarity of zeros:", *found[:2], "normalize of 70,000 times 300:", found[2])
    if dtype is torch.float16:
        assert str(found) == "(nan, nan, 0.0)"
    else:
        assert found[:2] == (0, 0) and abs(found[2] - 70_000**-0.5) < 1e-6
PYTHON
