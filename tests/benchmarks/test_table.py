import re

import pytest

from benchmarks.contenders import Column
from benchmarks.measure import Effort
from benchmarks.rows import MICRO, ROWS, Row
from benchmarks.run import run
from benchmarks.samples import Samples
from benchmarks.table import number, table

BRIEFLY = Effort(seconds=0.01, messages=1, burst=1)


@pytest.mark.peers
async def test_every_row_that_needs_no_server_is_measured_for_both(socket_enabled: None) -> None:
    samples = await run(("load", "rates"), 1, BRIEFLY, say=lambda _: None)
    for row in MICRO:
        for column in Column:
            (figure,) = samples.of(row, column)
            assert figure > 0, row.label
    lines = [line for line in table(ROWS, samples).splitlines() if "**" in line]
    assert len(lines) == len(MICRO)
    for row, line in zip(MICRO, lines, strict=True):
        name, *cells = line.strip("| ").split(" | ")
        assert name == row.label
        assert all(re.search(r"[1-9]", cell) for cell in cells), line


def test_a_row_has_median_least_most_and_who_wins() -> None:
    samples = Samples()
    for figure in (30.0, 10.0, 20.0):
        samples.add(Column.OURS, {"rate": figure, "time": figure})
        samples.add(Column.BAILEYS, {"rate": figure / 2, "time": figure / 2})
    rate = Row(key="rate", section="S", label="a rate", unit="/s")
    time = Row(key="time", section="S", label="a time", unit="ms")
    text = table([rate, time], samples)
    assert "| a rate | **20.0/s** (10.0 … 30.0) | **10.0/s** (5.00 … 15.0) | 2.0 x faster |" in text
    assert "2.0 x slower |" in text.splitlines()[-1]


def test_what_one_side_lacks_is_compared_with_nothing() -> None:
    samples = Samples()
    samples.add(Column.OURS, {"rate": 5.0})
    (line,) = [
        line
        for line in table(
            [Row(key="rate", section="S", label="r", unit="/s")], samples
        ).splitlines()
        if "**" in line
    ]
    assert line == "| r | **5.00/s** (5.00 … 5.00) | - | - |"


@pytest.mark.parametrize(
    ("figure", "shown"),
    [(0.0, "0.00"), (3.14159, "3.14"), (12.34, "12.3"), (123.4, "123"), (1234.0, "1,234")],
)
def test_numbers_keep_the_digits_that_count(figure: float, shown: str) -> None:
    assert number(figure) == shown
    assert number(12_345.0) == "12k"
