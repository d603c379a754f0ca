"""Options that fit, preview and submit share, each in one place."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

MOST_QUBITS = 5000  # whose circuits take some ten seconds to write down; no processor has as many

Table = Annotated[Path, typer.Argument(help="CSV, TSV or Parquet file; its first line names the columns.")]
Target = Annotated[str, typer.Option(help="Column to predict.")]
Drop = Annotated[list[str] | None, typer.Option(help="Column to leave out; may be repeated.")]
Kind = Annotated[
    str,
    typer.Option(
        help="auto, classification or regression; auto takes text, truth values and at most 20 different whole numbers "
        "for classes, other numbers for quantities."
    ),
]
TestFraction = Annotated[float, typer.Option(help="Share of the rows kept for the score; 0 keeps none.")]
Qubits = Annotated[int, typer.Option(help="Qubits.", max=MOST_QUBITS)]
Connectivity = Annotated[str, typer.Option(help="chain, zigzag, ring or heavy_hex.")]
Selection = Annotated[
    str,
    typer.Option(
        help="auto, full, krylov, classical or random; auto samples if --backend is named or qubits are many."
    ),
]
Backend = Annotated[
    str, typer.Option(help="Where circuits run: auto, statevector, mps, fake_kingston, ibm_<device>, ...")
]
Shots = Annotated[int, typer.Option(help="Shots a circuit.")]
KrylovDimension = Annotated[int, typer.Option(help="Krylov states a row; one less are circuits.")]
MaxIter = Annotated[int, typer.Option(help="Most epochs.")]
LearningRate = Annotated[float, typer.Option(help="Step size.")]
Alpha = Annotated[float, typer.Option(help="Strength of the L2 penalty.")]
MaxQpuSeconds = Annotated[float | None, typer.Option(help="Budget of all jobs of the store.")]
Seed = Annotated[int, typer.Option(help="Seed of the split, start values and samples.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]
