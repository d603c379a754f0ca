"""Heads of equal size on one frozen language model: questions mended and broken, beside what they would cost to run.

Every seed has a world, a base model, questions and splits of its own. All heads on features get the same rows: the
leading principal components of the hidden states of question and option, and the base's own log-odds. On validation
questions Hamiltonians choose between two learning rates (at 50 qubits they have one), classical heads between two
weight decays and where to stop. Classical heads learn to choose among the options of a question, which is what is asked
of them; Hamiltonians learn of each option by itself whether it is right. Test questions are about other creatures and
are looked at once.

The base takes no notice of what is asked for, and a "rule" without parameters, which turns its scores around where the
false option is wanted, knows from the text of a question what a head has to find in hidden states. A logistic probe
adds the same to all options of a question for the form of it, and so cannot turn anything around.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from scipy.special import log_softmax
from sklearn.decomposition import PCA
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from experiments.heads import blocks, classical, language_model
from experiments.heads.judging import judge
from experiments.heads.knowledge import Question, World, world
from experiments.heads.language_model import Asked, Reading
from experiments.parts import Part, Profile, Task
from hamiltonian_ml import HamiltonianHeadClassifier
from hamiltonian_ml.learning.embedding import linear_embedding
from hamiltonian_ml.learning.model import readout
from hamiltonian_ml.referee import dmrg_expectations
from hamiltonian_ml.study.cells import quantities

BASES = Path(__file__).parents[1] / ".cells" / "heads-bases"
N_FEATURES = 16
LEARNING_RATES = (0.02, 0.05)
SHOTS = 8192  # of a block of an adapter, as the claim asks
# Widths that give a network about as many parameters as Hamiltonians on a chain of so many qubits have.
MLP_WIDTHS = {8: 92, 20: 244, 50: 624}
PRODUCT_QUBITS = 29  # without edges: as many strings as a chain of 8
HAMILTONIANS: dict[str, dict[str, Any]] = {
    "hamiltonian": {},
    "krylov": {"selection": "krylov", "backend": "mps"},
    "noisy": {"selection": "krylov", "backend": "fake_kingston"},
    "product": {"entangling": False},
}


@dataclass(frozen=True, kw_only=True)
class Head(Task):
    """One head on one base.

    Attributes
    ----------
    head : str
        "hamiltonian", "krylov", "noisy", "product", "probe", "dense", "low_rank", "cayley" or "rule".
    size : int
        Qubits of a Hamiltonian, width of a probe's hidden layer, rank, or width of a block.
    creatures : tuple of int
        Only read about, and asked about in training, validation and test.
    judged : int
        Test questions that the referee answers too.
    """

    head: str
    size: int
    seed: int
    creatures: tuple[int, ...] = (180, 120, 40, 100)
    width: int = 64
    layers: int = 3
    epochs: int = 11
    max_iter: int = 30
    max_dimension: int = 512
    shots: int = 500
    judged: int = 0


def tasks(profile: Profile) -> list[Head]:
    """Return the heads of a profile: all seeds of those that the claims are about, then all seeds of the others."""
    judged = {"tiny": 1, "quick": 5, "full": 15}[profile]
    seeds = range({"tiny": 1, "quick": 1, "full": 5}[profile])
    tiny: dict[str, Any] = {"creatures": (8, 4, 2, 2), "width": 16, "layers": 1, "epochs": 1, "max_iter": 2}
    heads: list[list[tuple[str, int]]] = [
        [("rule", 0), ("probe", 0), ("probe", MLP_WIDTHS[8]), ("hamiltonian", 8), ("cayley", 4), ("krylov", 50)],
        [("low_rank", 13), ("krylov", 8), ("product", PRODUCT_QUBITS), ("krylov", 20), ("noisy", 8)],
        [("dense", 0), ("probe", MLP_WIDTHS[20]), ("probe", MLP_WIDTHS[50]), ("cayley", 8), ("cayley", 16)],
    ]
    if profile == "tiny":
        heads = [[("rule", 0), ("probe", 2), ("cayley", 4), ("hamiltonian", 2), ("krylov", 3)]]
    return [
        Head(
            head=head, size=size, seed=seed, judged=judged if head == "krylov" else 0,
            **(tiny if profile == "tiny" else {}),
        )
        for some in heads
        for seed in seeds
        for head, size in some
    ]  # fmt: skip


@dataclass(frozen=True, eq=False)
class Prepared:
    """The questions of a world as the heads see them, by group.

    Attributes
    ----------
    world : World
    folder : Path
        Of the base.
    asked : dict of str to Asked
    tables : dict of str to (n_questions, n_options, N_FEATURES + 1) float
        Scaled features, and in the last column the log-odds as they are.
    """

    world: World
    folder: Path
    asked: dict[str, Asked]
    tables: dict[str, np.ndarray]


def prepare(task: Head) -> Prepared:
    """Make the world, train the base or take the one that is there, and compute what the heads see."""
    read, train, validation, test = task.creatures
    place = world(task.seed, sizes=(read, train, validation, test))
    name = "-".join(map(str, (*task.creatures, task.width, task.layers, task.epochs, task.seed)))
    if task.revision > 1:  # a base of before is another one
        name += f"-revision{task.revision}"
    reading = Reading(width=task.width, layers=task.layers, epochs=task.epochs)
    folder = language_model.read(place, reading, BASES / name, seed=task.seed)
    asked = {group: language_model.ask(folder, questions) for group, questions in place.questions.items()}
    n_components = min(N_FEATURES, task.width) - 1
    shown = make_pipeline(PCA(n_components, random_state=0), StandardScaler()).fit(_rows(asked["train"].features))
    odds = StandardScaler().fit(asked["train"].log_odds.reshape(-1, 1))
    tables = {}
    for group, each in asked.items():
        parts = [shown.transform(_rows(each.features)), odds.transform(each.log_odds.reshape(-1, 1))]
        rows = np.hstack([*parts, each.log_odds.reshape(-1, 1)])
        tables[group] = rows.reshape(*each.log_odds.shape, -1)
    return Prepared(place, folder, asked, tables)


def _rows(array: np.ndarray) -> np.ndarray:
    return array.reshape(-1, array.shape[-1])


def run(task: Head) -> xr.Dataset:
    """Train one head and judge it on the test questions."""
    made = prepare(task)
    start = time.perf_counter()
    scores, n_parameters, more = _hamiltonian(task, made) if task.head in HAMILTONIANS else _classical(task, made)
    seconds = time.perf_counter() - start
    base = made.asked["test"].scores * made.asked["test"].tokens.shape[-1]
    found = {**judge(base, scores, made.asked["test"].answers, made.world.questions["test"]), **more}
    return quantities(
        **found,
        n_parameters=(n_parameters, "1", "parameters learned"),
        seconds=(seconds, "s", "time to train with all settings tried, and to answer"),
    )


def _classical(task: Head, made: Prepared) -> tuple[np.ndarray, int, dict[str, Any]]:
    if task.head == "rule":
        signs = [1.0 if question.form == "plain" else -1.0 for question in made.world.questions["test"]]
        return made.asked["test"].log_odds * np.array(signs)[:, None], 0, {}
    tables = {group: table[..., :-1] for group, table in made.tables.items()}
    train, validation = ((made.asked[group], tables[group]) for group in ("train", "validation"))
    if task.head == "probe":
        trained = classical.train_probe(task.size, train, validation, seed=task.seed)
        return trained.score(made.asked["test"], tables["test"]), trained.n_parameters, {}
    weights = language_model.unembedding(made.folder)
    trained = classical.train_adapter(task.head, task.size, weights, train, validation, seed=task.seed)
    more = _adapted(task, made, trained, weights)
    return trained.score(made.asked["test"], tables["test"]), trained.n_parameters, more


def _adapted(task: Head, made: Prepared, trained: classical.Trained, weights: np.ndarray) -> dict[str, Any]:
    """Return the perplexity of true statements, and for blocks what a processor would make of them."""
    asked, true = made.asked["test"], _true_options(made.world.questions["test"])
    outputs: Callable[..., np.ndarray] = partial(_surprise, weights=weights, asked=asked)
    matrix = copy.deepcopy(trained.module).double().matrix().numpy()
    turned = asked.states.astype(float) @ matrix.T
    found = {
        "base_perplexity": (np.exp(outputs(asked.states)[true].mean()), "1", "the base's, of true statements"),
        "perplexity": (np.exp(outputs(turned)[true].mean()), "1", "of the true statements in the test questions"),
    }
    if task.head != "cayley":
        return found
    size = task.size
    matrices = np.array([matrix[k : k + size, k : k + size] for k in range(0, len(matrix), size)])
    cz = blocks.cz_counts(matrices)
    rng = task.seed_sequence("counts", "seed", "size")
    loss = 1 - (1 - blocks.cz_error("fake_kingston")) ** cz
    found["orthogonality"] = (blocks.orthogonality_error(matrices), "1", "largest entry of Q^T Q - 1")
    found["cz"] = (int(cz.max()), "1", "CZ gates of a block, at most")
    for name, error, text in (("shots", 0.0, "8,192 shots a block"), ("noisy", loss, "and the device's CZ errors")):
        states = blocks.measured(
            asked.states.astype(float), matrices, shots=SHOTS, error=error, rng=np.random.default_rng(rng)
        )
        scores = -outputs(states).sum(axis=-1)
        right = (scores.argmax(axis=1) == asked.answers).mean()
        found[f"accuracy_{name}"] = (right, "1", f"accuracy with {text}")
        found[f"perplexity_{name}"] = (np.exp(outputs(states)[true].mean()), "1", f"perplexity with {text}")
    return found


def _surprise(states: np.ndarray, *, weights: np.ndarray, asked: Asked) -> np.ndarray:
    logs = log_softmax(states @ weights.T.astype(float), axis=-1)
    found: np.ndarray = -np.take_along_axis(logs, asked.tokens[..., None], axis=-1)[..., 0]
    return found


def _true_options(questions: tuple[Question, ...]) -> np.ndarray:
    """Return which options are true statements (n_questions, n_options), of questions that ask for the true one."""
    return np.array(
        [[q.form == "plain" and place == q.answer for place in range(len(q.options))] for q in questions]
    )  # fmt: skip


def _hamiltonian(task: Head, made: Prepared) -> tuple[np.ndarray, int, dict[str, Any]]:
    head = fit(task, made)
    usage = _head(task, LEARNING_RATES[0]).preview(_rows(made.tables["train"]))
    learned = head.parameters_
    parts = (learned.bias, learned.features, learned.labels, learned.intercepts)
    more = {
        "dimension": (head.subspace_.dimension, "1", "basis states"),
        "circuits": (usage.circuits, "1", "circuits of one fit"),
        "executions": (usage.executions, "1", "shots of one fit"),
        "qpu_seconds": (usage.qpu_seconds, "s", "estimated time of one fit on a processor"),
        "two_qubit_depth": (usage.two_qubit_depth, "1", "two-qubit layers of the deepest circuit"),
    }
    if task.judged:
        more |= _refereed(task, made, head)
    return scores_of(head, made.tables["test"]), sum(np.asarray(part).size for part in parts), more


def fit(task: Head, made: Prepared) -> HamiltonianHeadClassifier:
    """Train a Hamiltonian head with each learning rate, at 50 qubits with one, and keep what validation likes best."""
    rows, answers = _rows(made.tables["train"]), made.asked["train"].answers
    labels = np.eye(made.tables["train"].shape[1], dtype=int)[answers].ravel()
    best: tuple[float, HamiltonianHeadClassifier] | None = None
    for rate in LEARNING_RATES if task.size < 50 else LEARNING_RATES[-1:]:
        head = _head(task, rate).fit(rows, labels)
        chosen = scores_of(head, made.tables["validation"]).argmax(axis=1)
        right = float((chosen == made.asked["validation"].answers).mean())
        if best is None or right > best[0]:
            best = right, head
    assert best is not None
    return best[1]


def _base_logits(rows: np.ndarray) -> np.ndarray:
    return np.column_stack([np.zeros(len(rows)), rows[:, -1]])


def _without_last(rows: np.ndarray) -> np.ndarray:
    """Return the features without the base's log-odds, which are an offset; they are scaled already."""
    return rows[:, :-1]


