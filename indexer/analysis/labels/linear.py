"""A linear classifier of embeddings: what a probe is, and what the head of a fine-tuned network is, in one form."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from indexer.analysis.kmeans import one_thread
from indexer.analysis.labels.values import Chances
from indexer.errors import UsageError
from indexer.values import Labels, Matrix, Vector

STRENGTHS = (1.0, 10.0, 100.0, 1000.0)
"""Inverse strengths of the penalty that are tried. Unit vectors are small numbers: scikit-learn's own 1 is often too strict."""
_MOST_STEPS = 1_000
_NEVER = -1e4
"""The bias of a label that was never seen: e to this is no chance at all."""


@dataclass(frozen=True, slots=True, eq=False)
class LinearClassifier:
    """Softmax of `vectors @ weights.T + bias`: `weights` float32 [L, D] and `bias` float32 [L] over unit vectors."""

    weights: Matrix
    bias: Vector

    def chances(self, vectors: Matrix) -> Chances:
        """float32 [N, L] for unit `vectors` [N, D]; rows sum to 1."""
        return softmax(self.logits(vectors))

    def logits(self, vectors: Matrix) -> Matrix:
        """float32 [N, L] for unit `vectors` [N, D]."""
        return np.asarray(vectors @ self.weights.T + self.bias, dtype=np.float32)


def softmax(logits: Matrix) -> Chances:
    """float32 [N, L] from any [N, L]."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True), dtype=np.float32)


def fit_linear(vectors: Matrix, labels: Labels, kinds: int, *, strength: float = 100.0) -> LinearClassifier:
    """Logistic regression (scikit-learn, lbfgs) with all labels weighing the same, whatever their numbers of pages.

    Of `kinds` labels, one that no page has is never told. `strength` is scikit-learn's C. The same input gives the same classifier:
    it runs on one thread.

    Raises:
        UsageError: the pages have fewer than two labels.
    """
    present = np.unique(labels)
    if len(present) < 2:
        raise UsageError("A classifier needs pages of two labels or more.")
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(C=strength, class_weight="balanced", max_iter=_MOST_STEPS)
    with one_thread(), warnings.catch_warnings():
        # After a thousand steps the loss has long stopped to change in any figure that is told.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(vectors, labels)
    found, bias_of = np.asarray(model.coef_), np.asarray(model.intercept_)
    if len(found) == 1:  # two labels: scikit-learn keeps the difference of the second and the first
        found, bias_of = np.concatenate([-found / 2, found / 2]), np.concatenate([-bias_of / 2, bias_of / 2])
    weights = np.zeros((kinds, vectors.shape[1]), dtype=np.float32)
    bias = np.full(kinds, _NEVER, dtype=np.float32)
    weights[present], bias[present] = found, bias_of
    return LinearClassifier(weights, bias)


def choose_strength(
    train: tuple[Matrix, Labels],
    validation: tuple[Matrix, Labels],
    kinds: int,
    *,
    strengths: Sequence[float] = STRENGTHS,
) -> float:
    """Of `strengths` the one whose classifier, fitted on `train`, finds the labels of `validation` most likely; ties go to the stricter."""
    vectors, labels = validation
    losses = [log_loss(fit_linear(*train, kinds, strength=one).chances(vectors), labels) for one in strengths]
    return float(strengths[int(np.argmin(losses))])


def log_loss(chances: Chances, labels: Labels) -> float:
    """Mean of −log of the chance given to the true label, every label weighing the same; 0 is best."""
    own = -np.log(np.maximum(chances[np.arange(len(labels)), labels], 1e-12))
    sums = np.bincount(labels, weights=own)
    counts = np.bincount(labels)
    return float((sums[counts > 0] / counts[counts > 0]).mean())
