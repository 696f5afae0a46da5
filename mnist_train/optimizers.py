"""How weights are moved: the optimizers, and their learning rates on the device."""

import functools
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from mnist_train.settings import Recipe

# of the quintic polynomial that pushes all singular values towards 1, see `orthogonalised`
_QUINTIC = (3.4445, -4.7750, 2.0315)
# fewer than the usual 5: the accuracy is the same, and small networks feel the time
_NEWTON_SCHULZ_STEPS = 3


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


class Muon(torch.optim.Optimizer):
    """Momentum whose step is orthogonalised, for weights that are matrices; a convolution is one, flattened.

    Source: as for `orthogonalised`. torch.optim.Muon takes no convolutions.

    Args:
        parameters: each of at least two dimensions, the first that of the outputs.
        lr: learning rate.
        momentum: of the running mean of the gradients, applied as Nesterov does.
        weight_decay: each step multiplies the weights by 1 - lr * weight_decay.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], lr: float, momentum: float, weight_decay: float) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:
        """Move all weights by one step; a closure is not supported, as the trainer has none."""
        for group in self.param_groups:
            lr, momentum = group["lr"], group["momentum"]
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                if not state:
                    state["mean"] = torch.zeros_like(weight)
                state["mean"].lerp_(weight.grad, 1 - momentum)
                direction = orthogonalised(weight.grad.lerp(state["mean"], momentum).flatten(1))
                direction = direction * max(1.0, direction.size(0) / direction.size(1)) ** 0.5
                weight.mul_(1 - lr * group["weight_decay"]).sub_(lr * direction.view_as(weight))


def make_optimizers(model: nn.Module, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """The optimizers that a recipe names; between them they train every parameter once.

    Their learning rates are tensors beside the weights, which `set_rates` sets, so that no step waits for the host.
    """
    optimizers = _optimizers(list(model.parameters()), recipe)
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            device = group["params"][0].device
            # those of torch take single precision only
            kind = rate_type(device) if isinstance(optimizer, Muon) else torch.float32
            group["highest_lr"] = group["lr"]
            group["lr"] = torch.tensor(group["lr"], dtype=kind, device=device)
    return optimizers


def _optimizers(parameters: list[nn.Parameter], recipe: Recipe) -> list[torch.optim.Optimizer]:
    # of torch's, only the fused ones read the rate where it lies
    sgd = functools.partial(torch.optim.SGD, momentum=recipe.momentum, fused=True)
    if recipe.optimizer == "muon":
        # the kernels of convolutions; those of the depthwise one, too: its channels make a matrix of its maps
        matrices = [parameter for parameter in parameters if parameter.ndim == 4]
        others = [parameter for parameter in parameters if parameter.ndim != 4]
        muon = Muon(matrices, recipe.lr, recipe.momentum, recipe.weight_decay)
        return [muon, sgd(others, recipe.sgd_lr, nesterov=recipe.momentum > 0)]
    if recipe.optimizer == "sgd":
        return [sgd(parameters, recipe.lr, weight_decay=recipe.weight_decay)]
    adam = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[recipe.optimizer]
    capturable = parameters[0].is_cuda
    return [adam(parameters, recipe.lr, weight_decay=recipe.weight_decay, fused=True, capturable=capturable)]


def rate_type(device: torch.device) -> torch.dtype:
    """The type in which learning rates are computed on a device: double precision, where it has that."""
    return torch.float32 if device.type == "mps" else torch.float64


def set_rates(optimizers: list[torch.optim.Optimizer], factor: Tensor) -> None:
    """Set each learning rate to its own highest times a factor, a single number on the device of the weights."""
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"].copy_(group["highest_lr"] * factor)


def state_tensors(optimizers: list[torch.optim.Optimizer]) -> dict[str, Tensor]:
    """Everything that the optimizers remember, by names that `restore` understands."""
    return {
        f"{number}.{index}.{name}": value
        for number, optimizer in enumerate(optimizers)
        for index, remembered in optimizer.state_dict()["state"].items()
        for name, value in remembered.items()
        if isinstance(value, Tensor)
    }


def restore(optimizers: list[torch.optim.Optimizer], tensors: dict[str, Tensor]) -> None:
    """Give the optimizers what `state_tensors` returned."""
    for number, optimizer in enumerate(optimizers):
        weights = [weight for group in optimizer.param_groups for weight in group["params"]]
        state: dict[int, dict[str, Any]] = {}
        for key, value in tensors.items():
            owner, index, name = key.split(".")
            if int(owner) == number:
                state.setdefault(int(index), {})[name] = _laid_out_as(weights[int(index)], value)
        optimizer.load_state_dict({**optimizer.state_dict(), "state": state})


def _laid_out_as(weight: Tensor, value: Tensor) -> Tensor:
    """A value with its numbers in memory in the order of a weight's, as fused optimizers take them without asking."""
    return torch.empty_like(weight).copy_(value) if value.shape == weight.shape else value
