"""Commands to look at all pages at once: map, wall."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, Optional, cast

import typer

from indexer.cli.opening import opened, settings_for
from indexer.cli.options import FilterOption, JsonOption, LibraryOption, QdrantOption

if TYPE_CHECKING:
    from indexer.cli.remote import RemoteLibrary
    from indexer.library import Library
    from indexer.library.colouring import PageColours
    from indexer.library.maps import MapData
    from indexer.library.results import MapInfo, MapReport
    from indexer.library.walls import Wall
    from indexer.output.wall_picture import Legend
    from indexer.progress import ProgressSink
    from indexer.values import Page

_PAGES_AT_A_TIME = 200
_MOST_IN_LEGEND = 40


class MapMethod(StrEnum):
    """How pages are laid out."""

    TSNE = "tsne"
    UMAP = "umap"
    PCA = "pca"


class WallSource(StrEnum):
    """What the order of a wall comes from."""

    MAP = "map"
    SHELF = "shelf"


ByOption = Annotated[
    Optional[str],  # noqa: UP045 - typer reads it at run time, in this form on all versions
    typer.Option(
        "--by", metavar="FIELD", help="Colours: label, cluster, group, document, notebook, flags, root, metadata.NAME."
    ),
]


def make_map(
    method: Annotated[
        MapMethod | None, typer.Option("--method", help="How pages are laid out [default: tsne].")
    ] = None,
    dims: Annotated[Optional[int], typer.Option("--dims", min=2, max=3, help="2 or 3 [default: 2].")] = None,  # noqa: UP045
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, help="The same seed gives the same map [default: 0].")
    ] = None,
    sample: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(
            "--sample", min=1000, help="Lay out this many pages, and place the others among them [default: 50000]."
        ),
    ] = None,
    colour: Annotated[
        Optional[float],  # noqa: UP045
        typer.Option("--colour", min=0.0, max=1.0, help="How much colours count beside content, 0 to 1 [default: 0]."),
    ] = None,
    new: Annotated[bool, typer.Option("--new", help="Only give places to pages that came after the map.")] = False,
    by: ByOption = None,
    png: Annotated[Path | None, typer.Option("--png", metavar="FILE", help="Draw the map as a picture.")] = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", metavar="FILE", help="Write the map as a page that works without a network."),
    ] = None,
    title: Annotated[
        str | None, typer.Option("--title", help="Of the picture or page; default: the library's name.")
    ] = None,
    library: LibraryOption = None,
    qdrant: QdrantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Lay out all pages so that those that look alike lie close together.

    With --png or --html and no option that would change the map, the map that is there is drawn as it is.
    """
    from indexer.cli.showing import duration, err, print_json, progress_bar

    with opened(settings_for(library, qdrant)) as lib, progress_bar() as progress:
        report: MapReport | None = None
        if new:
            report = lib.maps.place_new_pages(progress=progress)
        elif [method, dims, seed, sample, colour] != [None] * 5 or not (png or html) or _find_map(lib) is None:
            report = lib.maps.make_map(
                method=(method or MapMethod.TSNE).value,
                dims=cast("Literal[2, 3]", dims or 2),
                seed=seed or 0,
                sample=sample,
                colour=colour or 0.0,
                progress=progress,
            )
        drawn = _draw(lib, by or "label", png=png, html=html, title=title, progress=progress) if png or html else None
    if as_json:
        print_json(report or (drawn and drawn.info))
        return
    if report is not None:
        print(_tell(report, new=new) + f" ({duration(report.seconds)}).")
    if drawn is not None and drawn.info.is_older:
        err().print("The map was made with an earlier model's vectors; `quire map` makes it anew.")
    for file in (png, html):
        if file is not None:
            print(f"Written: {file}")


def make_wall(
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="The picture: .png or .jpg.")],
    source: Annotated[WallSource, typer.Option("--source", help="As on the map, or as on the shelf.")] = WallSource.MAP,
    by: ByOption = None,
    tile_px: Annotated[int, typer.Option("--tile-px", help="The side of each page's square, in pixels.")] = 64,
    columns: Annotated[Optional[int], typer.Option("--columns", min=1, help="Pages in a row.")] = None,  # noqa: UP045
    filters: FilterOption = None,
    library: LibraryOption = None,
    qdrant: QdrantOption = None,
    as_json: JsonOption = False,
) -> None:
    """Hang all pages in one picture, neighbours beside neighbours, or as they stand on the shelf."""
    from indexer.cli.showing import print_json, progress_bar
    from indexer.errors import PageMissingError
    from indexer.filters import parse_filter
    from indexer.output.wall_picture import check_wall_size, draw_wall, save_wall
    from indexer.progress import Meter

    with opened(settings_for(library, qdrant)) as lib, progress_bar() as progress:
        wall = lib.maps.make_wall(columns=columns, source=source.value, where=parse_filter(filters or ()))
        info = wall.info
        if not wall.ids:
            raise PageMissingError("No page passes the filter, so there is nothing to hang.")
        check_wall_size(info.columns, info.rows, tile_px=tile_px, path=out)
        colours, legend = _colour_cells(lib, wall, by) if by else (None, None)
        meter = Meter(progress, "hanging pages", len(wall.ids))
        picture = draw_wall(
            len(wall.ids),
            lambda place: _thumbnail(lib, wall.ids[place]),
            columns=info.columns,
            tile_px=tile_px,
            colours=colours,
            legend=legend,
            progress=lambda done: meter.advance(done - meter.done),
        )
        meter.finish()
    save_wall(picture, out)
    if as_json:
        print_json(info)
    else:
        print(f"{info.pages} pages, {info.columns} × {info.rows}: {out}")