def _head(task: Head, learning_rate: float) -> HamiltonianHeadClassifier:
    options = dict(HAMILTONIANS[task.head])
    if options.get("backend") == "mps" and task.size <= 20:
        options["backend"] = "auto"
    return HamiltonianHeadClassifier(
        _base_logits, n_qubits=task.size, features=FunctionTransformer(_without_last), learning_rate=learning_rate,
        max_iter=task.max_iter, batch_size=64, shots=task.shots, max_dimension=task.max_dimension,
        random_state=task.seed, tol=0.0, decision_rounds=0, **options,
    )  # fmt: skip


def scores_of(head: HamiltonianHeadClassifier, table: np.ndarray) -> np.ndarray:
    """Return log-odds of all options (n_questions, n_options)."""
    scores: np.ndarray = head.decision_function(_rows(table)).reshape(table.shape[:2])
    return scores


def _refereed(task: Head, made: Prepared, head: HamiltonianHeadClassifier) -> dict[str, Any]:
    """Let DMRG find the ground states of some questions, and compare the answers."""
    table = made.tables["test"][: task.judged]
    coefficients = np.asarray(linear_embedding(head.parameters_, _rows(table)[:, :-1]))
    truth = dmrg_expectations(head.basis_, coefficients, random_state=0)
    outputs = np.asarray(readout(head.parameters_, truth.expectations))
    odds = (outputs[:, 1] - outputs[:, 0]).reshape(table.shape[:2]) + table[..., -1]
    agreement = (odds.argmax(axis=1) == scores_of(head, table).argmax(axis=1)).mean()
    return {
        "agreement": (agreement, "1", "share of answers as with true ground states"),
        "refereed": (len(table), "1", "questions that the referee answered"),
    }


PARTS = {"heads": Part(tasks, run)}
