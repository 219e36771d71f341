"""What was said of all streams at once, and what their last proposals came to: two small documents beside the manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import cast

from indexer.analysis.documents import SpecialRule
from indexer.errors import UsageError
from indexer.filters import parse_filter
from indexer.store.records import Records

BY_FOLDER = "folder"
_RULES = "documents"
_TALLIES = "document-streams"


@dataclass(frozen=True, slots=True)
class DocumentRules:
    """How streams are made and what special pages do in them.

    `by` is `folder` or `metadata.COLUMN`. `blanks` is what blank pages do. `separators` are filter expressions that tell separator
    sheets and targets, none by default, and `separator_rule` what those do. `known_counts` holds numbers of documents by stream.
    """

    by: str = BY_FOLDER
    blanks: SpecialRule = SpecialRule.COMPARE
    separators: tuple[str, ...] = ()
    separator_rule: SpecialRule = SpecialRule.BREAK_AROUND
    known_counts: Mapping[str, int] = field(default_factory=dict)

    def with_count(self, stream: str, count: int | None) -> DocumentRules:
        """The rules with this number of documents known of a stream, or none."""
        others = {name: number for name, number in self.known_counts.items() if name != stream}
        return replace(self, known_counts=others if count is None else {**others, stream: count})


@dataclass(frozen=True, slots=True)
class StreamTally:
    """What the last proposal of a stream came to; `stamp` says of which pages."""

    stamp: str
    documents: int
    doubtful: int


def make_rules(
    rules: DocumentRules,
    *,
    by: str | None = None,
    blanks: str | None = None,
    separators: tuple[str, ...] | None = None,
    separator_rule: str | None = None,
) -> DocumentRules:
    """The rules with what is given changed.

    Raises:
        UsageError: something given is no such rule.
        FilterError: a separator's filter can't be read.
    """
    if by is not None and by != BY_FOLDER and not (by.startswith("metadata.") and len(by) > len("metadata.")):
        raise UsageError(f"Streams can't be told by {by!r}: say folder, or metadata.COLUMN.")
    if separators is not None:
        parse_filter(separators)
    counts = rules.known_counts if by is None or by == rules.by else {}
    return DocumentRules(
        by=rules.by if by is None else by,
        blanks=rules.blanks if blanks is None else _read_rule(blanks),
        separators=rules.separators if separators is None else separators,
        separator_rule=rules.separator_rule if separator_rule is None else _read_rule(separator_rule),
        known_counts=counts,
    )


def load_rules(records: Records) -> DocumentRules:
    """The rules as they were saved, or the defaults."""
    found = records.load(_RULES)
    if found is None:
        return DocumentRules()
    return DocumentRules(
        by=str(found["by"]),
        blanks=SpecialRule(str(found["blanks"])),
        separators=tuple(cast("list[str]", found["separators"])),
        separator_rule=SpecialRule(str(found["separator_rule"])),
        known_counts=cast("Mapping[str, int]", found["known_counts"]),
    )


def save_rules(records: Records, rules: DocumentRules) -> None:
    """Keep them."""
    records.save(_RULES, {**asdict(rules), "separators": list(rules.separators)})


def load_tallies(records: Records) -> dict[str, StreamTally]:
    """The tallies by stream."""
    found = records.load(_TALLIES) or {"streams": {}}
    listed = cast("Mapping[str, tuple[str, int, int]]", found["streams"])
    return {stream: StreamTally(*tally) for stream, tally in listed.items()}


def load_shown_entry(records: Records) -> int:
    """The newest entry of the journal about breaks that pages show already."""
    return cast(int, (records.load(_TALLIES) or {}).get("entry", 0))


def save_tallies(records: Records, tallies: Mapping[str, StreamTally], *, entry: int) -> None:
    """Keep them; up to `entry` pages show what the journal says."""
    listed = {stream: [tally.stamp, tally.documents, tally.doubtful] for stream, tally in tallies.items()}
    records.save(_TALLIES, {"streams": listed, "entry": entry})


def _read_rule(text: str) -> SpecialRule:
    try:
        return SpecialRule(text)
    except ValueError:
        raise UsageError(f"{text!r} is no rule: say join, break or compare.") from None
