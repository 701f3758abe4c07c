"""``python -m benchmarks [name ...]``: run the benchmarks (all of them, or those named) and keep their numbers.

What the suites have given is drawn, and written into README.md and docs/speed.md. ``--against COMMIT`` runs the suites
for this version and an older one, and says what became slower.
"""

import argparse
import sys

from . import in_turns, kernels, launch_cost, optimisers, pages, plots, training

BENCHMARKS = {
    "in_turns": in_turns,
    "launch_cost": launch_cost,
    "kernels": kernels,
    "optimisers": optimisers,
    "training": training,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"of {', '.join(BENCHMARKS)}; all when none is given")
    if any(argument.startswith("-") for argument in sys.argv[1:]) and "--help" not in sys.argv:
        in_turns.main(sys.argv[1:])  # options are the suites'
        return
    names = parser.parse_args().names
    unknown = set(names) - set(BENCHMARKS)
    if unknown:
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    for name in names or BENCHMARKS:
        BENCHMARKS[name].main()
    if "in_turns" in (names or BENCHMARKS):
        for path in plots.draw():
            print(f"drawn: {path}")
        for page in ("README.md", "docs/speed.md"):
            (pages.ROOT / page).write_text(pages.PAGES[page]())


main()
