from __future__ import annotations

from experiments.sample_quality.run import main, variants


def test_every_ranking_is_compared_at_equal_size(capsys):
    arguments = "--qubits 4 --seeds 2 --shots 20 --sizes 6 --factors 2"
    main(arguments.split())
    lines = capsys.readouterr().out.splitlines()
    assert [line[:28].strip() for line in lines[3:]] == list(variants(2.0))
    assert all(line.count("+-") == 2 for line in lines[3:])
