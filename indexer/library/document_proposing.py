"""From the pages of a stream and what people decided to its documents."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, cast

import numpy as np
from numpy.typing import NDArray

from indexer.analysis.documents import (
    BREAK,
    JOIN,
    UNDECIDED,
    BreakClassifier,
    Proposal,
    Stream,
    find_blank_pages,
    learn_breaks,
    prepare_stream,
    propose_documents,
)
from indexer.errors import UsageError
from indexer.library.decisions import BreakTable
from indexer.library.document_rules import DocumentRules
from indexer.library.document_streams import LoadedPages
from indexer.library.results import Break, Document, StreamPage, StreamProposal
from indexer.values import Matrix, Payload

_WORDS: Mapping[int, Literal["break", "join"] | None] = {BREAK: "break", JOIN: "join", UNDECIDED: None}
VALUES: Mapping[str, int] = {"break": BREAK, "join": JOIN}
NO_VIEWS = "Pages were told apart without vectors of their heads and feet; `quire reindex --views head,foot` adds them, which helps."
_LAST_DIGIT = 6
_ENOUGH_CORRECTIONS = 1_000
"""A hundred coefficients are learned from them; with more, the fit takes longer and says the same."""


@dataclass(eq=False, slots=True)
class ReadyStream:
    """A stream with its neighbours compared, to propose from again and again. `written` are the documents that its pages show."""

    name: str
    ids: list[str]
    pages: list[StreamPage]
    stream: Stream
    has_views: bool
    written: list[str | None]
    places: dict[str, int]
    vectors: Matrix | None
    latest: tuple[int, int | None, StreamProposal] | None = None
    """The last proposal, with the journal's entry and the known number of documents it was made with."""

    @property
    def bytes(self) -> int:
        """About what it takes in memory."""
        parts = self.stream.evidence.pages
        arrays = [part.nbytes for part in (parts.page, parts.head, parts.foot, parts.looks) if part is not None]
        return sum(arrays) + 1_000 * len(self.ids)


@dataclass(frozen=True, slots=True, eq=False)
class Said:
    """What people said of a stream: int8 [N − 1], who said it by position, and breaks between pages that are no neighbours now."""

    decisions: NDArray[np.int8]
    who: dict[int, str]
    separated: list[tuple[int, int]]


def ready_stream(name: str, loaded: LoadedPages, rules: DocumentRules, separators: NDArray[np.bool_]) -> ReadyStream:
    """Compare the pages of a stream."""
    parts = loaded.pages
    stream = prepare_stream(
        parts,
        blanks=rules.blanks,
        separators=separators if separators.any() else None,
        separator_rule=rules.separator_rule,
    )
    blank = np.zeros(len(loaded.ids), dtype=np.bool_) if parts.looks is None else find_blank_pages(parts.looks)
    pages = [
        _describe_page(page_id, payload, is_blank)
        for page_id, payload, is_blank in zip(loaded.ids, loaded.payloads, blank.tolist(), strict=True)
    ]
    written = [cast("str | None", payload.get("document")) for payload in loaded.payloads]
    has_views = parts.head is not None or parts.foot is not None
    places = {page_id: place for place, page_id in enumerate(loaded.ids)}
    return ReadyStream(name, loaded.ids, pages, stream, has_views, written, places, parts.page)


def gather_said(ids: list[str], table: BreakTable) -> Said:
    """What the table says of a stream. A join also holds for pages that came in between; a break between such is kept apart."""
    decisions = np.zeros(max(len(ids) - 1, 0), dtype=np.int8)
    who: dict[int, str] = {}
    joined: list[tuple[int, int, str]] = []
    separated: list[tuple[int, int]] = []
    places: dict[str, int] | None = None
    for place, page_id in enumerate(ids):
        for following, said in table.get(page_id, {}).items():
            if place + 1 < len(ids) and ids[place + 1] == following:
                decisions[place], who[place] = VALUES[said.decision], said.who
                continue
            if places is None:
                places = {one: number for number, one in enumerate(ids)}
            end = places.get(following, -1)
            if end > place and said.decision == "join":
                joined.append((place, end, said.who))
            elif end > place:
                separated.append((place, end))
    for begin, end, person in joined:
        for place in np.flatnonzero(decisions[begin:end] == UNDECIDED).tolist():
            decisions[begin + place], who[begin + place] = JOIN, person
    return Said(decisions, who, separated)


