"""``torch.hub``: files from the network, kept in a folder. Programs of others are not fetched."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import tempfile
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from .serialization import load as _load

HASH_REGEX = re.compile(r"-([a-f0-9]*)\.")  # of file names that carry the beginning of their SHA-256

_folder: str | None = None


def _get_torch_home() -> str:
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    return os.path.expanduser(os.environ.get("TORCH_HOME", os.path.join(cache, "torch")))


def get_dir() -> str:
    """Return the folder: what `set_dir` said, else $TORCH_HOME/hub, else ~/.cache/torch/hub."""
    if _folder is not None:
        return _folder
    return os.path.join(_get_torch_home(), "hub")


def set_dir(d: str | os.PathLike) -> None:
    """Set the folder."""
    global _folder
    _folder = os.path.expanduser(d)


def download_url_to_file(url: str, dst: str, hash_prefix: str | None = None, progress: bool = True) -> None:
    """Fetch a file. It appears whole or not at all, and only when its SHA-256 begins with `hash_prefix`."""
    place = Path(os.path.expanduser(dst))
    with tempfile.NamedTemporaryFile(dir=place.parent, delete=False) as written:
        try:
            with urllib.request.urlopen(url) as source:
                shutil.copyfileobj(source, written)
            written.close()
            digest = hashlib.sha256(Path(written.name).read_bytes()).hexdigest()
            if hash_prefix and not digest.startswith(hash_prefix):
                raise RuntimeError(f'invalid hash value (expected "{hash_prefix}", got "{digest[: len(hash_prefix)]}")')
            shutil.move(written.name, place)
        finally:
            Path(written.name).unlink(missing_ok=True)


def load_state_dict_from_url(
    url: str,
    model_dir: str | None = None,
    map_location: Any = None,
    progress: bool = True,
    check_hash: bool = False,
    file_name: str | None = None,
    weights_only: bool = False,
) -> Any:
    """Return what `load` reads from a file that is fetched unless it is in `model_dir` already."""
    folder = Path(model_dir or os.path.join(get_dir(), "checkpoints"))
    folder.mkdir(parents=True, exist_ok=True)
    name = file_name or os.path.basename(urlparse(url).path)
    if not (folder / name).exists():
        match = HASH_REGEX.search(name) if check_hash else None
        download_url_to_file(url, str(folder / name), match[1] if match else None, progress)
    return _load(str(folder / name), map_location=map_location)


def load(*args: Any, **kwargs: Any) -> Any:
    """Raise: programs of others are not fetched and run."""
    raise NotImplementedError("torch.hub.load: programs are not fetched and run here. Get the source, and import it.")
