"""How the C library hands out memory for arrays. Freed pages stay with the process, up to a bound, for the next array.

By itself glibc gives arrays of megabytes pages of their own, returns them when they are freed, and faults each in
again, zeroed, for the next: more time than most elementwise operations take. Measured on two cores, forward and
backward: GELU of 1M 1.9 against 0.63 ms, softmax of 4096 x 1000 4.4 against 1.6 ms.
"""

from __future__ import annotations

import ctypes
import os

# malloc.h: from which size on an allocation has pages of its own, and how much may lie free at the heap's end.
M_MMAP_THRESHOLD, M_TRIM_THRESHOLD = -3, -1
OWN_PAGES_FROM, KEPT = 64 << 20, 256 << 20
SETTINGS = ("GLIBC_TUNABLES", "MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "MALLOC_TOP_PAD_")


def keep_freed_pages() -> bool:
    """Ask glibc to; False where the C library is another, or where the user has told it what to do."""
    if any(name in os.environ for name in SETTINGS):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, OWN_PAGES_FROM) and mallopt(M_TRIM_THRESHOLD, KEPT))
