"""Checkpoints that each process writes its part of, and that any number of processes reads.

A checkpoint is a folder: `current.json` names the folder within that holds the last whole one, in which rank 0 has
written `common.safetensors`, and each rank what it alone has. Whatever happens meanwhile, the last whole one stays.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from ..optim.zero import ZeroRedundancyOptimizer
from ..processes.collectives import barrier
from ..processes.group import ProcessGroup, default_group
from ..processes.objects import broadcast_object_list
from ..serialization import load as read
from ..serialization import save as write
from ..serialization.replacing import replacing

_CURRENT = "current.json"


def save(
    state_dict: dict[str, Any], *, checkpoint_id: str | os.PathLike, process_group: ProcessGroup | None = None
) -> None:
    """Write a dict of what has a ``state_dict`` (or is a tree of tensors and numbers). Every process calls it.

    Of a ZeroRedundancyOptimizer each process writes its part; all else is the same everywhere, and rank 0 writes it.
    """
    group = default_group() if process_group is None else process_group
    folder = Path(checkpoint_id)
    box: list[Any] = [None]
    if group.rank() == 0:
        folder.mkdir(parents=True, exist_ok=True)
        taken = [int(each.name) for each in folder.iterdir() if each.name.isdigit()]
        box = [str(1 + max(taken, default=0))]
        (folder / box[0]).mkdir()
    broadcast_object_list(box, group=group, group_src=0)
    within = folder / box[0]
    sharded = {name: v.sharded_state_dict() for name, v in state_dict.items() if isinstance(v, ZeroRedundancyOptimizer)}
    write(sharded, within / f"{group.rank():05}.safetensors")
    if group.rank() == 0:
        common = {
            name: value.state_dict() if hasattr(value, "state_dict") else value
            for name, value in state_dict.items()
            if name not in sharded
        }
        write(common, within / "common.safetensors")
    barrier(group)
    if group.rank() == 0:
        with replacing(folder / _CURRENT) as file:
            file.write(json.dumps({"folder": box[0], "ranks": group.size()}).encode())
        for other in folder.iterdir():
            if other.name.isdigit() and other.name != box[0]:
                shutil.rmtree(other, ignore_errors=True)
    barrier(group)


def load(
    state_dict: dict[str, Any], *, checkpoint_id: str | os.PathLike, process_group: ProcessGroup | None = None
) -> None:
    """Let everything in the dict be as it was saved, in place; plain values are replaced. Every process calls it."""
    folder = Path(checkpoint_id)
    if not (folder / _CURRENT).exists():
        raise FileNotFoundError(f"checkpoint.load: {folder} holds no whole checkpoint")
    current = json.loads((folder / _CURRENT).read_text())
    within = folder / current["folder"]
    common = read(within / "common.safetensors")
    missing = [n for n, v in state_dict.items() if n not in common and not isinstance(v, ZeroRedundancyOptimizer)]
    if missing:
        raise KeyError(f"checkpoint.load: {folder} has no '{missing[0]}'; it has {', '.join(sorted(common))}")
    parts = [read(within / f"{rank:05}.safetensors") for rank in range(current["ranks"])]
    for name, value in state_dict.items():
        if isinstance(value, ZeroRedundancyOptimizer):
            if name not in parts[0]:
                raise KeyError(f"checkpoint.load: {folder} has no parts of '{name}'")
            value.load_sharded_state_dicts(part[name] for part in parts)
        elif hasattr(value, "load_state_dict"):
            value.load_state_dict(common[name])
        else:
            state_dict[name] = common[name]
