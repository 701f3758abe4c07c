"""A run of `autograd-gpu train`: nothing of it is lost, nothing in it goes wrong in silence."""

import errno
import fcntl
import json
import math
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import textwrap
from dataclasses import fields, replace
from pathlib import Path

import pytest

import autograd_gpu as torch
from autograd_gpu import cli, serialization
from autograd_gpu.training import folder as folders
from autograd_gpu.training import gpt
from autograd_gpu.training.corpus import read_corpus
from autograd_gpu.training.device import choose_device
from autograd_gpu.training.job_settings import JOBS, GPTSettings

pytestmark = pytest.mark.ours

ROOT = Path(__file__).resolve().parents[1]
TINY = "--steps 6 --batch 2 --context 16 --layers 1 --heads 2 --width 16 --device cpu".split()
SMALL = GPTSettings(steps=6, batch=2, context=16, layers=1, heads=2, width=16)


@pytest.fixture
def corpus(tmp_path):
    """A few dozen small text files."""
    folder = tmp_path / "texts"
    folder.mkdir()
    for index in range(60):
        (folder / f"{index:02}.txt").write_text(f"file {index}: the quick brown fox jumps over the lazy dog\n" * 3)
    return folder


@pytest.fixture
def trained(corpus, tmp_path):
    """A finished run of six steps."""
    assert train("--corpus", corpus, "--out", tmp_path / "run") == 0
    return tmp_path / "run"


def train(*arguments, job="gpt"):
    return cli.main(["train", job, *(TINY if job == "gpt" else []), *map(str, arguments)])


def saved(out):
    return serialization.load(out / "checkpoint.safetensors")


def one_line(capsys, *words):
    said = capsys.readouterr().err
    assert said.startswith("autograd-gpu: ") and said.count("\n") == 1, said
    for word in words:
        assert word in said, said
    return said


