"""Documents: which consecutive pages of a stream belong together, how sure that is, and how good it is against the truth."""

from indexer.analysis.documents.baselines import cut_at_mean_length, cut_into_one, cut_into_singles
from indexer.analysis.documents.cuts import cut_by_merging, cut_by_threshold, find_threshold, measure_neighbours
from indexer.analysis.documents.learned import BreakClassifier, Reviewed, learn_breaks
from indexer.analysis.documents.looks import LOOKS_COLUMNS, find_blank_pages, measure_looks
from indexer.analysis.documents.metrics import (
    GroupingQuality,
    Interval,
    count_drags,
    find_intervals,
    measure_grouping,
    measure_groupings,
)
from indexer.analysis.documents.pairs import CHANNELS, Evidence, compare_stream
from indexer.analysis.documents.propose import Stream, prepare_stream, propose_documents
from indexer.analysis.documents.special import SpecialRule
from indexer.analysis.documents.streams import (
    BREAK,
    JOIN,
    UNDECIDED,
    Breaks,
    Decisions,
    Proposal,
    StreamPages,
    find_breaks,
    list_documents,
)

__all__ = [
    "BREAK",
    "CHANNELS",
    "JOIN",
    "LOOKS_COLUMNS",
    "UNDECIDED",
    "BreakClassifier",
    "Breaks",
    "Decisions",
    "Evidence",
    "GroupingQuality",
    "Interval",
    "Proposal",
    "Reviewed",
    "SpecialRule",
    "Stream",
    "StreamPages",
    "compare_stream",
    "count_drags",
    "cut_at_mean_length",
    "cut_by_merging",
    "cut_by_threshold",
    "cut_into_one",
    "cut_into_singles",
    "find_blank_pages",
    "find_breaks",
    "find_intervals",
    "find_threshold",
    "learn_breaks",
    "list_documents",
    "measure_grouping",
    "measure_groupings",
    "measure_looks",
    "measure_neighbours",
    "prepare_stream",
    "propose_documents",
]
