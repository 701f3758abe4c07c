"""Fourier transforms on the GPU: there are none yet, as there are no complex numbers."""

from __future__ import annotations

from typing import NoReturn

__all__ = ["fft", "irfft", "rfft"]


def _refuse(name: str) -> NoReturn:
    raise NotImplementedError(f"{name}: Fourier transforms are on the CPU only. Move the tensor there first, x.cpu().")


def fft(x, dim, inverse):
    _refuse("fft")


def rfft(x, dim):
    _refuse("rfft")


def irfft(x, dim, count):
    _refuse("irfft")
