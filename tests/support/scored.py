"""Labels with scores, to judge, and what a threshold gives, counted the plain way."""

from typing import Any

import numpy as np

from ecom.evaluation.counts import Floats


def labels_and_scores(rows: int, seed: int, decimals: int) -> tuple[Any, Floats]:
    """Return scores with ties, of labels of which both classes occur."""
    random = np.random.default_rng(seed)
    labels = np.append([0, 1], random.integers(0, 2, rows - 2))
    scores: Floats = np.clip(0.2 * labels + 0.8 * random.random(rows), 0, 1).round(decimals)
    return labels, scores


def calibrated(rows: int = 2000, seed: int = 0) -> tuple[Any, Floats]:
    """Return labels drawn with the probability that their score says."""
    random = np.random.default_rng(seed)
    scores = np.round(random.beta(0.5, 2, rows), 3)  # some tie, and some are 0
    return (random.random(rows) < scores).astype(int), scores


def by_hand(labels: Any, scores: Floats, threshold: float) -> dict[str, float]:
    flagged = scores >= threshold
    return {
        "cost": float(np.sum(flagged & (labels == 0)) + 5 * np.sum(~flagged & (labels == 1))),
        "flagged": float(flagged.mean()),
        "precision": float(labels[flagged].mean()) if flagged.any() else 0.0,
        "recall": float(flagged[labels == 1].mean()),
    }
