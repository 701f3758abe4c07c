"""Multi-head attention given PyTorch's weights: its results, weights and gradients, with every kind of mask."""

import numpy as np
import pytest
import torch
from conftest import assert_same

import autograd_gpu as ag

NORMAL = np.random.default_rng(0).standard_normal
QUERY = NORMAL((2, 3, 4))
PADDING = np.array([[0, 0, 0, 1, 1], [0, 0, 0, 0, 1]], bool)
FUTURE = np.triu(np.ones((3, 5), bool), 2)

SETTINGS = {
    "batch second": {},
    "batch first": {"batch_first": True},
    "no bias": {"batch_first": True, "bias": False},
    "other widths": {"batch_first": True, "kdim": 6, "vdim": 6},
}
MASKS = {
    "none": {},
    "padding": {"key_padding_mask": PADDING},
    "future": {"attn_mask": FUTURE},
    "both": {"key_padding_mask": PADDING, "attn_mask": FUTURE},
    "added": {"attn_mask": NORMAL((3, 5))},
    "a mask a head": {"attn_mask": np.stack([FUTURE] * 4)},
}


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("masks", MASKS)
@pytest.mark.parametrize("settings", SETTINGS)
def test_multihead_attention(settings: str, masks: str, need_weights: bool):
    options = SETTINGS[settings]
    ours, theirs = (library.nn.MultiheadAttention(4, 2, **options).double() for library in (ag, torch))
    ours.load_state_dict({name: ag.tensor(value.numpy()) for name, value in theirs.state_dict().items()})
    memory = np.random.default_rng(1).standard_normal((2, 5, options.get("kdim", 4)))
    arrays = [x if options.get("batch_first") else np.ascontiguousarray(x.swapaxes(0, 1)) for x in (QUERY, memory)]
    found = []
    for library, module in ((ag, ours), (torch, theirs)):
        query, key = (library.tensor(x, requires_grad=True) for x in arrays)
        given = {name: library.tensor(mask) for name, mask in MASKS[masks].items()}
        y, weights = module(query, key, key, need_weights=need_weights, **given)
        loss = (y**2).sum() if weights is None else (y**2).sum() + (weights**2).sum()
        loss.backward()
        found.append((y, weights, query.grad, key.grad, [parameter.grad for parameter in module.parameters()]))
    assert_same(*found, f"{settings}, {masks}")
