"""`torch.special`: special functions under the names that SciPy gives them."""

from typing import TYPE_CHECKING

from .ops.arguments import front as _front
from .ops.arguments import fronts as _fronts
from .ops.elementwise_composed import logit, sinc, xlogy
from .ops.nn.fused_activation import sigmoid as expit
from .ops.nn.softmax import log_softmax, softmax
from .ops.reduce import logsumexp
from .ops.special import digamma, entr, erfcx, erfinv, i0, i0e, i1, i1e, log_ndtr, ndtr, polygamma, xlog1py, zeta
from .ops.special import digamma as psi
from .ops.special import i0 as modified_bessel_i0
from .ops.special import i1 as modified_bessel_i1
from .ops.special import igamma as gammainc
from .ops.special import igammac as gammaincc
from .ops.special import lgamma as gammaln
from .ops.special import mvlgamma as multigammaln
from .ops.unary import erf, erfc, exp2, expm1, log1p, round

__all__ = [
    "digamma", "entr", "erf", "erfc", "erfcx", "erfinv", "exp2", "expit", "expm1", "gammainc", "gammaincc",
    "gammaln", "i0", "i0e", "i1", "i1e", "log1p", "log_ndtr", "log_softmax", "logit", "logsumexp",
    "modified_bessel_i0", "modified_bessel_i1", "multigammaln", "ndtr", "polygamma", "psi", "round", "sinc",
    "softmax", "xlog1py", "xlogy", "zeta",
]  # fmt: skip

if not TYPE_CHECKING:
    __getattr__ = _fronts(__all__, globals(), lambda name, function: _front(function, f"special_{name}"))
