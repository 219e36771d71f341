"""What a command shows on a terminal: headings, aligned columns, no colours."""

from __future__ import annotations

import os
import pty
import re
import subprocess
from pathlib import Path

from support.command import Quire, quire_path

_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def run_in_terminal(quire: Quire, *arguments: str, folder: Path, width: int = 110) -> str:
    """stdout of `quire ARGUMENTS` in `folder`, as a terminal of that width would show it; stderr is left out."""
    ours, theirs = pty.openpty()
    environ = quire.environ | {"COLUMNS": str(width), "NO_COLOR": "1", "TERM": "xterm"}
    process = subprocess.Popen(
        [quire_path(), *arguments], env=environ, cwd=folder, stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL
    )
    os.close(theirs)
    shown = bytearray()
    while chunk := _read(ours):
        shown += chunk
    os.close(ours)
    status = process.wait()
    assert status in (0, 3), f"quire {' '.join(arguments)} left with {status}"
    text = _ESCAPE.sub("", shown.decode()).replace("\r\n", "\n")
    return "\n".join(line.rstrip() for line in text.splitlines()).strip("\n")


def _read(source: int) -> bytes:
    """Some bytes; none once the other end is closed, which Linux reports as an error."""
    try:
        return os.read(source, 65536)
    except OSError:
        return b""
