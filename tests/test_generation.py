"""Using what was trained: tokens drawn one after another, files of weights, `autograd-gpu sample`, `eval`, `export`."""

import math
import mmap
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import autograd_gpu as torch
from autograd_gpu import cli, serialization
from autograd_gpu.training import gpt_model, weights
from autograd_gpu.training.errors import JobError
from autograd_gpu.training.generation import Drawing
from autograd_gpu.training.gpt_model import GPT

pytestmark = pytest.mark.ours

TINY = "--steps 3 --batch 2 --context 16 --layers 2 --heads 2 --width 16 --device cpu".split()


def model(context=16, vocabulary=11, dtype=torch.float64, device="cpu"):
    torch.manual_seed(5)
    made = GPT(vocabulary, context, 2, 2, 8, dropout=0.3)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return made.to(device, dtype)


def likeliest(gpt, tokens):
    gpt.eval()
    with torch.no_grad():
        return int(gpt(torch.tensor([tokens], device=gpt.place()))[0, -1].argmax())


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of three steps."""
    folder = tmp_path_factory.mktemp("generation")
    (folder / "texts").mkdir()
    for index in range(60):
        (folder / "texts" / f"{index:02}.txt").write_text(f"file {index}: the quick brown fox\n" * 3)
    assert cli.main(["train", "gpt", *TINY, "--corpus", str(folder / "texts"), "--out", str(folder / "run")]) == 0
    return folder / "run"


# ------------------------------------------------------------------------------------------------------- generation


def test_what_is_kept_of_the_past_changes_no_token(device):
    gpt = model(device=device)
    tokens = [3, 1, 4]
    expected = list(tokens)
    for _ in range(13):
        expected.append(likeliest(gpt, expected))
    assert gpt.generate([tokens], 13, temperature=0) == [expected[3:]]


def test_beyond_the_context_the_later_half_is_gone_on_from():
    gpt = model(context=8)
    expected = [3, 1, 4]
    for _ in range(5):
        expected.append(likeliest(gpt, expected))
    expected.append(likeliest(gpt, expected))  # the last that has seen all
    window = expected[-4:]
    for _ in range(5):
        expected.append(likeliest(gpt, window))
        window.append(expected[-1])
    assert gpt.generate([[3, 1, 4]], 11, temperature=0) == [expected[3:]]
    longer = list(range(10)) * 3
    assert gpt.generate([longer], 1, temperature=0) == [[likeliest(gpt, longer[-8:])]]


def test_rows_of_unlike_length_are_written_as_each_by_itself(device):
    gpt = model(context=12, device=device)
    prompts = [[1], [2, 3, 4, 5, 6], [7, 8, 9], [0] * 20]
    alone = [gpt.generate([prompt], 20, temperature=0)[0] for prompt in prompts[:3]]
    together = gpt.generate(prompts[:3], 20, temperature=0)
    # Rows reach the end of the context at other times when they are alone.
    assert [row[:7] for row in together] == [row[:7] for row in alone]
    assert len(gpt.generate(prompts, 5)[3]) == 5


def test_the_seed_says_the_tokens_and_each_row_has_its_own():
    gpt = model()
    same = gpt.generate([[1, 2]] * 3, 8, seed=3)
    assert same == gpt.generate([[1, 2]] * 3, 8, seed=3) != gpt.generate([[1, 2]] * 3, 8, seed=4)
    assert same[0] == gpt.generate([[1, 2]], 8, seed=3)[0] and same[0] != same[1]
    assert gpt.generate(torch.tensor([[1, 2]]), 8, seed=3)[0] == same[0]


def test_it_streams_and_leaves_the_model_as_it_was():
    gpt = model()
    gpt.train()
    steps = gpt.stream([[1], [2]], 6, seed=1)
    first = next(steps)
    assert len(first) == 2 and torch.is_grad_enabled()
    rows = [[token] for token in first]
    for tokens in steps:
        for row, token in zip(rows, tokens, strict=True):
            row.append(token)
    assert rows == gpt.generate([[1], [2]], 6, seed=1) and gpt.training


def test_a_row_ends_with_what_stops_it():
    gpt = model()
    free = gpt.generate([[1], [2]], 12, temperature=0)
    ending = free[0][2:4]
    stopped = gpt.generate([[1], [2]], 12, temperature=0, stop=[ending])
    first = next(n for n in range(2, 13) if free[0][n - 2 : n] == ending)
    assert stopped[0] == free[0][:first]
    assert gpt.generate([[1]], 12, temperature=0, stop=[[token] for token in range(11)]) == [free[0][:1]]
    assert gpt.generate([[1]], 0) == [[]]


@pytest.mark.parametrize(
    "drawing", [{}, {"temperature": 0.5}, {"top_k": 3}, {"top_p": 0.6}, {"top_k": 4, "top_p": 0.9}]
)
def test_tokens_are_drawn_with_their_probabilities(drawing):
    logits = np.array([0.3, 2.0, -1.0, 1.0, 1.9, -3.0])
    scores = logits / drawing.get("temperature", 1.0)
    order = sorted(range(6), key=lambda token: -scores[token])[: drawing.get("top_k", 6)]
    chances = {token: math.exp(scores[token]) for token in order}
    if "top_p" in drawing:
        whole, kept, reached = sum(chances.values()), {}, 0.0
        for token in order:
            if reached < drawing["top_p"]:
                kept[token] = chances[token]
            reached += chances[token] / whole
        chances = kept
    source, count = np.random.default_rng(0), 20000
    drawn = np.bincount([Drawing(**drawing).draw(logits, source) for _ in range(count)], minlength=6)
    for token in range(6):
        p = chances.get(token, 0.0) / sum(chances.values())
        assert abs(drawn[token] - count * p) <= 5 * math.sqrt(count * p * (1 - p)), (token, drawn)


@pytest.mark.parametrize(
    "options", [{"temperature": -1.0}, {"temperature": math.nan}, {"top_k": -1}, {"top_p": 0.0}, {"top_p": 1.5}]
)
def test_what_cannot_be_drawn_is_refused(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        model().generate([[1]], 3, **options)


def test_bad_prompts_and_broken_weights_are_refused():
    gpt = model()
    for prompts in ([], [[1], []]):
        with pytest.raises(ValueError, match="at least one token"):
            gpt.generate(prompts or [[]], 3)
    with pytest.raises(ValueError, match="max_new_tokens"):
        gpt.generate([[1]], -1)
    with pytest.raises(IndexError):
        gpt.generate([[99]], 3)
    torch.nn.init.constant_(gpt.norm.weight, math.nan)
    with pytest.raises(RuntimeError, match="NaN"):
        gpt.generate([[1]], 3)


# ------------------------------------------------------------------------------------------------- files of weights


def test_weights_are_the_file_itself(trained, tmp_path):
    file = tmp_path / "w.safetensors"
    weights.export(trained, file, torch.bfloat16)
    gpt = weights.read_model(file)
    state = serialization.load(trained / "checkpoint.safetensors")["model"]
    assert set(gpt.state_dict()) == set(state)
    for name, value in gpt.state_dict().items():
        assert value.dtype == torch.bfloat16 and value.tolist() == state[name].to(torch.bfloat16).tolist()
        array = value._array
        while isinstance(array.base, np.ndarray):
            array = array.base
        assert isinstance(array.base.obj, mmap.mmap), name
    assert gpt.generate([[1, 2]], 4) == weights.read_model(trained, dtype=torch.bfloat16).generate([[1, 2]], 4)


MEASURED = """
import resource, sys
from pathlib import Path
from autograd_gpu.training import weights
import autograd_gpu as torch
small, large = map(Path, sys.argv[1:])
weights.read_model(small).generate([[1, 2, 3]], 3)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
weights.read_model(large).generate([[1, 2, 3]], 3)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def test_reading_and_using_weights_takes_their_own_memory(tmp_path):
    files = []
    for layers in (1, 24):
        made = GPT(256, 64, layers, 4, 512 if layers > 1 else 64, bare=True)
        for parameter in made.parameters():
            torch.nn.init.constant_(parameter, 0.01)
        files.append(tmp_path / f"{layers}.safetensors")
        sizes = '{"vocabulary": 256, "context": 64, "layers": %d, "heads": 4, "width": %d}'
        told = sizes % (layers, 512 if layers > 1 else 64)
        halves = {name: value.to(torch.bfloat16) for name, value in made.state_dict().items()}
        serialization.save_file(halves, files[-1], {"gpt": told})
    command = [sys.executable, "-c", MEASURED, *map(str, files)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)
    assert int(ended.stdout) * 1024 <= 1.1 * files[1].stat().st_size


