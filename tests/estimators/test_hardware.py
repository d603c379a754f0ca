from __future__ import annotations

import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from qiskit.primitives import StatevectorSampler
from scipy.sparse import csr_array
from sklearn.linear_model import LogisticRegression

from hamiltonian_ml import (
    Backend,
    HamiltonianClassifier,
    HamiltonianHeadClassifier,
    HamiltonianRegressor,
    KrylovSelection,
    RefinedSelection,
    SampleStore,
    Subspace,
)
from hamiltonian_ml.sampling import jobs, run
from hamiltonian_ml.sampling.ledger import Ledger
from hamiltonian_ml.sampling.pieces import split_jobs
from hamiltonian_ml.selection.strategy import NoMoreSamplesError, Selected
from tests.sampling.fake_service import fake_remote

X = np.array([[0.0, 1.0], [1.0, 0.0], [0.5, 0.5], [0.0, 1.0], [0.2, 0.9]])  # the fourth row is the first again
Y = np.array(["no", "yes", "yes", "no", "no"])


@pytest.fixture
def place(tmp_path):
    backend, service = fake_remote(tmp_path / "service")
    return backend, service, tmp_path / "store"


def classifier(backend, store, **options):
    common = {"max_iter": 4, "refresh_every": 2, "shots": 7, "krylov_dimension": 3, "random_state": 0, "tol": 0.0}
    given = {"selection": "krylov", "backend": backend, "store": store, **common, **options}
    return HamiltonianClassifier(2, **given)


@pytest.mark.parametrize("options", [{}, {"krylov_dimension": 5, "max_iter": 5}, {"expansion_rounds": 1}])
def test_the_preview_is_exactly_what_the_service_then_counts(place, options):
    backend, service, store = place
    model = classifier(backend, store, **options)
    usage = model.preview(X)
    assert not service.jobs()
    assert not store.exists()
    model.fit(X, Y)
    assert (usage.circuits, usage.executions) == (service.circuits, service.executions)
    assert usage.jobs == len(service.jobs())
    assert usage.qpu_seconds == pytest.approx(Ledger(store / "jobs").spent())


def test_the_preview_before_a_fit_takes_a_table_with_names(place):
    backend, _, store = place
    model = classifier(backend, store)
    assert model.preview(pd.DataFrame(X, columns=["a", "b"])) == model.preview(X)


def test_the_preview_is_exact_where_a_round_takes_several_jobs(place, monkeypatch):
    backend, service, store = place
    for module in (jobs, run):
        monkeypatch.setattr(module, "split_jobs", partial(split_jobs, executions_a_job=60))
    model = classifier(backend, store, shots=10, max_iter=1)  # 4 rows, 2 powers: 80 executions
    usage = model.preview(X, price_per_minute=60.0)
    model.fit(X, Y)
    assert (usage.circuits, usage.executions) == (service.circuits, service.executions) == (16, 160)
    assert usage.jobs == len(service.jobs()) == 4
    assert usage.cost == usage.qpu_seconds == pytest.approx(4 * 2 + 3.5e-4 * 160)


def test_the_preview_leaves_out_the_rows_that_early_stopping_holds_out(place, rng):
    backend, service, store = place
    features, labels = rng.normal(size=(10, 2)), np.arange(10) % 2
    model = classifier(backend, store, early_stopping=True, validation_fraction=0.25)
    usage = model.preview(features)
    model.fit(features, labels)
    assert usage.circuits == service.circuits == 7 * 2 * 3  # rows, powers, rounds


def test_where_nothing_is_sampled_the_preview_is_zero():
    usage = HamiltonianClassifier(2).preview(X)
    assert (usage.circuits, usage.jobs, usage.qpu_seconds) == (0, 0, 0.0)


@pytest.mark.parametrize("rounds", [0, 1])
def test_a_backend_that_is_named_is_used_by_default(place, rounds):
    backend, service, store = place
    model = classifier(backend, store, selection="auto", expansion_rounds=rounds)
    usage = model.preview(X)
    model.fit(X, Y)
    assert len(service.jobs()) == usage.jobs == 3


def test_a_device_that_is_not_there_is_missed():
    with pytest.raises(ValueError, match="store"):
        HamiltonianClassifier(6, backend="ibm_nonexistent").fit(X, Y)


@pytest.mark.parametrize(
    ("backend", "n_qubits", "samples"),
    [
        ("auto", 10, False),
        (Backend("auto", bond_dimension=4), 10, False),
        ("auto", 11, True),
        ("statevector", 2, True),
        ("fake_kingston", 2, True),
        (StatevectorSampler(), 2, True),
    ],
)
def test_the_default_samples_where_qubits_are_many_or_a_backend_is_named(backend, n_qubits, samples):
    assert (HamiltonianClassifier(n_qubits, backend=backend).preview(X).circuits > 0) == samples
    assert HamiltonianClassifier(n_qubits, backend=backend, selection="full").preview(X).circuits == 0


