#!/usr/bin/env bash
# torch 2.13.0 (CPU): the gradient of cholesky_inverse is wrong when the factor holds anything above its diagonal, which the values ignore.
#
# Expected: cholesky_inverse(L) reads the lower triangle alone: what lies above changes nothing, so its gradient there is 0 and the
# gradient below does not depend on it. Seen: the values are those of L.tril(), the gradient is not: torch.autograd.gradcheck
# fails, and passes for L.tril(). A factor from LAPACK or from lu_factor comes with the other triangle filled.
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
full = torch.tensor([[2.0, 0.5], [0.4, 3.0]], dtype=torch.float64, requires_grad=True)
check = lambda function: torch.autograd.gradcheck(function, (full,), raise_exception=False)
of_full, of_triangle = (torch.cholesky_inverse(x) for x in (full, full.tril()))
print("gradient", torch.autograd.grad(of_full.sum(), full)[0].tolist())
print("gradient through tril", torch.autograd.grad(of_triangle.sum(), full)[0].tolist())
assert torch.equal(of_full, of_triangle)
assert check(lambda x: torch.cholesky_inverse(x.tril()))
assert not check(torch.cholesky_inverse)
PYTHON
