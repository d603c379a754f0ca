"""What is known of a device: the fakes that ship with qiskit-ibm-runtime, and the calibration in a target.

In: a name, or a ``qiskit.transpiler.Target`` of a fake or a live device. Out: a `Calibration` of plain arrays.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from qiskit.transpiler import InstructionProperties

from hamiltonian_ml.bases.arrays import Floats
from hamiltonian_ml.sampling.layers import Edge

if TYPE_CHECKING:
    from qiskit.transpiler import Target

_TWO_QUBIT_GATES = ("cz", "ecr", "cx")
ONE_QUBIT_GATE = "sx"
_GATES_BETWEEN = 2  # a general one-qubit gate is two sx between virtual rz
CZ_AN_EDGE = 3
_FLIPS = ("prob_meas1_prep0", "prob_meas0_prep1")


class _Readout(InstructionProperties):
    """Properties of a measurement with both of its errors, which copies keep too."""

    prob_meas1_prep0: float
    prob_meas0_prep1: float

    @classmethod
    def of(cls, duration: float | None, error: float | None, flips: Sequence[float]) -> _Readout:
        """Return the properties; ``flips`` are the errors of 0 and of 1."""
        made = cls(duration=duration, error=error)
        made.prob_meas1_prep0, made.prob_meas0_prep1 = flips
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return _Readout.of, (self.duration, self.error, (self.prob_meas1_prep0, self.prob_meas0_prep1))


@dataclass(frozen=True, eq=False)
class Calibration:
    """Figures of a device, by number of its qubits. What does not work is left out of ``couplers`` or NaN in readout.

    Attributes
    ----------
    two_qubit_gate : str
        Name of the native gate of the couplers.
    couplers : dict from (int, int) to (float, float)
        Average gate infidelity and duration in seconds of every coupler that works, smaller qubit first.
    gate_error, gate_seconds : (n_qubits,) float
        Of ``sx``.
    readout_error : (n_qubits,) float
        Probability to read the other bit, whichever it is; NaN for a qubit that cannot be read.
    readout_flips : (n_qubits, 2) float
        Probability to read 1 where 0 is, and 0 where 1 is; twice the above where the calibration has no more.
    t1, t2 : (n_qubits,) float
        Relaxation and dephasing times in seconds; a missing one is the device's median.
    """

    two_qubit_gate: str
    couplers: dict[Edge, tuple[float, float]]
    gate_error: Floats
    gate_seconds: Floats
    readout_error: Floats
    readout_flips: Floats
    t1: Floats
    t2: Floats

    @property
    def n_qubits(self) -> int:
        """Number of qubits of the device."""
        return len(self.t1)

    def idle_error(self, seconds: float) -> Floats:
        """Return (n_qubits,) probabilities of a Pauli error while a qubit waits."""
        return np.asarray(idle_probabilities(self.t1, self.t2, seconds).sum(axis=-1))

    def step_seconds(self, n_layers: int) -> float:
        """Return the duration of a Trotter step of so many layers of two-qubit gates, at the device's medians."""
        cz = float(np.median([seconds for _, seconds in self.couplers.values()]))
        return n_layers * CZ_AN_EDGE * (cz + _GATES_BETWEEN * float(np.median(self.gate_seconds)))


def read_calibration(target: Target) -> Calibration:
    """Return the calibration in a target.

    Raises
    ------
    ValueError
        If the target has no two-qubit gate that is known here, or none that works.

    Examples
    --------
    >>> from qiskit.providers.fake_provider import GenericBackendV2
    >>> target = GenericBackendV2(3, basis_gates=["cz", "sx", "rz"], coupling_map=[(0, 1), (1, 2)], seed=1).target
    >>> sorted(read_calibration(target).couplers)
    [(0, 1), (1, 2)]
    """
    gate = next((name for name in _TWO_QUBIT_GATES if name in target.operation_names), None)
    couplers = {} if gate is None else _working_couplers(target, gate)
    if not couplers:
        raise ValueError(
            f"the device must have a working two-qubit gate, one of {', '.join(_TWO_QUBIT_GATES)}; "
            f"its target has {', '.join(sorted(target.operation_names))}."
        )
    n_qubits = target.num_qubits
    properties = target.qubit_properties or [None] * n_qubits
    t1 = _filled([getattr(each, "t1", None) for each in properties], missing=np.inf)
    t2 = _filled([getattr(each, "t2", None) for each in properties], missing=np.inf)
    errors = [_property(target, "measure", (q,), "error") for q in range(n_qubits)]
    readout = np.array([np.nan if e is None or not e < 1 else e for e in errors], dtype=np.float64)
    return Calibration(
        two_qubit_gate=str(gate),
        couplers=couplers,
        gate_error=_filled(
            [_property(target, ONE_QUBIT_GATE, (q,), "error") for q in range(n_qubits)], missing=0.0, below=1.0
        ),
        gate_seconds=_filled(
            [_property(target, ONE_QUBIT_GATE, (q,), "duration") for q in range(n_qubits)], missing=0.0
        ),
        readout_error=readout,
        readout_flips=_readout_flips(target, readout),
        t1=t1,
        t2=np.minimum(t2, 2 * t1),
    )


