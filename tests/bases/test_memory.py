"""How much memory there is: for the machine, for a container or a job on it, and for one process."""

import resource

import pytest

from hamiltonian_ml.bases.memory import free_memory

GIB = 2**30


@pytest.fixture
def system(tmp_path):
    """Folders like Linux's, with 8 GiB free and the process in no group."""
    (tmp_path / "proc/self").mkdir(parents=True)
    (tmp_path / "proc/meminfo").write_text(f"MemTotal: {2**24} kB\nMemAvailable: {8 * 2**20} kB\n")
    (tmp_path / "proc/self/status").write_text(f"Name: python\nGroups:\nVmSize: {2**20} kB\n")
    return tmp_path


def _group(folder, limit, used, cached=0, *, names=("memory.max", "memory.current", "inactive_file")):
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in zip(names, (limit, used, None), strict=True):
        if value is not None:
            (folder / name).write_text(f"{value}\n")
    (folder / "memory.stat").write_text(f"anon 7\n{names[2]} {cached}\n")


def _free(system):
    return free_memory(system / "proc", system / "cgroup")


def test_it_is_what_the_machine_has_free(system):
    assert _free(system) == 8 * GIB


def test_a_container_has_what_its_group_leaves(system):
    (system / "proc/self/cgroup").write_text("0::/\n")
    _group(system / "cgroup", 4 * GIB, 3 * GIB, GIB // 2)
    assert _free(system) == 3 * GIB // 2


def test_a_step_of_a_job_has_what_the_job_leaves(system):
    (system / "proc/self/cgroup").write_text("0::/slurm/job_1/step_0\n")
    _group(system / "cgroup/slurm/job_1/step_0", "max", GIB)
    _group(system / "cgroup/slurm/job_1", 2 * GIB, GIB)
    assert _free(system) == GIB


def test_groups_of_version_1_count(system):
    (system / "proc/self/cgroup").write_text("5:cpu,cpuacct:/one\n4:memory:/one\n0::/\n")
    names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
    _group(system / "cgroup/memory/one", 3 * GIB, GIB, names=names)
    _group(system / "cgroup/memory", 2**63 - 4096, GIB, names=names)
    assert _free(system) == 2 * GIB


def test_a_group_beyond_its_limit_has_nothing_left(system):
    (system / "proc/self/cgroup").write_text("0::/\n")
    _group(system / "cgroup", GIB, 2 * GIB)
    assert _free(system) == 0


def test_a_limit_on_the_address_space_counts(system, monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda which: (3 * GIB, 3 * GIB))
    assert _free(system) == 2 * GIB


def test_a_system_that_tells_nothing_has_all_its_memory(tmp_path):
    assert 2**24 < free_memory(tmp_path, tmp_path) < 2**50


def test_this_machine_tells():
    assert 2**24 < free_memory() < 2**50
