"""``python -m benchmarks [name ...]``: run the benchmarks (all of them, or those named) and keep their numbers."""

import argparse

from . import in_turns, kernels, launch_cost, optimisers, training

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
    names = parser.parse_args().names
    unknown = set(names) - set(BENCHMARKS)
    if unknown:
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    for name in names or BENCHMARKS:
        BENCHMARKS[name].main()


main()
