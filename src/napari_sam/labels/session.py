"""What was done to make labels: prompts, searches, options and models, as plain JSON.

A session is what can be done again, on the same image or on another one, see `napari_sam.replay`.
Steps by hand (painted, merged, split pixels) are no part of it; it says how many there were.
"""

from __future__ import annotations

import itertools
import json
import os
import reprlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from napari_sam.errors import DataError, NapariSamError
from napari_sam.files.places import from_here, where_it_is
from napari_sam.images import Plane
from napari_sam.labels.change import Change, Origin
from napari_sam.labels.document import Document
from napari_sam.prompts import Placed, Prompt
from napari_sam.regions import Region

FORMAT, VERSION = "napari-sam session", 1
ENDING = ".session.json"

_BY_PROMPTS = ("accept", "correct")
_SILENT = ("mark", "fill")  # change no pixel that somebody made


@dataclass(frozen=True, eq=False)
class Session:
    """Steps that can be done again.

    Parameters
    ----------
    steps : tuple of Origin
        Each with prompts, or with a method and its options.
    image : str
        The file that they were made on, if it is known.
    limits : (low, high), optional
        Contrast limits that were set.
    not_repeated : mapping of str to int
        How many steps of other kinds there were, which are no part of it.
    """

    steps: tuple[Origin, ...]
    image: str = ""
    limits: tuple[float, float] | None = None
    not_repeated: Mapping[str, int] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.steps)

    def write(self, path: str | Path) -> Path:
        """Write a JSON file, in one piece: one that is there stays until all is written.

        Raises
        ------
        DataError
        """
        from napari_sam.files import in_one_piece

        path = Path(path)
        told = self.told()
        if self.image:
            seen = from_here(Path(self.image).absolute(), path.absolute().parent)
            told["image_from_here"] = seen
        text = json.dumps(told, indent=1)
        try:
            with in_one_piece(path) as temporary:
                temporary.write_text(text, encoding="utf-8")
        except OSError as error:
            raise DataError(f"{path} cannot be written ({error}). Choose another place.") from error
        return path

    def told(self) -> dict[str, Any]:
        """Return it as what JSON can say."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "image": self.image,
            "limits": self.limits,
            "steps": [_step_out(step) for step in self.steps],
            "not_repeated": dict(self.not_repeated),
        }


def session_of(
    document: Document, image: str = "", limits: tuple[float, float] | None = None
) -> Session:
    """Collect what can be done again of all that happened to some labels.

    Cells that were kept and deleted later are left out.

    Parameters
    ----------
    document : Document
    image : str
        Its file, if it is known.
    limits : (low, high), optional

    Returns
    -------
    Session
    """
    steps = [one for one in document.filled.values() if one.method]
    others: Counter[str] = Counter()
    for at, change in enumerate(document.log):
        origin = change.origin
        if origin is not None and change.kind in _BY_PROMPTS and origin.prompts:
            if not _deleted(change, document.log[at + 1 :]):
                steps.append(origin)
        elif origin is not None and origin.method:
            steps.append(origin)
        elif change.kind not in (*_SILENT, "delete"):
            others[change.kind] += 1
    return Session(tuple(steps), image, limits, dict(others))


def _deleted(change: Change, later: tuple[Change, ...]) -> bool:
    """Whether all that a step made was deleted by a later one."""
    gone: set[int] = set()
    for step in later:
        if step.kind == "delete":
            gone |= set(step.pixels.ids)
    return bool(change.new_ids) and set(change.new_ids) <= gone


def read_session(path: str | Path) -> Session:
    """Read what `Session.write` wrote.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    Session

    Raises
    ------
    DataError
        When there is no such file, or it is no session, or one of a newer version.
    """
    if not isinstance(path, str | os.PathLike):
        raise DataError(f"A session is a file that the panel wrote, got {reprlib.repr(path)}.")
    path = Path(path)
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from error
    except ValueError as error:
        raise DataError(f"{path} cannot be read as a session ({error}).") from error
    if not isinstance(told, dict) or told.get("format") != FORMAT:
        raise DataError(f"{path} is no session: the panel writes one under Click > More.")
    if told.get("version") != VERSION:
        raise DataError(
            f"{path} is a session of version {told.get('version')}, this program reads {VERSION}: "
            "install a newer one."
        )
    try:
        limits = told.get("limits")
        return Session(
            tuple(_step_in(step) for step in told["steps"]),
            _image(told, path),
            None if limits is None else (float(limits[0]), float(limits[1])),
            {str(kind): int(count) for kind, count in told.get("not_repeated", {}).items()},
        )
    except (NapariSamError, KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        raise DataError(f"{path} is damaged: {error!r}.") from error


def _image(told: dict[str, Any], path: Path) -> str:
    """Return the file of the image, which may have been moved together with the session."""
    image = str(told.get("image") or "")
    if not image:
        return ""
    return str(where_it_is(Path(image), told.get("image_from_here"), path.parent))


# -- steps and prompts -----------------------------------------------------------------------------


def _step_out(step: Origin) -> dict[str, Any]:
    plane = step.plane
    told: dict[str, Any] = {"model": step.model}
    if plane is not None:
        told["plane"] = {"axes": plane.axes, "index": plane.index, "shape": plane.shape}
    if step.method:
        if step.prompts:
            told["region"] = _prompt_out(step.prompts[0])["mask"]
        return {**told, "method": step.method, "options": dict(step.options)}
    told["prompts"] = [_prompt_out(prompt) for prompt in step.prompts]
    told["choices"] = list(step.choices)
    told["by_hand"] = step.by_hand
    return told


def _step_in(told: dict[str, Any]) -> Origin:
    place = told.get("plane")
    plane = None if place is None else Plane(*(tuple(place[k]) for k in ("axes", "index", "shape")))
    if "method" in told:
        region = (_prompt_in({"mask": told["region"]}),) if "region" in told else ()
        how: dict[str, Any] = {"method": str(told["method"]), "options": dict(told["options"])}
        return Origin(plane, region, str(told["model"]), **how)
    prompts = tuple(_prompt_in(prompt) for prompt in told["prompts"])
    choices = tuple(int(choice) for choice in told["choices"])
    return Origin(plane, prompts, str(told["model"]), choices, bool(told.get("by_hand", False)))


def _prompt_out(prompt: Prompt) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if len(prompt.points):
        told |= {"points": prompt.points.tolist(), "labels": np.asarray(prompt.labels).tolist()}
    if prompt.strokes:
        told["strokes"] = [line.tolist() for line in prompt.strokes]
        told["stroke_labels"] = np.asarray(prompt.stroke_labels).tolist()
    if len(prompt.boxes):
        told["boxes"] = prompt.boxes.tolist()
    if prompt.region is not None:
        assert prompt.mask_shape is not None
        told["mask"] = {
            "shape": prompt.mask_shape,
            "box": prompt.region.box,
            "runs": _runs(prompt.region.mask.ravel()),
        }
    if prompt.text:
        told["text"] = prompt.text
    return told


def _prompt_in(told: dict[str, Any]) -> Prompt:
    mask = None
    if "mask" in told:
        r0, c0, r1, c1 = (int(edge) for edge in told["mask"]["box"])
        runs = [int(run) for run in told["mask"]["runs"]]
        pixels = np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(r1 - r0, c1 - c0)
        shape = tuple(int(side) for side in told["mask"]["shape"])
        mask = Placed(Region.of(pixels, r0, c0), (shape[0], shape[1]))
    return Prompt(
        told.get("points", ()),
        told.get("labels"),
        told.get("boxes", ()),
        mask,
        text=told.get("text"),
        strokes=told.get("strokes", ()),
        stroke_labels=told.get("stroke_labels"),
    )


def _runs(flat: Any) -> list[int]:
    """Lengths of runs along the rows, of pixels outside and inside by turns, outside first."""
    ends = np.flatnonzero(np.diff(flat, prepend=False)).tolist()
    edges = [0, *ends, len(flat)]
    return [b - a for a, b in itertools.pairwise(edges)]
