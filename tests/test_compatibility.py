"""The list of packages that `make compat` runs, and the page that is written of it."""

import json
import re
from pathlib import Path

from benchmarks.compat import page

ROOT = Path(__file__).parent.parent


def test_every_package_has_a_use_and_every_use_a_package():
    uses = {path.stem for path in (ROOT / "benchmarks/compat/uses").glob("*.py")} - {"__init__"}
    assert {package["name"].replace("-", "_") for package in page.packages()} == uses


def test_no_file_of_the_library_names_a_package():
    names = [package["name"].replace("-", "[-_]") for package in page.packages()]
    pattern = re.compile(rf"\b(?:import|from) (?:{'|'.join(names)})\b")
    named = [path for path in (ROOT / "autograd_gpu").rglob("*.py") if pattern.search(path.read_text())]
    assert named == []


def test_most_give_the_numbers_and_five_are_run_by_ci():
    results = json.loads(page.RECORD.read_text())
    assert set(results) <= {package["name"] for package in page.packages()}
    good = {name for name, result in results.items() if not any(result.values())}
    short = {package["name"] for package in page.packages() if package.get("short")}
    assert len(results) >= 21 and len(good) >= 19 and len(short) == 5 and short <= good
