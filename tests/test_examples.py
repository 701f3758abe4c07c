"""Each example does what it says, at a small size."""

import importlib.util
from pathlib import Path

import pytest

pytestmark = pytest.mark.ours

FOLDER = Path(__file__).resolve().parents[1] / "examples"

# What is called, and what holds of its result.
CLAIMS = {
    "lecture": (lambda e: e.main(), lambda r: r == {"gradient": 6.0, "second": 27.0, "directional": 10.0}),
    "regression": (lambda e: e.main(), lambda r: abs(r[0] - 3) < 0.1 and abs(r[1] + 1) < 0.1),
    "digits": (lambda e: (e.main(epochs=3), e.main(e.convolutional, epochs=2)), lambda r: min(r) > 0.85),
    "char_gpt": (lambda e: e.main(120), lambda r: r.startswith("quick brown fox")),
    "lstm": (lambda e: e.main(150), lambda r: r < 0.1),
    "vae": (lambda e: e.main(150), lambda r: r[1] < r[0] / 2),
    "pinn": (lambda e: e.main(150), lambda r: r < 0.3),
    "neural_ode": (lambda e: e.main(40), lambda r: r[1] < r[0] / 2),
    "maml": (lambda e: e.main(60), lambda r: r[1] < 0.7 * r[0]),
    "dp_sgd": (lambda e: e.main(30), lambda r: r > 0.9),
    "custom_function": (lambda e: e.main(), lambda r: sum(x * x for x in r) == 26),
    "custom_kernel": (lambda e: e.main(), lambda r: r is True),
    "mixed_precision": (lambda e: e.main(40), lambda r: r[1] < r[0] / 4 and r[2] == 65536.0),
    "captured_step": (lambda e: e.main(10), lambda r: r[1] < r[0]),
}


def test_every_example_is_run():
    assert {path.stem for path in FOLDER.glob("*.py")} == set(CLAIMS)


@pytest.mark.parametrize("name", CLAIMS)
def test_it_does_what_it_says(name, capsys):
    spec = importlib.util.spec_from_file_location(f"example_{name}", FOLDER / f"{name}.py")
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    call, holds = CLAIMS[name]
    result = call(example)
    assert holds(result), result


@pytest.mark.parametrize("name", CLAIMS)
def test_it_is_a_page_that_says_what_it_is(name):
    text = (FOLDER / f"{name}.py").read_text()
    assert text.startswith('"""') and len(text.splitlines()) <= 80 and 'if __name__ == "__main__":' in text
