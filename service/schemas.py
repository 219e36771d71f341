"""What goes in and out over HTTP, beside the library's own answers (`indexer.library.results`)."""

from __future__ import annotations

from dataclasses import fields
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from indexer.analysis.hashing import SAME_PICTURE
from indexer.analysis.labels import GroupRule
from indexer.library.answering import MOST_ANSWERS
from indexer.library.duplicates import MIN_SIMILARITY
from indexer.library.learning import SUSPECTS
from indexer.library.learning_results import Evaluation, FinetuneReport, ProbeReport
from indexer.library.results import (
    BackupReport,
    BreakDecision,
    CheckReport,
    ClusterReport,
    DocumentsReport,
    DuplicateReport,
    IndexReport,
    MapReport,
    ReadReport,
    SearchBy,
    TruthRow,
)
from indexer.library.suggesting import LONGEST_WORD, MOST_WORDS
from indexer.library.words import DISTANCE_THRESHOLD, LONGEST_QUERY, MOST_SUGGESTED
from indexer.progress import Progress
from indexer.training.recipe import DEFAULT_RECIPE, ClassWeights, Recipe

PAGE_ID = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
_EXAMPLE_ID = "0b5f3a4e-7d3c-5a52-9c1e-6d1f2b8f9a10"

ClusterNumber = Annotated[int, Field(ge=0, le=2**31 - 1)]
PageId = Annotated[str, StringConstraints(pattern=PAGE_ID)]
Text = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]+$", min_length=1, max_length=1000)]
"""One line that may go into a path or a name."""
GroupName = Annotated[
    str, StringConstraints(pattern=r"^[^\s\x00-\x1f\x7f]([^\x00-\x1f\x7f]*[^\s\x00-\x1f\x7f])?$", max_length=200)
]
Filters = Annotated[list[Annotated[str, StringConstraints(max_length=1000)]], Field(max_length=32)]
Seed = Annotated[int, Field(ge=0, le=2**32 - 1)]
LabelField = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]+$", min_length=1, max_length=120)]
"""A field that labels are learned from: `label`, `group`, `metadata.NAME`, or just the NAME."""
ModelName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.\-]{0,99}$")]
"""What something learned is called."""


class Body(BaseModel):
    """Base of request bodies: unknown names are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Fault(BaseModel):
    """One place where a request does not fit."""

    where: str
    message: str


class Problem(BaseModel):
    """An error, in the shape of RFC 9457."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": "urn:quire:error:page-missing",
                "title": "Not Found",
                "status": 404,
                "detail": "The library has no such page. `GET /v1/pages` lists those it has.",
                "code": "page-missing",
                "request_id": "5f0c7d1e9a2b4c38",
            }
        }
    )

    type: str = Field(description="urn:quire:error:CODE; docs/errors.md and docs/http.md say what each means.")
    title: str
    status: int
    detail: str
    code: str = Field(description="The last part of `type`: stable, for programs.")
    request_id: str | None = None
    errors: list[Fault] | None = None


class GroupBody(Body):
    """The name to give; null takes it away."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"group": "drawings"}, {"group": None}]})

    group: GroupName | None


class NamesBody(Body):
    """One name for several clusters."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"clusters": [3, 7, 12], "group": "drawings"}]})

    clusters: Annotated[list[ClusterNumber], Field(min_length=1, max_length=10_000)]
    group: GroupName | None


class AnswerBody(Body):
    """The answer to a question: the group that its cluster (or another, `cluster`) is; or `keep`: all stays as it is.

    Without a group, what the question itself suggests.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [{"group": "drawings"}, {"keep": True}]})

    group: GroupName | None = None
    cluster: ClusterNumber | None = None
    keep: bool = False


class MoveBody(Body):
    """Pages that belong to another group than their cluster's; null gives them back to their cluster."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"page_ids": [_EXAMPLE_ID], "group": "drawings"}]})

    page_ids: Annotated[list[PageId], Field(min_length=1, max_length=10_000)]
    group: GroupName | None


