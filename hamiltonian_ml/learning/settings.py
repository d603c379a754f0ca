"""How to train, as one frozen value."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """How to train; the estimators' parameters of the same names say what each means."""

    max_iter: int = 100
    batch_size: int | None = None
    learning_rate: float = 0.02
    alpha: float = 0.0
    variance_penalty: float = 0.0
    tol: float = 1e-4
    n_iter_no_change: int = 10
    refresh_every: int = 5
    local_frames: bool = True
    solver_tol: float = 1e-6
    min_gap: float = 1e-3
