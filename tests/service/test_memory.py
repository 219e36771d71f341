"""What the C library keeps of memory, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_PROGRAM = """
import ctypes, sys, threading
from service.memory import limit_arenas
if sys.argv[2] == "limited":
    assert limit_arenas()
libc = ctypes.CDLL(None)
libc.malloc.restype = libc.fopen.restype = ctypes.c_void_p
gate = threading.Barrier(8)
def work():
    libc.malloc(1000)
    gate.wait()
threads = [threading.Thread(target=work) for _ in range(8)]
for one in threads: one.start()
for one in threads: one.join()
told = ctypes.c_void_p(libc.fopen(sys.argv[1].encode(), b"w"))
libc.malloc_info(0, told)
libc.fclose(told)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="glibc's heaps")
def test_threads_share_two_heaps(tmp_path: Path) -> None:
    """Eight threads would otherwise have one each."""
    assert _count_heaps(tmp_path / "free.xml", "free") > 2
    assert _count_heaps(tmp_path / "limited.xml", "limited") == 2


def _count_heaps(told: Path, how: str) -> int:
    subprocess.run([sys.executable, "-c", _PROGRAM, str(told), how], check=True, timeout=60)
    return told.read_text().count("<heap nr=")
