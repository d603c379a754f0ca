"""The heavy-hexagonal lattice of Heron processors, as a graph.

In: a number of qubits. Out: the edges of a connected patch.
"""

from __future__ import annotations

Site = tuple[int, int]

_WIDTH = 6
_FIRST = (0, 3)


def heavy_hex_edges(n_qubits: int) -> list[tuple[int, int]]:
    """Return the edges of a heavy-hexagonal patch: hexagons of 12 qubits in a column, each joined to the next.

    Notes
    -----
    Lines of 6 sites lie one below the other. Every other gap holds two sites that join columns 1 and 5 of its lines
    and close a hexagon; the gaps between hold one, in column 3. Qubits are numbered by their distance from column 3 of
    the first line, then by line and column: a patch holds all smaller ones, it is connected, and no qubit has more
    than three neighbours. Up to 50 qubits it fits on the working couplers of each fake Heron processor, which wider
    patches of 50 qubits do not.

    Examples
    --------
    >>> heavy_hex_edges(6)
    [(0, 1), (0, 2), (0, 3), (1, 4), (2, 5)]
    """
    numbers = {site: number for number, site in enumerate(heavy_hex_sites(n_qubits))}
    pairs = [(number, numbers[other]) for site, number in numbers.items() for other in _neighbours(site) & set(numbers)]
    return sorted((a, b) for a, b in pairs if a < b)


def heavy_hex_sites(n_qubits: int) -> list[Site]:
    """Return the place (line, column) of each qubit of `heavy_hex_edges`.

    Examples
    --------
    >>> heavy_hex_sites(4)
    [(0, 3), (0, 2), (0, 4), (1, 3)]
    """
    sites, shell = [_FIRST], [_FIRST]
    while len(sites) < n_qubits:
        shell = sorted({site for each in shell for site in _neighbours(each)} - set(sites))
        sites += shell
    return sites[:n_qubits]


def _neighbours(site: Site) -> set[Site]:
    """Return the neighbours of a site; lines have even first coordinates, the sites that join them odd ones."""
    row, column = site
    if row % 2:
        return {(row - 1, column), (row + 1, column)}
    along = {(row, c) for c in (column - 1, column + 1) if 0 <= c < _WIDTH}
    return along | {(r, column) for r in (row - 1, row + 1) if r > 0 and column in _joined_columns(r)}


def _joined_columns(row: int) -> tuple[int, ...]:
    return (3,) if row % 4 == 1 else (1, 5)
