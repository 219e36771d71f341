"""Copies of libraries: a shard's files are mostly holes, and a plain copy would write hundreds of megabytes of zeros."""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def copy_tree(source: Path, target: Path) -> Path:
    """The folder with all that is in it, holes staying holes."""
    return Path(shutil.copytree(source, target, copy_function=_copy_file))


def _copy_file(source: str, target: str) -> str:
    with open(source, "rb") as reading, open(target, "wb") as writing:  # noqa: PTH123
        size = os.fstat(reading.fileno()).st_size
        position = 0
        while position < size:
            try:
                begin = os.lseek(reading.fileno(), position, os.SEEK_DATA)
            except OSError:  # nothing but a hole from here on
                break
            position = os.lseek(reading.fileno(), begin, os.SEEK_HOLE)
            writing.seek(begin)
            os.lseek(reading.fileno(), begin, os.SEEK_SET)
            writing.write(os.read(reading.fileno(), position - begin))
        writing.truncate(size)
    return target
