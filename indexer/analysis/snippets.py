"""Where the words that were looked for stand in a text: a piece of it, cut at spaces, the words marked."""

from __future__ import annotations

import re
import unicodedata

LONGEST = 180
"""Characters of a piece: two or three lines on a card."""
_BEFORE = 40
_WORD = re.compile(r"\w+")


def cut_snippet(text: str, query: str, *, longest: int = LONGEST) -> list[tuple[str, bool]]:
    """The piece of `text` with the most different words of `query` in it, the first of such, as parts: their letters, and whether they
    are such a word. Letters are compared as the search does: no capitals, no accents. Empty where none of the words stands there.
    """
    wanted = {fold(word) for word in _WORD.findall(query)}
    line = " ".join(text.split())
    found = [(at.start(), at.end(), folded) for at in _WORD.finditer(line) if (folded := fold(at[0])) in wanted]
    if not found:
        return []
    begin, end = _cut(line, _best(found, longest - _BEFORE), longest)
    parts = [("…", False)] if begin else []
    at = begin
    for start, stop, _ in found:
        if begin <= start and stop <= end:
            parts += [(line[at:start], False), (line[start:stop], True)]
            at = stop
    parts += [(line[at:end], False), ("…" if end < len(line) else "", False)]
    return [part for part in parts if part[0]]


def fold(word: str) -> str:
    """The word without capitals and accents."""
    plain = unicodedata.normalize("NFKD", word.casefold())
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


def _best(found: list[tuple[int, int, str]], width: int) -> int:
    """Where the best piece's first match begins."""
    best, most = 0, 0
    for first, (start, _, _) in enumerate(found):
        within: set[str] = set()
        for _, stop, word in found[first : first + width]:
            if stop > start + width:
                break
            within.add(word)
        if len(within) > most:
            best, most = start, len(within)
    return best


def _cut(line: str, match: int, longest: int) -> tuple[int, int]:
    """Begin and end of the piece around `match`, at spaces where there are any near."""
    end = min(len(line), max(match - _BEFORE, 0) + longest)
    begin = max(end - longest, 0) if end == len(line) else max(match - _BEFORE, 0)
    if begin and (space := line.find(" ", begin, match)) >= 0:
        begin = space + 1
    if end < len(line) and (space := line.rfind(" ", match, end)) > match:
        end = space
    return begin, end
