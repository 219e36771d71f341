"""What a method must beat: cuts that look at no page."""

from __future__ import annotations

import numpy as np

from indexer.analysis.documents.streams import Breaks


def cut_into_one(pages: int) -> Breaks:
    """The whole stream as one document: bool [N − 1], all False."""
    return np.zeros(max(pages - 1, 0), dtype=np.bool_)


def cut_into_singles(pages: int) -> Breaks:
    """Every page a document of its own: bool [N − 1], all True."""
    return np.ones(max(pages - 1, 0), dtype=np.bool_)


def cut_at_mean_length(pages: int, mean_length: float) -> Breaks:
    """Documents of the mean length, rounded where it is not whole so that no error adds up: bool [N − 1]."""
    breaks = cut_into_one(pages)
    places = np.round(np.arange(1, int(pages / mean_length) + 1) * mean_length).astype(np.intp) - 1
    breaks[places[(places >= 0) & (places < pages - 1)]] = True
    return breaks
