"""The heavy-hexagonal lattice of IBM's Heron processors: which qubits of a patch are neighbours.

In: a number of qubits. Out: the edges of a standard connected patch.
"""

from __future__ import annotations

_STRIP_QUBITS = 50  # one more hexagon side by side for every so many qubits


def heavy_hex_edges(n_qubits: int) -> list[tuple[int, int]]:
    """Return the edges of the standard patch: a strip of hexagons, filled row by row.

    Rows of ``4 w + 1`` qubits in a line are joined by bridge qubits, four columns apart and shifted by two from one gap
    to the next; ``w`` is 1 up to 50 qubits, 2 up to 100, and so on. Rows and bridges are numbered from the top, and
    each row from where the bridges above meet it, so the first ``n_qubits`` qubits are connected for any number.

    Examples
    --------
    >>> len(heavy_hex_edges(12))  # one hexagon: six corners and a qubit on each of its sides
    12
    """
    width = 4 * -(-n_qubits // _STRIP_QUBITS) + 1
    places: list[tuple[int, int]] = []
    row, bridges = 0, [0]
    while len(places) < n_qubits:
        columns = sorted(range(width), key=lambda c: (min(abs(c - b) for b in bridges), c))
        places += [(2 * row, c) for c in columns]
        bridges = list(range(2 * (row % 2), width, 4))
        places += [(2 * row + 1, c) for c in bridges]
        row += 1
    number = {place: q for q, place in enumerate(places[:n_qubits])}
    edges = []
    for (y, x), q in number.items():
        neighbours = [(y, x + 1), (y + 1, x)] if y % 2 == 0 else [(y + 1, x)]
        edges += [(min(q, number[p]), max(q, number[p])) for p in neighbours if p in number]
    return sorted(edges)
