"""The networks by name, as torch modules.

All take images of shape (batch, 1, 28, 28), normalised, and give one logit a class, (batch, 10). Their layers
are listed in `xlbackprop.cnn.networks`.
"""

from torch import Tensor, nn
from torch.nn import functional

from xlbackprop.cnn.layers import (
    AveragePool,
    BatchNorm,
    Convolution,
    Dropout,
    Flatten,
    GlobalAveragePool,
    Layer,
    Layers,
    Linear,
    LogSoftmax,
    MaxPool,
    ReLU,
)
from xlbackprop.cnn.networks import network_layers


def build(name: str) -> nn.Sequential:
    """A network with fresh start weights from torch's generator.

    Raises:
        UnusableInput: no network has the name.
    """
    return modules(network_layers(name))


def parameter_count(model: nn.Module) -> int:
    """How many numbers are trained."""
    return sum(parameter.numel() for parameter in model.parameters())


class LearnedPooling(nn.Conv2d):
    """A depthwise convolution over the whole map that begins as its mean; also over smaller maps.

    Of a map smaller than the kernel, it takes the middle of the kernel for the whole, times as much as that is
    smaller: what began as a mean is one there, too.
    """

    def forward(self, maps: Tensor) -> Tensor:
        """(count, channels, size, size) to (count, channels, 1, 1)."""
        left_out = self.kernel_size[0] - maps.shape[-1]
        if left_out <= 0:
            return super().forward(maps)
        inside = slice(left_out // 2, left_out // 2 + maps.shape[-1])
        middle = self.weight[:, :, inside, inside]
        scale = self.weight[0, 0].numel() / middle[0, 0].numel()
        return functional.conv2d(maps, scale * middle, groups=self.groups)


def takes_small_images(model: nn.Module) -> bool:
    """Whether a network ends in a learned pooling, so that it takes images smaller than 28x28, too."""
    return any(isinstance(module, LearnedPooling) for module in model.modules())


def modules(layers: Layers) -> nn.Sequential:
    """Layers as torch modules with fresh start weights."""
    # torch draws weights for every module; those that start as a constant come first, so that what they
    # drew shifts none of the others when such a layer is added at the end
    order = sorted(range(len(layers)), key=lambda n: not _starts_constant(layers[n]))
    made = {n: _module(layers[n]) for n in order}
    return nn.Sequential(*(made[n] for n in range(len(layers))))


def _starts_constant(layer: Layer) -> bool:
    return isinstance(layer, Convolution) and layer.start is not None


def _module(layer: Layer) -> nn.Module:
    match layer:
        case Convolution(inputs=inputs, outputs=outputs, kernel=kernel):
            groups = inputs if layer.depthwise else 1
            kind = nn.Conv2d if layer.start is None else LearnedPooling
            made = kind(inputs, outputs, kernel, padding=layer.padding, groups=groups, bias=layer.bias)
            if layer.start is not None:
                nn.init.constant_(made.weight, layer.start)
            return made
        case BatchNorm(channels=channels, start=start):
            norm = nn.BatchNorm2d(channels)
            nn.init.constant_(norm.bias, start)
            return norm
        case ReLU():
            return nn.ReLU()
        case MaxPool(size=size):
            return nn.MaxPool2d(size)
        case AveragePool(size=size):
            return nn.AvgPool2d(size)
        case GlobalAveragePool():
            return nn.AdaptiveAvgPool2d(1)
        case Dropout(rate=rate):
            return nn.Dropout(rate)
        case Flatten():
            return nn.Flatten()
        case Linear(inputs=inputs, outputs=outputs):
            return nn.Linear(inputs, outputs)
        case LogSoftmax():
            return nn.LogSoftmax(dim=1)
