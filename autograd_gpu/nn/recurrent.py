"""Recurrent layers: Elman's network, LSTM (Hochreiter & Schmidhuber 1997) and GRU (Cho et al. 2014), and single steps
of them.

The input's part of every gate is one matrix product for the whole sequence; what goes step by step is one operation
(ops/nn/recurrent.py), but for projected states, which are steps of operations.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from typing import Any

from ..autocasting import casts_alike
from ..ops.creation import empty
from ..ops.nn.recurrent import Gru, Lstm, Rnn
from ..ops.pieces import cat, stack
from ..tensor import Tensor
from . import functional as F
from . import init
from .module import Module
from .parameter import Parameter

State = tuple[Tensor, ...]  # (h,) or (h, c)


def _rnn_step(activation: Callable[[Tensor], Tensor]) -> Callable[..., State]:
    def step(from_input: Tensor, state: State, weight: Tensor, bias: Tensor | None) -> State:
        return (activation(from_input + F.linear(state[0], weight, bias)),)

    return step


def _gru_step(from_input: Tensor, state: State, weight: Tensor, bias: Tensor | None) -> State:
    (h,) = state
    reset_in, update_in, new_in = from_input.chunk(3, -1)
    reset_hidden, update_hidden, new_hidden = F.linear(h, weight, bias).chunk(3, -1)
    update = (update_in + update_hidden).sigmoid()
    new = (new_in + (reset_in + reset_hidden).sigmoid() * new_hidden).tanh()
    return (new + update * (h - new),)


def _lstm_step(from_input: Tensor, state: State, weight: Tensor, bias: Tensor | None) -> State:
    h, c = state
    enter, forget, new, leave = (from_input + F.linear(h, weight, bias)).chunk(4, -1)
    c = forget.sigmoid() * c + enter.sigmoid() * new.tanh()
    return leave.sigmoid() * c.tanh(), c


# A whole sequence: output, and the state after the last step, the first one in time where is_reversed.
Sequence = Callable[[Tensor, State, Tensor, Tensor, Tensor | None, Tensor | None, bool], tuple[Tensor, State]]


def _rnn_sequence(is_relu: bool) -> Sequence:
    def run(
        x: Tensor, state: State, input_weight: Tensor, weight: Tensor, input_bias: Any, bias: Any, is_reversed: bool
    ) -> tuple[Tensor, State]:
        from_input = F.linear(x, input_weight, None if bias is None else input_bias + bias)
        y = Rnn.apply(from_input, *state, weight, is_relu=is_relu, is_reversed=is_reversed)
        return y, (y[_last(is_reversed)],)

    return run


def _gru_sequence(
    x: Tensor, state: State, input_weight: Tensor, weight: Tensor, input_bias: Any, bias: Any, is_reversed: bool
) -> tuple[Tensor, State]:
    y, _ = Gru.apply(F.linear(x, input_weight, input_bias), *state, weight, bias, is_reversed=is_reversed)
    return y, (y[_last(is_reversed)],)


def _lstm_sequence(
    x: Tensor, state: State, input_weight: Tensor, weight: Tensor, input_bias: Any, bias: Any, is_reversed: bool
) -> tuple[Tensor, State]:
    from_input = F.linear(x, input_weight, None if bias is None else input_bias + bias)
    y, cells, _ = Lstm.apply(from_input, *state, weight, is_reversed=is_reversed)
    return y, (y[_last(is_reversed)], cells[_last(is_reversed)])


def _last(is_reversed: bool) -> int:
    return 0 if is_reversed else -1


class _Kind:
    """What the three kinds differ in: gates, states, a step, and a sequence of them."""

    def __init__(self, gates: int, states: int, step: Callable[..., State], sequence: Sequence) -> None:
        self.gates, self.states, self.step, self.sequence = gates, states, step, sequence


_KINDS = {
    "RNN_TANH": _Kind(1, 1, _rnn_step(F.tanh), _rnn_sequence(is_relu=False)),
    "RNN_RELU": _Kind(1, 1, _rnn_step(F.relu), _rnn_sequence(is_relu=True)),
    "GRU": _Kind(3, 1, _gru_step, _gru_sequence),
    "LSTM": _Kind(4, 2, _lstm_step, _lstm_sequence),
}


def _reset(module: Any) -> None:
    bound = 1 / math.sqrt(module.hidden_size) if module.hidden_size > 0 else 0
    for parameter in module.parameters():
        init.uniform_(parameter, -bound, bound)


class RNNBase(Module):
    """num_layers of one kind, each reading the sequence of the one below, in both directions where bidirectional."""

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        if not 0 <= dropout <= 1:
            raise ValueError(
                "dropout should be a number in range [0, 1] representing the probability of an element being zeroed"
            )
        if hidden_size <= 0:
            raise ValueError("hidden_size must be greater than zero")
        if num_layers <= 0:
            raise ValueError("num_layers must be greater than zero")
        if proj_size < 0 or proj_size >= hidden_size:
            raise ValueError("proj_size should be a positive integer or zero, and smaller than hidden_size")
        if proj_size and mode != "LSTM":
            raise ValueError("proj_size argument is only supported for LSTM, not RNN or GRU")
        self.mode, self.input_size, self.hidden_size, self.num_layers = mode, input_size, hidden_size, num_layers
        self.bias, self.batch_first, self.dropout = bias, batch_first, float(dropout)
        self.bidirectional, self.proj_size = bidirectional, proj_size
        directions = 2 if bidirectional else 1
        output_size = proj_size or hidden_size
        rows = _KINDS[mode].gates * hidden_size
        for layer in range(num_layers):
            below = input_size if layer == 0 else output_size * directions
            for suffix in self._suffixes(layer):
                shapes = {"weight_ih": (rows, below), "weight_hh": (rows, output_size)}
                if bias:
                    shapes.update(bias_ih=(rows,), bias_hh=(rows,))  # type: ignore[arg-type]
                if proj_size:
                    shapes["weight_hr"] = (proj_size, hidden_size)
                for name, shape in shapes.items():
                    self.register_parameter(name + suffix, Parameter(empty(shape, device=device, dtype=dtype)))
        self.reset_parameters()

    def _suffixes(self, layer: int) -> list[str]:
        return [f"_l{layer}", f"_l{layer}_reverse"] if self.bidirectional else [f"_l{layer}"]

    def reset_parameters(self) -> None:
        """Draw every parameter from U(-1/sqrt(hidden_size), 1/sqrt(hidden_size))."""
        _reset(self)

    def flatten_parameters(self) -> None:
        """Do nothing: there is no packed copy of the weights."""

    def forward(self, input: Tensor, hx: Any = None) -> tuple[Tensor, Any]:
        """Return the outputs of the last layer, and the last state of each layer and direction.

        input is (length, batch, input_size), (batch, length, input_size) with batch_first, or (length, input_size);
        the states are (num_layers * directions, batch, hidden_size), zeros when not given.
        """
        if isinstance(input, tuple):
            return importlib.import_module("autograd_gpu.nn.packed").run_packed(self, input, hx)
        if input.dim() not in (2, 3):
            raise ValueError(f"{self._get_name()}: Expected input to be 2D or 3D, got {input.dim()}D instead")
        if input.shape[-1] != self.input_size:
            raise RuntimeError(
                f"input.size(-1) must be equal to input_size. Expected {self.input_size}, got {input.shape[-1]}"
            )
        weight = self._parameters["weight_ih_l0"]
        if input.dtype is not weight.dtype and not casts_alike(input, weight):
            raise ValueError(
                f"RNN input dtype ({input.dtype}) does not match weight dtype ({weight.dtype}). "
                f"Convert input: input.to({weight.dtype}), or convert model: model.to({input.dtype})"
            )
        is_batched = input.dim() == 3
        x = input if is_batched else input.unsqueeze(1)
        if is_batched and self.batch_first:
            x = x.transpose(0, 1)
        if x.shape[0] == 0:
            raise RuntimeError("Expected sequence length to be larger than 0 in RNN")
        given = None if hx is None else tuple(hx) if isinstance(hx, (tuple, list)) else (hx,)
        if given is not None and not is_batched:
            given = tuple(state.unsqueeze(1) for state in given)
        states = self._start(x) if given is None else self._checked(x, given)
        finals: list[State] = []
        for layer in range(self.num_layers):
            outputs = []
            for direction, suffix in enumerate(self._suffixes(layer)):
                start = tuple(state[len(finals)] for state in states)
                output, final = self._run(x, start, suffix, is_reversed=direction == 1)
                outputs.append(output)
                finals.append(final)
            x = outputs[0] if len(outputs) == 1 else cat(outputs, -1)
            if self.dropout and layer < self.num_layers - 1:
                x = F.dropout(x, self.dropout, self.training)
        if len(outputs) == 1 and self.mode != "LSTM":
            x = x.clone()  # the layer keeps its own: this one may be written to, as in PyTorch
        if is_batched and self.batch_first:
            x = x.transpose(0, 1)
        last = tuple(stack(list(column)) for column in zip(*finals))
        if not is_batched:
            x, last = x.squeeze(1), tuple(state.squeeze(1) for state in last)
        return x, last if len(last) == 2 else last[0]

    def _shapes(self, x: Tensor) -> list[tuple[int, int, int]]:
        """The shape of each state for x (length, batch, size)."""
        count = self.num_layers * (2 if self.bidirectional else 1)
        sizes = [self.proj_size or self.hidden_size, self.hidden_size][: _KINDS[self.mode].states]
        return [(count, x.shape[1], size) for size in sizes]

    def _start(self, x: Tensor) -> State:
        return tuple(x.new_zeros(shape) for shape in self._shapes(x))

    def _checked(self, x: Tensor, given: State) -> State:
        shapes = self._shapes(x)
        if len(given) != len(shapes):
            raise ValueError(f"{self._get_name()}: expected {len(shapes)} states, but got {len(given)}")
        for number, (state, expected) in enumerate(zip(given, shapes)):
            if tuple(state.shape) != expected:
                name = f"hidden[{number}]" if len(given) == 2 else "hidden"
                raise RuntimeError(f"Expected {name} size {expected}, got {list(state.shape)}")
        return given

    def _run(self, x: Tensor, state: State, suffix: str, is_reversed: bool) -> tuple[Tensor, State]:
        """One layer in one direction over x (length, batch, size)."""
        parameters, kind = self._parameters, _KINDS[self.mode]
        weights = parameters["weight_ih" + suffix], parameters["weight_hh" + suffix]
        biases = parameters.get("bias_ih" + suffix), parameters.get("bias_hh" + suffix)
        if not self.proj_size:
            return kind.sequence(x, state, *weights, *biases, is_reversed)
        from_inputs = F.linear(x, weights[0], biases[0]).unbind(0)
        outputs = []
        for from_input in reversed(from_inputs) if is_reversed else from_inputs:
            h, c = kind.step(from_input, state, weights[1], biases[1])
            state = F.linear(h, parameters["weight_hr" + suffix]), c
            outputs.append(state[0])
        return stack(outputs[::-1] if is_reversed else outputs), state

    def extra_repr(self) -> str:
        """Return what stands between the brackets when this module is printed."""
        settings = f"{self.input_size}, {self.hidden_size}"
        defaults = {
            "proj_size": 0,
            "num_layers": 1,
            "bias": True,
            "batch_first": False,
            "dropout": 0.0,
            "bidirectional": False,
        }
        changed = {name: getattr(self, name) for name, value in defaults.items() if getattr(self, name) != value}
        return settings + "".join(f", {name}={value}" for name, value in changed.items())


class RNN(RNNBase):
    """h = tanh(W_ih x + b_ih + W_hh h + b_hh), or relu with ``nonlinearity="relu"`` (Elman 1990)."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise ValueError(f"Unknown nonlinearity '{nonlinearity}'. Select from 'tanh' or 'relu'.")
        mode = f"RNN_{nonlinearity.upper()}"
        settings = (num_layers, bias, batch_first, dropout, bidirectional)
        super().__init__(mode, input_size, hidden_size, *settings, device=device, dtype=dtype)
        self.nonlinearity = nonlinearity


