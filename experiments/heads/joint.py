"""Head and model trained together: a Hamiltonian layer at the end, and the last block of the base unfrozen.

Run ``python -m experiments.heads.joint`` for one world: it prints accuracy on test questions before, with the layer
alone, and with the last block learning too. Needs the extra ``heads``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from experiments.heads.knowledge import Question
from experiments.heads.language_model import Asked
from experiments.heads.run import Head, prepare
from hamiltonian_ml.estimators.torch_layer import HamiltonianLayer

_SLOWER = 0.03  # what was learned before learns so much more slowly than what is new


def joint_model(folder: Path, *, n_features: int, n_qubits: int, seed: int, unfrozen: bool) -> Any:
    """Return a torch module from texts' token ids (n_texts, n_tokens) and log-odds (n_texts,) to one number each.

    Mean hidden states pass a norm and a linear map to the layer's features; the base's log-odds are one more. Of the
    language model everything is frozen, or everything but its last block.
    """
    import torch
    from torch import nn
    from transformers import AutoModel

    class Joint(nn.Module):  # type: ignore[misc]
        """A language model that ends in ground states."""

        def __init__(self) -> None:
            super().__init__()
            self.base = AutoModel.from_pretrained(folder, use_safetensors=True).requires_grad_(False)
            self.base.layers[-1].requires_grad_(unfrozen)
            width = self.base.config.hidden_size
            self.features = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, n_features))
            self.layer = HamiltonianLayer(n_features + 1, 1, n_qubits=n_qubits, seed=seed)

        def forward(self, ids: Any, odds: Any) -> Any:
            states = self.base(input_ids=ids).last_hidden_state.mean(dim=1)
            return self.layer(torch.cat([self.features(states), odds[:, None]], dim=1))[:, 0]

    torch.manual_seed(seed)
    return Joint()


def train(module: Any, ids: Any, asked: Asked, *, epochs: int, learning_rate: float, seed: int) -> list[float]:
    """Train on questions, whose options' token ids are (n_questions, n_options, n_tokens); return the losses."""
    import torch
    from torch.nn.functional import cross_entropy

    rng, losses = torch.Generator().manual_seed(seed), []
    odds, answers = torch.tensor(asked.log_odds).float(), torch.tensor(asked.answers)
    new = [*module.features.parameters(), *module.layer.parameters()]
    unfrozen = [part for part in module.base.parameters() if part.requires_grad]
    groups = [{"params": new}, {"params": unfrozen, "lr": _SLOWER * learning_rate}]
    optimiser = torch.optim.Adam(groups, lr=learning_rate)
    for _ in range(epochs):
        total = 0.0
        for rows in torch.randperm(len(ids), generator=rng).split(32):
            optimiser.zero_grad()
            loss = cross_entropy(scores(module, ids[rows], odds[rows]), answers[rows])
            loss.backward()
            optimiser.step()
            total += float(loss.detach()) * len(rows)
        losses.append(total / len(ids))
    return losses


def scores(module: Any, ids: Any, odds: Any) -> Any:
    """Return the base's log-odds plus what the module adds, of all options (n_questions, n_options)."""
    added: Any = module(ids.flatten(0, 1), odds.flatten()).float()
    return odds + added.reshape(odds.shape)


def token_ids(folder: Path, questions: tuple[Question, ...]) -> Any:
    """Return token ids (n_questions, n_options, n_tokens)."""
    import torch
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    return torch.tensor([tokenizer(list(question.texts))["input_ids"] for question in questions])


def main() -> None:
    """Train twice on the first world and print the accuracies."""
    import torch

    made = prepare(Head(head="hamiltonian", size=4, seed=0))
    ids = {group: token_ids(made.folder, questions) for group, questions in made.world.questions.items()}
    test = made.asked["test"]
    print(f"base alone          {np.mean(test.scores.argmax(1) == test.answers):.3f}")
    for unfrozen in (False, True):
        module = joint_model(made.folder, n_features=12, n_qubits=4, seed=0, unfrozen=unfrozen)
        train(module, ids["train"], made.asked["train"], epochs=15, learning_rate=0.02, seed=0)
        with torch.no_grad():
            found = scores(module, ids["test"], torch.tensor(test.log_odds).float()).argmax(1).numpy()
        name = "with its last block" if unfrozen else "layer alone"
        print(f"{name:19} {np.mean(found == test.answers):.3f}")


if __name__ == "__main__":
    main()
