"""How a head's answers are judged beside the base's: right and wrong, mended and broken, and how sure it was.

How sure a head was is read off the softmax of its scores over the options of a question. Classical heads are trained
for just that; a Hamiltonian's scores are log-odds of each option by itself, whose softmax is too sure.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import log_softmax, softmax
from scipy.stats import binomtest

from experiments.heads.knowledge import FORMS, Question


def judge(
    base: np.ndarray, scores: np.ndarray, answers: np.ndarray, questions: tuple[Question, ...]
) -> dict[str, tuple[Any, str, str]]:
    """Compare scores (n_questions, n_options) with those of the base; their softmax are the probabilities."""
    right, before = scores.argmax(axis=1) == answers, base.argmax(axis=1) == answers
    fixed, broken = int((right & ~before).sum()), int((before & ~right).sum())
    shares = softmax(scores, axis=1)
    exact = np.eye(scores.shape[1])[answers]
    found = {
        "accuracy": (right.mean(), "1", "share of test questions answered rightly"),
        "base_accuracy": (before.mean(), "1", "share that the base alone answers rightly"),
        "fixed": (fixed, "1", "questions that the base got wrong and the head right"),
        "broken": (broken, "1", "the reverse"),
        "wrong_before": (int((~before).sum()), "1", "questions that the base got wrong"),
        "n_questions": (len(answers), "1", "test questions"),
        "p_value": (binomtest(fixed, max(fixed + broken, 1)).pvalue, "1", "McNemar's exact test"),
        "brier": (((shares - exact) ** 2).sum(axis=1).mean(), "1", "Brier score of the four probabilities"),
        "calibration_error": (_calibration_error(shares, right), "1", "expected calibration error, ten bins"),
        "nll": (-log_softmax(scores, axis=1)[np.arange(len(answers)), answers].mean(), "nat", "of the right option"),
    }  # fmt: skip
    for form in FORMS:
        here = np.array([question.form == form for question in questions])
        found[f"accuracy_{form}"] = (right[here].mean(), "1", f"accuracy on {form} questions")
        found[f"base_accuracy_{form}"] = (before[here].mean(), "1", f"the base's accuracy on {form} questions")
    return found


def _calibration_error(shares: np.ndarray, right: np.ndarray) -> float:
    """Return the mean distance of confidence and accuracy over ten equal bins of confidence."""
    confidence = shares.max(axis=1)
    bins = np.minimum((10 * confidence).astype(int), 9)
    gaps = [abs(confidence[bins == b].mean() - right[bins == b].mean()) * (bins == b).mean() for b in np.unique(bins)]
    return float(np.sum(gaps))
