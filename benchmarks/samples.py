"""What was measured, round after round."""

from collections import defaultdict
from collections.abc import Mapping
from statistics import median

from .contenders import Column
from .rows import Row


class Samples:
    """The figures of every row and column."""

    def __init__(self) -> None:
        self._figures: dict[tuple[str, Column], list[float]] = defaultdict(list)

    def add(self, column: Column, figures: Mapping[str, float]) -> None:
        """Take the figures of one round, by the rows' keys."""
        for key, figure in figures.items():
            self._figures[key, column].append(figure)

    def of(self, row: Row, column: Column) -> list[float]:
        """Give the figures of a row; none if it was not measured."""
        # End to end, Baileys is measured once a round and compared twice.
        key = row.key.removeprefix("memory_") if column is Column.BAILEYS else row.key
        return self._figures.get((key, column), [])

    def advantage(self, row: Row) -> float | None:
        """How many times better ours is, by the medians; below 1 it is worse."""
        ours, theirs = self.of(row, Column.OURS), self.of(row, Column.BAILEYS)
        if not ours or not theirs:
            return None
        quotient = median(ours) / median(theirs)
        return quotient if row.more_is_better else 1 / quotient
