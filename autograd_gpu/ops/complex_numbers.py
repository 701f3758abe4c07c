"""Complex numbers: made of parts, their parts, conjugates, magnitudes and angles.

What is right of any differentiable function of a complex number needs no rule of its own: backward multiplies by the
derivative, and programs see the conjugate of what it comes to (`tensor.conjugated`). The rules here are of what has no
complex derivative: with u = the gradient before that turn, an operation y = f(z) that is linear in the parts of z gives
the number gz with Re(u dy) = Re(gz dz). `conj` computes: no tensor is conjugated lazily, so that `is_conj` is False.
"""

from __future__ import annotations

import math
from typing import Any

from .. import dtypes
from ..arrays.complex_numbers import refuse_complex
from ..dtypes import SCALAR_TYPES
from ..op import Op, View
from ..tensor import Tensor
from .cast import broadcast_together, cast, zero_gradient
from .public import public


class Conj(Op):
    """y = the conjugate of z."""

    is_linear = True

    def forward(ctx, z):
        return ctx.backend.conj(z)

    def backward(ctx, gy):
        return Conj.apply(gy)


class Real(View):
    """y = the real part of z."""

    def forward(ctx, z):
        return ctx.backend.real_part(z)

    def backward(ctx, gy):
        return cast(gy, gy.dtype.to_complex())


class Imag(View):
    """y = the imaginary part of z, which is the real part of -i z."""

    def forward(ctx, z):
        return ctx.backend.imag_part(z)

    def backward(ctx, gy):
        return cast(gy, gy.dtype.to_complex()) * -1j


class ViewAsReal(View):
    """y = the parts of z, in a last dimension of two."""

    def forward(ctx, z):
        return ctx.backend.as_real(z)

    def backward(ctx, gy):
        return Conj.apply(view_as_complex(gy.contiguous()))


class ViewAsComplex(View):
    """z = the numbers whose parts are x's last dimension."""

    def forward(ctx, x):
        return ctx.backend.as_complex(x)

    def backward(ctx, gz):
        return ViewAsReal.apply(Conj.apply(gz))


class Complex(Op):
    """z = x + i y."""

    def forward(ctx, x, y):
        return ctx.backend.join(x, y)

    def backward(ctx, gz):
        return Real.apply(gz) if ctx.needs(0) else None, -Imag.apply(gz) if ctx.needs(1) else None


class Magnitude(Op):
    """y = |z|; the gradient at 0 is 0."""

    saved_as = "self"

    def forward(ctx, z):
        return ctx.backend.magnitude(z)

    def keep(ctx, y, z):
        ctx.save(z)

    def backward(ctx, gy):
        (z,) = ctx.saved
        return gy * Conj.apply(Sgn.apply(z))

    def name(ctx) -> str:
        return "AbsBackward0"


class Sgn(Op):
    """y = z / |z|, and 0 of 0, where the gradient is 0 too."""

    saved_as = "self result"

    def forward(ctx, z):
        return ctx.backend.sgn(z)

    def keep(ctx, y, z):
        ctx.save(z, ctx.own(y))

    def backward(ctx, gy):
        z, y = ctx.saved
        is_zero = z == 0
        size = Magnitude.apply(z).masked_fill(is_zero, 1.0)
        along = Real.apply(gy * y)  # what would lengthen z
        return ((gy - along * Conj.apply(y)) / size).masked_fill(is_zero, 0.0)


class Angle(Op):
    """y = the angle of z in radians; the gradient at 0 is 0."""

    saved_as = "self"

    def forward(ctx, z):
        return ctx.backend.phase(z)

    def keep(ctx, y, z):
        ctx.save(z)

    def backward(ctx, gy):
        (z,) = ctx.saved
        is_zero = z == 0
        return (gy * -1j / z.masked_fill(is_zero, 1.0)).masked_fill(is_zero, 0.0)


class AngleOfReal(Op):
    """y = pi where x is negative, 0 elsewhere, NaN of NaN: flat."""

    def forward(ctx, x):
        backend = ctx.backend
        flat = backend.where(backend.isnan(x), x, 0.0)
        return backend.where(backend.lt(x, 0), math.pi, flat)

    def backward(ctx, gy):
        return zero_gradient(gy)

    def name(ctx) -> str:
        return "AngleBackward0"


def only_real(name: str, *tensors: Any) -> None:
    """Refuse complex tensors for a function whose formula would give them a number, but not the one that is meant."""
    for x in tensors:
        if isinstance(x, Tensor) and x.is_complex():
            refuse_complex(name, x)


# ---------------------------------------------------------------------------------------------- made of parts


