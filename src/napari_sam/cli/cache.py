"""``napari-sam cache``: what slow models have read, kept on disk."""

from __future__ import annotations

import argparse
import time

from napari_sam.counts import counted

_MB = 1_000_000


def add_parser(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser
) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "cache",
        parents=[common],
        help="list, clear or limit what is kept on disk of images that were read",
        description="What Segment Anything models have read of images is kept on disk, so that "
        "the next visit needs no computing. Lists it when nothing is said.",
    )
    parser.set_defaults(run=show)
    actions = parser.add_subparsers(title="actions", metavar="ACTION")
    actions.add_parser("list", parents=[common], help="list what is there").set_defaults(run=show)
    actions.add_parser(
        "clear", parents=[common], help="delete it; images and labels are not touched"
    ).set_defaults(run=clear)
    limit = actions.add_parser("limit", parents=[common], help="choose how much may be kept")
    limit.add_argument("megabytes", metavar="MB", type=_megabytes)
    limit.set_defaults(run=set_limit)


def _megabytes(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"must be a whole number of 0 or more, not {text!r}")
    return int(text)


def show(options: argparse.Namespace) -> int:
    """Print every entry and the sum."""
    from napari_sam.embeddings.disk import EmbeddingStore

    store = EmbeddingStore()
    for entry in store.entries():
        used = time.strftime("%Y-%m-%d %H:%M", time.localtime(entry.used))
        rows, columns = entry.shape
        print(f"{used}  {entry.nbytes / _MB:7.1f} MB  {f'{rows} x {columns}':14}{entry.model}")
    print(
        f"{counted(len(store), 'slice')}, {store.nbytes / _MB:,.0f} of at most "
        f"{store.max_bytes / _MB:,.0f} MB, in {store.folder}"
    )
    return 0


def clear(options: argparse.Namespace) -> int:
    """Delete all entries."""
    from napari_sam.embeddings.disk import EmbeddingStore

    store = EmbeddingStore()
    count, size = len(store), store.nbytes
    store.clear()
    print(f"{counted(count, 'slice')} deleted, {size / _MB:,.0f} MB freed.")
    return 0


def set_limit(options: argparse.Namespace) -> int:
    """Choose how much may be kept, and delete what is too much."""
    from napari_sam.embeddings.disk import EmbeddingStore

    EmbeddingStore().set_limit(options.megabytes * _MB)
    return show(options)
