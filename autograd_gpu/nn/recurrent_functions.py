"""``torch.lstm`` and its like: recurrent layers and single steps as functions of their weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..tensor import Tensor
from .module import Module
from .packed import PackedSequence
from .recurrent import _KINDS, RNNBase, _Cell


class _Given(RNNBase):
    """A recurrent layer whose weights are tensors that somebody else has: in the order of a layer's parameters."""

    def __init__(
        self, mode: str, params: Sequence[Tensor], has_biases: bool, num_layers: int, dropout: float, train: bool,
        bidirectional: bool, batch_first: bool, is_projected: bool,
    ) -> None:  # fmt: skip
        Module.__init__(self)
        self.mode, self.num_layers, self.dropout, self.training = mode, num_layers, float(dropout), train
        self.bias, self.bidirectional, self.batch_first = has_biases, bidirectional, batch_first
        names = ["weight_ih", "weight_hh", *(["bias_ih", "bias_hh"] if has_biases else [])]
        names += ["weight_hr"] if is_projected else []
        places = [name + suffix for layer in range(num_layers) for suffix in self._suffixes(layer) for name in names]
        if len(places) != len(params):
            raise RuntimeError(
                f"{mode.lower()}: expected {len(places)} weights ({', '.join(places)}), got {len(params)}"
            )
        self._parameters.update(zip(places, params))
        rows, self.input_size = params[0].shape
        self.hidden_size = rows // _KINDS[mode].gates
        self.proj_size = self._parameters["weight_hr_l0"].shape[0] if is_projected else 0


def _run(mode: str, args: tuple, kwargs: dict) -> Any:
    names = "input hx params has_biases num_layers dropout train bidirectional batch_first".split()
    # Of a packed sequence the weights come fourth, and else third.
    is_packed = "batch_sizes" in kwargs or (len(args) > 3 and isinstance(args[3], (tuple, list)))
    if is_packed:
        names = ["data", "batch_sizes", *names[1:-1]]
    given = dict(zip(names, args)) | kwargs
    if missing := [name for name in names if name not in given]:
        raise TypeError(f"{mode.lower()}(): missing {', '.join(missing)}")
    hx = given["hx"]
    is_projected = mode == "LSTM" and hx[0].shape[-1] != hx[1].shape[-1]
    settings = {name: given[name] for name in "params has_biases num_layers dropout train bidirectional".split()}
    layer = _Given(mode, **settings, batch_first=given.get("batch_first", False), is_projected=is_projected)
    if not is_packed:
        output, last = layer(given["input"], hx)
    else:
        packed, last = layer(PackedSequence(given["data"], given["batch_sizes"], None, None), hx)
        output = packed.data
    return (output, *last) if isinstance(last, tuple) else (output, last)


def lstm(*args: Any, **kwargs: Any) -> tuple[Tensor, Tensor, Tensor]:
    """Return (output, h, c) of an LSTM: (input, hx, params, has_biases, num_layers, dropout, train, bidirectional,
    batch_first), or (data, batch_sizes, hx, ...) of a packed sequence, without batch_first."""
    return _run("LSTM", args, kwargs)


def gru(*args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
    """Return (output, h) of a GRU, given as `lstm` is."""
    return _run("GRU", args, kwargs)


def rnn_tanh(*args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
    """Return (output, h) of Elman's network with tanh, given as `lstm` is."""
    return _run("RNN_TANH", args, kwargs)


def rnn_relu(*args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
    """Return (output, h) of Elman's network with relu, given as `lstm` is."""
    return _run("RNN_RELU", args, kwargs)


class _GivenCell(_Cell):
    def __init__(self, mode: str, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None, b_hh: Tensor | None) -> None:
        Module.__init__(self)
        self.mode, self.hidden_size = mode, w_hh.shape[-1]
        self._parameters.update(weight_ih=w_ih, weight_hh=w_hh, bias_ih=b_ih, bias_hh=b_hh)


def lstm_cell(
    input: Tensor,
    hx: Sequence[Tensor],
    w_ih: Tensor,
    w_hh: Tensor,
    b_ih: Tensor | None = None,
    b_hh: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the next (h, c) of an LSTM."""
    return _GivenCell("LSTM", w_ih, w_hh, b_ih, b_hh)(input, tuple(hx))


def gru_cell(
    input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None
) -> Tensor:
    """Return the next state of a GRU."""
    return _GivenCell("GRU", w_ih, w_hh, b_ih, b_hh)(input, hx)


def rnn_tanh_cell(
    input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None
) -> Tensor:
    """Return the next state of Elman's network with tanh."""
    return _GivenCell("RNN_TANH", w_ih, w_hh, b_ih, b_hh)(input, hx)


def rnn_relu_cell(
    input: Tensor, hx: Tensor, w_ih: Tensor, w_hh: Tensor, b_ih: Tensor | None = None, b_hh: Tensor | None = None
) -> Tensor:
    """Return the next state of Elman's network with relu."""
    return _GivenCell("RNN_RELU", w_ih, w_hh, b_ih, b_hh)(input, hx)
