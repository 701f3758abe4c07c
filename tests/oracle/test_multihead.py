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
    "a key more": {"add_bias_kv": True},
    "a key and zeros more": {"add_bias_kv": True, "add_zero_attn": True},
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


def heads(library, grad, **options):
    """The function itself, with keys and values that are not projected."""
    given = np.random.default_rng(2).standard_normal
    arrays = [
        QUERY.swapaxes(0, 1),
        given((12, 4)),
        given(12),
        given((4, 4)),
        given(4),
        given((4, 5, 2)),
        given((4, 5, 2)),
    ]
    q, weight, bias, out, out_bias, k, v = (library.tensor(x.copy(), requires_grad=grad) for x in arrays)
    y, weights = library.nn.functional.multi_head_attention_forward(
        q, q, q, 4, 2, weight, bias, None, None, False, 0.0, out, out_bias, static_k=k, static_v=v, **options
    )
    gradients = library.autograd.grad((y**2).sum(), [q, weight, bias, out, out_bias, k, v])
    return y, weights, list(gradients)


@pytest.mark.parametrize("options", [{}, {"need_weights": False}, {"average_attn_weights": False}])
def test_keys_and_values_of_ones_own(options):
    assert_same(*(heads(library, True, **options) for library in (ag, torch)), str(options))


REFUSED = {
    "width": ((3, 2, 4), {}, 6),
    "dimensions": ((3, 4, 2, 1), {}, 4),
    "mask": ((3, 2, 4), {"attn_mask": (2, 2)}, 4),
    "padding": ((3, 2, 4), {"key_padding_mask": (3,)}, 4),
    "hint": ((3, 2, 4), {"is_causal": True}, 4),
}


@pytest.mark.parametrize("name", REFUSED)
def test_the_same_is_refused(name):
    shape, options, width = REFUSED[name]
    errors = []
    for library in (ag, torch):
        x, options_here = library.zeros(shape), dict(options)
        for mask in ("attn_mask", "key_padding_mask"):
            if mask in options_here:
                options_here[mask] = library.zeros(options_here[mask])
        with pytest.raises(Exception) as error:
            library.nn.functional.multi_head_attention_forward(
                x, x, x, width, 2, library.zeros(12, 4), None, None, None, False, 0.0, library.zeros(4, 4), None,
                **options_here,
            )  # fmt: skip
        errors.append(error)
    assert errors[0].type is errors[1].type
    assert str(errors[0].value).split(",")[0][:30] == str(errors[1].value).split(",")[0][:30]
