"""What the experiments share: their rows beside the original's own figures, and what differs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.report import print_table
from indexer.library import Library
from indexer.output.map_png import draw_map, flatten, save_map_png


@dataclass(frozen=True, slots=True)
class Outcome:
    """An experiment's rows: what, here, in the original (a dash where it says nothing); and in what the two differ."""

    title: str
    rows: list[tuple[str, str, str]]
    differs: list[str]
    pictures: list[str] = field(default_factory=list)


def print_outcome(outcome: Outcome) -> None:
    """As Markdown."""
    print(f"## {outcome.title}\n")
    print_table(("", "here", "original"), outcome.rows)
    print("Differs: " + " · ".join(outcome.differs) + "\n")


def draw_library_map(library: Library, by: str, file: Path, *, title: str) -> None:
    """The library's map as a picture, coloured by a field."""
    data, colours = library.maps.read_map(), library.maps.colours(by)
    picture = draw_map(
        flatten(data.xyz), colours.values, colours.names, colours.counts, colours.colours, title=title, legend=by
    )
    save_map_png(picture, file)
