"""The public functions, each with arguments that are right and the kind of each argument."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.append(str(Path(__file__).parents[1] / "tests"))


@dataclass(frozen=True)
class Target:
    """A function to call.

    Parameters
    ----------
    name : str
    call : callable
        Takes every argument by keyword.
    good : dict
        Arguments that are right.
    kinds : dict
        Of the arguments that are replaced, see `hostile`.
    """

    name: str
    call: Callable[..., Any]
    good: dict[str, Any]
    kinds: dict[str, str]


def labels() -> np.ndarray:
    """Two objects that touch, and one apart."""
    made = np.zeros((64, 80), np.int32)
    made[10:30, 10:40] = 1
    made[10:30, 40:50] = 2
    made[40:50, 60:70] = 3
    return made


def picture() -> np.ndarray:
    """Two discs on a dark ground."""
    from fake_model import blobs

    return blobs()


def targets(real: bool = True) -> Iterator[Target]:
    """List the functions.

    Parameters
    ----------
    real : bool
        With networks, not only with a model that looks for bright pixels.
    """
    yield from _prompts()
    yield from _vocabulary()
    yield from _labels()
    yield from _files()
    from fake_model import FakeModel

    yield from _methods("fake", FakeModel())
    yield from _stacks(FakeModel())
    if real:
        from napari_sam import load_model
        from tiny_sam import tiny_sam

        yield from _models("cells", load_model("cells"))
        yield from _looks(load_model("cells"))
        yield from _models("sam", tiny_sam())
        yield from _zoo()


def _prompts() -> Iterator[Target]:
    from napari_sam import Prompt

    both = {"points": [(12, 12)], "labels": [1]}
    everything = {**both, "boxes": [(5, 5, 30, 30)], "mask": labels() == 1}
    kinds = {"points": "places", "labels": "labels01", "boxes": "boxes", "mask": "plane mask"}
    yield Target("Prompt", Prompt, everything, kinds)
    again = {**both, "logits": np.zeros((64, 64)), "window": (0, 0, 64, 80), "text": "cell"}
    kinds = {"logits": "logits", "window": "window", "text": "words or none", "points": "places"}
    yield Target("Prompt (again)", Prompt, again, kinds)
    polygon = {"vertices": [(1, 1), (1, 9), (9, 9)], "shape": (64, 80)}
    kinds = {"vertices": "line", "shape": "shape"}
    yield Target("Prompt.from_polygon", Prompt.from_polygon, polygon, kinds)
    check = Prompt(**everything).check
    yield Target("Prompt.check", check, {"shape": (64, 80)}, {"shape": "shape"})


def _vocabulary() -> Iterator[Target]:
    from napari_sam import contrast, images, overlays, segmentation
    from napari_sam.pixel_size import PixelSize
    from napari_sam.progress import part, silent

    image, found = picture(), labels()
    plane = {"image": image}
    yield Target("check_plane", images.check_plane, plane, {"image": "image"})
    yield Target("contrast_limits", contrast.contrast_limits, plane, {"image": "pixels"})
    scaled = {"image": image, "limits": (0, 255)}
    kinds = {"image": "image", "limits": "limits"}
    yield Target("normalise", contrast.normalise, scaled, kinds)
    drawn = {"image": image, "labels": found, "limits": (0, 255)}
    yield Target("draw_overlay", overlays.draw_overlay, drawn, {**kinds, "labels": "labels"})
    measured = {
        "labels": found,
        "image": image,
        "scores": {1: 0.5},
        "source": "cells",
        "pixel_size": PixelSize(1, 1),
    }
    kinds = {"labels": "labels", "scores": "scores", "source": "words", "pixel_size": "pixel size"}
    yield Target("measure", segmentation.measure, measured, kinds)
    yield Target("next_id", segmentation.next_id, {"labels": found}, {"labels": "stack"})
    checked = {"object_id": 3, "dtype": np.int32}
    yield Target("check_id", segmentation.check_id, checked, {"object_id": "id or 0"})
    writing = {"plane_labels": found, "mask": found == 0, "overlap": "keep"}
    kinds = {"plane_labels": "labels", "mask": "mask", "overlap": "word"}
    yield Target("writable", segmentation.writable, writing, kinds)
    size = {"row": 1.0, "column": 1.0, "unit": "um", "slice": 2.0}
    kinds = {"row": "length", "column": "length", "slice": "length", "unit": "words"}
    yield Target("PixelSize", PixelSize, size, kinds)
    stage = {"progress": silent, "start": 0.0, "stop": 1.0}
    kinds = {"progress": "progress", "start": "share", "stop": "share"}
    yield Target("progress.part", part, stage, kinds)


def _labels() -> Iterator[Target]:
    from napari_sam.labels import edit, merge

    found = labels()
    plane, one = {"labels": found}, {"labels": "labels"}
    yield Target("delete", edit.delete, {**plane, "ids": [1]}, {**one, "ids": "ids"})
    yield Target("merge objects", edit.merge, {**plane, "ids": [1, 2]}, {**one, "ids": "ids"})
    split = {**plane, "object_id": 1, "first": (20, 15), "second": (20, 35), "new_id": 9}
    kinds = {**one, "object_id": "id", "first": "place", "second": "place", "new_id": "id"}
    yield Target("split", edit.split, split, kinds)
    cut = {**plane, "object_id": 1, "line": [(5, 25), (35, 25)], "new_id": 9}
    kinds = {**one, "object_id": "id", "line": "line", "new_id": "id"}
    yield Target("cut", edit.cut, cut, kinds)
    shape = {**plane, "object_id": 1, "mask": np.indices(found.shape)[0] < 9, "overlap": "keep"}
    kinds = {**one, "object_id": "id", "mask": "mask", "overlap": "word"}
    yield Target("replace", edit.replace, shape, kinds)
    written = edit.delete(found, [1])
    yield Target("Edit.apply", lambda labels: written.apply(labels), plane, one)
    joined = {"found": found, "before": found * 0, "rule": "empty", "first": 4, "within": found > 0}
    kinds = {
        "found": "labels",
        "before": "labels",
        "rule": "word",
        "first": "id",
        "within": "region",
    }
    yield Target("merge", merge.merge, joined, kinds)
    region = {"found": found, "within": found > 0}
    kinds = {"found": "labels", "within": "mask"}
    yield Target("restrict", merge.restrict, region, kinds)


def _files() -> Iterator[Target]:
    from napari_sam.exports.formats import FORMATS, export
    from napari_sam.pixel_size import PixelSize
    from napari_sam.segmentation import measure

    folder = Path(tempfile.mkdtemp(prefix="napari-sam-fuzz-"))
    kinds = {"labels": "written labels", "to": "word", "table": "table", "pixel_size": "pixel size",
             "name": "words", "path": "path"}  # fmt: skip
    for name, written in FORMATS.items():
        good = {
            "labels": labels(),
            "path": folder / f"out{written.suffix}",
            "to": name,
            "table": measure(labels()),
            "pixel_size": PixelSize(1, 1),
            "name": "image",
        }
        yield Target(f"export {name}", export, good, kinds)


def _methods(name: str, model: Any) -> Iterator[Target]:
    from napari_sam import Prompt, segment_cells, segment_everything
    from napari_sam.pixel_size import PixelSize
    from napari_sam.progress import silent

    cells = {"image": picture(), "model": model, "diameter": 12.0, "sensitivity": 0.5,
             "splitting": 0.5, "smoothing": 1.0, "min_area": 1, "max_area": 999, "min_score": 0.1,
             "refine": False, "pixel_size": PixelSize(1, 1), "limits": (0, 255), "device": "cpu",
             "progress": silent}  # fmt: skip
    common = {"image": "image", "model": "model", "limits": "limits", "progress": "progress"}
    kinds = {**common, "diameter": "length", "sensitivity": "share", "splitting": "share",
             "min_score": "share", "min_area": "whole or none", "max_area": "whole or none",
             "refine": "flag", "pixel_size": "pixel size", "device": "device"}  # fmt: skip
    yield Target(f"segment_cells {name}", segment_cells, cells, kinds)
    every = {"image": picture(), "model": model, "points_per_side": 2, "points_per_batch": 4,
             "pred_iou_thresh": 0.5, "stability_score_thresh": 0.5, "box_nms_thresh": 0.7,
             "crop_n_layers": 0, "min_mask_region_area": 0, "min_area": 0, "max_area": None,
             "drop_background": False, "ask_at": "grid", "output": "labels", "limits": (0, 255),
             "progress": silent}  # fmt: skip
    kinds = {**common, "points_per_batch": "count", "pred_iou_thresh": "share",
             "stability_score_thresh": "share", "box_nms_thresh": "share",
             "crop_n_layers": "count", "min_mask_region_area": "count", "min_area": "count",
             "points_per_side": "count", "drop_background": "flag", "ask_at": "word",
             "output": "word", "max_area": "whole or none"}  # fmt: skip
    yield Target(f"segment_everything {name}", segment_everything, every, kinds)
    embedding = model.encode(picture())
    asked = {"prompt": Prompt(points=[(20, 20)])}
    yield Target(
        f"{name} predict",
        lambda prompt: model.predict(embedding, prompt),
        asked,
        {"prompt": "options"},
    )


def _stacks(model: Any) -> Iterator[Target]:
    from napari_sam import (
        Prompt,
        interpolate,
        link_labels,
        propagate,
        segment_volume,
        track_cells,
    )
    from napari_sam.progress import silent

    stack, drawn = np.stack([picture()] * 3), np.stack([labels()] * 3)
    drawn[1] = 0
    between = {"labels": drawn, "number": 1, "progress": silent}
    kinds = {"labels": "stack of labels", "number": "id", "progress": "progress"}
    yield Target("interpolate", interpolate, between, kinds)
    linked = {"labels": drawn, "max_gap": 2, "divisions": True, "progress": silent}
    kinds = {"labels": "stack of labels", "max_gap": "count", "divisions": "flag",
             "progress": "progress"}  # fmt: skip
    yield Target("link_labels", link_labels, linked, kinds)
    common = {"model": "model", "limits": "limits", "device": "device", "progress": "progress"}
    grown = {"stack": stack, "prompts": {0: Prompt(points=[(20, 20)])}, "model": model,
             "first": 0, "last": 2, "limits": (0, 255), "device": "cpu",
             "progress": silent}  # fmt: skip
    kinds = {**common, "stack": "stack of images", "prompts": "prompts", "first": "count"}
    yield Target("propagate", propagate, grown, kinds)
    volume = {"stack": stack, "model": model, "spacing": (1, 1, 1), "limits": (0, 255),
              "device": "cpu", "progress": silent}  # fmt: skip
    kinds = {**common, "stack": "stack of images", "spacing": "spacing"}
    yield Target("segment_volume", segment_volume, volume, kinds)
    movie = {"movie": stack, "model": model, "max_gap": 2, "divisions": True,
             "limits": (0, 255), "device": "cpu", "progress": silent}  # fmt: skip
    kinds = {**common, "movie": "stack of images", "max_gap": "whole or none",
             "divisions": "flag or none"}  # fmt: skip
    yield Target("track_cells", track_cells, movie, kinds)


def _models(name: str, model: Any) -> Iterator[Target]:
    from napari_sam import Prompt
    from napari_sam.progress import silent

    encoded = {"plane": picture(), "limits": (0, 255), "progress": silent}
    kinds = {"plane": "image", "limits": "limits", "progress": "progress"}
    yield Target(f"{name} encode", model.encode, encoded, kinds)
    embedding = model.encode(picture())

    def ask(**arguments: Any) -> Any:
        return model.predict(embedding, Prompt(**arguments))

    click = {"points": [(20, 20)], "labels": [1], "boxes": [(10, 10, 30, 30)]}
    kinds = {"points": "places", "labels": "labels01", "boxes": "boxes"}
    yield Target(f"{name} predict", ask, click, kinds)
    yield Target(f"{name} predict a box", ask, {"boxes": [(10, 10, 30, 30)]}, {"boxes": "boxes"})
    again = {"points": [(20, 20)], "logits": np.zeros((64, 64)), "window": (0, 0, 64, 80)}
    kinds = {"logits": "logits", "window": "window"}
    yield Target(f"{name} predict again", ask, again, kinds)
    rough = {"mask": labels() == 1}
    yield Target(f"{name} predict a mask", ask, rough, {"mask": "plane mask"})


def _looks(model: Any) -> Iterator[Target]:
    from napari_sam import classify_objects, find_similar
    from napari_sam.progress import silent

    common = {"image": "image", "model": "model", "limits": "limits", "device": "device",
              "progress": "progress"}  # fmt: skip
    given = {"image": picture(), "model": model, "limits": (0, 255), "device": "cpu",
             "progress": silent}  # fmt: skip
    alike = {**given, "examples": labels() == 1, "unlike": labels() == 3, "likeness": 0.5}
    kinds = {**common, "examples": "examples", "likeness": "share"}
    yield Target("find_similar", find_similar, alike, kinds)
    told = {**given, "labels": labels(), "known": {1: "large", 3: "small"}}
    kinds = {**common, "labels": "labels", "known": "classes"}
    yield Target("classify_objects", classify_objects, told, kinds)


def _zoo() -> Iterator[Target]:
    from napari_sam import load_model
    from napari_sam.models import zoo
    from napari_sam.progress import silent

    loaded = {"name_or_path": "cells", "device": "cpu", "download": False, "precision": "auto",
              "cache": False, "progress": silent}  # fmt: skip
    kinds = {"name_or_path": "model", "device": "device", "download": "flag", "precision": "word",
             "progress": "progress"}  # fmt: skip
    yield Target("load_model", load_model, loaded, kinds)
    for function in (zoo.info, zoo.download, zoo.remove):
        yield Target(f"zoo.{function.__name__}", function, {"name": "cells"}, {"name": "model"})
    yield Target("zoo.add", zoo.add, {"path": "no file.pth", "name": "mine"}, {"path": "model"})
