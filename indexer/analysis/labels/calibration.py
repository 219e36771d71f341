"""How sure a classifier may be: one number that all its logits are divided by (Guo et al., ICML 2017, arXiv:1706.04599)."""

from __future__ import annotations

import numpy as np

from indexer.values import Labels, Matrix

BOUNDS = (0.05, 20.0)


def fit_temperature(logits: Matrix, labels: Labels) -> float:
    """The temperature in 0.05 … 20 that makes the true `labels` [N] likeliest under softmax of `logits` [N, L] / temperature.

    1 where there is nothing to learn from. Which label is likeliest stays as it is.
    """
    if not len(labels):
        return 1.0
    from scipy.optimize import minimize_scalar

    rows = np.arange(len(labels))
    shifted = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)

    def loss(log_temperature: float) -> float:
        scaled = shifted / np.exp(log_temperature)
        return float((np.log(np.exp(scaled).sum(axis=1)) - scaled[rows, labels]).mean())

    found = minimize_scalar(loss, bounds=tuple(np.log(BOUNDS)), method="bounded", options={"xatol": 1e-4})
    return float(np.exp(found.x))
