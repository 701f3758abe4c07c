"""`torch.fft`: discrete Fourier transforms, by PyTorch's names."""

from typing import TYPE_CHECKING

from .ops.arguments import front as _front
from .ops.arguments import fronts as _fronts
from .ops.fourier import (
    fft,
    fft2,
    fftfreq,
    fftn,
    fftshift,
    hfft,
    hfft2,
    hfftn,
    ifft,
    ifft2,
    ifftn,
    ifftshift,
    ihfft,
    ihfft2,
    ihfftn,
    irfft,
    irfft2,
    irfftn,
    rfft,
    rfft2,
    rfftfreq,
    rfftn,
)  # fmt: skip
from .ops.out import accepting_out as _accepting_out

__all__ = [
    "fft", "fft2", "fftfreq", "fftn", "fftshift", "hfft", "hfft2", "hfftn", "ifft", "ifft2", "ifftn", "ifftshift",
    "ihfft", "ihfft2", "ihfftn", "irfft", "irfft2", "irfftn", "rfft", "rfft2", "rfftfreq", "rfftn",
]  # fmt: skip

_NO_OUT = ("fftshift", "ifftshift")
if not TYPE_CHECKING:
    __getattr__ = _fronts(
        __all__,
        globals(),
        lambda name, function: (_front if name in _NO_OUT else _accepting_out)(function, f"fft_{name}"),
    )
