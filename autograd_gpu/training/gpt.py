"""``autograd-gpu train gpt``: a byte-level GPT on the source text of Python's standard library.

The model is GPT-2's (Radford et al. 2019) in small: learned positions, pre-normalised blocks, tied embeddings. A run
is a function of its settings alone: step s reads the same bytes whether or not the run was interrupted before it.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from tqdm import tqdm

from .. import nn, optim
from ..dtypes import named
from ..modes import no_grad
from ..ops.creation import arange, from_numpy
from ..ops.random import default_generator, manual_seed
from ..serialization import load, save
from ..tensor import Tensor
from .captured import CapturedStep
from .corpus import END_OF_FILE, Corpus, read_corpus
from .curve import Curve
from .device import choose_device
from .errors import JobError
from .interrupt import StopRequest

VOCABULARY = 256
F = nn.functional


@dataclass(frozen=True)
class Settings:
    """What a run depends on. ``steps`` and ``out`` may change on resuming; the rest is the model and its data."""

    steps: int = 600
    batch: int = 8
    context: int = 128
    layers: int = 3
    heads: int = 4
    width: int = 128
    lr: float = 3e-3
    dropout: float = 0.0
    seed: int = 0
    dtype: str = "float32"
    corpus: str | None = None

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "context", "layers", "heads", "width"):
            if getattr(self, name) < 1:
                raise JobError(f"--{name}: expected at least 1, but got {getattr(self, name)}")
        if self.width % self.heads:
            raise JobError(f"--heads: {self.heads} heads cannot share a width of {self.width}; it must be a multiple")


def added_and_normed(x: Tensor, residual: Tensor, norm: nn.LayerNorm) -> tuple[Tensor, Tensor]:
    """Return norm(x + residual) and the sum, in one pass."""
    return F.add_layer_norm(x, residual, norm.normalized_shape, norm.weight, norm.bias, norm.eps)


class Block(nn.Module):
    """Attention and a two-layer perceptron, each added to the stream it reads."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm_attention = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.attention_out = nn.Linear(width, width)
        self.norm_mlp = nn.LayerNorm(width)
        self.mlp_in = nn.Linear(width, 4 * width)
        self.mlp_out = nn.Linear(4 * width, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, y: Tensor, norm_after: nn.LayerNorm) -> tuple[Tensor, Tensor]:
        """x is the stream and y its norm, (batch, time, width); return the stream after the block and its
        `norm_after`."""
        y, x = added_and_normed(x, self.dropout(self.attention(y)), self.norm_mlp)
        y, x = added_and_normed(x, self.dropout(self.perceptron(y)), norm_after)
        return x, y

    def perceptron(self, x: Tensor) -> Tensor:
        """Both layers, with gelu in their kernels."""
        wide, narrow = self.mlp_in, self.mlp_out
        return F.feed_forward(x, wide.weight, wide.bias, narrow.weight, narrow.bias, approximate="tanh")

    def attention(self, x: Tensor) -> Tensor:
        """Every position looks at itself and at what is before it."""
        batch, time, width = x.shape
        parts = self.query_key_value(x).reshape(batch, time, 3, self.heads, width // self.heads)
        q, k, v = (parts[:, :, i].transpose(1, 2) for i in range(3))  # (batch, heads, time, width / heads)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.attention_out(y.transpose(1, 2).reshape(batch, time, width))


class GPT(nn.Module):
    """Logits of the next byte at every position."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        width = settings.width
        self.context = settings.context
        self.bytes = nn.Embedding(VOCABULARY, width)
        self.positions = nn.Embedding(settings.context, width)
        self.blocks = nn.ModuleList(Block(width, settings.heads, settings.dropout) for _ in range(settings.layers))
        self.norm = nn.LayerNorm(width)
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                # 0.05 where GPT-2 has 0.02: at this width and in so few steps the smaller start learns far slower.
                # What is added to the stream is scaled down by the number of additions (GPT-2, section 2.3).
                additions = 2 * settings.layers if name.endswith("_out.weight") else 1
                nn.init.normal_(parameter, std=0.05 / math.sqrt(additions))
            elif name.endswith("bias"):
                nn.init.zeros_(parameter)

    def forward(self, tokens: Tensor) -> Tensor:
        """tokens are (batch, time) int64; the logits are (batch, time, 256)."""
        return F.linear(self.features(tokens), self.bytes.weight)

    def loss(self, tokens: Tensor, targets: Tensor) -> Tensor:
        """Return the mean cross entropy of the logits with targets (batch, time), never holding all logits."""
        features = self.features(tokens)
        return F.linear_cross_entropy(features.reshape(-1, features.shape[-1]), self.bytes.weight, targets.reshape(-1))

    def features(self, tokens: Tensor) -> Tensor:
        """Return what the logits are made of, (batch, time, width)."""
        x = self.bytes(tokens) + self.positions(arange(tokens.shape[1], device=tokens.device))
        # Each norm is taken together with the sum before it, which is the block's before.
        first, *after = [*(block.norm_attention for block in self.blocks), self.norm]
        y = first(x)
        for block, norm_after in zip(self.blocks, after):
            x, y = block(x, y, norm_after)
        return y


class Run:
    """A training run: the model, its optimizer and how far they have come."""

    def __init__(self, settings: Settings, corpus: Corpus, device: Any, captures: bool = False) -> None:
        self.settings, self.corpus, self.device = settings, corpus, device
        manual_seed(settings.seed)
        self.model = GPT(settings).to(device, named(settings.dtype))
        matrices = [p for p in self.model.parameters() if p.dim() == 2]
        vectors = [p for p in self.model.parameters() if p.dim() != 2]
        self.optimizer = optim.AdamW(
            [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}],
            lr=settings.lr,
            betas=(0.9, 0.95),
        )
        self.update = CapturedStep(self._update) if captures else self._update
        self.step = 0
        self.curve = Curve()

    def batch(self, text: np.ndarray, source: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Return random windows of the text, and the same windows one byte on."""
        length = self.settings.context
        starts = source.integers(len(text) - length, size=(self.settings.batch, 1))
        windows = text[starts + np.arange(length + 1)].astype(np.int64)
        return from_numpy(windows[:, :-1].copy()).to(self.device), from_numpy(windows[:, 1:].copy()).to(self.device)

    def loss(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss in nats per byte."""
        return self.model.loss(inputs, targets)

    def train_step(self) -> Tensor:
        """Take one step; return its loss, still on the device."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate()
        loss = self.update(*self.batch(self.corpus.train, np.random.default_rng([self.settings.seed, self.step])))
        self.step += 1
        return loss

    def _update(self, inputs: Tensor, targets: Tensor) -> Tensor:
        loss = self.loss(inputs, targets)
        self.optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        return loss

    def learning_rate(self) -> float:
        """Rise over the first twentieth of the run, then fall on a cosine to a tenth."""
        warmup = max(1, self.settings.steps // 20)
        if self.step < warmup:
            return self.settings.lr * (self.step + 1) / warmup
        progress = min(1.0, (self.step - warmup) / max(1, self.settings.steps - warmup))
        return self.settings.lr * (0.1 + 0.9 * (1 + math.cos(math.pi * progress)) / 2)

    @no_grad()
    def validate(self, batches: int = 8) -> float:
        """Return the loss on windows of the validation text, always the same ones."""
        source = np.random.default_rng(0)
        self.model.eval()
        losses = [self.loss(*self.batch(self.corpus.validation, source)).item() for _ in range(batches)]
        self.model.train()
        return sum(losses) / len(losses)

    @no_grad()
    def write(self, length: int, prompt: bytes = b"", temperature: float = 0.8) -> str:
        """Return text that the model goes on with after the beginning of a file."""
        source = np.random.default_rng(self.settings.seed)
        written = [END_OF_FILE, *prompt]
        self.model.eval()
        for _ in range(length):
            seen = from_numpy(np.array([written[-self.settings.context :]], np.int64)).to(self.device)
            logits = self.model(seen)[0, -1].double().cpu().numpy() / temperature
            written.append(int(np.argmax(logits + source.gumbel(size=VOCABULARY))))  # a draw from softmax(logits)
        self.model.train()
        return bytes(written[1:]).replace(bytes([END_OF_FILE]), b"\n").decode(errors="replace")

    def save(self, path: Path) -> None:
        """Write everything that the rest of the run depends on."""
        state = {
            "settings": asdict(self.settings),
            "step": self.step,
            "curve": self.curve.state_dict(),
            "rng": default_generator(self.device).get_state(),
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        save(state, path)

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to where a saved run was."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.curve.load_state_dict(state["curve"])
        self.step = state["step"]
        default_generator(self.device).set_state(state["rng"])


def settings_to_resume(saved: dict[str, Any], asked: dict[str, Any]) -> Settings:
    """Return a saved run's settings with another number of steps, if asked; anything else must be as it was."""
    settings = Settings(**saved)
    for name, value in asked.items():
        if name != "steps" and value != saved[name]:
            raise JobError(
                f"--resume: the saved run has --{name} {saved[name]}, not {value}. Leave --{name} out, or start anew "
                "in another folder: --out DIR"
            )
    return replace(settings, steps=asked.get("steps", settings.steps))


def train(asked: dict[str, Any], device: str, out: Path, resume: bool, captures: bool = False) -> int:
    """Run the job; return the exit code. ``asked`` holds the settings that differ from the defaults."""
    place = choose_device(device)
    if captures and place.type != "cuda":
        raise JobError(f"--capture: a step becomes a CUDA graph on a GPU only, and this run is on {place}")
    out.mkdir(parents=True, exist_ok=True)
    checkpoint = out / "checkpoint.safetensors"
    if resume and not checkpoint.exists():
        raise JobError(f"--resume: there is no {checkpoint}. Leave --resume out to start a run there.")
    saved = load(checkpoint) if resume else None
    settings = settings_to_resume(saved["settings"], asked) if saved else Settings(**asked)
    corpus = read_corpus(Path(settings.corpus) if settings.corpus else None, least=settings.context)
    run = Run(settings, corpus, place, captures)
    if saved:
        run.restore(saved)
    print(corpus)
    print(f"{sum(p.numel() for p in run.model.parameters()):,} parameters in {settings.dtype} on {run.device}")
    print(
        f"resumed at step {run.step}" if saved else f"validation loss before training: {note_validation(run):.3f} nats"
    )
    stopped = loop(run, checkpoint)
    run.save(checkpoint)
    if stopped:
        print(f"\nstopped after step {run.step}, saved to {checkpoint}; the same command with --resume goes on")
        return stopped
    run.curve.draw(out / "loss.png", "byte-level GPT on Python source", "nats per byte")
    text = run.write(400)
    (out / "sample.txt").write_text(text)
    print(f"\n{text}\n")
    print(f"validation loss {run.curve.validation[-1][1]:.3f} nats per byte after {run.step} steps")
    print(f"checkpoint {checkpoint}, loss curve {out / 'loss.png'}, sample {out / 'sample.txt'}")
    return 0


def loop(run: Run, checkpoint: Path) -> int:
    """Train to the end, or to Ctrl-C, validating and saving ten times; return the exit code of a stop, else 0."""
    settings = run.settings
    every = max(1, settings.steps // 10)
    # disable=None: no bar where there is no terminal; what is written every so often is then the progress.
    with StopRequest() as stop, tqdm(total=settings.steps, initial=run.step, unit="step", disable=None) as bar:
        while run.step < settings.steps and not stop:
            started = perf_counter()
            loss = run.train_step().item()
            rate = f"{settings.batch * settings.context / (perf_counter() - started):,.0f}"
            run.curve.train.append((run.step, loss))
            bar.set_postfix(loss=f"{loss:.3f}", tokens_per_s=rate, refresh=False)
            bar.update()
            if run.step % every == 0 or run.step == settings.steps:
                validation = note_validation(run)
                bar.write(f"step {run.step:5d}  loss {loss:.3f}  validation {validation:.3f}  {rate} tokens/s")
                if run.step < settings.steps:
                    save_or_warn(run, checkpoint, bar)
        return stop.exit_code if run.step < settings.steps else 0


def note_validation(run: Run) -> float:
    """Validate, put the result on the curve and return it."""
    loss = run.validate()
    run.curve.validation.append((run.step, loss))
    return loss


def save_or_warn(run: Run, checkpoint: Path, bar: Any) -> None:
    """Save on the way. A full disk is no reason to lose the run: the next save, or the last, may succeed."""
    try:
        run.save(checkpoint)
    except OSError as error:
        bar.write(f"warning: {error} Training goes on.")
