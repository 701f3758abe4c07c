"""Source lines in the runtime's messages. Knows debug information; the wording is the runtime's."""

import os
import re
import subprocess
from pathlib import Path

_MARK = re.compile(r"<pc:([0-9a-f]+)>")
_OWN_HEADERS = str(Path(__file__).parent / "include")


def with_source_lines(message: str, library: Path) -> str:
    """Replaces each code address in `message` by file:line."""
    addresses = list(dict.fromkeys(_MARK.findall(message)))
    if not addresses:
        return message
    lines = {address: _source_line(library, address) for address in addresses}
    return _MARK.sub(lambda mark: lines[mark.group(1)], message)


def _source_line(library: Path, address: str) -> str:
    # A return address lies after the call: one byte back is within it. Inlined frames come innermost first; those of
    # the emulator's own headers say nothing to the reader.
    command = ["addr2line", "-i", "-e", str(library), hex(int(address, 16) - 1)]
    try:
        frames = subprocess.run(command, capture_output=True, text=True).stdout.splitlines()
    except OSError:  # no binutils
        return f"code address 0x{address}"
    locations = [os.path.normpath(frame.split(" (discriminator")[0]) for frame in frames]
    readable = [location for location in locations if not location.startswith(("?", _OWN_HEADERS))]
    return ", called from ".join(readable) or f"code address 0x{address}"
