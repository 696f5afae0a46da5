"""Which optimizers a workbook trains by, as people write it: `sgd,momentum,adam@0.01`, and what goes with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from xlbackprop.backprop.network import parse_number
from xlbackprop.backprop.optimizers import CONSTANT, KINDS, PLAIN, Optimizer, lacks, parse_schedule
from xlbackprop.errors import UnusableInput

#: The hyperparameters of optimizers, as they are given.
HYPERPARAMETERS = tuple(dict.fromkeys(name for kind in KINDS.values() for name in kind.hyperparameters))


@dataclass(frozen=True)
class OptimizerChoice:
    """Optimizers with their hyperparameters, and a schedule.

    Attributes:
        optimizers: names of `optimizers.KINDS` with commas between; behind an `@` a learning rate of its own.
        hyperparameters: those that are given; the others are as usual.
        schedule: how learning rates change, as `optimizers.parse_schedule` reads it.
    """

    optimizers: str = PLAIN
    hyperparameters: Mapping[str, float] = field(default_factory=dict)
    schedule: str = CONSTANT

    def trainings(self, etas: Sequence[float]) -> list[tuple[Optimizer, float]]:
        """Each optimizer with each learning rate, or with its own.

        Raises:
            UnusableInput: there is no such optimizer or schedule, a hyperparameter is none of theirs or out of range,
                or a training stands there twice.
        """
        schedule, arguments = parse_schedule(self.schedule)
        words = [word.strip().lower() for word in self.optimizers.split(",")]
        made: list[tuple[Optimizer, float]] = []
        names = [word.partition("@")[0].strip() for word in words]
        for name in names:
            if name not in KINDS:
                what = f"{name} is no optimizer" if name else "an optimizer has no name"
                raise UnusableInput(f"{what}: use one of {', '.join(KINDS)}, with a comma between two.")
        self._insist_that_one_has(names)
        for word, name in zip(words, names, strict=True):
            own = {key: value for key, value in self.hyperparameters.items() if key in KINDS[name].hyperparameters}
            optimizer = Optimizer(name, tuple({**own, **arguments}.items()), schedule)
            for eta in [_own_rate(word)] if "@" in word else etas:
                if (optimizer, eta) in made:
                    raise UnusableInput(f"{name} with the learning rate {eta:g} is given twice.")
                made.append((optimizer, eta))
        return made

    @property
    def takes_all_rates(self) -> bool:
        """Whether an optimizer takes the learning rates that are common to all."""
        return any("@" not in word for word in self.optimizers.split(","))

    def _insist_that_one_has(self, names: Sequence[str]) -> None:
        known = list(dict.fromkeys(key for name in names for key in KINDS[name].hyperparameters))
        for key in self.hyperparameters:
            if key not in known:
                raise UnusableInput(lacks(names, key, known))


def parse_betas(text: str) -> dict[str, float]:
    """`0.9,0.999` as the two of Adam.

    Raises:
        UnusableInput: it is something else.
    """
    try:
        first, second = (parse_number(word.strip()) for word in text.split(","))
    except ValueError:
        raise UnusableInput(f"{text} stands where two numbers belong: give them as 0.9,0.999.") from None
    return {"beta_1": first, "beta_2": second}


def _own_rate(word: str) -> float:
    name, _, rate = word.partition("@")
    try:
        eta = parse_number(rate)
    except ValueError:
        eta = 0.0
    if eta <= 0:
        raise UnusableInput(f"{word} has no learning rate above 0 after @: write it as {name}@0.01.")
    return eta
