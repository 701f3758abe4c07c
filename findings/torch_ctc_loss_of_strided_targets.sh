#!/usr/bin/env bash
# torch 2.13.0 (CPU): ctc_loss with targets one after the other in a tensor that has gaps, targets[::2], reads the wrong labels from the second example on.
#
# Expected: a loss depends on the elements of its arguments, so targets[::2] and targets[::2].contiguous() give the same losses.
# Seen: the first example's loss is the same, the second's is another number, without an error: where an example's labels begin
# is counted in elements, and not multiplied by the stride. Whoever cuts labels out of a larger tensor, a column of a table, trains
# on labels of other examples.
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
torch.manual_seed(0)
log_probs = torch.randn(6, 2, 4).log_softmax(2)
table = torch.tensor([[1, 3], [2, 3], [1, 3], [2, 3]])  # the labels are the first column: 1 2, and 1 2
targets = table[:, 0]


def losses(targets):
    return torch.nn.functional.ctc_loss(log_probs, targets, (6, 6), (2, 2), reduction="none")


print("with gaps", losses(targets).tolist(), "without", losses(targets.contiguous()).tolist())
assert losses(targets)[0] == losses(targets.contiguous())[0]
assert abs(losses(targets)[1] - losses(targets.contiguous())[1]) > 0.1
PYTHON
