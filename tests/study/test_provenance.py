"""What a result says about how it was made."""

from __future__ import annotations

import shutil
import subprocess
from datetime import datetime, timedelta
from importlib.metadata import version

import pytest

from hamiltonian_ml.study.provenance import commit_of, provenance

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


def git(folder, *arguments):
    identity = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.org"]
    run = subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return run.stdout.strip()


@pytest.fixture
def repository(tmp_path):
    git(tmp_path, "init", "--quiet")
    (tmp_path / "code.py").write_text("one = 1\n")
    git(tmp_path, "add", "code.py")
    git(tmp_path, "commit", "--quiet", "-m", "Start")
    return tmp_path


def test_versions_and_time_are_told():
    found = provenance()
    assert found["version_hamiltonian_ml"] == version("hamiltonian_ml")
    assert found["version_scikit_learn"] == version("scikit-learn")
    assert abs(datetime.now().astimezone() - datetime.fromisoformat(found["created"])) < timedelta(minutes=1)


def test_all_of_it_is_text():
    assert {type(value) for value in provenance().values()} == {str}  # attributes of netCDF files


@needs_git
def test_a_tracked_file_has_the_commit_it_is_checked_out_at(repository):
    head = git(repository, "rev-parse", "HEAD")
    assert commit_of(repository / "code.py") == {"commit": head, "uncommitted_changes": "no"}


@needs_git
def test_uncommitted_changes_are_told(repository):
    (repository / "code.py").write_text("one = 2\n")
    assert commit_of(repository / "code.py")["uncommitted_changes"] == "yes"


@needs_git
def test_results_that_a_run_writes_are_no_change(repository):
    (repository / "data.nc").write_text("one")
    git(repository, "add", "data.nc")
    git(repository, "commit", "--quiet", "-m", "Add data")
    (repository / "data.nc").write_text("two")
    assert commit_of(repository / "code.py")["uncommitted_changes"] == "no"


@needs_git
def test_a_package_installed_inside_another_repository_does_not_take_its_commit(repository):
    installed = repository / "site-packages"
    installed.mkdir()
    (installed / "package.py").write_text("")
    assert commit_of(installed / "package.py") == {}


def test_without_git_there_is_no_commit(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert commit_of(tmp_path / "code.py") == {}
