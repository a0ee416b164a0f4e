"""``--channel`` and ``--channels``: what is seen of an image that has several."""

from __future__ import annotations

import argparse

from napari_sam.errors import DataError


def add_flags(parser: argparse.ArgumentParser, channel_help: str) -> None:
    """Add both flags to a command."""
    parser.add_argument("--channel", type=int, metavar="N", help=channel_help)
    parser.add_argument(
        "--channels",
        type=numbers,
        metavar="N,N",
        help="two or three channels that the model sees together as colours, such as 0,2",
    )


def numbers(text: str) -> tuple[int, ...]:
    """Read the numbers of two or three channels.

    Raises
    ------
    argparse.ArgumentTypeError

    Examples
    --------
    >>> numbers("0,2")
    (0, 2)
    """
    words = text.split(",")
    if not all(word.strip().isdecimal() for word in words) or not 2 <= len(words) <= 3:
        raise argparse.ArgumentTypeError(f"must be two or three numbers such as 0,2, not {text!r}")
    return tuple(int(word) for word in words)


def refuse_both(typed: argparse.Namespace, limits: tuple[float, float] | None = None) -> None:
    """Refuse what makes no sense beside channels that are seen together.

    Raises
    ------
    DataError
    """
    if typed.channels and (typed.channel is not None or limits is not None):
        raise DataError(
            "--channels are seen together, each with limits of its own: leave out "
            f"{'--limits' if typed.channel is None else '--channel'}."
        )
