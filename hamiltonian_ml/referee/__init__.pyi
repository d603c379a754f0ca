from .dmrg import DmrgRows as DmrgRows
from .dmrg import DmrgState as DmrgState
from .dmrg import dmrg_expectations as dmrg_expectations
from .dmrg import dmrg_ground_state as dmrg_ground_state
from .exact import ExactState as ExactState
from .exact import exact_ground_state as exact_ground_state
