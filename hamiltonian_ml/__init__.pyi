from .bases.pauli import PauliBasis as PauliBasis
from .bases.states import Samples as Samples
from .bases.states import Subspace as Subspace

__version__: str