def test_a_fit_is_submitted_and_collected_round_by_round_as_if_it_had_waited(place, tmp_path):
    backend, service, store = place
    service.script(status=["waiting", "waiting", "done", "waiting"])
    model = classifier(backend, store).submit(X, Y)
    assert model.pending_jobs_ == ["job0"]
    other = classifier(backend, store)  # somebody else, somewhere else, with the folder only
    assert other.collect().pending_jobs_ == ["job0"]
    assert other.collect().pending_jobs_ == ["job1"]
    assert other.collect().pending_jobs_ == []
    assert len(service.jobs()) == 3
    waited = classifier(fake_remote(tmp_path / "service")[0], store).fit(X, Y)
    assert len(service.jobs()) == 3
    np.testing.assert_array_equal(other.predict_proba(X), waited.predict_proba(X))
    assert other.predict(X).tolist() == waited.predict(X).tolist()


def test_a_regressor_can_wait_for_all_rounds(place):
    backend, service, store = place
    service.script(status=["waiting"])
    options = {"selection": "krylov", "backend": backend, "store": store, "max_iter": 2, "shots": 5, "random_state": 1}
    HamiltonianRegressor(2, **options).submit(X, np.arange(5.0))
    assert HamiltonianRegressor(2, **options).collect(wait=True).predict(X).shape == (5,)
    assert len(service.jobs()) == 2


def test_a_fit_on_hardware_replays_from_a_copy_of_its_store(place, tmp_path):
    backend, service, store = place
    model = classifier(backend, store).fit(X, Y)
    copied = store.rename(tmp_path / "laptop")
    for file in service.folder.iterdir():
        file.unlink()
    replayed = classifier(backend, SampleStore(copied, mode="replay")).fit(X, Y)
    assert not service.jobs()
    np.testing.assert_array_equal(model.predict_proba(X), replayed.predict_proba(X))


def test_a_budget_that_is_too_small_refuses_the_fit(place):
    backend, service, store = place
    with pytest.raises(NoMoreSamplesError, match=r"max_qpu_seconds is 1, of which 0\.0 are spent"):
        classifier(backend, store, max_qpu_seconds=1.0).fit(X, Y)
    assert not service.jobs()


def test_passes_go_on_with_their_states_where_the_budget_is_spent(place):
    backend, service, store = place
    model = classifier(backend, store, max_qpu_seconds=5.0, refresh_every=1).partial_fit(X, Y)
    states = model.subspace_.words.copy()
    for n_passes in (2, 3):
        with pytest.warns(
            UserWarning, match=r"this pass goes on with the samples of those before: max_qpu_seconds is 5"
        ):
            assert model.partial_fit(X, Y).n_iter_ == n_passes
    np.testing.assert_array_equal(model.subspace_.words, states)
    assert len(service.jobs()) == 2


def test_a_budget_that_runs_out_ends_the_fit_cleanly(place):
    backend, service, store = place
    with pytest.warns(UserWarning, match=r"training ends early, with the samples that it has: max_qpu_seconds is 5"):
        model = classifier(backend, store, max_qpu_seconds=5.0).fit(X, Y)
    assert len(service.jobs()) == 2
    assert model.n_iter_ == 4
    assert set(model.predict(X)) <= {"no", "yes"}
    with pytest.warns(UserWarning, match="training ends early"):
        shorter = classifier(backend, store, max_qpu_seconds=5.0, refresh_every=1).fit(X, Y)
    assert shorter.n_iter_ == 1  # its first samples were those of the first fit
    assert Ledger(store / "jobs").spent() <= 5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"store": None}, "store must be a folder to submit and collect"),
        ({"random_state": None}, "random_state must be an integer, so that the fit can be taken up again, got None"),
    ],
)
def test_a_fit_that_could_not_be_taken_up_again_is_not_submitted(place, change, message):
    backend, service, store = place
    with pytest.raises(ValueError, match=message):
        classifier(backend, **{"store": store, **change}).submit(X, Y)
    assert not service.jobs()


def test_collecting_what_was_never_submitted_is_refused(place):
    backend, _, store = place
    with pytest.raises(ValueError, match="has 0 submitted fits of HamiltonianClassifier with these parameters"):
        classifier(backend, store).collect()


def head(base, backend, store):
    options = {"shots": 7, "max_iter": 2, "random_state": 0, "selection": "krylov", "backend": backend, "store": store}
    return HamiltonianHeadClassifier(base, n_qubits=2, **options)


