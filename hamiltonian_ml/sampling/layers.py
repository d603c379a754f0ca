"""Order the edges of a graph into layers that run side by side, and the layers into Trotter steps.

In: a graph, a number of steps and a product-formula order. Out: the sequence of layers and how long each one acts.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product

Edge = tuple[int, int]


def colour_edges(n_qubits: int, edges: Iterable[Edge]) -> tuple[tuple[Edge, ...], ...]:
    """Split edges into layers in which no qubit occurs twice.

    Parameters
    ----------
    n_qubits : int
        Number of qubits.
    edges : iterable of (int, int)
        Different pairs of different qubits.

    Returns
    -------
    tuple of tuples of (int, int)
        The layers; the same edges always give the same layers, in the order of the lowest edges.

    Notes
    -----
    A graph without odd cycles gets as many layers as its largest degree, which is the least possible: 2 on a chain or
    an even ring, 3 on a heavy-hexagonal lattice. With odd cycles one layer more can be needed, as on an odd ring.

    Examples
    --------
    >>> colour_edges(4, [(0, 1), (1, 2), (2, 3)])
    (((0, 1), (2, 3)), ((1, 2),))
    """
    ordered = sorted(edges)
    partner: list[dict[int, int]] = [{} for _ in range(n_qubits)]
    n_colours = max((sum(q in edge for edge in ordered) for q in range(n_qubits)), default=0)
    for u, v in ordered:
        free_u = [c for c in range(n_colours) if c not in partner[u]]
        free_v = [c for c in range(n_colours) if c not in partner[v]]
        common = [c for c in free_u if c in free_v]
        if common:
            colour = common[0]
        else:
            freed = (c for c, d in product(free_u, free_v) if _exchange(partner, v, c, d, avoid=u))
            colour = next(freed, n_colours)
            n_colours = max(n_colours, colour + 1)
        partner[u][colour], partner[v][colour] = v, u
    layers = [tuple((q, p[c]) for q, p in enumerate(partner) if q < p.get(c, -1)) for c in range(n_colours)]
    return tuple(layers)


def trotter_schedule(n_layers: int, n_steps: int, order: int) -> list[tuple[int, float]]:
    """Return the layers of ``n_steps`` Trotter steps in time order, each with its duration in units of the step.

    A layer that would follow itself acts once, for both durations: a second-order step, which ends as it begins, then
    costs hardly more than a first-order one.
    """
    if order == 1:
        step = [(layer, 1.0) for layer in range(n_layers)]
    else:
        half = [(layer, 0.5) for layer in range(n_layers)]
        step = half + half[::-1]
    schedule: list[tuple[int, float]] = []
    for layer, duration in step * n_steps:
        if schedule and schedule[-1][0] == layer:
            duration += schedule.pop()[1]
        schedule.append((layer, duration))
    return schedule


def _exchange(partner: list[dict[int, int]], start: int, wanted: int, other: int, *, avoid: int) -> bool:
    """Free the colour ``wanted`` at ``start`` by exchanging it with ``other`` along their alternating path.

    Nothing is done, and False returned, if the path ends at ``avoid``, whose free colour would be lost: this takes an
    odd cycle.
    """
    path, colour = [start], wanted
    while colour in partner[path[-1]]:
        path.append(partner[path[-1]][colour])
        colour = other if colour == wanted else wanted
    if path[-1] == avoid:
        return False
    for qubit in path:
        ends = {c: partner[qubit].pop(c) for c in (wanted, other) if c in partner[qubit]}
        partner[qubit].update({other if c == wanted else wanted: end for c, end in ends.items()})
    return True
