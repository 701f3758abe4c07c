"""What is installed: the package list is true, wheel and sdist carry every source, the import stays light."""

import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.ours

ROOT = Path(__file__).resolve().parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
SOURCES = {".py", ".cu", ".cuh", ".h", ".hpp", ".cpp", ".inc", ".typed", ".pyi", ".txt"}


def sources():
    """Every file that must be installed, by the path it is installed under."""
    found = {}
    for top, installed in (("autograd_gpu", "autograd_gpu"), ("kernels", "autograd_gpu/kernels")):
        for path in (ROOT / top).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                found[f"{installed}/{path.relative_to(ROOT / top).as_posix()}"] = path
    return found


def test_every_package_is_listed():
    on_disk = {str(Path(name).parent).replace("/", ".") for name in sources() if name.endswith("__init__.py")}
    assert set(PYPROJECT["tool"]["setuptools"]["packages"]) == on_disk


def test_every_kind_of_source_is_known():
    assert {path.suffix for path in sources().values()} <= SOURCES


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A wheel and an sdist of a copy of the tree, so that nothing is left in the tree itself."""
    folder = tmp_path_factory.mktemp("built")
    copy = folder / "tree"
    copy.mkdir()
    tracked = [ROOT / name for name in ("pyproject.toml", "README.md", "LICENSE", "autograd_gpu", "kernels")]
    for path in tracked:
        subprocess.run(["cp", "-r", path, copy], check=True)
    build = "import setuptools.build_meta as b, sys; to = sys.argv[1]; b.build_sdist(to); b.build_wheel(to)"
    subprocess.run([sys.executable, "-c", build, str(folder)], cwd=copy, check=True, capture_output=True)
    return next(folder.glob("*.whl")), next(folder.glob("*.tar.gz"))


def test_the_wheel_carries_every_source_and_is_small(built):
    wheel = built[0]
    assert set(sources()) <= set(zipfile.ZipFile(wheel).namelist())
    assert wheel.stat().st_size < 1_500_000


def test_the_sdist_carries_every_source(built):
    with tarfile.open(built[1]) as sdist:
        carried = {name.partition("/")[2] for name in sdist.getnames()}
    assert {path.relative_to(ROOT).as_posix() for path in sources().values()} <= carried


def test_importing_loads_neither_a_gpu_library_nor_a_training_one():
    heavy = "cupy torch matplotlib tqdm sklearn scipy safetensors".split()
    script = f"import sys, autograd_gpu; print([name for name in {heavy} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"


def test_the_version_is_said_once():
    import autograd_gpu

    assert PYPROJECT["project"]["dynamic"] == ["version"]
    elsewhere = [ROOT / "pyproject.toml", ROOT / "Dockerfile", ROOT / "Makefile", *(ROOT / "docs").glob("*.md")]
    said = autograd_gpu.__version__
    assert re.fullmatch(r"\d+\.\d+\.\d+", said)
    assert not [
        path.name for path in elsewhere if re.search(rf"(?<![\d.]){re.escape(said)}(?![\d.])", path.read_text())
    ]
