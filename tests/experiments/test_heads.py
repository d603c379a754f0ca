"""The heads experiment: its world, its base, its adapters, and the layer that learns together with a block."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from experiments.heads import blocks, knowledge, run
from experiments.heads.judging import judge
from experiments.heads.knowledge import statement, world
from hamiltonian_ml.estimators.options import make_basis
from hamiltonian_ml.learning.model import initial_parameters

NEEDS_TORCH = "torch is not installed; the extra heads brings it (make heads)"


@pytest.fixture(scope="module")
def small():
    return world(0, sizes=(10, 8, 4, 6))


def test_questions_of_the_groups_are_about_different_creatures(small):
    subjects = [{q.subject for q in small.questions[group]} for group in ("train", "validation", "test")]
    assert not subjects[0] & subjects[1] | subjects[0] & subjects[2] | subjects[1] & subjects[2]
    assert not set.union(*subjects) & set(small.groups["read"])


def test_one_option_of_each_question_is_right(small):
    for question in (q for some in small.questions.values() for q in some):
        facts = {statement(name, value) for name, value in small.facts[question.subject].items()}
        is_true = [option in facts for option in question.options]
        wanted = question.form == "plain"
        assert is_true.count(wanted) == 1
        assert is_true[question.answer] == wanted


def test_the_text_says_everything_about_a_creature_and_nothing_false(small):
    text = set(small.sentences)
    for name, facts in small.facts.items():
        assert all(f"{name} : {statement(key, value)} ." in text for key, value in facts.items())
    told = {f"{name} : {statement(key, v)} ." for name, facts in small.facts.items() for key, v in facts.items()}
    assert {line for line in text if line.split()[1] == ":"} == told
    assert not any(line.startswith("false") for line in text)


def test_a_seed_makes_one_world(small):
    assert world(0, sizes=(10, 8, 4, 6)) == small
    assert world(1, sizes=(10, 8, 4, 6)).facts != small.facts


def test_judging_counts_what_is_mended_and_broken(small):
    questions = small.questions["test"][:4]
    answers = np.array([0, 1, 2, 3])
    base = np.eye(4)[[0, 1, 0, 0]]
    head = 50 * np.eye(4)[[0, 2, 2, 3]]
    found = {name: value for name, (value, _, _) in judge(base, head, answers, questions).items()}
    assert (found["fixed"], found["broken"], found["wrong_before"]) == (2, 1, 2)
    assert found["accuracy"] == 0.75
    assert found["calibration_error"] == pytest.approx(0.25, abs=1e-6)  # wholly sure, right three times of four


def test_how_sure_a_head_was_is_measured_by_hand(small):
    """Twelve questions, six mended: half of the head's answers are given 0.7 and right, half 0.4 and wrong."""
    questions, answers = small.questions["test"][:12], np.zeros(12, int)
    shares = np.array([[0.7, 0.1, 0.1, 0.1]] * 6 + [[0.2, 0.4, 0.2, 0.2]] * 6)
    base = np.eye(4)[[1] * 12]
    found = {name: value for name, (value, _, _) in judge(base, np.log(shares) + 5, answers, questions).items()}
    assert (found["fixed"], found["broken"], found["p_value"]) == (6, 0, 2 / 2**6)
    assert found["calibration_error"] == pytest.approx((0.3 + 0.4) / 2)
    assert found["brier"] == pytest.approx((0.3**2 + 3 * 0.1**2 + 0.8**2 + 0.4**2 + 2 * 0.2**2) / 2)
    assert found["nll"] == pytest.approx(-(np.log(0.7) + np.log(0.2)) / 2)


@pytest.mark.parametrize("n_qubits", [8, 20, 50])
def test_heads_of_one_size_have_equally_many_parameters(n_qubits):
    def n_parameters(basis):
        learned = initial_parameters(basis, run.N_FEATURES, 2, seed=np.random.SeedSequence(0))
        return sum(part.size for part in (learned.bias, learned.features, learned.labels, learned.intercepts))

    ours = n_parameters(make_basis("chain", n_qubits, entangling=True))
    network = (run.N_FEATURES + 2) * run.MLP_WIDTHS[n_qubits] + 1
    assert network == pytest.approx(ours, rel=0.005)  # a neuron more or less is 1 % at 8 qubits
    if n_qubits == 8:
        assert n_parameters(make_basis("chain", run.PRODUCT_QUBITS, entangling=False)) == ours
        low_rank = 2 * 13 * 64
        assert low_rank == pytest.approx(ours, rel=0.01)  # a rank more or less is 8 %


