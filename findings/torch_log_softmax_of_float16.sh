#!/usr/bin/env bash
# torch 2.13.0 (CPU): log_softmax of float16 keeps its sum in float16: over 70,000 equal logits every log-probability is -inf.
#
# Expected: -log(70000) = -11.16, which float16 holds, as softmax (1.43e-05) and bfloat16 give. Seen: -inf for each class and
# a cross entropy of inf as soon as the exponentials sum to more than 65,504, as at the start of training with a large
# vocabulary; logsumexp likewise.
#
# Installs torch==2.13.0 in a temporary folder and exits with 0 while the behaviour is as said.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet torch==2.13.0
"$folder/venv/bin/python" - <<'PYTHON'
import math

import torch

print("torch", torch.__version__)
for classes in (65_000, 70_000):
    logits = torch.zeros(2, classes, dtype=torch.float16)
    loss = torch.nn.functional.cross_entropy(logits, torch.tensor([3, 5])).item()
    found = logits.log_softmax(1)[0, 0].item(), logits.logsumexp(1)[0].item(), loss, logits.softmax(1)[0, 0].item()
    print(f"{classes} classes: log_softmax, logsumexp, cross_entropy, softmax:", *found)
    if classes < 65_504:
        assert abs(found[0] + math.log(classes)) < 0.01 and abs(found[1] - math.log(classes)) < 0.01
    else:
        assert found[:3] == (-math.inf, math.inf, math.inf) and found[3] > 0
PYTHON
