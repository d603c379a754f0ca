"""What sampling will take on a processor, before anything is sent: circuits, jobs, seconds and cost.

In: circuits, what each job measures, a budget. Out: a `Usage`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from qiskit import QuantumCircuit

from hamiltonian_ml.bases.checks import check_real
from hamiltonian_ml.sampling.pieces import SECONDS_AN_EXECUTION, Piece, seconds_of

if TYPE_CHECKING:
    from qiskit.transpiler import Target

_WITHOUT_ERRORS = ("barrier", "delay")


class OverBudgetError(ValueError):
    """The samples asked for would take more seconds on the processor than are left of ``max_qpu_seconds``."""


@dataclass(frozen=True)
class Usage:
    """What some sampling takes on a processor. Two can be added, at the first known price; text is a table.

    Attributes
    ----------
    circuits : int
        Circuits with numbers for angles: rows times powers, times the rounds of sampling.
    two_qubit_depth, two_qubit_gates : int
        Of the deepest circuit.
    executions : int
        Circuits times shots.
    jobs : int
        Jobs after splitting by the documented limits of 10 million executions and 3 hours.
    qpu_seconds : float
        Estimated time on the processor: 2 s a job and .35 ms an execution, or more with a long ``rep_delay``.
    error_free_fraction : float or None
        Expected part of the deepest circuit's shots without any error, from the calibration; None without one.
    price_per_minute : float or None
        What the user pays for a minute on the processor, in any currency.

    Examples
    --------
    >>> from hamiltonian_ml.sampling.usage import Usage
    >>> usage = Usage(circuits=30, two_qubit_depth=18, two_qubit_gates=441, executions=30_000, jobs=1, qpu_seconds=12.5)
    >>> print(usage)
    circuits                       30
    two-qubit depth                18
    two-qubit gates               441
    executions                 30,000
    jobs                            1
    QPU seconds                  12.5
    error-free shots          unknown
    >>> usage.times(3).at_price(96.0).to_dict()["cost"]
    60.0
    """

    circuits: int = 0
    two_qubit_depth: int = 0
    two_qubit_gates: int = 0
    executions: int = 0
    jobs: int = 0
    qpu_seconds: float = 0.0
    error_free_fraction: float | None = None
    price_per_minute: float | None = None

    @property
    def cost(self) -> float | None:
        """Price of the seconds, in the currency of ``price_per_minute``; None without a price."""
        return None if self.price_per_minute is None else self.qpu_seconds / 60 * self.price_per_minute

    def at_price(self, price_per_minute: float | None) -> Usage:
        """Return the same with a price, ``price_per_minute`` on the processor in any currency.

        Raises
        ------
        ValueError
            If the price is negative or not finite.
        """
        if price_per_minute is not None:
            check_real("price_per_minute", price_per_minute)
        return replace(self, price_per_minute=price_per_minute)

    def times(self, rounds: int) -> Usage:
        """Return the usage of so many equal ``rounds`` of sampling."""
        return replace(
            self,
            circuits=rounds * self.circuits,
            executions=rounds * self.executions,
            jobs=rounds * self.jobs,
            qpu_seconds=rounds * self.qpu_seconds,
        )

    def __add__(self, other: Usage) -> Usage:
        fractions = [f for f in (self.error_free_fraction, other.error_free_fraction) if f is not None]
        return Usage(
            circuits=self.circuits + other.circuits,
            two_qubit_depth=max(self.two_qubit_depth, other.two_qubit_depth),
            two_qubit_gates=max(self.two_qubit_gates, other.two_qubit_gates),
            executions=self.executions + other.executions,
            jobs=self.jobs + other.jobs,
            qpu_seconds=self.qpu_seconds + other.qpu_seconds,
            error_free_fraction=min(fractions, default=None),
            price_per_minute=other.price_per_minute if self.price_per_minute is None else self.price_per_minute,
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the figures, with the cost, as plain numbers that JSON can hold."""
        return {**asdict(self), "cost": self.cost}

    def __str__(self) -> str:
        fraction, cost = self.error_free_fraction, self.cost
        lines = [
            ("circuits", f"{self.circuits:,}"),
            ("two-qubit depth", f"{self.two_qubit_depth:,}"),
            ("two-qubit gates", f"{self.two_qubit_gates:,}"),
            ("executions", f"{self.executions:,}"),
            ("jobs", f"{self.jobs:,}"),
            ("QPU seconds", f"{self.qpu_seconds:,.1f}"),
            ("error-free shots", "unknown" if fraction is None else f"{fraction:.1%}"),
        ]
        if cost is not None:
            lines.append(("cost", f"{cost:,.2f}"))
        return "\n".join(f"{name:<20}{value:>13}" for name, value in lines)


def usage_of(
    circuits: Sequence[QuantumCircuit],
    jobs: Sequence[Sequence[Piece]],
    *,
    error_free_fraction: float | None = None,
    seconds_an_execution: float = SECONDS_AN_EXECUTION,
) -> Usage:
    """Return what jobs of pieces of some circuits take."""
    counts = [sum(piece.executions for piece in job) for job in jobs]
    return Usage(
        circuits=sum(piece.circuits for job in jobs for piece in job),
        two_qubit_depth=max((c.depth(_is_two_qubit_gate) for c in circuits), default=0),
        two_qubit_gates=max((c.num_nonlocal_gates() for c in circuits), default=0),
        executions=sum(counts),
        jobs=len(jobs),
        qpu_seconds=sum(seconds_of(count, seconds_an_execution=seconds_an_execution) for count in counts),
        error_free_fraction=error_free_fraction,
    )


def error_free_fraction(circuit: QuantumCircuit, target: Target, qubits: Sequence[int] | None = None) -> float:
    """Return the expected part of a compiled circuit's shots in which no gate and no readout goes wrong.

    Parameters
    ----------
    circuit : QuantumCircuit
        In the native gates of the target.
    target : qiskit.transpiler.Target
        With the errors of a calibration. What decays while a qubit waits is in none of them.
    qubits : sequence of int, optional
        The device's qubit for each qubit of the circuit; its own numbers by default.

    Raises
    ------
    ValueError
        If a gate is not native where it acts.
    """
    places = range(circuit.num_qubits) if qubits is None else qubits
    logarithm = 0.0
    for instruction in circuit.data:
        if instruction.name in _WITHOUT_ERRORS:
            continue
        where = tuple(places[circuit.find_bit(qubit).index] for qubit in instruction.qubits)
        if not target.instruction_supported(instruction.name, where):
            raise ValueError(f"circuit has the gate {instruction.name} on qubits {where}, which the target has not.")
        properties = target[instruction.name].get(where)
        error = None if properties is None else properties.error
        if error is not None:
            logarithm += math.log1p(-error) if error < 1 else -math.inf
    return math.exp(logarithm)


def check_budget(seconds: float, spent: float, max_qpu_seconds: float | None) -> None:
    """Raise OverBudgetError if so many more seconds would exceed the budget."""
    if max_qpu_seconds is not None and spent + seconds > max_qpu_seconds:
        raise OverBudgetError(
            f"max_qpu_seconds is {max_qpu_seconds:g}, of which {spent:.1f} are spent or promised in this store; the "
            f"next jobs need about {seconds:.1f}. Nothing was sent; take fewer shots or rows, or raise the budget."
        )


def _is_two_qubit_gate(instruction: Any) -> bool:
    return len(instruction.qubits) == 2 and instruction.name != "barrier"
