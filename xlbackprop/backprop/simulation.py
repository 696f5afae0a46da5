"""A training in plain Python, operation for operation as the cells compute it."""

from collections.abc import Iterator, Mapping
from math import isfinite
from types import CodeType

from xlbackprop.backprop.expression import PYTHON_FUNCTIONS, compiled
from xlbackprop.backprop.network import Network
from xlbackprop.backprop.quantities import training_step, updates
from xlbackprop.errors import UnusableInput


class LeavesRange(UnusableInput):
    """A run reaches a value that no cell can hold."""


class Simulation:
    """Evaluates training steps in plain Python, operation for operation as the cells do.

    Args:
        network: what is trained.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._functions = dict(PYTHON_FUNCTIONS)
        self._step = [(quantity.name, compiled(quantity.expression)) for quantity in training_step(network)]
        self._step_code = _assignments((quantity.name, quantity.expression) for quantity in training_step(network))
        self._update_code = _assignments((update.name, update.expression) for update in updates(network))

    def steps(self, eta: float, steps: int) -> Iterator[dict[str, float]]:
        """Every value by name, and `step`, for step 0, 1 ... `steps`. The dictionary is the same one each time.

        Raises:
            LeavesRange: a value overflows; the message says at which step, which one, and what to change.
        """
        values = dict(self._network.start_values) | {"eta": eta}
        for step in range(steps + 1):
            values["step"] = step
            try:
                exec(self._step_code, self._functions, values)
                in_range = all(map(isfinite, values.values()))
            except ArithmeticError:
                in_range = False
            if not in_range:
                raise LeavesRange(self._out_of_range(values, eta, step))
            yield values
            exec(self._update_code, self._functions, values)

    def evaluate(self, values: Mapping[str, float]) -> dict[str, float]:
        """All quantities of one step, given inputs, targets, weights, biases and `eta`.

        Raises:
            ArithmeticError: a value overflows.
        """
        step = dict(values)
        exec(self._step_code, self._functions, step)
        return step

    def updated(self, values: Mapping[str, float]) -> dict[str, float]:
        """The weights and trained biases of the next step, given all values of this one."""
        following = dict(values)
        exec(self._update_code, self._functions, following)
        return {name: following[name] for name in self._network.trained_names}

    def _out_of_range(self, values: dict[str, float], eta: float, step: int) -> str:
        culprit = next((name for name in self._network.trained_names if not isfinite(values[name])), None)
        for name, code in self._step if culprit is None else ():
            try:
                values[name] = eval(code, self._functions, values)
            except ArithmeticError:
                values[name] = float("inf")
            if not isfinite(values[name]):
                culprit = name
                break
        remedies = ["use smaller start values", "use a smaller learning rate"]
        remedy = remedies[step] if step < 2 else f"use a smaller learning rate or at most {step - 1} steps"
        trained = f"With learning rate {eta:g}, " if step else "With these start values, "
        return f"{trained}{culprit} leaves what a cell can hold at step {step}: {remedy}."


def _assignments(lines: Iterator[tuple[str, str]]) -> CodeType:
    return compile("\n".join(f"{name} = {expression}" for name, expression in lines), "<training step>", "exec")
