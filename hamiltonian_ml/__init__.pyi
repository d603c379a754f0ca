from . import referee as referee
from .bases.frames import mean_field_frames as mean_field_frames
from .bases.pauli import PauliBasis as PauliBasis
from .bases.states import Samples as Samples
from .bases.states import Subspace as Subspace
from .estimators.classifier import HamiltonianClassifier as HamiltonianClassifier
from .estimators.features import FrozenFeatures as FrozenFeatures
from .estimators.ground_state import GroundState as GroundState
from .estimators.ground_state import ground_state as ground_state
from .estimators.head import HamiltonianHeadClassifier as HamiltonianHeadClassifier
from .estimators.hidden_states import TransformersFeatures as TransformersFeatures
from .estimators.regressor import HamiltonianRegressor as HamiltonianRegressor
from .estimators.torch_layer import HamiltonianLayer as HamiltonianLayer
from .estimators.transformer import HamiltonianTransformer as HamiltonianTransformer
from .learning.expectations import ground_state_expectations as ground_state_expectations
from .sampling.backends import Backend as Backend
from .sampling.circuits import krylov_circuits as krylov_circuits
from .sampling.store import SampleStore as SampleStore
from .sampling.usage import Usage as Usage
from .selection.classical import ClassicalSelection as ClassicalSelection
from .selection.controls import NoiseSelection as NoiseSelection
from .selection.controls import RandomSelection as RandomSelection
from .selection.full import FullSelection as FullSelection
from .selection.krylov import KrylovSelection as KrylovSelection
from .selection.refine import RefinedSelection as RefinedSelection
from .subspace.structure import restrict as restrict

__version__: str