def test_gpt2s_names_and_layout_come_back(trained, tmp_path):
    file = tmp_path / "w.safetensors"
    weights.export(trained, file, names="gpt2")
    named = serialization.load_file(file)
    assert named["h.1.attn.c_attn.weight"].shape == (16, 48) and "wte.weight" in named
    ours, _ = weights.read_weights(trained)
    read, sizes = weights.initial_weights(file, heads=2)
    assert sizes == weights.Sizes(256, 16, 2, 2, 16)
    assert {name: value.tolist() for name, value in read.items()} == {n: v.tolist() for n, v in ours.items()}


def gpt2(width=8, layers=1, prefix="transformer."):
    source = np.random.default_rng(0)
    shapes = {"wte.weight": (50257, width), "wpe.weight": (32, width), "ln_f.weight": (width,), "ln_f.bias": (width,)}
    for i in range(layers):
        for name, shape in {
            "ln_1.weight": (width,), "ln_1.bias": (width,), "attn.c_attn.weight": (width, 3 * width),
            "attn.c_attn.bias": (3 * width,), "attn.c_proj.weight": (width, width), "attn.c_proj.bias": (width,),
            "ln_2.weight": (width,), "ln_2.bias": (width,), "mlp.c_fc.weight": (width, 4 * width),
            "mlp.c_fc.bias": (4 * width,), "mlp.c_proj.weight": (4 * width, width), "mlp.c_proj.bias": (width,),
        }.items():  # fmt: skip
            shapes[f"h.{i}.{name}"] = shape
    return {
        prefix + name: torch.from_numpy(source.standard_normal(shape).astype(np.float32) * 0.1)
        for name, shape in shapes.items()
    }


