import os
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from mnist_train import handwriting
from mnist_train.data import load
from mnist_train.evaluation import logits
from mnist_train.handwriting import centred, read_digit
from mnist_train.trained import load_trained
from tests.conftest import REPOSITORY, needs_posix
from xlbackprop.errors import UnusableInput

Pixels = NDArray[np.uint8]
SHIPPED = REPOSITORY / "xlbackprop/cnn/shipped/nano"


def drawn(text: str = "5", size: int = 200, paper: object = 255, ink: object = 0, mode: str = "L") -> Image.Image:
    """A printed digit in the middle of a square."""
    picture = Image.new(mode, (size, size), paper)
    font = ImageFont.load_default(max(4, 0.7 * size))
    ImageDraw.Draw(picture).text((size / 2, size / 2), text, fill=ink, font=font, anchor="mm")
    return picture


def seen(picture: Image.Image, path: Path, **options: object) -> Pixels:
    """What a network is given of a picture."""
    picture.save(path, **options)
    return read_digit(path)[1]


def assert_as_in_mnist(digit: Pixels) -> None:
    assert (digit.shape, digit.dtype) == ((28, 28), np.uint8)
    rows, columns = digit.max(axis=1).nonzero()[0], digit.max(axis=0).nonzero()[0]
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
    assert digit.max() > 200
    # all of MNIST has its centre of mass within half a pixel of the middle of the pixel with the index 14
    for mass in (digit.sum(axis=1), digit.sum(axis=0)):
        assert abs(mass @ np.arange(28) / mass.sum() - 14) <= 0.501


def difference(digit: Pixels, other: Pixels) -> float:
    """Mean over the pixels of two digits, one of which may be moved by a pixel, since that hangs on a trifle."""
    moves = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)]
    return min(float(np.abs(np.roll(digit, move, (0, 1)).astype(int) - other).mean()) for move in moves)


def form(digit: Image.Image) -> Image.Image:
    """A light digit without what is around it."""
    return digit.crop(digit.getbbox()).resize((20, 20), Image.Resampling.BOX)


@pytest.fixture
def plain(tmp_path: Path) -> Pixels:
    """The printed 5, dark on light."""
    return seen(drawn(), tmp_path / "plain.png")


@pytest.mark.parametrize("text", "0123456789")
def test_a_printed_digit_comes_back_as_in_mnist(text: str, tmp_path: Path) -> None:
    digit = seen(drawn(text), tmp_path / "digit.png")
    assert_as_in_mnist(digit)
    # white on exactly black, and of the same form
    assert 0.5 < (digit == 0).mean() < 0.97
    expected = np.asarray(form(drawn(text, paper=0, ink=255)))
    assert np.corrcoef(np.asarray(form(Image.fromarray(digit))).flatten(), expected.flatten())[0, 1] > 0.9


def with_transparent_paper() -> Image.Image:
    return drawn(paper=(0, 0, 0, 0), ink=(0, 0, 0, 255), mode="RGBA")


def as_palette() -> Image.Image:
    return drawn(paper="khaki", ink="navy", mode="RGB").convert("P", palette=Image.Palette.ADAPTIVE)


def with_transparent_palette() -> Image.Image:
    # the colour of the ink is that of the paper, which is transparent
    picture = drawn(paper=0, ink=1, mode="P")
    picture.putpalette([0, 0, 0, 0, 0, 0])
    picture.info["transparency"] = 0
    return picture


def in_16_bits() -> Image.Image:
    return Image.fromarray(np.asarray(drawn()).astype(np.uint16) * 257)


def in_16_bits_with_little_contrast() -> Image.Image:
    return Image.fromarray(20_000 + np.asarray(drawn()).astype(np.uint16) * 100)


DRESSED: dict[str, Callable[[], Image.Image]] = {
    "light on dark": lambda: drawn(paper=0, ink=255),
    "grey on grey": lambda: drawn(paper=200, ink=80),
    "coloured ink on coloured paper": lambda: drawn(paper="khaki", ink="navy", mode="RGB"),
    "light colour on dark colour": lambda: drawn(paper="darkgreen", ink="yellow", mode="RGB"),
    "with an alpha channel": lambda: drawn(paper=(255, 255, 255, 255), ink=(200, 0, 0, 255), mode="RGBA"),
    "grey with an alpha channel": lambda: drawn().convert("LA"),
    "transparent paper": with_transparent_paper,
    "palette": as_palette,
    "palette with transparent paper": with_transparent_palette,
    "16 bits": in_16_bits,
    "16 bits of little contrast": in_16_bits_with_little_contrast,
    "1 bit": lambda: drawn().convert("1", dither=Image.Dither.NONE),
    "off-centre": lambda: Image.new("L", (700, 450), 255),
    "on a wide page": lambda: Image.new("L", (990, 210), 255),
}


