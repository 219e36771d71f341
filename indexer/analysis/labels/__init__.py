"""Labels and how well they can be told: who stays together, folds and splits, classifiers, figures, suspects."""

from indexer.analysis.labels.calibration import fit_temperature
from indexer.analysis.labels.grouping import Grouping, PagePlace, count_groups, group_pages
from indexer.analysis.labels.linear import LinearClassifier, choose_strength, fit_linear, log_loss, softmax
from indexer.analysis.labels.neighbours import (
    NEIGHBOURS,
    centroid_chances,
    label_centroids,
    label_spread,
    neighbour_chances,
    vote,
)
from indexer.analysis.labels.scores import LabelFigures, compare_accuracy, measure_labels
from indexer.analysis.labels.splitting import (
    FOLDS,
    LEAST_GROUPS,
    TEST,
    TRAIN,
    VALIDATION,
    Split,
    find_rare,
    make_folds,
    split_pages,
)
from indexer.analysis.labels.suspects import Suspects, find_suspects
from indexer.analysis.labels.values import Chances, GroupRule

__all__ = [
    "FOLDS",
    "LEAST_GROUPS",
    "NEIGHBOURS",
    "TEST",
    "TRAIN",
    "VALIDATION",
    "Chances",
    "GroupRule",
    "Grouping",
    "LabelFigures",
    "LinearClassifier",
    "PagePlace",
    "Split",
    "Suspects",
    "centroid_chances",
    "choose_strength",
    "compare_accuracy",
    "count_groups",
    "find_rare",
    "find_suspects",
    "fit_linear",
    "fit_temperature",
    "group_pages",
    "label_centroids",
    "label_spread",
    "log_loss",
    "make_folds",
    "measure_labels",
    "neighbour_chances",
    "softmax",
    "split_pages",
    "vote",
]
