"""The command line as a user meets it: what it does, and the one line it says when it cannot."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from autograd_gpu import cli, serialization
from autograd_gpu.training.corpus import END_OF_FILE, read_corpus
from autograd_gpu.training.errors import JobError
from autograd_gpu.training.job_settings import GPTSettings
from autograd_gpu.version import __version__

pytestmark = pytest.mark.ours

ROOT = Path(__file__).resolve().parents[1]
TINY = "--steps 6 --batch 2 --context 16 --layers 1 --heads 2 --width 16 --device cpu".split()


RESULTS = {"checkpoint.safetensors", "log.jsonl", "loss.png", ".lock"}


@pytest.fixture
def corpus(tmp_path):
    """A few dozen small text files."""
    folder = tmp_path / "texts"
    folder.mkdir()
    for index in range(60):
        (folder / f"{index:02}.txt").write_text(f"file {index}: the quick brown fox jumps over the lazy dog\n" * 3)
    return folder


def run(*arguments):
    return cli.main([str(argument) for argument in arguments])


def losses(path):
    return serialization.load(path / "checkpoint.safetensors")["curve"]


# ----------------------------------------------------------------------------------------------------------- gpt


def test_training_leaves_a_checkpoint_a_curve_and_a_sample(corpus, tmp_path, capsys):
    out = tmp_path / "out"
    assert run("train", "gpt", *TINY, "--corpus", corpus, "--out", out) == 0
    assert {path.name for path in out.iterdir()} == RESULTS | {"sample.txt"}
    assert (out / "loss.png").read_bytes().startswith(b"\x89PNG")
    printed = capsys.readouterr().out
    before = float(re.search(r"before training: ([\d.]+) nats", printed)[1])
    assert 5.3 < before < 5.8  # log(256) = 5.545
    assert re.search(r"validation loss [\d.]+ nats per byte after 6 steps", printed)
    curve = losses(out)
    assert [step for step, _ in curve["train"]] == [1, 2, 3, 4, 5, 6]


def test_a_resumed_run_is_the_run_that_was_not_interrupted(corpus, tmp_path, monkeypatch):
    from autograd_gpu.training import gpt

    options = [*TINY, "--corpus", corpus, "--dropout", "0.1"]
    run("train", "gpt", *options, "--out", tmp_path / "whole")

    class StopAtThree(gpt.GPTRun):
        def train_step(self):
            loss = super().train_step()
            if self.step == 3:
                os.kill(os.getpid(), signal.SIGINT)
            return loss

    with monkeypatch.context() as patched:
        patched.setattr(gpt, "GPTRun", StopAtThree)
        assert run("train", "gpt", *options, "--out", tmp_path / "parts") == 130
    assert len(losses(tmp_path / "parts")["train"]) == 3
    assert run("train", "gpt", *options, "--out", tmp_path / "parts", "--resume") == 0
    assert losses(tmp_path / "parts") == losses(tmp_path / "whole")


def test_a_captured_run_is_the_same_run(corpus, device):
    from autograd_gpu.training import gpt
    from autograd_gpu.training.device import choose_device

    settings = GPTSettings(steps=8, batch=1, context=8, layers=1, heads=1, width=8, dropout=0.1)

    def losses_of(captures):
        training = gpt.GPTRun(settings, read_corpus(corpus, least=8), choose_device(device), captures)
        return [training.train_step().loss for _ in range(4)]

    assert losses_of(captures=True) == losses_of(captures=False)


def test_a_full_disk_on_the_way_is_a_warning_and_at_the_end_an_error(corpus, tmp_path, monkeypatch, capsys):
    from autograd_gpu.training import run as runs

    def full(obj, path):
        raise OSError(28, f"could not save {path}: No space left on device.")

    monkeypatch.setattr(runs, "save", full)
    assert run("train", "gpt", *TINY, "--corpus", corpus, "--out", tmp_path / "out") == cli.FAILED
    printed = capsys.readouterr()
    assert "warning" in printed.out + printed.err and "Training goes on" in printed.out + printed.err
    assert printed.err.strip().endswith("No space left on device.")


@pytest.mark.parametrize(
    "options, message",
    [
        (["--corpus", "nowhere"], "nowhere is not a folder"),
        (["--resume"], "there is no"),
        (["--heads", "3"], "3 heads cannot share a width of 16"),
        (["--steps", "0"], "--steps: expected at least 1"),
    ],
)
def test_what_cannot_be_done_is_one_line(options, message, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run("train", "gpt", *TINY, *options) == cli.FAILED
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1 and said.startswith("autograd-gpu: ")


def test_resuming_with_another_model_is_refused(corpus, tmp_path, capsys):
    out = tmp_path / "out"
    run("train", "gpt", *TINY, "--corpus", corpus, "--out", out)
    assert run("train", "gpt", "--width", "32", "--device", "cpu", "--out", out, "--resume") == cli.FAILED
    assert "the saved run has --width 16, not 32" in capsys.readouterr().err


def test_a_damaged_checkpoint_is_one_line(corpus, tmp_path, capsys):
    (tmp_path / "checkpoint.safetensors").write_bytes(b"not a checkpoint")
    assert run("train", "gpt", "--device", "cpu", "--out", tmp_path, "--resume") == cli.FAILED
    assert "is damaged" in capsys.readouterr().err


# -------------------------------------------------------------------------------------------------------- corpus


def test_the_standard_library_is_found_and_split_by_file():
    corpus = read_corpus()
    assert corpus.files > 300 and len(corpus.train) > 10 * len(corpus.validation) > 100_000
    assert corpus.train[-1] == corpus.validation[-1] == END_OF_FILE
    assert bytes(read_corpus().validation) == bytes(corpus.validation)


def test_unreadable_files_are_counted_and_skipped(corpus):
    (corpus / "image.png").write_bytes(b"\x89PNG\xff\xfe")
    (corpus / "dangling").symlink_to(corpus / "nowhere")
    (corpus / ".hidden").write_text("secret")
    read = read_corpus(corpus)
    assert read.files == 60 and read.unreadable == 1 and "1 unreadable skipped" in str(read)
    assert b"secret" not in bytes(read.train)


def test_too_little_text_is_refused(tmp_path):
    with pytest.raises(JobError, match="holds too little text"):
        read_corpus(tmp_path)


# ------------------------------------------------------------------------------------------------------- digits


def test_digits_are_learned(tmp_path, capsys):
    started = time.perf_counter()
    assert run("train", "digits", "--device", "cpu", "--out", tmp_path) == 0
    assert time.perf_counter() - started < 60
    assert float(re.search(r"test accuracy ([\d.]+)%", capsys.readouterr().out)[1]) > 97
    assert {path.name for path in tmp_path.iterdir()} == RESULTS


def test_the_emulated_gpu_has_the_cpus_losses(tmp_path, capsys):
    seen = {}
    for device in ("cpu", "cuda"):
        assert run("train", "digits", "--device", device, "--steps", "3", "--out", tmp_path / device) == 0
        seen[device] = [float(loss) for loss in re.findall(r"step +\d+  loss ([\d.]+)", capsys.readouterr().out)]
    assert len(seen["cpu"]) == 3
    assert seen["cuda"] == pytest.approx(seen["cpu"], abs=2e-4)


# ------------------------------------------------------------------------------------------------- other commands


def command(*arguments, **environment):
    without = {name: value for name, value in os.environ.items() if name != "AUTOGRAD_GPU_EMULATE"}
    return subprocess.run(
        [sys.executable, "-m", "autograd_gpu", *arguments],
        cwd=ROOT,
        env={**without, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_no_gpu_is_one_line_that_says_what_to_install(tmp_path):
    hidden = {"CUDA_VISIBLE_DEVICES": "-1"}
    ended = command("train", "digits", "--device", "cuda", "--out", str(tmp_path), **hidden)
    assert ended.returncode == cli.USAGE
    assert ended.stderr.count("\n") == 1 and "AUTOGRAD_GPU_EMULATE=1" in ended.stderr


def test_info_names_everything_and_fails_on_nothing():
    ended = command("info", CUDA_VISIBLE_DEVICES="-1", PATH="/nonexistent")
    assert ended.returncode == 0, ended.stderr
    for word in (__version__, "Python", "NumPy", "cuda:", "kernel cache:", "not available", "Install g++"):
        assert word in ended.stdout


def test_kernels_are_built_into_the_cache_without_a_gpu(tmp_path, monkeypatch, capsys):
    from autograd_gpu.arrays.cuda import compile

    monkeypatch.setenv("AUTOGRAD_GPU_CACHE", str(tmp_path))
    monkeypatch.setattr(compile, "DTYPES", {"softmax.cu": ("float32",)})
    assert run("kernels", "build", "--arch", "sm_90a") == 0
    assert "softmax_forward" in capsys.readouterr().out
    assert len(list(tmp_path.rglob("*.cubin"))) == 1


def test_an_unknown_architecture_is_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("AUTOGRAD_GPU_CACHE", str(tmp_path))
    assert run("kernels", "build", "--arch", "sm_1") == cli.FAILED
    assert "sm_1" in capsys.readouterr().err


def test_help_and_version(capsys):
    for arguments in (["--help"], ["train", "gpt", "--help"], ["--version"]):
        with pytest.raises(SystemExit) as ended:
            run(*arguments)
        assert ended.value.code == 0
    assert __version__ in capsys.readouterr().out
