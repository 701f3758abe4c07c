"""The generated pages are what would be generated now. (docs/kernels.md is held where the kernels are compiled.)"""

import pytest

from autograd_gpu.testing.operations_page import page
from benchmarks.pages import PAGES, ROOT

pytestmark = pytest.mark.ours


@pytest.mark.parametrize("path", sorted(PAGES.keys() - {"docs/kernels.md"}))
def test_the_page_is_what_would_be_generated(path):
    assert (ROOT / path).read_text() == PAGES[path](), f"{path} is stale: make pages"


def test_every_operation_says_what_it_gives():
    empty = [line for line in page().splitlines() if "|  |" in line.rsplit("|", 2)[0]]
    assert not empty
