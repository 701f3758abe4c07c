#!/usr/bin/env bash
# jax 0.10.2 (CPU): dot_product_attention of a row whose keys are all masked is the mean of the very values that the mask hides.
#
# Expected: 0, as for a row whose key_value_seq_lengths is 0, or NaN as a softmax over nothing, so that it shows. Seen:
# masked scores are set to a large finite number, all alike, and the softmax is uniform: padding rows, and rows of a window
# without keys, read what they must not see, and its gradient reaches the hidden values.
#
# Installs jax==0.10.2 jaxlib==0.10.2 in a temporary folder and exits with 0 while the behaviour is as said.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet jax==0.10.2 jaxlib==0.10.2
"$folder/venv/bin/python" -W ignore - <<'PYTHON'
import jax
import jax.numpy as jnp

print("jax", jax.__version__)
ones = jnp.ones((1, 2, 1, 2))
values = jnp.array([1.0, 2.0, 3.0, 4.0]).reshape(1, 2, 1, 2)
hidden = jnp.zeros((1, 1, 2, 2), bool)


def attend(values):
    return jax.nn.dot_product_attention(ones, ones, values, mask=hidden)[0, :, 0]


slope = jax.grad(lambda values: attend(values).sum())(values)
print("values", values.ravel().tolist(), "attention", attend(values).tolist(), "gradient", slope.ravel().tolist())
assert attend(values).tolist() == [[2.0, 3.0], [2.0, 3.0]]
assert slope.ravel().tolist() == [1.0, 1.0, 1.0, 1.0]
PYTHON
