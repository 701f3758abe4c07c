"""``autograd-gpu sample``, ``eval`` and ``export``: what was trained, used."""

from __future__ import annotations

import codecs
import math
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..dtypes import named
from .corpus import END_OF_FILE
from .device import choose_device
from .errors import JobError
from .folder import CHECKPOINT
from .jobs import job
from .run import read_checkpoint
from .settings import from_checkpoint
from .weights import export, read_model

OWN = "own"


@dataclass(frozen=True)
class Wish:
    """What is to be written, and how it is drawn."""

    prompt: str = ""
    length: int = 400
    count: int = 1
    temperature: float = 0.8
    top_k: int = 0
    top_p: float = 1.0
    stop: str = ""
    seed: int = 0


def sample(path: Path, wish: Wish, device: str, dtype: str) -> int:
    """Print what a GPT writes after a prompt, as it writes it; several texts one after another."""
    place = choose_device(device)
    model = read_model(path, place, None if dtype == OWN else named(dtype))
    prompt = [END_OF_FILE, *wish.prompt.encode(errors="surrogateescape")]
    stop = [wish.stop.encode(errors="surrogateescape")] if wish.stop else []
    try:
        steps = model.stream(
            [prompt] * wish.count,
            wish.length,
            temperature=wish.temperature,
            top_k=wish.top_k,
            top_p=wish.top_p,
            stop=stop,
            seed=wish.seed,
        )
        if wish.count == 1:
            shown = Shown(wish.prompt)
            for (token,) in steps:
                shown.add(token)
            shown.end()
            return 0
        texts: list[list[int]] = [[] for _ in range(wish.count)]
        for tokens in steps:
            for text, token in zip(texts, tokens, strict=True):
                text += [] if token is None else [token]
    except ValueError as error:
        raise JobError(f"sample: {error}") from None
    for number, text in enumerate(texts, 1):
        print(f"--- {number} of {wish.count}")
        shown = Shown(wish.prompt)
        for token in text:
            shown.add(token)
        shown.end()
    return 0


class Shown:
    """Bytes as text, as soon as they are whole characters."""

    def __init__(self, prompt: str) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._write(prompt)

    def add(self, token: int | None) -> None:
        """Show one more byte; the end of a file as an empty line."""
        if token is not None:
            self._write(self._decoder.decode(b"\n" if token == END_OF_FILE else bytes([token])))

    def end(self) -> None:
        """Show what is left, and end the line."""
        self._write(self._decoder.decode(b"", final=True) + "\n")

    def _write(self, text: str) -> None:
        if text:
            sys.stdout.write(text)
            sys.stdout.flush()


def evaluate(path: Path, corpus: Path | None, device: str) -> int:
    """Print how well a run's model does on what it was not trained on."""
    file = path / CHECKPOINT if path.is_dir() else path
    if not file.exists():
        raise JobError(f"eval: there is no {file}: name the folder of a run")
    place = choose_device(device)
    state = read_checkpoint(file, mmap=True)
    kind, read_data = job(state["job"])
    settings: Any = from_checkpoint(state["settings"], kind.settings_of, file)
    if corpus is not None:
        if state["job"] != "gpt":
            raise JobError(f"eval: --corpus is for a run of `train gpt`; {file} holds one of `train {state['job']}`")
        from .corpus import read_corpus

        data = read_corpus(corpus, least=settings.context)
    else:
        data = read_data(settings, state["data"])
    run = kind(settings, data, place)
    run.restore(state, file)
    loss = run.validate()
    print(data)
    bits = f", {loss / math.log(2):.3f} bits" if state["job"] == "gpt" else ""
    print(f"validation loss {loss:.4f} {run.unit}{bits} after {run.step} steps, on {place}")
    if hasattr(run, "accuracy"):
        print(f"test accuracy {run.accuracy():.2%}")
    return 0


def write_weights(path: Path, to: Path, dtype: str, names: str) -> int:
    """Write a GPT's weights alone."""
    if to.is_dir():
        raise JobError(f"export: {to} is a folder; name a file")
    export(path, to, None if dtype == OWN else named(dtype), names)
    print(f"{to}: {to.stat().st_size:,} bytes")
    return 0
