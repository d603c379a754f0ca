"""Sample circuits whose gates lie on lines of qubits, by matrix product states: what circuits share is evolved once.

In: PUBs. Out: bits, from the compiled loops in `hamiltonian_ml.sampling.kernels`. The Krylov circuits of a row are the
beginnings of one evolution, so that the longest costs what all of them cost.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterExpression
from qiskit.primitives import BaseSamplerV2, PrimitiveJob, PrimitiveResult, SamplerPubResult
from qiskit.primitives.containers.sampler_pub import SamplerPub

from hamiltonian_ml.bases.arrays import Floats
from hamiltonian_ml.bases.threads import map_blocks
from hamiltonian_ml.sampling.kernels import draw, evolve, fuse, n_shared
from hamiltonian_ml.sampling.native import packed_result

State = tuple[NDArray[np.complex128], Floats, NDArray[np.int64]]  # tensors, Schmidt values, bond dimensions
_PI = math.pi
_ROOM = 8  # for the bonds of a state at first; it doubles when they outgrow it
# One-qubit gates as angles of u, up to a phase; None is the gate's own angle.
_ONE_QUBIT: dict[str, tuple[float | None, ...]] = {
    "u": (None, None, None), "rz": (0.0, 0.0, None), "p": (0.0, 0.0, None), "ry": (None, 0.0, 0.0),
    "rx": (None, -_PI / 2, _PI / 2), "sx": (_PI / 2, -_PI / 2, _PI / 2), "x": (_PI, 0.0, _PI), "h": (_PI / 2, 0.0, _PI),
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class LineCircuit:
    """A circuit as operations on sites, neighbours on the line of its qubits.

    Attributes
    ----------
    n_sites : int
        One for each qubit, idle ones included.
    sites : (n_operations, 2) int
        The second is -1 for a one-qubit gate; else the operation is a ``cz`` of two neighbours.
    angles : (n_operations, 3) float
        Of ``u`` in radians, for parameters that are 0.
    columns : (n_operations, 3) int
        The parameter that is added to each angle, or -1.
    places : dict from int to int
        For each classical bit that is measured, its site.
    """

    n_sites: int
    sites: NDArray[np.int64]
    angles: Floats
    columns: NDArray[np.int64]
    places: dict[int, int]

    def bound(self, values: Floats) -> Floats:
        """Return the angles (n_operations, 3) for parameter values (n_parameters,)."""
        padded = np.append(values, 0.0)  # where column -1 is found
        angles: Floats = self.angles + padded[self.columns]
        return angles


class LineSampler(BaseSamplerV2):
    """Sample by matrix product states; circuits that are not on a line go to another sampler.

    Parameters
    ----------
    bond_dimension : int
        Schmidt values kept at each cut.
    truncation_threshold : float
        Schmidt values are dropped while the sum of the dropped squares stays below it.
    otherwise : callable
        Opens the sampler for PUBs of which one is not on a line.
    seed : int, optional
        The same seed gives the same samples, whatever the number of threads.
    max_threads : int
        Most processor cores used, shared out among rows; 0 is all.

    Examples
    --------
    >>> from hamiltonian_ml import Backend
    >>> pair = QuantumCircuit(70)
    >>> for gate, *qubits in (("h", 0), ("h", 1), ("cz", 0, 1), ("h", 1)):
    ...     _ = getattr(pair, gate)(*qubits)
    >>> pair.measure_all()
    >>> counts = Backend("mps").open(70, seed=1).run([pair], shots=100).result()[0].data.meas.get_int_counts()
    >>> sorted(counts)
    [0, 3]
    """

    def __init__(
        self,
        bond_dimension: int,
        truncation_threshold: float,
        otherwise: Callable[[], BaseSamplerV2],
        *,
        seed: int | None = None,
        max_threads: int = 0,
    ) -> None:
        self._bond_dimension, self._threshold, self._otherwise = bond_dimension, truncation_threshold, otherwise
        self._seed, self._max_threads = seed, max_threads

    def run(self, pubs: Iterable[Any], *, shots: int | None = None) -> Any:
        """Return a job that samples each PUB; ``metadata["discarded_weight"]`` has what truncation cut off each row.

        Raises
        ------
        ValueError
            If a number of shots is missing.
        """
        coerced = [SamplerPub.coerce(pub, shots) for pub in pubs]
        if any(pub.shots is None for pub in coerced):
            raise ValueError("shots must be given with each PUB or to run, got neither.")
        circuits = [read_line(pub.circuit) for pub in coerced]
        on_lines = [circuit for circuit in circuits if circuit is not None]
        if len(on_lines) < len(circuits):
            return self._otherwise().run(coerced)
        job = PrimitiveJob(self._sample, coerced, on_lines)
        job._submit()
        return job

    def _sample(self, pubs: Sequence[SamplerPub], circuits: Sequence[LineCircuit]) -> PrimitiveResult[SamplerPubResult]:
        values = []
        for pub in pubs:
            shape = (math.prod(pub.shape), pub.circuit.num_parameters)
            values.append(pub.parameter_values.as_array(pub.circuit.parameters).reshape(shape))
        n_sites = max((circuit.n_sites for circuit in circuits), default=0)
        shapes = [(len(rows), pub.shots, n_sites) for rows, pub in zip(values, pubs, strict=True)]
        bits = [np.empty(shape, dtype=np.bool_) for shape in shapes]
        losses = [np.zeros(len(rows)) for rows in values]
        n_rows = max(map(len, values), default=0)
        seeds = np.random.SeedSequence(self._seed).spawn(n_rows)

        def sample_row(row: int) -> None:
            here = [k for k in range(len(pubs)) if row < len(values[k])]
            fused = [fuse(n_sites, circuits[k].sites, circuits[k].bound(values[k][row])) for k in here]
            rng = np.random.default_rng(seeds[row])
            for place, state, lost in self._states(fused, n_sites):
                drawn = bits[here[place]][row]
                losses[here[place]][row] = lost
                drawn[:] = draw(state, fused[place][2], len(drawn), rng).T[rng.permutation(len(drawn))]

        map_blocks(sample_row, range(n_rows), most_threads=self._max_threads or None)
        results = []
        for pub, circuit, found, lost in zip(pubs, circuits, bits, losses, strict=True):
            results.append(packed_result(pub, circuit.places, found))
            results[-1].metadata["discarded_weight"] = lost.reshape(pub.shape)
        return PrimitiveResult(results)

    def _states(self, fused: Sequence[tuple[Any, ...]], n_sites: int) -> Iterator[tuple[int, State, float]]:
        """Yield the place of each circuit, the state at its end, overwritten afterwards, and what was cut off it."""
        trunk_places, trunk_gates, _ = max(fused, key=lambda circuit: len(circuit[0]))
        shared = [n_shared(places, gates, trunk_places, trunk_gates) for places, gates, _ in fused]
        trunk, done, lost = zero_state(n_sites), 0, 0.0
        for place in np.argsort(shared, kind="stable").tolist():
            begun = shared[place]
            trunk, more = self._evolved(trunk, trunk_places[done:begun], trunk_gates[done:begun])
            done, lost = begun, lost + more
            places, gates, _ = fused[place]
            branch, apart = trunk, 0.0
            if len(places) > begun:
                copied = (trunk[0].copy(), trunk[1].copy(), trunk[2].copy())
                branch, apart = self._evolved(copied, places[begun:], gates[begun:])
            yield place, branch, lost + apart

    def _evolved(self, state: State, places: NDArray[np.int64], gates: NDArray[np.complex128]) -> tuple[State, float]:
        return evolved(state, places, gates, bond_dimension=self._bond_dimension, threshold=self._threshold)


def zero_state(n_sites: int) -> State:
    """Return the state 00...0 with some room for larger bonds."""
    tensors = np.zeros((n_sites, _ROOM, 2, _ROOM), dtype=np.complex128)
    tensors[:, 0, 0, 0] = 1.0
    schmidt = np.zeros((n_sites + 1, _ROOM))
    schmidt[:, 0] = 1.0
    return tensors, schmidt, np.ones(n_sites + 1, dtype=np.int64)


def evolved(
    state: State,
    places: NDArray[np.int64],
    gates: NDArray[np.complex128],
    *,
    bond_dimension: int,
    threshold: float,
) -> tuple[State, float]:
    """Return a state after two-site gates, and the weight that was cut off; the state given is overwritten."""
    done, lost = evolve(state, places, gates, bond_dimension, threshold)
    while done < len(gates):
        tensors, schmidt, bonds = state
        room = tensors.shape[1]
        state = np.pad(tensors, ((0, 0), (0, room), (0, 0), (0, room))), np.pad(schmidt, ((0, 0), (0, room))), bonds
        more, cut = evolve(state, places[done:], gates[done:], bond_dimension, threshold)
        done, lost = done + more, lost + cut
    return state, float(lost)


def read_line(circuit: QuantumCircuit) -> LineCircuit | None:
    """Return a circuit as operations on a line; None if its gates are not on lines, or others than those known here.

    Examples
    --------
    >>> circuit = QuantumCircuit(3, 1)
    >>> circuit.cz(2, 0)
    <...>
    >>> circuit.measure(2, 0)
    <...>
    >>> line = read_line(circuit)
    >>> line.sites.tolist(), line.places
    ([[1, 0]], {0: 1})
    """
    column = {parameter: k for k, parameter in enumerate(circuit.parameters)}
    qubits: list[tuple[int, int]] = []
    angles: list[list[float]] = []
    columns: list[list[int]] = []
    measured: dict[int, int] = {}
    for instruction in circuit.data:
        name, where = instruction.name, [circuit.find_bit(qubit).index for qubit in instruction.qubits]
        if name == "barrier":
            continue
        if any(qubit in measured.values() for qubit in where):
            return None
        if name == "measure":
            measured[circuit.find_bit(instruction.clbits[0]).index] = where[0]
            continue
        own, known = iter(instruction.params), _ONE_QUBIT.get(name, (0.0,) * 3)
        three = [next(own) if angle is None else angle for angle in known]
        if name not in ("cz", *_ONE_QUBIT) or any(_is_expression(angle) for angle in three):
            return None
        qubits.append((where[0], where[1] if name == "cz" else -1))
        angles.append([0.0 if isinstance(angle, Parameter) else float(angle) for angle in three])
        columns.append([column[angle] if isinstance(angle, Parameter) else -1 for angle in three])
    order = line_order(circuit.num_qubits, {pair for pair in qubits if pair[1] >= 0})
    if order is None:
        return None
    site = np.append(np.argsort(order), -1)  # -1 stays -1
    return LineCircuit(
        n_sites=len(order),
        sites=site[np.array(qubits, dtype=np.int64).reshape(-1, 2)],
        angles=np.array(angles, dtype=np.float64).reshape(-1, 3),
        columns=np.array(columns, dtype=np.int64).reshape(-1, 3),
        places={bit: int(site[qubit]) for bit, qubit in measured.items()},
    )


def line_order(n_qubits: int, pairs: Iterable[tuple[int, int]]) -> list[int] | None:
    """Return the qubits in an order in which the two of every pair are neighbours; None if there is none.

    Examples
    --------
    >>> line_order(4, [(2, 0), (3, 2)]), line_order(3, [(0, 1), (1, 2), (2, 0)])
    ([0, 2, 3, 1], None)
    """
    neighbours: list[set[int]] = [set() for _ in range(n_qubits)]
    for a, b in pairs:
        neighbours[a].add(b)
        neighbours[b].add(a)
    order: list[int] = []
    seen: set[int] = set()
    for end in (q for q in range(n_qubits) if len(neighbours[q]) < 2):
        ahead: int | None = None if end in seen else end
        while ahead is not None:
            order.append(ahead)
            seen.add(ahead)
            ahead = next(iter(neighbours[ahead] - seen), None)
    # A ring has no end, and a branch leaves qubits out or neighbours apart.
    place = {qubit: k for k, qubit in enumerate(order)}
    is_line = len(order) == n_qubits and all(abs(place[a] - place[b]) == 1 for a in place for b in neighbours[a])
    return order if is_line else None


def _is_expression(angle: Any) -> bool:
    return isinstance(angle, ParameterExpression) and not isinstance(angle, Parameter)
