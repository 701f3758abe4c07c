"""What the site has that docs/ has not: the reference, from docstrings; pages that lie above docs/; where links lead.

A hook of MkDocs (mkdocs.yml). A link to a file above docs/ leads to the site's page of it, or is said as a path.
"""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import re
from pathlib import Path
from types import ModuleType
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = Path(__file__).parents[1]
ABOVE = {"CONTRIBUTING.md": "contributing.md", "CHANGELOG.md": "changelog.md"}
MODULES = {
    "autograd_gpu": "The package's functions and types, as `torch` has them.",
    "nn": "Modules, and what they are made of.",
    "nn.functional": "What modules compute, as functions.",
    "optim": "Optimizers; schedules are in `optim.lr_scheduler`.",
    "autograd": "Running the graph, extending it, looking at it.",
    "func": "Transforms of functions.",
    "linalg": "Linear algebra.",
    "special": "Special functions.",
    "amp": "Mixed precision.",
    "cuda": "GPUs, streams, graphs, kernels of your own.",
    "utils.data": "Datasets and loaders.",
    "distributions": "Probability distributions.",
    "profiler": "Where time and memory go.",
    "distributed": "Several processes.",
    "sparse": "Tensors of few values that are not zero.",
}


def on_files(files: Files, config: Any) -> Files:
    """Add the pages that are made: the reference and what lies above docs/."""
    examples = examples_by_name((ROOT / "docs" / "by_example.md").read_text())
    made = {f"reference/{name.replace('.', '_')}.md": page_of(name, examples) for name in MODULES}
    made["reference/tensor.md"] = tensor_page(examples)
    for path, page in ABOVE.items():
        made[page] = (ROOT / path).read_text()
    for page, text in made.items():
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Lead links to what lies above docs/ to the site's page of it; the others become words and a path."""
    depth = page.file.src_uri.count("/")

    def lead(match: re.Match) -> str:
        words, target = match[1], match[2]
        path, _, anchor = target.partition("#")
        if re.match(r"\w+:", target) or not path:
            return match[0]
        full = (ROOT / ("" if page.file.src_uri in ABOVE.values() else "docs") / path).resolve()
        if not full.exists():
            return match[0]  # MkDocs says that it leads nowhere
        name = full.relative_to(ROOT).as_posix()
        inside = ABOVE.get(name) or (name.removeprefix("docs/") if name.startswith("docs/") else None)
        if inside is None:
            return f"{words} (`{name}`)" if words.strip("`") != name else f"`{name}`"
        return f"[{words}]({'../' * depth}{inside}{'#' + anchor if anchor else ''})"

    return re.sub(r"(?<!!)\[([^\]\n]+)\]\(([^)\s]+)\)", lead, markdown)


# ------------------------------------------------------------------------------------------------------ the reference


def page_of(name: str, examples: dict[str, str]) -> str:
    """Return the page of a module: each public name with its signature, its docstring and its example."""
    module = importlib.import_module("autograd_gpu" if name == "autograd_gpu" else f"autograd_gpu.{name}")
    title = name if name == "autograd_gpu" else f"autograd_gpu.{name}"
    parts = [f"# {title}\n\n{MODULES[name]}\n"]
    groups: dict[str, list[str]] = {"Classes": [], "Functions": [], "Others": []}
    for each in names_of(module):
        value = getattr(module, each)
        kind = "Classes" if inspect.isclass(value) else "Functions" if callable(value) else "Others"
        if kind == "Others":
            groups[kind].append(f"- `{each}`: {_of_others(value)}\n")
        else:
            key = (
                each
                if name == "autograd_gpu"
                else f"{name.removeprefix('nn.') if name == 'nn.functional' else name}.{each}"
            )
            groups[kind].append(entry(each, value, examples.get(key) or examples.get(each)))
    for kind, entries in groups.items():
        if entries:
            parts.append(f"## {kind}\n\n" + "\n".join(entries))
    return "\n".join(parts)


def tensor_page(examples: dict[str, str]) -> str:
    """Return the page of Tensor: its methods and attributes."""
    import autograd_gpu

    kind = autograd_gpu.Tensor
    methods, attributes = [], []
    for name in sorted(name for name in dir(kind) if not name.startswith("_")):
        value = inspect.getattr_static(kind, name)
        if callable(getattr(kind, name)):
            methods.append(entry(name, getattr(kind, name), examples.get(f"Tensor.{name}")))
        else:
            attributes.append(f"- `{name}`: {first_line(inspect.getdoc(value))}\n")
    return (
        "# autograd_gpu.Tensor\n\nAn array with a gradient. Most methods are functions of the package too.\n\n"
        f"## Attributes\n\n{''.join(attributes)}\n## Methods\n\n" + "\n".join(methods)
    )


def names_of(module: ModuleType) -> list[str]:
    """Return the names that a module gives, without those of its own parts."""
    named = getattr(module, "__all__", None) or [name for name in dir(module) if not name.startswith("_")]
    values = {name: getattr(module, name, None) for name in named}
    return sorted((name for name, value in values.items() if not inspect.ismodule(value)), key=str.lower)


def entry(name: str, value: Any, example: str | None) -> str:
    """Return what is said of one name."""
    lines = [f"### {name}\n", f"```python\n{name}{signature_of(value)}\n```\n"]
    told = inspect.getdoc(value) or ""
    if told and not (inspect.isclass(value) and told == inspect.getdoc(object)):
        lines.append(as_markdown(told) + "\n")
    if example:
        lines.append(example + "\n")
    return "\n".join(lines)


def signature_of(value: Any) -> str:
    """Return the parameters as they are written, without addresses of defaults."""
    try:
        text = str(inspect.signature(value))
    except (TypeError, ValueError):
        return "(...)"
    return re.sub(r" at 0x[0-9a-f]+", "", text)


def as_markdown(told: str) -> str:
    """Return a docstring as Markdown: stars are stars, examples are code."""
    if ">>>" in told:
        pieces = doctest.DocTestParser().parse(told)
        parts = []
        for piece in pieces:
            if isinstance(piece, doctest.Example):
                source = piece.source.rstrip("\n").replace("\n", "\n... ")
                parts.append(f"```pycon\n>>> {source}\n{piece.want}```\n")
            elif piece.strip():
                parts.append(as_markdown(piece.strip()))
        return "\n\n".join(parts)
    told = re.sub(r"``([^`]+)``", r"`\1`", told)
    pieces = re.split(r"(`[^`]*`)", told)
    return "".join(piece if piece.startswith("`") else re.sub(r"([*_<\[\]])", r"\\\1", piece) for piece in pieces)


def first_line(told: str | None) -> str:
    """Return the first paragraph of a docstring on one line."""
    return as_markdown(" ".join((told or "").split("\n\n")[0].split()))


def _of_others(value: Any) -> str:
    try:
        ast.literal_eval(repr(value))
    except (ValueError, SyntaxError):
        return f"a `{type(value).__name__}`"
    return f"`{value!r}`"[:100]


def examples_by_name(text: str) -> dict[str, str]:
    """Return what docs/by_example.md says of each name: the text below its heading."""
    parts = re.split(r"^### `?([\w.]+)`?\n", text, flags=re.M)
    return {name: told.split("\n## ")[0].strip() for name, told in zip(parts[1::2], parts[2::2], strict=True)}
