"""What a run depends on: named values with defaults and bounds, from options, from a TOML file, from a checkpoint.

A job's settings are a frozen dataclass whose fields are made by `option`; everything else follows from the fields.
"""

from __future__ import annotations

import argparse
import math
import tomllib
from dataclasses import MISSING, Field, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, TypeVar

from .errors import JobError

_TYPES: dict[str, type[Any]] = {"int": int, "float": float, "str": str, "str | None": str}
_SEEDS = 2**63


def option(default: Any, help: str, **bounds: Any) -> Any:
    """Return a field of settings. Bounds are `least`, `most`, `above`, `below` and `choices`."""
    return field(default=default, metadata={"help": help, **bounds})


@dataclass(frozen=True)
class Settings:
    """What every job has."""

    steps: int = option(600, "training steps", least=1)
    batch: int = option(8, "samples per step, or per part of one with --accumulate", least=1)
    accumulate: int = option(1, "batches whose gradients make one step", least=1)
    lr: float = option(3e-3, "highest learning rate", above=0)
    warmup: float = option(0.05, "share of the steps in which the rate rises", least=0, most=1)
    clip: float = option(1.0, "longest gradient that is taken as it is; 0 takes any", least=0)
    decay: float = option(0.1, "weight decay of matrices", least=0)
    dropout: float = option(0.0, "probability", least=0, below=1)
    seed: int = option(0, "another seed, another run", least=0, below=_SEEDS)
    dtype: str = option("float32", "of the parameters", choices=("float32", "float64", "bfloat16", "float16"))
    amp: str = option("off", "cast matrix products and their like to", choices=("off", "bfloat16", "float16"))

    def __post_init__(self) -> None:
        for each in fields(self):
            check(each, getattr(self, each.name))


def check(each: Field, value: Any) -> None:
    """Raise JobError when a field cannot have a value."""
    wanted, bounds, name = _TYPES[str(each.type)], each.metadata, flag(each.name)
    if value is None and str(each.type).endswith("None"):
        return
    if wanted is float and type(value) is int:
        value = float(value)
    if type(value) is not wanted:
        raise JobError(f"{name}: expected {_name_of(wanted)}, but got {value!r}")
    if "choices" in bounds and value not in bounds["choices"]:
        raise JobError(f"{name}: expected one of {', '.join(bounds['choices'])}, but got {value!r}")
    if wanted is float and not math.isfinite(value):
        raise JobError(f"{name}: expected a finite number, but got {value}")
    if value == "":
        raise JobError(f"{name}: expected a name, but got nothing")
    for bound, holds, words in (
        ("least", lambda limit: value >= limit, "at least"),
        ("most", lambda limit: value <= limit, "at most"),
        ("above", lambda limit: value > limit, "more than"),
        ("below", lambda limit: value < limit, "less than"),
    ):
        if bound in bounds and not holds(bounds[bound]):
            raise JobError(f"{name}: expected {words} {bounds[bound]}, but got {value}")


def flag(name: str) -> str:
    """Return the option of a field."""
    return "--" + name.replace("_", "-")


def _name_of(wanted: type) -> str:
    return {int: "a whole number", float: "a number", str: "text"}[wanted]


SettingsType = TypeVar("SettingsType", bound=Settings)


def add_options(parser: argparse.ArgumentParser, kind: type[Settings]) -> None:
    """Add an option for each field. What is not given is not there afterwards: it comes from elsewhere."""
    group = parser.add_argument_group("settings", argument_default=argparse.SUPPRESS)
    for each in fields(kind):
        default = "none" if each.default in (None, MISSING) else each.default
        words = f"{each.metadata['help']}; default: {default}".replace("%", "%%")
        wanted = _TYPES[str(each.type)]
        group.add_argument(flag(each.name), type=wanted, help=words, **_shown(each, wanted))


def _shown(each: Field, wanted: type) -> dict[str, Any]:
    if "choices" in each.metadata:
        return {"choices": each.metadata["choices"]}
    return {"metavar": each.metadata.get("metavar", {int: "N", float: "X", str: "TEXT"}[wanted])}


def given(arguments: argparse.Namespace, kind: type[Settings]) -> dict[str, Any]:
    """Return what the options said."""
    names = [each.name for each in fields(kind)]
    return {name: getattr(arguments, name) for name in names if hasattr(arguments, name)}


def from_file(path: Path, kind: type[Settings]) -> dict[str, Any]:
    """Return the settings that a TOML file names; JobError for what is no setting of the job."""
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise JobError(f"--config: {path} is not TOML: {error}") from None
    known = {each.name: each for each in fields(kind)}
    settings = {name.replace("-", "_"): value for name, value in found.items()}
    for name, value in settings.items():
        if name not in known:
            raise JobError(f"--config: {path} sets '{name}', which the job has not; it has {', '.join(known)}")
        check(known[name], value)
    return settings


def from_checkpoint(saved: Any, kind: type[SettingsType], path: Path) -> SettingsType:
    """Return a saved run's settings. JobError when they are not those of the job."""
    names = [each.name for each in fields(kind)]
    if not isinstance(saved, dict) or not all(isinstance(name, str) for name in saved):
        raise JobError(f"{path}: its settings are none")
    if unknown := sorted(saved.keys() - set(names)):
        raise JobError(f"{path}: its setting '{unknown[0]}' is unknown here; was it saved by a later version?")
    if missing := [name for name in names if name not in saved]:
        raise JobError(f"{path}: its setting '{missing[0]}' is missing; was it saved by an earlier version?")
    try:
        return kind(**saved)
    except JobError as error:
        raise JobError(f"{path}: {error}") from None


def resumed(settings: SettingsType, asked: dict[str, Any], free: tuple[str, ...]) -> SettingsType:
    """Return a saved run's settings with the `free` ones as asked; JobError when another is asked to differ."""
    for name, value in asked.items():
        saved = getattr(settings, name)
        if name not in free and value != saved:
            raise JobError(
                f"--resume: the saved run has {flag(name)} {saved}, not {value}. Leave {flag(name)} out, or start "
                "anew in another folder: --out DIR"
            )
    return replace(settings, **{name: asked[name] for name in free if name in asked})
