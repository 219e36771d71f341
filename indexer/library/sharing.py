"""Which of n indexers reads a file: decided by the file's name alone, so that they need not talk to each other."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from indexer.errors import UsageError

_FORM = re.compile(r"([0-9]{1,7})/([0-9]{1,7})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Share:
    """Part `number`, from 1, of `of` parts."""

    number: int
    of: int

    def has(self, root: str, path: str) -> bool:
        """Whether the file is in this part; every file is in exactly one of them, the same on every machine and in every run.

        SHA-256 of root and path, its first eight bytes as a number, modulo `of`.
        """
        digest = hashlib.sha256(f"{root}\0{path}".encode("utf-8", "surrogateescape")).digest()
        return int.from_bytes(digest[:8], "big") % self.of == self.number - 1


def parse_share(text: str | None) -> Share | None:
    """`3/16` as the third of sixteen parts; None for None.

    Raises:
        UsageError: it is not NUMBER/COUNT, or there is no such part.
    """
    if text is None:
        return None
    match = _FORM.fullmatch(text.strip())
    share = Share(*map(int, match.groups())) if match else None
    if share is None or not 1 <= share.number <= share.of:
        raise UsageError(f"{text!r} is no part: write the number of the part and how many there are, such as 3/16.")
    return share
