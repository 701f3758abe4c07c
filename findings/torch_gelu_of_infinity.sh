#!/usr/bin/env bash
# torch 2.13.0 (CPU): exact GELU of infinity is infinity in a tensor of one float32 and NaN in a tensor of two.
#
# Expected: gelu(inf) = inf * Phi(inf) = inf wherever it stands, gradient 1. Seen: elements that go through the vector code
# are NaN, with a NaN gradient; float64 and approximate="tanh" give inf. So one overflowed activation turns a half-precision
# network NaN or not depending on how many elements lie beside it.
#
# Installs torch==2.13.0 in a temporary folder and exits with 0 while the behaviour is as said.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0
"$folder/venv/bin/python" - <<'PYTHON'
import torch

gelu = torch.nn.functional.gelu
print("torch", torch.__version__)
for dtype in (torch.float32, torch.float16, torch.bfloat16, torch.float64):
    print(dtype, [gelu(torch.full((count,), torch.inf, dtype=dtype))[0].item() for count in (1, 2, 32)])
    one, two = (gelu(torch.full((count,), torch.inf, dtype=dtype)) for count in (1, 2))
    assert one.isinf().all()
    assert two.isinf().all() if dtype is torch.float64 else two.isnan().all()
x = torch.full((2,), torch.inf)
assert gelu(x, approximate="tanh").isinf().all()
x.requires_grad_()
gelu(x).sum().backward()
print("gradient", x.grad.tolist())
assert x.grad.isnan().all()
PYTHON
