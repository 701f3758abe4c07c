"""How one of several processes ends the others when it has to end itself."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from .launch import place


def one_speaks(say: Callable[[], Any]) -> None:
    """Say what went wrong: on the lowest of the ranks on which it did, which then ends all the others."""
    found = place()
    if found.size == 1:
        say()
        return
    time.sleep(min(0.3 * found.rank, 5.0))  # who comes first ends the others meanwhile
    say()
    sys.stdout.flush()
    sys.stderr.flush()
    from .group import default_group, is_initialized

    if is_initialized():
        next(iter(default_group().engines.values())).abort()
