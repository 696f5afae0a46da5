import pytest

from xlbackprop.backprop.expression import names_in
from xlbackprop.backprop.network import Network
from xlbackprop.backprop.quantities import Part, chain_rule_names, expected_expression, training_step, updates
from xlbackprop.backprop.simulation import LeavesRange, Simulation
from xlbackprop.backprop.templates import load_template, template_names

# E_total of parameter set A at steps 0, 1, 2, 10, 50, 100, 200, in double precision by torch autograd
ERRORS_OF_SET_A = {
    0.1: (
        0.242519857348,
        0.241109038768,
        0.239704031569,
        0.228678311237,
        0.179745044696,
        0.133510607335,
        0.0792891988681,
    ),
    0.2: (
        0.242519857348,
        0.239701143429,
        0.236905839126,
        0.215424641451,
        0.133394751993,
        0.0791664231221,
        0.0381141962119,
    ),
    0.5: (
        0.242519857348,
        0.235495377873,
        0.228620206009,
        0.179463718906,
        0.0633924600807,
        0.0291666802359,
        0.0124798651505,
    ),
    0.8: (
        0.242519857348,
        0.23131728643,
        0.220504294375,
        0.149382843878,
        0.0376986622425,
        0.016386628477,
        0.00690698159307,
    ),
    1.0: (
        0.242519857348,
        0.228547765279,
        0.215191751301,
        0.132460780886,
        0.0289088963307,
        0.0123951241754,
        0.00520746608632,
    ),
    2.0: (
        0.242519857348,
        0.214901598843,
        0.189879326144,
        0.0769229799763,
        0.0122261077663,
        0.00516010860235,
        0.00214959545202,
    ),
}

STEP_0_OF_SET_A = {
    "h1": 0.0275,
    "h2": 0.0425,
    "a_h1": 0.506874566765,
    "a_h2": 0.510623401005,
    "o1": 0.432530357158,
    "o2": 0.534280153935,
    "a_o1": 0.606477732207,
    "a_o2": 0.630480835451,
    "E1": 0.177892842509,
    "E2": 0.0646270148391,
    "E_total": 0.24251985734837728,
    "dE_dw1": 1.8825566694e-4,
    "dE_dw2": 3.7651133388e-4,
    "dE_dw3": 2.24813462576e-4,
    "dE_dw4": 4.49626925152e-4,
    "dE_dw5": 0.0721570729121,
    "dE_dw6": 0.0726907451919,
    "dE_dw7": -0.0424552500926,
    "dE_dw8": -0.0427692482801,
}


def expressions(network: Network) -> dict[str, str]:
    return {quantity.name: quantity.expression for quantity in training_step(network)}


def run(template: str, eta: float, steps: int) -> list[dict[str, float]]:
    return [dict(values) for values in Simulation(load_template(template)).steps(eta, steps)]


@pytest.mark.parametrize(("eta", "errors"), ERRORS_OF_SET_A.items())
def test_training_set_a_gives_the_known_errors(eta: float, errors: tuple[float, ...]) -> None:
    totals = [values["E_total"] for values in run("A", eta, 200)]
    assert [totals[step] for step in (0, 1, 2, 10, 50, 100, 200)] == pytest.approx(errors, rel=1e-11)


def test_step_0_of_set_a_is_the_known_one() -> None:
    values = run("A", 1.0, 0)[0]
    assert {name: values[name] for name in STEP_0_OF_SET_A} == pytest.approx(STEP_0_OF_SET_A, rel=1e-11)


@pytest.mark.parametrize(("template", "error"), [("B", 0.014181377937891659), ("C", 0.25123100378328034)])
def test_the_other_parameter_sets_start_with_their_known_error(template: str, error: float) -> None:
    assert run(template, 1.0, 0)[0]["E_total"] == pytest.approx(error, rel=1e-14)


def test_mazurs_example_gives_his_numbers_after_one_step() -> None:
    before, after = run("mazur", 0.5, 1)
    assert before["E_total"] == pytest.approx(0.298371109, abs=5e-10)
    # his page prints 0.291027924; torch in double precision gives this, with the very weights below
    assert after["E_total"] == pytest.approx(0.29102777369359933, rel=1e-14)
    his = (0.149780716, 0.19956143, 0.24975114, 0.29950229, 0.35891648, 0.408666186, 0.511301270, 0.561370121)
    assert [after[f"w{n}"] for n in range(1, 9)] == pytest.approx(his, abs=5e-9)
    assert [after[f"b{n}"] for n in range(1, 5)] == [0.35, 0.35, 0.6, 0.6]


