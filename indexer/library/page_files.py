"""The files that the library's pages were read from, opened once more: inside their root, decoded in a process of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from indexer.errors import PictureError
from indexer.sources import DecodeLimits, HasPages
from indexer.values import Page, Picture

if TYPE_CHECKING:
    from indexer.library.core import Library


def limits_of(library: Library) -> DecodeLimits:
    """How much one file of the library's roots may ask of the machine."""
    return DecodeLimits(max_pixels=library.settings.max_pixels, max_bytes=library.settings.max_file_bytes)


def decode_page(library: Library, page: Page, *, max_side_px: int, enough_px: int | None = None) -> Picture:
    """A page from its file; see `OpenedFile.page`.

    Raises:
        PictureError: the file is gone, lies outside its root by now, or can't be read.
    """
    with open_page_file(library, page) as opened:
        return opened.page(page.page_number, max_side_px=max_side_px, enough_px=enough_px)


@contextmanager
def open_page_file(library: Library, page: Page) -> Iterator[HasPages]:
    """The file of a page, opened; PictureError as `decode_page` says."""
    file, root = locate_file(library, page), root_folder(library, page)
    with library.decoders.open_file(file, limits=limits_of(library), inside=root) as opened:
        yield opened


def locate_file(library: Library, page: Page) -> Path:
    """The file a page was read from; PictureError where it lies outside its root by now, or its root is unknown."""
    directory = root_folder(library, page)
    file = (directory / page.path).resolve()
    if not file.is_relative_to(directory):
        raise PictureError(f"{page.path} leads out of its root {directory}; it is not shown.")
    return file


def root_folder(library: Library, page: Page) -> Path:
    """The folder of a page's root, links resolved; PictureError where the library no longer knows that root."""
    root = library.manifest.root(page.root)
    if root is None:
        raise PictureError(f"{page.path} belongs to the root {page.root}, which the library no longer knows.")
    return Path(root.directory).resolve()