class ApartBody(Body):
    """Pages of which no two are duplicates."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"page_ids": [_EXAMPLE_ID, "7c9e6679-7425-50de-944b-e07fc1f90ae7"]}]}
    )

    page_ids: Annotated[list[PageId], Field(min_length=2, max_length=1000)]


class RescanBody(Body):
    """What is said of these pages' scans: to be made again (true), fine as they are (false), or what their flags say (null)."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"page_ids": [_EXAMPLE_ID], "wanted": True, "note": "a hair on the glass"}]}
    )

    page_ids: Annotated[list[PageId], Field(min_length=1, max_length=10_000)]
    wanted: bool | None
    note: Text | None = None


class SheetBody(Body):
    """The pages of a contact sheet, in their order, and how it shall look; columns 0: as it fits."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"page_ids": [_EXAMPLE_ID], "format": "pdf"}]})

    page_ids: Annotated[list[PageId], Field(min_length=1, max_length=2000)]
    similarities: Annotated[list[float], Field(max_length=2000)] | None = None
    format: Literal["png", "pdf", "html"] = "png"
    columns: Annotated[int, Field(ge=0, le=60)] = 0
    tile_px: Annotated[int, Field(ge=24, le=1024)] = 220
    title: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = None


class ImportRow(Body):
    """A row of a table: which page, and its group (null: its cluster's) or document. What is left out is left as it is."""

    page_id: PageId | None = None
    root: Text | None = None
    path: Text | None = None
    page_number: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    group: GroupName | None = None
    document: Text | None = None


class ImportBody(Body):
    """The rows to take in; with `documents` their documents too; with `dry_run` nothing is decided."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"rows": [{"path": "sb48/art/p072.jpg", "group": "drawings"}], "dry_run": True}]
        }
    )

    rows: Annotated[list[ImportRow], Field(min_length=1, max_length=10_000)]
    documents: bool = False
    dry_run: bool = False


class UndoBody(Body):
    """Which decision to take back; none: the last one."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"entry": 4}, {}]})

    entry: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None


class ChooseKBody(Body):
    """The numbers of clusters to try."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"ks": [4, 8, 16, 32]}]})

    ks: Annotated[list[Annotated[int, Field(ge=1, le=4096)]], Field(min_length=1, max_length=32)]
    seed: Seed = 0


class SearchBody(Body):
    """What to look for, in words; filters as for `GET /v1/pages`. `in`: what pages show, the text on them, or both in one list; null:
    what the library has."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"text": "a bird with open wings", "filter": ["label=art"], "limit": 12},
                {"text": "transport to Prague", "in": "text"},
            ]
        }
    )

    text: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_QUERY)]
    filter: Filters = []
    limit: Annotated[int, Field(ge=1, le=MOST_ANSWERS)] = 12
    by: Annotated[SearchBy | None, Field(alias="in")] = None


class SuggestBody(Body):
    """The words to choose from, or null for the kinds of pages that Quire knows; how many for each cluster."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"words": ["watercolour", "line drawing"], "top": 2}, {}]}
    )

    words: (
        Annotated[
            list[Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_WORD)]],
            Field(min_length=1, max_length=MOST_WORDS),
        ]
        | None
    ) = None
    top: Annotated[int, Field(ge=1, le=MOST_SUGGESTED)] = 3


class BreakBody(Body):
    """One place: after which page, and whether a document begins there; null takes back what was said."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"after": _EXAMPLE_ID, "decision": "break"}]})

    after: PageId
    decision: Literal["break", "join"] | None

    def to_library(self) -> BreakDecision:
        """The same as the library takes it."""
        return BreakDecision(self.after, self.decision)


class BreaksBody(Body):
    """Decisions about one stream, as one entry of the history."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"stream": "scans/box 1", "decisions": [{"after": _EXAMPLE_ID, "decision": "break"}]}]
        }
    )

    stream: Text
    decisions: Annotated[list[BreakBody], Field(min_length=1, max_length=10_000)]


class AcceptBody(Body):
    """Which stream to accept as proposed; with `upto` only breaks up to that position, counted from 0."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"stream": "scans/box 1"}]})

    stream: Text
    upto: Annotated[int, Field(ge=0, le=2**31 - 1)] | None = None