@public(method=False, out=True)
def complex(real: Tensor, imag: Tensor) -> Tensor:
    """Return real + i imag, broadcast; both of float32 or both of float64."""
    for x in (real, imag):
        if x.dtype not in (dtypes.float32, dtypes.float64):
            raise RuntimeError(
                f"Expected both inputs to be Half, Float or Double tensors but got {SCALAR_TYPES[real.dtype.name]} and "
                f"{SCALAR_TYPES[imag.dtype.name]} (complex: of float32 or float64 here)"
            )
    if real.dtype is not imag.dtype:
        wanted, found = SCALAR_TYPES[real.dtype.name], SCALAR_TYPES[imag.dtype.name]
        raise RuntimeError(
            f"Expected object of scalar type {wanted} but got scalar type {found} for second argument (complex)"
        )
    return Complex.apply(*broadcast_together(real, imag))


@public(method=False, out=True)
def polar(abs: Tensor, angle: Tensor) -> Tensor:
    """Return the numbers of these magnitudes and angles in radians."""
    for x in (abs, angle):
        if x.dtype not in (dtypes.float32, dtypes.float64):
            raise RuntimeError(
                f"Expected both inputs to be Half, Float or Double tensors but got {SCALAR_TYPES[abs.dtype.name]} and "
                f"{SCALAR_TYPES[angle.dtype.name]} (polar: of float32 or float64 here)"
            )
    if abs.dtype is not angle.dtype:
        wanted, found = SCALAR_TYPES[abs.dtype.name], SCALAR_TYPES[angle.dtype.name]
        raise RuntimeError(
            f"Expected object of scalar type {wanted} but got scalar type {found} for second argument (polar)"
        )
    abs, angle = broadcast_together(abs, angle)
    return Complex.apply(abs * angle.cos(), abs * angle.sin())


@public(method=False)
def view_as_complex(input: Tensor) -> Tensor:
    """Return a view of pairs, the last dimension of two, as complex numbers."""
    x = input._array
    if input.dtype not in (dtypes.float32, dtypes.float64):
        raise RuntimeError(
            f"view_as_complex is only supported for half, float and double tensors, but got a tensor of scalar type: "
            f"{SCALAR_TYPES[input.dtype.name]}"
        )
    if x.ndim == 0:
        raise RuntimeError("Input tensor must have one or more dimensions")
    if x.shape[-1] != 2:
        raise RuntimeError("Tensor must have a last dimension of size 2")
    strides = input.stride()
    if x.size and strides[-1] != 1:
        raise RuntimeError("Tensor must have a last dimension with stride 1")
    if x.size and any(step % 2 for size, step in zip(x.shape[:-1], strides[:-1]) if size > 1):
        raise RuntimeError("Tensor must have a stride divisible by 2 for all but last dimension")
    return ViewAsComplex.apply(input)


@public
def view_as_real(input: Tensor) -> Tensor:
    """Return a view of complex numbers as pairs, in a last dimension of two."""
    if not input.is_complex():
        raise RuntimeError("view_as_real is only supported for complex tensors")
    return ViewAsReal.apply(input)


# ---------------------------------------------------------------------------------------------- of numbers


@public(method=False, attribute=True)
def real(input: Tensor) -> Tensor:
    """Return a view of the real parts; a real tensor itself."""
    return Real.apply(input) if input.is_complex() else input


@public(method=False, attribute=True)
def imag(input: Tensor) -> Tensor:
    """Return a view of the imaginary parts; RuntimeError of a real tensor, which has none."""
    if not input.is_complex():
        raise RuntimeError("imag is not implemented for tensors with non-complex dtypes.")
    return Imag.apply(input)


@public
def conj(input: Tensor) -> Tensor:
    """Return the complex conjugates, in memory of their own; a real tensor itself."""
    return Conj.apply(input) if input.is_complex() else input


@public(in_place="method", out=True)
def conj_physical(input: Tensor) -> Tensor:
    """Return the complex conjugates; a real tensor itself."""
    return conj(input)


@public
def resolve_conj(input: Tensor) -> Tensor:
    """Return input itself, which is never conjugated lazily."""
    return input.clone() if input.is_conj() else input


@public
def resolve_neg(input: Tensor) -> Tensor:
    """Return input itself, which is never negated lazily."""
    return input.clone() if input.is_neg() else input


@public
def is_conj(input: Tensor) -> bool:
    """Return False: no tensor here is lazily conjugated."""
    return False


@public
def is_neg(input: Tensor) -> bool:
    """Return False: no tensor here is lazily negated."""
    return False


@public(out=True)
def angle(input: Tensor) -> Tensor:
    """Return the angle in radians; of real numbers pi where they are negative, 0 elsewhere, NaN of NaN."""
    if input.is_complex():
        return Angle.apply(input)
    return AngleOfReal.apply(input if input.is_floating_point() else cast(input, dtypes.get_default_dtype()))


@public
def isreal(input: Tensor) -> Tensor:
    """Return where the imaginary part is 0: everywhere in a real tensor."""
    if input.is_complex():
        return Imag.apply(input.detach()) == 0
    return input.new_ones(input.shape, dtype=dtypes.bool)
