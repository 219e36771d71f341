"""Files made to do harm, each with the weakness it aims at: `list_hostile()` has them all.

They are bytes with a name; what is hostile about a place in the file system (links, pipes, names) is in `places.py`. Sizes are chosen for
the limits of `LIMITS`, which tests set: a bomb need only be larger than those.
"""

from __future__ import annotations

from support.hostile.bombs import list_bombs
from support.hostile.boxes import list_boxes
from support.hostile.case import LIMITS, Hostile
from support.hostile.cuts import list_cuts
from support.hostile.endless import list_endless
from support.hostile.lies import list_lies
from support.hostile.notes import list_notes
from support.hostile.pdfs import list_pdfs
from support.hostile.tiffs import list_tiffs

__all__ = ["LIMITS", "Hostile", "list_hostile"]


def list_hostile() -> list[Hostile]:
    """All of them, in one order, each with a name of its own."""
    families = (list_bombs, list_lies, list_endless, list_tiffs, list_notes, list_pdfs, list_boxes, list_cuts)
    return [case for family in families for case in family()]