class KnownCountBody(Body):
    """How many documents a stream holds; null: nobody knows."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"stream": "scans/box 1", "count": 40}]})

    stream: Text
    count: Annotated[int, Field(ge=1, le=2**31 - 1)] | None


class TruthBody(Body):
    """Which document a page really belongs to; without a page number, all pages of the file."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"path": "box 1/p001.jpg", "document": "letter 1"}]})

    path: Text
    document: Text
    stream: Text | None = None
    page_number: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None

    def to_library(self) -> TruthRow:
        """The same as the library takes it."""
        return TruthRow(self.path, self.document, self.stream, self.page_number)


CompareSetting = Literal["threshold", "proposed", "known-count", "decided", "one-document", "single-pages"]


class CompareBody(Body):
    """The true documents of pages; the settings to compare, or the usual ones."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"rows": [{"path": "box 1/p001.jpg", "document": "letter 1"}]}]}
    )

    rows: Annotated[list[TruthBody], Field(min_length=1, max_length=10_000)]
    settings: Annotated[list[CompareSetting], Field(max_length=6)] = []


SpecialPageRule = Literal["join", "break", "compare"]
"""What blank pages or separator sheets do: hang on the page before, stand alone, or count like any page."""
Views = Annotated[list[Literal["head", "foot", "colour"]], Field(max_length=3)]
"""Further vectors of each page."""
BlurMix = Annotated[list[Annotated[float, Field(ge=0, le=100)]], Field(min_length=1, max_length=8)]
"""Blur levels joined in each vector: radii in pixels."""
Weights = Annotated[list[Annotated[float, Field(gt=0, le=1e6)]], Field(min_length=1, max_length=8)]
"""How much each blur level counts."""


class IndexJob(Body):
    """What `quire index` does. No roots: all that the library knows."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"kind": "index"}, {"kind": "index", "prune": True}]})

    kind: Literal["index"]
    roots: Annotated[list[Text], Field(max_length=1000)] = []
    label_from: Annotated[str, StringConstraints(pattern=r"^(parent|none|[1-9][0-9]?)$")] | None = None
    metadata: Text | None = None
    model: Text | None = None
    checkpoint: Text | None = None
    limit: Annotated[int, Field(ge=0)] | None = None
    dry_run: bool = False
    prune: bool = False
    retry_skipped: bool = False
    views: Views | None = None
    part: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,7}/[0-9]{1,7}$")] | None = None
    blur_mix: BlurMix | None = None
    weights: Weights | None = None


class ReindexJob(Body):
    """What `quire reindex` does: the same pages with another model, beside the old, then switched at once."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"kind": "reindex", "model": "classic"}]})

    kind: Literal["reindex"]
    model: Text | None = None
    checkpoint: Text | None = None
    k: Annotated[int, Field(ge=1, le=65_536)] | None = None
    views: Views | None = None
    blur_mix: BlurMix | None = None
    weights: Weights | None = None


class ClusterJob(Body):
    """What `quire cluster` does."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"kind": "cluster", "k": 16, "seed": 0}]})

    kind: Literal["cluster"]
    k: Annotated[int, Field(ge=1, le=65_536)]
    seed: Seed = 0


NamesField = Annotated[str, StringConstraints(pattern=r"^(label|metadata\.[^\x00-\x1f\x7f\"]{1,100})$")]
"""Where pages have their names."""
Threshold = Annotated[float, Field(gt=0, le=2)]
"""A cosine distance."""


class MeaningJob(Body):
    """What `quire cluster --by meaning` does: put together pages whose names mean much the same. No file: by the model's text side."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"kind": "meaning", "distance_threshold": 0.43}]})

    kind: Literal["meaning"]
    distance_threshold: Threshold = DISTANCE_THRESHOLD
    names: NamesField = "label"
    word_vectors: Text | None = None


class ReadTextJob(Body):
    """What `quire read-text` does: read the text on pages that were not read yet. Stopped, the next one goes on."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"kind": "read-text"}, {"kind": "read-text", "filter": ["label=notes"]}]}
    )

    kind: Literal["read-text"]
    engine: Literal["rapidocr", "tesseract"] | None = None
    languages: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_]{3,30}(\+[A-Za-z_]{3,30}){0,15}$")] | None = None
    filter: Filters = []
    limit: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = None
    again: bool = False


