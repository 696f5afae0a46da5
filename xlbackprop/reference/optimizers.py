"""Optimizers and schedules once more, in NumPy, over whole arrays of weights.

They are written as the papers have them, from the number of the update and the state before, and share no formula with
the workbook. `k` counts the updates from 1.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from xlbackprop.backprop.optimizers import Optimizer
from xlbackprop.reference.functions import Array

#: What an optimizer keeps of a weight, by name; empty before the first step.
State = Mapping[str, Array]
Values = Mapping[str, float]
#: The number of an update, or of many in an array.
Number = int | Array


@dataclass(frozen=True)
class Rule:
    """An optimizer.

    Attributes:
        keep: the state of a step, given the one before, the gradient, the number of the update and the hyperparameters.
        move: the weight of the next step, given the weight, its gradient, the state, the learning rate and the
            hyperparameters.
    """

    keep: Callable[[State, Array, Number, Values], dict[str, Array]]
    move: Callable[[Array, Array, State, Array, Values], Array]


def _velocity(before: State, g: Array, k: Number, of: Values) -> dict[str, Array]:
    later = of["momentum"] * before.get("v", np.zeros_like(g)) + (1 - of.get("dampening", 0.0)) * g
    return {"v": np.where(k == 1, g, later)}


def _squares(before: State, g: Array, k: Number, of: Values) -> dict[str, Array]:
    share = of["alpha"]
    return {"v": share * before.get("v", np.zeros_like(g)) + (1 - share) * g * g}


def _moments(before: State, g: Array, k: Number, of: Values) -> dict[str, Array]:
    nothing = np.zeros_like(g)
    m = of["beta_1"] * before.get("m", nothing) + (1 - of["beta_1"]) * g
    v = of["beta_2"] * before.get("v", nothing) + (1 - of["beta_2"]) * g * g
    return {"m": m, "v": v, "m_hat": m / (1 - of["beta_1"] ** k), "v_hat": v / (1 - of["beta_2"] ** k)}


def _adam(w: Array, g: Array, state: State, eta: Array, of: Values) -> Array:
    return w - eta * state["m_hat"] / (np.sqrt(state["v_hat"]) + of["eps"])


RULES = {
    "sgd": Rule(lambda before, g, k, of: {}, lambda w, g, state, eta, of: w - eta * g),
    "momentum": Rule(_velocity, lambda w, g, state, eta, of: w - eta * state["v"]),
    "nesterov": Rule(_velocity, lambda w, g, state, eta, of: w - eta * (g + of["momentum"] * state["v"])),
    "adagrad": Rule(
        lambda before, g, k, of: {"s": before.get("s", np.zeros_like(g)) + g * g},
        lambda w, g, state, eta, of: w - eta * g / (np.sqrt(state["s"]) + of["eps"]),
    ),
    "rmsprop": Rule(_squares, lambda w, g, state, eta, of: w - eta * g / (np.sqrt(state["v"]) + of["eps"])),
    "adam": Rule(_moments, _adam),
    "adamw": Rule(
        _moments,
        lambda w, g, state, eta, of: _adam(w - eta * of["weight_decay"] * w, g, state, eta, of),
    ),
}

SCHEDULES: dict[str, Callable[[Array, Array, int, Values], Array]] = {
    "constant": lambda eta, step, steps, of: eta + 0 * step,
    "step": lambda eta, step, steps, of: eta * of["gamma"] ** (step // of["step_size"]),
    "exponential": lambda eta, step, steps, of: eta * of["gamma"] ** step,
    "linear": lambda eta, step, steps, of: eta * np.interp(step, [0, of["warm_up"]], [1 / 3, 1]),
    "cosine": lambda eta, step, steps, of: eta * (1 + np.cos(np.pi * step / steps)) / 2,
}


def scheduled(optimizer: Optimizer, eta: Array, step: Array, steps: int) -> Array:
    """The learning rate of a step, or of many."""
    return SCHEDULES[optimizer.schedule](eta, step, steps, optimizer.values)


def decayed(optimizer: Optimizer, w: Array, g: Array) -> Array:
    """The gradient with weight decay, where that is part of it."""
    return g if optimizer.name == "adamw" else g + optimizer.values["weight_decay"] * w


def kept(optimizer: Optimizer, before: State, w: Array, g: Array, k: Number) -> State:
    """The state of a step.

    Args:
        optimizer: with its hyperparameters.
        before: the state of the step before; empty before the first.
        w, g: weights and their gradients.
        k: the number of the update, from 1.
    """
    return RULES[optimizer.name].keep(before, decayed(optimizer, w, g), k, optimizer.values)


def moved(optimizer: Optimizer, w: Array, g: Array, state: State, eta: Array) -> Array:
    """The weights of the next step; the arguments of `kept`, the state of the step, and its learning rate."""
    return RULES[optimizer.name].move(w, decayed(optimizer, w, g), state, eta, optimizer.values)