def process(*arguments, **environment):
    """The command in a process of its own, with pipes."""
    without = {name: value for name, value in os.environ.items() if name != "AUTOGRAD_GPU_EMULATE"}
    return subprocess.Popen(
        [sys.executable, "-m", "autograd_gpu", *map(os.fspath, arguments)],
        cwd=ROOT,
        env={**without, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


# ------------------------------------------------------------------------------------------------- NaN and infinity


def spoiled_at(step, spoil):
    class Spoiled(gpt.GPTRun):
        def loss(self, *batch):
            loss = super().loss(*batch)
            return spoil(loss) if self.step == step and self.model.training else loss

    return Spoiled


@pytest.mark.parametrize(
    "spoil, says",
    [
        (lambda loss: loss + (loss * 0).log(), "the loss is -inf"),
        (lambda loss: loss + (loss - 100).sqrt(), "the loss is nan"),
        (lambda loss: loss + (loss * 0).sqrt(), "the gradient's length is nan"),
    ],
    ids=["infinite loss", "NaN loss", "NaN gradient"],
)
def test_a_run_stops_at_the_first_number_that_is_none(spoil, says, corpus, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(gpt, "GPTRun", spoiled_at(3, spoil))
    out = tmp_path / "run"
    assert train("--corpus", corpus, "--out", out) == cli.FAILED
    line = spoil.__code__.co_firstlineno
    said = one_line(capsys, "step 4", says, "learning rate of 0.002", f"{Path(__file__).name}:{line}")
    assert re.search("Log|Sqrt|MulBackward", said)
    state = saved(out)
    assert state["step"] == 3 and all(math.isfinite(loss) for _, loss in state["curve"]["train"])
    assert all(bool(value.isfinite().all()) for value in state["model"].values())


def test_the_models_own_lines_are_named(corpus, monkeypatch, tmp_path, capsys):
    from autograd_gpu.training.gpt_model import Block

    plain = Block.attention
    monkeypatch.setattr(Block, "perceptron", lambda self, x: plain(self, x / 0.0))
    assert train("--corpus", corpus, "--out", tmp_path / "run") == cli.FAILED
    one_line(capsys, "step 1", "Div at", Path(__file__).name, "gpt_model.py")


def test_a_rate_that_is_too_high_is_told(corpus, tmp_path, capsys):
    assert train("--corpus", corpus, "--out", tmp_path / "run", "--lr", "1e38", "--warmup", "0") == cli.FAILED
    one_line(capsys, "step 2", "learning rate of 9.4e+37", "'bytes.weight' is infinity before the step")
    assert saved(tmp_path / "run")["step"] == 1


def test_a_captured_run_stops_too(corpus, device):
    from autograd_gpu.training.run import NotFinite

    settings = replace(SMALL, lr=1e38, warmup=0.0)
    training = gpt.GPTRun(settings, read_corpus(corpus, least=16), choose_device(device), captures=True)
    with pytest.raises(NotFinite, match=r"learning rate of 9.4e\+37.*Without --capture"):
        for _ in range(4):
            training.train_step()


def test_a_captured_run_logs_what_the_other_does(trained, corpus, tmp_path):
    assert train("--corpus", corpus, "--out", tmp_path / "captured", "--capture") == 0
    runs = [
        [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
        for out in (trained, tmp_path / "captured")
    ]
    plain, captured = ([line["loss"] for line in lines if "loss" in line] for lines in runs)
    assert plain == captured and len(plain) >= 6


# ------------------------------------------------------------------------------------------------------- the folder


def test_a_run_is_not_overwritten_unless_asked(trained, corpus, capsys):
    before = (trained / "checkpoint.safetensors").read_bytes()
    assert train("--corpus", corpus, "--out", trained) == cli.FAILED
    one_line(capsys, "holds a run already", "--resume", "--overwrite", "--out")
    assert (trained / "checkpoint.safetensors").read_bytes() == before
    assert train("--corpus", corpus, "--out", trained, "--overwrite", "--seed", "1") == 0
    assert saved(trained)["settings"]["seed"] == 1
    assert json.loads((trained / "log.jsonl").read_text().splitlines()[0])["step"] == 1
    capsys.readouterr()
    assert train("--out", trained, "--overwrite", "--resume") == cli.FAILED
    one_line(capsys, "leave one of them out")


def test_a_second_run_in_the_folder_is_refused(corpus, tmp_path, capsys):
    out = tmp_path / "run"
    out.mkdir()
    with open(out / ".lock", "w") as held:
        held.write("4711\n")
        held.flush()
        fcntl.flock(held, fcntl.LOCK_EX)
        assert train("--corpus", corpus, "--out", out) == cli.FAILED
        one_line(capsys, "in use", "4711")
    assert train("--corpus", corpus, "--out", out) == 0


def test_a_folder_that_cannot_be_written_is_found_before_the_first_step(corpus, tmp_path, monkeypatch, capsys):
    def read_only(dir):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(folders.tempfile, "TemporaryFile", read_only)
    monkeypatch.setattr(gpt.GPTRun, "train_step", lambda self: pytest.fail("a step was taken"))
    assert train("--corpus", corpus, "--out", tmp_path / "run") == cli.FAILED
    one_line(capsys, "cannot be written", "Read-only")


# --------------------------------------------------------------------------------------------------------- the data


def test_resuming_on_changed_data_is_refused(trained, corpus, capsys):
    (corpus / "07.txt").write_text("another text\n" * 10)
    assert train("--out", trained, "--resume", "--steps", "8") == cli.FAILED
    one_line(capsys, "is not what the run was saved with", "--corpus DIR")


def test_resuming_on_moved_data_goes_on(trained, corpus, tmp_path, capsys, monkeypatch):
    moved = tmp_path / "moved"
    shutil.move(corpus, moved)
    assert train("--out", trained, "--resume", "--steps", "8") == cli.FAILED
    one_line(capsys, "is not there", "--corpus DIR")
    monkeypatch.chdir(tmp_path)
    assert train("--out", trained, "--resume", "--steps", "8", "--corpus", "moved") == 0
    assert saved(trained)["step"] == 8 and saved(trained)["settings"]["corpus"] == str(moved)
    monkeypatch.chdir("/")
    assert train("--out", trained, "--resume", "--steps", "9") == 0


# ------------------------------------------------------------------------------------------------------ ending early


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_each_signal_saves_and_the_resumed_run_is_the_whole_one(number, trained, corpus, tmp_path, monkeypatch):
    class Stopped(gpt.GPTRun):
        def train_step(self):
            step = super().train_step()
            if self.step == 3:
                os.kill(os.getpid(), number)
            return step

    out = tmp_path / "parts"
    with monkeypatch.context() as patched:
        patched.setattr(gpt, "GPTRun", Stopped)
        assert train("--corpus", corpus, "--out", out) == 128 + number
    assert saved(out)["step"] == 3
    assert train("--out", out, "--resume") == 0
    assert saved(out)["curve"] == saved(trained)["curve"]
    for name, value in saved(out)["model"].items():
        assert value.tolist() == saved(trained)["model"][name].tolist()
    steps = [json.loads(line)["step"] for line in (out / "log.jsonl").read_text().splitlines()]
    assert steps == [step for step in range(1, 7) for _ in range(2)]


def test_what_the_parent_ignores_stays_ignored():
    from autograd_gpu.training.interrupt import StopRequest

    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with StopRequest() as stop:
            os.kill(os.getpid(), signal.SIGHUP)
            assert not stop
    finally:
        signal.signal(signal.SIGHUP, before)


def test_lines_come_at_once_and_a_closed_pipe_saves(corpus, tmp_path):
    steps = ["--steps", "100000"]
    running = process("train", "gpt", *TINY, *steps, "--corpus", corpus, "--out", tmp_path / "run")
    assert running.stdout.readline().startswith(b"60 files")  # while it goes on: nothing is held back
    assert running.poll() is None
    running.stdout.close()
    try:
        assert running.wait(timeout=300) == 128 + signal.SIGPIPE
    finally:
        running.kill()
    assert running.stderr.read() == b""
    state = saved(tmp_path / "run")
    assert 0 <= state["step"] < 100000


def test_names_and_output_without_utf8(corpus, tmp_path):
    (corpus / os.fsdecode(b"\xff.txt")).write_text("a name that is no text\n")
    out = os.fsencode(tmp_path) + b"/\xfe"
    running = process("train", "gpt", *TINY, "--corpus", corpus, "--out", out, PYTHONIOENCODING="ascii", LC_ALL="C")
    said, complaints = running.communicate(timeout=300)
    assert running.returncode == 0, complaints
    assert b"61 files" in said and rb"\udcfe" in said
    assert os.path.exists(out + b"/sample.txt")


# ------------------------------------------------------------------------------------------------------- checkpoints


def without(part):
    return lambda state: {name: value for name, value in state.items() if name != part}


def changed(part, value):
    return lambda state: {**state, part: value}


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda state: state["model"], "holds no run"),
        (lambda state: {}, "holds no run"),
        (lambda state: [], "holds no run"),
        (lambda state: torch.ones(2), "holds no run"),
        (without("optimizer"), "its 'optimizer' is missing"),
        (without("data"), "its 'data' is missing"),
        (changed("job", "cnn"), "a run of `train cnn`, not of `train gpt`"),
        (changed("step", -1), "its 'step'"),
        (changed("settings", {}), "its setting 'steps' is missing"),
        (changed("settings", [1]), "its settings are none"),
        (lambda state: {**state, "settings": {**state["settings"], "flux": 1}}, "'flux' is unknown"),
        (lambda state: {**state, "settings": {**state["settings"], "width": -16}}, "--width: expected at least 1"),
        (changed("model", {"bytes.weight": torch.ones(2)}), "does not fit its own settings"),
        (changed("optimizer", 3), "does not fit its own settings"),
        (changed("curve", {"train": 3}), "does not fit its own settings"),
        (changed("rng", torch.ones(3)), "does not fit its own settings"),
        (changed("scaler", None), "does not fit its own settings"),
    ],
)
def test_a_file_that_is_no_whole_run_is_one_line_and_never_a_new_run(make, words, trained, capsys):
    checkpoint = trained / "checkpoint.safetensors"
    serialization.save(make(saved(trained)), checkpoint)
    before = checkpoint.read_bytes()
    capsys.readouterr()
    assert train("--out", trained, "--resume", "--steps", "7") == cli.FAILED
    one_line(capsys, words)
    assert checkpoint.read_bytes() == before


def test_fewer_steps_than_were_taken_are_refused(trained, capsys):
    assert train("--out", trained, "--resume", "--steps", "3") == cli.FAILED
    one_line(capsys, "has taken 6 steps already")


# ----------------------------------------------------------------------------------------------------------- options


@pytest.mark.parametrize(
    "options",
    [
        "--steps 0", "--steps -3", "--steps 1.5", "--steps x", "--steps ", "--batch 0", "--accumulate 0", "--lr nan",
        "--lr inf", "--lr 0", "--lr -1", "--warmup 2", "--warmup nan", "--clip -1", "--decay -1", "--dropout 1",
        "--dropout -0.1", "--dropout nan", "--seed -1", f"--seed {2**63}", "--dtype int8", "--amp int8", "--context 0",
        "--layers 0", "--heads 0", "--heads 3", "--width 0", "--device tpu", "--corpus ", "--out ", "--config nowhere",
        "--flux 1", "--stepss 3", "--st 3",
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_one_line(options, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    name, _, value = options.partition(" ")
    try:
        code = cli.main(["train", "gpt", "--device", "cpu", name, value])
    except SystemExit as ended:
        code = ended.code
    assert code in (cli.FAILED, cli.USAGE)
    one_line(capsys, "nowhere" if value == "nowhere" else name)
    assert list(tmp_path.iterdir()) == []


def test_an_environment_that_makes_no_sense_is_one_line():
    for command in (["info"], ["train", "digits"]):
        running = process(*command, AUTOGRAD_GPU_EMULATE="banana")
        said = running.communicate(timeout=120)[1]
        assert running.returncode == cli.USAGE and said.count(b"\n") == 1 and b"banana" in said


@pytest.mark.parametrize("job", JOBS)
def test_help_shows_every_default(job, capsys):
    with pytest.raises(SystemExit):
        cli.main(["train", job, "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    for each in fields(JOBS[job].settings):
        default = "none" if each.default is None else each.default
        assert re.search(rf"--{each.name} .*?default: {re.escape(str(default))}(?: |$)", shown), each.name


def test_settings_come_from_a_file_and_options_overrule_it(corpus, tmp_path, capsys):
    config = tmp_path / "run.toml"
    config.write_text(f'steps = 2\nwidth = 8\nlr = 1\ncorpus = "{corpus}"\n')
    short = ["--batch", "1", "--context", "8", "--heads", "2", "--layers", "1", "--device", "cpu", "--width", "4"]
    assert cli.main(["train", "gpt", *short, "--config", str(config), "--out", str(tmp_path / "run")]) == 0
    settings = saved(tmp_path / "run")["settings"]
    assert (settings["steps"], settings["width"], settings["lr"]) == (2, 4, 1)
    for text, words in [
        ("flux = 1", "sets 'flux'"),
        ("steps = 'x'", "--steps: expected a whole number"),
        ("=", "TOML"),
    ]:
        config.write_text(text)
        capsys.readouterr()
        assert cli.main(["train", "gpt", "--config", str(config), "--out", str(tmp_path / "other")]) == cli.FAILED
        one_line(capsys, words)


# ------------------------------------------------------------------------------------------------- steps, other jobs


def gradients_of(corpus, **settings):
    run = gpt.GPTRun(replace(SMALL, dtype="float64", **settings), read_corpus(corpus, least=16), choose_device("cpu"))
    step = run.train_step()
    return step, [p.grad.tolist() for p in run.model.parameters()]


def test_accumulated_batches_are_one_larger_batch(corpus):
    parts, in_parts = gradients_of(corpus, batch=2, accumulate=3)
    whole, at_once = gradients_of(corpus, batch=6)
    assert parts.loss == pytest.approx(whole.loss, rel=1e-6)
    assert parts.gradient_norm == pytest.approx(whole.gradient_norm, rel=1e-6)
    for a, b in zip(in_parts, at_once, strict=True):
        assert torch.allclose(torch.tensor(a), torch.tensor(b), rtol=1e-6, atol=1e-9)


def test_gradients_are_clipped_or_taken_as_they_are(corpus):
    step, clipped = gradients_of(corpus, clip=0.01)
    assert step.gradient_norm > 0.1
    assert math.sqrt(sum(float((torch.tensor(g) ** 2).sum()) for g in clipped)) == pytest.approx(0.01, rel=1e-3)
    step, free = gradients_of(corpus, clip=0.0)
    norm = math.sqrt(sum(float((torch.tensor(g) ** 2).sum()) for g in free))
    assert norm == pytest.approx(step.gradient_norm, rel=1e-6)


def test_the_rate_rises_and_falls(corpus):
    run = gpt.GPTRun(replace(SMALL, steps=100, lr=1.0, warmup=0.1), read_corpus(corpus, least=16), choose_device("cpu"))
    rates = []
    for run.step in range(100):
        rates.append(run.learning_rate())
    assert rates[0] == pytest.approx(0.1) and rates[9] == rates[10] == 1.0 and rates[-1] == pytest.approx(0.1, abs=1e-3)
    assert sorted(rates[:10]) == rates[:10] and sorted(rates[10:], reverse=True) == rates[10:]


@pytest.mark.parametrize("amp", ["bfloat16", "float16"])
def test_mixed_precision_trains_and_resumes(amp, corpus, tmp_path):
    assert train("--corpus", corpus, "--out", tmp_path / "run", "--amp", amp) == 0
    assert train("--out", tmp_path / "run", "--resume", "--steps", "7") == 0
    state = saved(tmp_path / "run")
    assert state["model"]["bytes.weight"].dtype == torch.float32
    assert state["curve"]["validation"][-1][1] < state["curve"]["validation"][0][1]


def test_every_step_is_logged(trained):
    lines = [json.loads(line) for line in (trained / "log.jsonl").read_text().splitlines()]
    losses = [(line["step"], line["loss"]) for line in lines if "loss" in line]
    assert losses == [tuple(pair) for pair in saved(trained)["curve"]["train"]]
    assert all(line["gradient_norm"] > 0 and line["tokens_per_s"] > 0 and line["lr"] > 0 for line in lines[::2])
    assert [line["step"] for line in lines if "validation" in line] == [1, 2, 3, 4, 5, 6]


def test_tensorboards_events(corpus, tmp_path):
    pytest.importorskip("tensorboardX")
    assert train("--corpus", corpus, "--out", tmp_path / "run", "--tensorboard") == 0
    assert train("--out", tmp_path / "run", "--resume", "--steps", "7", "--tensorboard") == 0
    events = sorted((tmp_path / "run").glob("events.out.tfevents.*"))
    content = b"".join(path.read_bytes() for path in events)
    assert b"gradient_norm" in content and b"validation" in content
    assert train("--corpus", corpus, "--out", tmp_path / "run", "--overwrite") == 0
    assert not list((tmp_path / "run").glob("events*"))


@pytest.mark.parametrize("job", ["mlp", "cnn", "lstm"])
def test_each_job_learns_digits_and_goes_on_exactly(job, tmp_path, capsys):
    quick = ["--device", "cpu", "--batch", "32"]
    assert train(*quick, "--steps", "60", "--out", tmp_path / "whole", job=job) == 0
    assert float(re.search(r"test accuracy ([\d.]+)%", capsys.readouterr().out)[1]) > 40
    shorter = saved(tmp_path / "whole")
    assert shorter["job"] == job
    assert len(shorter["curve"]["train"]) == 60
    shutil.copytree(tmp_path / "whole", tmp_path / "parts")
    for out in ("whole", "parts"):
        assert train("--device", "cpu", "--resume", "--steps", "62", "--out", tmp_path / out, job=job) == 0
    assert saved(tmp_path / "whole")["curve"] == saved(tmp_path / "parts")["curve"]


# -------------------------------------------------------------------------------------------------------------- info


@pytest.mark.parametrize("script, says", [("sleep 60", "no answer within"), (None, "cannot be run")])
def test_info_outlives_a_broken_nvidia_smi(script, says, tmp_path, monkeypatch, capsys):
    from autograd_gpu import info

    broken = tmp_path / "nvidia-smi"
    broken.write_bytes(f"#!/bin/sh\nexec {script}\n".encode() if script else b"\x7fELF no program")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(info, "PATIENCE", 0.3)
    assert cli.main(["info"]) == 0
    assert says in capsys.readouterr().out


def test_info_says_what_it_could_not_find_out(monkeypatch, capsys):
    from autograd_gpu import info

    def broken():
        raise ValueError("a\nsurprise")

    monkeypatch.setattr(info, "_gpu", broken)
    assert cli.main(["info"]) == 0
    assert "cuda:            not known. ValueError: a surprise" in capsys.readouterr().out


# ---------------------------------------------------------------------------------------------------------- the page


def test_what_the_page_shows_works(corpus, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "training.md").read_text()
    shown = [line.strip().removeprefix(".venv/bin/") for line in page.splitlines() if line.startswith("    ")]
    commands = [shlex.split(line)[1:] for line in shown if line.startswith("autograd-gpu ")]
    assert [command[0] for command in commands] == ["train", "eval", "sample", "sample", "export", "sample"]
    for command in commands:
        device = [] if command[0] == "export" else ["--device", "cpu"]
        tiny = [*TINY, "--corpus", str(corpus)] if command[0] == "train" else device
        assert cli.main([*command, *tiny]) == 0, command
    said = capsys.readouterr().out
    assert "def main(" in said and "validation loss" in said
    program = page[page.index("    from pathlib") :].split("\n\n`model")[0]
    exec(textwrap.dedent(program), {})
    assert capsys.readouterr().out


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf"])
def test_a_senseless_timeout_is_refused(seconds, capsys):
    with pytest.raises(SystemExit):
        cli.main(["train", "gpt", "--timeout", seconds])
    assert "a number of seconds above 0" in capsys.readouterr().err


@pytest.mark.parametrize("job", JOBS)
def test_no_option_is_untested(job, capsys):
    with pytest.raises(SystemExit):
        cli.main(["train", job, "--help"])
    options = set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
    tested = "".join(
        (ROOT / "tests" / f"test_{name}.py").read_text() for name in ("training_runs", "cli", "generation", "looking")
    )
    assert not [option for option in options if f'"{option}' not in tested and f" {option} " not in tested]
