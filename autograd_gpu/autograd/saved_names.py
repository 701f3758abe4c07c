"""PyTorch's names for what a node saved: ``y.grad_fn._saved_self``, ``._saved_other``, ``._saved_result``.

Reading one is reading the saved value: it raises when backward has freed it or when it was changed in place.
"""

from __future__ import annotations

from typing import Any

from ..op import Op
from ..ops import activation, attention, elementwise, index, loss, matmul, norm, random, reduce, softmax, unary

# The names of the values that an operation's `keep` saves, in its order.
_NAMES = {
    unary.OfInput: "self",
    unary.OfOutput: "result",
    elementwise.Mul: "self other",
    elementwise.Div: "self other",
    elementwise.Pow: "self exponent result",
    elementwise.Maximum: "self other",
    elementwise.Fmod: "self other",
    elementwise.Remainder: "self other",
    elementwise.Atan2: "self other",
    elementwise.Copysign: "self result",
    elementwise.Addcmul: "tensor1 tensor2",
    elementwise.Clamp: "self",
    activation.Gelu: "self",
    elementwise.Where: "condition",
    reduce.Prod: "self",
    reduce.Amax: "self result",
    reduce.MaxWithIndex: "indices",
    reduce.Var: "self",
    reduce.Norm: "self result",
    reduce.Sort: "indices",
    matmul.Matmul: "self mat2",
    matmul.Linear: "input weight",
    softmax.Softmax: "result",
    softmax.LogSoftmax: "result",
    norm.LayerNorm: "input weight",
    random.Dropout: "result1",
    attention.Attention: "query key value output",
    loss.CrossEntropy: "self target",
    index.GatherRows: "indices",
}


def _reader(position: int, name: str) -> property:
    def read(node: Op) -> Any:
        return node.saved[position]

    return property(read, doc=f"What was saved as `{name}`.")


for _operation, _names in _NAMES.items():
    for _position, _name in enumerate(_names.split()):
        setattr(_operation, f"_saved_{_name}", _reader(_position, _name))
