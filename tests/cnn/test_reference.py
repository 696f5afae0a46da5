"""NumPy's layers against torch's, forward and backward."""

import numpy as np
import pytest

from tests.cnn.drawn import drawn_tensors
from tests.conftest import needs_trainer
from xlbackprop.cnn import reference
from xlbackprop.cnn.networks import IMAGE, NETWORKS

pytestmark = needs_trainer


@pytest.mark.parametrize("name", NETWORKS)
def test_every_network_computes_and_learns_as_in_torch(name: str) -> None:
    import torch

    from mnist_train.models import modules

    layers = NETWORKS[name]
    tensors = drawn_tensors(layers)
    image = np.random.default_rng(1).normal(size=IMAGE)
    model = modules(layers).double().eval()
    state = {f"{n}.{key}": torch.from_numpy(t) for n, own in enumerate(tensors) for key, t in own.items()}
    model.load_state_dict(state, strict=False)
    given = torch.from_numpy(image)[None].requires_grad_()
    logits = model(given)[0]
    outputs = reference.forward(layers, tensors, image)
    np.testing.assert_allclose(outputs[-1], logits.detach().numpy(), rtol=1e-11, atol=1e-11)

    seed = np.arange(10) - 4.5
    logits.backward(torch.from_numpy(seed))
    of_inputs, of_tensors = reference.backward(layers, tensors, image, seed)
    np.testing.assert_allclose(of_inputs[0], given.grad[0].numpy(), rtol=1e-10, atol=1e-12)
    trained = dict(model.named_parameters())
    assert {f"{n}.{key}" for n, own in enumerate(of_tensors) for key in own} == trained.keys()
    for n, own in enumerate(of_tensors):
        for key, gradient in own.items():
            expected = trained[f"{n}.{key}"].grad.numpy()
            np.testing.assert_allclose(gradient, expected, rtol=1e-9, atol=1e-11, err_msg=f"{n}.{key}")


def test_of_equal_cells_the_first_gets_the_gradient_of_their_maximum() -> None:
    from xlbackprop.cnn.layers import MaxPool

    of_input, _ = reference.KINDS[MaxPool].backward(
        MaxPool(2), np.zeros((1, 5, 4)), {}, np.array([[[1.0, 2.0], [3, 4]]])
    )
    assert of_input[0].tolist() == [[1, 0, 2, 0], [0] * 4, [3, 0, 4, 0], [0] * 4, [0] * 4]
