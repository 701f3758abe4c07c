"""docs/operations.md lists the table of operations as it stands."""

from pathlib import Path

from autograd_gpu.testing.operations_page import page

PAGE = Path(__file__).parent.parent / "docs" / "operations.md"


def test_the_page_is_what_the_table_gives():
    stale = "stale: python -m autograd_gpu.testing.operations_page > docs/operations.md"
    assert PAGE.read_text() == page(), stale


def test_every_operation_says_what_it_gives():
    empty = [line for line in page().splitlines() if "|  |" in line.rsplit("|", 2)[0]]
    assert not empty
