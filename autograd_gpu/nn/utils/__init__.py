"""``nn.utils``, under PyTorch's name: what acts on all parameters of a model at once. Names, nothing else."""

from __future__ import annotations

import importlib
from typing import Any

from . import parametrizations, parametrize
from .clip_grad import clip_grad_norm_, clip_grad_value_, clip_grads_with_norm_, get_total_norm
from .convert_parameters import parameters_to_vector, vector_to_parameters

_LAZY = dict.fromkeys(("prune", "rnn", "stateless"), "")
_LAZY |= dict.fromkeys(("spectral_norm", "remove_spectral_norm"), "spectral_norm")
_LAZY["skip_init"] = "skip_init"
_LAZY |= dict.fromkeys(
    ("fuse_conv_bn_eval", "fuse_conv_bn_weights", "fuse_linear_bn_eval", "fuse_linear_bn_weights"), "fusion"
)
_LAZY["fusion"] = ""
_LAZY |= dict.fromkeys(("weight_norm", "remove_weight_norm"), "weight_norm")


def __getattr__(name: str) -> Any:
    """What few programs need is imported when first named."""
    if name not in _LAZY:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    module = importlib.import_module(f".{_LAZY[name] or name}", __name__)
    globals()[name] = found = getattr(module, name) if _LAZY[name] else module
    return found


__all__ = [
    "clip_grad_norm_",
    "clip_grad_value_",
    "clip_grads_with_norm_",
    "get_total_norm",
    "parameters_to_vector",
    "parametrizations",
    "parametrize",
    "vector_to_parameters",
]
