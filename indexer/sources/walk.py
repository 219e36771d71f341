"""Find the files that may hold pages, without opening any."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from PIL import features

from indexer.errors import RootMissingError, UsageError
from indexer.values import ScannedFile, Skip

SUFFIXES = frozenset(
    ["jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "jp2", "j2k", "jpx", "heic", "heif", "pdf"]
    + (["avif"] if features.check_module("avif") else [])
)
"""Suffixes of files that may hold pages, in lower case and without the dot."""

# thumbnails and resource forks that systems leave beside the scans; nobody means them as pages
_SYSTEM_FOLDERS = frozenset({"__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information"})
# control characters, line and paragraph separators, and the surrogates by which Python keeps bytes that are not UTF-8
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_DIGITS = re.compile(r"([0-9]+)")

NameKey = tuple[tuple[str | int, ...], str]


def is_candidate(name: str) -> bool:
    """Whether a file of this name may hold pages: a known suffix in any case, and not hidden."""
    stem, dot, suffix = name.rpartition(".")
    return bool(dot and stem) and not name.startswith(".") and suffix.lower() in SUFFIXES


def natural_key(path: str) -> tuple[tuple[bool, NameKey], ...]:
    """A sort key that puts paths (relative, with `/`) in the order that `scan_files` gives them.

    Numbers count as numbers (`p9` before `p10`), upper and lower case are alike, and ties are broken by the exact name.
    The files of a folder come before the folders in it, so that pages that lie together stay together.
    """
    *folders, name = path.split("/")
    return (*((True, _name_key(folder)) for folder in folders), (False, _name_key(name)))


def scan_files(root: Path, *, root_name: str, under: str = "") -> Iterator[ScannedFile | Skip]:
    """Every file under `root` that may hold pages, to any depth and in natural order, and a `Skip` for each left out.

    Paths are relative to `root`, with `/`; `under` limits the walk to that sub-folder and changes no path. Hidden files
    and folders, folders of the system and files of other kinds are passed over in silence. No file is opened.

    Links: a linked folder is not walked (so no loop is possible), nor a linked file that lies outside the root or
    that the walk meets under its own name anyhow; each is a `Skip`. A link to a file inside the root that is not met
    otherwise (git-annex keeps its files in a hidden folder) is a page.

    Codes of the skips: `name`, `link`, `not-a-file`, `permission`, `empty`, `vanished`.

    Raises:
        RootMissingError: `root` or `under` is no folder, or cannot be read.
        UsageError: `under` leads out of the root.
    """
    prefix = _checked_under(under)
    top = root.joinpath(prefix)
    if not top.is_dir():
        where = f"{root_name!r} ({root})" if not prefix else f"{prefix!r} in {root_name!r} ({root})"
        raise RootMissingError(
            f"There is no folder of scans at {where}: it was moved or renamed, or its disk is not mounted. "
            "Make it available again, or give the folder's new place."
        )
    try:
        os.scandir(top).close()
    except OSError as exc:
        raise RootMissingError(
            f"The folder of scans {top} cannot be read ({exc.strerror}): check its permissions."
        ) from exc
    return _walk(_Walk(root=root_name, top=os.path.realpath(root)), prefix)


class _Walk:
    """What all folders of one walk share."""

    __slots__ = ("root", "top")

    def __init__(self, *, root: str, top: str) -> None:
        self.root = root
        self.top = top

    def skip(self, path: str, code: str, reason: str) -> Skip:
        return Skip(root=self.root, path=_printable(path), code=code, reason=reason)


def _walk(walk: _Walk, start: str) -> Iterator[ScannedFile | Skip]:
    # a stack instead of recursion: folders may be nested deeper than Python's recursion limit
    pending = [start]
    while pending:
        folder = pending.pop()
        prefix = f"{folder}/" if folder else ""
        try:
            with os.scandir(f"{walk.top}/{folder}") as found:
                entries = list(found)
        except OSError as exc:
            yield _skip_for(walk, folder, exc)
            continue
        entries.sort(key=lambda entry: _name_key(entry.name))
        inner: list[str] = []
        for entry in entries:
            path = prefix + entry.name
            try:
                if _is_plain_folder(entry):
                    inner.append(path)
                elif (result := _look_at(walk, entry, path)) is not None:
                    yield result
            except OSError as exc:
                yield _skip_for(walk, path, exc)
        pending.extend(reversed(inner))


def _is_plain_folder(entry: os.DirEntry[str]) -> bool:
    return (
        entry.is_dir(follow_symlinks=False)
        and not entry.name.startswith(".")
        and entry.name not in _SYSTEM_FOLDERS
        and _UNSAFE.search(entry.name) is None
    )


def _look_at(walk: _Walk, entry: os.DirEntry[str], path: str) -> ScannedFile | Skip | None:
    """A file, a skip, or None for what is passed over in silence; plain folders do not come here."""
    name = entry.name
    if name.startswith(".") or name in _SYSTEM_FOLDERS:
        return None
    folder_like = entry.is_dir()
    if not folder_like and not is_candidate(name):
        return None
    if _UNSAFE.search(name):
        what = "folder" if folder_like else "file"
        return walk.skip(path, "name", f"the {what}'s name is not UTF-8 or holds control characters; rename it")
    if entry.is_symlink() and (reason := _why_not_follow(walk, entry.path, folder_like)):
        return walk.skip(path, "link", reason)
    status = entry.stat()
    if not stat.S_ISREG(status.st_mode):
        return walk.skip(path, "not-a-file", "a pipe, socket or device, not a file")
    if status.st_size == 0:
        return walk.skip(path, "empty", "the file is empty (0 bytes); copy or scan it again")
    if not os.access(entry.path, os.R_OK, effective_ids=_EFFECTIVE):
        return walk.skip(path, "permission", _NO_PERMISSION)
    return ScannedFile(
        root=walk.root, path=path, absolute=Path(entry.path), bytes=status.st_size, modified_ns=status.st_mtime_ns
    )


_EFFECTIVE = os.access in os.supports_effective_ids
_NO_PERMISSION = "no permission to read it; change its owner or mode"


def _why_not_follow(walk: _Walk, link: str, folder_like: bool) -> str | None:
    target = os.path.realpath(link)
    if not Path(target).exists():
        return "a link that leads nowhere"
    if target != walk.top and not target.startswith(walk.top.rstrip("/") + "/"):
        return f"a link that leads outside the root, to {_printable(target)}; add that folder as a root of its own"
    inside = target[len(walk.top) :].lstrip("/")
    if folder_like:
        return f"a link to the folder {_printable(inside) or '.'} of the same root; linked folders are not walked"
    if _is_walked(inside):
        return f"a link to {inside}, which is a page under its own name"
    return None


def _is_walked(path: str) -> bool:
    *folders, name = path.split("/")
    passed_over = any(folder.startswith(".") or folder in _SYSTEM_FOLDERS for folder in folders)
    return not passed_over and _UNSAFE.search(path) is None and is_candidate(name)


def _skip_for(walk: _Walk, path: str, exc: OSError) -> Skip:
    if isinstance(exc, PermissionError):
        return walk.skip(path, "permission", _NO_PERMISSION)
    if exc.errno == errno.ELOOP:
        return walk.skip(path, "link", "a link that leads in a circle")
    return walk.skip(path, "vanished", f"it could not be looked at ({exc.strerror}); run again when it is back")


def _checked_under(under: str) -> str:
    parts = PurePosixPath(under).parts
    if ".." in parts or under.startswith("/"):
        raise UsageError(
            f"The sub-folder {under!r} must be inside the root: give it relative to the root, without '..'."
        )
    return "/".join(parts)


def _name_key(name: str) -> NameKey:
    parts: list[str | int] = list(_DIGITS.split(name.casefold()))
    parts[1::2] = [int(digits) for digits in parts[1::2]]
    return tuple(parts), name


def _printable(path: str) -> str:
    """The path with every unsafe character written as an escape, so that it can be listed, stored and sent."""
    if _UNSAFE.search(path) is None:
        return path
    readable = os.fsencode(path).decode("utf-8", "backslashreplace")
    return _UNSAFE.sub(lambda match: match.group().encode("unicode_escape").decode("ascii"), readable)
