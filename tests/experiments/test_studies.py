"""Every figure's sweep runs at a tiny size, every cached figure is drawn, and every claim has a verdict."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module

import matplotlib.pyplot as plt
import numpy as np
import pytest
import rustworkx
import xarray as xr

from experiments import claims, figures, studies
from experiments.__main__ import main
from experiments.hardness import run as hardness
from experiments.parts import PROFILES
from hamiltonian_ml.study.provenance import provenance
from hamiltonian_ml.study.sweep import WorkersDiedError, sweep
from hamiltonian_ml.study.tasks import check_distinct

WITH_DATA = [study.name for study in studies.STUDIES.values() if study.has_data]
PARTS = [(name, part) for name in WITH_DATA for part in studies.STUDIES[name].parts()]
CACHED = [name for name in WITH_DATA if studies.cached_profile(name)]
BYTES = 400_000  # of one figure's results in the repository


@pytest.mark.parametrize(("name", "part"), PARTS)
def test_a_tiny_sweep_of_every_part_runs_and_its_numbers_have_units(name, part, tmp_path, monkeypatch):
    if name == "heads":
        pytest.importorskip("torch", reason="torch is not installed; the extra heads brings it (make heads)")
        monkeypatch.setattr("experiments.heads.run.BASES", tmp_path / "bases")
    piece = studies.STUDIES[name].parts()[part]
    with ThreadPoolExecutor(1) as pool:
        done = sweep(piece.tasks("tiny")[:3], piece.run, pool, folder=tmp_path)
    assert not done.failures()
    found = done.results()
    measured = set(found.data_vars) - set(piece.tasks("tiny")[0].settings())
    assert all("units" in found[variable].attrs for variable in measured if found[variable].dtype.kind == "f")
    assert set(provenance()) <= set(found.attrs)  # the commit too, where there is one


@pytest.mark.parametrize(("name", "part"), PARTS)
@pytest.mark.parametrize("profile", PROFILES)
def test_the_tasks_of_a_profile_are_distinct(name, part, profile):
    tasks = studies.STUDIES[name].parts()[part].tasks(profile)
    check_distinct(tasks)
    assert len({task.key for task in tasks}) == len(tasks)


@pytest.mark.parametrize("name", [*CACHED, "method"])
def test_a_figure_is_drawn_from_the_repository(name, tmp_path):
    paths = figures.draw(name, tmp_path)
    assert [path.suffix for path in paths] == [".pdf", ".png"]
    image = plt.imread(paths[1])
    assert image.shape[1] == pytest.approx(200 * figures.WIDTH, rel=0.02)  # as wide as the page, in pixels
    assert image[..., :3].std() > 0.02  # not blank


@pytest.mark.parametrize("name", CACHED)
def test_every_axis_of_a_figure_has_a_label(name):
    with plt.rc_context(figures.STYLE):
        figure = import_module(f"experiments.{name}.figure").draw(studies.results(name))
    for axes in (axes for axes in figure.axes if axes.axison):  # the others hold a legend
        assert axes.get_xlabel()
        shares = axes.get_shared_y_axes().get_siblings(axes)
        assert any(other.get_ylabel() for other in shares)
    plt.close(figure)


@pytest.mark.parametrize("name", CACHED)
def test_results_in_the_repository_are_small_and_say_what_made_them(name):
    for part in studies.results(name).children.values():
        assert {"task", "created", "version_numpy", "n_cells", "n_missing"} <= set(part.attrs)
    path = studies.CELLS.parent / name / "data" / f"{studies.cached_profile(name)}.nc"
    assert path.stat().st_size < BYTES


def test_every_claim_has_one_verdict(tmp_path):
    claims.write(tmp_path)
    written = json.loads((tmp_path / "claims.json").read_text())
    assert [row["claim"] for row in written] == [*range(1, 25), 26, 27, 28]
    assert {row["verdict"] for row in written} <= {"held", "failed", "described", "not decidable", "not tested"}
    assert all(row["number"] and row["text"] for row in written)
    assert all("not tested here because" in row["text"] for row in written if row["verdict"] == "not tested")


def test_every_claim_of_a_study_is_decided_by_it():
    for study in studies.STUDIES.values():
        if study.has_data and studies.cached_profile(study.name):
            found = import_module(f"experiments.{study.name}.figure").verdicts(studies.results(study.name))
            assert {verdict.claim for verdict in found} <= set(claims.CLAIMS)
            assert set(study.claims) == {verdict.claim for verdict in found if verdict.verdict != "not tested"}


def test_the_patch_of_the_hardness_figure_is_two_cells_of_a_heavy_hexagonal_lattice():
    patch, lattice = rustworkx.PyGraph(), rustworkx.generators.heavy_hex_graph(7)
    patch.add_nodes_from(range(21))
    patch.extend_from_edge_list(hardness.TWO_CELLS)
    assert rustworkx.is_subgraph_isomorphic(lattice, patch, induced=False)
    assert len(rustworkx.cycle_basis(patch)) == 2


def test_a_row_of_qubits_is_one_that_few_edges_cross():
    ladder = [(q, q + 2) for q in range(10)] + [(q, q + 1) for q in range(0, 12, 2)]
    mixed = np.random.default_rng(0).permutation(12)
    row = hardness.in_a_row([(int(mixed[a]), int(mixed[b])) for a, b in ladder], 12)
    places = [row.index(int(q)) for q in mixed]
    assert max(sum(min(places[a], places[b]) < cut <= max(places[a], places[b]) for a, b in ladder)
               for cut in range(1, 12)) <= 3  # fmt: skip


def test_the_list_names_every_figure_with_its_claims(capsys):
    assert main(["list"]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in studies.STUDIES)
    assert "5, 7, 8, 9" in printed


def test_a_figure_without_results_says_how_to_compute_them(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(studies, "_HERE", tmp_path)
    assert main(["reproduce", "errors", "--out", str(tmp_path)]) == 2
    assert "--from simulation" in capsys.readouterr().err


def test_hardware_is_refused_where_no_figure_needs_it(capsys, tmp_path):
    assert main(["reproduce", "errors", "--from", "hardware", "--out", str(tmp_path)]) == 2
    assert "no figure takes its results from a quantum processor" in capsys.readouterr().err


def test_workers_that_die_and_a_damaged_file_are_errors_of_one_line(monkeypatch, capsys, tmp_path):
    def dying(*arguments, **options):
        raise WorkersDiedError("workers were killed")

    monkeypatch.setattr(studies, "sweep", dying)
    monkeypatch.setattr(studies, "_HERE", tmp_path)
    assert main(["reproduce", "errors", "--from", "simulation", "--out", str(tmp_path)]) == 2
    assert capsys.readouterr().err == "experiments: workers were killed\n"
    (tmp_path / "errors" / "data").mkdir(parents=True)
    (tmp_path / "errors" / "data" / "quick.nc").touch()
    assert main(["reproduce", "errors", "--out", str(tmp_path)]) == 2
    shown = capsys.readouterr().err
    assert f"{tmp_path / 'errors' / 'data' / 'quick.nc'} is damaged" in shown
    assert len(shown.splitlines()) == 1


def test_a_folder_that_cannot_be_is_refused_before_any_work(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(studies, "simulate", lambda *a, **k: pytest.fail("it was begun"))
    (tmp_path / "file").touch()
    for command in (["reproduce", "errors", "--from", "simulation"], ["claims"]):
        assert main([*command, "--out", str(tmp_path / "file")]) == 2
        assert "--out must be a folder, but" in capsys.readouterr().err


def test_an_interrupt_is_one_line_and_status_130(monkeypatch, capsys, tmp_path):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(studies, "simulate", interrupt)
    assert main(["reproduce", "errors", "--from", "simulation", "--out", str(tmp_path)]) == 130
    assert capsys.readouterr().err == "experiments: interrupted.\n"


def test_a_simulation_fills_the_cache_and_draws(monkeypatch, tmp_path):
    monkeypatch.setattr(studies, "_HERE", tmp_path)
    monkeypatch.setattr(studies, "CELLS", tmp_path / "cells")
    (tmp_path / "errors").mkdir()
    parts = studies.STUDIES["errors"].parts()
    tiny = {key: type(part)(lambda profile, part=part: part.tasks("tiny"), part.run) for key, part in parts.items()}
    monkeypatch.setattr(studies.Study, "parts", lambda study: tiny)
    with ThreadPoolExecutor(1) as pool:
        monkeypatch.setattr(studies, "sweep", lambda *a, **k: sweep(a[0], a[1], pool, folder=k["folder"]))
        assert main(["reproduce", "errors", "--from", "simulation", "--out", str(tmp_path)]) == 0
    assert studies.cached_profile("errors") == "quick"
    assert (tmp_path / "errors.pdf").exists()


def test_a_failed_cell_stops_a_simulation_with_its_error(monkeypatch, tmp_path):
    def fail(task):
        raise RuntimeError("no luck")

    monkeypatch.setattr(studies, "CELLS", tmp_path)
    part = studies.STUDIES["errors"].parts()["errors"]
    monkeypatch.setattr(studies.Study, "parts", lambda study: {"errors": type(part)(part.tasks, fail)})
    with ThreadPoolExecutor(1) as pool:
        monkeypatch.setattr(studies, "sweep", lambda *a, **k: sweep(a[0][:2], a[1], pool, folder=k["folder"]))
        with pytest.raises(ValueError, match=r"2 cells of errors failed, the first with 'RuntimeError: no luck'"):
            studies.simulate("errors", "quick")


def test_curves_leave_out_what_was_not_run_and_show_the_standard_error():
    values = xr.DataArray([[1.0, 2.0, np.nan], [3.0, 4.0, np.nan]], dims=("seed", "n"), coords={"n": [4, 8, 12]})
    _, axes = plt.subplots()
    figures.curve(axes, values, along="n", number=0)
    line, _, bars = axes.containers[0]
    assert line.get_xydata().tolist() == [[4, 2], [8, 3]]
    lengths = [segment[1][1] - segment[0][1] for segment in bars[0].get_segments()]
    np.testing.assert_allclose(lengths, 2.0)  # twice the standard error sqrt(2) / sqrt(2)
    plt.close()
