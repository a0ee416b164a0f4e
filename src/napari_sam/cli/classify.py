"""``napari-sam classify``: classes for all objects of a folder, after examples of each."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from napari_sam.cli.output_flag import output_path
from napari_sam.cli.pairs import Pair, add_pairs, pairs_of
from napari_sam.errors import DataError
from napari_sam.progress import Line

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

    from napari_sam.images import Image

_FORMATS = ("coco", "csv", "geojson")


def add_parser(
    commands: argparse._SubParsersAction[argparse.ArgumentParser], common: argparse.ArgumentParser
) -> None:
    """Add the command to the parser."""
    parser = commands.add_parser(
        "classify",
        parents=[common],
        help="give every object of a folder one of your classes, after a few examples",
        description="Give every object a class. The examples are what you said in Review, in the "
        "tables beside the labels, or a table of your own; all images are judged by all of them.",
    )
    add_pairs(parser)
    parser.add_argument(
        "-o", "--output", required=True, type=output_path, metavar="FOLDER", help="where tables go"
    )
    parser.add_argument(
        "--examples",
        type=Path,
        metavar="TABLE",
        help="a CSV table with the columns image, label and class; image is the file's name, with "
        "or without its ending, and may be left out when there is one image",
    )
    parser.add_argument(
        "--to", nargs="+", choices=_FORMATS, default=[], help="also write these formats"
    )
    parser.add_argument(
        "--model", default="cells", metavar="NAME_OR_PATH", help="who says what objects look like"
    )
    parser.add_argument("--channel", type=int, metavar="N", help="counted from 0")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:N or mps")
    parser.add_argument(
        "--overwrite", action="store_true", help="replace tables that are there already"
    )
    parser.set_defaults(run=run)


class _Source(NamedTuple):
    """An image, what it and its files are called, its labels, what is known of its objects."""

    title: str
    name: str
    image: Image
    labels: npt.NDArray[np.integer[Any]]
    table: pd.DataFrame
    known: dict[int, str]


def run(options: argparse.Namespace) -> int:
    """Look at all objects, and write a class for each."""
    from napari_sam.batch.run import try_results
    from napari_sam.classes import need_two
    from napari_sam.loading import as_model
    from napari_sam.objects.classify import see
    from napari_sam.objects.classify_series import OfImage, suggest_for_all
    from napari_sam.objects.describe import describing

    sources = _sources(options)
    targets = [path for one in sources for path in _targets(one, options)]
    there = [path.name for path in targets if path.exists()]
    if there and not options.overwrite:
        raise DataError(
            f"already in {options.output}: {', '.join(there[:5])}. Choose another folder, or add "
            "--overwrite."
        )
    need_two([name for one in sources for name in one.known.values()])  # before any is looked at
    model = as_model(options.model, options.device)
    describing(model)
    try_results(options.output)
    line = Line("Looking at objects")
    seen = []
    for done, one in enumerate(sources):
        line(done / len(sources))
        seen.append(OfImage(one.title, see(one.image, one.labels, model), one.known))
    tables = suggest_for_all(seen)
    line.done(_told(tables))
    for one, classes in zip(sources, tables, strict=True):
        _write(one, classes, options)
    return 0


def _sources(options: argparse.Namespace) -> list[_Source]:
    """Read images, labels and tables; images without objects are left out."""
    from napari_sam.classes import examples_in
    from napari_sam.files import read_labels
    from napari_sam.files.pick import pick

    pairs = pairs_of(options.images, options.labels)
    examples = None if options.examples is None else _examples(options.examples)
    sources = []
    for pair in pairs:
        labels = pick(read_labels(pair.labels), sure=True).finest
        if not labels.any():
            continue
        image, table = pair.image(options.channel), _table(pair.labels, labels)
        known = examples_in(table)
        if examples is not None:
            known |= _of(examples, pair, alone=len(pairs) == 1)
        source = pair.source
        sources.append(_Source(source.title, source.name, image, labels, table, known))
    if examples is not None:
        _tell_unknown(examples, pairs)
    if not sources:
        raise DataError(
            f"The labels in {options.labels} hold no objects: a class is given to objects."
        )
    return sources


def _table(labels: Path, pixels: npt.NDArray[np.integer[Any]]) -> pd.DataFrame:
    """Read the table beside labels; objects of which it knows nothing are measured.

    Rows of objects that are gone, such as rejected ones, are left out.
    """
    import numpy as np
    import pandas as pd

    from napari_sam.exports.tables import measured
    from napari_sam.files.results import table_path

    path, ids = table_path(labels), np.unique(pixels[pixels > 0])
    if not path.exists():
        return measured(pixels)
    try:
        table = pd.read_csv(path)
        table["label"] = table["label"].astype(int)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} is no table of objects ({error}).") from error
    table = table[table["label"].isin(ids)]
    if np.isin(ids, table["label"]).all():
        return table
    every = measured(pixels)
    new = every[~every["label"].isin(table["label"])]
    return pd.concat([table, new], ignore_index=True)


def _examples(path: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        table = pd.read_csv(path)
        table["label"] = table["label"].astype(int)
        table["class"] = table["class"].astype(str)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path} is no table of examples ({error}): it needs the columns image, label and "
            "class."
        ) from error
    return table


def _of(examples: pd.DataFrame, pair: Pair, alone: bool) -> dict[int, str]:
    """Return the examples that lie on an image."""
    from napari_sam.classes import classes_in

    if "image" in examples:
        examples = examples[examples["image"].astype(str).isin(pair.called)]
    elif not alone:
        raise DataError("The table of examples needs a column image: there are several images.")
    return classes_in(examples)


def _tell_unknown(examples: pd.DataFrame, pairs: list[Pair]) -> None:
    """Say of which images there are examples and no labels."""
    known = {name for pair in pairs for name in pair.called}
    named = dict.fromkeys(examples["image"].astype(str) if "image" in examples else ())
    unknown = [name for name in named if name not in known]
    if unknown:
        print(
            f"Note: examples on {', '.join(unknown[:5])} are left out: no such image has labels "
            "here.",
            file=sys.stderr,
        )


def _targets(one: _Source, options: argparse.Namespace) -> list[Path]:
    """Name the files of an image: the table, then the other formats."""
    from napari_sam.exports.formats import FORMATS

    others = [options.output / f"{one.name}_classes{FORMATS[kind].suffix}" for kind in options.to]
    return [options.output / f"{one.name}_objects.csv", *others]


def _write(one: _Source, classes: pd.DataFrame, options: argparse.Namespace) -> None:
    from napari_sam.classes import COLUMNS
    from napari_sam.exports.formats import export
    from napari_sam.files import in_one_piece

    rest = one.table.drop(columns=list(COLUMNS), errors="ignore")
    table = rest.merge(classes, on="label", how="inner")
    target, *others = _targets(one, options)
    with in_one_piece(target) as temporary:
        table.to_csv(temporary, index=False)
    print(target)
    for kind, path in zip(options.to, others, strict=True):
        size = one.image.pixel_size
        print(export(one.labels, path, kind, table=table, pixel_size=size, name=one.title))


def _told(tables: list[pd.DataFrame]) -> str:
    """Count the objects of each class."""
    from collections import Counter

    count = Counter(name for table in tables for name in table["class"])
    each = ", ".join(f"{number} {name!r}" for name, number in sorted(count.items()))
    return f"{each} on {len(tables)} images" if len(tables) != 1 else each
