"""`autograd-gpu train` in several processes: the losses of one, and nothing lost when a rank is killed."""

import json
import os
import random
import signal
import time
from pathlib import Path

import numpy as np
import pytest
from starting import ON_RANKS, ended, on_ranks, started

from autograd_gpu import cli, serialization

pytestmark = ON_RANKS

KILLS = int(os.environ.get("AUTOGRAD_GPU_KILLS", 3))  # the whole claim, at length: 20
GPT = "gpt --steps 6 --batch 4 --accumulate 2 --context 16 --layers 2 --heads 2 --width 16 --device cpu".split()
# 1437 images: the 23rd step of an epoch has 29, which two, three and four ranks share unevenly.
DIGITS = "digits --steps 24 --dropout 0 --device cpu".split()
COMMAND = ("-m", "autograd_gpu", "train")


def log(out):
    lines = (out / "log.jsonl").read_text().splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]  # the last may not be whole yet


def losses(out):
    told = [entry for entry in log(out) if "loss" in entry]
    assert [entry["step"] for entry in told] == list(range(1, len(told) + 1))
    return [entry["loss"] for entry in told]


def weights(out):
    return serialization.load(out / "checkpoint.safetensors")["model"]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("texts")
    for index in range(60):
        (folder / f"{index:02}.txt").write_text(f"file {index}: the quick brown fox jumps over the lazy dog\n" * 3)
    return folder


@pytest.mark.parametrize(
    "ranks, job, more", [(2, "gpt", ()), (4, "gpt", ("--capture",)), (2, "digits", ()), (4, "digits", ())]
)
def test_the_losses_are_those_of_one_process_with_the_whole_batch(ranks, job, more, corpus, tmp_path, capsys):
    arguments = [*GPT, "--corpus", corpus] if job == "gpt" else DIGITS
    assert cli.main(["train", *map(str, arguments), "--out", str(tmp_path / "one")]) == 0
    alone = capsys.readouterr().out
    code, said = on_ranks(ranks, *COMMAND, *arguments, *more, "--out", tmp_path / "many")
    assert code == 0, said
    np.testing.assert_allclose(losses(tmp_path / "many"), losses(tmp_path / "one"), rtol=2e-4)
    for name, weight in weights(tmp_path / "one").items():
        np.testing.assert_allclose(weights(tmp_path / "many")[name].numpy(), weight.numpy(), atol=2e-3, err_msg=name)
    assert f", {ranks} processes" in said and said.count("parameters in float32") == 1  # one rank speaks
    assert alone.count("validation loss before training") == said.count("validation loss before training") == 1


def test_what_a_user_can_mend_is_said_once(tmp_path):
    arguments = (*DIGITS, "--out", tmp_path / "run")
    assert on_ranks(2, *COMMAND, *arguments)[0] == 0
    code, said = on_ranks(2, *COMMAND, *arguments)
    assert code == 1 and said.count("holds a run already") == 1, said


def changed(path):
    return path.stat().st_mtime_ns if path.exists() else 0


def ranks_of(process):
    """The process ids of mpiexec's ranks, by their rank."""
    parents, names = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            told = (folder / "stat").read_text()
            parents[int(folder.name)] = int(told.rpartition(")")[2].split()[1])
            names[int(folder.name)] = dict(
                part.split("=", 1) for part in (folder / "environ").read_text().split("\0") if "=" in part
            ).get("PMI_RANK")
        except (OSError, ValueError, IndexError):
            continue
    found = {}
    for pid, rank in names.items():
        above = pid
        while above in parents and above != process.pid:
            above = parents[above]
        if above == process.pid and rank is not None:
            found[int(rank)] = pid
    return found


def test_a_killed_run_goes_on_with_fewer_ranks_and_comes_to_the_same(tmp_path):
    source, steps = random.Random(0), 40 * KILLS
    arguments = ["digits", "--steps", str(steps), "--dropout", "0", "--device", "cpu", "--batch", "48"]
    assert cli.main(["train", *arguments, "--out", str(tmp_path / "whole")]) == 0
    out, begun, resumed = tmp_path / "parts", 0, []
    for kill in range(KILLS):
        count = (4, 3, 2)[kill % 3]
        target = min(begun + source.randrange(1, steps // 8), steps - 2)  # a save is due every tenth of the steps
        before = changed(out / "log.jsonl")
        process = started(count, *COMMAND, *arguments, *(["--resume"] if begun else []), "--out", out)
        deadline = time.monotonic() + 120
        while time.monotonic() < deadline and process.poll() is None:
            if (out / "checkpoint.safetensors").exists() and changed(out / "log.jsonl") != before:
                told = log(out)
                if told and told[-1]["step"] >= target:
                    break
            time.sleep(0.01)
        victim = ranks_of(process).get(source.randrange(count))
        if victim is None:
            assert ended(process, 60)[0] == 0  # it was over before
            break
        os.kill(victim, signal.SIGKILL)
        code, said = ended(process, 60)
        assert said.count("EXIT CODE: 9") == 1, said
        begun = serialization.load(out / "checkpoint.safetensors")["step"]
        resumed.append((count, begun))
    code, said = on_ranks(2, *COMMAND, *arguments, "--resume", "--out", out)
    assert code == 0, said
    assert len(resumed) > KILLS // 2
    print(f"{len(resumed)} kills; ranks, and the step gone on from: {resumed}")
    np.testing.assert_allclose(losses(out), losses(tmp_path / "whole"), rtol=2e-3)
    for name, weight in weights(tmp_path / "whole").items():
        np.testing.assert_allclose(weights(out)[name].numpy(), weight.numpy(), atol=2e-2, err_msg=name)
