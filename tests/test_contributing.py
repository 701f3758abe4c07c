"""CONTRIBUTING.md's steps for adding an operation, taken in a copy of the tree: enough together, and none too many."""

import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

pytestmark = pytest.mark.ours

ROOT = Path(__file__).parent.parent
COPIED = ("autograd_gpu", "benchmarks", "docs", "kernels", "tests", "CONTRIBUTING.md", "README.md", "pyproject.toml")

STEP = re.compile(
    r"in(?: the `__all__` of)?\s+`(?P<file>[^`]+)`, (?P<side>above|below) the line\s+that "
    r"begins\s+`(?P<anchor>[^`]+)`:\n\n"
    r"(?P<code>(?: {8}.*\n|\n)+)"
)
GUIDE = (ROOT / "CONTRIBUTING.md").read_text()
STEPS = [match.groupdict() for match in STEP.finditer(GUIDE)]
BY_HAND = sorted({step["file"] for step in STEPS})
GENERATED = [f"autograd_gpu/{name}" for name in ("_functions.pyi", "_methods.pyi", "_names.py")] + [
    f"docs/{name}.md" for name in ("hardware", "kernels", "operations")
]

INDEX = "autograd_gpu/_names.py"  # of what is public, from which the package reads it
ASKS_FOR_KERNELS = "tests/test_completeness.py::test_the_pages_of_kernels_name_them_all[docs/kernels.md]"


def take(step, tree):
    """Write a step's lines where the guide says."""
    path = tree / step["file"]
    lines = path.read_text().split("\n")
    (at,) = (number for number, line in enumerate(lines) if line.strip().startswith(step["anchor"]))
    code = [line[8:] for line in step["code"].rstrip("\n").split("\n")]
    if step["side"] == "above":
        code, at = [*code, "", ""], at - 1
    lines[at + 1 : at + 1] = code
    path.write_text("\n".join(lines))


def copied_to(folder):
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    return folder


@pytest.fixture
def tree(tmp_path):
    return copied_to(tmp_path)


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    """The index of names, where the operation is in it: so that what is left out is missed, and not the index alone."""
    tree = copied_to(tmp_path_factory.mktemp("whole"))
    for step in STEPS:
        take(step, tree)
    run(tree, "benchmarks.pages", INDEX).check_returncode()
    return (tree / INDEX).read_text()


def run(tree, *arguments):
    return subprocess.run([sys.executable, "-m", *arguments], cwd=tree, capture_output=True, text=True, timeout=600)


def outcome(tree, *arguments):
    return run(tree, "pytest", "-q", "-p", "no:cacheprovider", "--no-header", "-n", "0", *arguments)


def named_by(failing):
    """What the messages of failing tests say: pytest marks their lines by E."""
    return "\n".join(line for line in failing.stdout.splitlines() if line.startswith("E "))


def test_the_guide_has_its_steps_and_no_more_than_five_files_by_hand():
    assert len(STEPS) == 8
    assert len(BY_HAND) <= 5


@pytest.mark.parametrize("left_out", range(len(STEPS)), ids=[f"{step['file']}, {step['anchor']}" for step in STEPS])
def test_a_step_left_out_is_asked_for_by_its_file(left_out, tree, index):
    (tree / INDEX).write_text(index)
    for number, step in enumerate(STEPS):
        if number != left_out:
            take(step, tree)
    result = outcome(tree, "tests/test_completeness.py")
    assert STEPS[left_out]["file"] in named_by(result), result.stdout[-3000:]


def test_the_declaration_left_out_is_asked_for_by_its_file(tree):
    for step in STEPS:
        take({**step, "code": step["code"].replace("        @public\n", "")}, tree)
    result = outcome(tree, "tests/test_completeness.py")
    assert "@public over `def softcap` in autograd_gpu/ops/nn/activation.py" in named_by(result), result.stdout[-3000:]


def test_all_steps_together_are_enough(tree, index):
    for step in STEPS:
        take(step, tree)
    assert INDEX in named_by(outcome(tree, "tests/test_pages.py"))
    (tree / INDEX).write_text(index)
    stale = outcome(tree, "tests/test_completeness.py", "tests/test_pages.py")
    for page in GENERATED:
        assert page == INDEX or page in named_by(stale), f"nothing asks for {page}"
    compiled = "docs/kernels.md"  # from twenty compilations, which the compile gate does once for all
    run(tree, "benchmarks.pages", *(page for page in GENERATED if page != compiled)).check_returncode()
    forgotten = ("tests/test_completeness.py", "tests/test_pages.py", f"--deselect={ASKS_FOR_KERNELS}")
    checked = ("tests/test_op_table.py", "tests/test_batching.py", "-k", "softcap")
    for arguments in (forgotten, checked):
        result = outcome(tree, *arguments)
        assert result.returncode == 0, result.stdout[-3000:]
    program = textwrap.dedent("""
        import autograd_gpu as ag
        x = ag.tensor([5.0, -0.5], requires_grad=True)
        assert ag.equal(x.softcap(2.0), ag.nn.functional.softcap(x, 2.0))
        assert x.softcap(2.0).grad_fn.name() == "SoftcapBackward0"
    """)
    assert subprocess.run([sys.executable, "-c", program], cwd=tree).returncode == 0