class ChooseThresholdBody(Body):
    """The distance thresholds to try."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"thresholds": [0.3, 0.43, 0.6]}]})

    thresholds: Annotated[list[Threshold], Field(min_length=1, max_length=32)]
    names: NamesField = "label"
    word_vectors: Text | None = None


class DocumentsJob(Body):
    """What `quire documents` does: propose the documents of all streams, or of one. What is not given stays as it was said before."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"kind": "documents"}]})

    kind: Literal["documents"]
    stream: Text | None = None
    by: Annotated[str, StringConstraints(pattern=r"^(folder|metadata\.[^\x00-\x1f\x7f\"]{1,100})$")] | None = None
    blanks: SpecialPageRule | None = None
    separators: Annotated[list[Text], Field(max_length=32)] | None = None
    separator_rule: SpecialPageRule | None = None


class MapJob(Body):
    """What `quire map` does: every page gets a place; with `new_only`, only pages that came after the map."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"kind": "map", "method": "tsne", "dims": 2, "seed": 0}]})

    kind: Literal["map"]
    method: Literal["tsne", "umap", "pca"] = "tsne"
    dims: Literal[2, 3] = 2
    seed: Seed = 0
    sample: Annotated[int, Field(ge=1000, le=2**31 - 1)] | None = None
    colour: Annotated[float, Field(ge=0, le=1)] = 0.0
    new_only: bool = False


class DuplicatesJob(Body):
    """What `quire duplicates` does: look for pages that were scanned twice; `GET /v1/duplicates` lists them then."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"kind": "duplicates"}]})

    kind: Literal["duplicates"]
    min_similarity: Annotated[float, Field(gt=0, le=1)] = MIN_SIMILARITY
    min_agreement: Annotated[float, Field(gt=0, le=1)] = SAME_PICTURE


class ProbeJob(Body):
    """What `quire finetune --probe` does: logistic regression on the stored embeddings, in seconds."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"kind": "probe"}, {"kind": "probe", "label": "group"}]})

    kind: Literal["probe"]
    label: LabelField = "label"
    name: ModelName | None = None
    keep_together: GroupRule = "auto"
    seed: Seed = 0


class FinetuneJob(Body):
    """What `quire finetune` does: train a network further on labels. Stopped, the same job goes on where it was."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"kind": "finetune", "base": "timm:mobilenetv2_100", "epochs": 8}, {"kind": "finetune"}]
        }
    )

    kind: Literal["finetune"]
    label: LabelField = "label"
    base: Text | None = None
    checkpoint: Text | None = None
    name: ModelName | None = None
    keep_together: GroupRule = "auto"
    sizes: Annotated[list[Annotated[int, Field(ge=16, le=2048)]], Field(max_length=8)] = []
    head_epochs: Annotated[int, Field(ge=0, le=10_000)] = DEFAULT_RECIPE.head_epochs
    epochs: Annotated[int, Field(ge=0, le=10_000)] = DEFAULT_RECIPE.epochs
    batch: Annotated[int, Field(ge=2, le=4096, multiple_of=2)] = DEFAULT_RECIPE.batch
    rate: Annotated[float, Field(ge=1e-8, le=10)] | None = None
    depth_ratio: Annotated[float, Field(ge=1, le=1e6)] = DEFAULT_RECIPE.depth_ratio
    weight_decay: Annotated[float, Field(ge=0, le=10)] = DEFAULT_RECIPE.weight_decay
    mixup: Annotated[float, Field(ge=0, le=10)] = DEFAULT_RECIPE.mixup
    smoothing: Annotated[float, Field(ge=0, le=0.9)] = DEFAULT_RECIPE.smoothing
    class_weights: ClassWeights = DEFAULT_RECIPE.class_weights
    patience: Annotated[int, Field(ge=1, le=10_000)] = DEFAULT_RECIPE.patience
    augment: bool = DEFAULT_RECIPE.augment
    from_scratch: bool = DEFAULT_RECIPE.from_scratch
    seed: Seed = 0

    def to_recipe(self) -> Recipe:
        """The same as the library takes it."""
        chosen = {one.name: getattr(self, one.name) for one in fields(Recipe)}
        return Recipe(**{**chosen, "sizes": tuple(self.sizes)})


