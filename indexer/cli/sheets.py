"""The command that makes contact sheets: sheet."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from indexer.cli.opening import opened, settings_for
from indexer.cli.options import FilterOption, LibraryOption, QdrantOption

if TYPE_CHECKING:
    from indexer.cli.remote import RemoteLibrary
    from indexer.library import Library
    from indexer.values import PageFilter


class SheetFormat(StrEnum):
    """What a contact sheet is written as."""

    PNG = "png"
    PDF = "pdf"
    HTML = "html"


class SheetOrder(StrEnum):
    """How pages follow each other on a sheet."""

    TYPICAL = "typical"
    SHELF = "shelf"


def sheet(
    out: Annotated[Path, typer.Argument(metavar="FILE", help="The sheet: .png, .pdf (A4 pages) or .html (one file).")],
    cluster: Annotated[Optional[int], typer.Option("--cluster", min=0, help="Of this cluster.")] = None,  # noqa: UP045
    group: Annotated[Optional[str], typer.Option("--group", help="Of this group.")] = None,  # noqa: UP045
    filters: FilterOption = None,
    like: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--like", metavar="SCAN|PAGE", help="Of the pages most alike to a scan, or to a page of the library."
        ),
    ] = None,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=2000, help="The most pages; .png: 400.")] = 60,
    order: Annotated[
        SheetOrder, typer.Option("--order", help="Exemplars first and outliers last, or as on the shelf.")
    ] = SheetOrder.TYPICAL,
    columns: Annotated[int, typer.Option("--columns", min=0, max=60, help="Pages in a row; 0: as it fits.")] = 0,
    tile_px: Annotated[
        int, typer.Option("--tile-px", min=24, max=1024, help="The side of each page's square, in pixels.")
    ] = 220,
    title: Annotated[Optional[str], typer.Option("--title", help="Default: what it shows.")] = None,  # noqa: UP045
    library: LibraryOption = None,
    qdrant: QdrantOption = None,
) -> None:
    """Make a contact sheet of a cluster, a group, a filter, or of pages like one: exemplars first, outliers last."""
    from indexer.errors import UsageError
    from indexer.filters import parse_filter
    from indexer.output.files import written_whole
    from indexer.values import Condition, PageFilter

    kind = out.suffix.lower().removeprefix(".")
    if kind not in list(SheetFormat):
        raise UsageError(f"Cannot tell what sheet to write to {out.name}: end its name in .png, .pdf or .html.")
    conditions = list(parse_filter(filters or []).conditions)
    conditions += [Condition("cluster", "=", (cluster,))] if cluster is not None else []
    conditions += [Condition("group", "=", (group,))] if group is not None else []
    where = PageFilter(tuple(conditions))
    with opened(settings_for(library, qdrant)) as lib:
        if like is not None:
            ids, similarities, name = _find_like(lib, like, where, limit)
            data = lib.contact_sheet(
                kind,
                page_ids=ids,
                similarities=similarities,
                columns=columns,
                tile_px=tile_px,
                title=title or f"Pages like {name}",
            )
        else:
            data = lib.contact_sheet(
                kind,
                where=where,
                order=order.value,
                limit=limit,
                columns=columns,
                tile_px=tile_px,
                title=title,
            )
    out.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(out) as draft:
        draft.write_bytes(data)
    print(f"Written: {out}")


def _find_like(
    lib: Library | RemoteLibrary, like: str, where: PageFilter, limit: int
) -> tuple[list[str], list[float], str]:
    """The pages most alike to a file, or to a page of the library; how alike; and what that is called."""
    from indexer.cli.answers import read_scans
    from indexer.cli.choosing import find_pages
    from indexer.errors import PageMissingError

    if Path(like).expanduser().is_file():
        answers = lib.similar(read_scans([Path(like)]), where=where, limit=limit)
        if not answers.pages:
            raise PageMissingError(f"{like} can't be read: {answers.unreadable[0].reason}.")
        found = answers.pages[0].pages
        return [one.page.page_id for one in found], [one.similarity for one in found], Path(like).name
    (page_id, *_) = find_pages(lib, [like])
    listed = lib.sheet_pages(where=where, like=page_id, limit=limit)
    return (
        [one.page.page_id for one in listed.pages],
        [one.similarity or 0.0 for one in listed.pages],
        like,
    )
