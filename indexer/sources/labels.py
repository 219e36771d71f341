"""What a page's folders say of it."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from indexer.errors import UsageError


def folders_of(path: str) -> tuple[str, ...]:
    """The names of the folders that `path` lies in, outermost first; none for a file directly under the root."""
    return tuple(part for part in path.split("/")[:-1] if part not in ("", "."))


def label_from(folders: Sequence[str], how: str) -> str | None:
    """The label that `folders` (outermost first) give a page, or None where they give none.

    `how` is `parent` (the innermost folder), `none`, or `1`, `2`, … (that folder, counted from the root). A page that
    does not lie so deep has no label. Labels are in Unicode form NFC: macOS stores names in another than people type.

    Raises:
        UsageError: `how` is none of these.
    """
    if how == "none":
        return None
    if how == "parent":
        return _normal(folders[-1]) if folders else None
    # the length guard: int() refuses text of more than 4,300 digits with an error of its own
    if not (how.isascii() and how.isdigit() and len(how) <= 4 and int(how) > 0):
        raise UsageError(
            f"--label-from {how!r} is not understood: give 'parent' (the folder that a page lies in), "
            "'1', '2', … (that folder, counted from the root) or 'none'."
        )
    depth = int(how)
    return _normal(folders[depth - 1]) if depth <= len(folders) else None


def _normal(name: str) -> str:
    return unicodedata.normalize("NFC", name)