@pytest.mark.parametrize("dress", DRESSED)
def test_the_same_digit_is_seen_in_every_dress(dress: str, plain: Pixels, tmp_path: Path) -> None:
    picture = DRESSED[dress]()
    if picture.width > 200:
        picture.paste(drawn(), (picture.width - 200, picture.height - 200))
    digit = seen(picture, tmp_path / "digit.png")
    assert_as_in_mnist(digit)
    assert difference(digit, plain) < 3


@pytest.mark.parametrize("ending", ["jpg", "webp", "gif", "tiff", "bmp"])
def test_other_formats_are_read(ending: str, plain: Pixels, tmp_path: Path) -> None:
    digit = seen(drawn(), tmp_path / f"digit.{ending}")
    assert_as_in_mnist(digit)
    assert difference(digit, plain) < 3


@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_a_photograph_is_turned_as_the_camera_was_held(ending: str, plain: Pixels, tmp_path: Path) -> None:
    orientation = Image.Exif()
    orientation[0x0112] = 6
    turned = drawn().rotate(90, expand=True)
    assert difference(seen(turned, tmp_path / "turned.png"), plain) > 20
    digit = seen(turned, tmp_path / f"digit.{ending}", exif=orientation)
    assert difference(digit, plain) < 3


@pytest.mark.parametrize("size", [8, 12, 28, 90, 999, 1001, 3000])
@pytest.mark.parametrize("text", ["1", "4"])
def test_the_size_of_a_picture_does_not_matter(size: int, text: str, tmp_path: Path) -> None:
    digit = seen(drawn(text, size), tmp_path / "digit.png")
    assert_as_in_mnist(digit)
    if size > 28:
        usual = seen(drawn(text), tmp_path / "digit.png")
        assert difference(digit, usual) < 8


@settings(max_examples=60)
@given(
    text=st.sampled_from("0123456789"),
    size=st.integers(8, 300),
    colours=st.tuples(st.integers(0, 255), st.integers(0, 255)).filter(lambda pair: abs(pair[0] - pair[1]) >= 64),
)
def test_an_inverted_picture_gives_the_same_digit(
    tmp_path_factory: pytest.TempPathFactory, text: str, size: int, colours: tuple[int, int]
) -> None:
    path = tmp_path_factory.getbasetemp() / "digit.png"
    picture = drawn(text, size, *colours)
    digit = seen(picture, path)
    assert_as_in_mnist(digit)
    assert (seen(picture.point(lambda grey: 255 - grey), path) == digit).all()


