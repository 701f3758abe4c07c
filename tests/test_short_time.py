"""Short-time Fourier transforms are what their definition says, come back, and have gradients."""

import numpy as np
import pytest

import autograd_gpu as torch

SIGNAL = np.random.default_rng(0).standard_normal((2, 50))
SETTINGS = {
    "as it comes": {"n_fft": 8},
    "windowed": {"n_fft": 8, "hop_length": 3, "win_length": 6, "window": True},
    "an odd length": {"n_fft": 7, "hop_length": 2},
    "not centred": {"n_fft": 8, "center": False, "window": True},
    "both sides": {"n_fft": 8, "onesided": False},
    "normalized": {"n_fft": 8, "normalized": True, "pad_mode": "constant"},
}


def options_of(name):
    options = dict(SETTINGS[name])
    if options.pop("window", False):
        options["window"] = torch.hann_window(options.get("win_length", options["n_fft"]), dtype=torch.float64)
    return options


def by_definition(x, n_fft, hop_length=None, win_length=None, window=None, center=True, pad_mode="reflect",
                  normalized=False, onesided=True):  # fmt: skip
    """A sum for each frequency and frame."""
    hop, length = hop_length or n_fft // 4, win_length or n_fft
    shape = np.zeros(n_fft)
    left = (n_fft - length) // 2
    shape[left : left + length] = 1 if window is None else window.numpy()
    if center:
        x = np.pad(x, ((0, 0), (n_fft // 2,) * 2), mode=pad_mode)
    frames = (x.shape[1] - n_fft) // hop + 1
    frequencies = np.arange(n_fft // 2 + 1 if onesided else n_fft)
    factors = np.exp(-2j * np.pi * frequencies[:, None] * np.arange(n_fft) / n_fft) * shape
    found = np.stack([x[:, t * hop : t * hop + n_fft] @ factors.T for t in range(frames)], -1)
    return found / np.sqrt(n_fft) if normalized else found


@pytest.mark.parametrize("name", SETTINGS)
def test_it_is_what_its_definition_says(name):
    options = options_of(name)
    found = torch.stft(torch.tensor(SIGNAL), **options, return_complex=True)
    np.testing.assert_allclose(found.numpy(), by_definition(SIGNAL, **options), rtol=1e-10, atol=1e-12)
    one = torch.tensor(SIGNAL[0]).stft(**options, return_complex=True)
    np.testing.assert_allclose(one.numpy(), found[0].numpy(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", ["as it comes", "windowed", "both sides", "normalized"])
def test_the_signal_comes_back(name):
    options = options_of(name)
    spectra = torch.stft(torch.tensor(SIGNAL), **options, return_complex=True)
    options.pop("pad_mode", None)
    back = torch.istft(spectra, **options, length=50)
    assert back.dtype is torch.float64 and back.shape == (2, 50)
    covered = 48 if name == "windowed" else 50  # where the last frame ends
    np.testing.assert_allclose(back.numpy()[:, :covered], SIGNAL[:, :covered], rtol=1e-10, atol=1e-12)


def test_complex_signals_have_all_frequencies():
    z = torch.tensor(SIGNAL[0] + 1j * SIGNAL[1])
    spectra = torch.stft(z, 8, return_complex=True)
    assert spectra.shape[0] == 8
    back = torch.istft(spectra, 8, onesided=False, return_complex=True, length=50)
    np.testing.assert_allclose(back.numpy(), z.numpy(), rtol=1e-10)


def test_it_has_gradients_to_second_order():
    x = torch.tensor(SIGNAL[0, :20]).requires_grad_()
    window = torch.hann_window(6, dtype=torch.float64).requires_grad_()

    def there_and_back(x, window):
        spectra = torch.stft(x, 6, 2, window=window, return_complex=True)
        return torch.istft(spectra * spectra.abs(), 6, 2, window=window)

    assert torch.autograd.gradcheck(there_and_back, (x, window))
    assert torch.autograd.gradgradcheck(lambda x: torch.stft(x, 6, 3, return_complex=True).abs().square(), (x,))


def test_a_mel_spectrogram():
    """Of a rising tone: the loudest band rises with it."""
    time = torch.arange(8000, dtype=torch.float64) / 8000
    tone = torch.sin(2 * torch.pi * (200 * time + 1200 * time**2))
    power = (
        torch.stft(tone, 256, 128, window=torch.hann_window(256, dtype=torch.float64), return_complex=True).abs() ** 2
    )
    mel = torch.linspace(0, 2595 * np.log10(1 + 4000 / 700), 22, dtype=torch.float64)
    corners = 700 * (10 ** (mel / 2595) - 1)
    frequency = torch.linspace(0, 4000, 129, dtype=torch.float64)
    rise = (frequency - corners[:-2, None]) / (corners[1:-1] - corners[:-2])[:, None]
    fall = (corners[2:, None] - frequency) / (corners[2:] - corners[1:-1])[:, None]
    loudest = (torch.minimum(rise, fall).clamp(min=0) @ power).argmax(0)
    assert (loudest.diff() >= 0).all() and loudest[2] < 4 and loudest[-3] > 14


@pytest.mark.parametrize(
    "call, error",
    [
        (lambda x: torch.stft(x, 8), "requires the return_complex parameter"),
        (lambda x: torch.stft(x, 8, hop_length=0, return_complex=True), "expected hop_length > 0"),
        (lambda x: torch.stft(x, 80, center=False, return_complex=True), "n_fft"),
        (lambda x: torch.stft(x, 8, win_length=9, return_complex=True), "expected 0 < win_length <= n_fft"),
        (lambda x: torch.stft(x, 8, window=torch.ones(7), return_complex=True), "window tensor of size equal to"),
        (lambda x: torch.stft(x.long(), 8, return_complex=True), "floating point or complex"),
        (lambda x: torch.istft(x.reshape(5, 10), 8), "complex-valued input"),
        (lambda x: torch.istft(x.reshape(5, 10) + 0j, 10), "frequency dimension"),
        (
            lambda x: torch.istft(x.reshape(5, 10) + 0j, 8, center=False, window=torch.zeros(8)),
            "window overlap add min",
        ),
    ],
)
def test_settings_that_do_not_go_together_are_refused(call, error):
    with pytest.raises(RuntimeError, match=error):
        call(torch.tensor(SIGNAL[0]))
