"""Values that the modules about labels hand to each other.

Letters in shapes, beside those of `indexer.values`: L labels. A label is a number from 0 here; its name is known to who asks.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

GroupRule = Literal["auto", "notebook", "folder", "document", "series", "file"]
"""What keeps pages together when some are held out."""
Chances = NDArray[np.float32]
"""float32 [N, L]: how likely each label is for each page; rows sum to 1."""
