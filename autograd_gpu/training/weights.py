"""A GPT's weights on disk: of a run, of an export, in GPT-2's names. Knows names, layouts and files; trains nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from ..device import Device
from ..dtypes import DType
from ..serialization import load, load_metadata, save_file
from ..tensor import Tensor
from .corpus import END_OF_FILE
from .errors import JobError
from .folder import CHECKPOINT
from .gpt_model import GPT

_SHAPE = "gpt"  # the metadata entry of an export that holds the model's sizes
# GPT-2's first tokens are the bytes, in an order of their own; its last ends a text.
_GPT2_BYTES, _GPT2_END = (
    256,
    50256,
)

# (ours, GPT-2's, whether GPT-2 keeps the matrix the other way round)
_OUTER = [
    ("bytes.weight", "wte.weight", False),
    ("positions.weight", "wpe.weight", False),
    ("norm.weight", "ln_f.weight", False),
    ("norm.bias", "ln_f.bias", False),
]
_INNER = [
    (f"{ours}.{part}", f"{theirs}.{part}", part == "weight" and not theirs.startswith("ln"))
    for ours, theirs in (
        ("norm_attention", "ln_1"),
        ("query_key_value", "attn.c_attn"),
        ("attention_out", "attn.c_proj"),
        ("norm_mlp", "ln_2"),
        ("mlp_in", "mlp.c_fc"),
        ("mlp_out", "mlp.c_proj"),
    )
    for part in ("weight", "bias")
]


@dataclass(frozen=True)
class Sizes:
    """What a GPT is made from."""

    vocabulary: int
    context: int
    layers: int
    heads: int
    width: int


def gpt2_names(layers: int) -> list[tuple[str, str, bool]]:
    """Return every parameter's name here and in GPT-2, and whether it is transposed there."""
    inner = [(f"blocks.{i}.{ours}", f"h.{i}.{theirs}", flips) for i in range(layers) for ours, theirs, flips in _INNER]
    return [*_OUTER, *inner]


# ------------------------------------------------------------------------------------------------------------ reading


def read_model(path: Path, device: Device | str = "cpu", dtype: DType | None = None) -> GPT:
    """Return the GPT of a run's folder, a checkpoint or an export, ready to be used.

    On the CPU, in the dtype that the file has, its weights are the file itself, mapped to memory.
    """
    weights, sizes = read_weights(path)
    model = GPT(**asdict(sizes), bare=True)
    try:
        model.load_state_dict(weights, assign=True)
    except RuntimeError as error:
        raise JobError(f"{path} does not fit its own sizes: {' '.join(str(error).split())[:300]}") from None
    model.requires_grad_(False)
    return model.to(device, dtype).eval()


def read_weights(path: Path) -> tuple[dict[str, Tensor], Sizes]:
    """Return a GPT's weights, mapped to memory, by our names, and its sizes."""
    file = path / CHECKPOINT if path.is_dir() else path
    if not file.exists():
        raise JobError(f"there is no {file}: name the folder of a run of `train gpt`, or a file of weights")
    found = load(file, mmap=True)
    if isinstance(found, dict) and found.get("job") == "gpt" and isinstance(found.get("settings"), dict):
        return found["model"], _sizes({**found["settings"], "vocabulary": 256}, file)
    if isinstance(found, dict) and "job" in found:
        raise JobError(f"{file} holds a run of `train {found['job']}`, not of `train gpt`")
    if isinstance(found, dict) and "bytes.weight" in found:
        try:
            return found, _sizes(json.loads(load_metadata(file)[_SHAPE]), file)
        except (KeyError, ValueError):
            pass
    raise JobError(f"{file} holds no GPT that was trained or exported here")


def _sizes(told: Any, file: Path) -> Sizes:
    try:
        values = {each.name: told[each.name] for each in fields(Sizes)}
    except (KeyError, TypeError):
        raise JobError(f"{file} does not say the sizes of its GPT") from None
    if not all(type(value) is int and value > 0 for value in values.values()):
        raise JobError(f"{file} says sizes that no GPT has: {values}")
    return Sizes(**values)


# ------------------------------------------------------------------------------------------------------------ writing


def export(path: Path, to: Path, dtype: DType | None = None, names: str = "own") -> None:
    """Write a GPT's weights alone, by our names or by GPT-2's, as an ordinary safetensors file."""
    weights, sizes = read_weights(path)
    if names == "gpt2":
        weights = {
            theirs: weights[ours].t() if flips else weights[ours] for ours, theirs, flips in gpt2_names(sizes.layers)
        }
    cast = {name: weight if dtype is None else weight.to(dtype) for name, weight in weights.items()}
    save_file(cast, to, {_SHAPE: json.dumps(asdict(sizes)), "format": "pt"})


# --------------------------------------------------------------------------------------------------- beginning with


def initial_weights(path: Path, heads: int | None = None) -> tuple[dict[str, Tensor], Sizes]:
    """Return the weights of a file to begin a byte-level GPT with: one of ours, or GPT-2's (safetensors or `.pt`).

    Of GPT-2's 50257 tokens the 256 that are a byte each are taken, and the end of a text for the end of a file.
    """
    file = path / CHECKPOINT if path.is_dir() else path
    if not file.exists():
        raise JobError(f"--init: there is no {file}")
    found = load(file)
    if isinstance(found, dict) and ("job" in found or "bytes.weight" in found):
        return read_weights(path)
    tensors = {name.removeprefix("transformer."): value for name, value in _tensors(found, file).items()}
    if "wte.weight" not in tensors:
        raise JobError(f"--init: {file} holds neither a GPT of ours nor one by GPT-2's names (wte.weight and so on)")
    layers = 1 + max((int(name.split(".")[1]) for name in tensors if name.startswith("h.")), default=-1)
    weights = {}
    for ours, theirs, flips in gpt2_names(layers):
        if theirs not in tensors:
            raise JobError(f"--init: {file} lacks '{theirs}'")
        weights[ours] = tensors[theirs].t().contiguous() if flips else tensors[theirs]
    weights["bytes.weight"] = _byte_rows(weights["bytes.weight"], file)
    context, width = weights["positions.weight"].shape
    return weights, Sizes(256, context, layers, heads or max(1, width // 64), width)  # GPT-2's heads are 64 wide


def _tensors(found: Any, file: Path) -> Mapping[str, Tensor]:
    if not isinstance(found, Mapping) or not all(isinstance(value, Tensor) for value in found.values()):
        raise JobError(f"--init: {file} is not a dict of tensors")
    return found


def _byte_rows(rows: Tensor, file: Path) -> Tensor:
    if rows.shape[0] == _GPT2_BYTES:
        return rows
    if rows.shape[0] <= _GPT2_END:
        raise JobError(f"--init: {file} has {rows.shape[0]} tokens, neither the 256 bytes nor GPT-2's 50257")
    # GPT-2's order: the printable characters of Latin-1, then the other bytes.
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    order = printable + [byte for byte in range(256) if byte not in printable]
    token_of = {byte: token for token, byte in enumerate(order)}
    token_of[END_OF_FILE] = _GPT2_END
    return rows[[token_of[byte] for byte in range(256)]]
