"""The torch layer: its outputs, its gradients against central differences, and a small network that learns."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from hamiltonian_ml.bases.pauli import PauliBasis
from hamiltonian_ml.bases.states import Subspace
from hamiltonian_ml.estimators import torch_layer
from hamiltonian_ml.estimators.torch_layer import HamiltonianLayer
from hamiltonian_ml.learning.embedding import linear_embedding
from hamiltonian_ml.learning.model import Parameters, readout
from hamiltonian_ml.selection.classical import ClassicalSelection
from tests.estimators.conftest import NEEDS_TORCH
from tests.reference.dense import dense_hamiltonian

LEARNED = ("bias", "features", "labels", "intercepts")


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason=NEEDS_TORCH)


def scrambled(layer, torch, scale=0.4):
    """Move all parameters away from the start values, where most derivatives nearly vanish."""
    generator = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter += scale * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
    return layer


def test_outputs_are_those_of_dense_ground_states(torch, rng):
    layer = scrambled(HamiltonianLayer(2, 3, n_qubits=3), torch)
    x = rng.normal(size=(5, 2))
    parameters = Parameters(*(getattr(layer, name).detach().numpy() for name in LEARNED))
    basis = PauliBasis.chain(3)
    expected = []
    for row in linear_embedding(parameters, x):
        state = np.linalg.eigh(dense_hamiltonian(basis.labels, row))[1][:, 0]
        values = [(state.conj() @ dense_hamiltonian([label], [1.0]) @ state).real for label in basis.labels]
        expected.append(readout(parameters, np.array(values)))
    found = layer(torch.tensor(x)).detach().numpy()
    np.testing.assert_allclose(found, expected, atol=1e-6)  # residual 1e-8, amplified by one over the gap


@pytest.mark.parametrize("sampled", [False, True], ids=["all states", "some states in local frames"])
def test_all_gradients_equal_central_differences(torch, sampled):
    layer = scrambled(HamiltonianLayer(2, 2, n_qubits=3), torch, scale=0.2)
    x = torch.tensor([[0.3, -0.8], [1.1, 0.4]], dtype=torch.float64, requires_grad=True)
    if sampled:
        layer.select(x, ClassicalSelection(5))
        frames = layer._frames(linear_embedding(layer._parameters_as(x), x))
        layer._frames = lambda coefficients: frames  # held fixed by the gradient, so by the differences too
    names = ["x", *LEARNED]
    tensors = [x, *layer.parameters()]
    weights = torch.tensor([[1.0, -2.0], [0.5, 3.0]], dtype=torch.float64)

    def loss():
        return (weights * layer(x)).sum() + (layer(x) ** 2).sum()

    exact = torch.autograd.grad(loss(), tensors)
    for name, tensor, gradient in zip(names, tensors, exact, strict=True):
        flat, differences = tensor.data.view(-1), []
        for k in range(len(flat)):
            here = flat[k].item()
            values = []
            for step in (1e-4, -1e-4):
                flat[k] = here + step
                values.append(loss().item())
            flat[k] = here
            differences.append((values[0] - values[1]) / 2e-4)
        # The residual of 1e-8 over the step of 1e-4 leaves about 1e-4 at worst; the truncation is 1e-8.
        np.testing.assert_allclose(gradient.reshape(-1).numpy(), differences, atol=5e-5, err_msg=name)


def test_a_small_network_learns_what_no_linear_layer_can(torch):
    torch.manual_seed(0)
    x = torch.randn(80, 2)
    y = (x[:, 0] * x[:, 1] > 0).long()
    network = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), HamiltonianLayer(3, 2, n_qubits=2))
    before = network[0].weight.detach().clone()
    optimiser = torch.optim.Adam(network.parameters(), lr=0.1)
    for _ in range(60):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(network(x), y).backward()
        optimiser.step()
    assert (network(x).argmax(1) == y).float().mean() > 0.9  # a linear model stays near .5
    assert not torch.equal(network[0].weight, before)


def test_any_leading_shape_and_precision_go_through(torch):
    layer = HamiltonianLayer(3, 2, n_qubits=2)
    outputs = layer(torch.ones(4, 5, 3, dtype=torch.float32))
    assert outputs.shape == (4, 5, 2)
    assert outputs.dtype == torch.float32


def test_the_state_dict_holds_all_that_was_learned(torch):
    layer = scrambled(HamiltonianLayer(3, 2, n_qubits=2), torch)
    other = HamiltonianLayer(3, 2, n_qubits=2, seed=5)
    other.load_state_dict(layer.state_dict())
    x = torch.ones(2, 3)
    assert set(layer.state_dict()) == {*LEARNED, "_extra_state"}
    assert torch.equal(layer(x), other(x))


@pytest.mark.parametrize("n_qubits", [20, 70])
def test_selected_states_come_back_from_a_file(torch, tmp_path, n_qubits):
    start, x = Subspace.from_integers([0], n_qubits), torch.tensor([[0.5, -0.5]])
    network = torch.nn.Sequential(torch.nn.Linear(2, 2), HamiltonianLayer(2, 2, n_qubits=n_qubits, subspace=start))
    network[1].select(x, ClassicalSelection(30))
    torch.save(network.state_dict(), tmp_path / "network.pt")
    again = torch.nn.Sequential(torch.nn.Linear(2, 2), HamiltonianLayer(2, 2, n_qubits=n_qubits, subspace=start))
    again.load_state_dict(torch.load(tmp_path / "network.pt", weights_only=True))
    assert again[1].structure.dimension == 30
    assert torch.equal(again(x), network(x))


def test_states_of_another_number_of_qubits_are_refused(torch):
    start, other = (HamiltonianLayer(2, 2, n_qubits=n, subspace=Subspace.from_integers([0], n)) for n in (20, 70))
    with pytest.raises(ValueError, match="make the layer with the number of qubits that it was saved with, here 70"):
        other.set_extra_state(start.get_extra_state())


def test_twenty_qubits_work_on_selected_states(torch):
    start = Subspace.from_integers([0], 20)
    layer = HamiltonianLayer(2, 2, n_qubits=20, subspace=start)
    x = torch.tensor([[0.5, -0.5]])
    layer.select(x, ClassicalSelection(30))
    assert layer.structure.dimension == 30
    layer(x).sum().backward()
    assert layer.features.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_qubits": 0}, "n_qubits must be an integer of at least 1, got 0"),
        ({"n_qubits": 11}, "subspace must be given beyond 10 qubits, got None for 11"),
        ({"connectivity": "web"}, "connectivity must be one of"),
    ],
)
def test_sizes_that_are_not_allowed_are_refused(torch, arguments, message):
    with pytest.raises(ValueError, match=message):
        HamiltonianLayer(2, 2, **arguments)


def test_features_of_another_width_are_refused(torch):
    with pytest.raises(RuntimeError, match=r"mat1 and mat2 shapes"):
        HamiltonianLayer(3, 2, n_qubits=2)(torch.ones(1, 4))


def test_without_torch_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(torch_layer, "torch", None)
    with pytest.raises(ImportError, match=r"HamiltonianLayer needs torch; run make heads in the checkout"):
        HamiltonianLayer(2, 2)
    assert "hamiltonian_ml.estimators.torch_layer" in sys.modules


def test_a_gradient_of_a_gradient_is_refused(torch):
    layer = scrambled(HamiltonianLayer(2, 1, n_qubits=2), torch)
    x = torch.ones(1, 2, requires_grad=True)
    slopes = torch.autograd.grad(layer(x).sum(), x, create_graph=True)[0]
    with pytest.raises(RuntimeError, match="once_differentiable"):
        (slopes**2).sum().backward()
