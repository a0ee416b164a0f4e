"""Which images are for training and which for validation: one deterministic rule."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from napari_sam.training.pairs import Pair

__all__ = ["HELD_OUT_SOURCES", "is_validation", "split_pairs"]

#: Whole sources that are never trained on, by the beginning of their names: a kind of
#: specimen or a laboratory that validation meets for the first time.
HELD_OUT_SOURCES: tuple[str, ...] = (
    "cheetah_volvox",
    "cheetah_bacteria_validate",
    "plant",
    "ovule",
    "laptrack",
    "axonsem_rat3",
)
#: Groups of a source the rest of which is trained on, where the hash would hold out none.
HELD_OUT_GROUPS: tuple[str, ...] = ("flyem_medulla_2", "cornea_a_2")
#: Share of the other groups (fields, animals, films) that is held out.
HELD_OUT_SHARE = 0.16
_SALT = 503  # chosen so that every family of the project's own data has some of each


def is_validation(pair: Pair, leave_out: Sequence[str] = ()) -> bool:
    """Tell whether an image is held out.

    Parameters
    ----------
    pair : Pair
    leave_out : sequence of str
        More beginnings of names to hold out (leave-one-source-out runs).

    Returns
    -------
    bool
        True for what may not be trained on and for held-out sources; otherwise by a hash of the
        image's group, so that the
        answer depends neither on the other files of the folder nor on their order, and one
        group (field, animal, film) never falls on both sides.
    """
    if pair.validation_only or pair.group in HELD_OUT_GROUPS:
        return True
    if pair.name.startswith((*HELD_OUT_SOURCES, *leave_out)):
        return True
    digest = hashlib.sha256(f"{_SALT}:{pair.group}".encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32 < HELD_OUT_SHARE


def split_pairs(
    pairs: Sequence[Pair], leave_out: Sequence[str] = ()
) -> tuple[list[Pair], list[Pair]]:
    """Divide pairs into ``(training, validation)`` by :func:`is_validation`."""
    held = [is_validation(pair, leave_out) for pair in pairs]
    return (
        [pair for pair, out in zip(pairs, held, strict=True) if not out],
        [pair for pair, out in zip(pairs, held, strict=True) if out],
    )
