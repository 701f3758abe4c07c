"""What docs/ shows is what happens: every session in it runs, every program prints what stands below it, every page is
found from the site's list, and every link and picture is there."""

import contextlib
import doctest
import io
import itertools
import re
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

pytestmark = pytest.mark.ours

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.glob("*.md"), ROOT / "README.md", ROOT / "CONTRIBUTING.md"])
GENERATED = ("reference/", "contributing.md", "changelog.md")  # pages that the site makes


def sessions(path):
    """The interactive sessions of a page, one after another."""
    return "\n".join(re.findall(r"^```pycon\n(.*?)^```$", path.read_text(), re.M | re.S))


@pytest.mark.parametrize("path", [path for path in PAGES if sessions(path)], ids=lambda path: path.name)
def test_sessions_give_what_they_show(path):
    test = doctest.DocTestParser().get_doctest(sessions(path), {}, path.name, str(path), 0)
    told = io.StringIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
        runner.run(test, out=told.write)
    assert not runner.failures, told.getvalue()
    assert runner.tries


PRINTING = ["mixed_precision.md", "vmap.md"]


@pytest.mark.parametrize("name", PRINTING)
def test_programs_print_what_stands_below_them(name):
    program, shown = re.search(
        r"^```python\n(.*?)^```\n\n    (.*?)\n\n", (DOCS / name).read_text(), re.M | re.S
    ).groups()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(program, name, "exec"), {"__name__": "__main__"})
    assert printed.getvalue().rstrip() == shown


def test_the_in_place_error_is_the_one_shown():
    text = (DOCS / "inplace_errors.md").read_text()
    program, shown = re.search(r"^```python\n(.*?)^```\n\n    RuntimeError: (.*?)\n\n", text, re.M | re.S).groups()
    with pytest.raises(RuntimeError) as error:
        exec(compile(program, "demo.py", "exec"), {})
    lines = str(error.value).replace("line 0", "line"), " ".join(shown.split())
    assert lines[0] == lines[1]


def test_the_hundred_functions_have_an_example_and_say_what_they_take():
    text = (DOCS / "by_example.md").read_text()
    entries = re.split(r"^### ", text, flags=re.M)[1:]
    assert len(entries) >= 100
    for entry in entries:
        name, told = entry.split("\n", 1)
        assert told.strip().split("\n")[0], name
        assert ">>> " in told, name


def test_every_name_by_example_is_there():
    import autograd_gpu

    for name in re.findall(r"^### ([\w.]+)$", (DOCS / "by_example.md").read_text(), re.M):
        value = autograd_gpu
        for part in name.split("."):
            value = getattr(value, part)


def test_every_page_is_on_the_sites_list():
    listed = re.findall(r"(?:^|\s)([\w/]+\.md)$", (ROOT / "mkdocs.yml").read_text(), re.M)
    own = [page for page in listed if not page.startswith(GENERATED)]
    assert sorted(own) == sorted(path.name for path in DOCS.glob("*.md"))
    assert len(set(listed)) == len(listed)


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_links_and_pictures_lead_somewhere(path):
    text = re.sub(r"^(```|    ).*?$", "", path.read_text(), flags=re.M)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"\w+:", target):
            continue
        file, _, anchor = target.partition("#")
        place = (path.parent / file).resolve() if file else path
        if file.startswith("reference/"):
            continue  # the site makes them, and looks at links to them
        assert place.exists(), f"{path.name}: {target}"
        if anchor:
            slugs = [re.sub(r"[^\w\- ]", "", h.lower()).strip().replace(" ", "-") for h in headings(place)]
            assert anchor in slugs, f"{path.name}: {target}"


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_page_has_one_title_and_no_level_is_left_out(path):
    levels = [len(line) - len(line.lstrip("#")) for line in headings(path, marked=True)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))


def headings(path, marked=False):
    text = re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.M | re.S)
    found = re.findall(r"^#+ .*$", text, re.M)
    return found if marked else [line.lstrip("# ") for line in found]


def test_the_site_is_built_without_a_warning(tmp_path):
    pytest.importorskip("material")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    pages = sorted((tmp_path / "site").rglob("*.html"))
    assert len(pages) > 35
    for page in pages:
        text = page.read_text()
        assert 'name="viewport"' in text  # a phone shows it at its own width
        if page.name == "404.html":
            continue
        assert len(re.findall(r"<h1\b", text)) == 1, page
        assert 'class="md-header__button md-logo"' in text, page  # the way back
        assert "https://fonts." not in text, page  # nothing is loaded from elsewhere
    assert '"softmax"' in (tmp_path / "site" / "search" / "search_index.json").read_text()
