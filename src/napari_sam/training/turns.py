"""Corrected objects set aside to compare on, others in every turn, so that each serves twice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from napari_sam.training.corrections import HELD, TAUGHT, UNSURE, Piece

__all__ = ["in_turns"]

#: On how many pieces objects are held back.
PIECES_COMPARED = 10


def in_turns(
    pieces: list[Piece], turns: int, most: int, rng: np.random.Generator
) -> list[list[Piece]]:
    """Hold another part of the objects back in each turn, to compare on; the rest is learnt from.

    They are spread over the first :data:`PIECES_COMPARED` pieces. On other pieces, where these
    overlap, what is held back says nothing.

    Parameters
    ----------
    pieces : list of Piece
        All of whose marked objects are to be learnt from; they are not changed.
    turns : int
        As many, or fewer where there are fewer objects.
    most : int
        How many objects are held back in all turns together, at most.
    rng : numpy.random.Generator

    Returns
    -------
    list of list of Piece
        None where there are not two objects.
    """
    first_seen: dict[int, tuple[int, int]] = {}
    for number, piece in enumerate(pieces[:PIECES_COMPARED]):
        for one in piece.ids(TAUGHT):
            first_seen.setdefault(int(piece.objects[one]), (number, int(one)))
    if len(first_seen) < 2:
        return []
    places = list(first_seen.items())
    # Every so many of them, in the order of the pieces, so that each image gives some.
    wanted = min(len(places), most)
    chosen = np.floor((np.arange(wanted) + rng.random()) * len(places) / wanted).astype(int)
    held = [places[at] for at in chosen]
    return [_holding_back(pieces, held[turn::turns]) for turn in range(min(turns, wanted))]


def _holding_back(pieces: list[Piece], held: list[tuple[int, tuple[int, int]]]) -> list[Piece]:
    """Return pieces some objects of which are set aside, each on one piece."""
    numbers = [number for number, _ in held]
    turned = []
    for piece in pieces:
        roles = piece.roles.copy()
        roles[np.flatnonzero(np.isin(piece.objects, numbers))] = UNSURE
        turned.append(replace(piece, roles=roles))
    for _, (where, one) in held:
        turned[where].roles[one] = HELD
    return turned
