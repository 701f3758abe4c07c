#!/usr/bin/env bash
# torch 2.13.0: GeneralizedPareto with float64 parameters cannot compute log_prob or cdf, and its slope at concentration 0 is 0.
#
# Expected: parameters of float64 work as everywhere in torch.distributions. Seen: RuntimeError "Double did not match Float" from
# log_prob and cdf. And the log-density -(1/k + 1) log(1 + k z) - log(scale) has the slope z^2/2 - z by k at k = 0, -0.469 for
# z = 0.75, which is what torch gives at k = 1e-4; at k = 0 itself, where a test of no heavy tail starts, it gives 0.
#
# Installs torch==2.13.0 numpy==2.4.6 in a temporary folder and exits with 0 while the behaviour is as said.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0 numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import torch
from torch.distributions import GeneralizedPareto

print("torch", torch.__version__)
wide = GeneralizedPareto(*(torch.tensor(x, dtype=torch.float64) for x in (0.0, 2.0, 0.1)))
for name in ("log_prob", "cdf"):
    try:
        print(name, getattr(wide, name)(torch.tensor(1.5, dtype=torch.float64)))
        raise SystemExit("float64 works now")
    except RuntimeError as error:
        print(name, "of float64:", error)
        assert "Double did not match Float" in str(error)
k = torch.tensor([0.0, 1e-4], requires_grad=True)
GeneralizedPareto(torch.tensor(0.0), torch.tensor(2.0), k).log_prob(torch.tensor(1.5)).sum().backward()
print("slopes at 0 and 1e-4:", k.grad.tolist(), "by formula", 0.75**2 / 2 - 0.75)
assert k.grad[0] == 0 and abs(k.grad[1] + 0.469) < 1e-2
PYTHON
