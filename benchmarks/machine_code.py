"""What ptxas makes of our kernels, read without a GPU: instructions an element, width and number of loads, flags.

    python -m benchmarks.machine_code                       every kernel against the recorded table: what became worse
    python -m benchmarks.machine_code --kernel gelu         the rows of such names, with what each unit has to do
    python -m benchmarks.machine_code --record              writes the table, benchmarks/results/machine_code_sm_90a.csv
    python -m benchmarks.machine_code --json rows.json --arch sm_80

docs/bandwidth.md says how the columns are counted and what the predicted share of the copy's bandwidth stands on.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from autograd_gpu.arrays.cuda import compile

from . import sass

Row = dict[str, Any]

COLUMNS = (
    "file", "kernel", "dtype", "registers", "shared_bytes", "spill_bytes", "instructions", "elements_per_iteration",
    "load_bits", "store_bits", "loads_in_flight", "bytes_in_flight", "predicted_share", "flags",
)  # fmt: skip
ITEMSIZE = {"float16": 2, "bfloat16": 2, "float64": 8, "bool": 1, "uint8": 1, "int8": 1, "int16": 2, "int64": 8}
MORE = 1.05  # so many times the recorded instructions an element are too many


# ---- the model of a multiprocessor, compute capability 9.0

# Lanes a clock: CUDA C++ Programming Guide, "Throughput of Native Arithmetic Instructions".
LANES = {"fma": 128, "imad": 64, "alu": 64, "fp64": 64, "mufu": 16, "convert": 64}
ISSUED = 4  # warps' instructions a clock: one a scheduler (Hopper tuning guide)
COPIED = 19  # bytes a clock that a copy moves on each multiprocessor, see docs/bandwidth.md
IN_FLIGHT = 40 << 10  # bytes that such a copy keeps in flight: bandwidth times latency (Little's law)
WARP, REGISTERS, SHARED, THREADS, BLOCKS, BLOCK = 32, 1 << 16, 227 << 10, 2048, 32, 256


def occupancy(registers: int, shared: int, block: int = BLOCK) -> int:
    """Threads that a multiprocessor holds, in blocks of `block`; a warp takes registers by 256."""
    of_a_warp = -(-max(registers, 1) * WARP // 256) * 256
    blocks = min(THREADS // block, BLOCKS, REGISTERS // (of_a_warp * block // WARP), SHARED // (shared + 1024))
    return blocks * block


def predicted_share(path: Sequence[sass.Instruction], bytes_in_flight: int) -> tuple[float, bool]:
    """The share of the copy's bandwidth that units and latency leave, and whether it is memory that decides."""
    moved = sum(i.bits // 8 for i in path if i.name in sass.GLOBAL and not _other_layout(path, i)) * WARP
    if not moved:
        return 0.0, False
    pipes = Counter(i.pipe for i in path)
    clocks = max(len(path) / ISSUED, *(pipes[pipe] * WARP / lanes for pipe, lanes in LANES.items()))
    memory = moved / COPIED
    waits = any(i.name in sass.LOADS for i in path)
    share = min(1.0, memory / clocks, bytes_in_flight / IN_FLIGHT if waits else 1.0)
    return share, memory >= clocks and not pipes["tensor"]


def _other_layout(path: Sequence[sass.Instruction], access: sass.Instruction) -> bool:
    """Whether a narrow access with a condition stands beside wide ones: it is for layouts that are not in packs."""
    return bool(access.predicate) and access.bits < max(i.bits for i in path if i.name in sass.GLOBAL)


# ---- rows


def rows_of(file: str, dtype: str, arch: str) -> list[Row]:
    """A row for each kernel of a file."""
    cubin, log = compile.compile_to_cubin(file, dtype, arch)
    resources = {found.kernel: found for found in compile.resources(log)}
    listed = sass.kernels(sass.disassemble(cubin))
    return [_row(file, dtype, arch, kernel, resources[kernel.name]) for kernel in listed if kernel.name in resources]


def _row(file: str, dtype: str, arch: str, kernel: sass.Kernel, resources: compile.Resources) -> Row:
    path, is_loop = sass.hot_path(kernel)
    loads = [i for i in path if i.name in sass.LOADS]
    stores = [i for i in path if i.name in sass.STORES]
    count, in_a_thread = sass.loads_in_flight(path)
    in_flight = in_a_thread * occupancy(resources.registers, resources.shared_bytes)
    share, memory_bound = predicted_share(path, in_flight)
    return {
        "kernel": kernel.name,
        "file": file,
        "dtype": dtype,
        "arch": arch,
        "registers": resources.registers,
        "shared_bytes": resources.shared_bytes,
        "spill_bytes": resources.spill_bytes,
        "counts": dict(Counter(i.name for i in kernel.instructions).most_common()),
        "loop": dict(Counter(i.name for i in path).most_common()),
        "pipes": dict(Counter(i.pipe for i in path).most_common()),
        "is_loop": is_loop,
        "instructions": len(path),
        "elements_per_iteration": _elements(path, loads, stores, ITEMSIZE.get(dtype, 4)),
        "load_bits": max((i.bits for i in loads), default=0),
        "store_bits": max((i.bits for i in stores), default=0),
        "loads_in_flight": count,
        "bytes_in_flight": in_flight,
        "memory_bound": memory_bound,
        "predicted_share": round(share, 2),
        "flags": " ".join(_flags(kernel, path, dtype)),
    }


def _elements(
    path: Sequence[sass.Instruction], loads: list[sass.Instruction], stores: list[sass.Instruction], itemsize: int
) -> float:
    """What a turn makes: as many elements a store as a load brings; what it loads, without stores; tiles' products."""
    if tiles := sum(i.pipe == "tensor" for i in path):
        return tiles
    widest_load, widest_store = (max((i.bits for i in found), default=0) for found in (loads, stores))
    if stores:
        return sum(i.bits == widest_store for i in stores) * (widest_load or widest_store) / 8 / itemsize
    return sum(i.bits == widest_load for i in loads) * widest_load / 8 / itemsize


def _flags(kernel: sass.Kernel, path: Sequence[sass.Instruction], dtype: str) -> Iterable[str]:
    """Instructions that clamp to [0, 1], and make 0 of NaN (expf's own is FFMA.SAT); double in a kernel of narrower
    floats; calls on the way."""
    yield from sorted({f"{i.name}.SAT" for i in kernel.instructions if ".SAT" in i.opcode})
    if dtype != "float64" and any(i.pipe == "fp64" for i in kernel.instructions):
        yield "fp64"
    if any(i.name == "CALL" for i in path):
        yield "calls"


def every_row(arch: str, kernel: str = "") -> list[Row]:
    todo = [(file, dtype, arch) for file in sorted(compile.DTYPES) for dtype in compile.dtypes_for(file, arch)]
    if kernel:
        todo = [build for build in todo if kernel in compile.source(build[0])]
    with ProcessPoolExecutor() as pool:
        found = [row for rows in pool.map(rows_of, *zip(*todo, strict=True)) for row in rows]
    return sorted((row for row in found if kernel in row["kernel"]), key=lambda row: [row[c] for c in COLUMNS[:3]])


# ---- the recorded table


def table(arch: str) -> Path:
    return Path(__file__).parent / "results" / f"machine_code_{arch}.csv"


def compiler() -> str:
    return "NVRTC " + ".".join(map(str, compile.nvrtc_version()))


def record(rows: Sequence[Row], path: Path) -> None:
    with path.open("w", newline="") as file:
        file.write(f"# {compiler()}\n")
        writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows({**row, "elements_per_iteration": f"{row['elements_per_iteration']:g}"} for row in rows)


def recorded(path: Path) -> tuple[str, list[Row]]:
    """The compiler that the table is of, and its rows."""
    with path.open(newline="") as file:
        of = file.readline().strip("# \n")
        rows: list[Row] = list(csv.DictReader(file))
    for row in rows:
        for column in COLUMNS[3:-1]:
            row[column] = float(row[column])
    return of, rows


def worse(rows: Sequence[Row], before: Sequence[Row]) -> list[str]:
    """What is worse than recorded, or not recorded, a line each."""
    named = {_name(row): row for row in before}
    complaints = [f"{name}: is in the table and nowhere else" for name in named.keys() - {_name(row) for row in rows}]
    for row in rows:
        name, old = _name(row), named.get(_name(row))
        if old is None:
            complaints.append(f"{name}: is not in the table")
            continue
        if row["spill_bytes"] > old["spill_bytes"]:
            complaints.append(f"{name}: spills {row['spill_bytes']} bytes")
        for column in ("load_bits", "store_bits", "loads_in_flight"):
            if row[column] < old[column]:
                complaints.append(f"{name}: {column} {row[column]}, recorded {old[column]:g}")
        cost, recorded_cost = _cost(row), _cost(old)
        if cost > recorded_cost * MORE:
            complaints.append(f"{name}: {cost:.1f} instructions an element, recorded {recorded_cost:.1f}")
        if new := set(row["flags"].split()) - set(old["flags"].split()):
            complaints.append(f"{name}: {', '.join(sorted(new))}")
    return sorted(complaints)


def _name(row: Row) -> str:
    return f"{row['file']}: {row['kernel']} of {row['dtype']}"


def _cost(row: Row) -> float:
    return row["instructions"] / (row["elements_per_iteration"] or 1)


# ---- for people


def show(rows: Sequence[Row]) -> None:
    for row in rows:
        pipes = ", ".join(f"{count} {pipe}" for pipe, count in row["pipes"].items())
        print(
            f"{_name(row)}: {_cost(row):.1f} instructions an element ({row['instructions']} in a "
            f"{'turn' if row['is_loop'] else 'thread'}: {pipes}); loads of {row['load_bits']} bits, "
            f"{row['loads_in_flight']} in flight a thread, {row['bytes_in_flight'] >> 10} KiB a multiprocessor; "
            f"stores of {row['store_bits']}; {row['registers']} registers; predicted {row['predicted_share']:.2f} "
            f"{row['flags']}"
        )


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--arch", default="sm_90a")
    parser.add_argument("--kernel", default="", help="only kernels whose name contains this")
    parser.add_argument("--json", type=Path, help="write all rows there")
    parser.add_argument("--record", action="store_true", help="write the table")
    arguments = parser.parse_args(argv)
    rows = every_row(arguments.arch, arguments.kernel)
    if arguments.json:
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n")
    if arguments.kernel:
        show(rows)
        return 0
    path = table(arguments.arch)
    if arguments.record:
        record(rows, path)
        print(f"{len(rows)} rows in {path}")
        return 0
    if not path.exists():
        print(f"{len(rows)} rows; nothing is recorded for {arguments.arch}")
        return 0
    of, before = recorded(path)
    if of != compiler():
        print(f"{path} is of {of}, and this is {compiler()}, whose machine code is another: --record")
        return 0
    complaints = worse(rows, before)
    print(f"{len(rows)} rows by {of}, {len(complaints)} worse than recorded", *complaints, sep="\n  ")
    return bool(complaints)


if __name__ == "__main__":
    sys.exit(main())
