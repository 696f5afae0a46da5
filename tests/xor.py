"""XOR, the commonest lesson in which a network learns from several samples, and what others computed for it."""

import dataclasses

from xlbackprop.backprop.network import Network
from xlbackprop.backprop.samples import Samples

INPUTS = ((0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0))
TARGETS = ((0.0,), (1.0,), (1.0,), (0.0,))
IN_BATCH = Samples(INPUTS, TARGETS, batch=4)
IN_MINI_BATCHES = dataclasses.replace(IN_BATCH, batch=2, reduction="mean", order=(3, 1, 4, 2))
IN_TURN = dataclasses.replace(IN_BATCH, batch=1, order=(3, 1, 4, 2))


def network(
    from_inputs: list[list[float]],
    hidden_biases: list[float],
    to_output: list[float],
    output_bias: float,
    samples: Samples = IN_BATCH,
    **functions: str,
) -> Network:
    """A 2-2-1 network for XOR.

    Args:
        from_inputs: the weights, a row an input.
        hidden_biases, to_output, output_bias: the rest of them.
        samples: how it is shown the four.
        functions: the activations, where they are not sigmoid.
    """
    weights = [row[n] for n in range(2) for row in from_inputs] + to_output
    return Network(
        (2, 2, 1),
        INPUTS[0],
        TARGETS[0],
        tuple(weights),
        biases="trained",
        bias_values=(*hidden_biases, output_bias),
        **functions,
    ).with_samples(samples)


XOR = network(
    [[0.51426693, 0.56885825], [0.48725347, 0.15041493]],
    [0.79726405, 0.67601843],
    [0.14801747, 0.37182892],
    0.57823076,
)
#: XOR after one step with η = 1.
AFTER_ONE_STEP = network(
    [[0.5130108836813994, 0.563839153826952], [0.48606794571593476, 0.1463165649068566]],
    [0.7927996818471371, 0.6633059586618876],
    [0.010692017538688703, 0.24098107852780348],
    0.39886112498846815,
).start_values
#: E_total of XOR with η = 1 at some steps.
ERRORS = {
    0: 0.6000866487428482,
    1: 0.540006335256,
    10: 0.500496524444,
    100: 0.500042922576,
    1000: 0.0203232547177,
}

#: Another start, and its mean squared errors with η = 0.1.
SLOW = network(
    [[0.3745401188473625, 0.9507143064099162], [0.7319939418114051, 0.5986584841970366]],
    [0.15601864044243652, 0.15599452033620265],
    [0.05808361216819946, 0.8661761457749352],
    0.6011150117432088,
)
MEAN_SQUARED_ERRORS_OF_SLOW = {0: 0.3246585814644244, 1000: 0.24058938031979332}

#: The network that solves XOR without learning.
SOLVED = network([[1.0, 1.0], [1.0, 1.0]], [0.0, -1.0], [1.0, -2.0], 0.0, hidden="relu", output="linear")
