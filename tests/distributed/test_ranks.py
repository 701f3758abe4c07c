"""What several processes do together: files of claims that pytest runs on every rank at once, 2 and 4 of them."""

from pathlib import Path

import pytest
from starting import ON_RANKS, on_ranks

pytestmark = ON_RANKS
FILES = ["collectives.py", "data_parallel.py", "zero.py"]
CLAIMS = Path(__file__).parent / "ranks"


def claims_hold(count, file, **environment):
    pytest_here = ("-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:hypothesispytest")
    code, said = on_ranks(count, *pytest_here, CLAIMS / file, **environment)
    assert code == 0, said[-6000:]
    assert said.count(" passed") == count, said[-3000:]


@pytest.mark.parametrize("ranks", [2, 4])
@pytest.mark.parametrize("file", FILES)
def test_claims_hold(file, ranks):
    claims_hold(ranks, file)


@pytest.mark.parametrize("file", FILES)
def test_they_hold_as_nccl_is_asked(file):
    claims_hold(2, file, AUTOGRAD_GPU_TEST_NCCL="1")
