"""``hamiltonian-ml predict``: what a model says of the rows of a table."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Annotated, Any

import typer

from hamiltonian_ml.commands.output import check_file, show


def predict(
    model: Annotated[Path, typer.Argument(help="Model that fit wrote.")],
    table: Annotated[Path, typer.Argument(help="CSV, TSV or Parquet file with the columns of the model.")],
    out: Annotated[Path | None, typer.Option(help="CSV file for the predictions; without it they are printed.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")] = False,
) -> None:
    """Predict every row of a table, with class probabilities and the word of the certificate.

    "trusted" and "decided" are about the numerics alone: whether the ground state of the learned Hamiltonian was found,
    and whether basis states left out could change the class. A trusted and decided prediction can be wrong.

    Where the table has the target, its filled rows are scored; the others are predicted only.
    """
    if out is not None:
        check_file(out)
    from hamiltonian_ml.bases.files import whole_file
    from hamiltonian_ml.estimators.persistence import load
    from hamiltonian_ml.study.predicting import predict_table
    from hamiltonian_ml.study.tables import read_table

    if not model.is_file():
        raise FileNotFoundError(f"there is no model {model}; hamiltonian-ml fit makes one.")
    with warnings.catch_warnings():  # of parameters that the file could not hold, which predictions do not need
        warnings.simplefilter("ignore", UserWarning)
        known = load(model)
    predictions, score, n_scored = predict_table(known, read_table(table))
    if out is None and not as_json:
        typer.echo(predictions.to_csv(index=False), nl=False)
        return
    trusted = float(predictions["trusted"].mean())
    found: dict[str, Any] = {
        "rows": len(predictions), "rows_scored": n_scored, "score": score, "share_of_rows_trusted": trusted,
    }  # fmt: skip
    if out is not None:
        out.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(out) as partial:
            predictions.to_csv(partial, index=False)
        found["written_to"] = str(out)
    else:
        found["predictions"] = predictions.to_dict(orient="list")
    show(found, as_json=as_json)