def test_heads_on_two_bases_are_two_fits_though_both_look_alike(place):
    backend, service, store = place
    service.script(status=["waiting"] * 2)
    one = LogisticRegression(C=1.0).fit(X, Y)
    other = LogisticRegression(C=1.0).fit(X, Y[::-1])
    for base in (one, other):
        assert head(base, backend, store).submit(X, Y).pending_jobs_
    assert len(list((store / "fits").iterdir())) == 2
    for base in (one, other):
        fitted = head(base, backend, store).collect(wait=True)
        np.testing.assert_array_equal(fitted.base_.coef_, base.coef_)
        assert fitted.predict(X).shape == (5,)
    with pytest.raises(ValueError, match="has 0 submitted fits of HamiltonianHeadClassifier with these parameters"):
        head(LogisticRegression(C=1.0).fit(X, Y[[1, 1, 0, 0, 0]]), backend, store).collect()


@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("refined", [False, True])
def test_budget_and_mode_hold_for_a_selection_object_too(place, given, refined):
    backend, service, store = place
    own = KrylovSelection(backend=backend, shots=7, store=store if given else None)
    options = {"selection": RefinedSelection(own, dimension=3) if refined else own}
    with pytest.raises(NoMoreSamplesError, match="max_qpu_seconds is 1, of which"):
        classifier("auto", str(store), max_qpu_seconds=1.0, **options).submit(X, Y)
    assert not service.jobs()
    service.script(status=["waiting"] * 5)
    model = classifier("auto", str(store), **options)
    assert model.submit(X, Y).pending_jobs_ == ["job0"]
    assert model.selection is options["selection"]


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"store": "elsewhere"}, "store is .* but that of the object given as selection is 'elsewhere'; give one"),
        ({"max_qpu_seconds": 3.0}, r"max_qpu_seconds is 5\.0, but that of the object given as selection is 3\.0; give"),
    ],
)
def test_a_selection_with_another_store_or_budget_is_refused(place, own, message):
    backend, service, store = place
    model = classifier("auto", store, max_qpu_seconds=5.0, selection=KrylovSelection(backend=backend, shots=7, **own))
    for method in (model.fit, model.submit):
        with pytest.raises(ValueError, match=message):
            method(X, Y)
    assert not service.jobs()
    assert not store.exists()


@pytest.mark.parametrize("rounds", [0, 1])
@pytest.mark.parametrize("own", [False, True])
def test_a_checkpoint_is_gone_on_with_after_the_budget_was_raised(place, tmp_path, rounds, own):
    backend, service, store = place
    options = {"expansion_rounds": rounds, "max_dimension": 3, "checkpoint": tmp_path / "fit.nc"}

    def model(budget):
        if own:
            selection = KrylovSelection(backend=backend, shots=7, max_qpu_seconds=budget)
            return classifier("auto", store, selection=selection, **options)
        return classifier(backend, store, max_qpu_seconds=budget, **options)

    with pytest.warns(UserWarning, match="training ends early"):
        model(3.0).fit(X, Y)
    assert len(service.jobs()) == 1
    service.script(status=["waiting"])
    assert model(100.0).submit(X, Y).pending_jobs_ == ["job1"]
    assert model(200.0).collect(wait=True).n_iter_ == 4
    assert len(service.jobs()) == 3


COLLECTING = """
import sys
from tests.estimators.test_hardware import FITS, classifier
from tests.sampling.fake_service import fake_remote
backend, _ = fake_remote(sys.argv[1])
for fit in FITS:
    print(classifier(backend, sys.argv[2], **fit()).collect(wait=True).n_iter_)
"""


class Own:
    """A strategy of one's own; Python shows no more of it than an address."""

    needs_refresh = False

    def select(self, basis, coefficients, weights, *, seed):
        return Selected(Subspace.full(basis.n_qubits))


FITS = [
    lambda: {"embedding": lambda X: X**2, "max_iter": 2, "alpha": 0.0},
    lambda: {"selection": Own(), "max_iter": 3, "random_state": np.int64(1), "alpha": 0},
]


def test_fits_with_functions_and_objects_of_ones_own_are_collected_elsewhere(place):
    backend, service, store = place
    for fit in FITS:
        classifier(backend, store, **fit()).submit(X, Y)
    command = [sys.executable, "-c", COLLECTING, str(service.folder), str(store)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        command, cwd=Path(__file__).parents[2], check=True, capture_output=True, text=True, env=environment
    )
    assert done.stdout.split() == ["2", "3"]
    for same in ({"random_state": 1, "alpha": 0.0}, {"random_state": np.uint8(1), "alpha": np.float32(0)}):
        assert classifier(backend, store, **{**FITS[1](), **same}).collect().n_iter_ == 3
    with pytest.raises(ValueError, match="has 0 submitted fits"):
        classifier(backend, store, **{**FITS[0](), "embedding": lambda X: 3 * X}).collect()