def idle_probabilities(t1: Any, t2: Any, seconds: Any) -> Floats:
    """Return probabilities (..., 3) of X, Y and Z that twirling makes of relaxation and dephasing over some time.

    Notes
    -----
    With ``a = exp(-t/T1)`` and ``b = exp(-t/T2)`` the twirled channel shrinks Z by ``a`` and X, Y by ``b`` [1]_. T2 is
    at most 2 T1 for this to be a channel.

    References
    ----------
    .. [1] J. Ghosh, A. G. Fowler and M. R. Geller, Phys. Rev. A 86, 062318 (2012), Sec. III, arXiv:1210.5799.

    Examples
    --------
    >>> idle_probabilities(1.0, 1.0, 0.0).sum()
    np.float64(0.0)
    """
    a, b = np.exp(-np.divide(seconds, t1)), np.exp(-np.divide(seconds, t2))
    flips = (1 - a) / 4
    return np.stack([flips, flips, np.maximum((1 + a - 2 * b) / 4, 0.0)], axis=-1)


@cache
def heron_fakes() -> tuple[str, ...]:
    """Return the names of all fake Heron devices that the installed qiskit-ibm-runtime ships; imports nothing of it.

    Examples
    --------
    >>> "fake_kingston" in heron_fakes()
    True
    """
    spec = find_spec("qiskit_ibm_runtime")
    roots: Sequence[str] = [] if spec is None else list(spec.submodule_search_locations or [])
    names = []
    for root in roots:
        for path in Path(root, "fake_provider", "backends").glob("*/conf_*.json"):
            text = path.read_text(encoding="utf-8")
            if '"Heron"' in text and json.loads(text).get("processor_type", {}).get("family") == "Heron":
                names.append(f"fake_{path.parent.name}")
    return tuple(sorted(names))


@cache  # a fake never changes, and reading one takes a fifth of a second
def fake_target(name: str) -> Target:
    """Return the target of a fake device by its name, as in `heron_fakes`."""
    import qiskit_ibm_runtime.fake_provider as fakes

    device = getattr(fakes, "".join(word.capitalize() for word in name.split("_")))()
    target, properties = device.target, device.properties()  # asked once: it reads the calibration's file anew
    # The target of a device knows the mean of its two readout errors only. With both in place, under the names that
    # Qiskit Aer looks for, its noise model tells 0 from 1 as well.
    for place, known in list(target["measure"].items()):
        both = [properties.qubit_property(place[0]).get(figure) for figure in _FLIPS]
        if known is not None and None not in both:
            flips = [float(value) for value, _ in both]
            readout = _Readout.of(known.duration, known.error, flips)
            target.update_instruction_properties("measure", place, readout)
    return target


def _readout_flips(target: Target, mean: Floats) -> Floats:
    """Return both readout errors (n_qubits, 2) where a target has them, else twice the mean."""
    flips = np.stack([mean, mean], axis=-1)
    for qubit in np.flatnonzero(np.isfinite(mean)).tolist():
        both = [_property(target, "measure", (qubit,), figure) for figure in _FLIPS]
        if all(value is not None and 0 <= value <= 1 for value in both):
            flips[qubit] = both
    return flips


def _working_couplers(target: Target, gate: str) -> dict[Edge, tuple[float, float]]:
    """Return error and duration of couplers; the worse error where both directions are listed."""
    couplers: dict[Edge, tuple[float, float]] = {}
    dead = set()
    for pair in target.qargs_for_operation_name(gate) or []:
        edge = (min(pair), max(pair))
        error, seconds = (_property(target, gate, pair, name) for name in ("error", "duration"))
        if error is None or not 0 <= error < 1:
            dead.add(edge)
            continue
        couplers[edge] = max(couplers.get(edge, (0.0, 0.0)), (float(error), float(seconds or 0.0)))
    return {edge: figures for edge, figures in sorted(couplers.items()) if edge not in dead}


def _property(target: Target, name: str, qubits: tuple[int, ...], figure: str) -> float | None:
    properties = target[name].get(qubits) if name in target.operation_names else None
    value = getattr(properties, figure, None)
    return None if value is None else float(value)


def _filled(values: Sequence[float | None], *, missing: float, below: float = np.inf) -> Floats:
    """Return an array in which a figure that is missing or out of range is the median of the rest, or ``missing``."""
    array = np.array([np.nan if v is None or not 0 <= v < below else v for v in values], dtype=np.float64)
    known = array[~np.isnan(array)]
    return np.where(np.isnan(array), np.median(known) if len(known) else missing, array)
