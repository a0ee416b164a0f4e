"""A taught model sees images of the kind that it was taught on anew, and all others as before."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

import napari_sam as ns
from napari_sam.errors import CheckpointError
from napari_sam.models.cells.kind import ALIKE, Kind
from napari_sam.models.cells.model import CellsModel
from napari_sam.training import teaching
from napari_sam.training.synthetic import generate
from rounding import rounding
from tiny_cells import QUICK, tiny_model

KIND, OTHERS = "discs", ("em_axons", "stain_pink_purple")


def picture(kind: str = KIND, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Bright discs on noise, elsewhere for every seed; or a generated image."""
    if kind != KIND:
        image, labels, *_ = generate(kind, seed, (192, 192))
        return np.asarray(image), np.asarray(labels)
    rng = np.random.default_rng(seed)
    rows, columns = np.indices((192, 192))
    image, labels = rng.normal(20, 3, (192, 192)), np.zeros((192, 192), np.int32)
    for number in range(36):
        row, column = 16 + 31 * np.array(divmod(number, 6)) + rng.integers(-4, 5, 2)
        inside = (rows - row) ** 2 + (columns - column) ** 2 <= 81
        image[inside] += 60
        labels[inside] = number + 1
    return image.astype(np.float32), labels


def taught_on(model: ns.Model, *pictures: tuple[np.ndarray, np.ndarray], seed: int = 0) -> ns.Model:
    recipe = QUICK.__class__(**{**vars(QUICK), "generated": 12})
    return teaching.teach(
        model, pictures, 3600, steps=2, anyway=True, recipe=recipe, seed=seed
    ).model


def seen(model: ns.Model, image: np.ndarray) -> np.ndarray:
    return np.asarray(model.encode(image).features.maps.foreground)


@pytest.fixture(scope="module")
def both() -> tuple[CellsModel, CellsModel]:
    """A model, and what it becomes when it is taught."""
    model = tiny_model()
    taught = taught_on(model, picture())
    assert isinstance(taught, CellsModel)
    return model, taught


@pytest.mark.parametrize("seed", [1, 2])
def test_images_of_the_kind_are_seen_anew(both: tuple[CellsModel, CellsModel], seed: int) -> None:
    model, taught = both
    image, _ = picture(seed=seed)
    embedding = taught.encode(image)
    assert embedding.features.eyes.network is taught.network
    assert not np.array_equal(seen(model, image), seen(taught, image))


@pytest.mark.parametrize("kind", OTHERS)
def test_other_images_are_seen_as_before_to_the_last_bit(
    both: tuple[CellsModel, CellsModel], kind: str
) -> None:
    model, taught = both
    image, labels = picture(kind)
    assert np.array_equal(seen(model, image), seen(taught, image))
    point = ns.Prompt(points=[tuple(np.argwhere(labels)[0])])
    before, after = (one.predict(one.encode(image), point).logits for one in both)
    assert np.array_equal(before, after)
    found, now = (ns.segment_cells(image, model=one).labels for one in both)
    assert np.array_equal(found, now)


def test_a_file_knows_the_kind_and_what_was_before(
    both: tuple[CellsModel, CellsModel], tmp_path: Path
) -> None:
    _, taught = both
    again = ns.load_model(taught.save(tmp_path / "mine.safetensors"), precision="float32")
    twice = ns.load_model(again.save(tmp_path / "again.safetensors"), precision="float32")
    for kind, seed in ((KIND, 1), (OTHERS[0], 0)):
        image, _ = picture(kind, seed)
        first = seen(taught, image)
        allowed = rounding(first, terms=9 * 32, products=30)
        for other in (again, twice):
            known = other.encode(image).features.eyes.network is other.network
            assert known == (kind == KIND)
            # What was before is rounded as a file holds it, to a few thousandths of the weights.
            limit = allowed if kind == KIND else 0.02
            assert float(np.abs(seen(other, image) - first).max()) <= limit


def test_taught_another_kind_it_knows_both(both: tuple[CellsModel, CellsModel]) -> None:
    model, taught = both
    further = taught_on(taught, picture(OTHERS[0]))
    assert isinstance(further, CellsModel)
    assert further.past is not None
    assert further.past.eyes.network is model.network
    eyes = [further.encode(picture(kind, 1)[0]).features.eyes for kind in (KIND, *OTHERS)]
    assert [one.network is further.network for one in eyes] == [True, True, False]
    assert eyes[0].usual != eyes[1].usual


def test_the_fingerprint_tells_models_of_other_kinds_apart(
    both: tuple[CellsModel, CellsModel],
) -> None:
    _, taught = both
    lesson = taught.history[-1]
    assert taught.past is not None
    kind = taught.past.kinds[0]
    other = Kind(kind.diameter, kind.others, kind.looks)
    state = taught.network.state_dict()
    plain = tiny_model()
    prints = {plain.taught(state, "t", lesson, one).fingerprint for one in (kind, other, None)}
    assert len(prints) == 3


def test_likeness_is_of_what_is_unusual() -> None:
    rng = np.random.default_rng(0)
    others = tuple(rng.normal(5, 1, (200, 30)).astype(np.float32) for _ in range(2))
    mine = tuple(rng.normal(8, 1, (3, 30)).astype(np.float32) for _ in range(2))
    kind = Kind(20.0, mine, others)
    own, any_other, opposite = (
        kind.likeness(tuple(np.full(30, value, np.float32) for _ in range(2)))
        for value in (8, 5, 2)
    )
    assert own > ALIKE > 0.3 > any_other > -0.3 > opposite
    assert kind.likeness(tuple(one[0] for one in mine)) == pytest.approx(1)


@pytest.mark.parametrize(
    "damage", ["no looks", "narrow looks", "no sizes", "endless", "no weights"]
)
def test_a_damaged_past_is_refused(
    both: tuple[CellsModel, CellsModel], damage: str, tmp_path: Path
) -> None:
    path = both[1].save(tmp_path / "mine.safetensors")
    with safe_open(path, "pt") as file:
        words = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    if damage == "no looks":
        del tensors["kind.0.looks.1"]
    elif damage == "narrow looks":
        tensors["kind.0.looks.1"] = tensors["kind.0.looks.1"][:, :2].contiguous()
    elif damage == "no weights":
        tensors["before.size_head.1.weight"] = torch.zeros(3)
    elif damage == "no sizes":
        del words["past"]
    else:
        words["past"] = json.dumps({"usual": None, "diameters": [float("inf")]})
    broken = tmp_path / "broken.safetensors"
    save_file(tensors, broken, metadata=words)
    with pytest.raises(CheckpointError, match="broken"):
        ns.load_model(broken)
