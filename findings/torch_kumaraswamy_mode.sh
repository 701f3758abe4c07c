#!/usr/bin/env bash
# torch 2.13.0: Kumaraswamy.mode is NaN wherever the distribution has a mode inside (0, 1).
#
# Expected: the density a b x^(a-1) (1 - x^a)^(b-1) with a, b > 1 is largest at ((a - 1) / (a b - 1))^(1/a), which is 0.5185 for
# a = 2.5, b = 3.5. Seen: nan for every a, b > 1, though the code means to give nan only where a or b is below 1:
# log1p is taken of -b and of -a b, which are below -1. Who starts an optimisation or draws a plot at the mode gets NaN.
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
d = torch.distributions.Kumaraswamy(torch.tensor(2.5), torch.tensor(3.5))
x = torch.linspace(0.001, 0.999, 9981)
highest = x[d.log_prob(x).argmax()].item()
print("the density is largest at", highest, "by formula at", (1.5 / (2.5 * 3.5 - 1)) ** (1 / 2.5), "mode says", d.mode.item())
assert abs(highest - (1.5 / 7.75) ** 0.4) < 1e-3
assert d.mode.isnan()
PYTHON
