"""Where on a device the qubits of a graph go: on the couplers that work best, with no SWAP.

In: a graph (a line, a heavy-hex patch, any other) and a `Calibration`. Out: one physical qubit for each of its qubits.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from hamiltonian_ml.bases.arrays import Floats
from hamiltonian_ml.sampling.beam import Visit, search
from hamiltonian_ml.sampling.devices import CZ_AN_EDGE, Calibration
from hamiltonian_ml.sampling.layers import Edge, colour_edges

_PATCH_LAYERS = 3  # colours of a heavy-hexagonal lattice
# Partial placements kept for each place of the newest qubit. The next width is tried if one leads nowhere.
_WIDTHS = (64, 1024)


@dataclass(frozen=True)
class Layout:
    """A placement of a graph on a device.

    Attributes
    ----------
    qubits : tuple of int
        The physical qubit of each qubit of the graph.
    log_fidelity : float
        Sum of the logarithms of the expected fidelities of one Trotter step: gates, waiting and readout.
    """

    qubits: tuple[int, ...]
    log_fidelity: float


class NoLayoutError(ValueError):
    """The graph does not fit on the working couplers of the device."""


def best_line(calibration: Calibration, n_qubits: int) -> Layout:
    """Return the best line of qubits of a device: `best_layout` of a chain.

    Examples
    --------
    >>> from hamiltonian_ml.sampling.devices import fake_target, read_calibration
    >>> line = best_line(read_calibration(fake_target("fake_torino")), 5)
    >>> len(set(line.qubits)), line.log_fidelity < 0
    (5, True)
    """
    return best_layout(calibration, n_qubits, [(q, q + 1) for q in range(n_qubits - 1)])


def best_layout(calibration: Calibration, n_qubits: int, edges: Iterable[Edge]) -> Layout:
    """Return the placement of a graph with the highest expected fidelity that a beam search finds.

    Parameters
    ----------
    calibration : Calibration
        From `hamiltonian_ml.sampling.devices.read_calibration`.
    n_qubits : int
        Number of qubits of the graph.
    edges : iterable of (int, int)
        Its edges; each is placed on a coupler that works.

    Raises
    ------
    NoLayoutError
        If there is no such placement, or the search finds none.

    Notes
    -----
    Qubits are placed one after the other, neighbours of those that are placed first. Two partial placements that
    occupy the same physical qubits, and agree on those qubits whose neighbours are still to come, have the same future:
    the better one is kept. So the search is exact while its beam is not full, and always deterministic.
    """
    edges = sorted(edges)
    nodes, links = _weights(calibration, n_layers=len(colour_edges(n_qubits, edges)))
    if n_qubits <= len(nodes):
        of_spots, of_pairs = _arrays(calibration.n_qubits, nodes, links)
        for width in _WIDTHS:
            found, exact = search(_order(n_qubits, edges), of_spots, of_pairs, width)
            if found is not None:
                own = sum(nodes[spot] for spot in found)
                return Layout(tuple(found), own + sum(links[found[a]][found[b]] for a, b in edges))
            if exact:
                break
    raise NoLayoutError(
        f"no place for {n_qubits} qubits with {len(edges)} couplings was found on the device, of whose "
        f"{calibration.n_qubits} qubits {len(nodes)} can be read and {len(calibration.couplers)} couplers work; take "
        "fewer qubits, another graph or another device."
    )


def best_patch(calibration: Calibration, n_qubits: int) -> tuple[Edge, ...]:
    """Return the edges of a connected patch of so many qubits of a device, all couplers inside it that work.

    Qubits are numbered as the patch grows: by the qubit that costs least fidelity, from the start that ends best.
    Unlike a fixed shape it goes round what does not work, so that it may have any size up to the whole device.

    Raises
    ------
    NoLayoutError
        If no so large part of the device hangs together.

    Examples
    --------
    >>> from hamiltonian_ml.sampling.devices import fake_target, read_calibration
    >>> len(best_patch(read_calibration(fake_target("fake_torino")), 100)) >= 99
    True
    """
    nodes, links = _weights(calibration, n_layers=_PATCH_LAYERS)
    grown = [patch for start in sorted(nodes) if (patch := _grown(start, nodes, links, n_qubits)) is not None]
    if not grown:
        raise NoLayoutError(
            f"no {n_qubits} qubits of the device hang together: of its {calibration.n_qubits} qubits {len(nodes)} can "
            f"be read and {len(calibration.couplers)} couplers work; take fewer qubits or another device."
        )
    _, order = max(grown, key=lambda patch: (patch[0], [-q for q in patch[1]]))
    number = {spot: qubit for qubit, spot in enumerate(order)}
    pairs = {tuple(sorted((number[a], number[b]))) for a in order for b in links[a] if b in number}
    return tuple(sorted((a, b) for a, b in pairs))


def _grown(
    start: int, nodes: dict[int, float], links: dict[int, dict[int, float]], n_qubits: int
) -> tuple[float, list[int]] | None:
    """Return log-fidelity and qubits of a patch grown from one qubit, or None if it stays too small."""
    order, score = [start], nodes[start]
    edge: dict[int, float] = {q: nodes[q] + link for q, link in links[start].items()}
    while len(order) < n_qubits:
        if not edge:
            return None
        spot = max(edge, key=lambda q: (edge[q], -q))
        score += edge.pop(spot)
        order.append(spot)
        for other, link in links[spot].items():
            if other not in order:
                edge[other] = edge.get(other, nodes[other]) + link
    return score, order


def _weights(calibration: Calibration, *, n_layers: int) -> tuple[dict[int, float], dict[int, dict[int, float]]]:
    """Return the log-fidelity of each qubit that works, and of each coupler by its two ends, for one Trotter step."""
    waiting = calibration.idle_error(calibration.step_seconds(n_layers))
    nodes = {
        q: math.log1p(-float(calibration.readout_error[q])) + math.log1p(-float(waiting[q]))
        for q in range(calibration.n_qubits)
        if np.isfinite(calibration.readout_error[q])
    }
    links: dict[int, dict[int, float]] = {q: {} for q in nodes}
    for (a, b), (error, _) in calibration.couplers.items():
        if a in nodes and b in nodes:
            links[a][b] = links[b][a] = CZ_AN_EDGE * math.log1p(-error)
    return nodes, links


def _arrays(n_spots: int, nodes: dict[int, float], links: dict[int, dict[int, float]]) -> tuple[Floats, Floats]:
    """Return the same as arrays (n_spots,) and (n_spots, n_spots), NaN where nothing works."""
    of_spots, of_pairs = np.full(n_spots, np.nan), np.full((n_spots, n_spots), np.nan)
    of_spots[list(nodes)] = list(nodes.values())
    for spot, others in links.items():
        of_pairs[spot, list(others)] = list(others.values())
    return of_spots, of_pairs


def _order(n_qubits: int, edges: list[Edge]) -> list[Visit]:
    """Return the qubits breadth first from the lowest of each part, a line from its lower end."""
    neighbours: list[list[int]] = [[] for _ in range(n_qubits)]
    for a, b in edges:
        neighbours[a].append(b)
        neighbours[b].append(a)
    order: list[int] = []
    for start in sorted(range(n_qubits), key=lambda q: (len(neighbours[q]) != 1 and max(map(len, neighbours)) < 3, q)):
        queue = [start] if start not in order else []
        while queue:
            qubit = queue.pop(0)
            if qubit not in order:
                order.append(qubit)
                queue += sorted(neighbours[qubit])
    visits = []
    for place, qubit in enumerate(order):
        done = set(order[: place + 1])
        waiting = tuple(q for q in order[: place + 1] if not done.issuperset(neighbours[q]))
        visits.append(Visit(qubit, tuple(q for q in neighbours[qubit] if q in done), waiting))
    return visits
