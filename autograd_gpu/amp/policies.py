"""Which dtype operations compute in under autocast: PyTorch's lists for CUDA, by the operations that they are made of
here.

What is in neither list computes in the dtype of its operands. Operations of backward are not here: they follow
forward's.
"""

from __future__ import annotations

from ..op import Op
from ..ops.elementwise import Pow
from ..ops.linalg.matrix_norm import EuclideanDistances
from ..ops.matmul import Matmul
from ..ops.nn.attention import Attention
from ..ops.nn.conv import Convolution, ConvolutionTransposed
from ..ops.nn.ctc import CtcLoss
from ..ops.nn.linear import GeluLinear, Linear, LinearGelu
from ..ops.nn.linear_cross_entropy import LinearCrossEntropy
from ..ops.nn.loss import CrossEntropy
from ..ops.nn.norm import AddLayerNorm, AddRmsNorm, LayerNorm, RmsNorm
from ..ops.nn.recurrent import Gru, Lstm, Rnn
from ..ops.nn.softmax import LogSoftmax, Softmax
from ..ops.reduce import Norm, Prod, Sum
from ..ops.scan import Cumprod, Cumsum
from ..ops.special import Erfinv
from ..ops.unary import (
    Acos,
    Asin,
    Cosh,
    Exp,
    Expm1,
    Log,
    Log1p,
    Log2,
    Log10,
    Reciprocal,
    Rsqrt,
    Sinh,
    Square,
    Tan,
)  # fmt: skip

LOWER: frozenset[type[Op]] = frozenset({  # products, which tensor cores do
    Attention, Convolution, ConvolutionTransposed, GeluLinear, Gru, Linear, LinearCrossEntropy, LinearGelu, Lstm,
    Matmul, Rnn,
})  # fmt: skip

FLOAT32: frozenset[type[Op]] = frozenset({  # what overflows or cancels in 16 bits
    Acos, AddLayerNorm, AddRmsNorm, Asin, Cosh, CrossEntropy, CtcLoss, Cumprod, Cumsum, Erfinv, EuclideanDistances, Exp,
    Expm1, LayerNorm, Log, Log10, Log1p, Log2, LogSoftmax, Norm, Pow, Prod, Reciprocal, RmsNorm, Rsqrt, Sinh, Softmax,
    Square, Sum, Tan,
})  # fmt: skip
