"""Every public function, given what is none of its arguments: refused, and told what to do."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import napari.layers
import numpy as np
import pytest
import torch

import napari_sam as ns
from describing_model import DescribingModel
from fake_model import FakeModel
from napari_sam.batch.run import run_jobs
from napari_sam.embeddings.memory import EmbeddingCache
from napari_sam.errors import NapariSamError
from napari_sam.files.ctc import write_ctc
from napari_sam.labels.change import Origin
from napari_sam.labels.session import Session
from napari_sam.methods.finding_cells import find_cells
from napari_sam.methods.found_masks import find_masks
from napari_sam.methods.refining import refine_cells
from napari_sam.objects.classify import suggest
from napari_sam.stacks import geff, geff_reading
from napari_sam.stacks.volumes import link_slices

PIXELS = np.zeros((32, 40), np.uint8)
PIXELS[8:20, 8:20] = PIXELS[22:30, 25:35] = 200
STACK = np.stack([PIXELS] * 4)
LABELS = (STACK > 0).astype(np.int32)
LABELS[:, 22:] *= 2
MODEL, DESCRIBING = FakeModel(), DescribingModel()
SHOWN = ns.Prompt(points=[(10, 10)])
PLANE = ns.Plane((0, 1), (None, None), (32, 40))
FOUND = MODEL.predict(MODEL.encode(PIXELS), SHOWN)
SEGMENTED = ns.segment_cells(PIXELS, MODEL)
FOLDER = tempfile.TemporaryDirectory()  # removed when the tests end
FILE = Path(FOLDER.name) / "labels.tif"
NEW = FILE.with_name("new.tif")
FOLDER_LIKE_A_FILE = FILE.with_name("folder.tif")
FOLDER_LIKE_A_FILE.mkdir()
ns.write_labels(FILE, LABELS, "ZYX")
SESSION = Session((Origin(PLANE, (SHOWN,), "fake", (0,)),))


class Thing:
    """An object that is nothing else."""

    def __repr__(self) -> str:
        return "a thing"


NOTHING_KNOWN: dict[str, Any] = {
    "None": None,
    "number": 2.5,
    "text": "nonsense",
    "thing": Thing(),
    "list of None": [None],
    "array of objects": np.array([None, 1]),
    "array of too many axes": np.zeros((2, 2, 2, 2, 2, 2)),
}
#: By the name in `napari_sam.__all__`: how it is called, and which arguments are replaced.
CALLS: dict[str, tuple[Callable[..., Any], dict[str, Any]]] = {
    "Candidates": (
        lambda **how: ns.Candidates(logits=FOUND.logits, window=FOUND.window, **how),
        {"masks": FOUND.masks, "scores": FOUND.scores, "corner": (0, 0)},
    ),
    "Image": (ns.Image, {"pixels": PIXELS, "axes": "YX"}),
    "PixelSize": (ns.PixelSize, {"row": 0.5, "column": 0.5, "unit": "um", "slice": 2.0}),
    "Plane": (ns.Plane, {"axes": (0, 1), "index": (None, None), "shape": (32, 40)}),
    "ProgressLine": (ns.ProgressLine, {"what": "Finding"}),
    "Prompt": (ns.Prompt, {"points": [(1, 1)], "boxes": [(1, 1, 5, 5)]}),
    "Prompter": (ns.Prompter, {"image": PIXELS, "model": MODEL}),
    "Segmentation": (ns.Segmentation, {"labels": LABELS[0], "table": SEGMENTED.table}),
    "Tracks": (ns.Tracks, {"labels": LABELS, "table": SEGMENTED.table}),
    "adapt": (ns.adapt, {"model": "cells", "examples": [(PIXELS, LABELS[0])]}),
    "classify_objects": (
        lambda **how: ns.classify_objects(model=DESCRIBING, **how),
        {"image": PIXELS, "labels": LABELS[0], "known": {1: "round", 2: "long"}},
    ),
    "find_similar": (
        ns.find_similar,
        {"image": PIXELS, "examples": LABELS[0], "model": DESCRIBING},
    ),
    "interpolate": (ns.interpolate, {"labels": LABELS, "number": 1}),
    "link_labels": (ns.link_labels, {"labels": LABELS}),
    "load_model": (ns.load_model, {"name_or_path": "cells"}),
    "propagate": (ns.propagate, {"stack": STACK, "prompts": {1: SHOWN}, "model": MODEL}),
    "propagate_objects": (
        ns.propagate_objects,
        {"stack": STACK, "objects": {1: {1: SHOWN}}, "model": MODEL},
    ),
    "read_image": (ns.read_image, {"path": FILE, "axes": "ZYX"}),
    "read_labels": (ns.read_labels, {"path": FILE, "axes": "ZYX"}),
    "replay": (
        lambda **how: ns.replay(model=MODEL, **how),
        {"session": SESSION, "image": PIXELS},
    ),
    "segment_cells": (ns.segment_cells, {"image": PIXELS, "model": MODEL}),
    "segment_everything": (ns.segment_everything, {"image": PIXELS, "model": MODEL}),
    "segment_objects": (
        ns.segment_objects,
        {"image": PIXELS, "method": "cells", "model": MODEL},
    ),
    "segment_volume": (ns.segment_volume, {"stack": STACK, "model": MODEL}),
    "track_cells": (ns.track_cells, {"movie": STACK, "model": MODEL}),
    "write_labels": (
        lambda **how: ns.write_labels(FILE.with_name("written.tif"), **how),
        {"labels": LABELS, "axes": "ZYX"},
    ),
}
MADE_BY_MODELS = {"Embedding", "Model"}  # whose fields are between a model and itself
MEANT = {  # what is nothing elsewhere
    ("ProgressLine", "what", "text"),
    ("PixelSize", "row", "number"),
    ("PixelSize", "column", "number"),
    ("PixelSize", "slice", "number"),
    ("PixelSize", "slice", "None"),
    ("PixelSize", "unit", "text"),
    ("read_image", "axes", "None"),
    ("read_labels", "axes", "None"),
}
ANY_AXES = {"segment_cells", "segment_everything", "segment_objects"}  # of images
CASES = [
    pytest.param(name, argument, kind, id=f"{name}-{argument}-{kind}")
    for name, (_, arguments) in CALLS.items()
    for argument in arguments
    for kind in NOTHING_KNOWN
    if (argument, kind) != ("image", "array of too many axes") or name not in ANY_AXES
    if (name, argument, kind) not in MEANT
]


def test_every_public_name_is_looked_at() -> None:
    assert set(CALLS) | MADE_BY_MODELS | {"__version__", "errors"} == set(ns.__all__)


#: A person's natural guesses, and what the message says to do.
GUESSES: dict[str, tuple[Callable[[], Any], str]] = {
    "image for embedding": (lambda: MODEL.predict(PIXELS, SHOWN), "encode"),  # type: ignore[arg-type]
    "layer": (lambda: ns.segment_cells(napari.layers.Image(PIXELS), MODEL), r"\.data"),
    "layer of labels": (lambda: ns.link_labels(napari.layers.Labels(LABELS)), r"\.data"),
    "layer as pixels": (lambda: ns.Image(napari.layers.Image(PIXELS), "YX"), r"\.data"),
    "folder for an image": (lambda: ns.segment_cells(FOLDER.name, MODEL), "napari-sam segment"),
    "folder to be read": (lambda: ns.read_image(FOLDER.name), "napari-sam segment"),
    "pixel size": (lambda: ns.segment_cells(PIXELS, MODEL, pixel_size=0.5), "napari_sam.PixelS"),  # type: ignore[arg-type]
    "pixel size of an image": (lambda: ns.Image(PIXELS, "YX", pixel_size=0.5), "PixelSize"),  # type: ignore[arg-type]
    "pixel size of a result": (lambda: SEGMENTED.save(NEW, pixel_size=0.5), "PixelSize"),  # type: ignore[arg-type]
    "pixel size of labels": (lambda: ns.write_labels(NEW, PIXELS, pixel_size=0.5), "PixelSize"),  # type: ignore[arg-type]
    "limits of an image": (lambda: ns.Image(PIXELS, "YX", limits=(5, 5)), "increasing"),
    "small letters": (lambda: ns.Image(PIXELS, "yx"), "capital"),
    "points of a slice": (lambda: ns.propagate(STACK, {1: [(9, 9)]}, MODEL), "Prompt"),
    "a prompt alone": (lambda: ns.propagate(STACK, SHOWN, MODEL), "by slice"),  # type: ignore[arg-type]
    "result to be written": (lambda: ns.write_labels(NEW, SEGMENTED), r"\.labels"),  # type: ignore[arg-type]
    "no TIFF": (lambda: ns.write_labels(NEW.with_suffix(".png"), PIXELS), r"\.tif"),
    "no name": (lambda: ns.write_labels(FOLDER.name, PIXELS), r"\.tif"),
    "folder like a file": (lambda: ns.write_labels(FOLDER_LIKE_A_FILE, PIXELS), "folder"),
    "classes by class": (lambda: ns.classify_objects(PIXELS, LABELS[0], {"a": 1}), "keys of"),  # type: ignore[dict-item]
    "tracks of a plane": (lambda: write_ctc(NEW.with_suffix(""), PIXELS, {}), "frames"),
    "no parents": (lambda: write_ctc(NEW.with_suffix(""), STACK, None), "parents"),  # type: ignore[arg-type]
    "name for a prompter": (lambda: ns.Prompter(PIXELS, "cells"), r"load_model\('cells'\)"),  # type: ignore[arg-type]
    "ids beyond 32 bits": (
        lambda: ns.write_labels(NEW, np.int64(LABELS[0]) + 2**40),
        "relabel_sequential",
    ),
    "ids below 0": (lambda: ns.write_labels(NEW, LABELS[0] - 1), "-1 is among"),
    "tensor as pixels": (lambda: ns.Image(torch.zeros(9, 9), "YX"), r"\.numpy\(\)"),
    "tensor with gradients": (
        lambda: ns.segment_volume(torch.ones(4, 32, 40, requires_grad=True), MODEL),
        r"\.detach\(\)",
    ),
    "masked pixels": (lambda: ns.Image(np.ma.masked_equal(PIXELS, 0), "YX"), r"\.filled"),
    "part of a name": (lambda: ns.load_model("SAM2"), "Did you mean 'sam2"),
}


@pytest.mark.parametrize("guess", GUESSES)
def test_a_guess_is_told_what_to_do(guess: str) -> None:
    call, advice = GUESSES[guess]
    with pytest.raises(NapariSamError, match=advice):
        call()
    assert not NEW.exists()


def test_the_message_does_not_print_an_image() -> None:
    large = np.zeros((500, 500))
    for call in (lambda: ns.read_image(large), lambda: ns.write_labels(large, NEW)):  # type: ignore[arg-type, return-value]
        with pytest.raises(NapariSamError) as refused:
            call()
        assert len(str(refused.value)) < 200


@pytest.mark.parametrize("name", [name for name in CALLS if name != "adapt"])
def test_as_they_are_meant_they_are_taken(name: str) -> None:
    call, arguments = CALLS[name]
    call(**arguments)


ARRAYS = [
    (name, argument)
    for name, (_, arguments) in CALLS.items()
    for argument, value in arguments.items()
    if isinstance(value, np.ndarray) and name != "Image"
]


@pytest.mark.parametrize("of", [torch.from_numpy, np.ndarray.tolist], ids=["tensor", "lists"])
@pytest.mark.parametrize(("name", "argument"), ARRAYS)
def test_tensors_and_lists_are_taken_for_arrays(
    name: str, argument: str, of: Callable[[Any], Any]
) -> None:
    call, arguments = CALLS[name]
    call(**{**arguments, argument: of(np.array(arguments[argument]))})


def test_tensors_and_lists_are_taken_beside_others() -> None:
    for of in (torch.from_numpy, np.ndarray.tolist):
        ns.link_labels(of(LABELS), of(STACK))
        ns.propagate(of(STACK), {1: SHOWN}, MODEL, others=of(LABELS))


@pytest.mark.parametrize(("name", "argument", "kind"), CASES)
def test_what_is_none_of_its_arguments_is_refused(name: str, argument: str, kind: str) -> None:
    call, arguments = CALLS[name]
    with pytest.raises(NapariSamError) as refused:
        call(**{**arguments, argument: NOTHING_KNOWN[kind]})
    assert str(refused.value)


NOT_MEANT: dict[str, Any] = {
    "None": None,
    "empty": np.empty((0,)),
    "axes": np.zeros((2, 2, 2, 2, 2, 2)),
    "float labels": LABELS + 0.5,
    "list": [1],
    "path": "nowhere/labels.tif",
}
ENCODED = MODEL.encode(PIXELS)
#: Functions that scripts call beside those of `napari_sam`: with a wrong first argument.
ROOMS: dict[str, Callable[[Any], Any]] = {
    "link_slices": lambda found: link_slices(found, (4, 32, 40)),
    "link_slices, shape": lambda shape: link_slices([], shape),
    "geff.save": lambda tracks: geff.save(tracks, NEW.with_suffix(".geff")),
    "geff_reading.read": geff_reading.read,
    "suggest": lambda seen: suggest(seen, {1: "round", 2: "long"}),
    "find_cells": lambda pixels: find_cells(pixels, ENCODED, MODEL),
    "find_cells, embedding": lambda embedding: find_cells(PIXELS, embedding, MODEL),
    "find_cells, model": lambda model: find_cells(PIXELS, ENCODED, model),
    "find_masks": lambda pixels: find_masks(pixels, ENCODED, MODEL, MODEL),
    "find_masks, embedding": lambda embedding: find_masks(PIXELS, embedding, MODEL, MODEL),
    "find_masks, finder": lambda finder: find_masks(PIXELS, ENCODED, MODEL, finder),
    "refine_cells": lambda found: refine_cells(found, PIXELS, ENCODED, MODEL),
    "refine_cells, pixels": lambda pixels: refine_cells(SEGMENTED, pixels, ENCODED, MODEL),
    "run_jobs": run_jobs,
    "EmbeddingCache": EmbeddingCache,
}


@pytest.mark.parametrize("kind", NOT_MEANT)
@pytest.mark.parametrize("name", ROOMS)
def test_functions_of_the_rooms_refuse_what_is_not_meant(name: str, kind: str) -> None:
    with pytest.raises(NapariSamError) as refused:
        ROOMS[name](NOT_MEANT[kind])
    assert len(str(refused.value)) < 300
