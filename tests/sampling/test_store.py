from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from qiskit.primitives import StatevectorSampler

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.sampling import run
from hamiltonian_ml.sampling.backends import Backend
from hamiltonian_ml.sampling.files import DamagedFileError, write_whole
from hamiltonian_ml.sampling.jobs import SamplesPendingError
from hamiltonian_ml.sampling.request import SampleRequest
from hamiltonian_ml.sampling.run import sample_krylov
from hamiltonian_ml.sampling.runtime import DeviceOptions
from hamiltonian_ml.sampling.store import MissingSamplesError, SampleStore
from tests.sampling.fake_service import FakeService, fake_remote

BASIS = PauliBasis.chain(3)
ROWS = np.random.default_rng(1).normal(size=(5, BASIS.n_terms))


@pytest.fixture
def runs(monkeypatch):
    """Return a list that grows by one entry for each job of a simulator."""
    done = []
    simulate = run._run_job

    def counted(*arguments, **options):
        done.append(1)
        return simulate(*arguments, **options)

    monkeypatch.setattr(run, "_run_job", counted)
    return done


def draw(store, rows=ROWS, **options):
    found = sample_krylov(BASIS, rows, store=store, **{"shots": 20, "seed": 1, **options})
    return [(row.words.tolist(), row.counts.tolist()) for row in found]


def test_a_hit_never_runs_and_gives_what_was_measured(tmp_path, runs):
    measured = draw(tmp_path)
    assert draw(tmp_path) == measured == draw(None)
    assert len(runs) == 2  # one with the store, one without


def test_equal_rows_keep_samples_of_their_own(tmp_path, runs):
    twice = ROWS[[0, 1, 0]]
    first, second = (draw(tmp_path, rows=twice) for _ in range(2))
    assert first == second == draw(None, rows=twice)
    assert first[0] != first[2]
    assert len(runs) == 2  # one with the store, one without
    nearly = draw(tmp_path, rows=ROWS[[1, 0, 0]] * (1 + 1e-9))
    assert nearly == [first[1], first[0], first[2]]
    assert len(runs) == 2


def test_samples_that_are_gone_when_they_are_looked_for_are_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(SampleStore, "keep", lambda *arguments, **circumstances: None)
    with pytest.raises(MissingSamplesError, match=r"samples of 5 Hamiltonians were written to .*samples and are not"):
        draw(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 2},
        {"shots": 21},
        {"krylov_dimension": 3},
        {"time_step": 0.2},
        {"trotter_order": 2},
        {"backend": Backend("mps", bond_dimension=4)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_decides_the_samples_is_part_of_their_key(tmp_path, runs, change):
    draw(tmp_path)
    draw(tmp_path, **change)
    assert len(runs) == 2


def test_another_number_of_threads_is_the_same_simulator(tmp_path, runs):
    draw(tmp_path, backend=Backend("statevector", max_threads=1))
    draw(tmp_path, backend=Backend("statevector", max_threads=2))
    assert len(runs) == 1


def request_on(backend, rows=ROWS):
    return SampleRequest(
        BASIS, rows, krylov_dimension=3, time_step="auto", trotter_order=1, shots=10, seed=0, backend=backend
    )


@pytest.mark.parametrize(
    "options",
    [
        {"max_threads": 2},
        {"bond_dimension": 32},
        {"truncation_threshold": 0.0},
        {"realisations": 5},
        {"device": DeviceOptions(mode="job")},
    ],
    ids=lambda options: next(iter(options)),
)
def test_options_without_effect_on_a_device_do_not_make_its_samples_others(options):
    assert request_on(Backend("ibm_fez", **options)).family == request_on(Backend("ibm_fez")).family


def test_options_that_decide_the_samples_of_a_device_are_part_of_their_key():
    options = [{}, {"twirl_gates": True}, {"dynamical_decoupling": "XY4"}, {"rep_delay": 1e-4}]
    families = {request_on(Backend("ibm_fez", device=DeviceOptions(**each))).family for each in options}
    assert len(families | {request_on(Backend("ibm_kingston")).family}) == 5


def test_the_key_of_a_device_stays_so_that_nobody_pays_again():
    assert request_on(Backend("ibm_fez")).family == "60b28fc7bae42a3d9826"


@pytest.mark.parametrize("unit", [1e-4, 1e-19, 1e-90, 1e30])
def test_hamiltonians_in_any_unit_of_energy_have_keys_of_their_own(unit):
    """Coefficients in joules differ by less than ten decimals tell; those that round-off sets apart are the same."""
    rows = np.random.default_rng(0).normal(size=ROWS.shape)
    keys = [request_on(Backend("ibm_fez"), unit * r).key for r in (rows, 1.1 * rows, 10 * rows)]
    assert len(set(keys)) == 3
    if unit < 1:
        assert request_on(Backend("ibm_fez"), unit * rows * (1 + 1e-15)).key == keys[0]


@pytest.mark.parametrize("name", ["statevector", "mps", "fake_fez"])
def test_options_may_be_numbers_of_numpy(name):
    plain = Backend(name, bond_dimension=4, truncation_threshold=0.5, realisations=3)
    numpy = Backend(name, bond_dimension=np.int64(4), truncation_threshold=np.float32(0.5), realisations=np.int32(3))
    basis = PauliBasis.chain(15)
    one, other = (
        replace(request_on(backend), basis=basis, coefficients=np.zeros((1, basis.n_terms)))
        for backend in (plain, numpy)
    )
    assert one.family == other.family


def test_several_at_once_measure_once(tmp_path, runs):
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: draw(tmp_path), range(4)))
    assert len(runs) == 1
    assert all(each == found[0] for each in found)


