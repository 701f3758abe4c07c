"""Activations as modules: each keeps its settings and calls the function of the same name in ``nn.functional``."""

from __future__ import annotations

from typing import Any

from ..ops.creation import full
from ..tensor import Tensor
from . import functional as F
from .module import Module
from .parameter import Parameter


class _Inplace(Module):
    """An activation that may overwrite its input and prints ``inplace=True`` only when it does."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def extra_repr(self) -> str:
        """Return what stands between the brackets when this module is printed."""
        return "inplace=True" if self.inplace else ""

    def _with_inplace(self, settings: str) -> str:
        return f"{settings}, inplace=True" if self.inplace else settings


class ReLU(_Inplace):
    """y = max(x, 0)."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation."""
        return F.relu(input, self.inplace)


class ReLU6(_Inplace):
    """y = min(max(x, 0), 6)."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation."""
        return F.relu6(input, self.inplace)


class LeakyReLU(_Inplace):
    """y = x for x > 0, else negative_slope * x."""

    def __init__(self, negative_slope: float = 1e-2, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.negative_slope = negative_slope

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation."""
        return F.leaky_relu(input, self.negative_slope, self.inplace)

    def extra_repr(self) -> str:
        """Return what stands between the brackets when this module is printed."""
        return self._with_inplace(f"negative_slope={self.negative_slope}")


class PReLU(Module):
    """y = x for x > 0, else a * x with a trained slope a, one in all or one per channel (dimension 1)."""

    def __init__(self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None) -> None:
        super().__init__()
        self.num_parameters = num_parameters
        self.weight = Parameter(full((num_parameters,), init, device=device, dtype=dtype))

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation."""
        return F.prelu(input, self.weight)

    def extra_repr(self) -> str:
        """Return what stands between the brackets when this module is printed."""
        return f"num_parameters={self.num_parameters}"


class ELU(_Inplace):
    """y = x for x > 0, else alpha * (exp(x) - 1)."""

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.alpha = alpha

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation."""
        return F.elu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        """Return what stands between the brackets when this module is printed."""
        return self._with_inplace(f"alpha={self.alpha}")


class SELU(_Inplace):
    """y = scale * (x for x > 0, else alpha * (exp(x) - 1)), with the constants that keep mean 0 and variance 1."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation."""
        return F.selu(input, self.inplace)


class GELU(Module):
    """y = x * Phi(x); ``approximate="tanh"`` replaces Phi by its tanh form."""

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation."""
        return F.gelu(input, approximate=self.approximate)

    def extra_repr(self) -> str:
        """Return what stands between the brackets when this module is printed."""
        return f"approximate={self.approximate!r}"


class SiLU(_Inplace):
    """y = x * sigmoid(x)."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation."""
        return F.silu(input, self.inplace)


class Mish(_Inplace):
    """y = x * tanh(softplus(x))."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation."""
        return F.mish(input, self.inplace)


class Sigmoid(Module):
    """y = 1 / (1 + exp(-x))."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation."""
        return F.sigmoid(input)


class LogSigmoid(Module):
    """y = log(sigmoid(x))."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation."""
        return F.logsigmoid(input)


class Tanh(Module):
    """y = tanh(x)."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation."""
        return F.tanh(input)


class Softplus(Module):
    """y = log(1 + exp(beta * x)) / beta; simply x where beta * x is above the threshold."""

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta = beta
        self.threshold = threshold

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation."""
        return F.softplus(input, self.beta, self.threshold)

    def extra_repr(self) -> str:
        """Return what stands between the brackets when this module is printed."""
        return f"beta={self.beta}, threshold={self.threshold}"


class Softsign(Module):
    """y = x / (1 + |x|)."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation."""
        return F.softsign(input)


class Hardtanh(_Inplace):
    """y = x held between min_val and max_val."""

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.min_val = min_val
        self.max_val = max_val

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation."""
        return F.hardtanh(input, self.min_val, self.max_val, self.inplace)

    def extra_repr(self) -> str:
        """Return what stands between the brackets when this module is printed."""
        return self._with_inplace(f"min_val={self.min_val}, max_val={self.max_val}")


class GLU(Module):
    """y = a * sigmoid(b), where a and b are the halves of the input along dim."""

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation."""
        return F.glu(input, self.dim)

    def extra_repr(self) -> str:
        """Return what stands between the brackets when this module is printed."""
        return f"dim={self.dim}"


class Softmax(Module):
    """y = exp(x) / sum(exp(x)) along dim."""

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation."""
        return F.softmax(input, self.dim)

    def extra_repr(self) -> str:
        """Return what stands between the brackets when this module is printed."""
        return f"dim={self.dim}"


class LogSoftmax(Module):
    """y = x - log(sum(exp(x))) along dim."""

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation."""
        return F.log_softmax(input, self.dim)

    def extra_repr(self) -> str:
        """Return what stands between the brackets when this module is printed."""
        return f"dim={self.dim}"


class CELU(_Inplace):
    """y = max(x, 0) + min(alpha * (exp(x / alpha) - 1), 0)."""

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.alpha = alpha

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation."""
        return F.celu(input, self.alpha, self.inplace)

    def extra_repr(self) -> str:
        """Return what stands between the brackets when this module is printed."""
        return self._with_inplace(f"alpha={self.alpha}")


class RReLU(_Inplace):
    """y = x for x > 0, else a * x; in training a is drawn from U(lower, upper) for each element, else their mean."""

    def __init__(self, lower: float = 1.0 / 8, upper: float = 1.0 / 3, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.lower, self.upper = lower, upper

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation."""
        return F.rrelu(input, self.lower, self.upper, self.training, self.inplace)

    def extra_repr(self) -> str:
        """Return what stands between the brackets when this module is printed."""
        return self._with_inplace(f"lower={self.lower}, upper={self.upper}")


class Threshold(_Inplace):
    """y = x above the threshold, else value."""

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.threshold, self.value = threshold, value

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation."""
        return F.threshold(input, self.threshold, self.value, self.inplace)

    def extra_repr(self) -> str:
        """Return what stands between the brackets when this module is printed."""
        return self._with_inplace(f"threshold={self.threshold}, value={self.value}")


class Hardsigmoid(_Inplace):
    """y = x / 6 + 1 / 2, held between 0 and 1."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation."""
        return F.hardsigmoid(input, self.inplace)

    def extra_repr(self) -> str:
        """Return nothing: PyTorch prints no settings here."""
        return ""


class Hardswish(_Inplace):
    """y = x * hardsigmoid(x)."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation."""
        return F.hardswish(input, self.inplace)

    def extra_repr(self) -> str:
        """Return nothing: PyTorch prints no settings here."""
        return ""


class _Shrink(Module):
    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def extra_repr(self) -> str:
        """Return what stands between the brackets when this module is printed."""
        return str(self.lambd)


class Hardshrink(_Shrink):
    """y = x where |x| > lambd, else 0."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation."""
        return F.hardshrink(input, self.lambd)


class Softshrink(_Shrink):
    """y = x moved towards 0 by lambd, and 0 where |x| <= lambd."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation."""
        return F.softshrink(input, self.lambd)


class Tanhshrink(Module):
    """y = x - tanh(x)."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation."""
        return F.tanhshrink(input)


class Softmin(Module):
    """y = softmax(-x) along dim."""

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation."""
        return F.softmin(input, self.dim)

    def extra_repr(self) -> str:
        """Return what stands between the brackets when this module is printed."""
        return f"dim={self.dim}"


class Softmax2d(Module):
    """y = softmax over the channels of (N, C, H, W) or (C, H, W)."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the activation."""
        if input.dim() not in (3, 4):
            raise ValueError(f"Softmax2d: expected input to be 3D or 4D (got {input.dim()}D instead)")
        return F.softmax(input, -3)
