"""A reader of QR codes (ISO/IEC 18004) as they are drawn on a page: versions 1 to 13, level M, bytes, undamaged."""

import re
from collections.abc import Callable, Iterator

# By version: where alignment patterns are centred, and the data codewords of each block at level M.
_ALIGNED: dict[int, tuple[int, ...]] = {
    1: (), 2: (6, 18), 3: (6, 22), 4: (6, 26), 5: (6, 30), 6: (6, 34), 7: (6, 22, 38), 8: (6, 24, 42), 9: (6, 26, 46),
    10: (6, 28, 50), 11: (6, 30, 54), 12: (6, 32, 58), 13: (6, 34, 62),
}  # fmt: skip
_BLOCKS = {
    1: [16], 2: [28], 3: [44], 4: [32] * 2, 5: [43] * 2, 6: [27] * 4, 7: [31] * 4, 8: [38] * 2 + [39] * 2,
    9: [36] * 3 + [37] * 2, 10: [43] * 4 + [44], 11: [50] + [51] * 4, 12: [36] * 6 + [37] * 2, 13: [37] * 8 + [38],
}  # fmt: skip
_MASKS: tuple[Callable[[int, int], bool], ...] = (
    lambda row, column: (row + column) % 2 == 0,
    lambda row, _: row % 2 == 0,
    lambda _, column: column % 3 == 0,
    lambda row, column: (row + column) % 3 == 0,
    lambda row, column: (row // 2 + column // 3) % 2 == 0,
    lambda row, column: row * column % 2 + row * column % 3 == 0,
    lambda row, column: (row * column % 2 + row * column % 3) % 2 == 0,
    lambda row, column: ((row + column) % 2 + row * column % 3) % 2 == 0,
)
_FORMAT_MASK, _LEVEL_M = 0b101010000010010, 0b00
_BYTES = 0b0100
Modules = list[list[bool]]


def read(path: str, size: int, border: int = 4) -> bytes:
    """The bytes of the code that a path of an SVG draws, in rows of horizontal strokes."""
    modules = _modules(path, size - 2 * border, border)
    version = (len(modules) - 17) // 4
    bits = "".join("1" if bit else "0" for bit in _data_bits(modules, version))
    words = _in_order([int(bits[at : at + 8], 2) for at in range(0, len(bits) - 7, 8)], _BLOCKS[version])
    stream = "".join(f"{word:08b}" for word in words)
    assert int(stream[:4], 2) == _BYTES
    width = 8 if version < 10 else 16
    begin, length = 4 + width, int(stream[4 : 4 + width], 2)
    return bytes(int(stream[at : at + 8], 2) for at in range(begin, begin + 8 * length, 8))


def _modules(path: str, size: int, border: int) -> Modules:
    """Which modules are dark."""
    modules = [[False] * size for _ in range(size)]
    column, row = 0.0, 0.0
    for command, numbers in re.findall(r"([Mmh])([-\d. ]+)", path):
        values = [float(number) for number in numbers.split()]
        if command == "h":
            for step in range(int(values[0])):
                modules[int(row) - border][int(column) - border + step] = True
            column += values[0]
        else:
            column, row = (values[0], values[1]) if command == "M" else (column + values[0], row + values[1])
    return modules


def _data_bits(modules: Modules, version: int) -> Iterator[bool]:
    """The bits that are no pattern, unmasked, in two columns up and two columns down."""
    size, mask = len(modules), _MASKS[_mask_of(modules)]
    column, upwards = size - 1, True
    while column > 0:
        column -= column == 6
        for row in range(size - 1, -1, -1) if upwards else range(size):
            for here in (column, column - 1):
                if not _is_pattern(row, here, size, version):
                    yield modules[row][here] != mask(row, here)
        column, upwards = column - 2, not upwards


def _mask_of(modules: Modules) -> int:
    places = [(8, column) for column in (0, 1, 2, 3, 4, 5, 7, 8)] + [(row, 8) for row in (7, 5, 4, 3, 2, 1, 0)]
    told = int("".join("1" if modules[row][column] else "0" for row, column in places), 2) ^ _FORMAT_MASK
    assert told >> 13 == _LEVEL_M
    return told >> 10 & 0b111


def _is_pattern(row: int, column: int, size: int, version: int) -> bool:
    at_top, at_left, far = row < 9, column < 9, size - 8
    in_finder = (at_top and (at_left or column >= far)) or (row >= far and at_left)
    in_version = version >= 7 and ((row < 6 and column >= size - 11) or (column < 6 and row >= size - 11))
    return in_finder or in_version or 6 in (row, column) or _is_alignment(row, column, version)


def _is_alignment(row: int, column: int, version: int) -> bool:
    centres = _ALIGNED[version]
    if not centres:
        return False
    corners = {(centres[0], centres[0]), (centres[0], centres[-1]), (centres[-1], centres[0])}
    return any(
        abs(row - down) <= 2 and abs(column - across) <= 2
        for down in centres
        for across in centres
        if (down, across) not in corners
    )


def _in_order(words: list[int], blocks: list[int]) -> list[int]:
    """The data codewords, which stand in the code one of each block in turn."""
    taken = iter(words)
    sorted_out: list[list[int]] = [[] for _ in blocks]
    for turn in range(max(blocks)):
        for block, length in zip(sorted_out, blocks, strict=True):
            if turn < length:
                block.append(next(taken))
    return [word for block in sorted_out for word in block]
