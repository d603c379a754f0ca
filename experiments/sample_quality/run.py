"""How good a subspace is that noisy samples choose, by counts and by counts corrected for the noise.

Run ``python -m experiments.sample_quality.run``; about two minutes. Each line is a mean over random Hamiltonians; all
subspaces of a column have the same size. Noise is depolarising after every gate and a flip at readout, of the size of a
Heron processor times a factor; the first line has none. "share outside" is the weight of the exact ground state outside
the subspace, "energy error" is relative to the exact energy.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from qiskit_aer.noise import NoiseModel, ReadoutError, depolarizing_error
from qiskit_aer.primitives import SamplerV2

from hamiltonian_ml.bases.frames import mean_field_frames, rotate
from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.bases.states import Subspace
from hamiltonian_ml.sampling.backends import Backend
from hamiltonian_ml.selection.krylov import KrylovSelection
from hamiltonian_ml.subspace.ground_state import lowest_levels
from hamiltonian_ml.subspace.structure import restrict

CZ_ERROR, ONE_QUBIT_ERROR, READOUT_ERROR = 2e-3, 2.4e-4, 9.5e-3


@dataclass(frozen=True)
class NoisyBackend(Backend):
    """Aer with depolarising gates and readout flips, so many times those of a Heron processor."""

    factor: float = 1.0

    def open(self, n_qubits: int, *, seed: int | None = None) -> SamplerV2:
        """Return a sampler that draws a new error pattern for every shot."""
        model = NoiseModel()
        model.add_all_qubit_quantum_error(depolarizing_error(self.factor * CZ_ERROR, 2), ["cz"])
        model.add_all_qubit_quantum_error(depolarizing_error(self.factor * ONE_QUBIT_ERROR, 1), ["u"])
        flip = self.factor * READOUT_ERROR
        model.add_all_qubit_readout_error(ReadoutError([[1 - flip, flip], [flip, 1 - flip]]))
        options = {"method": "statevector", "noise_model": model, "max_parallel_threads": 1}
        return SamplerV2(seed=seed, options={"backend_options": options})

    def fingerprint(self, n_qubits: int) -> dict[str, str | int | float]:
        """Return what decides the samples."""
        return {**super().fingerprint(n_qubits), "factor": self.factor}


def variants(factor: float) -> dict[str, dict[str, Any]]:
    """Return the options of `KrylovSelection` that are compared."""
    noisy = NoisyBackend("statevector", factor=factor)
    flip = {"flip_probability": factor * READOUT_ERROR}
    return {
        "no noise, counts": {"backend": "statevector"},
        "counts": {"backend": noisy},
        "excess, readout error": {"backend": noisy, "ranking": "excess", **flip},
        "unfolded, readout error": {"backend": noisy, "ranking": "unfolded", **flip},
        "excess, mirror circuits": {"backend": noisy, "ranking": "excess", "flip_probability": "mirror"},
        "unfolded, mirror circuits": {"backend": noisy, "ranking": "unfolded", "flip_probability": "mirror"},
    }


def hamiltonian(basis: PauliBasis, strength: float, seed: int) -> np.ndarray:
    """Return coefficients (1, n_terms) in the mean-field frame: a field of strength 1 and random terms."""
    coefficients = strength * np.random.default_rng(seed).normal(size=(1, basis.n_terms))
    coefficients[:, 2 : 3 * basis.n_qubits : 3] -= 1.0
    return rotate(basis, coefficients, mean_field_frames(basis, coefficients).rotations)


def quality(basis: PauliBasis, coefficients: np.ndarray, subspace: Subspace) -> tuple[float, float]:
    """Return the weight of the exact ground state outside a subspace, and the relative error of the energy in it."""
    whole = Subspace.full(basis.n_qubits)
    exact = lowest_levels(restrict(basis, whole), coefficients, tol=1e-9)
    inside = lowest_levels(restrict(basis, subspace), coefficients, tol=1e-9)
    weights = np.abs(exact.ground_states[0]) ** 2
    energy = exact.energies[0, 0]
    return 1 - weights[whole.places(subspace.words)].sum(), (inside.energies[0, 0] - energy) / abs(energy)


def main(arguments: list[str] | None = None) -> None:
    """Print one table a noise factor."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--qubits", type=int, default=10)
    parser.add_argument("--seeds", type=int, default=8)
    parser.add_argument("--shots", type=int, default=1000)
    parser.add_argument("--strength", type=float, default=0.3)
    parser.add_argument("--sizes", type=int, nargs="+", default=[48, 96])
    parser.add_argument("--factors", type=float, nargs="+", default=[1.0, 4.0])
    chosen = parser.parse_args(arguments)
    print(f"{chosen.qubits} qubits, {chosen.seeds} Hamiltonians, {chosen.shots} shots a circuit")
    with TemporaryDirectory() as folder:  # all lines of a table use the same samples
        for factor in chosen.factors:
            heads = "".join(f"{f'share outside, {size}':>26}{f'energy error, {size}':>24}" for size in chosen.sizes)
            print(f"\n{f'noise x {factor:g}':<28}{heads}")
            for name, options in variants(factor).items():
                print(f"{name:<28}{_cells(chosen, {**options, 'store': folder})}", flush=True)


def _cells(chosen: argparse.Namespace, options: dict[str, Any]) -> str:
    """Return means and standard errors over the Hamiltonians, for each size."""
    basis = PauliBasis.chain(chosen.qubits)
    cells = []
    for size in chosen.sizes:
        found = []
        for seed in range(chosen.seeds):
            coefficients = hamiltonian(basis, chosen.strength, seed)
            selection = KrylovSelection(shots=chosen.shots, max_dimension=size, **options)
            selected = selection.select(basis, coefficients, np.ones(1), seed=np.random.SeedSequence(seed))
            found.append(quality(basis, coefficients, selected.subspace))
        mean, error = np.mean(found, axis=0), np.std(found, axis=0, ddof=1) / np.sqrt(len(found))
        cells.append(f"{f'{mean[0]:.4f} +- {error[0]:.4f}':>26}{f'{mean[1]:.2e} +- {error[1]:.0e}':>24}")
    return "".join(cells)


if __name__ == "__main__":
    main()
