#!/usr/bin/env bash
# torch 2.13.0 (CPU): clip_grad_norm_ of float16 gradients whose norm is beyond 65,504 sets every gradient to 0, without an error.
#
# Expected: 10,000 gradients of 1000 have the norm 100,000; clipped to 1 each is 0.01. Seen: the norm is kept in float16 and is
# inf, the factor 1 / inf is 0, and the step does nothing. A norm of 60,000 is clipped as it should be. The same numbers in
# bfloat16 give 0.01. (error_if_nonfinite=True would tell; it is off by default.)
#
# Installs torch==2.13.0 numpy==2.4.6 in a temporary folder and exits with 0 while the behaviour is as said.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import torch

print("torch", torch.__version__)


def clipped(dtype, value):
    parameter = torch.zeros(10_000, dtype=dtype, requires_grad=True)
    parameter.grad = torch.full_like(parameter, value)
    norm = torch.nn.utils.clip_grad_norm_([parameter], 1.0)
    return norm.item(), parameter.grad[0].item()


for dtype, value in ((torch.float16, 600.0), (torch.float16, 1000.0), (torch.bfloat16, 1000.0)):
    print(dtype, value, "norm and clipped gradient", *clipped(dtype, value))
assert abs(clipped(torch.float16, 600.0)[1] - 0.01) < 1e-4
assert clipped(torch.float16, 1000.0) == (float("inf"), 0.0)
assert abs(clipped(torch.bfloat16, 1000.0)[1] - 0.01) < 1e-4
PYTHON
