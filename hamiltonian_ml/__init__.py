"""Supervised learning with ground states of data-dependent Hamiltonians.

Every row of a table becomes a 2-local Hamiltonian with learned coefficients, its ground state is approximated in a
subspace of sampled bitstrings, and learned operators read the label off it. The public names are listed in
``__init__.pyi`` and loaded when they are first used, so ``import hamiltonian_ml`` itself stays light.
"""

from __future__ import annotations

import lazy_loader

_load_public_name, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> object:
    """Load a public name from its module, or look up the installed version."""
    if name == "__version__":
        from importlib.metadata import version  # late: it costs more than the whole import of this package

        return version(__name__)
    return _load_public_name(name)
