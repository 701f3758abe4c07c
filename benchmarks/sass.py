"""Machine code as nvdisasm prints it: kernels, their loops, and the way through that moves the widest pieces of memory.

Knows instructions and control flow; no kernel of ours, and no GPU.
"""

from __future__ import annotations

import functools
import importlib.util
import os
import re
import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# ---- instructions


@dataclass(frozen=True)
class Instruction:
    predicate: str  # "@!P0", or nothing
    opcode: str  # with its modifiers: LDG.E.128
    operands: str

    @property
    def name(self) -> str:
        return _read(self.opcode)[0]

    @property
    def pipe(self) -> str:
        return _read(self.opcode)[1]

    @property
    def bits(self) -> int:
        """How much a thread moves, for an access to memory."""
        return _read(self.opcode)[2]

    @property
    def target(self) -> str | None:
        """Where a branch goes."""
        found = re.search(r"`\(([^)]*)\)", self.operands)
        return found[1] if found else None

    @property
    def registers(self) -> tuple[set[int], set[int]]:
        """The registers that a load of global memory writes, or any other instruction mentions."""
        if self.name in ("LDG", "LD"):
            first = int(_REGISTER.match(self.operands)[1]) if _REGISTER.match(self.operands) else -1
            addresses = self.operands.partition(",")[2]
            return set(range(first, first + max(1, self.bits // 32))), _mentioned(addresses)
        return set(), _mentioned(self.operands)


_WIDTH = re.compile(r"\.[US]?(8|16|32|64|128|256)\b")
_REGISTER = re.compile(r"\s*R(\d+)")


def _mentioned(operands: str) -> set[int]:
    return {int(number) for number in re.findall(r"\bR(\d+)\b", operands)}


PIPES = {
    "fma": "FADD FADD32I FMUL FMUL32I FFMA FFMA32I HADD2 HADD2_32 HMUL2 HMUL2_32 HFMA2 HFMA2_32",
    "fp64": "DADD DMUL DFMA DSETP DMNMX",
    "mufu": "MUFU",
    "convert": "F2F F2I I2F FRND F2FP I2FP F2IP I2I",
    "lsu": "LDG STG LDS STS LD ST LDL STL LDSM STSM LDGSTS ATOM ATOMG ATOMS RED REDG LDC SHFL UBLKCP UTMALDG QSPC",
    "tensor": "HMMA IMMA DMMA BMMA HGMMA IGMMA QGMMA QMMA OMMA UTCHMMA UTCQMMA UTCIMMA",
    "imad": "IMAD IMUL IDP",
    "control": "BRA BRX JMP EXIT RET CALL BSSY BSYNC BREAK BMOV WARPSYNC YIELD NOP NANOSLEEP BAR DEPBAR "
    "LDGDEPBAR MEMBAR ERRBAR CCTL BPT KILL WARPGROUP SYNCS FENCE PREEXIT ACQBULK ELECT RPCMOV",
}
_PIPE = {name: pipe for pipe, names in PIPES.items() for name in names.split()}


@functools.cache
def _read(opcode: str) -> tuple[str, str, int]:
    """Name, unit and width of an opcode; there are a few hundred."""
    name, width = opcode.partition(".")[0], _WIDTH.search(opcode)
    is_async = "BYPASS.128" in opcode  # cp.async names its cache line first
    return name, pipe_of(name), 128 if is_async else int(width[1]) if width else 32


def pipe_of(name: str) -> str:
    """The unit that an instruction goes to; "uniform" for those of a whole warp, "alu" for what is nothing else."""
    if name in _PIPE:
        return _PIPE[name]
    return "uniform" if name.startswith("U") or name in ("R2UR", "S2UR", "VOTEU") else "alu"


# ---- kernels


@dataclass
class Block:
    """Instructions of which the first is the only one that is jumped to and the last the only one that jumps."""

    instructions: list[Instruction] = field(default_factory=list)
    successors: list[int] = field(default_factory=list)

    @functools.cached_property
    def weight(self) -> tuple[int, int]:
        return _weight(self.instructions)

    @functools.cached_property
    def written(self) -> set[str]:
        """The predicates that it writes."""
        return {predicate for instruction in self.instructions for predicate in _written(instruction)}


@dataclass
class Kernel:
    name: str
    blocks: list[Block]

    @property
    def instructions(self) -> list[Instruction]:
        return [instruction for block in self.blocks for instruction in block.instructions]


_SECTION = re.compile(r"^\.text\.(\S+):")
_LABEL = re.compile(r"^(\.\S+|\$\S+):")
_CODE = re.compile(r"^\s*/\*[0-9a-f]{4,}\*/\s+(?:\{\s*)?(@!?U?P\w+\s+)?([A-Z][A-Z0-9_.]*)\s*(.*?)\s*;")


def kernels(listing: str) -> list[Kernel]:
    """The kernels of what nvdisasm -c printed, in the order of their names."""
    found: dict[str, list[str | Instruction]] = {}
    current: list[str | Instruction] | None = None
    for line in listing.splitlines():
        if section := _SECTION.match(line):
            current = found.setdefault(section[1], [])
        elif current is None:
            continue
        elif code := _CODE.match(line):
            current.append(Instruction((code[1] or "").strip(), code[2], code[3]))
        elif label := _LABEL.match(line):
            current.append(label[1])
    return [Kernel(name, _blocks(found[name])) for name in sorted(found)]


def _blocks(code: Sequence[str | Instruction]) -> list[Block]:
    blocks, starts = [Block()], {}
    for item in code:
        if isinstance(item, str):
            if blocks[-1].instructions:
                blocks.append(Block())
            starts[item] = len(blocks) - 1
        else:
            blocks[-1].instructions.append(item)
            if item.name in ("BRA", "BRX", "JMP", "EXIT", "RET", "BSYNC"):
                blocks.append(Block())
    meeting: dict[str, str | None] = {}  # where the threads of a barrier register meet again
    for number, block in enumerate(blocks):
        for instruction in block.instructions:
            if instruction.name == "BSSY":
                meeting[instruction.operands.split(",")[0].strip()] = instruction.target
        last = block.instructions[-1] if block.instructions else None
        goes_on = last is None or last.name not in ("BRA", "BRX", "JMP", "EXIT", "RET", "BSYNC") or _may_not(last)
        target = None
        if last is not None and last.name in ("BRA", "JMP"):
            target = last.target
        elif last is not None and last.name == "BSYNC":
            target = meeting.get(last.operands.strip())
            goes_on = goes_on or target not in starts
        if target in starts:
            block.successors.append(starts[target])
        if goes_on and number + 1 < len(blocks):
            block.successors.append(number + 1)
    return blocks


def _may_not(branch: Instruction) -> bool:
    """Whether a jump has a condition, before it or among its operands: @P0 BRA, BRA P1, BRA.DIV."""
    return bool(branch.predicate) or bool(re.match(r"!?U?P\d", branch.operands)) or ".DIV" in branch.opcode


# ---- loops, and the way through them


def hot_path(kernel: Kernel) -> tuple[list[Instruction], bool]:
    """The instructions of one turn of the loop that moves most, or of the whole kernel; and whether it is a loop.

    Within it the way is taken on which most bytes go in the widest accesses, and of those the shortest: neither the
    tail of odd sizes, nor other layouts, nor the slow ends of a division.
    """
    blocks = kernel.blocks
    whole = _path(blocks, 0, set(range(len(blocks))), None)
    turns = [(_path(blocks, head, body, head), head, body) for head, body in _loops(blocks)]
    worth = [(_weight(path), path, body) for path, _, body in turns if path]
    best = max((weight for weight, _, _ in worth), default=(0, 0))
    if best == (0, 0) or (best[0] <= _weight(whole)[0] and best[1] * 4 < _weight(whole)[1]):
        return whole, False
    same_width = [(weight, path, body) for weight, path, body in worth if weight[0] == best[0]]
    # A loop around such a loop is no better than it.
    innermost = [
        (weight, path) for weight, path, body in same_width if not any(other < body for _, _, other in same_width)
    ]
    return max(innermost, key=lambda found: found[0])[1], True


def _weight(path: Iterable[Instruction]) -> tuple[int, int]:
    """How wide the widest access to global memory is, or that tensor cores multiply, which counts more; how much."""
    counted = Counter()
    for instruction in path:
        if instruction.pipe == "tensor":
            counted[1024] += 1
        elif instruction.name in GLOBAL:
            counted[instruction.bits] += instruction.bits // 8
    widest = max(counted, default=0)
    return widest, counted[widest]


LOADS, STORES = ("LDG", "LD", "LDGSTS"), ("STG", "ST", "RED", "REDG", "ATOM", "ATOMG")
GLOBAL = LOADS + STORES


def _loops(blocks: Sequence[Block]) -> list[tuple[int, set[int]]]:
    """Where each loop begins, and its blocks."""
    before: list[list[int]] = [[] for _ in blocks]
    for number, block in enumerate(blocks):
        for successor in block.successors:
            before[successor].append(number)
    bodies: dict[int, set[int]] = {}
    for number, block in enumerate(blocks):
        for head in block.successors:
            if head <= number:
                body, todo = bodies.setdefault(head, {head}), [number]
                while todo:
                    at = todo.pop()
                    if at not in body and at >= head:
                        body.add(at)
                        todo.extend(before[at])
    return list(bodies.items())


def _path(blocks: Sequence[Block], start: int, within: set[int], end: int | None) -> list[Instruction]:
    """From `start` forward to a jump back to `end` (or out of the kernel) by the best way within some blocks.

    Branches on one predicate go one way as long as nothing writes to it: who has loaded an array computes with it.
    """
    widest = max((blocks[number].weight[0] for number in within), default=0)
    # By what is known of predicates there: bytes in the widest accesses, instructions (negative), and the way so far,
    # which is its last block and the way to that.
    arrived: dict[int, dict[Facts, tuple[int, int, Way]]] = {number: {} for number in within}
    arrived[start] = {frozenset(): (0, 0, None)}
    ends: list[tuple[int, int, Way]] = []
    for number in sorted(within):
        block = blocks[number]
        gain = block.weight[1] if block.weight[0] == widest else 0
        best = sorted(arrived.pop(number).items(), key=lambda state: state[1][:2], reverse=True)[:STATES]
        for known, (wide, cost, way) in best:
            here = (wide + gain, cost - len(block.instructions), (number, way))
            kept = frozenset(fact for fact in known if fact[0] not in block.written)
            if end is None and not block.successors:
                ends.append(here)
            for successor, fact in _ways_out(block):
                if fact is not None and (fact[0], not fact[1]) in kept:
                    continue
                if successor == end:
                    ends.append(here)
                elif successor in arrived and successor > number:
                    facts = kept if fact is None else kept | {fact}
                    if here[:2] > arrived[successor].get(facts, NOTHING)[:2]:
                        arrived[successor][facts] = here
    way, numbers = max(ends, key=lambda found: found[:2])[2] if ends else None, []
    while way is not None:
        number, way = way
        numbers.append(number)
    return [instruction for number in reversed(numbers) for instruction in blocks[number].instructions]


Facts = frozenset[tuple[str, bool]]
Way = Any  # None, or a block and a Way
STATES = 16  # so many of the best are followed
NOTHING = (-1, 0, None)


def _ways_out(block: Block) -> list[tuple[int, tuple[str, bool] | None]]:
    """Where a block goes on, and what predicate is then known to be true or false."""
    last = block.instructions[-1] if block.instructions else None
    asked = re.match(r"@(!?)(U?P\d)$", last.predicate) if last is not None else None
    if asked is None or len(block.successors) != 2 or re.match(r"!?U?P\d", last.operands):
        return [(successor, None) for successor in block.successors]
    taken = not asked[1]
    return [(block.successors[0], (asked[2], taken)), (block.successors[1], (asked[2], not taken))]


def _written(instruction: Instruction) -> list[str]:
    """Predicates among the first operands, where results stand."""
    if "P" not in instruction.operands or instruction.name in ("BRA", "EXIT"):
        return []
    return [operand for operand in re.split(r",\s*", instruction.operands)[:3] if re.fullmatch(r"U?P\d", operand)]


def loads_in_flight(path: Sequence[Instruction]) -> tuple[int, int]:
    """How many of the widest loads of global memory a thread asks for before it first uses one, and their bytes."""
    widest = max((i.bits for i in path if i.name in LOADS), default=0)
    waiting: set[int] = set()
    count, most = 0, 0
    for instruction in path:
        written, read = instruction.registers
        if waiting & read:
            break
        if instruction.name in LOADS and instruction.bits == widest:
            count += 1
            waiting |= written
        most = max(most, count)
    return most, most * widest // 8


# ---- the disassembler


@functools.cache
def nvdisasm() -> str | None:
    """Where the disassembler is: of the wheel nvidia-cuda-nvdisasm, or of a toolkit."""
    for package in ("nvidia.cu13", "nvidia.cuda_nvdisasm"):
        try:
            spec = importlib.util.find_spec(package)
        except ModuleNotFoundError:
            continue
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            if os.access(found := Path(folder) / "bin" / "nvdisasm", os.X_OK):
                return str(found)
    return shutil.which("nvdisasm")


def disassemble(cubin: bytes) -> str:
    """What nvdisasm -c prints of it."""
    program = nvdisasm()
    if program is None:
        raise FileNotFoundError('no nvdisasm: install it with `pip install "autograd-gpu[sass]"`')
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(cubin)
        file.flush()
        return subprocess.run([program, "-c", file.name], check=True, capture_output=True, text=True).stdout
