"""Pages as a person names them: by `page_id`, or by the path of their file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from indexer.cli.remote import RemoteLibrary
    from indexer.library import Library

PAGES_HELP = "Pages: by page_id, or by the path of their file, relative to its root."


def find_pages(lib: Library | RemoteLibrary, words: Sequence[str]) -> list[str]:
    """The `page_id`s that `words` name, in their order, each once; a path means all pages of that file.

    Raises:
        PageMissingError: no page has such a path. An id is not looked up here.
    """
    from indexer.errors import PageMissingError
    from indexer.library.listing import is_page_id
    from indexer.values import Condition, PageFilter

    found: dict[str, None] = {}
    for word in words:
        if is_page_id(word):
            found[word] = None
            continue
        listed = lib.pages(where=PageFilter((Condition("path", "=", (word,)),)), limit=200)
        if not listed.pages:
            raise PageMissingError(
                f"There is no page {word} in the library, by id or by path; `quire pages` lists both."
            )
        found.update((page.page_id, None) for page in listed.pages)
    return list(found)
