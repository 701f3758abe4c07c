"""A graph as text and as a picture."""

import re
import sys

import pytest

import autograd_gpu as torch
from autograd_gpu.autograd.graph import draw_graph

pytestmark = pytest.mark.ours


def diamond():
    w = torch.ones(2, 3, requires_grad=True)
    shared = w.exp()
    left, right = shared.split(1)
    return w, (left * right + shared.sum(0)).mean()


def test_the_tree_shows_names_shapes_lines_and_shared_nodes_once(on_each_device):
    w, loss = diamond()
    first = diamond.__code__.co_firstlineno
    expected = """\
[0] MeanBackward0  ()  LINE4
  [1] AddBackward0  (1, 3)  LINE4
    [4] MulBackward0  (1, 3)  LINE4
      [5] SplitBackward0  (1, 3), (1, 3)  LINE3
        [6] ExpBackward0  (2, 3)  LINE2
          [7] w  (2, 3) torch.float32
      [5] again
    [2] ExpandBackward0  (1, 3)  LINE4
      [3] SumBackward1  (3,)  LINE4
        [6] again"""
    for offset in range(2, 5):
        expected = expected.replace(f"LINE{offset}", f"{__file__}:{first + offset}")
    assert str(draw_graph(loss, params={"w": w})) == expected


def test_dot_has_a_node_and_an_arrow_for_each(on_each_device):
    w, loss = diamond()
    dot = draw_graph(loss, params={"w": w}).dot
    assert dot.startswith("digraph autograd {") and dot.endswith("}")
    assert dot.count("ExpBackward0") == 1
    assert '[label="w\\n(2, 3) torch.float32"' in dot
    assert "1 (output 1)" in dot  # which half of the split the product's second operand is


def test_text_in_labels_is_escaped():
    source = "y = x * 2"
    names = {"x": torch.ones(1, requires_grad=True)}
    exec(compile(source, 'a "quoted" name.py', "exec"), names)
    assert r"a \"quoted\" name.py:1" in draw_graph(names["y"]).dot


def test_leaves_that_are_gone_and_user_functions_are_drawn():
    class Twice(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2, x.sum()

        @staticmethod
        def backward(ctx, g, h):
            return g * 2 + h

    y, s = Twice.apply(torch.ones(2, requires_grad=True))
    text = draw_graph(y, s).text
    assert "TwiceBackward  (2,), ()" in text
    assert "leaf, gone" in text


def test_writes_to_views_are_drawn():
    x = torch.ones(2, requires_grad=True)
    y = torch.zeros(2, 2)
    y[0] = x
    assert "CopySlices  (2, 2)" in draw_graph(y).text


def test_a_deep_graph_is_drawn():
    y = torch.ones(1, requires_grad=True)
    for _ in range(3000):
        y = y + 1
    assert len(draw_graph(y).text.splitlines()) == 3001


def test_saving_takes_the_format_from_the_name(tmp_path):
    drawing = draw_graph(diamond()[1])
    drawing.save(tmp_path / "graph.txt")
    drawing.save(tmp_path / "graph.dot")
    assert (tmp_path / "graph.txt").read_text() == drawing.text + "\n"
    assert (tmp_path / "graph.dot").read_text() == drawing.dot + "\n"
    with pytest.raises(ValueError, match=r"ending in \.svg, \.dot, \.gv or \.txt, but got 'graph\.bmp'"):
        drawing.save(tmp_path / "graph.bmp")


def stand_in_for_graphviz(folder, monkeypatch):
    """A `dot` that wraps its input, for machines without Graphviz."""
    program = folder / "dot"
    program.write_text(f"#!{sys.executable}\nimport sys\nprint('<svg>' + sys.argv[1] + sys.stdin.read() + '</svg>')\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


def test_svg_is_made_by_graphviz(tmp_path, monkeypatch):
    drawing = draw_graph(diamond()[1])
    stand_in_for_graphviz(tmp_path, monkeypatch)
    assert drawing.svg() == f"<svg>-Tsvg{drawing.dot}</svg>\n"
    assert drawing._repr_svg_() == drawing.svg()


def test_every_line_of_the_dot_is_one_that_its_language_knows():
    quoted = r'"(?:[^"\\]|\\.)*"'
    attributes = rf"(?: \[\w+=(?:{quoted}|\w+)(?:,? \w+=(?:{quoted}|\w+))*\])?"
    name = rf"(?:{quoted}|\w+)"
    statement = re.compile(rf"  (?:\w+={name}|{name}(?: -> {name})?{attributes});?")
    first, *statements, last = draw_graph(diamond()[1]).dot.splitlines()
    assert first.startswith("digraph") and first.endswith("{") and last == "}"
    assert [line for line in statements if not statement.fullmatch(line)] == []


def test_without_graphviz_svg_says_what_to_install(monkeypatch):
    monkeypatch.setenv("PATH", "")
    drawing = draw_graph(diamond()[1])
    with pytest.raises(RuntimeError, match=r"Graphviz's `dot`.*apt install graphviz"):
        drawing.svg()
    assert drawing._repr_svg_() is None


def test_nothing_to_draw():
    with pytest.raises(RuntimeError, match=r"does not require grad and does not have a grad_fn"):
        draw_graph(torch.ones(1))
    with pytest.raises(TypeError, match=r"expected Tensors, but got int"):
        draw_graph(3)