def test_exact_counts_give_back_what_a_block_makes_of_a_state(rng):
    matrices = np.array([np.linalg.qr(rng.normal(size=(4, 4)))[0] for _ in range(2)])
    states = rng.normal(size=(5, 8))
    expected = np.einsum("bij,nbj->nbi", matrices, states.reshape(5, 2, 4)).reshape(5, 8)
    # A share of 10^8 shots is known to 5e-5; its root, where it is small, to 5e-3 of the block's norm.
    found = blocks.measured(states, matrices, shots=10**8, error=0.0, rng=rng)
    np.testing.assert_allclose(found, expected, atol=0.03)
    lost = blocks.measured(states, matrices, shots=10**8, error=1.0, rng=rng)
    halves = np.repeat(np.linalg.norm(states.reshape(5, 2, 4), axis=-1) / 2, 4, axis=1)
    np.testing.assert_allclose(np.abs(lost), halves, atol=0.01)  # nothing is left but the block's norm


def test_two_qubit_blocks_take_at_most_three_cz(rng):
    matrices = np.array([np.linalg.qr(rng.normal(size=(4, 4)))[0] for _ in range(3)] + [np.eye(4)])
    counts = blocks.cz_counts(matrices)
    assert counts.max() <= 3
    assert counts[-1] == 0


