"""Classical heads of a few thousand parameters: on the features, or inside the language model's own last step.

The first kind adds a number to each option's log-odds: a logistic probe or a small network. The second kind, an
adapter, turns the last hidden states before the frozen unembedding scores the options' tokens: a dense or a low-rank
linear map, or a block-diagonal orthogonal one in Cayley's form, which a few qubits a block would carry out.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments.heads.language_model import Asked

STEPS = 300
LOOK_EVERY = 10
WEIGHT_DECAYS = (1e-4, 1e-2)


@dataclass(frozen=True, eq=False)
class Trained:
    """A head that scores options.

    Attributes
    ----------
    module : torch.nn.Module
    n_parameters : int
    score : callable
        From what the base made of some questions to scores (n_questions, n_options) whose softmax are probabilities.
    """

    module: Any
    n_parameters: int
    score: Callable[[Asked, np.ndarray], np.ndarray]


def train_probe(
    width: int, train: tuple[Asked, np.ndarray], validation: tuple[Asked, np.ndarray], *, seed: int
) -> Trained:
    """Train a network of one hidden layer, or a logistic probe for width 0, on tables (n_questions, n_options, F)."""
    import torch
    from torch import nn

    n = train[1].shape[-1]

    def make() -> Any:
        return nn.Sequential(nn.Linear(n, width), nn.Tanh(), nn.Linear(width, 1)) if width else nn.Linear(n, 1)

    def scores(module: Any, asked: Asked, table: np.ndarray) -> Any:
        return torch.tensor(asked.log_odds).float() + module(torch.tensor(table).float())[..., 0]

    return _train(make, scores, train, validation, seed=seed)


def train_adapter(
    kind: str, size: int, weights: np.ndarray, train: tuple[Asked, Any], validation: tuple[Asked, Any], *, seed: int
) -> Trained:
    """Train an adapter: "dense", "low_rank" of some rank, or "cayley" of some block width.

    ``weights`` (n_words, width) is the frozen unembedding.
    """
    import torch

    words = torch.tensor(weights)

    def make() -> Any:
        return adapter(kind, weights.shape[1], size)

    def scores(module: Any, asked: Asked, _: Any) -> Any:
        return (-surprise(module(torch.tensor(asked.states)), words, asked)).sum(-1)

    return _train(make, scores, train, validation, seed=seed)


def surprise(states: Any, words: Any, asked: Asked) -> Any:
    """Return the negative log-likelihood (n_questions, n_options, n_tokens) of the options' tokens."""
    import torch

    likelihoods = torch.log_softmax(states @ words.T, dim=-1)
    return -likelihoods.gather(-1, torch.tensor(asked.tokens)[..., None])[..., 0]


def adapter(kind: str, width: int, size: int) -> Any:
    """Return an untrained adapter, close to the identity."""
    import torch
    from torch import nn

    class Map(nn.Module):  # type: ignore[misc]
        """Turn states (..., width) by a matrix that the parameters make."""

        def __init__(self) -> None:
            super().__init__()
            if kind == "dense":
                shapes: list[tuple[int, ...]] = [(width, width)]
            elif kind == "low_rank":
                shapes = [(width, size), (size, width)]
            else:
                shapes = [(width // size, size * (size - 1) // 2)]
            self.parts = nn.ParameterList([nn.Parameter(0.03 * torch.randn(shape)) for shape in shapes])

        def matrix(self) -> Any:
            if kind == "dense":
                return torch.eye(width) + self.parts[0]
            if kind == "low_rank":
                return torch.eye(width) + self.parts[0] @ self.parts[1]
            return torch.block_diag(*cayley_blocks(self.parts[0], size))

        def forward(self, states: Any) -> Any:
            return states @ self.matrix().T

    return Map()


def cayley_blocks(angles: Any, size: int) -> Any:
    """Return orthogonal matrices (n_blocks, size, size): (1 - A)(1 + A)^-1 with A antisymmetric from ``angles``."""
    import torch

    above, beside = torch.triu_indices(size, size, offset=1)
    skew = torch.zeros(len(angles), size, size, dtype=angles.dtype)
    skew[:, above, beside] = angles
    skew = skew - skew.transpose(1, 2)
    one = torch.eye(size, dtype=angles.dtype)
    return torch.linalg.solve(one + skew, one - skew)  # both factors commute


def _train(
    make: Callable[[], Any],
    scores: Callable[[Any, Asked, Any], Any],
    train: tuple[Asked, Any],
    validation: tuple[Asked, Any],
    *,
    seed: int,
) -> Trained:
    """Train with each weight decay, and keep the state that answers most validation questions."""
    import torch
    from torch.nn.functional import cross_entropy

    best: tuple[tuple[float, float], Any] | None = None
    for decay in WEIGHT_DECAYS:
        torch.manual_seed(seed)
        module = make()
        optimiser = torch.optim.AdamW(module.parameters(), lr=0.01, weight_decay=decay)
        answers = torch.tensor(train[0].answers)
        for step in range(STEPS + 1):
            if step % LOOK_EVERY == 0:
                with torch.no_grad():
                    found, right = scores(module, *validation), torch.tensor(validation[0].answers)
                    rank = (float((found.argmax(1) == right).double().mean()), -float(cross_entropy(found, right)))
                if best is None or rank > best[0]:
                    best = (rank, copy.deepcopy(module))
            optimiser.zero_grad()
            cross_entropy(scores(module, *train), answers).backward()
            optimiser.step()
    assert best is not None
    module = best[1].requires_grad_(False)
    n_parameters = sum(part.numel() for part in module.parameters())
    return Trained(module, n_parameters, lambda asked, table: scores(module, asked, table).double().numpy())
