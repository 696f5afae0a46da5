import torch

from mnist_train import printed


def test_each_digit_is_drawn_about_as_often() -> None:
    for pixels, labels in (printed.train_images(), printed.test_images()):
        assert (pixels.shape[1:], pixels.dtype, labels.dtype) == ((1, 28, 28), torch.uint8, torch.int64)
        assert len(pixels) == len(labels)
        shares = labels.bincount(minlength=10) / len(labels)
        assert shares.min() > 0.08
        assert shares.max() < 0.12


def test_the_same_images_are_drawn_each_time() -> None:
    first, again = printed.test_images(), printed.test_images()
    assert torch.equal(first[0], again[0])
    assert torch.equal(first[1], again[1])
    other, _ = printed.images(5, 100, ("DejaVuSans",))
    assert not torch.equal(other, first[0][:100])


def test_the_fonts_of_the_test_are_in_no_training_image() -> None:
    assert not set(printed._TRAIN_FONTS) & set(printed._TEST_FONTS)
    assert all((printed._fonts() / f"{font}.ttf").is_file() for font in printed._TRAIN_FONTS + printed._TEST_FONTS)


def test_a_digit_is_light_on_dark_and_in_the_middle() -> None:
    pixels, _ = printed.images(3, 200, ("DejaVuSans", "cmr10"))
    mean = pixels.float().mean(dim=0)[0]
    assert mean[10:18, 10:18].mean() > 4 * mean[:3].mean()
    assert pixels.amax(dim=(1, 2, 3)).min() > 200
