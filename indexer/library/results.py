"""What the library answers: plain values, the same from a library in the process, over HTTP and in `--json`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from indexer.values import JsonScalar, ModelSpec, Page, Skip


@dataclass(frozen=True, slots=True)
class IndexReport:
    """What a run of `index` or `reindex` did, in pages unless it says files."""

    added: int
    changed: int
    unchanged: int
    gone: int
    """Pages whose file is no longer there; they stay in the library until `--prune`."""
    removed: int
    skipped: list[Skip]
    unmatched_metadata: list[str]
    pages: int
    """Pages in the library now."""
    seconds: float
    generation: int
    model: ModelSpec | None
    from_thumbnails: int = 0
    """Pages that `reindex` could only see as thumbnails, because their files are gone."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """One cluster of the current run."""

    cluster: int
    size: int
    group: str | None
    inertia: float
    exemplars: list[str]
    """`page_id`s of the pages nearest to the centroid when the run was made, nearest first."""
    similarity_median: float
    """Half of the members are more alike to the centroid than this."""
    similarity_low: float
    """Nineteen of twenty members are."""
    exemplar_paths: list[str] = field(default_factory=list)
    """Paths of the exemplars, in their order."""
    names: list[str] = field(default_factory=list)
    """The names whose pages it holds, where clusters were made by the meaning of names."""
    looks_like: list[WordSuggestion] = field(default_factory=list)
    """Words that its pages look like, where they were asked for."""


@dataclass(frozen=True, slots=True)
class WordSuggestion:
    """A word that could name a cluster, and the cosine of its vector with the centroid."""

    word: str
    similarity: float


@dataclass(frozen=True, slots=True)
class ClusterWords:
    """What a cluster looks like, in words, most alike first."""

    cluster: int
    words: list[WordSuggestion]


@dataclass(frozen=True, slots=True)
class Question:
    """Something about names that only a person can decide, with the evidence.

    `kind`: `split`, `merge`, `strays`, `lost` or `unplaced`. `cluster` is -1 where it is about no single one. Until it is answered,
    its `pages` pages keep the group that they had. `suggestion` is what the evidence favours. `number` counts from 1 within a run.
    """

    kind: str
    cluster: int
    text: str
    candidates: list[Candidate]
    number: int = 0
    suggestion: str | None = None
    pages: int = 0


@dataclass(frozen=True, slots=True)
class Candidate:
    """One possible answer to a question: a group and how many of the cluster's pages had it."""

    group: str
    pages: int
    share: float


@dataclass(frozen=True, slots=True)
class ClusterReport:
    """What a run of `cluster` made."""

    run: int
    k: int
    seed: int
    pages: int
    inertia: float
    seconds: float
    clusters: list[Cluster]
    questions: list[Question]
    unknown_names: list[str] = field(default_factory=list)
    """Names of which no word is known, where clusters were made by meaning; each is a cluster of its own."""
    unnamed: int = 0
    """Pages in no cluster then, as they have no name."""


@dataclass(frozen=True, slots=True)
class ThresholdChoice:
    """How many clusters of names a distance threshold would give, and how many names are in the largest."""

    distance_threshold: float
    clusters: int
    largest: int


@dataclass(frozen=True, slots=True)
class KChoice:
    """How well k clusters would fit: higher silhouette, stability and agreement are better, lower inertia is.

    `stability` is the mean adjusted Rand index of the clusters with those of five draws of four fifths of the pages, and
    `stability_range` its lowest and highest; `agreement` the normalized mutual information with the labels. None where it
    can't be told. `is_knee`: beyond this k, more clusters stop to lower the inertia by much.
    """

    k: int
    silhouette: float | None
    inertia: float
    stability: float | None = None
    stability_range: tuple[float, float] | None = None
    agreement: float | None = None
    is_knee: bool = False


@dataclass(frozen=True, slots=True)
class LabelGuess:
    """The label that a page probably has, by `method`: a learned model's name, `centroid` or `neighbours`.

    `unknown`: it is less alike to that label's centroid than nearly all of the label's own pages, so it may be of a kind never seen.
    """

    label: str
    probability: float
    runner_up: str | None
    runner_up_probability: float | None
    similarity: float
    threshold: float
    unknown: bool
    method: str


@dataclass(frozen=True, slots=True)
class Classification:
    """Where one uploaded page belongs. Where `unknown`, cluster and group say what came nearest.

    `guess` is its probable label, where something was learned from labels that fits the library's vectors.
    """

    name: str
    page_number: int
    cluster: int
    group: str | None
    similarity: float
    runner_up: int | None
    runner_up_group: str | None
    margin: float
    threshold: float
    unknown: bool
    guess: LabelGuess | None = None


@dataclass(frozen=True, slots=True)
class SimilarPage:
    """A page of the library and how alike it is."""

    similarity: float
    page: Page