def test_of_gpt2s_tokens_the_bytes_are_taken(tmp_path):
    tensors = gpt2()
    serialization.save(tensors, tmp_path / "gpt2.safetensors")
    read, sizes = weights.initial_weights(tmp_path / "gpt2.safetensors", heads=2)
    rows = tensors["transformer.wte.weight"]
    # "A" is GPT-2's token 32, the space 220, the newline 198, 0xff 187; a text ends with 50256.
    for byte, token in ((ord("A"), 32), (ord(" "), 220), (ord("\n"), 198), (0xFF, 187), (0, 50256)):
        assert read["bytes.weight"][byte].tolist() == rows[token].tolist()
    assert sizes == weights.Sizes(256, 32, 1, 2, 8)


def test_training_begins_with_given_weights(trained, tmp_path, capsys):
    corpus = str(trained.parent / "texts")
    serialization.save(gpt2(), tmp_path / "gpt2.safetensors")
    short = ["--steps", "2", "--batch", "2", "--device", "cpu", "--corpus", corpus, "--lr", "1e-9"]
    for file, more, sizes in (
        (tmp_path / "gpt2.safetensors", ["--heads", "2", "--context", "16"], (1, 2, 8, 16)),
        (trained, [], (2, 2, 16, 16)),
    ):
        out = tmp_path / f"run-{file.name}"
        assert cli.main(["train", "gpt", *short, *more, "--init", str(file), "--out", str(out)]) == 0
        state = serialization.load(out / "checkpoint.safetensors")
        settings = state["settings"]
        assert tuple(settings[name] for name in ("layers", "heads", "width", "context")) == sizes
        given, _ = weights.initial_weights(file)
        for name, value in state["model"].items():
            assert torch.allclose(value, given[name][: len(value)], atol=1e-6), name
    capsys.readouterr()
    for options, words in (
        (["--init", str(trained), "--width", "32"], "--width: --init brings 16, not 32"),
        (["--init", str(trained), "--context", "99"], "--context: --init brings"),
        (["--init", str(tmp_path / "nowhere")], "--init: there is no"),
        (["--init", str(trained / "loss.png")], "damaged"),
    ):
        assert cli.main(["train", "gpt", *short, *options, "--out", str(tmp_path / "refused")]) == cli.FAILED
        said = capsys.readouterr().err
        assert words in said and said.count("\n") == 1, said
    serialization.save({"a": torch.ones(2)}, tmp_path / "other")
    with pytest.raises(JobError, match="neither a GPT"):
        weights.initial_weights(tmp_path / "other")


