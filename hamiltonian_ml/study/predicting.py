"""Predictions of a model for every row of a user's own table.

In: a fitted model and a pandas frame. Out: a frame of predictions, and their score where the true values are known.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.base import is_classifier

from hamiltonian_ml.estimators.base import HamiltonianEstimator
from hamiltonian_ml.study.tables import listed, numbers_of, require_columns


class PredictedTable(NamedTuple):
    """What a model says of a table.

    Attributes
    ----------
    predictions : DataFrame
        ``prediction``, or ``prediction_0`` and on for several targets, for a classifier ``probability_<class>``, and
        what the certificate says: ``trusted`` and, for a classifier, ``decided``; with the table's index.
    score : float
        Accuracy of a classifier, R2 of a regressor, over the rows that hold the true value; NaN if none does.
    n_scored : int
        Number of these rows.
    """

    predictions: pd.DataFrame
    score: float
    n_scored: int


def predict_table(model: HamiltonianEstimator, table: pd.DataFrame) -> PredictedTable:
    """Return predictions for every row, and their score where the table holds true values too.

    Raises
    ------
    ValueError
        If a feature of the model is missing or holds no numbers, a true class is none of the model's, or the model is
        a transformer.
    """
    if not hasattr(model, "predict"):
        raise ValueError(
            f"the model is a {type(model).__name__}, which predicts nothing; give a classifier or regressor."
        )
    names = getattr(model, "feature_names_in_", None)
    if names is None:
        raise ValueError("the model was fitted without names of columns; predict with it in Python.")
    require_columns(table, list(names))
    features = numbers_of(table[list(names)], may_drop=False)
    columns: dict[str, Any] = {"prediction": model.predict(features)}
    if is_classifier(model):
        odds = model.predict_proba(features)
        columns |= {f"probability_{label}": odds[:, k] for k, label in enumerate(model.classes_.tolist())}
    elif columns["prediction"].ndim == 2:
        columns = {f"prediction_{k}": values for k, values in enumerate(columns["prediction"].T)}
    certificate = model.certify(features)
    columns |= {name: certificate[name].values for name in ("trusted", "decided") if name in certificate}
    return PredictedTable(pd.DataFrame(columns, index=table.index), *_score(model, features, table))


def _score(model: HamiltonianEstimator, features: pd.DataFrame, table: pd.DataFrame) -> tuple[float, int]:
    """Return the score of the rows whose true value is there, and their number."""
    name = getattr(model, "target_name_", None)
    if name is None or name not in table.columns or table[name].isna().all():
        return float("nan"), 0
    known = table[name].notna()
    truth, features = table.loc[known, name], features[known]
    if not is_classifier(model):
        return float(model.score(features, numbers_of(truth.to_frame(), may_drop=False)[name].to_numpy())), len(truth)
    if model.classes_.dtype.kind not in "biuf":  # fit takes what is neither a number nor a truth value for text
        truth = truth.astype(str)
    unseen = sorted(set(truth.tolist()) - set(model.classes_.tolist()), key=str)
    if unseen:
        raise ValueError(
            f"column {name!r} holds the class {unseen[0]!r}, which the model never saw; it knows "
            f"{listed(model.classes_.tolist())}. Empty the column to predict without a score."
        )
    return float(model.score(features, np.array(truth.tolist(), dtype=model.classes_.dtype))), len(truth)
