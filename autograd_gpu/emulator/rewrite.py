"""Turns preprocessed CUDA C into C++: finds the kernels, gives `__shared__` variables a place in the block's arena.

Works on text after `g++ -E`, so macros are expanded and `# line` markers keep their places. Knows the handful of CUDA
keywords that no macro can express, and nothing else of the language: types and expressions are passed on as they are.
"""

import re
from dataclasses import dataclass

from .errors import EmulatorError

_GLOBAL = re.compile(r"\b__global__\b")
_LAUNCH_BOUNDS = re.compile(r"\b__launch_bounds__\s*(?=\()")
_SHARED = re.compile(r"(?P<extern>\bextern\s+)?\b__shared__\b(?P<declaration>[^;]*);")
_ALIGNMENT = re.compile(r"\b(?:__align__|alignas|__attribute__)\s*(?=\()")
_CLOSING = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True)
class KernelDeclaration:
    """A `__global__` function as written: its name, its parameters' names, and the bound on its block size."""

    name: str
    parameters: tuple[str, ...]
    max_threads: str


def rewrite(preprocessed: str) -> str:
    """Gives C++ that compiles against cuda_emulator.h and ends with an entry point for each kernel."""
    declarations = find_kernels(preprocessed)
    text = _without_calls(_LAUNCH_BOUNDS, _GLOBAL.sub("", preprocessed))
    text = _SHARED.sub(_shared_variables, text)
    text = re.sub(r"\b__align__\s*(?=\()", "alignas", text)
    names = ",".join(kernel.name for kernel in declarations)
    listing = f'extern "C" const char *emu_kernel_names() {{ return "{names}"; }}\n'
    return "\n".join([text, *map(_entry, declarations), listing])


def _entry(kernel: KernelDeclaration) -> str:
    arguments = f'"{",".join(kernel.parameters)}", (int)({kernel.max_threads})'
    return f'extern "C" emu_kernel emu_entry_{kernel.name}() {{ return emu::describe<&{kernel.name}>({arguments}); }}'


def find_kernels(text: str) -> list[KernelDeclaration]:
    """The kernels that are defined in `text` and are no templates, in order."""
    kernels = []
    for match in _GLOBAL.finditer(text):
        if re.search(r"template\s*<[^;{}]*>\s*(?:static\s+|inline\s+)*$", text[: match.start()][-400:]):
            continue
        kernel = _kernel_at(text, match.end())
        if kernel:
            kernels.append(kernel)
    return kernels


def _kernel_at(text: str, position: int) -> KernelDeclaration | None:
    """Reads `void __launch_bounds__(256) name(parameters) {` from after `__global__`; None for a mere prototype."""
    max_threads = "1024"
    while True:
        match = re.compile(r"\s*(\w+)\s*").match(text, position)
        if not match:
            raise EmulatorError(f"cannot read the kernel declared as: __global__{text[position : position + 80]}")
        word, position = match.group(1), match.end()
        if text[position] != "(":
            continue
        end = _closing(text, position)
        inside = text[position + 1 : end]
        if word not in ("__launch_bounds__", "__attribute__"):
            break
        if word == "__launch_bounds__":
            max_threads = _split(inside)[0].strip()
        position = end + 1
    if text[end + 1 :].lstrip()[:1] != "{":
        return None
    names = [_parameter_name(parameter) for parameter in _split(inside) if parameter.strip() not in ("", "void")]
    return KernelDeclaration(word, tuple(names), max_threads)


def _parameter_name(parameter: str) -> str:
    words = re.findall(r"\w+", re.sub(r"\[.*?\]|=.*", "", parameter, flags=re.S))
    return words[-1] if words else "?"


def _shared_variables(match: re.Match) -> str:
    """`__shared__ float a[8], b;` becomes references into the arena; `extern __shared__` a pointer to its end."""
    declaration = match.group("declaration")
    lines = "\n" * match.group(0).count("\n")
    bare = _without_calls(_ALIGNMENT, declaration)  # the arena aligns for everybody
    if match.group("extern"):
        return _dynamic_shared(bare, match) + lines
    first, *others = _split(bare)
    parsed = re.fullmatch(r"\s*(.*?)\b([A-Za-z_]\w*)\s*((?:\[[^\]]*\]\s*)*)", first, re.S)
    if not parsed or not parsed.group(1).strip():
        raise EmulatorError(f"cannot read: __shared__{declaration}")
    element, name, dimensions = parsed.groups()
    text = _static_shared(element, name, dimensions)
    for other in others:
        parsed = re.fullmatch(r"\s*(\w+)\s*((?:\[[^\]]*\]\s*)*)", other, re.S)
        if not parsed:
            raise EmulatorError(f"cannot read: __shared__{declaration}")
        text += " " + _static_shared(element, *parsed.groups())
    return text + lines


def _static_shared(element: str, name: str, dimensions: str) -> str:
    kind, key = f"emu_shared_{name}", f"emu_key_{name}"
    return (
        f"typedef {element.strip()} {kind}{dimensions.strip()}; static const char {key} = 0; "
        f'{kind} &{name} = *({kind} *)emu_static_shared(&{key}, sizeof({kind}), "{name}", __builtin_LINE());'
    )


def _dynamic_shared(declaration: str, match: re.Match) -> str:
    parsed = re.fullmatch(r"\s*(.*?)\b(\w+)\s*\[\s*\]\s*", declaration, re.S)
    if not parsed or not parsed.group(1).strip():
        raise EmulatorError(f"cannot read: extern __shared__{match.group('declaration')}")
    before = re.sub(r'"[^"\n]*"', "", match.string[: match.start()])
    if before.count("{") <= before.count("}"):
        raise EmulatorError(f"extern __shared__ {parsed.group(2)}[] at file scope: declare it inside the function")
    element, name = parsed.group(1).strip(), parsed.group(2)
    return f"{element} *const {name} = ({element} *)emu_dynamic_shared();"


def _without_calls(head: re.Pattern, text: str) -> str:
    """Removes each `head(...)` with its balanced parentheses, keeping the line breaks."""
    kept, position = [], 0
    for match in head.finditer(text):
        if match.start() < position:
            continue
        end = _closing(text, match.end()) + 1
        kept += [text[position : match.start()], "\n" * text[match.start() : end].count("\n")]
        position = end
    return "".join([*kept, text[position:]])


def _closing(text: str, opening: int) -> int:
    """The position of the bracket that closes the one at `opening`."""
    expected: list[str] = []
    for position in range(opening, len(text)):
        character = text[position]
        if character in _CLOSING:
            expected.append(_CLOSING[character])
        elif expected and character == expected[-1]:
            expected.pop()
            if not expected:
                return position
    raise EmulatorError(f"unbalanced bracket: {text[opening : opening + 80]}")


def _split(text: str) -> list[str]:
    """Splits at the commas that are outside every bracket."""
    parts, depth, start = [], 0, 0
    for position, character in enumerate(text):
        depth += (character in "<([{") - (character in ">)]}")
        if character == "," and depth == 0:
            parts.append(text[start:position])
            start = position + 1
    return [*parts, text[start:]]
