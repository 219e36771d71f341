"""Names put together by what they mean: word vectors, averaged for names of several words, and agglomerative clustering by cosine.

The same as scikit-learn called by hand: average linkage, cosine distance, cut at a threshold.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from indexer.errors import UsageError
from indexer.values import Labels, Matrix, Vector

MOST_NAMES = 5_000
"""Different names at most: the distances between all of them take 200 MB then, and the time grows with their square."""
_WORD = re.compile(r"[^\W\d_]+|\d+")
_HUMP = re.compile(r"(?<=[^\W\d_A-Z])(?=[A-Z])")


def split_words(name: str) -> list[str]:
    """The words of a name, in lower case: `alarm-clock`, `alarm_clock`, `AlarmClock` and `alarm clock` have the same two."""
    return [word.lower() for word in _WORD.findall(_HUMP.sub(" ", name))]


def average_words(
    names: Sequence[str], vectors: Mapping[str, Vector], *, dimensions: int
) -> tuple[Matrix, NDArray[np.bool_]]:
    """For each name the mean of its words' vectors, float32 [N, D], and whether any word of it is known, bool [N].

    Words that are not in `vectors` have no say; a name of which no word is known has a row of zeros.
    """
    rows = np.zeros((len(names), dimensions), dtype=np.float32)
    known = np.zeros(len(names), dtype=np.bool_)
    for row, name in enumerate(names):
        found = [vectors[word] for word in split_words(name) if word in vectors]
        if found:
            rows[row] = np.mean(found, axis=0)
            known[row] = bool(np.any(rows[row]))
    return rows, known


def group_names(vectors: Matrix, known: NDArray[np.bool_], *, distance_threshold: float) -> Labels:
    """The group of each name, int32 [N], from 0 in the order of their first names.

    Groups are merged as long as the mean cosine distance between their names is below `distance_threshold` (0 to 2). A name that
    is not `known` is a group of its own.

    Raises:
        UsageError: a threshold out of range, or more than 5,000 names.
    """
    check_threshold(distance_threshold)
    check_names(len(vectors))
    labels = np.full(len(vectors), -1, dtype=np.int64)
    chosen = np.flatnonzero(known)
    if len(chosen) == 1:
        labels[chosen] = 0
    elif len(chosen):
        from sklearn.cluster import AgglomerativeClustering

        model = AgglomerativeClustering(
            n_clusters=None, metric="cosine", linkage="average", distance_threshold=distance_threshold
        )
        labels[chosen] = model.fit_predict(vectors[chosen])
    strangers = np.flatnonzero(~known)
    labels[strangers] = labels.max(initial=-1) + 1 + np.arange(len(strangers))
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int32)
    rank[np.argsort(first)] = np.arange(len(first), dtype=np.int32)
    return np.asarray(rank[inverse], dtype=np.int32)


def check_threshold(distance_threshold: float) -> None:
    """Raise UsageError unless it is above 0 and at most 2."""
    if not 0 < distance_threshold <= 2:
        raise UsageError(
            f"A distance threshold of {distance_threshold:g} makes no sense: cosine distances are 0 to 2. Begin with 0.43."
        )


def check_names(count: int) -> None:
    """Raise UsageError where there are more different names than are compared."""
    if count > MOST_NAMES:
        raise UsageError(
            f"There are {count:,} different names, and at most {MOST_NAMES:,} are compared with each other. Take a field with fewer."
        )
