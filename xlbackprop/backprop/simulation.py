"""A training in plain Python, operation for operation as the cells compute it."""

from collections import deque
from collections.abc import Collection, Iterator, Mapping, Sequence
from math import isfinite
from types import CodeType

from xlbackprop.backprop.expression import PYTHON_FUNCTIONS, compiled
from xlbackprop.backprop.network import Network
from xlbackprop.backprop.optimizers import BEFORE
from xlbackprop.backprop.quantities import Over, gathered, states, training_step, updates
from xlbackprop.errors import UnusableInput


class LeavesRange(UnusableInput):
    """A run reaches a value that no cell can hold."""


class Simulation:
    """Evaluates training steps in plain Python, operation for operation as the cells do.

    A pass is the forward and the backward pass of one sample. With a single sample, or with one in turn, a step
    and its pass are the same.

    Args:
        network: what is trained.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._functions = dict(PYTHON_FUNCTIONS)
        self._step = [(quantity.name, compiled(quantity.expression)) for quantity in training_step(network)]
        self._step_code = _assignments((quantity.name, quantity.expression) for quantity in training_step(network))
        self._update_code = _assignments((update.name, update.expression) for update in updates(network))
        kept = states(network)
        self._state_names = [state.name for state in kept]
        self._first_states = [(state.name, compiled(state.first)) for state in kept]
        self._states = [(state.name, compiled(state.expression)) for state in kept]
        self._first_state_code = _assignments((state.name, state.first) for state in kept)
        self._state_code = _assignments((state.name, state.expression) for state in kept)
        samples = network.samples
        names = [*network.input_names, *network.target_names]
        self._given = (
            [
                dict(zip(names, (*inputs, *targets), strict=True)) | {"sample": number}
                for number, (inputs, targets) in enumerate(zip(samples.inputs, samples.targets, strict=True), start=1)
            ]
            if samples
            else []
        )

    def steps(self, eta: float, steps: int) -> Iterator[dict[str, float]]:
        """Every value by name, and `step`, for step 0, 1 ... `steps`. The dictionary may be the same one each time.

        Raises:
            LeavesRange: a value overflows; the message says at which step, which one, and what to change.
        """
        for step, _ in self.steps_and_passes(eta, steps):
            yield step

    def passes(self, eta: float, steps: int) -> Iterator[dict[str, float]]:
        """Every value of each pass by name, and its `step` and `sample`, in the order of the steps.

        Raises:
            LeavesRange: as `steps`.
        """
        for _, passes in self.steps_and_passes(eta, steps):
            yield from passes

    def steps_and_passes(self, eta: float, steps: int) -> Iterator[tuple[dict[str, float], list[dict[str, float]]]]:
        """Each step with its passes; the dictionaries may be the same ones each time.

        Raises:
            LeavesRange: as `steps`.
        """
        network, samples = self._network, self._network.samples
        epoch: deque[dict[str, float]] = deque(maxlen=samples.epoch if samples else 1)
        over_an_epoch = [one for one in gathered(network) if one.over is Over.EPOCH]
        values = dict(network.start_values) | {"eta": eta}
        if not network.optimizer.is_plain:
            values |= network.optimizer.values | {"steps": steps}
        for step in range(steps + 1):
            values["step"] = step
            if samples is None:
                passes = [self._passed(values, eta, step)]
            elif samples.in_turn:
                values |= self._given[samples.shown(step)[0]]
                passes = [self._passed(values, eta, step)]
            else:
                passes = [self._passed(values | self._given[number], eta, step) for number in samples.shown(step)]
                values |= self.gathered(passes)
                if not all(map(isfinite, values.values())):
                    raise LeavesRange(self._out_of_range(dict(values), eta, step))
            if over_an_epoch:
                epoch.append({one.of: values[one.of] for one in over_an_epoch})
                values |= {one.name: sum(of[one.of] for of in epoch) / len(epoch) for one in over_an_epoch}
            if self._state_names:
                self._keep_state(values, eta, step)
            yield values, passes
            try:
                exec(self._update_code, self._functions, values)
            except ZeroDivisionError:
                raise LeavesRange(
                    f"With eps = 0 an update divides by 0 at step {step}, where a gradient is 0: use an eps above 0."
                ) from None

    def _keep_state(self, values: dict[str, float], eta: float, step: int) -> None:
        """Work out what the optimizer keeps."""
        for name in self._state_names if step else ():
            values[BEFORE + name] = values[name]
        try:
            exec(self._state_code if step else self._first_state_code, self._functions, values)
            in_range = all(isfinite(values[name]) for name in self._state_names)
        except (ArithmeticError, ValueError):
            in_range = False
        if not in_range:
            lines = self._states if step else self._first_states
            raise LeavesRange(self._out_of_range(values, eta, step, lines))

    def _passed(self, values: dict[str, float], eta: float, step: int) -> dict[str, float]:
        """The values with all quantities of the pass."""
        try:
            exec(self._step_code, self._functions, values)
            in_range = all(map(isfinite, values.values()))
        except (ArithmeticError, ValueError):
            in_range = False
        if not in_range:
            raise LeavesRange(self._out_of_range(values, eta, step, self._step))
        return values

    def gathered(self, passes: Collection[Mapping[str, float]]) -> dict[str, float]:
        """What a step has of its passes."""
        found = {}
        for one in gathered(self._network):
            if one.over is Over.EPOCH:
                continue
            numbers = [values[one.of] for values in passes]
            if one.over is Over.ONE:
                found[one.name] = numbers[one.sample]
            else:
                found[one.name] = sum(numbers) / (1 if one.over is Over.SUM else len(numbers))
        return found

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

    def _out_of_range(
        self, values: dict[str, float], eta: float, step: int, lines: Sequence[tuple[str, CodeType]] = ()
    ) -> str:
        """What is wrong, and what to change; `lines` were being worked out."""
        culprit = next((name for name in self._network.trained_names if not isfinite(values[name])), None)
        of_a_step = [*self._state_names, *(one.name for one in gathered(self._network))]
        if culprit is None:
            culprit = next((name for name in of_a_step if not isfinite(values.get(name, 0))), None)
        for name, code in lines if culprit is None else ():
            try:
                values[name] = eval(code, self._functions, values)
            except (ArithmeticError, ValueError):
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