def propose(ready: ReadyStream, said: Said, known_count: int | None) -> Proposal:
    """The documents of a stream.

    Where a person put a break between two pages and others came in between since, it goes to the likeliest place among them.

    Raises:
        UsageError: the known number can't be reached with what is decided.
    """
    classifier = _learn_from_some(ready.stream, said.decisions)
    proposal = propose_documents(ready.stream, decisions=said.decisions, known_count=known_count, classifier=classifier)
    decisions = said.decisions.copy()
    for begin, end in said.separated:
        if not (decisions[begin:end] == BREAK).any() and (decisions[begin:end] == UNDECIDED).any():
            chances = np.where(decisions[begin:end] == UNDECIDED, proposal.probabilities[begin:end], -1.0)
            decisions[begin + int(chances.argmax())] = BREAK
    if np.array_equal(decisions, said.decisions):
        return proposal
    return propose_documents(ready.stream, decisions=decisions, known_count=known_count, classifier=classifier)


def propose_leniently(ready: ReadyStream, said: Said, known_count: int | None) -> tuple[Proposal, list[str]]:
    """The same, with notes; a known number that pages and decisions leave no way to reach any more is noted and not heeded."""
    notes = [] if ready.has_views else [NO_VIEWS]
    try:
        return propose(ready, said, known_count), notes
    except UsageError:
        if known_count is None:
            raise
        note = f"The known number of documents, {known_count}, can't be reached with the pages and decisions there are now."
        return propose(ready, said, None), [*notes, note]


def describe_proposal(
    ready: ReadyStream, said: Said, proposal: Proposal, known_count: int | None, notes: list[str]
) -> StreamProposal:
    """The proposal in the library's words."""
    chances = proposal.probabilities.astype(float).round(_LAST_DIGIT).tolist()
    rows = zip(ready.ids[:-1], proposal.breaks.tolist(), chances, proposal.decided.tolist(), strict=True)
    breaks = [
        Break(after, is_break, chance, _WORDS[decided], said.who.get(place))
        for place, (after, is_break, chance, decided) in enumerate(rows)
    ]
    settled = np.concatenate([[0], np.cumsum(proposal.decided == UNDECIDED)]).tolist()
    confidences = proposal.confidences.astype(float).round(_LAST_DIGIT).tolist()
    documents = [
        Document(
            document=ready.ids[first],
            first=first,
            last=last,
            confidence=confidence,
            decided=settled[min(last + 1, len(breaks))] == settled[max(first - 1, 0)],
        )
        for (first, last), confidence in zip(proposal.documents, confidences, strict=True)
    ]
    return StreamProposal(
        stream=ready.name,
        pages=ready.pages,
        breaks=breaks,
        documents=documents,
        review_order=proposal.review_order.tolist(),
        doubtful=proposal.doubtful,
        known_count=known_count,
        notes=notes,
    )


def list_document_ids(ids: list[str], proposal: Proposal) -> list[str]:
    """For each page the id of its document."""
    starts = np.concatenate([[0], np.flatnonzero(proposal.breaks) + 1, [len(ids)]]).tolist()
    return [ids[begin] for begin, end in pairwise(starts) for _ in range(begin, end)]


def _learn_from_some(stream: Stream, decisions: NDArray[np.int8]) -> BreakClassifier | None:
    """Where there are more corrections than it takes, what an even selection of them teaches, so that answers stay quick; else None."""
    places = np.flatnonzero(decisions != UNDECIDED)
    if len(places) <= _ENOUGH_CORRECTIONS:
        return None
    kept = places[np.linspace(0, len(places) - 1, _ENOUGH_CORRECTIONS).round().astype(np.intp)]
    some = np.zeros_like(decisions)
    some[kept] = decisions[kept]
    return learn_breaks([stream.review(some)])


def _describe_page(page_id: str, payload: Payload, is_blank: bool) -> StreamPage:
    return StreamPage(
        page_id=page_id,
        path=str(payload["path"]),
        page_number=cast(int, payload["page_number"]),
        label=cast("str | None", payload.get("label")),
        flags=list(cast("list[str]", payload.get("flags") or [])),
        blank=is_blank,
    )
