"""Learning from a teacher: the loss of a network that sees what another, trained one makes of the same images.

Source: G. Hinton, O. Vinyals, J. Dean, Distilling the knowledge in a neural network (2015).
"""

from torch import Tensor
from torch.nn import functional

# how far the teacher's certainty is taken back, so that it is seen which digits it takes for alike
_TEMPERATURE = 2.0
# of the whole loss
_TEACHERS_PART = 0.5


def with_teacher(labelled: Tensor, outputs: Tensor, taught: Tensor) -> Tensor:
    """The loss of each image, half of it by the label, half by the teacher.

    Args:
        labelled: (count,), the cross-entropy with the labels.
        outputs: (count, 10), logits of the network that learns.
        taught: (count, 10), logits of the teacher.

    Returns:
        (count,)
    """
    own = functional.log_softmax(outputs / _TEMPERATURE, dim=1)
    right = functional.log_softmax(taught / _TEMPERATURE, dim=1)
    divergence = functional.kl_div(own, right, reduction="none", log_target=True).sum(dim=1)
    # the gradients of softened outputs are smaller by the square of the temperature
    return (1 - _TEACHERS_PART) * labelled + _TEACHERS_PART * _TEMPERATURE**2 * divergence
