"""Devices of IBM Quantum by name, opened late: the connection, and a sampler with the options asked for.

In: a device's name and `DeviceOptions`. Out: its backend, and a runtime sampler of the current class or the older one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from qiskit.exceptions import QiskitError
from qiskit.primitives import BaseSamplerV2

from hamiltonian_ml.bases.checks import check_choice, check_flag, check_real
from hamiltonian_ml.sampling.service import ServiceError

if TYPE_CHECKING:
    from qiskit.transpiler import Target


@dataclass(frozen=True)
class DeviceOptions:
    """How a device of IBM Quantum runs circuits. Everything is off unless asked for.

    Parameters
    ----------
    mode : {"batch", "session", "job"}
        Batch: jobs are handed in together and queue each for itself. Session: the device is reserved, and charged,
        until the session ends, which is when the jobs of one call for samples are done. Job: each job on its own.
    dynamical_decoupling : {None, "XX", "XpXm", "XY4"}
        Pulses on qubits that wait.
    twirl_gates, twirl_measurement : bool
        Random Pauli gates around two-qubit gates, or before the readout, that are undone in the result.
    rep_delay : float or None
        Seconds between shots; None leaves it to the device. Previews and budgets count them.
    fractional_gates : bool
        Native rotations by any angle. They save no two-qubit gate here, and cannot be twirled.

    Raises
    ------
    ValueError
        If an option is not one of those above, or gates are to be fractional and twirled.

    Examples
    --------
    >>> DeviceOptions(dynamical_decoupling="XY4", twirl_measurement=True).mode
    'batch'
    """

    mode: str = "batch"
    dynamical_decoupling: str | None = None
    twirl_gates: bool = False
    twirl_measurement: bool = False
    rep_delay: float | None = None
    fractional_gates: bool = False

    def __post_init__(self) -> None:
        check_choice("mode", self.mode, ("batch", "session", "job"))
        check_choice("dynamical_decoupling", self.dynamical_decoupling, (None, "XX", "XpXm", "XY4"))
        for name in ("twirl_gates", "twirl_measurement", "fractional_gates"):
            check_flag(name, getattr(self, name))
        if self.rep_delay is not None:
            check_real("rep_delay", self.rep_delay)
        if self.fractional_gates and self.twirl_gates:
            raise ValueError("fractional_gates and twirl_gates exclude each other; take one of them.")


@cache  # one connection a process: each takes seconds, and several steps of one run ask for it
def open_device(name: str, *, fractional_gates: bool = False) -> Any:
    """Return the backend of a device, from the account that is saved on this machine.

    Raises
    ------
    ServiceError
        In one line: if there is no account, no network, or no such device.
    """
    from qiskit_ibm_runtime import QiskitRuntimeService

    with _one_line(name):
        return QiskitRuntimeService().backend(name, use_fractional_gates=fractional_gates)


def todays_target(device: Any) -> Target:
    """Return gates, couplers and errors of a ``device`` by its newest calibration: a fit may last for days.

    Raises
    ------
    ServiceError
        In one line, if it cannot be reached.
    """
    with _one_line(device.name):
        device.refresh()
    target: Target = device.target
    return target


@contextmanager
def _one_line(name: str) -> Iterator[None]:
    try:
        yield
    except (QiskitError, OSError, TimeoutError) as error:
        reason = " ".join(str(getattr(error, "message", error)).split()).rstrip(".")
        raise ServiceError(
            f"backend {name!r} cannot be opened: {reason}. It needs the network, an account saved with "
            "qiskit_ibm_runtime.QiskitRuntimeService.save_account, and a device of that name."
        ) from error


def open_sampler(device: Any, options: DeviceOptions) -> BaseSamplerV2:
    """Return a runtime sampler on a device, in the execution mode and with the options asked for."""
    from qiskit_ibm_runtime import Batch, Session

    modes: dict[str, Callable[[], Any]] = {
        "batch": lambda: Batch(backend=device),
        "session": lambda: Session(backend=device),
        "job": lambda: device,
    }
    sampler = sampler_class()(mode=modes[options.mode]())
    chosen = sampler.options
    if options.dynamical_decoupling is not None:
        chosen.dynamical_decoupling.enable = True
        chosen.dynamical_decoupling.sequence_type = options.dynamical_decoupling
    chosen.twirling.enable_gates = options.twirl_gates
    chosen.twirling.enable_measure = options.twirl_measurement
    if options.rep_delay is not None:
        chosen.execution.rep_delay = options.rep_delay
    opened: BaseSamplerV2 = sampler
    return opened


def live_marks(device: Any, options: DeviceOptions) -> dict[str, str | int | float]:
    """Return options, versions and the date of the calibration of a live device."""
    marks: dict[str, str | int | float] = {name: str(value) for name, value in asdict(options).items()}
    marks |= {package: version(package) for package in ("qiskit", "qiskit-ibm-runtime")}
    properties = device.properties()
    marks["calibration"] = "unknown" if properties is None else str(properties.last_update_date)
    return marks


def sampler_class() -> Callable[..., Any]:
    """Return the runtime's sampler: the current class where it ships, else the one before it."""
    try:
        from qiskit_ibm_runtime.executor_sampler import Sampler
    except ImportError:
        from qiskit_ibm_runtime import SamplerV2

        older: Callable[..., Any] = SamplerV2
        return older
    current: Callable[..., Any] = Sampler
    return current