@pytest.mark.parametrize("size", [2, 4, 8])
def test_cayley_blocks_are_the_orthogonal_matrices_of_the_formula(size):
    torch = pytest.importorskip("torch", reason=NEEDS_TORCH)
    from experiments.heads.classical import cayley_blocks

    angles = torch.randn(3, size * (size - 1) // 2, dtype=torch.float64)
    found = cayley_blocks(angles, size).numpy()
    assert blocks.orthogonality_error(found) < 1e-12  # round-off
    for block, row in zip(found, angles.numpy(), strict=True):
        skew, k = np.zeros((size, size)), 0
        for i in range(size):
            for j in range(i + 1, size):
                skew[i, j], skew[j, i], k = row[k], -row[k], k + 1
        one = np.eye(size)
        np.testing.assert_allclose(block, (one - skew) @ np.linalg.inv(one + skew), atol=1e-12)  # round-off


@pytest.fixture
def prepared(tmp_path, monkeypatch):
    pytest.importorskip("torch", reason=NEEDS_TORCH)
    monkeypatch.setattr(run, "BASES", tmp_path)
    task = next(task for task in run.tasks("tiny") if task.head == "hamiltonian")
    return task, run.prepare(task)


def test_features_are_scaled_by_training_questions_alone(prepared):
    _, made = prepared
    shown = made.tables["train"][..., :-1].reshape(-1, made.tables["train"].shape[-1] - 1)
    np.testing.assert_allclose(shown.mean(0), 0, atol=1e-5)  # 32 bits
    np.testing.assert_allclose(shown.std(0), 1, atol=1e-5)  # 32 bits
    components = shown[:, :-1]
    # 32 bits.
    np.testing.assert_allclose(components.T @ components / len(shown), np.eye(components.shape[1]), atol=1e-4)


@pytest.mark.parametrize(("head", "size"), [("probe", 2), ("low_rank", 2), ("hamiltonian", 2)])
def test_no_head_is_trained_or_chosen_with_the_answers_to_test_questions(prepared, head, size):
    task, made = prepared
    task = replace(task, head=head, size=size)
    blind = replace(made, asked={**made.asked, "test": replace(made.asked["test"], answers=np.zeros(0, int))})
    train = run._hamiltonian if head in run.HAMILTONIANS else run._classical
    assert train(task, blind)[0].shape == made.asked["test"].scores.shape


def test_perplexity_is_that_of_true_statements_as_the_base_gives_them(prepared):
    from experiments.heads.classical import Trained, adapter
    from experiments.heads.language_model import unembedding

    task, made = prepared
    words = unembedding(made.folder)
    module = adapter("cayley", words.shape[1], 4).requires_grad_(False)
    for part in module.parameters():
        part.zero_()
    found = run._adapted(replace(task, head="cayley", size=4), made, Trained(module, 0, None), words)
    test = made.asked["test"]
    true = [test.scores[k, q.answer] for k, q in enumerate(made.world.questions["test"]) if q.form == "plain"]
    assert found["base_perplexity"][0] == pytest.approx(np.exp(-np.mean(true)), rel=1e-5)  # 32 bits
    assert found["perplexity"][0] == pytest.approx(found["base_perplexity"][0], rel=1e-5)  # 32 bits
    assert found["cz"][0] == 0
    assert found["perplexity_noisy"][0] == found["perplexity_shots"][0]  # no gates, no noise


def test_the_base_answers_by_the_likelihood_that_its_file_gives(prepared):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    _, made = prepared
    model, tokenizer = (kind.from_pretrained(made.folder) for kind in (AutoModelForCausalLM, AutoTokenizer))
    question = made.world.questions["test"][0]
    n_stem = len(question.stem.split())
    for place, text in enumerate(question.texts):
        ids = tokenizer(text, return_tensors="pt")["input_ids"]
        logs = model(input_ids=ids).logits.detach().double().log_softmax(-1)[0]
        steps = [float(logs[k - 1, ids[0, k]]) for k in range(n_stem, ids.shape[1])]
        assert made.asked["test"].scores[0, place] == pytest.approx(np.mean(steps), abs=1e-5)  # 32 bits


def test_an_adapter_that_does_nothing_scores_as_the_base(prepared):
    import torch

    from experiments.heads.classical import adapter, surprise
    from experiments.heads.language_model import unembedding

    _, made = prepared
    asked, words = made.asked["test"], torch.tensor(unembedding(made.folder))
    for kind, size in (("dense", 0), ("low_rank", 2), ("cayley", 4)):
        module = adapter(kind, words.shape[1], size)
        for part in module.parameters():
            part.data.zero_()
        found = -surprise(module(torch.tensor(asked.states)), words, asked).mean(-1)
        np.testing.assert_allclose(found.detach().numpy(), asked.scores, atol=1e-5)  # 32 bits


def test_the_rule_takes_the_least_likely_option_where_the_false_one_is_wanted(prepared):
    task, made = prepared
    found = run.run(replace(task, head="rule", size=0))
    asked = made.asked["test"]
    picked = np.where(
        [q.form == "plain" for q in made.world.questions["test"]], asked.scores.argmax(1), asked.scores.argmin(1)
    )
    assert float(found.accuracy) == np.mean(picked == asked.answers)
    assert float(found.n_parameters) == 0


def test_a_base_is_trained_once(prepared):
    task, made = prepared
    before = {path.name: path.stat().st_mtime_ns for path in made.folder.iterdir()}
    again = run.prepare(replace(task, head="probe"))
    assert {path.name: path.stat().st_mtime_ns for path in again.folder.iterdir()} == before
    np.testing.assert_array_equal(again.tables["test"], made.tables["test"])


def test_another_revision_does_not_take_the_base_of_this_one(prepared):
    task, made = prepared
    assert run.prepare(replace(task, revision=2)).folder != made.folder


def test_only_the_last_block_learns_with_the_layer_and_the_loss_falls(prepared):
    from experiments.heads import joint

    task = replace(prepared[0], layers=2)
    made = run.prepare(task)
    ids = joint.token_ids(made.folder, made.world.questions["train"])
    module = joint.joint_model(made.folder, n_features=3, n_qubits=2, seed=0, unfrozen=True)
    before = {name: part.clone() for name, part in module.named_parameters()}
    losses = joint.train(module, ids, made.asked["train"], epochs=8, learning_rate=0.01, seed=task.seed)
    assert losses[-1] < losses[0]
    changed = {name for name, part in module.named_parameters() if (part != before[name]).any()}
    assert any(name.startswith("base.layers.1.") for name in changed)
    assert not any(name.startswith(("base.layers.0.", "base.embed", "base.norm")) for name in changed)


def test_options_of_one_question_have_one_length():
    lengths = {len(statement(name, value).split()) for name, values in knowledge.VALUES.items() for value in values}
    assert len(lengths) == 1