@dataclass(frozen=True, slots=True)
class SimilarAnswer:
    """The pages most alike to one query page, most alike first."""

    name: str
    page_number: int
    pages: list[SimilarPage]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """An uploaded file, or a page of one, that could not be read; `code` is one of the words by which `index` tells skips apart."""

    name: str
    reason: str
    page_number: int | None = None
    code: str = "unreadable"


@dataclass(frozen=True, slots=True)
class ClassifyAnswer:
    """Answers for all pages of all files given, in order, and what could not be read."""

    pages: list[Classification]
    unreadable: list[Unreadable] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SimilarAnswers:
    """The same for similar pages."""

    pages: list[SimilarAnswer]
    unreadable: list[Unreadable] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class FoundPage:
    """A page that a text found.

    `similarity` is the cosine of the text's vector with the page's, `words` the BM25 score of the text on it, `fused` what its places
    in the two lists come to; each is None where it was not asked for, or the page is not in that list.
    """

    similarity: float | None
    page: Page
    words: float | None = None
    fused: float | None = None
    snippet: list[SnippetPart] = field(default_factory=list)
    """Where the text stands on the page; empty where none of its words was read there."""


@dataclass(frozen=True, slots=True)
class SnippetPart:
    """A piece of what was read on a page; `is_match` where it is a word that was looked for."""

    text: str
    is_match: bool


SearchBy = Literal["looks", "text", "both"]
"""What a text is compared with: what pages show, the text on them, or both in one list."""


@dataclass(frozen=True, slots=True)
class SearchAnswer:
    """The pages that a text found, best first: `by` looks, by text, or by both in one list."""

    text: str
    pages: list[FoundPage]
    by: SearchBy = "looks"
    note: str | None = None
    """Why only one of the two was asked, where both were wished."""


@dataclass(frozen=True, slots=True)
class ReadReport:
    """What a run of reading text did."""

    read: int
    with_text: int
    """Of those read, pages on which there was text."""
    waiting: int
    """Pages whose text is still to be read, those left out too."""
    engine: str
    skipped: list[Skip]
    seconds: float


@dataclass(frozen=True, slots=True)
class PageList:
    """Some pages in shelf order. `next_cursor` asks for those that follow; None when there are none."""

    pages: list[Page]
    total: int
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class RootStatus:
    """One root: a folder of scans."""

    name: str
    directory: str
    label_from: str


@dataclass(frozen=True, slots=True)
class Status:
    """What is in the library."""

    name: str
    place: str
    store: str
    pages: int
    clusters: int
    groups: dict[str, int]
    labels: dict[str, int]
    run: int
    generation: int
    model: ModelSpec | None
    roots: list[RootStatus]
    skipped: list[Skip]
    bytes_on_disk: int
    schema_version: int
    search_modes: list[str] = field(default_factory=list)
    """How `search` can find pages: `looks` where the model knows words, `text` where text was read, `both` with both."""
    views: list[str] = field(default_factory=list)
    """Vectors that every page has beside `page`: head, foot, colour."""


@dataclass(frozen=True, slots=True)
class NameReport:
    """What naming or moving changed."""

    group: str | None
    clusters: list[int]
    pages: int
    entry: int
    """The number of the decision in `history`."""


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """One decision of a person, or one computation that touched what a person decided."""

    entry: int
    kind: str
    who: str
    when: str
    text: str
    undone: bool = False
    undoable: bool = False
    """Whether `undo` takes it back."""
    details: dict[str, JsonScalar] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of thing that `check` met."""

    code: str
    text: str
    """What is wrong, in a sentence."""
    count: int
    """How many pages, files, centroids or lines it concerns."""
    examples: list[str]
    """A few of them."""
    is_damage: bool
    """Whether the library answers wrongly or not at all because of it; what merely takes up space, or waits, is none."""
    next_step: str
    is_repaired: bool = False


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What `check` looked at and found."""

    pages: int
    thumbnails_opened: int
    deep: bool
    seconds: float
    findings: list[Finding] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether no damage is left."""
        return all(found.is_repaired or not found.is_damage for found in self.findings)


@dataclass(frozen=True, slots=True)
class BackupReport:
    """What `backup` wrote, or `restore` read."""

    file: str
    library: str
    """The library's directory."""
    pages: int
    decisions: int
    thumbnails: int
    bytes: int
    """Of the file."""
    seconds: float


@dataclass(frozen=True, slots=True)
class RelocateReport:
    """What moving a library to another store did."""

    source: str
    target: str
    points: int
    """Pages and centroids that are equal on both sides now."""
    copied: int
    """Of these, those that had to be written."""
    removed: int
    """Points at the target that the source does not have."""
    decisions: int
    seconds: float
    note: str | None = None
    """What is left for a person to do."""


