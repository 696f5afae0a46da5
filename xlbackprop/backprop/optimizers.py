"""Optimizers and schedules: how a weight moves, and how its learning rate changes from step to step.

Everything is as `torch.optim` defines it. In the expressions `{w}` is a weight or bias; `before_` in front of a state
means the row above, and 0 in the first row. `{g}` is the gradient, to which weight decay is added already, and
`{eta}` the learning rate of the step.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from xlbackprop.errors import UnusableInput

#: In front of the name of a state: that of the step before.
BEFORE = "before_"


@dataclass(frozen=True)
class State:
    """What an optimizer keeps for each weight from step to step, or works out on the way.

    Attributes:
        name: in front of the weight's name: `m` of `m_w1`.
        sentence: what it is, for people.
        expression: how it follows.
        first: how it begins, where that is not the expression with 0 for what was before.
    """

    name: str
    sentence: str
    expression: str
    first: str | None = None


@dataclass(frozen=True)
class Kind:
    """An optimizer.

    Attributes:
        spoken: what sentences call it.
        sentence: what it does, for people.
        hyperparameters: the default of each.
        states: in an order in which each follows from those before it.
        update: the weight of the next step.
        decays_apart: whether weight decay is part of the update, and not of the gradient.
    """

    spoken: str
    sentence: str
    hyperparameters: Mapping[str, float]
    states: tuple[State, ...]
    update: str
    decays_apart: bool = False


_VELOCITY = State(
    "v",
    "The velocity: what is left of the one before, and the gradient. The first is the gradient itself.",
    "momentum*before_v_{w} + (1 - dampening)*{g}",
    first="{g}",
)
_MOMENTS = (
    State("m", "The moving average of the gradients.", "beta_1*before_m_{w} + (1 - beta_1)*{g}"),
    State("v", "The moving average of their squares.", "beta_2*before_v_{w} + (1 - beta_2)*{g}**2"),
    State(
        "m_hat",
        "The average corrected for its start at 0: after k steps it has only 1 − β₁ᵏ of its weight.",
        "m_{w}/(1 - beta_1**(step + 1))",
    ),
    State("v_hat", "The average of the squares, corrected likewise.", "v_{w}/(1 - beta_2**(step + 1))"),
)
_ADAM = {"beta_1": 0.9, "beta_2": 0.999, "eps": 1e-8}

#: The plain one, which needs nothing but the learning rate.
PLAIN = "sgd"

KINDS = {
    PLAIN: Kind(
        "gradient descent",
        "Every weight moves against its gradient, by the learning rate.",
        {"weight_decay": 0.0},
        (),
        "{w} - {eta}*{g}",
    ),
    "momentum": Kind(
        "momentum",
        "Every weight has a velocity, which the gradients push, and moves with it.",
        {"momentum": 0.9, "dampening": 0.0, "weight_decay": 0.0},
        (_VELOCITY,),
        "{w} - {eta}*v_{w}",
    ),
    "nesterov": Kind(
        "Nesterov momentum",
        "As momentum, but one look ahead: the gradient counts once more on top of the velocity.",
        {"momentum": 0.9, "weight_decay": 0.0},
        (State("v", _VELOCITY.sentence, "momentum*before_v_{w} + {g}"),),
        "{w} - {eta}*({g} + momentum*v_{w})",
    ),
    "adagrad": Kind(
        "Adagrad",
        "Each weight has a step of its own, the smaller the larger all its gradients have been.",
        {"eps": 1e-10, "weight_decay": 0.0},
        (State("s", "The sum of all squares of the gradient so far.", "before_s_{w} + {g}**2"),),
        "{w} - {eta}*{g}/(sqrt(s_{w}) + eps)",
    ),
    "rmsprop": Kind(
        "RMSprop",
        "Each weight has a step of its own, the smaller the larger its gradients have been lately.",
        {"alpha": 0.99, "eps": 1e-8, "weight_decay": 0.0},
        (State("v", "The moving average of the squares.", "alpha*before_v_{w} + (1 - alpha)*{g}**2"),),
        "{w} - {eta}*{g}/(sqrt(v_{w}) + eps)",
    ),
    "adam": Kind(
        "Adam",
        "The average of the gradients says where to, the average of their squares how far.",
        {**_ADAM, "weight_decay": 0.0},
        _MOMENTS,
        "{w} - {eta}*m_hat_{w}/(sqrt(v_hat_{w}) + eps)",
    ),
    "adamw": Kind(
        "AdamW",
        "As Adam, but weight decay shrinks the weight itself and leaves the averages alone.",
        {**_ADAM, "weight_decay": 0.01},
        _MOMENTS,
        "{w}*(1 - {eta}*weight_decay) - {eta}*m_hat_{w}/(sqrt(v_hat_{w}) + eps)",
        decays_apart=True,
    ),
}

#: What each hyperparameter is, in a few words.
MEANINGS = {
    "momentum": "how much of the velocity stays",
    "dampening": "how much of the gradient is left out of the velocity",
    "beta_1": "how much of the average of the gradients stays",
    "beta_2": "how much of the average of the squares stays",
    "eps": "keeps the divisor from 0",
    "alpha": "how much of the average of the squares stays",
    "weight_decay": "how much a weight is drawn towards 0",
    "step_size": "steps until the learning rate falls",
    "gamma": "by which factor the learning rate falls",
    "warm_up": "steps until the learning rate is reached",
}


_MOST = 1e300
_BELOW_1 = ("momentum", "beta_1", "beta_2", "alpha")
#: The least and the largest value of each hyperparameter.
RANGES = {
    **dict.fromkeys((*_BELOW_1, "dampening"), (0.0, 1.0)),
    # 0 to the power of step 0 is an error in a cell
    "gamma": (1e-9, 1.0),
    **dict.fromkeys(("eps", "weight_decay"), (0.0, _MOST)),
    **dict.fromkeys(("step_size", "warm_up"), (1.0, _MOST)),
}


@dataclass(frozen=True)
class Schedule:
    """How the learning rate of a step follows from η.

    Attributes:
        arguments: its hyperparameters, in the order in which they are given.
        expression: over these, `eta`, `step` and `steps`, the number of updates.
        sentence: what it does, for people.
    """

    arguments: tuple[str, ...]
    expression: str
    sentence: str


CONSTANT = "constant"

SCHEDULES = {
    CONSTANT: Schedule((), "eta", "The learning rate stays what it is."),
    "step": Schedule(
        ("step_size", "gamma"),
        "eta*gamma**floor(step/step_size)",
        "The learning rate falls by the factor γ after every so many steps.",
    ),
    "exponential": Schedule(("gamma",), "eta*gamma**step", "The learning rate falls by the factor γ with every step."),
    "linear": Schedule(
        ("warm_up",),
        "eta*(1 + 2*min(step/warm_up, 1))/3",
        "The learning rate begins at a third, and rises evenly until it is reached.",
    ),
    "cosine": Schedule(
        (),
        f"eta*(1 + cos({math.pi!r}*step/steps))/2",
        "The learning rate falls to 0 at the last step, as half a cosine.",
    ),
}


@dataclass(frozen=True)
class Optimizer:
    """An optimizer with its hyperparameters, and a schedule.

    Attributes:
        name: one of `KINDS`.
        hyperparameters: the value of each, those of the schedule behind those of the optimizer.
        schedule: one of `SCHEDULES`.

    Raises:
        UnusableInput: it is none, or a hyperparameter is none of it or out of range.
    """

    name: str = PLAIN
    hyperparameters: tuple[tuple[str, float], ...] = ()
    schedule: str = CONSTANT

    def __post_init__(self) -> None:
        if self.name not in KINDS:
            raise UnusableInput(f"{self.name} is no optimizer: use one of {', '.join(KINDS)}.")
        if self.schedule not in SCHEDULES:
            raise UnusableInput(f"{self.schedule} is no schedule: use one of {', '.join(SCHEDULES)}.")
        given, known = dict(self.hyperparameters), KINDS[self.name].hyperparameters
        arguments = SCHEDULES[self.schedule].arguments
        for name in given:
            if name not in known and name not in arguments:
                raise UnusableInput(lacks([self.name], name, (*known, *arguments)))
        for name in arguments:
            if name not in given:
                raise UnusableInput(f"the schedule {self.schedule} needs {name}, {MEANINGS[name]}.")
        whole = {name: given.get(name, default) for name, default in known.items()}
        whole |= {name: given[name] for name in arguments}
        for name, value in whole.items():
            _insist_on_range(name, value)
        object.__setattr__(self, "hyperparameters", tuple(whole.items()))

    @property
    def kind(self) -> Kind:
        return KINDS[self.name]

    @cached_property
    def values(self) -> dict[str, float]:
        """The value of each hyperparameter."""
        return dict(self.hyperparameters)

    @property
    def spoken(self) -> str:
        """What sentences call it: `gradient descent`, `Adam with a schedule`."""
        decay = ["weight decay"] if self.values["weight_decay"] and not self.kind.decays_apart else []
        more = [*decay, *(["a schedule"] if self.is_scheduled else [])]
        return " with ".join([self.kind.spoken, *([" and ".join(more)] if more else [])])

    @property
    def is_plain(self) -> bool:
        """Whether a weight moves by nothing but the learning rate and its gradient."""
        return self.name == PLAIN and self.schedule == CONSTANT and not self.values["weight_decay"]

    @property
    def is_scheduled(self) -> bool:
        """Whether each step has a learning rate of its own."""
        return self.schedule != CONSTANT

    def gradient(self, w: str) -> str:
        """The gradient of a weight, with weight decay where it is added to that, as an expression."""
        return f"dE_d{w}" if self.is_plain or self.kind.decays_apart else f"(dE_d{w} + weight_decay*{w})"

    def written(self, expression: str, w: str) -> str:
        """An expression of a record for a weight."""
        return expression.format(w=w, g=self.gradient(w), eta="eta_t" if self.is_scheduled else "eta")


def _insist_on_range(name: str, value: float) -> None:
    """See whether a hyperparameter is in its range.

    Raises:
        UnusableInput: it is not.
    """
    if not math.isfinite(value):
        raise UnusableInput(f"{name} = {value} is no number that a cell can hold.")
    least, most = RANGES[name]
    if not least <= value <= most or (name in _BELOW_1 and value == 1):
        if most == _MOST:
            ends = f"{least:g} or more"
        else:
            ends = f"from {least:g} up to, but not including, 1" if name in _BELOW_1 else f"from {least:g} to {most:g}"
        raise UnusableInput(f"{name} = {value:g} is out of range: it is {ends}.")
    if name in ("step_size", "warm_up") and value != int(value):
        raise UnusableInput(f"{name} = {value:g} is no number of steps: it is a whole number from 1 on.")


def lacks(names: Sequence[str], hyperparameter: str, known: Sequence[str]) -> str:
    """The sentence about a hyperparameter that is none of some optimizers, with those whose it is.

    Args:
        names: of the optimizers.
        hyperparameter: what was given.
        known: what they have.
    """
    owners = [name for name, kind in KINDS.items() if hyperparameter in kind.hyperparameters]
    others = f", which {', '.join(owners)} {'has' if len(owners) == 1 else 'have'}" if owners else ""
    return f"{', '.join(names)} has no {hyperparameter}{others}: it has {', '.join(known)}."


#: Gradient descent as the classroom has it.
GRADIENT_DESCENT = Optimizer()


def parse_schedule(text: str) -> tuple[str, dict[str, float]]:
    """`step:50,0.5` as a schedule with its hyperparameters.

    Raises:
        UnusableInput: it is none, or has other numbers than it needs.
    """
    name, colon, rest = text.strip().partition(":")
    forms = ", ".join(":".join((one, ",".join(of.arguments))).rstrip(":") for one, of in SCHEDULES.items())
    if name not in SCHEDULES:
        raise UnusableInput(f"{text} is no schedule: use one of {forms}.")
    words = [word.strip() for word in rest.split(",")] if colon else []
    arguments = SCHEDULES[name].arguments
    if len(words) != len(arguments):
        given = f"{len(words) or 'no'} number{'' if len(words) == 1 else 's'}"
        needed = f"needs {len(arguments)}" if arguments else "takes none"
        raise UnusableInput(f"{text} has {given} behind its name, but {name} {needed}: use one of {forms}.")
    try:
        values = {argument: float(word) for argument, word in zip(arguments, words, strict=True)}
    except ValueError:
        raise UnusableInput(f"{text} has a word where a number belongs: use one of {forms}.") from None
    return name, values
