"""One honest table: a model of the zoo and classical baselines on held-out images."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage as ndi

from napari_sam.prompts import Prompt
from napari_sam.regions import deepest, edges, extent, mask_iou
from napari_sam.training.baselines import otsu_watershed, watershed_from_box, watershed_from_click
from napari_sam.training.generated import generated_validation
from napari_sam.training.metrics import average_precision, next_click
from napari_sam.training.pairs import find_pairs
from napari_sam.training.split import split_pairs

__all__ = ["Scores", "evaluate_images", "table", "validation_images", "write_rows"]

AnnotatedImage = tuple[str, str, np.ndarray, np.ndarray]
COLUMNS = {
    "click": "1 click",
    "click_best": "best of 3",
    "clicks3": "3 clicks",
    "box": "box",
    "box_best": "box, best of 3",
    "iou_error": "IoU error",
    "ap50": "AP@.5",
    "ap75": "AP@.75",
    "ap": "AP .5:.95",
    "otsu50": "Otsu + watershed AP@.5",
    "otsu": "Otsu + watershed AP .5:.95",
    "ws_click": "watershed, click",
    "ws_box": "watershed, box",
}


@dataclass
class Scores:
    """Raw results.

    Attributes
    ----------
    objects : list of dict
        A row per prompted object: family, image, diameter, IoU of every kind of prompt.
    images : list of dict
        A row per image: family, image, average precisions.
    """

    objects: list[dict[str, Any]] = field(default_factory=list)
    images: list[dict[str, Any]] = field(default_factory=list)


def validation_images(
    folder: str | Path | None,
    *,
    per_family: int | None = None,
    per_kind: int = 3,
    everything: bool = False,
) -> Iterable[AnnotatedImage]:
    """Yield ``(family, name, image, labels)`` to evaluate on.

    Parameters
    ----------
    folder : str, Path or None
        A folder of pairs; None gives generated images only.
    per_family : int, optional
        Take at most so many real images of each family, evenly spaced.
    per_kind : int
        Generated images of each kind, 0 for none.
    everything : bool
        Take all pairs of the folder, not only the validation split.
    """
    if folder is not None:
        pairs = find_pairs(folder)
        held = pairs if everything else split_pairs(pairs)[1]
        families: dict[str, list] = {}
        for pair in held:
            families.setdefault(pair.family, []).append(pair)
        for family, members in families.items():
            if per_family is not None and len(members) > per_family:
                places = np.linspace(0, len(members) - 1, per_family).round().astype(int)
                members = [members[i] for i in places]
            for pair in members:
                for number, (image, labels) in enumerate(pair.planes()):
                    yield family, f"{pair.name}:{number}" if number else pair.name, image, labels
    if per_kind:
        yield from generated_validation(per_kind)


def _chosen_objects(labels: np.ndarray, count: int) -> list[int]:
    """Ids of objects to prompt, evenly spaced over the sizes; specks are left out."""
    area = np.bincount(labels.ravel())
    area[0] = 0
    ids = np.flatnonzero(area >= 20)
    ids = ids[np.argsort(area[ids], kind="stable")]
    if len(ids) > count:
        ids = ids[np.linspace(0, len(ids) - 1, count + 2).round().astype(int)[1:-1]]
    return ids.tolist()


def _prompted(model: Any, embedding: Any, truth: np.ndarray) -> dict[str, float]:
    """Click, corrective clicks and box on one object."""
    point = deepest(truth)
    found = model.predict(embedding, Prompt(points=[point], labels=[1]))
    ious = [mask_iou(truth, mask) for mask in found.masks]
    row = {"click": ious[0], "click_best": max(ious)}
    errors = [abs(float(found.scores[0]) - ious[0])]
    points, labels = [point], [1]
    answer, reached = found, ious[0]
    for _ in range(2):
        click = next_click(truth, answer.masks[0])
        if click is None:
            break
        points.append(click[0])
        labels.append(click[1])
        answer = model.predict(
            embedding,
            Prompt(
                points=points,
                labels=labels,
                logits=answer.logits[0],
                window=getattr(answer, "window", None),
            ),
        )
        reached = mask_iou(truth, answer.masks[0])
    row["clicks3"] = reached
    found = model.predict(embedding, Prompt(boxes=[edges(truth)]))
    ious = [mask_iou(truth, mask) for mask in found.masks]
    errors.append(abs(float(found.scores[0]) - ious[0]))
    return row | {"box": ious[0], "box_best": max(ious), "iou_error": float(np.mean(errors))}


def evaluate_images(
    model: Any,
    images: Iterable[AnnotatedImage],
    *,
    objects: int = 6,
    baselines: bool = True,
    say: Callable[[str], None] = lambda text: None,
) -> Scores:
    """Measure a model on images, in the ways a person uses it.

    Parameters
    ----------
    model : Model
        From :func:`napari_sam.load_model`.
    images : iterable of (family, name, image, labels)
    objects : int
        Prompted objects per image, 0 for the automatic mode only.
    baselines : bool
        Measure the classical methods too.
    say : callable
        Told the name of every image.

    Returns
    -------
    Scores
    """
    from napari_sam.methods.finding_cells import find_cells

    scores = Scores()
    for family, name, image, labels in images:
        embedding = model.encode(image)
        image_row: dict[str, Any] = {"family": family, "image": name}
        if model.has_instances:
            found = find_cells(image, embedding, model).choose()
            precision = average_precision(labels, found.labels)
            image_row |= {"ap50": precision[0], "ap75": precision[5], "ap": precision.mean()}
        if baselines:
            precision = average_precision(labels, otsu_watershed(image))
            image_row |= {"otsu50": precision[0], "otsu": precision.mean()}
        scores.images.append(image_row)
        for number in _chosen_objects(labels, objects):
            parts, count = ndi.label(labels == number)
            truth = labels == number
            if count > 1:
                truth = parts == 1 + np.argmax(np.bincount(parts.ravel())[1:])
            row: dict[str, Any] = {"family": family, "image": name, "object": int(number)}
            row["diameter"] = float(np.sqrt(4 * truth.sum() / np.pi))
            row |= _prompted(model, embedding, truth)
            if baselines:
                rows, cols = extent(truth)
                box = (rows.start, cols.start, rows.stop - 1, cols.stop - 1)
                row["ws_box"] = mask_iou(truth, watershed_from_box(image, box))
                row["ws_click"] = mask_iou(truth, watershed_from_click(image, deepest(truth)))
            scores.objects.append(row)
        say(
            f"{family}  {name}  "
            + "  ".join(f"{k} {v:.2f}" for k, v in image_row.items() if isinstance(v, float))
        )
    return scores


def _means(rows: list[dict[str, Any]], key: str, keep: Callable[[dict], bool]) -> float:
    values = [row[key] for row in rows if key in row and keep(row)]
    return float(np.mean(values)) if values else float("nan")


def table(scores: Scores) -> str:
    """Return the results as Markdown: a row per family, then a row per range of object size."""
    families = list(dict.fromkeys(row["family"] for row in scores.images))
    lines = ["| | images / objects | " + " | ".join(COLUMNS.values()) + " |"]
    lines.append("|" + "---|" * (len(COLUMNS) + 2))

    def add(title: str, keep: Callable[[dict], bool], images: bool = True) -> None:
        shown = sum(map(keep, scores.images)) if images else "-"
        cells = [title, f"{shown} / {sum(map(keep, scores.objects))}"]
        for key in COLUMNS:
            from_images = key.startswith(("ap", "otsu"))
            rows = scores.images if from_images else scores.objects
            value = _means(rows, key, keep) if images or not from_images else float("nan")
            cells.append("" if np.isnan(value) else f"{value:.2f}".replace("0.", "."))
        lines.append("| " + " | ".join(cells) + " |")

    for family in families:
        add(family, lambda row, family=family: row["family"] == family)
    for low, high in ((0, 12), (12, 24), (24, 48), (48, 1e9)):
        title = f"{low} to {high} px" if high < 1e9 else f"over {low} px"
        add(title, lambda row, a=low, b=high: a <= row.get("diameter", -1) < b, images=False)
    return "\n".join(lines)


def write_rows(rows: list[dict[str, Any]], path: str | Path) -> None:
    """Write raw results as CSV."""
    names = list(dict.fromkeys(key for row in rows for key in row))
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names)
        writer.writeheader()
        writer.writerows(rows)
