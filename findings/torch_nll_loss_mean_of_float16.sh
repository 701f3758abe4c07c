#!/usr/bin/env bash
# torch 2.13.0 (CPU): the mean of nll_loss and cross_entropy over 70,000 float16 rows is 0, without a word.
#
# Expected: log 2 = 0.693 for equal logits of two classes, as float32, bfloat16 and 60,000 rows give. Seen: the number of
# rows (the sum of the classes' weights) is kept in float16, is infinite from 65,520 on, and what is divided by it is 0; so
# are the gradients. 70,000 rows are a batch of 35 sequences of 2,000 tokens.
#
# Installs torch==2.13.0 in a temporary folder and exits with 0 while the behaviour is as said.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import torch
from torch.nn.functional import cross_entropy, nll_loss

print("torch", torch.__version__)


def loss(rows, dtype):
    logits = torch.zeros(rows, 2, dtype=dtype, requires_grad=True)
    value = cross_entropy(logits, torch.zeros(rows, dtype=torch.int64))
    value.backward()
    return value.item(), logits.grad.abs().max().item()


for rows, dtype in ((60_000, torch.float16), (70_000, torch.float16), (70_000, torch.bfloat16), (70_000, torch.float32)):
    print(rows, dtype, *loss(rows, dtype))
assert loss(70_000, torch.float16) == (0.0, 0.0)
assert abs(loss(60_000, torch.float16)[0] - 0.693) < 0.003 and abs(loss(70_000, torch.bfloat16)[0] - 0.693) < 0.003
assert nll_loss(torch.full((70_000, 2), -0.5, dtype=torch.float16), torch.zeros(70_000, dtype=torch.int64)) == 0
PYTHON
