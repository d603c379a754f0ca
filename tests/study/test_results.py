"""Files are whole or absent, and results come back as they were."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import h5py
import numpy as np
import pytest
import xarray as xr

from hamiltonian_ml.bases.files import whole_file
from hamiltonian_ml.study.results import DamagedResultsError, read_results, write_results


def some_results() -> xr.DataTree:
    root = xr.Dataset({"size": ("model", [0.5, 0.25], {"units": "1"})}, {"model": ["ours", "theirs"]}, {"seed": 3})
    rows = xr.Dataset({"trusted": ("row", [True, False]), "truth": ("row", np.array(["a", "b c"]))}, {"row": [4, 7]})
    return xr.DataTree.from_dict({"/": root, "certificate": rows})


def test_results_come_back_as_they_were_written(tmp_path):
    results = some_results()
    write_results(results, tmp_path / "run.nc")
    again = read_results(tmp_path / "run.nc")
    xr.testing.assert_identical(again, results)
    assert again["certificate/trusted"].dtype == bool


def test_a_file_is_netcdf_that_xarray_opens_by_itself(tmp_path):
    write_results(some_results(), tmp_path / "run.nc")
    with xr.open_dataset(tmp_path / "run.nc", group="certificate", engine="h5netcdf") as rows:
        assert rows["truth"].values.tolist() == ["a", "b c"]


def test_writing_leaves_no_other_file_behind(tmp_path):
    write_results(some_results(), tmp_path / "run.nc")
    assert [path.name for path in tmp_path.iterdir()] == ["run.nc"]


def test_a_file_is_not_there_before_it_is_complete(tmp_path):
    target = tmp_path / "note.txt"
    with whole_file(target) as partial:
        partial.write_text("half")
        assert not target.exists()
        partial.write_text("whole")
    assert target.read_text() == "whole"


def test_threads_that_write_one_file_at_once_leave_one_whole_text(tmp_path):
    target = tmp_path / "note.txt"
    texts = [letter * 2**16 for letter in "abcd"]
    together = Barrier(len(texts))

    def write(text):
        with whole_file(target) as partial:
            together.wait()  # every temporary file is named before the first is written
            partial.write_text(text)

    with ThreadPoolExecutor(len(texts)) as pool:
        list(pool.map(write, texts))
    assert target.read_text() in texts
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]


def test_an_error_keeps_the_old_file_and_drops_the_new_one(tmp_path):
    target = tmp_path / "note.txt"
    target.write_text("old")
    with pytest.raises(RuntimeError, match="disk is full"), whole_file(target) as partial:  # noqa: PT012
        partial.write_text("half")
        raise RuntimeError("disk is full")
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]


def test_results_that_cannot_be_stored_leave_no_file(tmp_path):
    unstorable = xr.DataTree(xr.Dataset({"thing": ((), object())}))
    with pytest.raises((TypeError, ValueError)):
        write_results(unstorable, tmp_path / "run.nc")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_an_error_of_the_system(tmp_path):
    with pytest.raises(OSError, match="absent"):
        write_results(some_results(), tmp_path / "absent" / "run.nc")


def test_a_file_that_is_not_netcdf_is_refused(tmp_path):
    (tmp_path / "run.nc").write_text("not netCDF")
    with pytest.raises(OSError, match="signature"):
        read_results(tmp_path / "run.nc")


@pytest.mark.parametrize("share", [0.0, 0.1, 0.9])
def test_a_file_that_is_cut_off_is_named_in_one_line(share, tmp_path):
    path = tmp_path / "full.nc"
    write_results(some_results(), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(DamagedResultsError, match=r"full\.nc is damaged .*; restore it, or delete it") as error:
        read_results(path)
    assert "\n" not in str(error.value)


def test_damage_inside_a_file_names_it_too(tmp_path):
    path = tmp_path / "full.nc"
    results = xr.Dataset({"draw": ("row", np.arange(999.0))})
    results.draw.encoding = {"zlib": True}
    write_results(results, path)
    with h5py.File(path) as file:
        begin = file["draw"].id.get_chunk_info(0).byte_offset
    damaged = bytearray(path.read_bytes())
    damaged[begin : begin + 20] = bytes(20)
    path.write_bytes(damaged)
    with pytest.raises(DamagedResultsError, match=r"full\.nc is damaged"):
        read_results(path)


def test_a_file_that_is_not_there_is_not_called_damaged(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_results(tmp_path / "run.nc")