def _find_map(lib: Library | RemoteLibrary) -> MapInfo | None:
    from indexer.errors import MapMissingError

    try:
        return lib.maps.describe()
    except MapMissingError:
        return None


def _tell(report: MapReport, *, new: bool) -> str:
    if new:
        return f"{report.pages} new pages have a place on the map" if report.pages else "Every page has a place already"
    laid = "" if report.sampled == report.pages else f"; {report.sampled} laid out, the others placed among them"
    return f"{report.pages} pages have a place on a map of {report.dims} dimensions by {report.method}{laid}"


def _draw(
    lib: Library | RemoteLibrary,
    by: str,
    *,
    png: Path | None,
    html: Path | None,
    title: str | None,
    progress: ProgressSink,
) -> MapData:
    from indexer.output.map_png import draw_map, flatten, save_map_png

    data, colours = lib.maps.read_map(), lib.maps.colours(by)
    heading = title or lib.status().name
    if png is not None:
        picture = draw_map(
            flatten(data.xyz),
            colours.values,
            colours.names,
            colours.counts,
            colours.colours,
            title=heading,
            subtitle=_subtitle(data, is_flat=True),
            legend=by.removeprefix("metadata."),
        )
        save_map_png(picture, png)
    if html is not None:
        _write_html(lib, data, colours, html, heading, progress)
    return data


def _subtitle(data: MapData, *, is_flat: bool) -> str:
    info = data.info
    method = {"tsne": "t-SNE", "umap": "UMAP", "pca": "principal components"}[info.method]
    seen = ", seen from the side that shows most" if info.dims == 3 and is_flat else ""
    colours = f", colours weighed {info.colour:g}" if info.colour else ""
    return f"{len(data.ids):,} pages · {method} of {info.model} in {info.dims} dimensions{colours}{seen} · seed {info.seed}"


def _write_html(
    lib: Library | RemoteLibrary, data: MapData, colours: PageColours, path: Path, title: str, progress: ProgressSink
) -> None:
    from indexer.output.map_html import THUMBNAILS_UP_TO, MapPages, render_map_html, save_map_html
    from indexer.output.pictures import make_thumbnail
    from indexer.progress import Meter
    from indexer.sources import decode_bytes

    meter = Meter(progress, "describing pages", len(data.ids))
    texts: dict[str, str] = {}
    pictures: dict[str, bytes | None] = {}
    for page in _every_page(lib):
        texts[page.page_id] = _describe(page)
        if len(data.ids) <= THUMBNAILS_UP_TO and (thumbnail := _thumbnail(lib, page.page_id)) is not None:
            picture = decode_bytes(thumbnail, name=page.path, max_side_px=128)[0].picture
            pictures[page.page_id] = make_thumbnail(picture.pixels, side_px=128) if picture else None
        meter.advance()
    meter.finish()
    pages = MapPages(
        [texts.get(page_id, "") for page_id in data.ids],
        [pictures.get(page_id) for page_id in data.ids] if pictures else [],
    )
    legend = colours.by.removeprefix("metadata.")
    html = render_map_html(
        data.xyz,
        colours.values,
        colours.names,
        colours.colours,
        pages,
        title=title,
        subtitle=_subtitle(data, is_flat=False),
        legend=legend,
    )
    save_map_html(html, path)


def _every_page(lib: Library | RemoteLibrary) -> Iterator[Page]:
    cursor: str | None = None
    while True:
        listed = lib.pages(limit=_PAGES_AT_A_TIME, cursor=cursor)
        yield from listed.pages
        cursor = listed.next_cursor
        if cursor is None:
            return


def _describe(page: Page) -> str:
    number = f", page {page.page_number}" if page.pages_in_file > 1 else ""
    lines = [f"{page.path}{number}"]
    lines += [f"label {page.label}"] if page.label else []
    lines += [f"group {page.group}"] if page.group else []
    return "\n".join(lines)


def _colour_cells(lib: Library | RemoteLibrary, wall: Wall, by: str) -> tuple[list[tuple[int, int, int]], Legend]:
    from indexer.library.colouring import NONE
    from indexer.output.palette import NO_VALUE
    from indexer.output.wall_picture import Legend

    found = lib.maps.colours(by)
    shelf = {page_id: rank for rank, page_id in enumerate(lib.maps.make_wall(source="shelf").ids)}
    palette = found.colours
    values = [int(found.values[shelf[page_id]]) for page_id in wall.ids]
    cells = [NO_VALUE if value == NONE else palette[value] for value in values]
    names, colours = found.names[:_MOST_IN_LEGEND], palette[:_MOST_IN_LEGEND]
    if NONE in values:
        names, colours = [*names, "none"], [*colours, NO_VALUE]
    return cells, Legend(by.removeprefix("metadata."), names, colours)


def _thumbnail(lib: Library | RemoteLibrary, page_id: str) -> bytes | None:
    from indexer.errors import PageMissingError

    try:
        return lib.page_thumbnail(page_id)
    except PageMissingError:
        return None
