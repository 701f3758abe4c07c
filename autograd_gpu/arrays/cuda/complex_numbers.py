"""Complex numbers on the GPU: there are none yet, and each function says so by its name."""

from __future__ import annotations

from typing import NoReturn

__all__ = [
    "as_complex", "as_real", "conj", "imag_part", "join", "magnitude", "phase", "real_part", "sgn",
]  # fmt: skip


def _refuse(name: str) -> NoReturn:
    raise NotImplementedError(f"{name}: complex tensors are on the CPU only. Move the tensor there first, x.cpu().")


def conj(x):
    _refuse("conj")


def join(real, imag):
    _refuse("complex")


def magnitude(x):
    _refuse("abs")


def phase(x):
    _refuse("angle")


def sgn(x):
    _refuse("sgn")


def real_part(x):
    _refuse("real")


def imag_part(x):
    _refuse("imag")


def as_real(x):
    _refuse("view_as_real")


def as_complex(x):
    _refuse("view_as_complex")
