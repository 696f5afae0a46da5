import pytest
from hypothesis import given
from hypothesis import strategies as st

from mnist_train.averaging import part_of_step
from mnist_train.course import Course, rate_factor
from mnist_train.settings import SCHEDULES, Recipe


def recipe(**values) -> Recipe:
    return Recipe(**{"epochs": 1, "lr": 0.02, **values})


@pytest.mark.parametrize(("schedule", "middle", "end"), [("constant", 1, 1), ("linear", 0.5, 0), ("cosine", 0.5, 0)])
def test_the_rate_begins_at_its_highest_without_a_warm_up(schedule: str, middle: float, end: float) -> None:
    plain = recipe(schedule=schedule)
    assert [rate_factor(plain, done) for done in (0, 0.5, 1)] == pytest.approx([1, middle, end])


def test_cosine_falls_late_and_linear_evenly() -> None:
    linear, cosine = recipe(schedule="linear"), recipe(schedule="cosine")
    assert [rate_factor(linear, done) for done in (0.25, 0.75)] == pytest.approx([0.75, 0.25])
    assert [rate_factor(cosine, done) for done in (0.25, 0.75)] == pytest.approx([0.853553, 0.146447], abs=1e-6)


@pytest.mark.parametrize("schedule", SCHEDULES)
@given(warmup=st.floats(0.001, 0.99), done=st.floats(0, 1), later=st.floats(0, 1))
def test_the_rate_rises_evenly_in_the_warm_up_and_never_afterwards(
    schedule: str, warmup: float, done: float, later: float
) -> None:
    warm = recipe(schedule=schedule, warmup=warmup)
    assert rate_factor(warm, 0) == 0
    assert rate_factor(warm, warmup) == pytest.approx(1)
    assert rate_factor(warm, 1) == pytest.approx(1 if schedule == "constant" else 0)
    assert rate_factor(warm, done * warmup) == pytest.approx(done)
    first, second = sorted(warmup + (1 - warmup) * part for part in (done, later))
    assert 1 + 1e-9 >= rate_factor(warm, first) >= rate_factor(warm, second) - 1e-12 >= -1e-9


@given(warmup=st.floats(0, 0.99), part=st.floats(0, 1))
def test_after_the_warm_up_a_schedule_takes_its_whole_course(warmup: float, part: float) -> None:
    for schedule in SCHEDULES:
        plain, warm = recipe(schedule=schedule), recipe(schedule=schedule, warmup=warmup)
        done = max(warmup, warmup + (1 - warmup) * part)
        assert rate_factor(warm, done) == pytest.approx(rate_factor(plain, part), abs=1e-9)


def test_what_does_not_fill_a_batch_is_left_out_and_few_images_are_one_batch() -> None:
    course = Course(recipe(batch_size=120, epochs=3), 500)
    assert [course.steps_of(epoch) for epoch in range(3)] == [4, 4, 4]
    few = Course(recipe(batch_size=512), 500)
    assert (few.steps_of(0), few.batch_size) == (1, 500)


def test_each_epoch_but_the_first_has_fewer_steps_where_easy_images_are_left_out() -> None:
    course = Course(recipe(batch_size=10, epochs=4, leave_out=0.4), 105)
    assert [course.images_of(epoch) for epoch in range(4)] == [105, 63, 63, 63]
    assert [course.steps_of(epoch) for epoch in range(4)] == [10, 6, 6, 6]
    assert [course.numbers(epoch) for epoch in range(4)] == [range(10), range(10, 16), range(16, 22), range(22, 28)]
    assert course.steps == 28


def test_parts_of_images_and_of_steps_are_rounded_to_the_nearest() -> None:
    course = Course(recipe(batch_size=10, epochs=2, leave_out=0.4, small_steps=0.3), 107)
    assert course.images_of(1) == 107 - 43
    assert (course.steps, course.small_steps) == (16, 5)


def test_the_average_counts_its_steps_through_all_epochs() -> None:
    course = Course(recipe(batch_size=10, epochs=3, ema=0.9), 40)
    parts = [part for epoch in range(3) for part in course.average_parts(epoch)]
    assert parts == [part_of_step(0.9, step) for step in range(12)]
    assert len(set(parts)) == 12


def test_a_batch_is_filled_whatever_is_left_out() -> None:
    course = Course(recipe(batch_size=100, epochs=2, leave_out=0.99), 105)
    assert (course.images_of(1), course.steps_of(1)) == (100, 1)


@given(
    epochs=st.integers(1, 9),
    images=st.integers(2, 500),
    batch=st.integers(2, 60),
    part=st.floats(0, 0.99),
    small=st.floats(0, 1),
)
def test_the_epochs_make_up_the_training(epochs: int, images: int, batch: int, part: float, small: float) -> None:
    course = Course(recipe(epochs=epochs, batch_size=batch, leave_out=part, small_steps=small, ema=0.9), images)
    numbers = [number for epoch in range(epochs) for number in course.numbers(epoch)]
    assert numbers == list(range(course.steps))
    for epoch in range(epochs):
        steps = course.steps_of(epoch)
        assert 1 <= steps <= course.steps_of(0)
        assert steps * course.batch_size <= course.images_of(epoch) <= images
        assert len(course.rate_factors(epoch)) == len(course.average_parts(epoch)) == steps
    assert 0 <= course.small_steps <= course.steps


def test_the_rate_of_a_step_is_the_highest_times_its_factor() -> None:
    course = Course(recipe(batch_size=10, epochs=3, leave_out=0.5, schedule="linear", warmup=0.2, lr=0.5), 100)
    factors = [factor for epoch in range(3) for factor in course.rate_factors(epoch)]
    assert [course.rate(number) for number in range(20)] == pytest.approx([0.5 * factor for factor in factors])
    assert min(factors) > 0
    assert factors[:4] == sorted(factors[:4])
    assert factors[4:] == sorted(factors[4:], reverse=True)


def test_no_step_is_small_unless_told_and_half_of_them_are_the_first_half() -> None:
    assert Course(recipe(batch_size=10), 105).small_steps == 0
    assert Course(recipe(batch_size=10, small_steps=0.5), 105).small_steps == 5
    assert Course(recipe(batch_size=10, small_steps=1.0), 105).small_steps == 10
