"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Optional

import typer

LibraryOption = Annotated[
    Optional[Path],  # noqa: UP045 - typer reads it at run time, in this form on all versions
    typer.Option("--library", "-L", metavar="DIR", help="The library's directory (or QUIRE_LIBRARY)."),
]
QdrantOption = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--qdrant", metavar="URL", help="A Qdrant server that keeps the vectors (or QUIRE_QDRANT_URL)."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for a program to read.")]
FilterOption = Annotated[
    Optional[list[str]],  # noqa: UP045
    typer.Option(
        "--filter", "-f", metavar="FIELD=VALUE", help="Only such pages: label=art, metadata.year>=1936; again for more."
    ),
]
ModelOption = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--model", "-m", metavar="MODEL", help="open_clip:ARCH/PRETRAINED, timm:MODEL, pixels, classic."),
]
CheckpointOption = Annotated[
    Optional[Path],  # noqa: UP045
    typer.Option("--checkpoint", metavar="FILE", help="A local file with the model's weights."),
]
DeviceOption = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--device", metavar="DEVICE", help="auto, cpu, cuda, cuda:1 or mps."),
]
WhoOption = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option("--who", metavar="NAME", help="Who decides, for the history; default: the login name."),
]
BlurMixOption = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--blur-mix",
        metavar="PX[,PX…]",
        help="Join vectors of the page at these blur levels, such as 0,4,16: the blurred ones see colour; 0: the sharp page alone.",
    ),
]
WeightsOption = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--weights", metavar="W[,W…]", help="How much each blur level counts, such as 2,1,1; default: all alike."
    ),
]
ViewsOption = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--views", metavar="VIEW[,VIEW…]", help="Further vectors of each page: head, foot (a fifth of it each), colour."
    ),
]
RayOption = Annotated[
    Optional[str],  # noqa: UP045
    typer.Option(
        "--ray",
        metavar="local|auto|ADDRESS",
        help="Have files read and embedded by a Ray cluster, on its GPUs where it has some.",
    ),
]


def parse_floats(text: str | None) -> list[float] | None:
    """`0,4,16` as numbers, None as it is; UsageError for anything else."""
    from indexer.errors import UsageError

    if text is None:
        return None
    try:
        return [float(word) for word in text.split(",")]
    except ValueError:
        raise UsageError(f"{text!r} is no number, nor several with commas between them, such as 0,4,16.") from None
