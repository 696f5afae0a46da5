"""Networks in torch, whose gradients are another opinion than those of the formulas and of NumPy."""

from xlbackprop.backprop.functions import LEAK
from xlbackprop.backprop.network import Network


def torch_leaves(network: Network):
    """The start values as tensors that gradients are wanted of."""
    import torch

    return {
        name: torch.tensor(value, dtype=torch.float64, requires_grad=True)
        for name, value in network.start_values.items()
    }


def torch_error(network: Network, leaves, inputs, targets):
    """E_total of a sample as torch computes it."""
    import torch

    functions = {
        "sigmoid": torch.sigmoid,
        "tanh": torch.tanh,
        "relu": torch.relu,
        "leaky relu": lambda z: torch.nn.functional.leaky_relu(z, LEAK),
        "linear": lambda z: z,
        "softmax": lambda z: torch.softmax(z, dim=0),
    }
    a = inputs
    for layer in range(1, len(network.layers)):
        weights = torch.stack([torch.stack([leaves[w] for w in row]) for row in network.layer_weights(layer)])
        z = weights @ a
        if network.biases != "none":
            z = z + torch.stack([leaves[b] for b in network.layer_biases(layer)])
        a = functions[network.activation(layer)](z)
    per_output = {
        "squared error": lambda: 0.5 * (targets - a) ** 2,
        "cross-entropy": lambda: -targets * torch.log_softmax(z, dim=0),
        "binary cross-entropy": lambda: torch.nn.functional.binary_cross_entropy(a, targets, reduction="none"),
    }
    return per_output[network.loss]().sum()
