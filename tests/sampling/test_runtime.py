from __future__ import annotations

import json
import pickle
import sys
from types import SimpleNamespace

import numpy as np
import pytest
import qiskit_ibm_runtime
from qiskit.primitives import BaseSamplerV2
from qiskit_ibm_runtime.accounts.exceptions import AccountNotFoundError
from qiskit_ibm_runtime.executor_sampler import Sampler
from qiskit_ibm_runtime.fake_provider import FakeKingston

from hamiltonian_ml import PauliBasis
from hamiltonian_ml.sampling.backends import Backend
from hamiltonian_ml.sampling.request import SampleRequest
from hamiltonian_ml.sampling.run import sampling_usage
from hamiltonian_ml.sampling.runtime import DeviceOptions, open_device, open_sampler, sampler_class
from hamiltonian_ml.sampling.service import ServiceError
from hamiltonian_ml.sampling.template import krylov_template


@pytest.fixture
def account(monkeypatch):
    """Let the runtime's service hand out a fake device, or raise what ``account.trouble`` holds."""
    asked = SimpleNamespace(trouble=None, calls=[], refreshed=0)

    class Device(FakeKingston):
        def refresh(self):
            asked.refreshed += 1

    class Service:
        def __init__(self):
            if asked.trouble is not None:
                raise asked.trouble

        def backend(self, name, **options):
            asked.calls.append((name, options))
            return Device()

    monkeypatch.setattr(qiskit_ibm_runtime, "QiskitRuntimeService", Service)
    open_device.cache_clear()
    yield asked
    open_device.cache_clear()


def test_a_device_is_named_pickled_and_previewed_without_a_connection(account):
    account.trouble = AssertionError("connected")
    backend = pickle.loads(pickle.dumps(Backend("ibm_kingston", device=DeviceOptions(twirl_gates=True))))
    assert backend.is_remote
    basis = PauliBasis.chain(4)
    request = SampleRequest(
        basis, np.ones((2, basis.n_terms)), krylov_dimension=3, time_step="auto", trotter_order=1, shots=10, seed=None,
        backend=backend,
    )  # fmt: skip
    assert sampling_usage(request).executions == 40
    assert json.loads(json.dumps(request.description))["backend"]["device"]["twirl_gates"] is True


def test_circuits_for_a_device_lie_on_its_couplers_with_their_parameters(account):
    basis = PauliBasis.chain(5)
    circuits = krylov_template(basis, krylov_dimension=2).circuits
    compiled = Backend("ibm_kingston").compile(circuits, basis)[0]
    target = FakeKingston().target
    assert [p.name for p in compiled.parameters] == [p.name for p in circuits[0].parameters]
    assert compiled.count_ops()["cz"] == 12
    for instruction in compiled.data:
        where = tuple(compiled.find_bit(q).index for q in instruction.qubits)
        assert instruction.name == "barrier" or target.instruction_supported(instruction.name, where)
    assert account.calls == [("ibm_kingston", {"use_fractional_gates": False})]


def test_circuits_are_compiled_for_the_newest_calibration_of_a_device_that_is_opened_once(account):
    basis = PauliBasis.chain(3)
    circuits = krylov_template(basis, krylov_dimension=2).circuits
    for _ in range(2):
        Backend("ibm_kingston").compile(circuits, basis)
    assert (len(account.calls), account.refreshed) == (1, 2)


def test_a_device_is_opened_once_in_a_batch_with_the_current_sampler(account):
    backend = Backend("ibm_kingston", device=DeviceOptions(fractional_gates=True))
    samplers = [backend.open(5) for _ in range(2)]
    assert all(isinstance(sampler, Sampler) for sampler in samplers)
    assert isinstance(samplers[0].mode, qiskit_ibm_runtime.Batch)
    assert account.calls == [("ibm_kingston", {"use_fractional_gates": True})]


@pytest.mark.parametrize(("mode", "kind"), [("session", qiskit_ibm_runtime.Session), ("job", type(None))])
def test_a_session_or_a_single_job_is_opened_on_request(mode, kind):
    assert type(open_sampler(FakeKingston(), DeviceOptions(mode=mode)).mode) is kind


def test_the_options_reach_the_sampler():
    options = DeviceOptions(dynamical_decoupling="XY4", twirl_gates=True, twirl_measurement=True, rep_delay=1e-4)
    chosen = open_sampler(FakeKingston(), options).options
    assert (chosen.dynamical_decoupling.enable, chosen.dynamical_decoupling.sequence_type) == (True, "XY4")
    assert (chosen.twirling.enable_gates, chosen.twirling.enable_measure) == (True, True)
    assert chosen.execution.rep_delay == 1e-4
    plain = open_sampler(FakeKingston(), DeviceOptions()).options
    assert (plain.dynamical_decoupling.enable, plain.twirling.enable_gates) == (False, False)


@pytest.mark.filterwarnings("ignore:.*SamplerV2:DeprecationWarning")  # the class that is asked for here
def test_the_older_sampler_serves_where_the_current_one_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "qiskit_ibm_runtime.executor_sampler", None)
    assert sampler_class() is qiskit_ibm_runtime.SamplerV2
    sampler = open_sampler(FakeKingston(), DeviceOptions(dynamical_decoupling="XX", rep_delay=2e-4))
    assert isinstance(sampler, BaseSamplerV2)
    assert sampler.options.dynamical_decoupling.sequence_type == "XX"
    assert sampler.options.execution.rep_delay == 2e-4


@pytest.mark.parametrize("trouble", [AccountNotFoundError("Unable to find\naccount."), ConnectionError("no route")])
def test_without_account_or_network_one_line_says_so(account, trouble):
    account.trouble = trouble
    message = r"^backend 'ibm_kingston' cannot be opened: (Unable to find account|no route)\. It needs the network, an "
    with pytest.raises(ServiceError, match=message) as caught:
        Backend("ibm_kingston").open(5)
    assert "\n" not in str(caught.value)


def test_the_fingerprint_of_a_device_has_its_calibration_date_and_options(account):
    marks = Backend("ibm_kingston", device=DeviceOptions(rep_delay=1e-4)).fingerprint(5)
    assert marks["calibration"] == str(FakeKingston().properties().last_update_date)
    assert marks["rep_delay"] == "0.0001"
    assert json.loads(json.dumps(marks)) == marks


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "queue"}, "mode must be one of 'batch', 'session', 'job', got 'queue'"),
        ({"dynamical_decoupling": True}, "dynamical_decoupling must be one of None, 'XX', 'XpXm', 'XY4', got True"),
        ({"rep_delay": -1.0}, "rep_delay must be a finite number of at least 0, got -1.0"),
        ({"twirl_gates": 1}, "twirl_gates must be True or False, got 1"),
        ({"fractional_gates": True, "twirl_gates": True}, "fractional_gates and twirl_gates exclude each other"),
    ],
)
def test_options_that_no_device_knows_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        DeviceOptions(**options)


def test_options_of_another_kind_are_refused():
    with pytest.raises(ValueError, match="device must be a DeviceOptions, got dict"):
        Backend("ibm_kingston", device={"mode": "job"})


def test_a_fake_device_tells_the_error_free_part_of_shots():
    basis = PauliBasis.chain(6)
    backend = Backend("fake_kingston")
    fractions = [
        backend.error_free_fraction(circuit)
        for circuit in backend.compile(krylov_template(basis, krylov_dimension=3).circuits, basis)
    ]
    assert 0.5 < fractions[1] < fractions[0] < 1
    assert Backend("ibm_kingston").error_free_fraction(krylov_template(basis, krylov_dimension=2).circuits[0]) is None
