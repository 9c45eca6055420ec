"""Reads the text of a QR code in a picture that came from a screen: upright and undistorted.

No error correction: a screen shows every module right. Cameras are not catered for.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
import itertools
import re

from PIL import Image, UnidentifiedImageError
from qrcode import base, constants, util

MAX_PIXELS = 40_000_000
LEVELS = {
    0b01: constants.ERROR_CORRECT_L,
    0b00: constants.ERROR_CORRECT_M,
    0b11: constants.ERROR_CORRECT_Q,
    0b10: constants.ERROR_CORRECT_H,
}
ALPHANUMERIC = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
_RUNS = re.compile(rb"\x00+|\xff+")


class NoCode(Exception):
    """There is no readable QR code in the picture."""


@dataclass
class _Finder:
    """The centre of one of the three corner squares, and how wide a module is there."""

    x: float
    y: float
    unit: float
    seen: int = 1


def read_qr(data: bytes) -> str:
    """Return the text of the code in a PNG, JPEG or the like; raises `NoCode`."""
    return _decode(_sample(_load(data)))


def _load(data: bytes) -> Image.Image:
    try:
        picture: Image.Image = Image.open(BytesIO(data))
        if picture.width * picture.height > MAX_PIXELS:
            raise NoCode("the picture is too large")
        picture = picture.convert("RGBA")
    except (UnidentifiedImageError, OSError) as err:
        raise NoCode("not a picture") from err
    white = Image.new("RGBA", picture.size, "white")
    grey = Image.alpha_composite(white, picture).convert("L")
    return grey.point(lambda value: 255 if value > 127 else 0)


# --- finding the code


def _runs(line: bytes) -> list[tuple[int, int, int]]:
    return [(m.start(), m.end() - m.start(), line[m.start()]) for m in _RUNS.finditer(line)]


def _probe(line: bytes) -> Iterator[tuple[float, float]]:
    """Yield centre and module width of every dark-light-dark run of 1:1:3:1:1."""
    runs = _runs(line)
    for five in zip(runs, runs[1:], runs[2:], runs[3:], runs[4:], strict=False):
        if five[0][2]:
            continue
        lengths = [length for _, length, _ in five]
        unit = sum(lengths) / 7
        expected = (1, 1, 3, 1, 1)
        if unit >= 1 and all(
            abs(length - unit * parts) <= unit * 0.6
            for length, parts in zip(lengths, expected, strict=True)
        ):
            yield five[2][0] + lengths[2] / 2, unit


def _finders(picture: Image.Image) -> list[_Finder]:
    pixels = picture.tobytes()
    turned = picture.transpose(Image.Transpose.TRANSPOSE).tobytes()
    found: list[_Finder] = []
    for y in range(picture.height):
        line = pixels[y * picture.width : (y + 1) * picture.width]
        for x, unit in _probe(line):
            known = next(
                (f for f in found if abs(f.x - x) < unit * 2 and abs(f.y - y) < unit * 3), None
            )
            if known is not None:
                known.seen += 1
                continue
            start = int(x) * picture.height
            column = turned[start : start + picture.height]
            centre = next(
                (cy for cy, cu in _probe(column) if abs(cy - y) < unit * 2 and cu < unit * 2),
                None,
            )
            if centre is not None:
                found.append(_Finder(x, centre, unit))
    return [finder for finder in found if finder.seen >= finder.unit]


def _corners(picture: Image.Image) -> tuple[_Finder, _Finder, _Finder]:
    for trio in itertools.permutations(_finders(picture), 3):
        corner, right, below = trio
        unit = corner.unit
        across, down = right.x - corner.x, below.y - corner.y
        level = abs(right.y - corner.y) < unit * 2 and abs(below.x - corner.x) < unit * 2
        if level and across > unit * 10 and abs(across - down) < unit * 2:
            return trio
    raise NoCode("no code found")


def _sample(picture: Image.Image) -> list[list[bool]]:
    corner, right, below = _corners(picture)
    distance = (right.x - corner.x) / corner.unit
    version = max(1, round((distance + 7 - 17) / 4))
    size = version * 4 + 17
    step_x = (right.x - corner.x) / (size - 7)
    step_y = (below.y - corner.y) / (size - 7)
    pixels = picture.load()
    if pixels is None:
        raise NoCode("no code found")
    return [
        [
            pixels[
                min(int(corner.x + (column - 3) * step_x), picture.width - 1),
                min(int(corner.y + (row - 3) * step_y), picture.height - 1),
            ]
            == 0
            for column in range(size)
        ]
        for row in range(size)
    ]


# --- reading the modules


def _format(modules: list[list[bool]]) -> tuple[int, int]:
    """Return error correction level and mask."""
    places = [(8, c) for c in (0, 1, 2, 3, 4, 5, 7, 8)] + [(r, 8) for r in (7, 5, 4, 3, 2, 1, 0)]
    bits = 0
    for row, column in places:
        bits = bits << 1 | modules[row][column]
    best = min(range(32), key=lambda data: (util.BCH_type_info(data) ^ bits).bit_count())
    if (util.BCH_type_info(best) ^ bits).bit_count() > 3:
        raise NoCode("the code's format is unreadable")
    return LEVELS[best >> 3], best & 7


def _reserved(version: int) -> list[list[bool]]:
    size = version * 4 + 17
    taken = [[False] * size for _ in range(size)]

    def fill(rows: range, columns: range) -> None:
        for row in rows:
            for column in columns:
                taken[row][column] = True

    fill(range(9), range(9))
    fill(range(9), range(size - 8, size))
    fill(range(size - 8, size), range(9))
    fill(range(6, 7), range(size))
    fill(range(size), range(6, 7))
    centres = util.pattern_position(version)
    last = len(centres) - 1
    for (i, row), (j, column) in itertools.product(enumerate(centres), repeat=2):
        if (i, j) not in ((0, 0), (0, last), (last, 0)):
            fill(range(row - 2, row + 3), range(column - 2, column + 3))
    if version >= 7:
        fill(range(6), range(size - 11, size - 8))
        fill(range(size - 11, size - 8), range(6))
    return taken


def _bits(modules: list[list[bool]], mask: int) -> Iterator[bool]:
    size = len(modules)
    taken = _reserved((size - 17) // 4)
    flips = util.mask_func(mask)
    upwards = True
    for right in range(size - 1, 0, -2):
        # The column of the timing pattern is left out as a whole.
        column = right - 1 if right <= 6 else right
        for row in range(size - 1, -1, -1) if upwards else range(size):
            for each in (column, column - 1):
                if not taken[row][each]:
                    yield modules[row][each] ^ bool(flips(row, each))
        upwards = not upwards


def _codewords(modules: list[list[bool]], level: int, mask: int) -> bytes:
    """Return the data codewords in order, the interleaving undone."""
    bits = list(_bits(modules, mask))
    stream = [
        sum(bit << (7 - place) for place, bit in enumerate(bits[start : start + 8]))
        for start in range(0, len(bits) - 7, 8)
    ]
    counts = [block.data_count for block in base.rs_blocks((len(modules) - 17) // 4, level)]
    blocks: list[list[int]] = [[] for _ in counts]
    words = iter(stream)
    for place in range(max(counts)):
        for block, count in zip(blocks, counts, strict=True):
            if place < count:
                block.append(next(words))
    return bytes(itertools.chain.from_iterable(blocks))


class _BitReader:
    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data, "big")
        self._left = len(data) * 8

    def take(self, count: int) -> int:
        if count > self._left:
            raise NoCode("the code's content is cut off")
        self._left -= count
        return self._value >> self._left & ((1 << count) - 1)

    @property
    def left(self) -> int:
        return self._left


def _decode(modules: list[list[bool]]) -> str:
    version = (len(modules) - 17) // 4
    level, mask = _format(modules)
    reader = _BitReader(_codewords(modules, level, mask))
    text = b""
    while reader.left >= 4 and (mode := reader.take(4)):
        if mode not in (util.MODE_NUMBER, util.MODE_ALPHA_NUM, util.MODE_8BIT_BYTE):
            raise NoCode("the code's content is of an unknown kind")
        text += _segment(reader, mode, reader.take(util.length_in_bits(mode, version)))
    return text.decode(errors="replace")


def _segment(reader: _BitReader, mode: int, length: int) -> bytes:
    if mode == util.MODE_8BIT_BYTE:
        return bytes(reader.take(8) for _ in range(length))
    if mode == util.MODE_NUMBER:
        digits = ""
        while length:
            count = min(3, length)
            digits += f"{reader.take((0, 4, 7, 10)[count]):0{count}d}"
            length -= count
        return digits.encode()
    letters = ""
    for _ in range(length // 2):
        first, second = divmod(reader.take(11), 45)
        letters += ALPHANUMERIC[first] + ALPHANUMERIC[second]
    if length % 2:
        letters += ALPHANUMERIC[reader.take(6)]
    return letters.encode()
