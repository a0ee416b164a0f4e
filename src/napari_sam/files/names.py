"""What the outputs of images are called: by their files, and apart where two are called alike."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

ZARR = ".zarr"


def stem_of(path: Path) -> str:
    """Return a file's name without its ending; ``.ome`` is part of the ending.

    An image within a group of OME-Zarr is called by the group and its way in it.

    Examples
    --------
    >>> stem_of(Path("plate/a.ome.tif"))
    'a'
    >>> stem_of(Path("screen/plate.zarr/A/1/0"))
    'plate_A_1_0'
    """
    for within, parent in enumerate(path.parents, 1):
        if parent.suffix.lower() == ZARR:
            return "_".join([stem_of(parent), *path.parts[-within:]])
    stem = path.stem
    return stem[:-4] if stem.lower().endswith(".ome") else stem


def distinct_names(paths: Sequence[Path]) -> list[str]:
    """Name the outputs of each file.

    Twins of one folder are told apart by their endings, those of several folders by the folders.
    Names that differ only in case are twins, too: on many disks they are one name.

    Parameters
    ----------
    paths : sequence of Path
        Each a file of its own.

    Returns
    -------
    list of str
        One per path, all different.

    Examples
    --------
    >>> distinct_names([Path("in/a.tif"), Path("in/a.jpg"), Path("in/b.tif")])
    ['a_tif', 'a_jpg', 'b']
    >>> distinct_names([Path("one/a.tif"), Path("two/a.tif")])
    ['one_a', 'two_a']
    """
    names = [stem_of(path) for path in paths]
    tries = (_with_suffix, _with_folder, _with_both)
    for better in tries:
        twins = _twins(names)
        if not twins:
            break
        # All of a group change their names, so that none depends on which file came first.
        groups: dict[str, list[int]] = {}
        for number in twins:
            groups.setdefault(stem_of(paths[number]).casefold(), []).append(number)
        for numbers in groups.values():
            for number in numbers:
                names[number] = better(paths[number])
    return _numbered(names)


def _twins(names: list[str]) -> list[int]:
    count = Counter(name.casefold() for name in names)
    return [number for number, name in enumerate(names) if count[name.casefold()] > 1]


def _with_suffix(path: Path) -> str:
    stem = stem_of(path)
    ending = path.name[len(stem) + 1 :].replace(".", "_")
    return f"{stem}_{ending}" if ending else stem


def _with_folder(path: Path) -> str:
    folder = path.absolute().parent.name or "root"
    return f"{folder}_{stem_of(path)}"


def _with_both(path: Path) -> str:
    folder = path.absolute().parent.name or "root"
    return f"{folder}_{_with_suffix(path)}"


def _numbered(names: list[str]) -> list[str]:
    """Count what is still called alike, such as files of folders of one name."""
    taken: set[str] = set()
    found = []
    for name in names:
        free, number = name, 2
        while free.casefold() in taken:
            free, number = f"{name}_{number}", number + 1
        taken.add(free.casefold())
        found.append(free)
    return found
