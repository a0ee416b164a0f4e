"""What a run in tiles has done, on disk: a run that was ended goes on where it was.

A line of JSON per tile, with its table. A tile is done when its line is whole: its objects are in
the labels by then, and those of one that is not are taken out again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_sam.engine.tile_record import Settled

if TYPE_CHECKING:
    import pandas as pd

_TOGETHER = 256  # tables that are given out as one


class TileJournal:
    """A record of a run in tiles.

    Parameters
    ----------
    path : Path
    meant : str
        Which image is searched, how and by whom.

    Attributes
    ----------
    used : int
        The highest id.
    """

    def __init__(self, path: Path, meant: str) -> None:
        self._path = path
        self._settled: dict[int, Settled] = {}
        self._done: dict[int, set[int]] = {}
        self.used = 0
        path.touch()
        os.truncate(path, self._take_in(meant))
        if not path.stat().st_size:
            self._append({"meant": meant})

    @staticmethod
    def fits(path: Path, meant: str) -> bool:
        """Whether a run that was ended meant the same."""
        if not path.is_file():
            return False
        with path.open("rb") as lines:
            return _entry(lines.readline()).get("meant") == meant

    def _take_in(self, meant: str) -> int:
        """Learn what is done; return how many bytes say so, without a line that was cut off."""
        known = 0
        with self._path.open("rb") as lines:
            for line in lines:
                entry = _entry(line)
                if not entry or (known == 0 and entry.get("meant") != meant):
                    break
                known += len(line)
                if "limits" in entry:
                    low, high = entry["limits"]
                    self._settled[entry["plane"]] = Settled((low, high), entry["diameter"])
                elif "tile" in entry:
                    self._done.setdefault(entry["plane"], set()).add(entry["tile"])
                    self.used += entry["count"]
        return known

    def settled(self, plane: int) -> Settled | None:
        """Return what was settled for a plane, if it was begun."""
        return self._settled.get(plane)

    def settle(self, plane: int, settled: Settled) -> None:
        """Keep what is settled for a plane."""
        self._settled[plane] = settled
        self._append({"plane": plane, **asdict(settled)})

    def done(self, plane: int) -> Collection[int]:
        """Return the numbers of the tiles of a plane that were searched."""
        return frozenset(self._done.get(plane, ()))

    def add(self, plane: int, tile: int, table: pd.DataFrame) -> None:
        """Keep the table of a tile, whose objects are in the labels already."""
        self._append(
            {"plane": plane, "tile": tile, "count": len(table), "table": table.to_dict("list")}
        )
        self._done.setdefault(plane, set()).add(tile)
        self.used += len(table)

    def tables(self) -> Iterator[pd.DataFrame]:
        """Iterate over the tables of all tiles in order, many together; at least one."""
        import pandas as pd

        some: list[pd.DataFrame] = []
        empty = pd.DataFrame()
        given = False
        with self._path.open("rb") as lines:
            for line in lines:
                entry = _entry(line)
                if "table" not in entry:
                    continue
                table = pd.DataFrame(entry["table"])
                if not len(table):
                    empty = table
                    continue
                some.append(table)
                if len(some) == _TOGETHER:
                    yield pd.concat(some, ignore_index=True)
                    some, given = [], True
        if some or not given:
            yield pd.concat(some, ignore_index=True) if some else empty

    def _append(self, entry: dict[str, Any]) -> None:
        with self._path.open("ab") as file:
            file.write(json.dumps(entry).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())


def _entry(line: bytes) -> dict[str, Any]:
    """Read a line; nothing of one that was cut off."""
    if not line.endswith(b"\n"):
        return {}
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
