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
    within = way_within(path)
    if within:
        return "_".join([stem_of(path.parents[len(within) - 1]), *within])
    stem = path.stem
    return stem[:-4] if stem.lower().endswith(".ome") else stem


def titles_of(paths: Sequence[Path]) -> list[str]:
    """Call files before a person: by name, or by as much of their ways as tells them apart.

    An image within a group of OME-Zarr is called by the group and its way in it.

    Examples
    --------
    >>> titles_of([Path("in/a.tif"), Path("in/plate.zarr/A/1/0")])
    ['a.tif', 'plate.zarr/A/1/0']
    >>> titles_of([Path("one/a.tif"), Path("two/a.tif"), Path("two/b.tif")])
    ['one/a.tif', 'two/a.tif', 'b.tif']
    """
    lengths = [len(way_within(path)) + 1 for path in paths]
    while True:
        titles = ["/".join(path.parts[-n:]) for path, n in zip(paths, lengths, strict=True)]
        count = Counter(titles)
        longer = [
            number
            for number, title in enumerate(titles)
            if count[title] > 1 and lengths[number] < len(paths[number].parts)
        ]
        if not longer:
            return titles
        for number in longer:
            lengths[number] += 1


def way_within(path: Path) -> tuple[str, ...]:
    """Return the way of an image within its group of OME-Zarr; nothing of a file."""
    for within, parent in enumerate(path.parents, 1):
        if parent.suffix.lower() == ZARR:
            return path.parts[-within:]
    return ()


def distinct_names(
    paths: Sequence[Path], parts: Sequence[Sequence[str]] | None = None
) -> list[str]:
    """Name the outputs of each file.

    Twins of one folder are told apart by their endings, those of several folders by the folders.
    Names that differ only in case are twins, too: on many disks they are one name.

    Parameters
    ----------
    paths : sequence of Path
        Each a file of its own.
    parts : sequence of sequence of str, optional
        Of each file that holds several images, what follows its name for each of them: none of
        these whole names is that of another file's image.

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
    >>> distinct_names([Path("a.zarr"), Path("a_1.tif")], [("_1", "_2"), ("",)])
    ['a_zarr', 'a_1_tif']
    """
    ends = [("",)] * len(paths) if parts is None else [tuple(some) for some in parts]
    names = [stem_of(path) for path in paths]
    # All twins change their names, so that none depends on which file came first.
    for better in (_with_suffix, _with_folder, _with_both):
        for number in _twins(names, ends):
            names[number] = better(paths[number])
    return _numbered(names, ends)


def _twins(names: list[str], ends: Sequence[tuple[str, ...]]) -> list[int]:
    whole = [
        {f"{name}{end}".casefold() for end in some} for name, some in zip(names, ends, strict=True)
    ]
    count = Counter(one for some in whole for one in some)
    return [number for number, some in enumerate(whole) if any(count[one] > 1 for one in some)]


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


def _numbered(names: list[str], ends: Sequence[tuple[str, ...]]) -> list[str]:
    """Count what is still called alike, such as files of folders of one name."""
    taken: set[str] = set()
    found = []
    for name, some in zip(names, ends, strict=True):
        free, number = name, 2
        while taken & (whole := {f"{free}{end}".casefold() for end in some}):
            free, number = f"{name}_{number}", number + 1
        taken |= whole
        found.append(free)
    return found
