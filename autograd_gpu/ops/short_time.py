"""Short-time Fourier transforms: of a window that moves along a signal, and back by adding overlapping pieces
(Griffin & Lim 1984)."""

from __future__ import annotations

from typing import Any

from ..tensor import Tensor
from .arrange import unfold
from .complex_numbers import view_as_complex, view_as_real
from .creation import arange, ones
from .fourier import fft, ifft, irfft, rfft
from .nn.pad import pad
from .public import public
from .shape import reshape, squeeze, transpose, unsqueeze


@public
def stft(
    input: Tensor,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Tensor | None = None,
    center: bool = True,
    pad_mode: str = "reflect",
    normalized: bool = False,
    onesided: bool | None = None,
    return_complex: bool | None = None,
    align_to_window: bool | None = None,
) -> Tensor:
    """Return the transforms (..., frequencies, frames) of pieces of a signal (..., length), `hop_length` apart.

    A piece has `n_fft` elements and is multiplied by `window`, `win_length` of them with zeros on both sides;
    hop_length is n_fft // 4 and win_length n_fft unless given. With `center` the signal is padded by `pad_mode`, so
    that frame t is around element t * hop_length. Real signals have n_fft // 2 + 1 frequencies unless `onesided` is
    False.
    `normalized` divides by sqrt(n_fft). RuntimeError for settings that do not go together.
    """
    hop, length = _hop_and_length("stft", input, n_fft, hop_length, win_length, window)
    is_complex = input.is_complex() or (window is not None and window.is_complex())
    if onesided and is_complex:
        raise RuntimeError("Cannot have onesided output if window or input is complex")
    if return_complex is None and not is_complex:
        raise RuntimeError(
            "stft requires the return_complex parameter be given for real inputs, and will further require that "
            "return_complex=True in a future PyTorch release."
        )
    if align_to_window:
        raise NotImplementedError("stft: align_to_window=True is not supported; leave it out")
    signal = input if input.ndim == 2 else unsqueeze(input, 0)
    if center:
        signal = squeeze(pad(unsqueeze(signal, 1), (n_fft // 2, n_fft // 2), mode=pad_mode), 1)
    if not n_fft <= signal.shape[1]:
        raise RuntimeError(f"stft: expected 0 < n_fft < {signal.shape[1]}, but got n_fft={n_fft}")
    pieces = unfold(signal, 1, n_fft, hop)
    if window is not None or length < n_fft:
        pieces = pieces * _window(window, length, n_fft, input)
    transform = rfft if onesided is not False and not is_complex else fft
    found = transpose(transform(pieces, norm="ortho" if normalized else None), 1, 2)
    found = found if input.ndim == 2 else squeeze(found, 0)
    return found if return_complex or return_complex is None else view_as_real(found)


@public
def istft(
    input: Tensor,
    n_fft: int,
    hop_length: int | None = None,
    win_length: int | None = None,
    window: Tensor | None = None,
    center: bool = True,
    normalized: bool = False,
    onesided: bool | None = None,
    length: int | None = None,
    return_complex: bool = False,
) -> Tensor:
    """Return the signal (..., length) whose `stft` with the same settings is nearest to input (..., frequencies,
    frames).

    Pieces are multiplied by the window again, added where they overlap, and divided by the sum of the windows' squares,
    which may be zero nowhere. `length` cuts the signal off, or continues it with zeros.
    """
    if not input.is_complex():
        raise RuntimeError(
            "istft requires a complex-valued input tensor matching the output from stft with return_complex=True."
        )
    if input.ndim not in (2, 3) or 0 in input.shape:
        raise RuntimeError(f"istft: input tensor cannot be empty, of 2 or 3 dimensions, but got {list(input.shape)}")
    onesided = (input.shape[-2] != n_fft) if onesided is None else onesided
    if return_complex and onesided:
        raise RuntimeError("Cannot have onesided output if window or input is complex")
    frequencies = n_fft // 2 + 1 if onesided else n_fft
    if input.shape[-2] != frequencies:
        raise RuntimeError(
            "istft: expected the frequency dimension (3rd to the last) of the input tensor to match "
            f"{'n_fft / 2 + 1' if onesided else 'n_fft'} when onesided={onesided}, but got {input.shape[-2]}"
        )
    hop, win_length = _hop_and_length("istft", input, n_fft, hop_length, win_length, window)
    if hop > win_length:
        raise RuntimeError(f"istft: expected 0 < hop_length <= win_length, but got hop_length={hop}")
    spectra = transpose(input if input.ndim == 3 else unsqueeze(input, 0), 1, 2)
    norm = "ortho" if normalized else None
    pieces = irfft(spectra, n_fft, norm=norm) if onesided else ifft(spectra, norm=norm)
    pieces = pieces if return_complex or not pieces.is_complex() else pieces.real
    shape = _window(window, win_length, n_fft, input)
    total = n_fft + hop * (spectra.shape[1] - 1)
    start = n_fft // 2 if center else 0
    end = total - start if length is None else start + length
    signal = _added_up(pieces * shape, hop, total)[:, start:end]
    envelope = _added_up((shape * shape).expand(1, *pieces.shape[1:]), hop, total)[:, start:end]
    if not bool((abs(envelope) > 1e-11).all()):
        raise RuntimeError(f"istft: window overlap add min: the windows' squares are 0 somewhere (hop_length={hop})")
    signal = signal / envelope
    if length is not None and signal.shape[1] < length:
        signal = pad(signal, (0, length - signal.shape[1]))
    return signal if input.ndim == 3 else squeeze(signal, 0)


def _hop_and_length(
    name: str, x: Tensor, n_fft: int, hop_length: int | None, win_length: int | None, window: Tensor | None
) -> tuple[int, int]:
    if not (x.is_floating_point() or x.is_complex()):
        raise RuntimeError(f"{name}: expected a tensor of floating point or complex values, but got {x.dtype}")
    if name == "stft" and x.ndim not in (1, 2):
        raise RuntimeError(f"stft: expected a 1D or 2D tensor, but got {x.ndim}D")
    hop = n_fft // 4 if hop_length is None else hop_length
    length = n_fft if win_length is None else win_length
    if n_fft <= 0:
        raise RuntimeError(f"{name}: expected n_fft > 0, but got n_fft={n_fft}")
    if hop <= 0:
        raise RuntimeError(f"{name}: expected hop_length > 0, but got hop_length={hop}")
    if not 0 < length <= n_fft:
        raise RuntimeError(f"{name}: expected 0 < win_length <= n_fft, but got win_length={length}")
    if window is not None and tuple(window.shape) != (length,):
        raise RuntimeError(
            f"{name}: expected a 1D window tensor of size equal to win_length={length}, but got window with size "
            f"{list(window.shape)}"
        )
    return hop, length


def _window(window: Tensor | None, length: int, n_fft: int, like: Tensor) -> Tensor:
    """Return the window with zeros on both sides."""
    if window is None:
        window = ones(length, dtype=like.dtype.to_real(), device=like.device)
    left = (n_fft - length) // 2
    return pad(window, (left, n_fft - length - left)) if length < n_fft else window


def _added_up(pieces: Tensor, hop: int, total: int) -> Tensor:
    """Return (batch, total), the sum of pieces (batch, frames, n), each `hop` after the one before."""
    parts: Any = view_as_real(pieces) if pieces.is_complex() else unsqueeze(pieces, -1)
    batch, frames, n, kinds = parts.shape
    places = unsqueeze(arange(frames, device=pieces.device) * hop, 1) + arange(n, device=pieces.device)
    zeros = parts.new_zeros((batch, total, kinds))
    found = zeros.index_add(1, reshape(places, (-1,)), reshape(parts, (batch, frames * n, kinds)))
    return view_as_complex(found) if pieces.is_complex() else squeeze(found, -1)