def test_the_grain_and_shadows_of_paper_are_background(plain: Pixels, tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    shadow = np.linspace(0, 40, 200)[:, None]
    page = np.asarray(drawn(paper=220, ink=20)).astype(float) - shadow + random.normal(0, 4, (200, 200))
    digit = seen(Image.fromarray(page.clip(0, 255).astype(np.uint8)), tmp_path / "digit.png")
    assert_as_in_mnist(digit)
    assert (digit[plain == 0] == 0).mean() > 0.9


def test_specks_beside_a_digit_do_not_move_or_shrink_it(plain: Pixels, tmp_path: Path) -> None:
    page = drawn()
    for left, top in ((0, 195), (190, 3), (3, 3)):
        ImageDraw.Draw(page).ellipse((left, top, left + 4, top + 4), fill=0)
    assert (seen(page, tmp_path / "digit.png") == plain).all()


def test_a_stroke_that_stands_by_itself_is_part_of_the_digit(tmp_path: Path) -> None:
    without_bar = Image.new("L", (100, 100), 255)
    ImageDraw.Draw(without_bar).line([(40, 25), (40, 50), (60, 60), (55, 80), (35, 80)], fill=0, width=5)
    with_bar = without_bar.copy()
    ImageDraw.Draw(with_bar).line([(46, 25), (66, 23)], fill=0, width=4)
    assert difference(seen(with_bar, tmp_path / "digit.png"), seen(without_bar, tmp_path / "digit.png")) > 5


def test_faint_strokes_stay_fainter_than_dark_ones(tmp_path: Path) -> None:
    picture = Image.new("L", (100, 100), 255)
    ImageDraw.Draw(picture).rectangle((20, 10, 39, 89), fill=0)
    ImageDraw.Draw(picture).rectangle((60, 10, 79, 89), fill=165)
    # what is not joined would be two digits
    ImageDraw.Draw(picture).rectangle((20, 80, 79, 89), fill=0)
    digit = seen(picture, tmp_path / "strokes.png")
    assert_as_in_mnist(digit)
    assert set(digit[14]) == {0, 90, 255}


def test_a_stroke_may_reach_the_border(tmp_path: Path) -> None:
    picture = Image.new("L", (100, 100), 255)
    ImageDraw.Draw(picture).rectangle((40, 0, 59, 80), fill=0)
    digit = seen(picture, tmp_path / "one.png")
    assert_as_in_mnist(digit)
    assert set(digit[14, 14:16]) == {255}
    assert digit[14, :10].max() == 0


def test_strokes_of_one_pixel_keep_their_proportions(tmp_path: Path) -> None:
    for box, shape in (((100, 10, 100, 190), (20, 1)), ((10, 100, 190, 100), (1, 20))):
        picture = Image.new("L", (200, 200), 255)
        ImageDraw.Draw(picture).line(box, fill=0)
        digit = seen(picture, tmp_path / "line.png")
        rows, columns = digit.nonzero()
        assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == shape


def test_centring_goes_by_mass_not_by_extent() -> None:
    # an L of 40x40, which is heavy on the left and at the bottom
    ink = np.zeros((40, 40))
    ink[:, :12] = ink[-12:] = 1
    digit = centred(ink)
    assert_as_in_mnist(digit)
    rows, columns = digit.nonzero()
    assert (rows.min(), columns.min()) == (2, 7)


def test_a_lopsided_digit_stays_inside() -> None:
    ink = np.zeros((40, 40))
    ink[:, :2] = ink[-2:] = 1
    for turns, corner in enumerate([(0, 8), (8, 8), (8, 0), (0, 0)]):
        rows, columns = centred(np.rot90(ink, -turns)).nonzero()
        assert (np.ptp(rows), np.ptp(columns)) == (19, 19)
        assert (rows.min(), columns.min()) == corner, turns


def test_the_picture_is_given_back_in_grey(tmp_path: Path) -> None:
    drawn("7", 120, "white", "black", "RGB").save(tmp_path / "digit.png")
    picture, _ = read_digit(tmp_path / "digit.png")
    assert (picture.shape, picture.dtype) == ((120, 120), np.uint8)
    assert (picture == np.asarray(drawn("7", 120))).all()
    drawn("7", 2000).save(tmp_path / "large.png")
    assert read_digit(tmp_path / "large.png")[0].shape == (1000, 1000)


def test_digits_of_mnist_come_back_when_enlarged_and_inverted(real_digits: Path, tmp_path: Path) -> None:
    differences = []
    for image in load("mnist", real_digits).test.pixels[:200, 0].numpy():
        picture = Image.fromarray(255 - image).resize((280, 280), Image.Resampling.BICUBIC)
        digit = seen(picture, tmp_path / "digit.png")
        assert_as_in_mnist(digit)
        differences.append(float(np.abs(digit.astype(int) - image).mean()))
    # of 255; a digit that is moved by one pixel differs by 16 on average
    assert np.mean(differences) < 8


def noise(middle: int, reach: int, kind: type[np.unsignedinteger]) -> Image.Image:
    random = np.random.default_rng(0)
    return Image.fromarray((middle + random.integers(0, reach, (100, 100))).astype(kind))


BLANK: dict[str, Callable[[], Image.Image]] = {
    "white": lambda: Image.new("L", (50, 50), 255),
    "black": lambda: Image.new("RGB", (50, 50)),
    "one pixel": lambda: Image.new("L", (1, 1), 7),
    "transparent": lambda: Image.new("RGBA", (50, 50)),
    "16 bits": lambda: Image.fromarray(np.full((50, 50), 30_000, np.uint16)),
    "grain": lambda: noise(200, 15, np.uint8),
    "grain in 16 bits": lambda: noise(50_000, 15, np.uint16),
}


def refusal(path: Path) -> str:
    """The sentence that refuses a picture."""
    with pytest.raises(UnusableInput) as caught:
        read_digit(path)
    sentence = str(caught.value)
    assert sentence.startswith(f"{path} ")
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence.removeprefix(f"{path} ")


@pytest.mark.parametrize("kind", BLANK)
def test_a_picture_with_nothing_on_it_is_refused(kind: str, tmp_path: Path) -> None:
    BLANK[kind]().save(tmp_path / "blank.png")
    assert refusal(tmp_path / "blank.png") == "holds no digit: nothing on it stands out from its paper."


def test_a_digit_just_above_the_noise_is_read(tmp_path: Path) -> None:
    assert_as_in_mnist(seen(drawn(paper=200, ink=180), tmp_path / "faint.png"))


def test_what_is_no_picture_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.png").write_text("5")
    (tmp_path / "empty.png").write_bytes(b"")
    for name in ("text.png", "empty.png"):
        assert refusal(tmp_path / name) == "is not a picture: give a PNG or JPEG."
    assert refusal(tmp_path / "nowhere.png") == "does not exist."
    assert refusal(tmp_path) == "cannot be read: is a directory."


@pytest.mark.parametrize("ending", ["png", "jpg", "gif", "bmp"])
def test_a_truncated_picture_is_refused_wherever_it_ends(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"digit.{ending}"
    drawn(size=60).save(path)
    whole = path.read_bytes()
    for end in range(0, len(whole) * 2 // 3, 23):
        path.write_bytes(whole[:end])
        assert refusal(path) in ("cannot be read: it is damaged.", "is not a picture: give a PNG or JPEG.")


def test_a_damaged_header_is_refused(tmp_path: Path) -> None:
    # a DDS file of an unknown kind, for which Pillow has an exception of its own
    path = tmp_path / "digit.dds"
    drawn(size=8).save(path)
    content = bytearray(path.read_bytes())
    content[80:84] = struct.pack("<I", 0x000D0000)
    path.write_bytes(content)
    assert refusal(path)


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    header = struct.pack(">IIBBBBB", 100_000, 100_000, 8, 0, 0, 0, 0)
    content = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    (tmp_path / "bomb.png").write_bytes(content)
    assert refusal(tmp_path / "bomb.png") == "is far too large for the picture of a digit."


def test_light_ink_on_transparent_paper_is_seen(tmp_path: Path) -> None:
    for ink in ("white", "black"):
        picture = Image.new("RGBA", (100, 100))
        ImageDraw.Draw(picture).rectangle((45, 20, 55, 80), fill=ink)
        picture.save(tmp_path / f"{ink}.png")
    white, black = (read_digit(tmp_path / f"{ink}.png")[1] for ink in ("white", "black"))
    assert np.array_equal(white, black)
    assert white[:, 14].any()


@needs_posix
def test_a_pipe_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert refusal(tmp_path / "pipe") == "is not a file: give a PNG or JPEG."


def lit(light: str, page: Pixels, *, grain: float = 3.0, seed: int = 1) -> Image.Image:
    """A page, white with black, as a photograph under uneven light."""
    height, width = page.shape
    y, x = np.mgrid[0:height, 0:width] / np.array([height, width])[:, None, None] - 0.5
    brightness = {
        "from a side": 150 + 160 * (0.8 * x + 0.6 * y),
        "dark corners": 230 - 240 * (x * x + y * y),
        "a shadow": 215 - 95 / (1 + np.exp(-25 * (0.9 * x - 0.4 * y))),
        "a lamp": 90 + 150 * np.exp(-4 * ((x - 0.2) ** 2 + (y + 0.1) ** 2)),
    }[light]
    # ink swallows a part of the light
    seen = brightness * (0.3 + 0.7 * page / 255) + np.random.default_rng(seed).normal(0, grain, page.shape)
    return Image.fromarray(seen.clip(0, 255).astype(np.uint8))


LIGHTS = ("from a side", "dark corners", "a shadow", "a lamp")


def on_a_page(text: str) -> Pixels:
    page = Image.new("L", (400, 300), 255)
    page.paste(drawn(text, 150), (140, 80))
    return np.asarray(page)


@pytest.mark.parametrize("light", LIGHTS)
@pytest.mark.parametrize("text", ["1", "4", "8"])
def test_uneven_light_does_not_matter(light: str, text: str, tmp_path: Path) -> None:
    even = seen(Image.fromarray(on_a_page(text)), tmp_path / "even.png")
    digit = seen(lit(light, on_a_page(text)), tmp_path / "uneven.png")
    assert_as_in_mnist(digit)
    assert difference(digit, even) < 14
    board = Image.fromarray(255 - np.asarray(lit(light, on_a_page(text))))
    assert difference(seen(board, tmp_path / "board.png"), even) < 14


@pytest.mark.parametrize("light", LIGHTS)
@pytest.mark.parametrize("size", [(300, 400), (200, 200)])
@pytest.mark.parametrize("grain", [0.0, 2.0, 5.0])
def test_a_blank_page_is_no_digit_under_any_light(
    light: str, size: tuple[int, int], grain: float, tmp_path: Path
) -> None:
    lit(light, np.full(size, 255, np.uint8), grain=grain).save(tmp_path / "blank.png")
    assert refusal(tmp_path / "blank.png") == "holds no digit: nothing on it stands out from its paper."


def test_photographs_under_uneven_light_are_told_by_a_trained_network(real_digits: Path, tmp_path: Path) -> None:
    network = load_trained(SHIPPED, torch.device("cpu"))
    test = load("mnist", real_digits).test
    right = total = 0
    for number in range(10):
        page = np.full((300, 400), 255, np.uint8)
        digit = Image.fromarray(255 - test.pixels[number, 0].numpy()).resize((160, 160), Image.Resampling.BICUBIC)
        page[70:230, 120:280] = np.asarray(digit)
        for light in LIGHTS:
            given = torch.from_numpy(seen(lit(light, page), tmp_path / "photo.png"))[None, None]
            right += int(logits(network.model, given, network.normalisation).argmax()) == int(test.labels[number])
            total += 1
    assert right >= total - 1


@pytest.mark.parametrize(("ink", "paper"), [((200, 0, 0), (0, 102, 0)), ((0, 0, 255), (97, 0, 0))])
def test_strokes_as_bright_as_their_paper_are_seen_by_their_colour(
    ink: tuple[int, int, int], paper: tuple[int, int, int], plain: Pixels, tmp_path: Path
) -> None:
    picture = drawn(paper=paper, ink=ink, mode="RGB")
    assert abs(int(np.ptp(np.asarray(picture.convert("L"))))) < 40
    digit = seen(picture, tmp_path / "digit.png")
    assert_as_in_mnist(digit)
    assert difference(digit, plain) < 3


@pytest.mark.parametrize("text", ["42", "11", "007"])
def test_more_than_one_digit_is_refused(text: str, tmp_path: Path) -> None:
    page = Image.new("L", (400, 200), 255)
    font = ImageFont.load_default(120)
    ImageDraw.Draw(page).text((200, 100), text, fill=0, font=font, anchor="mm")
    page.save(tmp_path / "digits.png")
    assert refusal(tmp_path / "digits.png") == "holds more than one digit: cut it into pictures of one digit each."


def test_two_lines_of_digits_are_more_than_one(tmp_path: Path) -> None:
    page = Image.new("L", (200, 400), 255)
    for top in (0, 200):
        page.paste(drawn("3"), (0, top))
    page.save(tmp_path / "digits.png")
    assert refusal(tmp_path / "digits.png").startswith("holds more than one digit")


def test_two_digits_need_no_more_room_between_them_than_lines_of_writing(tmp_path: Path) -> None:
    page = Image.new("L", (100, 130), 255)
    for top in (20, 70):
        ImageDraw.Draw(page).ellipse((30, top, 70, top + 40), outline=0, width=6)
    page.save(tmp_path / "zeros.png")
    assert refusal(tmp_path / "zeros.png").startswith("holds more than one digit")


def test_a_digit_in_two_pieces_is_one(tmp_path: Path) -> None:
    eight = Image.new("L", (100, 100), 255)
    for top in (8, 51):
        ImageDraw.Draw(eight).ellipse((30, top, 70, top + 40), outline=0, width=6)
    assert_as_in_mnist(seen(eight, tmp_path / "eight.png"))
    four = Image.new("L", (100, 100), 255)
    ImageDraw.Draw(four).line([(35, 15), (30, 50), (58, 52)], fill=0, width=6)
    ImageDraw.Draw(four).line([(64, 15), (62, 90)], fill=0, width=6)
    assert_as_in_mnist(seen(four, tmp_path / "four.png"))


def test_thin_strokes_are_as_white_as_those_of_mnist(tmp_path: Path) -> None:
    picture = Image.new("L", (400, 400), 255)
    ImageDraw.Draw(picture).ellipse((100, 50, 300, 350), outline=0, width=3)
    assert seen(picture, tmp_path / "zero.png").max() == 255


@pytest.mark.parametrize("inverted", [False, True])
def test_pictures_of_mnist_pass_as_they_are(inverted: bool, real_digits: Path, tmp_path: Path) -> None:
    kept = 0
    for image in load("mnist", real_digits).test.pixels[:300, 0].numpy():
        picture = Image.fromarray(255 - image if inverted else image)
        kept += np.array_equal(seen(picture, tmp_path / "digit.png"), image)
    assert kept >= 295


def test_a_small_picture_that_is_not_as_in_mnist_is_made_so(tmp_path: Path) -> None:
    corner = Image.new("L", (28, 28))
    ImageDraw.Draw(corner).line([(2, 2), (2, 12)], fill=255, width=2)
    assert_as_in_mnist(seen(corner, tmp_path / "corner.png"))


def least_variance(values: NDArray[np.float64]) -> list[int]:
    """The bins, of 256, after which a cut leaves the least variance on its two sides, as Otsu defines it."""
    levels = (np.floor(values.clip(max=0.9999) * 256) + 0.5) / 256
    spread = {}
    for last in range(256):
        sides = levels[levels < (last + 1) / 256], levels[levels >= (last + 1) / 256]
        if all(side.size for side in sides):
            spread[last] = sum(side.size * side.var() for side in sides)
    return [last for last, found in spread.items() if found <= min(spread.values()) + 1e-9]


@pytest.mark.parametrize(
    ("histogram", "last"),
    [
        # of two groups that lie apart, the sizes do not matter
        ({0.0: 99, 1.0: 1}, 0),
        ({0.1: 10, 0.2: 10, 0.8: 10, 0.9: 10}, 51),
        ({0.1: 10, 0.2: 1, 0.8: 40, 0.9: 10}, 51),
        # 0.6 × 0.4 × 0.65² = 0.101 below 0.3, and 0.8 × 0.2 × 0.925² = 0.137 above
        ({0.0: 60, 0.3: 20, 1.0: 20}, 76),
        # 0.5 × 0.5 × 0.85² = 0.181 below 0.7, and 0.75 × 0.25 × 0.767² = 0.110 above
        ({0.0: 50, 0.7: 25, 1.0: 25}, 0),
    ],
)
def test_the_threshold_of_a_known_histogram_is_that_of_otsu(histogram: dict[float, int], last: int) -> None:
    values = np.repeat(list(histogram), list(histogram.values()))
    assert least_variance(values)[0] == last
    assert handwriting._otsu(values) == (last + 0.5) / 256


@settings(max_examples=50)
@given(st.lists(st.integers(0, 255), min_size=2, max_size=40).filter(lambda greys: len(set(greys)) > 1))
def test_the_threshold_leaves_the_least_variance_on_its_two_sides(greys: list[int]) -> None:
    values = (np.array(greys) + 0.5) / 256
    assert round(handwriting._otsu(values) * 256 - 0.5) in least_variance(values)


@pytest.mark.parametrize(
    ("shade", "stays"),
    # with a wide stroke of 0.45 the threshold lies there, and what is lighter than half of it is background
    [(0.2, False), (0.22, False), (0.23, True), (0.3, True)],
)
def test_what_is_lighter_than_half_of_the_threshold_is_background(tmp_path: Path, shade: float, stays: bool) -> None:
    picture = Image.new("L", (100, 100), 255)
    for left, width, ink in ((8, 32, 1.0), (40, 32, 0.45), (72, 12, shade)):
        ImageDraw.Draw(picture).rectangle((left, 10, left + width - 1, 89), fill=round(255 * (1 - ink)))
    digit = seen(picture, tmp_path / "strokes.png")
    assert len(set(digit[14])) == 3 + stays