def test_the_classic_network_has_the_formulas_of_the_classroom() -> None:
    found = expressions(load_template("A"))
    assert found["h1"] == "w1*i1 + w2*i2"
    assert found["o2"] == "w7*a_h1 + w8*a_h2"
    assert found["a_h2"] == "1/(1 + exp(-h2))"
    assert found["E1"] == "0.5*(t1 - a_o1)**2"
    assert found["E_total"] == "E1 + E2"
    assert found["dE_da_o1"] == "a_o1 - t1"
    assert found["da_o1_do1"] == "a_o1*(1 - a_o1)"
    assert found["delta_o1"] == "dE_da_o1*da_o1_do1"
    assert found["dE_dw6"] == "delta_o1*a_h2"
    # w6 leads from the second hidden neuron to the first output: the index that is most often swapped
    assert found["dE_da_h2"] == "delta_o1*w6 + delta_o2*w8"
    # the slope of the second hidden neuron: the slip that two thirds of the class files share
    assert found["delta_h2"] == "dE_da_h2*da_h2_dh2"
    assert found["da_h2_dh2"] == "a_h2*(1 - a_h2)"
    assert found["dE_dw3"] == "delta_h2*i1"


def test_an_update_goes_one_learning_rate_against_the_gradient() -> None:
    assert [(u.name, u.expression) for u in updates(load_template("A"))][2] == ("w3", "w3 - eta*dE_dw3")


def test_fixed_biases_are_used_but_not_trained() -> None:
    network = load_template("mazur")
    assert expressions(network)["h1"] == "w1*i1 + w2*i2 + b1"
    assert not {"dE_db1", "dE_db4"} & set(expressions(network))
    assert [update.name for update in updates(network)] == [f"w{n}" for n in range(1, 9)]


@pytest.mark.parametrize("template", template_names())
def test_every_quantity_follows_from_those_before_it(template: str) -> None:
    network = load_template(template)
    known = {*network.start_values, *network.input_names, *network.target_names}
    for quantity in training_step(network):
        assert set(names_in(quantity.expression)) <= known, quantity.name
        assert quantity.name not in known
        assert quantity.sentence.endswith(".")
        known.add(quantity.name)
    assert {f"dE_d{name}" for name in network.trained_names} <= known


@pytest.mark.parametrize("template", template_names())
def test_a_gradient_is_one_short_product(template: str) -> None:
    gradients = [q for q in training_step(load_template(template)) if q.part is Part.GRADIENT]
    assert gradients
    assert all(gradient.expression.count("*") <= 1 for gradient in gradients)


def test_softmax_holds_for_targets_of_any_sum() -> None:
    network = load_template("softmax").with_values({"t1": 0.5, "t2": 0.7, "t3": 0.2})
    simulation = Simulation(network)
    values = dict(next(simulation.steps(0.1, 0)))
    up, down = (simulation.evaluate({**values, "w9": values["w9"] + by})["E_total"] for by in (1e-5, -1e-5))
    assert values["dE_dw9"] == pytest.approx((up - down) / 2e-5, rel=1e-8)


def test_softmax_survives_outputs_that_would_overflow() -> None:
    network = load_template("softmax").with_values({"w10": 5000.0, "w13": -5000.0})
    values = next(Simulation(network).steps(0.001, 0))
    assert values["a_o1"] == 0
    assert values["E_total"] == pytest.approx(0, abs=1e-9)


def test_a_run_that_overflows_says_where_and_what_to_change(tmp_path) -> None:
    path = tmp_path / "linear.toml"
    path.write_text('layers=[1,1,1]\nhidden="linear"\noutput="linear"\ninputs=[3]\ntargets=[1]\nweights=[2,2]\n')
    simulation = Simulation(load_template(str(path)))
    with pytest.raises(LeavesRange) as refusal:
        list(simulation.steps(5.0, 100))
    assert str(refusal.value) == (
        "With learning rate 5, E1 leaves what a cell can hold at step 4: "
        "use a smaller learning rate or at most 3 steps."
    )
    assert len(list(simulation.steps(5.0, 3))) == 4


def test_a_sigmoid_that_a_spreadsheet_cannot_compute_is_refused() -> None:
    # EXP(710) is #NUM! in Excel, where NumPy would give a sigmoid of 0
    simulation = Simulation(load_template("A").with_values({"w1": -20000.0}))
    with pytest.raises(LeavesRange, match="a_h1 leaves what a cell can hold at step 0: use smaller start values"):
        list(simulation.steps(1.0, 3))


def test_an_expected_expression_uses_only_what_has_a_column() -> None:
    network = Network.blank((2, 2, 2))
    columns = frozenset({*network.start_values, "h1", "a_h1", "a_o1"})
    assert expected_expression(network, "dE_dw5", columns) == "(a_o1 - t1) * (a_o1 * (1 - a_o1)) * a_h1"
    assert expected_expression(network, "dE_dw5", columns | {"delta_o1"}) == "delta_o1 * a_h1"
    assert expected_expression(network, "a_h1", columns - {"h1"}) == "1 / (1 + exp(-(w1 * i1 + w2 * i2)))"
    assert expected_expression(network, "w5", columns | {"dE_dw5"}) == "w5 - eta * dE_dw5"


def test_the_chain_rule_stands_between_the_error_and_the_gradients() -> None:
    assert {"delta_o1", "delta_h2"} <= chain_rule_names(Network.blank((2, 2, 2)))
    assert not {"E_total", "a_o1", "dE_dw1"} & chain_rule_names(Network.blank((2, 2, 2)))