# ------------------------------------------------------------------------------------------------------ the commands


def test_a_trained_model_writes(trained, tmp_path, capsys):
    ask = ["sample", str(trained), "--device", "cpu", "--length", "20"]
    assert cli.main([*ask, "--prompt", "the quick"]) == 0
    written = capsys.readouterr().out
    assert written.startswith("the quick") and written.endswith("\n")
    assert cli.main([*ask, "--prompt", "the quick"]) == 0
    assert capsys.readouterr().out == written
    assert cli.main([*ask, "--seed", "1", "--temperature", "2"]) == 0
    assert capsys.readouterr().out != written
    assert cli.main([*ask, "--count", "3", "--top-k", "5", "--top-p", "0.9", "--dtype", "float64"]) == 0
    assert capsys.readouterr().out.count(" of 3\n") == 3
    file = tmp_path / "w.safetensors"
    assert cli.main(["export", str(trained), str(file), "--dtype", "float16"]) == 0
    assert f"{file.stat().st_size:,} bytes" in capsys.readouterr().out
    assert cli.main(["sample", str(file), "--device", "cpu", "--length", "5", "--prompt", "é", "--stop", "q"]) == 0
    assert capsys.readouterr().out.startswith("é")


def test_greedy_text_is_the_same_on_the_emulated_gpu(trained, capsys):
    texts = []
    for device in ("cpu", "cuda"):
        ask = ["sample", str(trained), "--temperature", "0", "--length", "6", "--prompt", "fox", "--device", device]
        assert cli.main(ask) == 0
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1]


def test_a_run_is_evaluated(trained, tmp_path, capsys):
    assert cli.main(["eval", str(trained), "--device", "cpu"]) == 0
    state = serialization.load(trained / "checkpoint.safetensors")
    loss = state["curve"]["validation"][-1][1]
    assert (
        f"validation loss {loss:.4f} nats per byte, {loss / math.log(2):.3f} bits after 3 steps"
        in capsys.readouterr().out
    )
    assert cli.main(["eval", str(trained), "--device", "cpu", "--corpus", str(trained.parent / "texts")]) == 0
    digits = tmp_path / "digits"
    assert cli.main(["train", "digits", "--steps", "2", "--device", "cpu", "--out", str(digits)]) == 0
    capsys.readouterr()
    assert cli.main(["eval", str(digits), "--device", "cpu"]) == 0
    assert "test accuracy" in capsys.readouterr().out
    assert cli.main(["eval", str(digits), "--device", "cpu", "--corpus", str(tmp_path)]) == cli.FAILED
    assert "--corpus is for a run of `train gpt`" in capsys.readouterr().err
    assert cli.main(["sample", str(digits), "--device", "cpu"]) == cli.FAILED
    assert "holds a run of `train mlp`" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options",
    [
        "sample nowhere", "eval nowhere", "export nowhere x", "sample ", "sample RUN --length 0",
        "sample RUN --top-k -1",
        "sample RUN --top-p 0", "sample RUN --temperature nan", "sample RUN --count 0", "sample RUN --seed -1",
        "sample RUN --dtype int8", "sample RUN --flux 1", "export RUN .", "export RUN ", "export RUN x --names hf",
        "eval RUN --corpus nowhere",
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_one_line(options, trained, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    try:
        code = cli.main([str(trained) if word == "RUN" else word for word in options.split(" ")])
    except SystemExit as ended:
        code = ended.code
    assert code in (cli.FAILED, cli.USAGE)
    said = capsys.readouterr().err
    assert said.startswith("autograd-gpu: ") and said.count("\n") == 1, said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["sample", "eval", "export"])
def test_help_shows_defaults(command, capsys):
    with pytest.raises(SystemExit):
        cli.main([command, "--help"])
    shown = " ".join(capsys.readouterr().out.split())
    options = [word for word in shown.split("options:")[1].split(" --")[1:] if not word.startswith("help")]
    assert options and all("default: " in option for option in options if not option.startswith("corpus"))


def test_the_model_file_knows_nothing_of_training():
    text = Path(gpt_model.__file__).read_text()
    assert "optim" not in text and "settings" not in text
