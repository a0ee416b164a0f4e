"""Is the installation sound? Another project on the package index also installs `napari_sam`.

Two distributions that write into one folder overwrite each other's files, and errors far from
the cause follow. The check reads every distribution's file list, so it runs when a model, the
panel or a command starts and not on import.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib.metadata import Distribution, distributions

from napari_sam.errors import InstallationError

DISTRIBUTION = "napari-sam-bio"
_PACKAGE = "napari_sam"


def _normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _installs_package(distribution: Distribution) -> bool:
    top_level = distribution.read_text("top_level.txt")
    if top_level is not None and _PACKAGE in top_level.split():
        return True
    # The raw text: parsing every record of every distribution takes ten times as long.
    record = distribution.read_text("RECORD") or distribution.read_text("SOURCES.txt") or ""
    return re.search(rf"^(src/)?{_PACKAGE}/", record, flags=re.MULTILINE) is not None


def rival_distributions() -> Iterator[str]:
    """Iterate over the names of other installed distributions that hold a `napari_sam` package."""
    for distribution in distributions():
        # The files first: parsing what every distribution says of itself takes twice as long.
        if _installs_package(distribution):
            name = distribution.metadata["Name"] or ""
            if name and _normalised(name) != DISTRIBUTION:
                yield name


@cache
def _rivals() -> tuple[str, ...]:
    return tuple(sorted(set(rival_distributions())))


def check_single_distribution() -> None:
    """Refuse to go on when another distribution installed files into this package's folder.

    The answer is remembered, so asking again costs nothing.

    Raises
    ------
    InstallationError
        Naming the other distribution and the commands that put it right.
    """
    rivals = _rivals()
    if rivals:
        names = " ".join(rivals)
        raise InstallationError(
            f"Another installed package ({', '.join(rivals)}) also provides 'napari_sam', the "
            "import package of 'napari-sam-bio'; their files overwrite each other. Keep one of "
            f"them. To keep this one: pip uninstall {names} && "
            f"pip install --force-reinstall --no-deps {DISTRIBUTION}"
        )
