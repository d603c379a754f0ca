from __future__ import annotations

from experiments.sampling_speed.run import main


def test_the_table_names_every_competitor_and_the_ratios(capsys):
    main(["--qubits", "6", "--circuits", "2", "--shots", "10", "--rows", "1", "--turns", "1"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "6 qubits, 2 Krylov states, 10 shots, bond 16"
    assert [line.split("  ")[0] for line in lines[1:6]] == [
        "Aer as it comes", "Aer at its fastest", "this package", "circuit by circuit", "without drawing",
    ]  # fmt: skip
    assert lines[6].startswith("Aer as it comes / this package: ")
    assert lines[7].startswith("Aer at its fastest / this package: ")
    assert lines[8].startswith("circuit by circuit / this package: ")
