"""Objects described, compared with examples, and found by them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

import napari_sam as ns
from describing_model import DescribingModel, two_kinds
from fake_model import FakeModel
from napari_sam.errors import DataError, LabelsError, ModelError, ParameterError
from napari_sam.methods.finding_cells import find_cells
from napari_sam.methods.recipe import as_command, as_python
from napari_sam.methods.similar import METHOD
from napari_sam.methods.similar_options import SimilarOptions, read_examples
from napari_sam.objects.describe import Looks, Sight
from napari_sam.objects.examples import Examples
from napari_sam.objects.likeness import Likeness
from napari_sam.objects.shape import NAMES, shape_and_brightness
from napari_sam.objects.texture import texture
from tiny_cells import tiny_model


def looks(places: np.ndarray) -> Looks:
    """Objects at chosen places among the measures, with features that say nothing."""
    measures = np.zeros((len(places), len(NAMES)), np.float32)
    measures[:, : places.shape[1]] = places
    return Looks(measures, np.ones((len(places), 20), np.float32))


def hit(found: ns.Segmentation, labels: np.ndarray) -> set[int]:
    """The discs that something was found on."""
    return set(np.unique(labels[found.labels > 0])) - {0}


# what objects look like -----------------------------------------------------------------------


@given(st.integers(4, 12), st.integers(4, 12), st.integers(0, 3), st.booleans())
@settings(max_examples=30, deadline=None)
def test_measures_do_not_depend_on_place_or_quarter_turns(
    height: int, width: int, turns: int, flipped: bool
) -> None:
    labels = np.zeros((40, 40), np.int32)
    labels[10 : 10 + height, 12 : 12 + width] = 1
    grey = np.where(labels, np.linspace(0.2, 0.9, 40)[:, None], 0.1)
    moved, light = np.roll(labels, (5, -3), (0, 1)), np.roll(grey, (5, -3), (0, 1))
    if flipped:
        moved, light = moved[::-1], light[::-1]
    moved, light = np.rot90(moved, turns), np.rot90(light, turns)
    np.testing.assert_allclose(
        shape_and_brightness(moved, light), shape_and_brightness(labels, grey), atol=1e-4
    )


def test_measures_tell_what_they_say() -> None:
    image, labels = two_kinds()
    found = shape_and_brightness(labels, image / image.max())
    by_name = dict(zip(NAMES, found.T, strict=True))
    large = np.arange(40) % 2 == 1
    assert by_name["log_area"][large].min() > by_name["log_area"][~large].max() + 0.5
    assert by_name["mean"][large].min() > by_name["mean"][~large].max()
    assert np.abs(by_name["elongation"]).max() < 0.1
    assert np.isfinite(found).all()
    assert shape_and_brightness(np.zeros((5, 5), int), np.zeros((5, 5))).shape == (0, len(NAMES))


def test_an_id_without_pixels_is_described_by_zeros() -> None:
    labels = np.zeros((20, 20), np.int32)
    labels[2:8, 2:8] = 3
    found = shape_and_brightness(labels, np.ones((20, 20)))
    assert found.shape[0] == 3
    assert not found[:2].any()
    assert found[2].any()


def test_a_scene_describes_the_same_object_alike_wherever_it_lies() -> None:
    model = tiny_model()
    image = np.zeros((160, 160), np.float32)
    labels = np.zeros(image.shape, np.int32)
    for number, (row, column) in enumerate([(32, 32), (96, 32), (32, 96)], 1):
        labels[row : row + 16, column : column + 16] = number
    labels[100:101, 120:121] = 4  # smaller than a pixel of the maps, perhaps
    image[labels > 0] = 1
    embedding = model.encode(image)
    seen = model.scene(embedding).describe(labels)
    assert seen.shape[0] == 4
    assert np.isfinite(seen).all()
    apart = np.abs(seen[0] - seen[1]).max()
    assert apart < 0.05 * np.abs(seen[0] - seen[3]).max() + 1e-3
    other = tiny_model(seed=1)
    with pytest.raises(ModelError, match="another model"):
        other.scene(embedding)


# how alike they are ---------------------------------------------------------------------------


def test_two_groups_are_told_apart_by_three_examples() -> None:
    rng = np.random.default_rng(1)
    places = np.concatenate([rng.normal(0, 1, (60, 3)), rng.normal((5, 0, 0), 1, (30, 3))])
    found = Likeness.fit(looks(places), looks(places[60:63]))
    similarity = found.similarity(looks(places))
    assert np.mean(similarity[60:] > 0.5) > 0.9
    assert np.mean(similarity[:60] < 0.5) > 0.9


def test_answers_sharpen_what_is_meant() -> None:
    """Examples agree in two ways; a no says that only one of them is meant."""
    rng = np.random.default_rng(2)
    groups = [rng.normal(middle, 0.6, (40, 2)) for middle in ((0, 0), (4, 0), (0, 4), (4, 4))]
    every = looks(np.concatenate(groups))
    yes = looks(groups[3][:4])
    wanted = np.repeat([False, True, False, True], 40)  # what is far along the first axis
    before = Likeness.fit(every, yes).similarity(every)
    yes = looks(np.concatenate([groups[3][:4], groups[1][:4]]))
    after = Likeness.fit(every, yes, looks(groups[2][:4])).similarity(every)

    def right(similarity: np.ndarray) -> float:
        return float(np.mean((similarity > 0.5) == wanted))

    assert right(after) > 0.95
    assert right(after) >= right(before)


@given(st.integers(1, 6), st.integers(0, 4), st.integers(0, 20))
@settings(max_examples=40, deadline=None)
def test_any_number_of_examples_gives_numbers(yes: int, no: int, others: int) -> None:
    rng = np.random.default_rng(yes + 10 * no + 100 * others)
    every = looks(rng.normal(0, 1, (others, 4)))
    against = looks(rng.normal(0, 1, (no, 4)))
    found = Likeness.fit(every, looks(rng.normal(0, 1, (yes, 4))), against)
    similarity = found.similarity(every)
    assert similarity.shape == (others,)
    assert ((similarity >= 0) & (similarity <= 1)).all()


def test_objects_that_are_all_the_same_are_no_error() -> None:
    same = looks(np.zeros((5, 2)))
    assert np.isfinite(Likeness.fit(same, same.of([0])).similarity(same)).all()


# finding them ---------------------------------------------------------------------------------


def crowd(seed: int, count: int, freedom: int) -> Looks:
    """Objects of one population; with few degrees of freedom some are far from all others."""
    return looks(np.random.default_rng(seed).standard_t(freedom, (count, 6)))


@pytest.mark.parametrize("count", [40, 200])
@pytest.mark.parametrize("freedom", [6, 50])
def test_all_of_one_population_are_alike_and_ranked(count: int, freedom: int) -> None:
    alike = [
        Likeness.fit(every, every.of([0, 1, 2])).similarity(every)
        for every in (crowd(seed, count, freedom) for seed in range(30))
    ]
    # By chance some crowds look as if they were two.
    assert sum(bool((one >= 0.5).all()) for one in alike) >= 27
    assert np.mean([one[:3].mean() - one.mean() for one in alike]) > 0


@given(st.integers(0, 1000), st.sampled_from([40, 200]), st.sampled_from([6, 50]))
@settings(max_examples=20, deadline=None)
def test_no_answer_is_contradicted(seed: int, count: int, freedom: int) -> None:
    every = crowd(seed, count, freedom)
    yes = [0, 1, 2]
    alike = Likeness.fit(every, every.of(yes)).similarity(every)
    no = [int(one) for one in np.argsort(alike) if one not in yes][:5]
    parted = Likeness.fit(every, every.of(yes), every.of(no)).similarity(every)
    assert (parted[no] < 0.5).all()
    assert (parted[yes] >= 0.5).all()


@given(st.integers(0, 3), st.floats(0.5, 2.0))
@settings(max_examples=10, deadline=None)
def test_texture_does_not_depend_on_place_turns_or_brightness(turns: int, light: float) -> None:
    labels = np.zeros((40, 40), np.int32)
    labels[8:22, 8:22], labels[24:34, 20:36] = 1, 2
    rng = np.random.default_rng(0)
    grey = np.where(labels > 0, 0.4 + 0.1 * rng.standard_normal(labels.shape), 0.1)
    usual = texture(labels, grey)
    turned = texture(np.rot90(labels, turns), np.rot90(grey, turns))
    np.testing.assert_allclose(turned, usual, atol=1e-3)
    lit = texture(labels, grey * light)
    np.testing.assert_allclose(lit[:, 1:], usual[:, 1:], atol=0.05)
    assert np.isfinite(texture(np.ones((9, 9), int), np.zeros((9, 9)))).all()
    assert texture(np.zeros((5, 5), int), np.zeros((5, 5))).shape == (0, 8)


def test_like_a_few_large_ones_are_all_large_ones() -> None:
    image, labels = two_kinds()
    shown = np.where(np.isin(labels, (2, 4, 6)), labels, 0)
    found = ns.find_similar(image, shown, DescribingModel())
    assert len(found) == 20
    assert found.table["similarity"].is_monotonic_decreasing
    assert list(found.table["label"]) == list(range(1, 21))
    hit = np.unique(labels[found.labels > 0])
    assert (hit[hit > 0] % 2 == 0).all()
    everything = ns.find_similar(image, shown, DescribingModel(), likeness=0.0)
    assert len(everything) == len(ns.segment_cells(image, DescribingModel()))


def test_masks_and_another_image_show_what_is_meant() -> None:
    image, labels = two_kinds()
    # As the model itself outlines them.
    every = ns.segment_cells(image, DescribingModel())
    seen, expected = every.labels, {one for one in hit(every, labels) if one % 2}
    assert len(expected) > 15
    masks = [seen == seen[labels == number].max() for number in (1, 3, 5)]
    small = ns.find_similar(image, masks, DescribingModel())
    assert hit(small, labels) == expected
    turned = image[::-1].copy()
    there = ns.find_similar(turned, np.logical_or.reduce(masks), DescribingModel(), shown_on=image)
    assert all(one % 2 for one in hit(there, labels[::-1]))
    assert len(hit(there, labels[::-1])) > 15
    unlike = [seen == seen[labels == number].max() for number in (2, 4)]
    sure = ns.find_similar(image, masks[:1], DescribingModel(), unlike=unlike)
    assert hit(sure, labels) == expected


def test_a_stack_is_searched_by_examples_of_one_slice() -> None:
    image, labels = two_kinds()
    stack = np.stack([image, image[::-1]])
    shown = np.stack([np.where(np.isin(labels, (2, 4, 6)), labels, 0), np.zeros_like(labels)])
    found = ns.find_similar(stack, shown, DescribingModel())
    assert len(found) == 40
    assert set(found.table["axis_0"]) == {0, 1}
    assert len(np.unique(found.labels)) == 41


def test_answers_need_no_new_search() -> None:
    image, labels = two_kinds()
    model = DescribingModel()
    examples = Examples.of(image, np.where(labels == 2, 1, 0))
    options = SimilarOptions(examples=examples)
    embedding = model.encode(image)
    cells = find_cells(image, embedding, model)
    examples.described(model, lambda *_: cells.labels(options)[0])
    from napari_sam.methods.found_similar import FoundSimilar

    found = FoundSimilar(cells, Sight.of(image, embedding, model), model.fingerprint)
    numbers, seen = found.looks(options)
    small = numbers[labels == 1][0] - 1
    more = SimilarOptions(
        examples=examples.with_more(seen.of([numbers[labels == 4][0] - 1]), model.fingerprint),
        unlike=Examples.answers(seen.of([small]), model.fingerprint),
    )
    encoded = len(model.encoded)
    assert not METHOD.needs_search(options, more)
    assert len(found.choose(more)) == 20
    assert len(model.encoded) == encoded
    assert METHOD.needs_search(options, SimilarOptions(examples=Examples.of(image, labels)))
    assert METHOD.needs_search(options, SimilarOptions(examples=examples, diameter=9)) is False
    assert METHOD.searches_again(options, SimilarOptions(examples=examples, diameter=9))


def test_what_cannot_be_looked_for_is_refused() -> None:
    image, labels = two_kinds()
    with pytest.raises(LabelsError, match="no example"):
        ns.find_similar(image, np.zeros_like(labels), DescribingModel())
    with pytest.raises(LabelsError, match="same rows"):
        ns.find_similar(image, labels[:9], DescribingModel())
    with pytest.raises(LabelsError, match="image's shape"):
        ns.find_similar(image, [labels[:9] == 1], DescribingModel())
    with pytest.raises(ModelError, match="looks like"):
        ns.find_similar(image, labels, FakeModel())
    with pytest.raises(ParameterError, match="Nothing says"):
        ns.segment_objects(image, "similar", DescribingModel())
    with pytest.raises(ParameterError, match="Examples"):
        SimilarOptions(examples=labels)
    with pytest.raises(ParameterError, match="no option 'colour'"):
        ns.find_similar(image, labels, DescribingModel(), colour="red")


# recipes and files ----------------------------------------------------------------------------


def test_a_recipe_names_the_examples() -> None:
    image, labels = two_kinds()
    options = SimilarOptions(likeness=0.7, examples=Examples.of(image, labels))
    code = as_python(options)
    assert "ns.find_similar(image" in code
    assert "examples=examples" in code
    assert "likeness=0.7" in code
    with pytest.raises(ParameterError, match="--examples FILE"):
        as_command(options)


def test_examples_are_read_beside_their_image(tmp_path: Path) -> None:
    image, labels = two_kinds()
    tifffile.imwrite(tmp_path / "a.tif", image.astype(np.float32))
    tifffile.imwrite(tmp_path / "a_examples.tif", np.isin(labels, (2, 4)).astype(np.uint8))
    found = read_examples(tmp_path / "a_examples.tif")
    assert len(found.shown) == 1
    assert found.file == tmp_path / "a_examples.tif"
    with pytest.raises(DataError, match="no examples at"):
        read_examples(tmp_path / "b_examples.tif")
    (tmp_path / "a.tif").unlink()
    with pytest.raises(DataError, match="no image beside"):
        read_examples(tmp_path / "a_examples.tif")
