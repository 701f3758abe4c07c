"""What is kept of each step: a line of JSON in the run's folder, and TensorBoard's event file where it is asked for."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import IO, Any, Self

from ..serialization.replacing import replacing
from .errors import JobError
from .folder import RunFolder


class Log:
    """Within ``with``, `write` keeps numbers by step. What was logged after the step that is resumed is taken back."""

    def __init__(self, folder: RunFolder, step: int, tensorboard: bool) -> None:
        self.folder, self.step, self._wants_events = folder, step, tensorboard
        self._file: IO[str] | None = None
        self._events: Any = None

    def __enter__(self) -> Self:
        if self._wants_events:
            self._events = _event_writer(self.folder.path, self.step)
        _keep_until(self.step, self.folder.log)
        self._file = open(self.folder.log, "a", encoding="utf-8", buffering=1)
        return self

    def __exit__(self, *exception: object) -> None:
        if self._file is not None:
            self._file.close()
        if self._events is not None:
            self._events.close()

    def write(self, step: int, **numbers: float) -> None:
        """Keep numbers of a step. A full disk is no reason to lose a run, and a line no reason to stop."""
        told = {name: value if math.isfinite(value) else None for name, value in numbers.items()}
        try:
            if self._file is not None:
                self._file.write(json.dumps({"step": step, **told}) + "\n")
        except OSError:
            self._file = None
        if self._events is not None:
            for name, value in numbers.items():
                self._events.add_scalar(name, value, step)


def _keep_until(step: int, path: Path) -> None:
    """Leave out what was logged after a step, and a last line that is cut off."""
    if not path.exists():
        return
    kept = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            if json.loads(line)["step"] <= step:
                kept.append(line + "\n")
        except (ValueError, KeyError, TypeError):
            continue
    with replacing(path) as file:
        file.write("".join(kept).encode())


def _event_writer(folder: Path, step: int) -> Any:
    try:
        from tensorboardX import SummaryWriter
    except ImportError:
        raise JobError('--tensorboard needs tensorboardX: pip install "autograd-gpu[tensorboard]"') from None
    # Else the curve of a resumed run would go back, and both branches would stay.
    return SummaryWriter(str(folder), purge_step=step + 1 if step else None)
