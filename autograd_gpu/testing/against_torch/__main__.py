"""`python -m autograd_gpu.testing.against_torch --seed N --calls 4000`: draws calls, runs both, prints what differs.

Exits with 1 when more than ten unexplained differences are left.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter

from .sweep import sweep

ALLOWED = 10


def main() -> int:
    parser = argparse.ArgumentParser(prog="against_torch", description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--calls", type=int, default=4000)
    parser.add_argument("--only", default="", help="a pattern of the public names to draw from")
    parser.add_argument(
        "--each", action="store_true", help="print each call that differs, not one for a function and kind"
    )
    parser.add_argument(
        "--verbose", action="store_true", help="print each call before it is made, to find what crashes"
    )
    options = parser.parse_args()
    found, explained = sweep(options.seed, options.calls, options.only, options.verbose)
    shown = (
        found if options.each else list({(f.function, f.difference.kind): f for f in reversed(found)}.values())[::-1]
    )
    for finding in shown:
        print(finding, end="\n\n")
    for reason, count in Counter(known.reason for known in explained).most_common():
        print(f"explained, {count} times: {reason}")
    print(f"{options.calls} calls with seed {options.seed}: {len(shown)} unexplained differences")
    return len(shown) > ALLOWED


if __name__ == "__main__":
    sys.exit(main())
