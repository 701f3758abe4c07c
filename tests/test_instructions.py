"""The check of recorded instruction counts: what it refuses, and that it says when it cannot look."""

import json
import shutil

import pytest

from benchmarks import instructions, record

pytestmark = pytest.mark.ours


@pytest.fixture
def recorded(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    text = (record.RESULTS / "instructions.json").read_text()
    monkeypatch.setattr(record, "environment", lambda: json.loads(text)["environment"])
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(instructions.platform, "machine", lambda: "x86_64")
    return {row["what"]: row["instructions"] for row in json.loads(text)["rows"]}


def test_every_case_is_recorded(recorded):
    assert list(recorded) == [*(f"4 x 4: {name}" for name in instructions.OPERATIONS), instructions.STEP]


@pytest.mark.parametrize(("growth", "verdict"), [(1.0, 0), (1.04, 0), (0.5, 0), (1.06, 1)])
def test_growth_beyond_five_percent_fails(recorded, monkeypatch, capsys, growth, verdict):
    now = recorded | {instructions.STEP: int(recorded[instructions.STEP] * growth)}
    monkeypatch.setattr(instructions, "count", lambda: now)
    assert instructions.check() == verdict
    assert ("more than 105%" in capsys.readouterr().out) == bool(verdict)


def test_a_case_that_is_not_recorded_fails(recorded, monkeypatch):
    monkeypatch.setattr(instructions, "count", lambda: recorded | {"4 x 4: another": 1})
    assert instructions.check() == 1


def test_without_valgrind_or_with_another_python_it_says_so_and_passes(recorded, monkeypatch, capsys):
    monkeypatch.setattr(instructions, "count", lambda: pytest.fail("counted"))
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert instructions.check() == 0
    assert "SKIPPED" in capsys.readouterr().out
    monkeypatch.setattr(shutil, "which", lambda name: name)
    monkeypatch.setattr(record, "environment", lambda: {"python": "3.0", "numpy": "1.0"})
    assert instructions.check() == 0
    assert "SKIPPED" in capsys.readouterr().out