ONE_OF_TWO = """
import sys, time
from pathlib import Path
from tests.sampling.fake_service import fake_remote
from tests.sampling.test_jobs import draw
folder, name = Path(sys.argv[1]), sys.argv[2]
(folder / name).touch()
while len(list(folder.glob("ready*"))) < 2:
    time.sleep(0.01)
backend, _ = fake_remote(folder / "service")
rows = draw(backend, folder / "store")
(folder / f"{name}.txt").write_text(str([(row.words.tolist(), row.counts.tolist()) for row in rows]))
"""


def test_two_processes_that_ask_at_once_pay_once_and_get_the_same(tmp_path):
    command = [sys.executable, "-c", ONE_OF_TWO, str(tmp_path)]
    root = Path(__file__).parents[2]
    children = [subprocess.Popen([*command, f"ready{k}"], cwd=root) for k in range(2)]
    assert [child.wait() for child in children] == [0, 0]
    assert len(FakeService(tmp_path / "service").jobs()) == 1
    one, two = ((tmp_path / f"ready{k}.txt").read_text() for k in range(2))
    assert one == two


def test_files_hold_no_pickle(tmp_path):
    draw(tmp_path)
    (file,) = (tmp_path / "samples").iterdir()
    with np.load(file, allow_pickle=False) as content:
        assert set(content.files) == {"words", "counts", "sizes", "coefficients", "description"}
        assert "statevector" in str(content["description"])


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    write_whole(tmp_path / "file", b"old")
    monkeypatch.setattr("os.fsync", lambda handle: (_ for _ in ()).throw(OSError(28, "no space left")))
    with pytest.raises(OSError, match="no space left"):
        write_whole(tmp_path / "file", b"new")
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("file", b"old")]


def test_samples_of_a_sampler_object_are_not_stored(tmp_path):
    with pytest.raises(ValueError, match="nothing says what decides the samples of a sampler object"):
        draw(tmp_path, backend=StatevectorSampler(seed=1))


def cut(content):
    return content[: len(content) // 2]


DAMAGES = {
    "empty": lambda content: b"",
    "cut": cut,
    "text": lambda content: b"no samples",
    "list": lambda content: b"[]",
}


@pytest.fixture(params=DAMAGES)
def damage(request):
    """Return a function that damages the only file of a folder, and returns its path."""

    def of(folder, pattern="*"):
        (file,) = folder.glob(pattern)
        file.write_bytes(DAMAGES[request.param](file.read_bytes()))
        return file

    return of


def test_damaged_samples_of_a_simulator_are_drawn_again_but_not_replayed(tmp_path, runs, damage):
    measured = draw(tmp_path)
    damage(tmp_path / "samples")
    with pytest.raises(
        DamagedFileError, match=r"npz is empty, cut off or no file of a store; restore it from a copy\.$"
    ):
        draw(SampleStore(tmp_path, mode="replay"))
    assert draw(tmp_path) == measured
    assert draw(SampleStore(tmp_path, mode="replay")) == measured
    assert len(runs) == 2


def test_damaged_samples_of_a_device_are_one_line_and_their_jobs_are_asked_for_again(tmp_path, damage):
    backend, service = fake_remote(tmp_path / "service")
    store = tmp_path / "store"
    measured = draw(store, backend=backend)
    file = damage(store / "samples")
    with pytest.raises(
        DamagedFileError, match=r"npz is empty, .* or delete it: what its jobs measured is then asked for again"
    ) as damaged:
        draw(store, backend=backend)
    assert str(file) in str(damaged.value)
    file.unlink()
    assert draw(store, backend=backend) == measured
    assert len(service.jobs()) == 1


@pytest.mark.parametrize("kind", ["json", "npy"])
def test_a_damaged_ledger_is_one_line_that_names_the_file(tmp_path, kind, damage):
    backend, service = fake_remote(tmp_path / "service")
    store = SampleStore(tmp_path / "store", mode="submit")
    service.script(status=["waiting"])
    with pytest.raises(SamplesPendingError):
        draw(store, backend=backend)
    file = damage(store.path / "jobs", f"*.{kind}")
    with pytest.raises(
        DamagedFileError, match="is empty, cut off or no file of a store; restore it from a copy"
    ) as found:
        draw(store, backend=backend)
    assert str(file) in str(found.value)
    assert len(service.jobs()) == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"timeout_seconds": "a"}, "timeout_seconds must be a finite number above 0, got 'a'"),
        ({"mode": "play"}, "must be one of run, submit, replay, got 'play'"),
        ({"timeout_seconds": 0}, "must be a finite number above 0"),
    ],
)
def test_stores_of_no_meaning_are_refused(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        SampleStore(tmp_path, **options)


def test_a_file_is_no_store(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match=r"store must be a folder, but .*file is a file"):
        draw(tmp_path / "file")
    with pytest.raises(ValueError, match="store must be a folder, a SampleStore or None, got 3"):
        draw(3)
