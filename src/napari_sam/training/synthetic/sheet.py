"""Contact sheet: every kind side by side with its outlines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from skimage.segmentation import find_boundaries

from napari_sam.training.synthetic.generator import (
    KINDS,
    VOLUME_KINDS,
    generate,
    generate_timelapse,
    generate_volume,
)

Picture = NDArray[np.uint8]
_GREYS = 40  # of the 256 colours of a sheet


def as_picture(image: NDArray[np.generic]) -> Picture:
    """Stretch any plane to 8-bit colour for looking at it."""
    plane = image.astype(np.float32)
    if plane.ndim == 2:
        low, high = np.percentile(plane, (0.3, 99.7))
        plane = np.repeat(((plane - low) / max(high - low, 1e-6))[..., None], 3, axis=2)
    else:
        plane = plane / 255
    return (np.clip(plane, 0, 1) * 255).astype(np.uint8)


def outlined(picture: Picture, labels: NDArray[np.integer]) -> Picture:
    """The picture with the rim of every object drawn in a colour of its own."""
    palette = np.random.default_rng(7).integers(90, 256, (int(labels.max()) + 1, 3))
    palette[:, 2] //= 2
    rim = find_boundaries(labels, mode="inner")
    drawn = picture.copy()
    drawn[rim] = palette[labels[rim]]
    return drawn


def _planes(kinds: Sequence[str], seed: int, size: int, each: int) -> Iterator[tuple[str, Picture]]:
    for kind in kinds:
        for number in range(seed, seed + each):
            sample = generate(kind, number, (size, size))
            picture = as_picture(sample.image)
            yield kind, np.concatenate([picture, outlined(picture, sample.labels)], axis=1)


def _stacks(seed: int, size: int) -> Iterator[tuple[str, Picture]]:
    for kind in VOLUME_KINDS:
        sample = generate_volume(kind, seed, (16, size, size))
        picture = as_picture(sample.image[8])
        yield kind, np.concatenate([picture, outlined(picture, sample.labels[8])], axis=1)
    movie = generate_timelapse(seed, (10, size, size))
    views = [outlined(as_picture(movie.image[t]), movie.labels[t]) for t in (0, 9)]
    yield "timelapse (first, last)", np.concatenate(views, axis=1)


def contact_sheet(
    kinds: Sequence[str] = KINDS, seed: int = 0, size: int = 128, columns: int = 5, each: int = 1
) -> Image.Image:
    """Draw samples of each kind, plain on the left and with outlines on the right.

    All kinds together are followed by the stacks and the time lapse.
    """
    tiles = list(_planes(kinds, seed, size, each))
    if set(kinds) == set(KINDS):
        tiles += _stacks(seed, size)
    rows = -(-len(tiles) // columns)
    sheet = Image.new("RGB", (columns * (2 * size + 4), rows * (size + 15)), "white")
    pen = ImageDraw.Draw(sheet)
    for number, (name, picture) in enumerate(tiles):
        left, top = number % columns * (2 * size + 4), number // columns * (size + 15)
        pen.text((left + 3, top + 1), name, fill="black")
        sheet.paste(Image.fromarray(picture), (left, top + 13))
    return sheet


def save_sheet(sheet: Image.Image, path: Path) -> None:
    """Write a PNG of 256 colours, most of them chosen for the parts that are not grey."""
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.asarray(sheet).reshape(-1, 3)
    vivid = pixels[np.ptp(pixels, axis=1) > 24]
    vivid = vivid[: vivid.shape[0] // 64 * 64].reshape(-1, 64, 3)
    ramp = np.repeat(np.linspace(0, 255, _GREYS).round().astype(int)[:, None], 3, axis=1)
    palette = ramp.ravel().tolist()
    if vivid.size:
        chosen = Image.fromarray(np.ascontiguousarray(vivid)).quantize(256 - _GREYS)
        palette += (chosen.getpalette() or [])[: 3 * (256 - _GREYS)]
    reference = Image.new("P", (1, 1))
    reference.putpalette(palette)
    few = sheet.quantize(palette=reference, dither=Image.Dither.NONE)
    few.save(path, optimize=True)
