"""Prompts on planes of any size: the answer is that of the whole plane, of which little is read."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import napari_sam as ns
from fake_model import FakeModel
from images_watched import Watched, pyramid
from napari_sam.engine.prompter import Look
from napari_sam.errors import ImageError, PromptError
from napari_sam.images import Image

SHAPE = (2310, 3003)
LIMITS = (0.0, 255.0)
CENTRES = [(r, c) for r in range(100, 2300, 180) for c in range(90, 2980, 190)]
LARGE = (1600, 1500, 420)  # row, column and radius of an object larger than the field


class Small(FakeModel):
    """A model that sees 256 pixels at a time."""

    field = 256


def slide(radius: int = 14, large: bool = False) -> np.ndarray:
    """Many discs, or one that is large, on a plane that is not read whole."""
    pixels = np.full(SHAPE, 10, np.uint8)
    y, x = np.mgrid[: 2 * radius + 1, : 2 * radius + 1] - radius
    disc = y**2 + x**2 <= radius**2
    for row, column in CENTRES:
        part = pixels[row - radius : row + radius + 1, column - radius : column + radius + 1]
        part[disc] = 200
    if large:
        r, c, reach = LARGE
        y, x = np.ogrid[: SHAPE[0], : SHAPE[1]]
        pixels[(y - r) ** 2 + (x - c) ** 2 <= reach**2] = 200
    return pixels


SLIDE = slide()


def truth(prompt: ns.Prompt, pixels: np.ndarray = SLIDE) -> np.ndarray:
    """What the model says of the whole plane."""
    model = FakeModel()
    return model.predict(model.encode(pixels, limits=LIMITS), prompt).masks


def assert_right(found: ns.Candidates, prompt: ns.Prompt) -> None:
    """Compare with what the model says of the part around an object, for the sake of time."""
    row, column = (int(v) for v in found.regions[1].box[:2])
    r0, c0 = max(row - 90, 0), max(column - 90, 0)
    part = np.s_[r0 : r0 + 200, c0 : c0 + 200]
    near = np.abs(prompt.points - (r0 + 100, c0 + 100)).max(axis=1) < 100
    moved = ns.Prompt(
        points=prompt.points[near] - (r0, c0),
        labels=prompt.labels[near],
        boxes=(prompt.boxes.reshape(-1, 2) - (r0, c0)).reshape(-1, 4),
        mask=None if prompt.mask is None else prompt.mask[part],
    )
    expected = truth(moved, SLIDE[part])
    assert expected.any(axis=(1, 2)).all()
    for region, mask in zip(found.regions, expected, strict=True):
        np.testing.assert_array_equal(region.on(mask.shape, r0, c0), mask)


@given(st.sampled_from(CENTRES), st.integers(-9, 9), st.integers(-9, 9))
@settings(max_examples=5, deadline=None)
def test_a_click_gives_the_mask_of_the_whole_plane(
    centre: tuple[int, int], down: int, along: int
) -> None:
    watched = Watched(SLIDE)
    prompter = ns.Prompter(Image(watched, "YX", limits=LIMITS), Small())
    prompt = ns.Prompt(points=[(centre[0] + down, centre[1] + along)])
    found = prompter.predict(prompt)
    assert_right(found, prompt)
    assert found.masks.shape == (3, *SHAPE)
    assert watched.read <= 256 * 256
    assert found.parts.shape[1] < 40


def test_boxes_masks_and_clicks_that_say_no() -> None:
    prompter = ns.Prompter(Image(SLIDE, "YX", limits=LIMITS), Small())
    prompter.large = True  # it is small enough to be read whole
    row, column = CENTRES[40]
    rough = np.zeros(SHAPE, bool)
    rough[row - 5 : row + 5, column - 5 : column + 5] = True
    for prompt in (
        ns.Prompt(boxes=[(row - 14, column - 14, row + 14, column + 14)]),
        ns.Prompt(mask=rough),
        ns.Prompt(points=[(row, column), (row + 9, column)], labels=[1, 0]),
        ns.Prompt(points=[(row, column), (5, 5)], labels=[1, 0]),
    ):
        assert_right(prompter.predict(prompt), prompt)


@pytest.mark.parametrize("levels", [1, 4])
def test_an_object_larger_than_the_field_is_looked_at_from_further_away(levels: int) -> None:
    pixels = slide(large=True)
    watched = [Watched(level) for level in pyramid(pixels, levels)]
    prompter = ns.Prompter(Image(watched, "YX", limits=LIMITS), Small())
    row, column, radius = LARGE
    prompt = ns.Prompt(points=[(row + 0.4 * radius, column)])
    found, read = prompter.answer(prompt)
    expected = truth(prompt, pixels)[0]
    overlap = (found.masks[0] & expected).sum() / (found.masks[0] | expected).sum()
    assert overlap > 0.97
    assert read.tile.scale.longest == (32 if levels == 4 else 8)
    if levels == 4:
        assert sum(level.read for level in watched) < 0.1 * pixels.size


def test_who_looks_from_far_away_means_what_is_seen_from_there() -> None:
    levels = pyramid(slide(large=True), 5)
    far, near = (ns.Prompter(Image(levels, "YX", limits=LIMITS), Small()) for _ in range(2))
    for one in (far, near):
        one.large = True
    row, column, _ = LARGE
    assert far.prepare(Look((row, column), 40.0)).tile.scale.longest > 4
    assert near.prepare(Look((row, column), 0.5)).tile.scale.longest == 1


def test_sizes_seen_before_count_only_where_such_objects_can_be_seen() -> None:
    prompter = ns.Prompter(Image(pyramid(SLIDE, 5), "YX", limits=LIMITS), Small())
    prompter.large = True
    prompter.predict(ns.Prompt(points=[CENTRES[40]]))  # 29 pixels wide
    row, column = CENTRES[50]
    assert prompter.prepare(Look((row, column), 4.0)).tile.scale.longest == 1
    assert prompter.prepare(Look((row, column), 10.0)).tile.scale.longest == 4


def test_what_was_read_is_not_read_again() -> None:
    watched, model = Watched(SLIDE), Small()
    prompter = ns.Prompter(Image(watched, "YX", limits=LIMITS), model)
    row, column = CENTRES[50]
    first = ns.Prompt(points=[(row, column)])
    assert not prompter.ready(first)
    found = prompter.predict(first)
    read, encoded = watched.read, len(model.encoded)
    assert prompter.ready(first)
    for place in ((row + 3, column - 4), (row - 60, column + 50)):
        prompter.predict(ns.Prompt(points=[place]))
    again = ns.Prompt(
        points=[(row, column), (row + 5, column)], logits=found.logits[0], window=found.window
    )
    prompter.predict(again)
    assert (watched.read, len(model.encoded)) == (read, encoded)
    np.testing.assert_allclose(model.prompts[-1].window, (0, 0, 256, 256), atol=1e-9)


def test_logits_of_another_place_are_let_go() -> None:
    model = Small()
    prompter = ns.Prompter(Image(Watched(SLIDE), "YX", limits=LIMITS), model)
    found = prompter.predict(ns.Prompt(points=[CENTRES[0]]))
    prompt = ns.Prompt(points=[CENTRES[-1]], logits=found.logits[0], window=found.window)
    assert_right(prompter.predict(prompt), prompt)
    assert model.prompts[-1].logits is None


def test_limits_come_from_samples() -> None:
    watched, model = Watched(SLIDE), Small()
    prompter = ns.Prompter(watched, model)
    low, high = prompter.limits
    assert low == 10
    assert 150 < high <= 255
    assert watched.read < 0.2 * SLIDE.size


def test_a_small_plane_is_encoded_once() -> None:
    model = FakeModel()
    pixels = SLIDE[:400, :500]
    prompter = ns.Prompter(pixels, model)
    for centre in CENTRES[:2]:
        prompt = ns.Prompt(points=[centre])
        whole = FakeModel()
        expected = whole.predict(whole.encode(pixels), prompt)
        np.testing.assert_array_equal(prompter.predict(prompt).masks, expected.masks)
    assert len(model.encoded) == 1
    assert model.encoded[0].shape == pixels.shape


def test_a_plane_of_a_stack_is_chosen() -> None:
    stack = np.stack([SLIDE[:300, :300], np.roll(SLIDE[:300, :300], 40, axis=1)])
    image = Image.of(stack)
    with pytest.raises(ImageError, match="several planes"):
        ns.Prompter(image, FakeModel())
    second = list(image.blocks())[1]
    prompter = ns.Prompter(image, FakeModel(), second.plane)
    prompt = ns.Prompt(points=[(100, 130)])
    np.testing.assert_array_equal(prompter.predict(prompt).masks, truth(prompt, stack[1]))


def test_where_the_model_sees_nothing_it_is_asked_once() -> None:
    class Blind(Small):
        def _object(self, embedding: ns.Embedding, prompt: ns.Prompt) -> np.ndarray:
            return np.zeros(embedding.shape, bool)

    model = Blind()
    found = ns.Prompter(Image(Watched(SLIDE), "YX"), model).predict(ns.Prompt(points=[CENTRES[40]]))
    assert found.masks.shape[1:] == SHAPE
    assert not found.masks[0].any()
    assert len(model.prompts) == 1


def test_a_click_beside_the_plane_is_refused() -> None:
    with pytest.raises(PromptError, match="outside"):
        ns.Prompter(SLIDE, FakeModel()).predict(ns.Prompt(points=[(-4, 4)]))


def test_places_alone_are_no_prompt() -> None:
    with pytest.raises(PromptError, match="must be a Prompt"):
        ns.Prompter(SLIDE, FakeModel()).predict([(4, 4)])  # type: ignore[arg-type]