class LSTM(RNNBase):
    """Gates i, f, g, o = W_ih x + b_ih + W_hh h + b_hh; c = sigmoid(f) c + sigmoid(i) tanh(g); h = sigmoid(o) tanh(c).

    With proj_size, h is projected to that size (Sak et al. 2014). The states are (h, c).
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        settings = (num_layers, bias, batch_first, dropout, bidirectional, proj_size)
        super().__init__("LSTM", input_size, hidden_size, *settings, device=device, dtype=dtype)


class GRU(RNNBase):
    """r, z = sigmoid(W_ih x + b_ih + W_hh h + b_hh); n = tanh(W_in x + b_in + r (W_hn h + b_hn)); h = (1 - z) n + z
    h."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        settings = (num_layers, bias, batch_first, dropout, bidirectional)
        super().__init__("GRU", input_size, hidden_size, *settings, device=device, dtype=dtype)


# ---------------------------------------------------------------------------------------------- single steps


class _Cell(Module):
    mode: str

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        self.input_size, self.hidden_size, self.bias = input_size, hidden_size, bias
        rows = _KINDS[self.mode].gates * hidden_size
        self.weight_ih = Parameter(empty((rows, input_size), device=device, dtype=dtype))
        self.weight_hh = Parameter(empty((rows, hidden_size), device=device, dtype=dtype))
        for name in ("bias_ih", "bias_hh"):
            self.register_parameter(name, Parameter(empty((rows,), device=device, dtype=dtype)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw every parameter from U(-1/sqrt(hidden_size), 1/sqrt(hidden_size))."""
        _reset(self)

    def forward(self, input: Tensor, hx: Any = None) -> Any:
        """Return the next state for input (batch, input_size) or (input_size,); a state not given is zeros."""
        if input.dim() not in (1, 2):
            raise ValueError(f"{self._get_name()}: Expected input to be 1D or 2D, got {input.dim()}D instead")
        kind = _KINDS[self.mode]
        if hx is None:
            state = (input.new_zeros((*input.shape[:-1], self.hidden_size)),) * kind.states
        else:
            state = hx if isinstance(hx, tuple) else (hx,)
        state = kind.step(F.linear(input, self.weight_ih, self.bias_ih), state, self.weight_hh, self.bias_hh)
        return state if kind.states == 2 else state[0]

    def extra_repr(self) -> str:
        """Return what stands between the brackets when this module is printed."""
        return f"{self.input_size}, {self.hidden_size}" + ("" if self.bias else f", bias={self.bias}")


class RNNCell(_Cell):
    """One step of an RNN."""

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise RuntimeError(f"Unknown nonlinearity: {nonlinearity}")
        object.__setattr__(self, "mode", f"RNN_{nonlinearity.upper()}")
        super().__init__(input_size, hidden_size, bias, device, dtype)
        self.nonlinearity = nonlinearity

    def extra_repr(self) -> str:
        """Return what stands between the brackets when this module is printed."""
        return super().extra_repr() + ("" if self.nonlinearity == "tanh" else f", nonlinearity={self.nonlinearity}")


class LSTMCell(_Cell):
    """One step of an LSTM; takes and returns (h, c)."""

    mode = "LSTM"


class GRUCell(_Cell):
    """One step of a GRU."""

    mode = "GRU"
