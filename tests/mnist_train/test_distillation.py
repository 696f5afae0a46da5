import numpy as np
import torch
from torch.nn import functional

from mnist_train.distillation import with_teacher


def logits(seed: int) -> torch.Tensor:
    return 3 * torch.randn(6, 10, generator=torch.Generator().manual_seed(seed))


def softmax(values: np.ndarray) -> np.ndarray:
    powers = np.exp(values - values.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def test_half_of_the_loss_is_the_divergence_from_the_teachers_softened_outputs() -> None:
    outputs, taught, labelled = logits(1), logits(2), torch.rand(6)
    own, right = softmax(outputs.double().numpy() / 2), softmax(taught.double().numpy() / 2)
    divergence = (right * (np.log(right) - np.log(own))).sum(axis=1)
    expected = 0.5 * labelled.numpy() + 0.5 * 4 * divergence
    np.testing.assert_allclose(with_teacher(labelled, outputs, taught).numpy(), expected, rtol=1e-5)


def test_who_agrees_with_the_teacher_has_half_of_the_loss_by_the_label() -> None:
    labelled = torch.rand(6)
    torch.testing.assert_close(with_teacher(labelled, logits(1), logits(1)), labelled / 2)


def test_the_gradient_pulls_towards_the_teacher() -> None:
    outputs, taught = logits(1).requires_grad_(), logits(2)
    with_teacher(torch.zeros(6), outputs, taught).sum().backward()
    own, right = (functional.softmax(each / 2, dim=1) for each in (outputs, taught))
    # half of T^2/T of what the softened outputs differ by
    torch.testing.assert_close(outputs.grad, (own - right).detach(), atol=1e-6, rtol=1e-5)
