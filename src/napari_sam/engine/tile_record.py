"""What was found in tiles so far: kept here in memory, and by `batch.tile_journal` on disk."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["InMemory", "Settled", "TileRecord"]


@dataclass(frozen=True)
class Settled:
    """What all tiles of a plane see alike.

    Parameters
    ----------
    limits : (low, high)
    diameter : float or None
        Of the objects, where the method has one.
    """

    limits: tuple[float, float]
    diameter: float | None


class TileRecord(Protocol):
    """What was found so far; planes are counted from 0."""

    @property
    def used(self) -> int:
        """The highest id."""

    def settled(self, plane: int) -> Settled | None:
        """Return what was settled for a plane, if it was begun."""

    def settle(self, plane: int, settled: Settled) -> None:
        """Keep what is settled for a plane."""

    def done(self, plane: int) -> Collection[int]:
        """Return the numbers of the tiles of a plane that were searched."""

    def add(self, plane: int, tile: int, table: pd.DataFrame) -> None:
        """Keep the table of a tile, whose objects are in the labels already."""


class InMemory:
    """A record in memory, of a run that cannot be resumed.

    Attributes
    ----------
    tables : list of pandas.DataFrame
    used : int
    """

    def __init__(self) -> None:
        self.tables: list[pd.DataFrame] = []
        self.used = 0

    def settled(self, plane: int) -> Settled | None:
        """Nothing was settled before."""
        return None

    def settle(self, plane: int, settled: Settled) -> None:
        """Nobody asks again."""

    def done(self, plane: int) -> Collection[int]:
        """Nothing was done before."""
        return ()

    def add(self, plane: int, tile: int, table: pd.DataFrame) -> None:
        """Keep the table of a tile."""
        self.tables.append(table)
        self.used += len(table)