@dataclass(frozen=True, slots=True)
class StreamSummary:
    """A stream: pages in shelf order among which documents are looked for. `documents` is 0 until it is proposed as it is now."""

    stream: str
    pages: int
    documents: int
    decided: int
    """Breaks that a person decided, either way."""
    doubtful: int
    """Open breaks that the proposal has more than one chance in ten to be wrong about."""


@dataclass(frozen=True, slots=True)
class StreamPage:
    """One page of a stream, as much as a filmstrip shows."""

    page_id: str
    path: str
    page_number: int
    label: str | None
    flags: list[str]
    blank: bool


@dataclass(frozen=True, slots=True)
class Break:
    """The place between a page, `after`, and the next: whether a new document begins there, and how likely that is.

    `decided` is what a person said (`who`), or a rule about blank pages or separators (`who` is None then).
    """

    after: str
    is_break: bool
    probability: float
    decided: Literal["break", "join"] | None
    who: str | None


@dataclass(frozen=True, slots=True)
class Document:
    """Pages that belong together, from `first` to `last`, counted from 0 within their stream. Its id is that of its first page.

    `confidence` is the chance that its least certain break is right; `decided`: all of its breaks, at its ends and within, are.
    """

    document: str
    first: int
    last: int
    confidence: float
    decided: bool


@dataclass(frozen=True, slots=True)
class StreamProposal:
    """The documents of one stream of N pages, with its N − 1 places for breaks."""

    stream: str
    pages: list[StreamPage]
    breaks: list[Break]
    documents: list[Document]
    review_order: list[int]
    """Positions in `breaks` of those not decided, least certain first."""
    doubtful: int
    known_count: int | None
    notes: list[str] = field(default_factory=list)
    """What would make the proposal better, or could not be heeded."""


@dataclass(frozen=True, slots=True)
class BreakDecision:
    """What a person says of the place after a page; None takes back what was said."""

    after: str
    decision: Literal["break", "join"] | None


@dataclass(frozen=True, slots=True)
class DocumentsReport:
    """What proposing documents for all streams, or one, came to."""

    streams: list[StreamSummary]
    pages: int
    documents: int
    doubtful: int
    seconds: float
    notes: list[str]


@dataclass(frozen=True, slots=True)
class SimilarDocument:
    """A document and how alike its pages are to another's; `first_page` is its first page."""

    similarity: float
    document: str
    pages: int
    first_page: Page


@dataclass(frozen=True, slots=True)
class MapReport:
    """What `map` made. `sampled` pages were laid out; the other ones of `pages` were placed among them."""

    method: Literal["tsne", "umap", "pca"]
    dims: Literal[2, 3]
    seed: int
    pages: int
    sampled: int
    seconds: float


@dataclass(frozen=True, slots=True)
class MapInfo:
    """What the map in use is. `version` changes with each map; `is_older`: the library has been embedded with another model since."""

    method: Literal["tsne", "umap", "pca"]
    dims: Literal[2, 3]
    seed: int
    pages: int
    sampled: int
    made: str
    model: str
    version: str
    is_older: bool
    colour: float = 0.0
    """How much colours counted beside content, 0 to 1."""


@dataclass(frozen=True, slots=True)
class WallInfo:
    """A wall: `pages` in a grid, row by row from the top left; only the last row may be incomplete.

    `version` is another whenever the pages or their order are.
    """

    source: Literal["map", "shelf"]
    columns: int
    rows: int
    pages: int
    version: str


@dataclass(frozen=True, slots=True)
class DuplicateReport:
    """What looking for near-duplicates came to: how many sets, the pages in them, and how many pairs of pictures were compared."""

    sets: int
    pages: int
    compared: int
    seconds: float


@dataclass(frozen=True, slots=True)
class DuplicatePage:
    """A page of a set. `similarity` is that to the set's first page; None for that page, and where they only share a third."""

    similarity: float | None
    page: Page


@dataclass(frozen=True, slots=True)
class DuplicateSet:
    """Pages that are one, in shelf order: the lowest cosine and the lowest agreement of pictures among the pairs found.

    `is_exact`: they come from files that are equal bit by bit.
    """

    pages: list[DuplicatePage]
    similarity: float
    agreement: float
    is_exact: bool


@dataclass(frozen=True, slots=True)
class DuplicateList:
    """Some of the `total` sets, which hold `pages` pages. `made` is when they were looked for; None: never."""

    sets: list[DuplicateSet]
    total: int
    pages: int
    made: str | None
    min_similarity: float | None


@dataclass(frozen=True, slots=True)
class ApartReport:
    """Pages of which no two are duplicates, by a person's word, and the number of the decision in `history`."""

    page_ids: list[str]
    entry: int


