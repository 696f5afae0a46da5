"""How weights are moved: the optimizers, whose learning rates lie beside the weights.

The arithmetic of SGD and Adam is torch's own, in its fused form, which alone reads the rate where it lies. torch's
classes around it are not used: they import the compiler at their first step, which takes seconds.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.optim.adam import adam
from torch.optim.adamw import adamw
from torch.optim.sgd import sgd

from mnist_train.settings import Recipe

# of the quintic polynomial that pushes all singular values towards 1, see `orthogonalised`
_QUINTIC = (3.4445, -4.7750, 2.0315)
# fewer than the usual 5: the accuracy is the same, and small networks feel the time
_NEWTON_SCHULZ_STEPS = 3
# of Adam, as torch has them
_BETA1, _BETA2, _EPSILON = 0.9, 0.999, 1e-8


def orthogonalised(matrix: Tensor, steps: int = _NEWTON_SCHULZ_STEPS) -> Tensor:
    """The matrix with its singular values moved to about 1, its singular vectors kept: Newton-Schulz.

    Source: Keller Jordan, Muon: an optimizer for hidden layers in neural networks (2024).

    Args:
        matrix: (rows, columns).
        steps: how often the polynomial is applied.
    """
    a, b, c = _QUINTIC
    wide = matrix.T if matrix.size(0) > matrix.size(1) else matrix
    wide = wide / (wide.norm() + 1e-7)
    for _ in range(steps):
        gram = wide @ wide.T
        wide = a * wide + (b * gram + c * gram @ gram) @ wide
    return wide.T if matrix.size(0) > matrix.size(1) else wide


class Optimizer:
    """Moves weights by their gradients.

    Args:
        weights: all of them have gradients when a step is done.
        lr: the highest learning rate.
        remembers: names of what is kept for each weight, in its shape, and begins with 0.
        rate_type: of the learning rate.

    Attributes:
        weights: as given.
        highest_lr: as given.
        lr: the learning rate of the next step, a single number on the device of the weights.
        state: what is remembered, by name, a tensor a weight.
    """

    def __init__(
        self,
        weights: Sequence[nn.Parameter],
        lr: float,
        remembers: Sequence[str] = (),
        rate_type: torch.dtype = torch.float32,
    ) -> None:
        self.weights = list(weights)
        self.highest_lr = lr
        self.lr = torch.tensor(lr, dtype=rate_type, device=self.weights[0].device)
        self.state: dict[str, list[Tensor]] = {
            name: [torch.zeros_like(weight) for weight in self.weights] for name in remembers
        }

    @property
    def gradients(self) -> list[Tensor]:
        """Of the weights."""
        return [weight.grad for weight in self.weights]

    def forget_gradients(self) -> None:
        """Have none, before the next ones are computed."""
        for weight in self.weights:
            weight.grad = None

    def step(self) -> None:
        """Move all weights by one step."""
        raise NotImplementedError


class Muon(Optimizer):
    """Momentum whose step is orthogonalised, for weights that are matrices; a convolution is one, flattened.

    Source: as for `orthogonalised`. torch.optim.Muon takes no convolutions.

    Args:
        weights: each of at least two dimensions, the first that of the outputs.
        lr: learning rate.
        momentum: of the running mean of the gradients, applied as Nesterov does.
        weight_decay: each step multiplies the weights by 1 - lr * weight_decay.
    """

    def __init__(self, weights: Sequence[nn.Parameter], lr: float, momentum: float, weight_decay: float) -> None:
        super().__init__(weights, lr, ("mean",), rate_type(weights[0].device))
        self.momentum, self.weight_decay = momentum, weight_decay

    @torch.no_grad()
    def step(self) -> None:
        """Move all weights by one step."""
        for weight, gradient, mean in zip(self.weights, self.gradients, self.state["mean"], strict=True):
            mean.lerp_(gradient, 1 - self.momentum)
            direction = orthogonalised(gradient.lerp(mean, self.momentum).flatten(1))
            direction = direction * max(1.0, direction.size(0) / direction.size(1)) ** 0.5
            weight.mul_(1 - self.lr * self.weight_decay).sub_(self.lr * direction.view_as(weight))


class SGD(Optimizer):
    """Gradient descent with momentum, as torch has it.

    Args:
        weights: to move.
        lr: learning rate.
        momentum: what the running sum of the gradients keeps of itself in a step.
        nesterov: whether each step looks ahead by it.
        weight_decay: adds so much of a weight to its gradient.
    """

    def __init__(
        self,
        weights: Sequence[nn.Parameter],
        lr: float,
        momentum: float,
        *,
        nesterov: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(weights, lr, ("momentum_buffer",) if momentum else ())
        self.momentum, self.nesterov, self.weight_decay = momentum, nesterov, weight_decay

    @torch.no_grad()
    def step(self) -> None:
        """Move all weights by one step."""
        sgd(
            self.weights,
            self.gradients,
            self.state.get("momentum_buffer", [None] * len(self.weights)),
            fused=True,
            weight_decay=self.weight_decay,
            momentum=self.momentum,
            lr=self.lr,
            dampening=0.0,
            nesterov=self.nesterov,
            maximize=False,
        )


class Adam(Optimizer):
    """Adam as torch has it, with its usual betas and epsilon.

    Args:
        weights: to move.
        lr: learning rate.
        weight_decay: adds so much of a weight to its gradient; or, where it is decoupled, takes so much of it times
            the learning rate off the weight.
        decoupled: whether this is AdamW.
    """

    def __init__(self, weights: Sequence[nn.Parameter], lr: float, weight_decay: float, *, decoupled: bool) -> None:
        super().__init__(weights, lr, ("exp_avg", "exp_avg_sq"))
        self.state["step"] = [torch.zeros((), device=weight.device) for weight in self.weights]
        self.weight_decay, self.decoupled = weight_decay, decoupled

    @torch.no_grad()
    def step(self) -> None:
        """Move all weights by one step."""
        (adamw if self.decoupled else adam)(
            self.weights,
            self.gradients,
            self.state["exp_avg"],
            self.state["exp_avg_sq"],
            [],
            self.state["step"],
            fused=True,
            # so that a graph can be made of it
            capturable=self.lr.is_cuda,
            amsgrad=False,
            beta1=_BETA1,
            beta2=_BETA2,
            lr=self.lr,
            weight_decay=self.weight_decay,
            eps=_EPSILON,
            maximize=False,
        )


def make_optimizers(model: nn.Module, recipe: Recipe) -> list[Optimizer]:
    """The optimizers that a recipe names; between them they train every parameter once."""
    parameters = list(model.parameters())
    if recipe.optimizer == "muon":
        # the kernels of convolutions; those of the depthwise one, too: its channels make a matrix of its maps
        matrices = [parameter for parameter in parameters if parameter.ndim == 4]
        others = [parameter for parameter in parameters if parameter.ndim != 4]
        muon = Muon(matrices, recipe.lr, recipe.momentum, recipe.weight_decay)
        return [muon, SGD(others, recipe.sgd_lr, recipe.momentum, nesterov=recipe.momentum > 0)]
    if recipe.optimizer == "sgd":
        return [SGD(parameters, recipe.lr, recipe.momentum, weight_decay=recipe.weight_decay)]
    return [Adam(parameters, recipe.lr, recipe.weight_decay, decoupled=recipe.optimizer == "adamw")]


def rate_type(device: torch.device) -> torch.dtype:
    """The type in which learning rates are computed on a device: double precision, where it has that."""
    return torch.float32 if device.type == "mps" else torch.float64


def set_rates(optimizers: Sequence[Optimizer], factor: Tensor) -> None:
    """Set each learning rate to its own highest times a factor, a single number on the device of the weights."""
    for optimizer in optimizers:
        optimizer.lr.copy_(optimizer.highest_lr * factor)


def state_tensors(optimizers: Sequence[Optimizer]) -> dict[str, Tensor]:
    """Everything that the optimizers remember, by names that `restore` understands."""
    return {
        f"{number}.{index}.{name}": value
        for number, optimizer in enumerate(optimizers)
        for name, values in optimizer.state.items()
        for index, value in enumerate(values)
    }


def restore(optimizers: Sequence[Optimizer], tensors: dict[str, Tensor]) -> None:
    """Give the optimizers what `state_tensors` returned.

    Raises:
        KeyError: something is missing.
    """
    for name, value in state_tensors(optimizers).items():
        value.copy_(tensors[name])
