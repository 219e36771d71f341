"""Streams proposed and reviewed: what a person decides is kept, and the rest follows at once."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import numpy as np

from indexer.analysis.documents import UNDECIDED, Proposal
from indexer.errors import ConflictError, PageMissingError, UsageError
from indexer.library.decisions import BreakPair, new_entry, with_breaks
from indexer.library.document_proposing import (
    NO_VIEWS,
    ReadyStream,
    Said,
    describe_proposal,
    gather_said,
    list_document_ids,
    propose,
    propose_leniently,
    ready_stream,
)
from indexer.library.document_rules import (
    DocumentRules,
    StreamTally,
    load_rules,
    load_shown_entry,
    load_tallies,
    make_rules,
    save_rules,
    save_tallies,
)
from indexer.library.document_streams import StreamIndex, load_pages, load_streams, read_streams
from indexer.library.results import (
    BreakDecision,
    DocumentsReport,
    StreamProposal,
    StreamSummary,
)
from indexer.progress import Meter, ProgressSink, ignore_progress
from indexer.values import Payload

if TYPE_CHECKING:
    from indexer.library.core import Library

_KEPT_BYTES = 512 * 2**20
"""Memory for streams kept ready between two corrections; the one in use is kept however large."""
_STREAMS_AT_ONCE = 64


class DocumentReview:
    """Proposals and decisions, stream by stream. Safe from many threads."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self._guard = threading.RLock()
        self._index: StreamIndex | None = None
        self._stamps: dict[int, str] = {}
        self._ready: OrderedDict[str, tuple[str, ReadyStream]] = OrderedDict()

    # ---- to look at ----

    def streams(self) -> list[StreamSummary]:
        """All streams in shelf order; none in an empty library."""
        if not self.library.is_filled:
            return []
        with self._guard:
            index = self.index()
            tallies = load_tallies(self.library.records)
            decided = self._count_decided(index)
            return [self._summarize(index, number, tallies, decided[number]) for number in range(len(index.names))]

    def propose(self, stream: str, *, known_count: int | None = None) -> StreamProposal:
        """The documents of one stream as they are now; `known_count` counts for this once. Nothing is written.

        Raises:
            NotFoundError: there is no such stream.
            UsageError: `known_count` can't be reached.
        """
        with self._guard:
            ready, said = self._ready_stream(stream), self._said(stream)
            if known_count is not None:
                proposal, notes = propose(ready, said, known_count), [] if ready.has_views else [NO_VIEWS]
                return describe_proposal(ready, said, proposal, known_count, notes)
            kept, entry = self.rules.known_counts.get(stream), self.library.decisions.entry
            if ready.latest is None or ready.latest[:2] != (entry, kept):
                proposal, notes = propose_leniently(ready, said, kept)
                ready.latest = (entry, kept, describe_proposal(ready, said, proposal, kept, notes))
            return ready.latest[2]

    def stream_of(self, page_id: str) -> str:
        """The stream that a page is in, or PageMissingError."""
        with self._guard:
            index = self.index()
            place = index.find_place(page_id)
        if place is None:
            raise PageMissingError(f"There is no page {page_id} in the library; `quire status` says what is.")
        return index.names[place[0]]

    def stream_of_page(self, page_id: str) -> StreamSummary:
        """The same with what is known of it."""
        with self._guard:
            name = self.stream_of(page_id)
            return next(summary for summary in self.streams() if summary.stream == name)

    @property
    def rules(self) -> DocumentRules:
        """What was said of all streams at once."""
        return load_rules(self.library.records)

    # ---- to decide ----

    def decide(self, stream: str, decisions: Sequence[BreakDecision], *, who: str | None = None) -> StreamProposal:
        """Say where documents begin, as one entry of the history; the rest of the stream is proposed anew at once.

        Raises:
            NotFoundError: there is no such stream.
            PageMissingError: a page is not in it.
            UsageError: nothing follows a page, or no decision is given.
            ConflictError: the known number of documents leaves no room for the decisions.
        """
        with self.library.deciding(), self._guard:
            ready = self._ready_stream(stream)
            if not decisions:
                raise UsageError("No decision was given.")
            pairs = [(*_find_pair(ready, decision.after), decision.decision) for decision in decisions]
            return self._enter(ready, pairs, who)

    def accept(self, stream: str, *, upto: int | None = None, who: str | None = None) -> StreamProposal:
        """Make the proposal a decision: all open breaks, or those up to and with the position `upto`, as they are proposed."""
        with self.library.deciding(), self._guard:
            ready, said = self._ready_stream(stream), self._said(stream)
            known = self.rules.known_counts.get(stream)
            proposal, _ = propose_leniently(ready, said, known)
            undecided = np.flatnonzero(proposal.decided == UNDECIDED)
            if upto is not None:
                undecided = undecided[undecided <= upto]
            pairs: list[BreakPair] = [
                (ready.ids[place], ready.ids[place + 1], "break" if proposal.breaks[place] else "join")
                for place in undecided.tolist()
            ]
            if not pairs:
                return self.propose(stream)
            return self._enter(ready, pairs, who)

    def set_known_count(self, stream: str, count: int | None) -> StreamProposal:
        """Say how many documents a stream holds ("this box holds 40 items"), or None that it is not known.

        Raises:
            NotFoundError: there is no such stream.
            UsageError: it can't be cut into so many documents, given its pages and what is decided.
        """
        with self.library.deciding(), self._guard:
            ready, said = self._ready_stream(stream), self._said(stream)
            propose(ready, said, count)
            save_rules(self.library.records, self.rules.with_count(stream, count))
            return self._write(ready, said)

    def set_rules(
        self,
        *,
        by: str | None = None,
        blanks: str | None = None,
        separators: Sequence[str] | None = None,
        separator_rule: str | None = None,
    ) -> DocumentRules:
        """Say how streams are made, and what blank pages and separator sheets do; what is None stays.

        Known numbers of documents are forgotten when streams are made another way. Proposals follow when next asked for.
        """
        with self.library.deciding(), self._guard:
            filters = None if separators is None else tuple(separators)
            rules = make_rules(self.rules, by=by, blanks=blanks, separators=filters, separator_rule=separator_rule)
            save_rules(self.library.records, rules)
            return rules

    def propose_all(
        self,
        *,
        stream: str | None = None,
        by: str | None = None,
        blanks: str | None = None,
        separators: Sequence[str] | None = None,
        separator_rule: str | None = None,
        progress: ProgressSink = ignore_progress,
    ) -> DocumentsReport:
        """Propose the documents of all streams, or of one, and write them to the pages (`document`).

        Rules that are given are set first. Memory is bounded: streams are read and let go of one after the other.

        Raises:
            PageMissingError: the library holds no pages yet.
            NotFoundError: there is no such stream.
            UsageError: something given is no rule.
        """
        began_s = time.monotonic()
        library = self.library
        with library.write(letting_decide=True):
            if any(rule is not None for rule in (by, blanks, separators, separator_rule)):
                self.set_rules(by=by, blanks=blanks, separators=separators, separator_rule=separator_rule)
            with self._guard:
                index = self.index()
            numbers = range(len(index.names)) if stream is None else [index.number_of(stream)]
            meter = Meter(progress, "finding documents", sum(len(index.members[number]) for number in numbers))
            notes: dict[str, None] = {}
            for begin in range(0, len(numbers), _STREAMS_AT_ONCE):
                self._propose_some(index, numbers[begin : begin + _STREAMS_AT_ONCE], meter, notes)
            meter.finish()
            library.collection.flush()
        chosen = set(numbers)
        summaries = [one for number, one in enumerate(self.streams()) if number in chosen]
        return DocumentsReport(
            streams=summaries,
            pages=sum(one.pages for one in summaries),
            documents=sum(one.documents for one in summaries),
            doubtful=sum(one.doubtful for one in summaries),
            seconds=time.monotonic() - began_s,
            notes=list(notes),
        )

    def follow_undo(self, entry: Payload) -> None:
        """Bring the pages in line after a decision about breaks was taken back."""
        with self._guard:
            self._follow(_pages_of(entry))

    def finish_interrupted(self) -> None:
        """Bring the pages in line with decisions that a process made and died before it could show them."""
        shown = load_shown_entry(self.library.records)
        if not self.library.is_filled or shown >= self.library.decisions.breaks_entry:
            return
        entries = dict(self.library.records.entries())
        late = [entry for number, entry in entries.items() if number > shown]
        told = [entry if entry["kind"] != "undo" else entries[cast(int, entry["undoes"])] for entry in late]
        with self.library.deciding(), self._guard:
            self._follow({page for entry in told if entry["kind"] == "break" for page in _pages_of(entry)})
            self._keep_tallies({}, self.index())

    def _follow(self, pages: set[str]) -> None:
        for stream in sorted({self.stream_of(page) for page in pages if self._has(page)}):
            self._write(self._ready_stream(stream), self._said(stream))

    # ---- how ----

    def index(self) -> StreamIndex:
        """The streams as they stand now; read anew when pages or rules changed."""
        rules, shelf = self.rules, self.library.shelf()
        index = self._index
        known = index is not None and index.shelf is shelf and index.generation == self.library.manifest.generation
        if index is None or not known or replace(index.rules, known_counts={}) != replace(rules, known_counts={}):
            self._index = index = read_streams(self.library, rules)
            self._stamps.clear()
        return index

    def _stamp(self, index: StreamIndex, number: int) -> str:
        if number not in self._stamps:
            self._stamps[number] = index.stamp_of(number)
        return self._stamps[number]

    def _ready_stream(self, stream: str) -> ReadyStream:
        index = self.index()
        number = index.number_of(stream)
        stamp = self._stamp(index, number)
        stamped, ready = self._ready.get(stream, ("", None))
        if ready is None or stamped != stamp:
            loaded = load_pages(self.library, index.ids_of(number))
            marks = np.array([index.is_separator[index.shelf.rank[page_id]] for page_id in loaded.ids], dtype=np.bool_)
            ready = ready_stream(stream, loaded, index.rules, marks)
            self._ready[stream] = (stamp, ready)
        self._ready.move_to_end(stream)
        while len(self._ready) > 1 and sum(kept.bytes for _, kept in self._ready.values()) > _KEPT_BYTES:
            self._ready.popitem(last=False)
        return ready

    def _said(self, stream: str) -> Said:
        return gather_said(self._ready_stream(stream).ids, self.library.decisions.breaks)

    def _has(self, page_id: str) -> bool:
        return self.index().find_place(page_id) is not None

    def _enter(self, ready: ReadyStream, pairs: Sequence[BreakPair], who: str | None) -> StreamProposal:
        """Into the journal, once it is sure that the decisions can be followed; then to the pages."""
        table = self.library.decisions.breaks
        self._check_room(ready, pairs)
        old = [(after, following, table.get(after, {}).get(following)) for after, following, _ in pairs]
        before = [[after, following, said.decision, said.who] for after, following, said in old if said is not None]
        details = {"stream": ready.name, "decisions": [list(pair) for pair in pairs], "before": before}
        self.library.decide(new_entry("break", who=who, **details))
        return self._write(ready, self._said(ready.name))

    def _check_room(self, ready: ReadyStream, pairs: Sequence[BreakPair]) -> None:
        known = self.rules.known_counts.get(ready.name)
        if known is None:
            return
        table = with_breaks(self.library.decisions.breaks, pairs, who="")
        try:
            propose(ready, gather_said(ready.ids, table), known)
        except UsageError as exc:
            raise ConflictError(
                f"The stream {ready.name} is said to hold {known} documents. Nothing was decided: {exc}"
            ) from exc

    def _write(self, ready: ReadyStream, said: Said) -> StreamProposal:
        """Propose, and let the pages show it."""
        index, known = self.index(), self.rules.known_counts.get(ready.name)
        proposal, notes = propose_leniently(ready, said, known)
        self._show(ready, proposal)
        stamp = self._stamp(index, index.number_of(ready.name))
        self._keep_tallies({ready.name: StreamTally(stamp, len(proposal.documents), proposal.doubtful)}, index)
        described = describe_proposal(ready, said, proposal, known, notes)
        ready.latest = (self.library.decisions.entry, known, described)
        return described

    def _propose_some(self, index: StreamIndex, numbers: Sequence[int], meter: Meter, notes: dict[str, None]) -> None:
        """Propose and write a few streams; each with the decisions there are at that moment."""
        rules, tallies = self.rules, {}
        loaded = load_streams(self.library, [index.ids_of(number) for number in numbers])
        for number, pages in zip(numbers, loaded, strict=True):
            name = index.names[number]
            marks = index.is_separator[[index.shelf.rank[page_id] for page_id in pages.ids]]
            ready = ready_stream(name, pages, rules, marks)
            with self.library.deciding(), self._guard:
                said = gather_said(ready.ids, self.library.decisions.breaks)
                proposal, told = propose_leniently(ready, said, rules.known_counts.get(name))
                self._show(ready, proposal)
                if name in self._ready:
                    self._ready[name][1].written = list(ready.written)
                tallies[name] = StreamTally(self._stamp(index, number), len(proposal.documents), proposal.doubtful)
            notes.update(dict.fromkeys(told))
            meter.advance(len(pages.ids))
        self._keep_tallies(tallies, index)

    def _show(self, ready: ReadyStream, proposal: Proposal) -> None:
        """Let the pages show their documents, those that show another."""
        changed = _find_changed(ready, proposal)
        if changed:
            self.library.collection.set_payload(list(changed), list(changed.values()))
            self.library.shelf_cache.forget_filters()

    def _keep_tallies(self, changed: dict[str, StreamTally], index: StreamIndex) -> None:
        with self._guard:
            known = {name: tally for name, tally in load_tallies(self.library.records).items() if name in index.numbers}
            entry = self.library.decisions.breaks_entry
            save_tallies(self.library.records, {**known, **changed}, entry=entry)

    def _summarize(
        self, index: StreamIndex, number: int, tallies: dict[str, StreamTally], decided: int
    ) -> StreamSummary:
        name = index.names[number]
        tally = tallies.get(name)
        if tally is None or tally.stamp != self._stamp(index, number):
            return StreamSummary(name, len(index.members[number]), 0, decided, 0)
        return StreamSummary(name, len(index.members[number]), tally.documents, decided, tally.doubtful)

    def _count_decided(self, index: StreamIndex) -> list[int]:
        counts = [0] * len(index.names)
        for after, said in self.library.decisions.breaks.items():
            place = index.find_place(after)
            for following in said if place is not None else ():
                after_that = index.find_place(following)
                if place is not None and after_that == (place[0], place[1] + 1):
                    counts[place[0]] += 1
        return counts


def _find_pair(ready: ReadyStream, after: str) -> tuple[str, str]:
    place = ready.places.get(after)
    if place is None:
        raise PageMissingError(f"There is no page {after} in the stream {ready.name}; nothing was decided.")
    if place + 1 == len(ready.ids):
        raise UsageError(f"The page {after} is the last of the stream {ready.name}: nothing follows that could begin.")
    return after, ready.ids[place + 1]


def _find_changed(ready: ReadyStream, proposal: Proposal) -> dict[str, Payload]:
    """The pages that show another document than proposed, with what they are to show; from here on they count as written."""
    shown, ready.written = ready.written, list(list_document_ids(ready.ids, proposal))
    rows = zip(ready.ids, shown, ready.written, strict=True)
    return {page_id: {"document": new} for page_id, old, new in rows if new != old}


def _pages_of(entry: Payload) -> set[str]:
    return {after for after, _, _ in cast("list[tuple[str, str, str | None]]", entry["decisions"])}
