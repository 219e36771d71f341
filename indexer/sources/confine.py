"""What a process that decodes strangers' files may not do, set once and for its whole life.

Limits of resources hold on every POSIX system. On Linux from 5.13 on, Landlock (https://docs.kernel.org/userspace-api/landlock.html)
takes the rest of the file system away: such a process reads what Python and fonts need and the file that was handed to it open, writes
nothing, starts no program, and from 6.7 on opens no TCP connection.
"""

from __future__ import annotations

import ctypes
import os
import signal
import struct
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
"""System calls, the same numbers on all of Linux's common processors."""
_ASK_VERSION = 1
_PATH_BENEATH = 1
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
_FILE_ACCESS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1, 5: (1 << 16) - 1}
"""All that Landlock can forbid about files, by its version."""
_TCP = 0b11
_OTHER_PROCESSES = 0b11
"""Abstract sockets and signals of processes that are not confined with this one."""
_NO_NEW_PRIVILEGES, _DIE_WITH_PARENT = 38, 1
_MOST_OPEN_FILES = 64


def die_with_parent() -> None:
    """End this process when its parent ends, however that ends; Linux only, a single thread of the parent must have made it."""
    if sys.platform == "linux":
        _libc().prctl(_DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0)


def limit_resources(*, more_bytes: int) -> None:
    """From now on this process takes at most `more_bytes` more memory, writes no files and dumps no core."""
    import resource

    wanted = {
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_NOFILE: _MOST_OPEN_FILES,
        resource.RLIMIT_AS: _address_space() + more_bytes,
    }
    for what, most in wanted.items():
        _, hard = resource.getrlimit(what)
        with suppress(ValueError, OSError):  # macOS knows RLIMIT_AS, and takes no value for it
            ceiling = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(what, (ceiling, ceiling))


def forbid_files(readable: Iterable[str]) -> int:
    """From now on this process opens nothing but files under `readable`, for reading; returns Landlock's version, 0 where there is none."""
    version = landlock_version()
    if not version:
        return 0
    files = _FILE_ACCESS[min(version, max(_FILE_ACCESS))]
    rules = struct.pack("QQQ", files, _TCP, _OTHER_PROCESSES)[: 8 if version < 4 else 16 if version < 6 else 24]
    libc = _libc()
    ruleset = libc.syscall(_CREATE_RULESET, rules, len(rules), 0)
    if ruleset < 0:
        return 0
    try:
        for place in readable:
            _allow_reading(ruleset, place)
        libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
        return version if libc.syscall(_RESTRICT_SELF, ruleset, 0) == 0 else 0
    finally:
        os.close(ruleset)


def landlock_version() -> int:
    """The version of Landlock that the kernel has, 0 for none."""
    if sys.platform != "linux":
        return 0
    return max(0, int(_libc().syscall(_CREATE_RULESET, None, 0, _ASK_VERSION)))


def places_to_read() -> list[str]:
    """Folders that Python, its packages and PDFium's search for fonts read from."""
    wanted = ["/usr", "/lib", "/lib64", "/etc/fonts", sys.prefix, sys.base_prefix, *sys.path]
    return sorted({place for place in wanted if place and Path(place).is_dir()})


def _allow_reading(ruleset: int, place: str) -> None:
    try:
        folder = os.open(place, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return
    try:
        rule = struct.pack("=Qi", _READ_FILE | _READ_DIR, folder)
        _libc().syscall(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0)
    finally:
        os.close(folder)


def _address_space() -> int:
    """Bytes of address space that this process has, 0 where the system does not say."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)