class EvaluateJob(Body):
    """What `quire evaluate` does: ways of telling labels compared, and pages that are probably mislabelled."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"kind": "evaluate"}]})

    kind: Literal["evaluate"]
    label: LabelField = "label"
    model: ModelName | None = None
    suspects: Annotated[int, Field(ge=0, le=1000)] = SUSPECTS
    keep_together: GroupRule = "auto"
    seed: Seed = 0


class CheckJob(Body):
    """What `quire check` does. Nothing is mended: that takes the library for itself alone."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"kind": "check"}]})

    kind: Literal["check"]
    deep: bool = False


class BackupJob(Body):
    """What `quire backup` does. The file is written on the service's machine, and only for clients on that machine."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"kind": "backup", "file": "/backups/2026-03-01.tar"}]})

    kind: Literal["backup"]
    file: Text


JobRequest = (
    IndexJob
    | ReindexJob
    | ClusterJob
    | MeaningJob
    | ReadTextJob
    | DocumentsJob
    | DuplicatesJob
    | MapJob
    | ProbeJob
    | FinetuneJob
    | EvaluateJob
    | CheckJob
    | BackupJob
)
JobBody = Annotated[JobRequest, Field(discriminator="kind")]
Report = (
    IndexReport
    | ClusterReport
    | ReadReport
    | DocumentsReport
    | DuplicateReport
    | MapReport
    | ProbeReport
    | FinetuneReport
    | Evaluation
    | CheckReport
    | BackupReport
)
"""What comes of a job."""


class JobState(StrEnum):
    """Where a job is in its life."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_over(self) -> bool:
        """Nothing more will happen to such a job."""
        return self in (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


class JobView(BaseModel):
    """A job: what was asked, how far it is, what came of it."""

    model_config = ConfigDict(frozen=True)

    id: str
    kind: Literal[
        "index",
        "reindex",
        "cluster",
        "meaning",
        "read-text",
        "documents",
        "duplicates",
        "map",
        "probe",
        "finetune",
        "evaluate",
        "check",
        "backup",
    ]
    state: JobState
    who: str
    request: JobBody
    created: str = Field(description="When it was asked for; ISO 8601, UTC.")
    started: str | None = None
    finished: str | None = None
    progress: Progress | None = None
    report: Report | None = None
    error: Problem | None = None


class FacetView(BaseModel):
    """How many pages have each value of a field."""

    field: str
    counts: dict[str, int]


class ColoursView(BaseModel):
    """What each page has in one field. The number of a page is its place in `names`; 65,535 says that it has nothing there."""

    by: str
    names: list[str]
    counts: list[int]
    colours: list[str] = Field(description="The colour of each name, as #rrggbb.")
    values: str = Field(description="Base64 of little-endian uint16, one a page in shelf order.")


class WallView(BaseModel):
    """How large a wall is, in cells and in tiles: level 0 is one tile, in the last a page has `page_px` pixels."""

    source: Literal["map", "shelf"]
    columns: int
    rows: int
    pages: int
    version: str
    tile_px: int
    page_px: int
    levels: int


class WallPagesView(BaseModel):
    """The pages of a rectangle of cells, row by row; null where none hangs."""

    x0: int
    y0: int
    x1: int
    y1: int
    page_ids: list[str | None]


class HealthView(BaseModel):
    """The process answers."""

    status: Literal["alive"] = "alive"


class ReadyView(BaseModel):
    """The service can do its work."""

    status: Literal["ready"] = "ready"
    store: Literal["answers"] = "answers"
    model: Literal["loaded", "not yet needed"]
