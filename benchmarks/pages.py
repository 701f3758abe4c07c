"""Every page that is generated, and what it holds. Measures nothing. `make pages` writes them all.

`python -m benchmarks.pages docs/operations.md` writes the pages named.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

from autograd_gpu.arrays.cuda import build_report
from autograd_gpu.testing import operations_page, stubs

from . import hardware_report, speed_page
from .compat import page as compat_page

ROOT = Path(__file__).parent.parent
PAGES: dict[str, Callable[[], str]] = {
    "README.md": speed_page.readme,
    "autograd_gpu/_functions.pyi": stubs.functions,
    "autograd_gpu/_methods.pyi": stubs.methods,
    "autograd_gpu/_names.py": stubs.names,
    "docs/compatibility.md": compat_page.page,
    "docs/hardware.md": lambda: hardware_report.report(hardware_report.kept()),
    "docs/kernels.md": build_report.page,
    "docs/operations.md": operations_page.page,
    "docs/speed.md": speed_page.page,
}

INDEX = "autograd_gpu/_names.py"  # what the package's names are read from, the other pages' too

if __name__ == "__main__":
    if (index := PAGES[INDEX]()) != (ROOT / INDEX).read_text():
        (ROOT / INDEX).write_text(index)
        os.execv(sys.executable, [sys.executable, "-m", "benchmarks.pages", *sys.argv[1:]])
    for path in sys.argv[1:] or PAGES:
        (ROOT / path).write_text(PAGES[path]())
