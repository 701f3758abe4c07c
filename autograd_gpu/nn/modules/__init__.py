"""``torch.nn.modules``: the classes of ``nn`` by the names of PyTorch's files, for programs that import from there."""

from __future__ import annotations

import importlib
import sys
from importlib.machinery import ModuleSpec
from types import ModuleType

from .. import *

# PyTorch's file: ours that hold the same classes.
_HOMES = {
    "activation": "activation multihead", "adaptive": "adaptive_softmax", "batchnorm": "channel_norm",
    "channelshuffle": "resizing", "container": "container parameter_container", "conv": "conv", "distance": "distance",
    "dropout": "dropout", "flatten": "flatten", "fold": "resizing", "instancenorm": "channel_norm", "lazy": "lazy",
    "linear": "linear lazy", "loss": "loss linear_cross_entropy", "module": "module module_hooks",
    "normalization": "normalization channel_norm", "padding": "padding", "pixelshuffle": "resizing",
    "pooling": "pooling", "rnn": "recurrent", "sparse": "embedding", "transformer": "transformer",
    "upsampling": "resizing",
}  # fmt: skip

utils = importlib.import_module(".utils", __name__)  # the star has brought nn.utils
for _name, _homes in _HOMES.items():
    _module = ModuleType(f"{__name__}.{_name}", f"What PyTorch has in torch.nn.modules.{_name}.")
    _module.__spec__ = ModuleSpec(_module.__name__, None)
    for _home in _homes.split():
        _found = vars(importlib.import_module(f"autograd_gpu.nn.{_home}"))
        vars(_module).update({key: value for key, value in _found.items() if not key.startswith("__")})
    globals()[_name] = sys.modules[_module.__name__] = _module
