"""PyTorch's names for what a node saved: ``y.grad_fn._saved_self``, ``._saved_other``, ``._raw_saved_result``.

Reading one is reading the saved value: it raises when backward has freed it or when it was changed in place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..function import FunctionCtx
from ..op import Op
from ..ops import elementwise, index, matmul, reduce, sort, unary
from ..ops.linalg import decompositions, determinants, products, pseudoinverse
from ..ops.linalg import systems as linalg
from ..ops.nn import attention, dropout, linear, loss, norm, softmax
from ..ops.nn import fused_activation as activation
from ..saving import PackedValue, SavedOutput, packed_by
from ..tensor import Tensor

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
    sort.Sort: "indices",
    matmul.Matmul: "self mat2",
    linear.Linear: "input weight",
    softmax.Softmax: "result",
    softmax.LogSoftmax: "result",
    norm.LayerNorm: "input weight",
    norm.RmsNorm: "input weight",
    dropout.Dropout: "result1",
    attention.Attention: "query key value output",
    loss.CrossEntropy: "self target",
    index.GatherRows: "indices",
    linalg.Inv: "inverse",
    linalg.Solve: "A result",
    linalg.SolveTriangular: "self result",
    determinants.Det: "A",
    determinants.Slogdet: "A",
    decompositions.Cholesky: "L",
    decompositions.Qr: "Q R",
    decompositions.Eigh: "eigenvalues eigenvectors",
    decompositions.Svd: "U S Vh",
    pseudoinverse.Pinv: "self result",
    products.MatrixExp: "self",
}


class SavedTensor:
    """One saved value of a node, ``y.grad_fn._raw_saved_self``: where it is kept, for hooks on it alone."""

    def __init__(self, node: Op, position: int) -> None:
        self.node, self.position = node, position

    def unpack(self) -> Any:
        """Return the value, as backward gets it."""
        return self.node.saved[self.position]

    def register_hooks(self, pack_hook: Callable[[Tensor], Any], unpack_hook: Callable[[Any], Tensor]) -> None:
        """Keep pack_hook(value) instead of the value, from now on, and give backward what unpack_hook makes of it.

        RuntimeError when the value was freed, is no tensor, or has gone through hooks already.
        """
        node, position = self.node, self.position
        if node.freed:
            raise RuntimeError(
                "Calling register_hooks on a saved tensor after it has been freed. Saved intermediate values of the graph "
                "are freed when you call .backward() or autograd.grad(). Specify retain_graph=True if you need to backward "
                "through the graph a second time or if you need to access saved variables after calling backward."
            )
        kept = node._saved[position]
        if isinstance(kept, PackedValue) or (isinstance(kept, SavedOutput) and kept.packed is not None):
            raise RuntimeError(
                "Calling register_hooks on a saved tensor whose hooks have already been set. Hint: only one pair of hooks "
                "is allowed at a time."
            )
        value = self.unpack()
        if not isinstance(value, Tensor):
            raise RuntimeError("Calling register_hooks on a saved tensor with value None is forbidden.")
        packed = packed_by(pack_hook, unpack_hook, value)
        if isinstance(kept, SavedOutput):
            kept.packed, kept.array = packed, None
        else:
            node._saved = (*node._saved[:position], packed, *node._saved[position + 1 :])


def _reader(position: int, name: str) -> property:
    def read(node: Op) -> Any:
        return node.saved[position]

    return property(read, doc=f"What was saved as `{name}`.")


def _raw_reader(position: int, name: str) -> property:
    return property(lambda node: SavedTensor(node, position), doc=f"Where what was saved as `{name}` is kept.")


for _operation, _names in _NAMES.items():
    for _position, _name in enumerate(_names.split()):
        setattr(_operation, f"_saved_{_name}", _reader(_position, _name))
        setattr(_operation, f"_raw_saved_{_name}", _raw_reader(_position, _name))

FunctionCtx._raw_saved_tensors = property(  # type: ignore[attr-defined]
    lambda node: tuple(SavedTensor(node, position) for position in range(len(node._saved))),
    doc="Where the tensors given to save_for_backward are kept.",
)