@pytest.mark.parametrize(
    "table",
    [
        pd.DataFrame({"size": X[:, 0], "old": X[:, 1] > 0.6}),
        pd.DataFrame({"size": X[:, 0], "count": pd.array([3, 1, 2, 3, 2], dtype="Int64")}),
        np.array([[0.5, True], [1, False], [2, True], [3, True], [4, False]], dtype=object),
    ],
)
def test_columns_of_several_types_are_submitted_as_they_are_fitted(place, tmp_path, table):
    backend, service, store = place
    service.script(status=["waiting"])
    assert classifier(backend, store).submit(table, Y).pending_jobs_
    found = classifier(backend, store).collect(wait=True)
    fitted = classifier(backend, store).fit(table, Y)
    assert len(service.jobs()) == 3
    np.testing.assert_array_equal(found.decision_function(table), fitted.decision_function(table))
    assert getattr(found, "feature_names_in_", np.empty(0)).tolist() == list(getattr(table, "columns", []))


@pytest.mark.parametrize(
    ("table", "kind", "message"),
    [
        (csr_array(X), TypeError, r"numbers, or text alone, to be kept in the store\. .*Sparse data.*toarray"),
        (
            pd.DataFrame({"a": list("abcde"), "b": X[:, 0]}),
            ValueError,
            "text alone, .*could not convert string to float",
        ),
        (pd.DataFrame({"a": pd.array([1, None, 2, 3, 4], dtype="Int64"), "b": X[:, 0]}), ValueError, "contains NaN"),
    ],
)
def test_a_table_that_cannot_be_kept_is_refused_with_the_reason(place, table, kind, message):
    backend, service, store = place
    with pytest.raises(kind, match=message):
        classifier(backend, store).submit(table, Y)
    assert not service.jobs()
    assert not store.exists()


def test_a_fit_that_is_submitted_again_is_kept_once(place):
    backend, _, store = place
    for _ in range(2):
        classifier(backend, store).submit(X, Y)
    assert len(list((store / "fits").iterdir())) == 1


KILLED_FIT = """
import os, signal, sys
from pathlib import Path
from tests.estimators.test_hardware import X, Y, classifier
from tests.sampling.fake_service import FakeService, fake_remote
folder, method, call = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
answer, calls = getattr(FakeService, method), []

def fatal(*arguments, **options):
    result = answer(*arguments, **options)
    calls.append(1)
    if len(calls) == call:
        os.kill(os.getpid(), signal.SIGKILL)
    return result

setattr(FakeService, method, fatal)
backend, _ = fake_remote(folder / "service")
classifier(backend, folder / "store").fit(X, Y)
"""


@pytest.mark.slow
@pytest.mark.parametrize(("method", "call"), [("submit", 1), ("submit", 2), ("status", 1), ("result", 2)])
def test_a_fit_killed_between_submit_and_collect_goes_on_and_pays_for_nothing_twice(place, tmp_path, method, call):
    backend, service, store = place
    command = [sys.executable, "-c", KILLED_FIT, str(tmp_path), method, str(call)]
    assert subprocess.run(command, cwd=Path(__file__).parents[2], check=False).returncode == -signal.SIGKILL
    assert service.jobs()  # it was killed with a job sent
    again = classifier(backend, store).fit(X, Y)
    usage = again.preview(X)
    assert (len(service.jobs()), service.executions) == (usage.jobs, usage.executions)
    unharmed, _ = fake_remote(tmp_path / "another service")
    whole = classifier(unharmed, tmp_path / "another store").fit(X, Y)
    np.testing.assert_array_equal(again.decision_function(X), whole.decision_function(X))


def test_the_names_of_columns_are_kept(place):
    backend, service, store = place
    service.script(status=["waiting"])
    table = pd.DataFrame(X, columns=["age", "size"])
    assert classifier(backend, store).submit(table, Y).pending_jobs_
    fitted = classifier(backend, store).collect(wait=True)
    assert fitted.feature_names_in_.tolist() == ["age", "size"]
    assert fitted.predict(table).shape == (5,)


def test_a_damaged_file_of_a_submitted_fit_is_one_line(place):
    backend, _, store = place
    model = classifier(backend, store).submit(X, Y)
    (file,) = (store / "fits").iterdir()
    file.write_bytes(file.read_bytes()[:300])
    for go_on in (model.collect, lambda: model.submit(X, Y)):
        with pytest.raises(OSError, match=r"npz is empty, cut off or no file of a store; .* call submit with its rows"):
            go_on()
