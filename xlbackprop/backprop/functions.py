"""The functions of a network: one record an activation, one a loss; `reference.functions` has the same in NumPy."""

from dataclasses import dataclass

#: What leaky ReLU multiplies a negative input with (the default of torch.nn.LeakyReLU).
LEAK = 0.01


@dataclass(frozen=True)
class Activation:
    """An activation function.

    Attributes:
        value: the output, as an expression over the neuron's input `{z}`.
        slope: its derivative, over the input `{z}` and the output `{a}`; written with the output where
            that is what the classroom does.
        spoken: what sentences call it.
        has_kink: whether there is a place without a derivative, at 0.
    """

    value: str
    slope: str
    spoken: str
    has_kink: bool = False


# ReLU's slope is written with the sign, because engines differ about whether 1e-17 is greater than 0,
# but not about its sign.
ACTIVATIONS = {
    "sigmoid": Activation("1/(1 + exp(-{z}))", "{a}*(1 - {a})", "sigmoid"),
    "tanh": Activation("tanh({z})", "1 - {a}**2", "tanh"),
    "relu": Activation("max(0, {z})", "sign({a})", "ReLU", has_kink=True),
    "leaky relu": Activation(
        f"max({{z}}, {LEAK}*{{z}})", f"1 if sign({{z}}) > 0 else {LEAK}", "leaky ReLU", has_kink=True
    ),
    "linear": Activation("{z}", "1", "linear"),
}

#: The activation of a whole layer at once, which only the last layer may have.
SOFTMAX = "softmax"


@dataclass(frozen=True)
class Loss:
    """An error function; in its texts `{n}` is the number of an output, `{o}` its neuron, `{t}` its target.

    Attributes:
        outputs: the activations of the last layer that it goes with; None for every one but softmax.
        error: the error of one output, as an expression.
        sentence: what that is, for people.
        derivative: how the error changes with `a_{o}`, as an expression, with its sentence; None where
            it collapses with the activation into `delta`.
        delta: how the error changes with `{o}`, with its sentence, `{targets}` being the sum of all
            targets; None where the chain rule gives it.
        needs_probabilities: whether the targets must be probabilities, those of softmax together.
    """

    error: str
    sentence: str
    derivative: tuple[str, str] | None = None
    delta: tuple[str, str] | None = None
    outputs: tuple[str, ...] | None = None
    needs_probabilities: bool = False


LOSSES = {
    "squared error": Loss(
        error="0.5*({t} - a_{o})**2",
        sentence="The error of output {n}: half the squared distance from its target.",
        derivative=("a_{o} - {t}", "How E_total changes with the output a_{o}: the output minus its target."),
    ),
    "cross-entropy": Loss(
        # -t ln(a), written so that a probability of zero does no harm
        error="{t}*(log(e_sum) + o_max - {o})",
        sentence="The cross-entropy of output {n}, which is −{t}·ln(a_{o}).",
        delta=(
            "a_{o}*({targets}) - {t}",
            "How E_total changes with {o}. Softmax and cross-entropy collapse into a_{o} − {t}, "
            "because the targets sum to 1; written with their sum it holds for any targets.",
        ),
        outputs=(SOFTMAX,),
        needs_probabilities=True,
    ),
    "binary cross-entropy": Loss(
        error="-({t}*log(a_{o}) + (1 - {t})*log(1 - a_{o}))",
        sentence="The cross-entropy of output {n}, which is the probability of a class by itself.",
        delta=("a_{o} - {t}", "How E_total changes with {o}. Sigmoid and cross-entropy collapse into a_{o} − {t}."),
        outputs=("sigmoid",),
        needs_probabilities=True,
    ),
}
