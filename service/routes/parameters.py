"""What several operations take from the path or the query."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Path, Query

from indexer.filters import FILTER_FIELDS, parse_filter
from indexer.library.answering import MOST_ANSWERS
from indexer.values import PageFilter
from service.schemas import PAGE_ID

_FIELDS = "|".join(FILTER_FIELDS)
FIELD_PATTERN = rf"^({_FIELDS}|metadata\.[\w.\- ]{{1,100}})$"
_FILTER_HELP = (
    "FIELD OP VALUE, with OP one of = != < <= > >=, and for = and != several values between commas: `label=art,notes`, "
    "`metadata.year>=1936`. Repeated, all must hold."
)


def get_filter(
    expressions: Annotated[
        list[Annotated[str, Query(max_length=1000)]] | None,
        Query(alias="filter", max_length=32, description=_FILTER_HELP, examples=["label=art"]),
    ] = None,
) -> PageFilter:
    """The pages that a request is about."""
    return parse_filter(expressions or [])


Where = Annotated[PageFilter, Depends(get_filter)]
Limit = Annotated[int, Query(ge=1, le=MOST_ANSWERS, description="The most pages to answer with.")]
"""As many as the library itself answers with at once, so that a command gets the same with a service as without."""
Colour = Annotated[
    float,
    Query(
        ge=0, le=1, description="How much colours count beside content; above 0 the library needs the view `colour`."
    ),
]
PathPageId = Annotated[
    str,
    Path(
        alias="page_id", pattern=PAGE_ID, description="A page's id.", examples=["0b5f3a4e-7d3c-5a52-9c1e-6d1f2b8f9a10"]
    ),
]
PathCluster = Annotated[int, Path(alias="cluster", ge=0, le=2**31 - 1, description="A cluster's number.", examples=[3])]
PathModelName = Annotated[
    str,
    Path(
        alias="name", pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-]{0,99}$", description="A learned model.", examples=["probe"]
    ),
]
PathJobId = Annotated[str, Path(alias="job_id", pattern=r"^[0-9a-f]{32}$", description="A job's id.")]