@dataclass(frozen=True, slots=True)
class ValueShare:
    """How many pages have a value (None: those without one), and their share of all."""

    value: str | None
    pages: int
    share: float


@dataclass(frozen=True, slots=True)
class CrossTable:
    """How two fields agree: `counts[i][j]` of `pages` have the value `rows[i]` in the field `by` and `columns[j]` in `against`.

    `purity`: the share of pages that have the most common row of their column; `nmi` and `ari` are 1 for the same partition, and `ari`
    about 0 by chance.
    """

    by: str
    against: str
    rows: list[str]
    columns: list[str]
    counts: list[list[int]]
    pages: int
    purity: float
    nmi: float
    ari: float


@dataclass(frozen=True, slots=True)
class BalanceReport:
    """The class balance: `shares` by `label`, `group` and `notebook`, and how two fields agree."""

    pages: int
    shares: dict[str, list[ValueShare]]
    table: CrossTable


@dataclass(frozen=True, slots=True)
class MisplacedPage:
    """A page that has `value`, while a `share` of its nearest neighbours has `around`."""

    page: Page
    value: str
    around: str
    share: float


@dataclass(frozen=True, slots=True)
class MisplacedList:
    """Some of `total` pages among the wrong neighbours, worst first; `examined` pages were looked at."""

    by: str
    pages: list[MisplacedPage]
    total: int
    examined: int


@dataclass(frozen=True, slots=True)
class SheetPage:
    """A page on a contact sheet. `similarity`: to the middle of all, or to what was asked; None in shelf order."""

    similarity: float | None
    page: Page


@dataclass(frozen=True, slots=True)
class SheetPages:
    """What is on a contact sheet: some of `total` pages in their order, of which the last `outliers` are those farthest from the middle."""

    title: str
    pages: list[SheetPage]
    total: int
    outliers: int


@dataclass(frozen=True, slots=True)
class FlagCount:
    """A flag, what it says of a scan, how many pages have it, and whether it puts them on the rescan list unless told otherwise."""

    flag: str
    text: str
    pages: int
    wants_rescan: bool


@dataclass(frozen=True, slots=True)
class RescanLine:
    """A page on the rescan list.

    `open`: to be scanned again, for `reasons`. `again`: it was, and there still is a reason. `done`: it was, and is good now.
    `fine`: a person (`who`) said that it is fine as scanned. `asked` among the reasons: a person put it on the list.
    """

    page: Page
    state: Literal["open", "again", "done", "fine"]
    reasons: list[str]
    note: str | None = None
    who: str | None = None


@dataclass(frozen=True, slots=True)
class RescanList:
    """Some of the `total` lines, in shelf order; `open` of all lines are open. `next_cursor` asks for those that follow."""

    lines: list[RescanLine]
    total: int
    open: int
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class RescanReport:
    """What was said of these pages' scans, and the number of the decision in `history`."""

    page_ids: list[str]
    wanted: bool | None
    entry: int


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What `export` handed over."""

    directory: str
    pages: int
    files: int
    bytes: int
    left_out: list[Skip]
    table: str


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What `import` found and moved: pages by their new group (an empty name: back to their cluster), and the decisions made.

    `breaks` places between pages were cut or joined.
    """

    rows: int
    moved: dict[str, int]
    entries: list[int]
    breaks: int = 0


@dataclass(frozen=True, slots=True)
class HandOverReport:
    """What `documents export` wrote into a directory, beside `documents.csv`."""

    directory: str
    documents: int
    pages: int
    pdfs: int
    manifests: int


@dataclass(frozen=True, slots=True)
class TruthRow:
    """Which document a page really belongs to. Without a page number it speaks of all pages of its file."""

    path: str
    document: str
    stream: str | None = None
    page_number: int | None = None


@dataclass(frozen=True, slots=True)
class SettingQuality:
    """How good one way of finding documents was. `intervals`: low and high bound of 95 % by the figure's name."""

    setting: str
    pq: float
    weighted_pq: float
    document_f1: float
    page_f1: float
    stp: float
    mndd: int
    documents: int
    intervals: dict[str, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class StreamComparison:
    """One stream, or all together: its pages, its true documents, and each setting's figures."""

    stream: str
    pages: int
    documents: int
    settings: list[SettingQuality]


@dataclass(frozen=True, slots=True)
class ComparedPage:
    """A page with the number of its document, from 1 within its stream, by each setting; `real` is the truth."""

    stream: str
    path: str
    page_number: int
    documents: dict[str, int]
    errors: list[str]
    """Settings that have a break before this page where there is none, or none where there is one."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """Settings side by side against the truth. `unmatched` are paths of the truth that the library does not have."""

    settings: list[str]
    streams: list[StreamComparison]
    all: StreamComparison
    pages: list[ComparedPage]
    unmatched: list[str]
    notes: list[str]
