import torch

from mnist_train.tables import Tables

CPU = torch.device("cpu")


def filled(steps: int, *, rows: int = 5) -> Tables:
    tables = Tables(rows, 2, 10, CPU)
    order = torch.arange(2 * steps).view(steps, 2)
    amounts = torch.arange(8.0 * steps).view(steps, 4, 2)
    tables.fill(order, amounts, [0.1 * step for step in range(steps)], [0.5**step for step in range(steps)])
    return tables


def test_each_step_has_the_next_row() -> None:
    tables = filled(3)
    for step in range(3):
        assert tables.of_this_step(tables.order).tolist() == [2 * step, 2 * step + 1]
        assert tables.of_this_step(tables.amounts).flatten().tolist() == list(range(8 * step, 8 * step + 8))
        # as exact as a number of Python
        assert tables.of_this_step(tables.rate_factors).item() == 0.1 * step
        assert tables.of_this_step(tables.average_parts).item() == 0.5**step
        tables.end_step(torch.tensor(1.0 + step), torch.tensor(step), torch.zeros(2))
    assert tables.losses.tolist() == [1, 2, 3, 0, 0]
    assert tables.correct.item() == 3


def test_a_new_epoch_begins_with_the_first_row_in_the_same_memory() -> None:
    tables = filled(3)
    kept = (tables.order, tables.amounts, tables.rate_factors, tables.average_parts, tables.losses, tables.row)
    places = [tensor.data_ptr() for tensor in kept]
    tables.end_step(torch.tensor(7.0), torch.tensor(1), torch.zeros(2))
    tables.fill(torch.full((2, 2), 9), torch.zeros(2, 4, 2), [1.0, 1.0], [0.0, 0.0])
    assert tables.of_this_step(tables.order).tolist() == [9, 9]
    assert (tables.losses.any().item(), tables.correct.item()) == (False, 0)
    assert [tensor.data_ptr() for tensor in kept] == places


def test_a_step_may_be_tried_before_there_is_an_epoch() -> None:
    tables = Tables(3, 4, 10, CPU)
    assert tables.of_this_step(tables.order).tolist() == [0, 1, 2, 3]
    assert not tables.amounts.any()


def test_after_the_last_row_comes_the_first_so_that_any_number_of_steps_may_be_tried() -> None:
    tables = Tables(1, 2, 10, CPU)
    for _ in range(3):
        assert tables.of_this_step(tables.order).tolist() == [0, 1]
        tables.end_step(torch.tensor(0.0), torch.tensor(0), torch.zeros(2))


def test_the_loss_of_each_image_is_noted_and_forgotten_with_the_epoch() -> None:
    tables = Tables(2, 4, 10, CPU)
    order = torch.tensor([[3, 1, 0, 2], [9, 8, 7, 6]])
    tables.fill(order, torch.zeros(2, 4, 4), [1.0, 1.0], [0.0, 0.0])
    tables.end_step(torch.tensor(0.0), torch.tensor(0), torch.tensor([0.5, 0.125, 2.0, 0.25]))
    assert tables.image_losses.tolist() == [2, 0.125, 0.25, 0.5, 0, 0, 0, 0, 0, 0]
    tables.end_step(torch.tensor(0.0), torch.tensor(0), torch.tensor([5.0, 6.0, 7.0, 8.0]))
    assert tables.image_losses.tolist() == [2, 0.125, 0.25, 0.5, 0, 0, 8, 7, 6, 5]
    tables.fill(order, torch.zeros(2, 4, 4), [1.0, 1.0], [0.0, 0.0])
    assert not tables.image_losses.any()
