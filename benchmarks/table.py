"""The table, as Markdown."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from statistics import median

from .contenders import Column
from .rows import Row
from .samples import Samples

_HEADER = ["| | ours | Baileys | ours is |", "|---|---|---|---|"]


def table(rows: Iterable[Row], samples: Samples) -> str:
    """Give the rows that were measured, a table for each section."""
    lines: list[str] = []
    measured = [row for row in rows if samples.of(row, Column.OURS)]
    for section, members in groupby(measured, key=lambda row: row.section):
        lines += [f"### {section}", "", *_HEADER]
        lines += [_line(row, samples) for row in members]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _line(row: Row, samples: Samples) -> str:
    ours = _cell(row, samples.of(row, Column.OURS))
    theirs = _cell(row, samples.of(row, Column.BAILEYS))
    return f"| {row.label} | {ours} | {theirs} | {_verdict(row, samples.advantage(row))} |"


def _cell(row: Row, figures: Sequence[float]) -> str:
    """Median, least and most, in the row's unit."""
    if not figures:
        return "-"
    shown = [number(figure) for figure in (median(figures), min(figures), max(figures))]
    unit = row.unit if row.unit.startswith("/") else f" {row.unit}"
    return f"**{shown[0]}{unit}** ({shown[1]} … {shown[2]})"


def _verdict(row: Row, advantage: float | None) -> str:
    if advantage is None:
        return "-"
    better, worse = ("smaller", "larger") if row.unit == "MB" else ("faster", "slower")
    times = max(advantage, 1 / advantage)
    return f"{times:.{0 if times >= 100 else 1}f} x {better if advantage >= 1 else worse}"


def number(figure: float) -> str:
    """About three digits that count."""
    if abs(figure) >= 10_000:
        return f"{figure / 1000:.0f}k"
    if abs(figure) >= 1000:
        return f"{figure:,.0f}"
    return f"{figure:.{0 if abs(figure) >= 100 else 1 if abs(figure) >= 10 else 2}f}"
